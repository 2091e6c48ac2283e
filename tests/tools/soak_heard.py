"""What the far end of a soak heard: silences, the raw microphone, the delay while the own voice was on.

Tapes are those of `soak_caller.py`; times are seconds of CLOCK_MONOTONIC.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

Samples = NDArray[np.float32]

_GAP_S = 0.001
_MERGE_S = 0.005
_PIECE_S, _REACH_S = 0.1, 0.5
_LIKE = 0.98
"""A robot on the speaker's own note comes to 0.95; a copy is 1."""

_FAINT = 0.005
"""RMS below which a piece says nothing."""


@dataclass(frozen=True, order=True)
class Gap:
    """Exact silence."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.begin


class Tape:
    """One life of the audio server, as the far end heard it: `heard` (n,), NaN where it was not called."""

    def __init__(self, stem: Path, said: Samples) -> None:
        facts = json.loads(stem.with_suffix(".json").read_text())
        self.rate = int(facts["rate"])
        self.xruns = [float(at) for at in facts["xruns"]]
        self._anchors = np.array(facts["anchors"], float).reshape(-1, 2)
        self._file, self._said = stem.with_suffix(".f32"), said

    @cached_property
    def heard(self) -> Samples:
        """Mapped, not read."""
        if not self._file.stat().st_size:
            return np.zeros(0, np.float32)
        mapped: Samples = np.memmap(self._file, np.float32, "r")
        return mapped

    def time_at(self, sample: float) -> float:
        """When a sample was heard."""
        at, when = self._anchors[np.searchsorted(self._anchors[:, 0], sample, "right") - 1]
        return float(when + (sample - at) / self.rate)

    def sample_at(self, time_s: float) -> int:
        """Which sample was heard at a time, of those there are."""
        at, when = self._anchors[max(0, int(np.searchsorted(self._anchors[:, 1], time_s, "right")) - 1)]
        return int(min(max(0, at + (time_s - when) * self.rate), len(self.heard)))

    @property
    def span(self) -> tuple[float, float]:
        """First and last moment."""
        return self.time_at(0), self.time_at(len(self.heard))

    def said(self, first: int, count: int) -> Samples:
        """What the far end spoke: (count,)."""
        return np.take(self._said, np.arange(first, first + count), mode="wrap")

    def gaps(self) -> list[Gap]:
        """Every run of exact zeros of a millisecond or more."""
        edges = np.flatnonzero(np.diff(np.concatenate(([False], self.heard == 0.0, [False])).view(np.int8)))
        begins, ends = edges[::2], edges[1::2]
        long = ends - begins >= _GAP_S * self.rate
        pairs = zip(begins[long], ends[long], strict=True)
        return [Gap(self.time_at(int(a)), self.time_at(int(b))) for a, b in pairs]

    def raw_pieces(self) -> tuple[list[float], int]:
        """When a tenth of a second was the spoken signal itself, at any delay; how many were looked at."""
        piece, reach = round(_PIECE_S * self.rate), round(_REACH_S * self.rate)
        found, looked = [], 0
        for first in range(reach, len(self.heard) - piece, piece):
            y = np.asarray(self.heard[first : first + piece])
            if not np.isfinite(y).all() or float(np.sqrt(np.mean(y * y))) < _FAINT:
                continue
            looked += 1
            if _likeness(self.said(first - reach, reach + piece), y) > _LIKE:
                found.append(self.time_at(first))
        return found, looked

    def delay(self, begin: float, end: float) -> int | None:
        """Delay in samples of a bit-exact copy between two times; None where it is none, mostly."""
        first, last = self.sample_at(begin), self.sample_at(end)
        reach = round(_REACH_S * self.rate)
        y = np.asarray(self.heard[first:last])
        if len(y) < reach // 4 or not np.isfinite(y).all() or not y.any():
            return None
        x = self.said(first - reach, reach + len(y))
        lag = reach - int(np.argmax(np.abs(correlate(x, y, "valid", method="fft"))))
        exact = np.count_nonzero(self.said(first - lag, len(y)) == y)
        return lag if 2 * exact > len(y) else None


def _likeness(x: Samples, y: Samples) -> float:
    """Highest correlation coefficient of `y` with any stretch of `x`, without regard to sign."""
    products = np.abs(correlate(x, y, "valid", method="fft"))
    energy = np.concatenate(([0.0], np.cumsum(x.astype(float) ** 2)))
    energies = energy[len(y) :] - energy[: -len(y)]
    scale = np.sqrt(np.maximum(energies, 1e-9) * float(y @ y))
    return float((products / scale).max())


def all_gaps(tapes: list[Tape]) -> list[Gap]:
    """Of all lives, with the time between two of them; what touches is one gap."""
    spans = [tape.span for tape in tapes]
    found = [gap for tape in tapes for gap in tape.gaps()]
    found += [Gap(a[1], b[0]) for a, b in pairwise(spans) if b[0] > a[1]]
    merged: list[Gap] = []
    for gap in sorted(found):
        if merged and gap.begin - merged[-1].end < _MERGE_S:
            merged[-1] = Gap(merged[-1].begin, max(merged[-1].end, gap.end))
        else:
            merged.append(gap)
    return merged
