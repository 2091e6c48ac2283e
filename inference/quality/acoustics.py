"""Noise, reverberation, clipping and bandwidth of a recording."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.converter import MODEL_RATE

Samples = NDArray[np.float32]
Mask = NDArray[np.bool_]

_FULL_SCALE = 0.999
_QUIETEST_CEILING = 0.25
_SILENCE = 1e-10
_MOST_SNR_DB = 60.0
_LEAST_PAUSE_S = 0.25
_LEVEL_FRAME = round(0.02 * MODEL_RATE)

_BAND_FFT = 1024
_BAND_FLOOR_DB = -58.0

_DECAY_FFT = 512
_DECAY_HOP = 240
_DECAY_BANDS_HZ = (400.0, 750.0, 1200.0, 1900.0, 3000.0, 4200.0)
_DECAY_FRAMES = 8
_DECAY_LEAST_DB = 8.0
_DECAY_FEWEST = 12
_DECAY_PERCENTILE = 25.0


def clipped_share(x: Samples) -> float:
    """Share of samples that sit on the clip's own ceiling for three samples or more, if that is loud."""
    top = float(np.abs(x).max(initial=0))
    if top < _QUIETEST_CEILING:
        return 0.0
    flat = np.abs(x) >= _FULL_SCALE * top
    runs = flat[2:] & flat[1:-1] & flat[:-2]
    return float(runs.mean()) if runs.size else 0.0


def noise_db(x: Samples, speech: Mask) -> float:
    """Level of the pauses in dB of full scale: their median, or the faintest twentieth where few are left.

    `x`, `speech`: (n,) at MODEL_RATE.
    """
    power, spoken = _frame_powers(x, speech)
    pauses = power[~spoken]
    enough = len(pauses) * _LEVEL_FRAME > _LEAST_PAUSE_S * MODEL_RATE
    return float(10 * np.log10(np.median(pauses) if enough else np.percentile(power, 5)))


def snr_db(x: Samples, speech: Mask) -> float:
    """Level of the speech above that of the pauses, in dB, -10 to 60. `x`, `speech`: (n,) at MODEL_RATE."""
    power, spoken = _frame_powers(x, speech)
    noise = 10 ** (noise_db(x, speech) / 10)
    both = float(power[spoken].mean()) if spoken.any() else 0.0
    return float(np.clip(10 * np.log10(max(both - noise, 0.01 * noise) / noise), -10.0, _MOST_SNR_DB))


def _frame_powers(x: Samples, speech: Mask) -> tuple[NDArray[np.float64], Mask]:
    """Power of each 20 ms and whether it is speech: (frames,) each, one frame at least."""
    count = len(x) // _LEVEL_FRAME
    if count == 0:
        return np.full(1, _SILENCE), np.zeros(1, bool)
    frames = x[: count * _LEVEL_FRAME].reshape(count, -1)
    spoken = speech[: count * _LEVEL_FRAME].reshape(count, -1).mean(axis=1) > 0.5
    return np.square(frames, dtype=np.float64).mean(axis=1) + _SILENCE, spoken


def bandwidth_hz(x: Samples, rate: int) -> int:
    """Highest frequency at which the louder half of x has more than -58 dB of its peak band's power."""
    count = len(x) // _BAND_FFT
    if count == 0:
        return rate // 2
    frames = x[: count * _BAND_FFT].reshape(count, _BAND_FFT)
    energy = np.square(frames).sum(axis=1)
    loud = frames[energy >= np.median(energy)]
    power = np.square(np.abs(np.fft.rfft(loud * np.hanning(_BAND_FFT), axis=1))).mean(axis=0)
    smooth = np.convolve(power, np.ones(9) / 9, mode="same") + 1e-20
    above = np.flatnonzero(smooth > smooth.max() * 10 ** (_BAND_FLOOR_DB / 10))
    return int(above[-1] * rate / _BAND_FFT)


def decay_s(x: Samples) -> float:
    """How long sound takes to die away by 60 dB after words; 0 where there are too few pauses to tell.

    After Wen, Habets & Naylor, "Blind estimation of reverberation time based on the distribution of
    signal decay rates" (ICASSP 2008): in each of five bands the level is fitted by a line wherever it
    falls for 80 ms, and a room lets nothing fall faster than it rings, so the steep end of the distribution
    of slopes tells its decay. Speech alone gives 0.19 to 0.31; above 0.45 it only says that there is much
    reverberation. `x`: (n,) at MODEL_RATE.
    """
    levels = _band_levels(x)
    slopes = np.concatenate([_falling_slopes(band) for band in levels]) if levels.size else np.zeros(0)
    if slopes.size < _DECAY_FEWEST:
        return 0.0
    return -60.0 / float(np.percentile(slopes, _DECAY_PERCENTILE)) * _DECAY_HOP / MODEL_RATE


def _band_levels(x: Samples) -> NDArray[np.float64]:
    """Levels in dB: (bands, frames), one frame per 10 ms."""
    if len(x) < _DECAY_FFT:
        return np.zeros((0, 0))
    frames = np.lib.stride_tricks.sliding_window_view(x, _DECAY_FFT)[::_DECAY_HOP]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_DECAY_FFT).astype(np.float32), axis=1)))
    edges = (np.array(_DECAY_BANDS_HZ) * _DECAY_FFT / MODEL_RATE).astype(int)
    return 10 * np.log10(np.add.reduceat(power, edges, axis=1)[:, :-1].T + 1e-9)


def _falling_slopes(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slopes in dB per frame of the lines through each stretch that falls all the way: (k,), negative."""
    if len(level) < _DECAY_FRAMES + 1:
        return np.zeros(0)
    windows = np.lib.stride_tricks.sliding_window_view(level, _DECAY_FRAMES)
    at = np.arange(_DECAY_FRAMES) - (_DECAY_FRAMES - 1) / 2
    slope = windows @ at / (at @ at)
    centred = windows - windows.mean(axis=1, keepdims=True)
    misfit = np.square(centred - slope[:, None] * at).mean(axis=1)
    loud = windows[:, -1] > np.percentile(level, 10) + 6.0
    falls = (windows[:, 0] - windows[:, -1] > _DECAY_LEAST_DB) & (misfit < 4.0) & loud
    return slope[falls]
