"""Pitch-synchronous overlap-add of the prediction residual (LP-PSOLA), rendered sample by sample.

After Moulines and Charpentier, "Pitch-synchronous waveform processing techniques for text-to-speech
synthesis using diphones", 1990. Unlike there, a grain never needs samples of the future: it repeats
the latest period that has begun, so that look-ahead is spent on finding marks only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.converter import HOP
from inference.modelfree.marks import Mark, PeriodMarker
from inference.modelfree.plan import Plan

Array = NDArray[np.float64]

OVERSAMPLING = 4
_HALF_TAPS = 8
LOOK_AHEAD = _HALF_TAPS
"""Samples of residual that interpolation needs beyond the place it reads."""

_HISTORY = 2160
_MAX_GRAINS = 64
_EPSILON = 1e-6
_MIN_FADE = 24


def _interpolator() -> Array:
    """Windowed-sinc filters (taps, phases) between two samples; phase 0 is exactly the sample."""
    tap = np.arange(2 * _HALF_TAPS) - (_HALF_TAPS - 1)
    distance = tap[:, None] - np.arange(OVERSAMPLING)[None, :] / OVERSAMPLING
    window = 0.5 + 0.5 * np.cos(np.pi * np.clip(distance / _HALF_TAPS, -1, 1))
    filters = np.sinc(distance) * window
    return filters / filters.sum(axis=0)


@dataclass(slots=True)
class Grain:
    """One period of residual: read from `source` on, heard from `position` on, times `gain`."""

    position: float
    source: Mark
    fade: float
    gain: float


_ENDLESS = 1e9
"""Length of a period whose end is not marked yet; it will be before it is heard."""


class GrainPlayer:
    """Plays the residual with other periods than it has."""

    def __init__(self) -> None:
        self._filters = _interpolator()
        self._residual = np.zeros(_HISTORY)
        self._fine = np.zeros(_HISTORY * OVERSAMPLING)
        self._grains: list[Grain] = []
        self._time = np.arange(HOP, dtype=np.float64)

    def reset(self, first: Mark) -> None:
        """Forgets the past; `first` is the mark at time zero."""
        self._residual[:] = 0.0
        self._fine[:] = 0.0
        self._grains[:] = [Grain(first.position, first, 1.0, 1.0)]

    @property
    def oldest(self) -> Mark:
        """The earliest mark that is still being played."""
        return self._grains[0].source

    def render(self, residual: Array, start: int, marker: PeriodMarker, plan: Plan) -> Array:
        """Returns HOP samples of excitation from sample `start` on.

        `residual`: the HOP samples from `start` on and LOOK_AHEAD provisional ones after them.
        """
        self._append(residual)
        index = {id(mark): i for i, mark in enumerate(marker.marks)}
        self._schedule(start, marker, index, plan)
        return self._mix(start, marker.marks, index)

    def _append(self, residual: Array) -> None:
        self._residual[:-HOP] = self._residual[HOP:]
        self._residual[-HOP - LOOK_AHEAD :] = residual
        step = HOP * OVERSAMPLING
        self._fine[:-step] = self._fine[step:]
        # The last HOP samples that have LOOK_AHEAD samples after them.
        taps = np.lib.stride_tricks.sliding_window_view(
            self._residual[-HOP - 2 * _HALF_TAPS + 1 :], 2 * _HALF_TAPS
        )
        self._fine[-step:] = (taps @ self._filters).ravel()

    def _schedule(self, start: int, marker: PeriodMarker, index: dict[int, int], plan: Plan) -> None:
        """Adds the grains that begin to be heard in the HOP samples from `start` on."""
        marks = marker.marks
        while len(self._grains) < _MAX_GRAINS:
            last = self._grains[-1]
            i = index[id(last.source)]
            gain = 1.0
            if last.source.voiced:
                following = plan.next(marker.period(i))
                position = last.position + following.period
                i = _latest(marks, i, position)
                gain = following.gain
            elif i + 1 < len(marks):
                i += 1
                position = marks[i].position
            else:
                return
            if last.source.voiced and not marks[i].voiced:
                # Back to the speaker's own time: unvoiced sounds are passed on as they are.
                i = _first_after(marks, i, max(start + _MIN_FADE, last.position + 0.5 * following.period))
                position = marks[i].position
                gain = 1.0
            source = marks[i]
            position = max(position, float(start))
            if position - source.fade >= start + HOP:
                return
            plan.advance()
            self._grains.append(Grain(position, source, max(1.0, min(source.fade, position - start)), gain))

    def _mix(self, start: int, marks: list[Mark], index: dict[int, int]) -> Array:
        """Sum of the grains in the HOP samples from `start` on."""
        rows = []
        for grain in self._grains:
            i = index[id(grain.source)]
            length, fall = _ENDLESS, 1.0
            if i + 1 < len(marks):
                length, fall = marks[i + 1].position - marks[i].position, marks[i + 1].fade
            rows.append((grain.position, grain.source.position, grain.fade, length, fall, grain.gain))
        position, source, fade, length, fall, gain = np.array(rows).T[:, :, None]
        since = (self._time + start) - position
        window = _smooth((since + fade) / fade) * _smooth((length - since) / fall) * gain
        origin = start + HOP - self._fine.size // OVERSAMPLING
        place = (since + (source - origin)) * OVERSAMPLING
        np.clip(place, 0, self._fine.size - 2, out=place)
        whole = (place + 1e-4).astype(np.intp)
        fraction = place - whole
        below = self._fine[whole]
        output = (window * (below + fraction * (self._fine[whole + 1] - below))).sum(axis=0)
        unfinished = (position + length > start + HOP)[:, 0]
        unfinished[-1] = True
        del self._grains[: int(unfinished.argmax())]
        return output


def _latest(marks: list[Mark], i: int, position: float) -> int:
    """Index of the last mark at or before `position`, from `i` on."""
    while i + 1 < len(marks) and marks[i + 1].position <= position + _EPSILON:
        i += 1
    return i


def _first_after(marks: list[Mark], i: int, position: float) -> int:
    """Index of the first mark after `position`, from `i` on; the last one if there is none."""
    while i + 1 < len(marks) and marks[i].position < position:
        i += 1
    return i


def _smooth(x: Array) -> Array:
    """Smooth step from 0 to 1 that adds up to 1 with its mirror image."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)
