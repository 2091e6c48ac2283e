"""Recordings through converters that want to hear all of it: what a chain does around one, at once.

model rate -> noise suppression -> gate -> converter -> the file's rate -> equaliser -> loudness match ->
output gain -> limiter
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audio.denoise import Denoiser
from audio.eq import Equaliser
from audio.gate import Gate
from audio.levels import db_to_gain
from audio.limiter import Limiter
from audio.loudness import LoudnessMatch
from audio.resample import resample_offline
from inference.converter import HOP, MODEL_RATE
from inference.engine.messages import EngineParams
from voices.tuning import Tuning

Samples = NDArray[np.float32]


class WholeConverter(Protocol):
    """Says a whole recording in a voice."""

    def __call__(
        self, x: Samples, tuning: Tuning, on_progress: Callable[[float], None]
    ) -> tuple[Samples, int]:
        """x: (n,) at MODEL_RATE -> as long in time, at the rate returned. Share done to `on_progress`."""


def convert_whole(
    x: Samples,
    rate: int,
    converter: WholeConverter,
    params: EngineParams,
    on_progress: Callable[[float], None],
) -> Samples:
    """Returns `x`: (n,) float32 at `rate` Hz as `converter` says it, (n,) at the same rate.

    Tuning, gate, noise suppression and loudness match are those of `params`.
    """
    clean = np.clip(np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0), -1.0, 1.0)
    heard = _prepared(resample_offline(clean, rate, MODEL_RATE), params)
    spoken, own_rate = converter(heard, params.tuning, on_progress)
    return _finished(
        _fitted(resample_offline(spoken, own_rate, rate), len(x)),
        _fitted(resample_offline(heard, MODEL_RATE, rate), len(x)),
        rate,
        params,
    )


def _prepared(x: Samples, params: EngineParams) -> Samples:
    """The speech (n,) at MODEL_RATE as a converter gets it."""
    denoiser, gate = Denoiser(HOP), Gate(MODEL_RATE)
    y = np.zeros(-(-(len(x) + 2 * HOP) // HOP) * HOP, np.float32)
    y[: len(x)] = x
    for hop in y.reshape(-1, HOP):
        denoiser.process(hop, params.noise_suppression)
        hop[:] = gate.process(hop, params.gate_db)
    return y[denoiser.latency_samples :][: len(x)]


def _finished(voice: Samples, own: Samples, rate: int, params: EngineParams) -> Samples:
    """The voice (n,) at `rate` as it goes out; `own` (n,) is the speech it was made from."""
    equaliser, match, limiter = Equaliser(rate), LoudnessMatch(rate), Limiter(rate)
    gain, tuning = db_to_gain(params.tuning.output_gain_db), params.tuning
    done = []
    for block, reference in _blocks(voice, own, max(1, rate // 100), limiter.latency_samples):
        equaliser.process(block, tuning.low_db, tuning.brightness_db)
        match.process(block, reference, 0, params.loudness_match)
        block *= gain
        done.append(np.clip(limiter.process(block), -1.0, 1.0))
    return np.concatenate(done)[limiter.latency_samples :][: len(voice)]


def _blocks(voice: Samples, own: Samples, size: int, more: int) -> Iterator[tuple[Samples, Samples]]:
    """Both in blocks of `size`, with silence after them for at least `more` samples."""
    count = -(-(len(voice) + more) // size)
    padded = np.zeros((2, count * size), np.float32)
    padded[0, : len(voice)], padded[1, : len(own)] = voice, own
    yield from zip(padded[0].reshape(-1, size), padded[1].reshape(-1, size), strict=True)


def _fitted(x: Samples, count: int) -> Samples:
    """x cut, or filled with silence, to `count` samples."""
    return np.pad(x[:count], (0, max(0, count - len(x)))).astype(np.float32)
