"""Lays a far end's recording beside what was sent: where it begins, how late each part of it came, and which
pieces of it are missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

PIECE_S = 0.01
"""Length of a piece that counts as lost or not."""

_WINDOW_S = 0.5
_MOMENT_S, _REACH_S = 0.25, 0.5
"""Lengths of sound whose delay is looked for by itself, and how far off the usual delay."""

_SURE, _FAINT = 0.6, 0.1
"""Correlation from which on such a moment is found, and how loud it must be, of the loudest."""

_REACH = 3
"""Pieces around one that must carry sound before it can be missed: clocks and cuts shift by some."""

_SOUND = 0.01
_SILENT = 0.02
_LAGS_S = (0.001, 0.06)
"""Lengths of a block that a stuck buffer plays twice."""

_SAME, _DIFFERENT = 0.01, 0.1
"""Relative error of a piece against an earlier one: of the same block, and of speech that goes on."""


def arrival(sent: Samples, far: Samples, rate: int) -> tuple[int, float]:
    """Returns where in `far` (m,) `sent` (n,) begins, and how well they agree, 0 to 1; both at `rate` Hz.

    The delay may wander, as that of two clocks does: each half second is looked for by itself, and the
    medians are told. Negative where the beginning is missing; (0, 0.0) where there is nothing to compare.
    """
    size = round(_WINDOW_S * rate)
    starts = range(0, len(sent) - size + 1, size)
    sounding = [i for i in starts if _rms(sent[i : i + size]) > _SOUND]
    if not sounding or len(far) < size:
        return 0, 0.0
    length = 1 << (len(far) + size).bit_length()
    spectrum = np.fft.rfft(far, length)
    own = _norms(far, size)
    found = np.array([(*_find(spectrum, sent[i : i + size], own, length), i) for i in sounding])
    best = found[found[:, 1] >= np.median(found[:, 1])]
    return round(float(np.median(best[:, 0] - best[:, 2]))), float(np.median(found[:, 1]))


def _find(
    spectrum: NDArray[np.complexfloating], window: Samples, own: NDArray[np.float64], length: int
) -> tuple[int, float]:
    """Returns where the window is found in the signal of this spectrum, and the correlation there."""
    correlation = np.fft.irfft(spectrum * np.conj(np.fft.rfft(window, length)), length)[: len(own)]
    share = np.abs(correlation) / (own * float(np.linalg.norm(window)))
    at = int(np.argmax(np.abs(correlation)))
    return at, min(float(share[at]), 1.0)


def delays(sent: Samples, received: Samples, rate: int) -> NDArray[np.int64]:
    """Returns how much later than in `sent` each `_MOMENT_S` of `received` comes, in samples: (k,).

    Both (n,) at `rate` Hz, laid beside each other by their usual delay. A sound system that was late goes on
    later than before, and a listener hears a hole there, not a shift of all that follows. What is silent or
    not found comes as late as what was found last.
    """
    size, reach = round(_MOMENT_S * rate), round(_REACH_S * rate)
    starts = range(0, len(received), size)
    sounds = _FAINT * max((_rms(received[i : i + size]) for i in starts), default=0.0)
    found = [_delay(sent, received, start, size, reach, sounds) for start in starts]
    late = next((x for x in found if x is not None), 0)
    out = np.zeros(len(found), np.int64)
    for i, delay in enumerate(found):
        out[i] = late = late if delay is None else delay
    return out


def _delay(sent: Samples, received: Samples, start: int, size: int, reach: int, sounds: float) -> int | None:
    """How much later the moment at `start` came than it was sent; None where that cannot be told."""
    moment = received[start : start + size]
    first = max(0, start - reach)
    area = sent[first : start + size + reach]
    if len(moment) < size or len(area) < size or _rms(moment) <= sounds:
        return None
    length = 1 << (len(area) + size).bit_length()
    at, share = _find(np.fft.rfft(area, length), moment, _norms(area, size), length)
    return start - first - at if share >= _SURE else None


def _norms(x: Samples, size: int) -> NDArray[np.float64]:
    """Norm of each `size` samples of x (n,) in a row: (n - size + 1,)."""
    energy = np.concatenate(([0.0], np.cumsum(np.square(x, dtype=np.float64))))
    return np.sqrt(np.maximum(energy[size:] - energy[:-size], 1e-9))


def _rms(x: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


def as_late(x: Samples, late: NDArray[np.int64], rate: int) -> Samples:
    """Returns x (n,), which is as it was sent, moved by these `delays`: (n,), as it came."""
    size = round(_MOMENT_S * rate)
    moments = [cut(x, i * size - int(delay), size) for i, delay in enumerate(late)]
    return np.concatenate(moments)[: len(x)] if moments else x


def cut(x: Samples, start: int, count: int) -> Samples:
    """Returns `count` samples of x (n,) from `start` on, silence where there are none."""
    out = np.zeros(count, np.float32)
    first, last = max(start, 0), min(start + count, len(x))
    if last > first:
        out[first - start : last - start] = x[first:last]
    return out


def lost_pieces(sent: Samples, received: Samples, rate: int) -> NDArray[np.bool_]:
    """Marks the pieces of `PIECE_S` in which `received` is silent or repeats itself while `sent` sounds.

    Both (n,) at `rate` Hz, aligned to within 30 ms. Whole pieces only.
    """
    size = round(PIECE_S * rate)
    count = min(len(sent), len(received)) // size
    if count < 2 * _REACH + 1:
        return np.zeros(count, bool)
    a, b = (_levels(x[: count * size], size) for x in (sent, received))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(a, _REACH, mode="edge"), 2 * _REACH + 1)
    least = around.min(axis=1)
    sounds = least > _SOUND
    if not sounds.any():
        return np.zeros(count, bool)
    gain = float(np.median(b[sounds] / a[sounds])) or 1.0
    lost = sounds & (b < _SILENT * gain * least)
    for piece in np.flatnonzero(sounds & ~lost):
        lost[piece] = _repeats(sent, received, int(piece) * size, size, rate)
    return lost


def _levels(x: Samples, size: int) -> NDArray[np.float64]:
    """RMS of each piece."""
    return np.sqrt(np.square(x.reshape(-1, size), dtype=np.float64).mean(axis=1))


def _repeats(sent: Samples, received: Samples, start: int, size: int, rate: int) -> bool:
    """Whether the piece at `start` is what was received just before, and was not sent so."""
    shortest, longest = (round(s * rate) for s in _LAGS_S)
    if start < longest:
        return False
    found = _errors(received, start, size, longest)[shortest:]
    lag = shortest + int(np.argmin(found))
    if found[lag - shortest] > _SAME:
        return False
    return bool(_errors(sent, start, size, longest)[shortest:].min() > _DIFFERENT)


def _errors(x: Samples, start: int, size: int, longest: int) -> NDArray[np.float64]:
    """Relative RMS error of x[start : start + size] against itself `lag` earlier: (longest + 1,) by lag."""
    span = x[start - longest : start + size].astype(np.float64)
    piece = span[-size:]
    products = np.correlate(span, piece, "valid")[::-1]
    energy = np.concatenate(([0.0], np.cumsum(span * span)))
    earlier = (energy[size:] - energy[:-size])[::-1]
    own = float(piece @ piece)
    return np.sqrt(np.maximum(own + earlier - 2 * products, 0.0) / max(own, 1e-12))
