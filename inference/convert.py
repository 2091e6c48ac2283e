"""Files through the streaming path: what a file test measures is what a call hears."""

from __future__ import annotations

from collections.abc import Callable
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
from inference.registry import make_converter
from voices.tuning import Tuning
from voices.voice import Voice

_TELL_BLOCKS = 25
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
) -> NDArray[np.float32]:
    """Returns `x`: (n,) float32 at `rate` Hz in the voice, (n,) at the same rate, latency removed.

    The path of a call, by default without its gates, so that nothing quiet is lost. `tuning` is the
    voice's own unless given. `on_progress` gets the share done, 0 to 1, four times a second of sound;
    what it raises ends the conversion. `make` finds the converter. Raises ValueError for a rate outside
    8 to 192 kHz.
    """
    chain = Chain(rate, rate, make(voice))
    params = EngineParams(
        tuning=tuning or voice.tuning,
        gate_db=gate_db,
        noise_suppression=noise_suppression,
        loudness_match=loudness_match,
    )
    pieces: list[NDArray[np.float32]] = []
    block = np.zeros(chain.block, np.float32)
    given, latency = 0, 0
    while not pieces or given < latency + len(x):
        taken = x[len(pieces) * chain.block :][: chain.block]
        block[: len(taken)], block[len(taken) :] = taken, 0.0
        pieces.append(chain.process(block, params).copy())
        given += len(pieces[-1])
        if len(pieces) % _TELL_BLOCKS == 0:
            on_progress(min(1.0, given / max(1, latency + len(x))))
        latency = round(chain.latency_s * rate)
    return np.concatenate(pieces)[latency : latency + len(x)]


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
