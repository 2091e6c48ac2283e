"""Files through the streaming path of a call, which knows a file's speaker and beginning beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio.files import check_writable, read_audio, write_audio
from audio.gate import OFF_DB
from audio.resample import resample_offline
from inference.chain import Chain
from inference.converter import MODEL_RATE, Converter
from inference.engine.messages import EngineParams
from inference.f0 import median_hz
from inference.median import KNOWN
from inference.registry import make_converter, make_whole_converter
from inference.whole import convert_whole
from voices.tuning import Tuning
from voices.voice import Voice

_TELL_BLOCKS = 25
_LEAD_S, _LEAD_FADE_S = 3.0, 0.02
"""How much of its own beginning a recording is preceded by: networks that have just heard speech mistake less
of what begins in the midst of it."""

_RATES = (8_000, 192_000)
"""Rates the stream resamplers take; others are brought to 48 kHz first."""


Progress = Callable[[float], None]


def _ignore(share: float) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Conversion:
    """What was done: seconds of audio, and samples that had to be cleaned (NaN, infinity)."""

    seconds: float
    rate: int
    cleaned: int


def convert_array(
    x: NDArray[np.float32],
    rate: int,
    voice: Voice,
    tuning: Tuning | None = None,
    *,
    noise_suppression: float = 0.0,
    loudness_match: bool = True,
    gate_db: float = OFF_DB,
    on_progress: Progress = _ignore,
    make: Callable[[Voice], Converter] = make_converter,
    prepared: bool = True,
) -> NDArray[np.float32]:
    """Returns `x`: (n,) float32 at `rate` Hz in the voice, (n,) at the same rate, latency removed.

    The path of a call in which somebody speaks already: the speaker's median F0 is known, the networks have
    heard the beginning. By default without gates, so that nothing quiet is lost; voices that gain from it
    hear whole phrases at once. `tuning` is the voice's own unless given. `on_progress` gets the share done,
    0 to 1, four times a second of sound; what it raises ends the conversion. `make` finds the converter.
    Without `prepared` it is a call that begins: nothing is known of the speaker, nothing was heard before.
    Raises ValueError for a rate outside 8 to 192 kHz.
    """
    params = EngineParams(
        tuning=tuning or voice.tuning,
        gate_db=gate_db,
        noise_suppression=noise_suppression,
        loudness_match=loudness_match,
    )
    whole = make_whole_converter(voice)
    if whole is not None:
        return convert_whole(x, rate, whole, params, on_progress)
    chain = Chain(rate, rate, make(voice))
    if prepared:
        chain.begin(median_hz(x, rate), KNOWN)
    lead = _lead(x if prepared else x[:0], rate, chain.block)
    pieces: list[NDArray[np.float32]] = []
    given, start, end = 0, len(lead), len(lead) + len(x)
    for block in _blocks(lead, x, chain.block):
        pieces.append(chain.process(block, params).copy())
        given += len(pieces[-1])
        if len(pieces) % _TELL_BLOCKS == 0:
            on_progress(min(1.0, given / end))
        latency = round(chain.latency_s * rate)
        if given >= latency + end:
            break
    return np.concatenate(pieces)[latency + start : latency + end]


def _lead(x: NDArray[np.float32], rate: int, block: int) -> NDArray[np.float32]:
    """The beginning of x (n,) at `rate` Hz in whole blocks, faded out: heard before x, and not kept."""
    lead = x[: round(_LEAD_S * rate) // block * block].copy()
    fade = min(round(_LEAD_FADE_S * rate), len(lead))
    lead[len(lead) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return np.pad(lead, (0, -len(lead) % block))


def _blocks(lead: NDArray[np.float32], x: NDArray[np.float32], size: int) -> Iterator[NDArray[np.float32]]:
    """Both one after the other in blocks of `size`, then silence without end."""
    for part in (lead, x):
        for at in range(0, len(part), size):
            block = part[at : at + size]
            yield np.pad(block, (0, size - len(block)))
    while True:
        yield np.zeros(size, np.float32)


def convert_file(
    source: str | Path,
    target: str | Path,
    voice: Voice,
    tuning: Tuning | None = None,
    *,
    noise_suppression: float = 0.0,
    loudness_match: bool = True,
    on_progress: Progress = _ignore,
) -> Conversion:
    """Converts an audio file to another, keeping rate, length and whether it is mono or stereo.

    `on_progress` as in `convert_array`; nothing is written when it raises.
    Raises AudioFileError with a sentence when a file cannot be read or written.
    """
    check_writable(target)
    clip = read_audio(source)
    mono, rate = clip.mono, clip.rate
    inside = rate if _RATES[0] <= rate <= _RATES[1] else 2 * MODEL_RATE
    y = convert_array(
        resample_offline(mono, rate, inside),
        inside,
        voice,
        tuning,
        noise_suppression=noise_suppression,
        loudness_match=loudness_match,
        on_progress=on_progress,
    )
    y = resample_offline(y, inside, rate)[: len(mono)]
    y = np.pad(y, (0, len(mono) - len(y)))
    if clip.samples.shape[1] == 2:
        y = np.repeat(y[:, None], 2, axis=1)
    write_audio(target, y, rate)
    return Conversion(len(mono) / rate, rate, clip.cleaned)
