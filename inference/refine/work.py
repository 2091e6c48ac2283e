"""Does a job: listens, tunes, judges, and keeps the new voice. Imports torch; runs in the job's process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from inference.neural.models import load_networks
from inference.refine.events import Outcome, Progress, StoppedError
from inference.refine.job import Job, RefineError, check_voice
from inference.refine.judgement import SPEAKERS, Judgement, judge
from inference.refine.networks import load_frozen
from inference.refine.tuner import Settings, Tuner
from voices.archive import VoiceArchive
from voices.library import Library
from voices.refinement import Refinement
from voices.voice import Voice

_LISTENED, _TUNED = 0.1, 0.9
"""Shares of the job that are done after listening and after tuning."""

_CONVERSION_S = 6.0
"""Seconds that judging takes per conversion, for the estimate: 6 s of sound at real time, beside a call."""


Tell = Callable[[Progress], None]


def choose_device(wanted: str) -> str:
    """The torch device of this name, the fastest there is for 'auto'. Raises RefineError."""
    there = {"cpu": True, "mps": torch.backends.mps.is_available(), "cuda": torch.cuda.is_available()}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there.get(wanted, False):
        raise RefineError(f"There is no device '{wanted}' that torch can use here; choose auto or cpu.")
    return wanted


def run(
    job: Job,
    library: Library,
    tell: Tell,
    stopped: Callable[[], bool],
    device: str = "auto",
    settings: Settings | None = None,
    models: Path | None = None,
) -> Outcome:
    """Does the job from where it stands and clears it away; the new voice is in the library then.

    `models`: networks to tune through, the shipped ones by default. Raises StoppedError when `stopped`
    says so, and RefineError, MaterialError, ModelError, LibraryError: then the job stays.
    """
    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
    torch.set_flush_denormal(True)
    with job.lock():
        begun = time.monotonic()
        archive = library.archive(job.about.voice_id)
        check_voice(archive.voice)
        work = _Work(job, archive.voice, tell, stopped, choose_device(device), settings or Settings(), models)
        refinement, judgement = work.tuned()
        reason = judgement.refusal
        voice = None if reason else _keep(library, archive, job, refinement)
        job.discard()
    return Outcome(voice, judgement, reason, time.monotonic() - begun)


class _Work:
    """One run of a job."""

    def __init__(
        self,
        job: Job,
        voice: Voice,
        tell: Tell,
        stopped: Callable[[], bool],
        device: str,
        settings: Settings,
        models: Path | None,
    ) -> None:
        self._job, self._voice, self._tell, self._stopped = job, voice, tell, stopped
        self._material, self._settings = job.material(), settings
        self._frozen = load_frozen(models, device)
        self._runtime = load_networks(models)
        self._tuner = Tuner(self._frozen, voice.embedding, settings)

    def tuned(self) -> tuple[Refinement, Judgement]:
        """Listens, tunes and judges."""
        self._listen()
        self._tuner.restore(self._job.state(), self._frozen.base)
        self._tune()
        change = Refinement.pack(self._tuner.change.tolist())
        refinement = Refinement(self._frozen.base, change, self._job.about.speech_s)
        held = [phrase.said for phrase in self._material.of(held=True)]
        distance = self._tuner.first, self._tuner.best
        judgement = judge(self._voice, refinement, held, distance, self._runtime, self._follow)
        before, after = (round(value, 3) for value in judgement.likeness)
        return replace(refinement, likeness_before=before, likeness_after=after), judgement

    def _listen(self) -> None:
        begun = time.monotonic()
        for share in self._tuner.listen(self._material):
            whole = (time.monotonic() - begun) / share
            # Tuning was measured to take about four times as long as listening (docs/refine.md).
            self._say("Listening", _LISTENED * share, 5 * whole - whole * share)

    def _tune(self) -> None:
        tuner, settings = self._tuner, self._settings
        begun, first = time.monotonic(), tuner.at
        while not tuner.done:
            tuner.step()
            share = _LISTENED + (_TUNED - _LISTENED) * tuner.at / settings.steps
            each = (time.monotonic() - begun) / (tuner.at - first)
            left = each * (settings.steps - tuner.at) + _CONVERSION_S * 2 * len(SPEAKERS)
            if tuner.at % settings.every == 0:
                self._job.keep(tuner.save(self._frozen.base), share)
            self._say("Tuning", share, left)

    def _follow(self, share: float) -> None:
        left = _CONVERSION_S * 2 * len(SPEAKERS) * (1 - share)
        self._say("Comparing", _TUNED + (1 - _TUNED) * share, left)

    def _say(self, stage: str, share: float, left_s: float) -> None:
        self._tell(Progress(stage, share, left_s))
        if self._stopped():
            raise StoppedError


def _keep(library: Library, archive: VoiceArchive, job: Job, refinement: Refinement) -> Voice:
    """Adds the refined voice beside the old one; one that a crash left added is not added twice."""
    for voice in library.voices():
        if voice.refinement is not None and voice.refinement.change == refinement.change:
            return voice
    name = library.free_name(job.about.name)
    return library.add(replace(archive, voice=replace(archive.voice, name=name, refinement=refinement)))
