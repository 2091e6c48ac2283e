"""Sample-rate conversion: short-delay streams for the live path, whole signals for files.

Every stream resampler is a linear-phase FIR whose outputs leave as soon as the input they belong to
has come in: a block gives as many samples as fall into its span of time, never a held-back batch.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Samples = NDArray[np.float32]

ADJUST_LIMIT = 0.01
"""Largest departure from the nominal ratio."""

_HALF_BAND_TAPS = 63
_HALF_BAND_BETA = 5.8
"""Kaiser window: at 48 kHz flat within 0.05 dB to 10.5 kHz, -60 dB from 13.6 kHz (bench_audio.py)."""

_ZERO_CROSSINGS = 16
_SINC_BETA = 5.8
_PHASES = 512
"""Sub-sample positions tabulated; linear interpolation between them errs by less than -105 dB."""

_GLIDE_S = 0.05
"""Time constant with which the ratio follows `ratio_adjust`."""


class Resampler(Protocol):
    """A stream resampler; one thread uses it.

    >>> down = make_resampler(48_000, 24_000, max_block=480)
    >>> y = down.process(x)             # (480,) float32 -> (240,)
    """

    rate_in: int
    rate_out: int
    ratio_adjust: float

    @property
    def delay_s(self) -> float:
        """Delay in seconds: output sample j is the input at time j / rate_out - delay_s."""

    @property
    def delay_samples_in(self) -> float:
        """The same delay in input samples."""

    def process(self, x: Samples) -> Samples:
        """Returns the outputs that belong to `x`: (n,) float32, n at most `max_block`.

        The array belongs to the resampler and is valid until the next call.
        """

    def reset(self) -> None:
        """Forgets the past: the same input gives the same bits again."""


def make_resampler(rate_in: int, rate_out: int, max_block: int, variable: bool = False) -> Resampler:
    """Returns the cheapest resampler for these rates in Hz; `variable` makes its ratio adjustable.

    `ratio_adjust` is heeded with `variable` only. Raises ValueError for rates outside 8 to 192 kHz.
    """
    for rate in (rate_in, rate_out):
        if not 8_000 <= rate <= 192_000:
            raise ValueError(f"cannot resample {rate} Hz: rates from 8000 to 192000 Hz are supported")
    if variable:
        return SincResampler(rate_in, rate_out, max_block)
    if rate_in == rate_out:
        return Identity(rate_in, max_block)
    if rate_in == 2 * rate_out:
        return HalfBandDown(rate_in, max_block)
    if rate_out == 2 * rate_in:
        return HalfBandUp(rate_in, max_block)
    return SincResampler(rate_in, rate_out, max_block)


def resample_offline(x: Samples, rate_in: int, rate_out: int) -> Samples:
    """Returns `x`: (frames,) or (frames, channels) at `rate_out`, no delay, soxr's best quality."""
    import soxr

    if rate_in == rate_out:
        return x
    return np.asarray(soxr.resample(x, rate_in, rate_out, quality="VHQ"), dtype=np.float32)


class _FixedRatio:
    """What the fixed resamplers share: a buffer of the past followed by the new block."""

    def __init__(self, rate_in: int, rate_out: int, max_block: int, past: int, delay_in: float) -> None:
        self.rate_in = rate_in
        self.rate_out = rate_out
        self.ratio_adjust = 0.0
        self._max_block = max_block
        self._past = past
        self._delay_in = delay_in
        self._buffer = np.zeros(past + max_block, np.float32)

    @property
    def delay_s(self) -> float:
        """Delay in seconds."""
        return self._delay_in / self.rate_in

    @property
    def delay_samples_in(self) -> float:
        """Delay in input samples."""
        return self._delay_in

    def reset(self) -> None:
        """Forgets the past."""
        self._buffer[:] = 0.0

    def _load(self, x: Samples) -> int:
        """Puts `x` behind the past and returns its length."""
        count = len(x)
        if count > self._max_block:
            raise ValueError(f"a block of {count} samples; this resampler takes at most {self._max_block}")
        self._buffer[self._past : self._past + count] = x
        return count

    def _keep(self, count: int) -> None:
        """Moves the newest samples to the front, to be the past of the next block."""
        self._buffer[: self._past] = self._buffer[count : count + self._past]


class Identity(_FixedRatio):
    """Equal rates: hands back what it gets, bit-exact and without delay."""

    def __init__(self, rate: int, max_block: int) -> None:
        super().__init__(rate, rate, max_block, past=0, delay_in=0.0)

    def process(self, x: Samples) -> Samples:
        """Returns a copy of `x`: (n,)."""
        return self._buffer[: self._load(x)]


@lru_cache(maxsize=1)
def _half_band() -> Samples:
    """Returns the taps of a half-band low-pass that are not zero, its centre (0.5) left out: (32,)."""
    offset = np.arange(_HALF_BAND_TAPS) - _HALF_BAND_TAPS // 2
    taps = 0.5 * np.sinc(offset / 2.0) * np.kaiser(_HALF_BAND_TAPS, _HALF_BAND_BETA)
    odd = taps[::2]
    return (odd * (0.5 / odd.sum())).astype(np.float32)


class HalfBandDown(_FixedRatio):
    """Exactly 2:1. An output leaves with the second input of its pair; 30 input samples late."""

    def __init__(self, rate_in: int, max_block: int) -> None:
        self._taps = _half_band()
        past = _HALF_BAND_TAPS
        super().__init__(rate_in, rate_in // 2, max_block, past, delay_in=_HALF_BAND_TAPS // 2 - 1)
        self._output = np.zeros(max_block // 2 + 1, np.float32)
        self._odd_start = 0

    def reset(self) -> None:
        """Forgets the past."""
        super().reset()
        self._odd_start = 0

    def process(self, x: Samples) -> Samples:
        """Returns one output for each pair completed by `x`: (n,) -> (n // 2,), or one more if n is odd."""
        count = self._load(x)
        pairs = (self._odd_start + count) // 2
        y = self._output[:pairs]
        if pairs:
            # Position in the buffer of the sample that completes the first pair, and that many taps back.
            last = self._past + 1 - self._odd_start
            first = last - (_HALF_BAND_TAPS - 1)
            centre = last - _HALF_BAND_TAPS // 2
            side = self._buffer[first : last + 2 * pairs - 1 : 2]
            np.multiply(self._buffer[centre : centre + 2 * pairs - 1 : 2], np.float32(0.5), out=y)
            y += np.correlate(side, self._taps, "valid")
        self._odd_start = (self._odd_start + count) & 1
        self._keep(count)
        return y


class HalfBandUp(_FixedRatio):
    """Exactly 1:2, 15.5 input samples late."""

    def __init__(self, rate_in: int, max_block: int) -> None:
        self._taps = 2.0 * _half_band()
        past = len(self._taps) - 1
        super().__init__(rate_in, 2 * rate_in, max_block, past, delay_in=_HALF_BAND_TAPS // 2 / 2)
        self._output = np.zeros(2 * max_block, np.float32)

    def process(self, x: Samples) -> Samples:
        """Returns two outputs for each sample of `x`: (n,) -> (2 n,)."""
        count = self._load(x)
        y = self._output[: 2 * count]
        if count:
            y[0::2] = np.correlate(self._buffer[: self._past + count], self._taps, "valid")
            centre = self._past - len(self._taps) // 2 + 1
            y[1::2] = self._buffer[centre : centre + count]
        self._keep(count)
        return y


class SincResampler(_FixedRatio):
    """Any ratio, adjustable while running: a Kaiser-windowed sinc, tabulated and interpolated.

    `ratio_adjust` (within +-`ADJUST_LIMIT`) makes that share more output samples: 0.001 gives 1001
    where there were 1000. The ratio glides there in 50 ms, linearly within a block. Cf. J. O. Smith,
    Digital Audio Resampling.
    """

    def __init__(self, rate_in: int, rate_out: int, max_block: int) -> None:
        self._step = rate_in / rate_out
        self._bank, self._slope = _sinc_bank(self._step)
        self._reach = self._bank.shape[1] // 2
        past = 2 * self._reach
        super().__init__(rate_in, rate_out, max_block, past, delay_in=self._reach)
        stride = self._buffer.itemsize
        self._windows = as_strided(self._buffer, (max_block + 1, past), (stride, stride))
        most = math.ceil((max_block + 2) / self._step * (1 + 2 * ADJUST_LIMIT)) + 2
        self._index = np.arange(most, dtype=np.float64)
        self._half_square = 0.5 * self._index**2
        self._output = np.zeros(most, np.float32)
        self.reset()

    def reset(self) -> None:
        """Forgets the past; the ratio starts at `ratio_adjust` without a glide."""
        super().reset()
        self._position = 0.0
        self._current_step = self._target_step()

    def process(self, x: Samples) -> Samples:
        """Returns the outputs whose time falls into `x`: (n,) -> about (n rate_out / rate_in,)."""
        count = self._load(x)
        if count == 0:
            return self._output[:0]
        times = self._output_times(count)
        y = self._interpolate(times)
        self._keep(count)
        return y

    def _target_step(self) -> float:
        return self._step / (1.0 + min(ADJUST_LIMIT, max(-ADJUST_LIMIT, self.ratio_adjust)))

    def _output_times(self, count: int) -> NDArray[np.float64]:
        """Returns the times of this block's outputs, in input samples from its start, and moves on."""
        step = self._current_step
        change = (self._target_step() - step) * -math.expm1(-count / (self.rate_in * _GLIDE_S))
        bend = change * step / count
        # A hair early: an output that falls on the block's very end belongs to the next block.
        end = count - 1e-6
        if bend == 0.0:
            outputs = max(0, math.ceil((end - self._position) / step))
            times = self._position + step * self._index[:outputs]
        else:
            track = self._position + step * self._index + bend * self._half_square
            outputs = int(np.searchsorted(track, end))
            times = track[:outputs]
        self._position += step * outputs + bend * 0.5 * outputs**2 - count
        self._current_step = step + change
        return times

    def _interpolate(self, times: NDArray[np.float64]) -> Samples:
        """Returns the delayed input at `times`: (m,) input samples from the block's start."""
        place = times + (self._past - self._delay_in)
        base = np.floor(place)
        phase = (place - base) * _PHASES
        row = phase.astype(np.intp)
        between = (phase - row).astype(np.float32)
        near = self._windows[base.astype(np.intp) - (self._reach - 1)]
        weights = self._slope[row]
        weights *= between[:, None]
        weights += self._bank[row]
        y = self._output[: len(times)]
        np.einsum("ij,ij->i", near, weights, out=y)
        return y


@lru_cache(maxsize=8)
def _sinc_bank(step: float) -> tuple[Samples, Samples]:
    """Returns the low-pass at every phase and its change to the next: two arrays (phases + 1, taps)."""
    stretch = max(1.0, step)
    reach = math.ceil(_ZERO_CROSSINGS * stretch)
    phase = np.arange(_PHASES + 2)[:, None] / _PHASES
    offset = np.arange(1 - reach, reach + 1)[None, :] - phase
    # A Kaiser window without its pedestal: a tap that enters or leaves does so at zero.
    window = np.i0(_SINC_BETA * np.sqrt(np.maximum(0.0, 1.0 - (offset / reach) ** 2))) - 1.0
    taps = np.sinc(offset / stretch) * window
    taps /= taps.sum(axis=1, keepdims=True)
    return taps[:-1].astype(np.float32), np.diff(taps, axis=0).astype(np.float32)
