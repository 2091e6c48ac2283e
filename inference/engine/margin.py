"""How much delay is kept for safety: planned by what hops needed lately, before one comes too late.

What a hop needed is the least margin with which it would have been in time. The worst of each quarter of a
second is remembered, and a plan leaves out the single worst quarter: one accident of the machine is not a
load, two are. Figures behind each number: docs/decisions/self-tuning.md.
"""

from __future__ import annotations

import math

import numpy as np

_BUCKET_S = 0.25
_BUCKETS = 640
_RECENT = 8
"""The margin grows by the buckets of the last 2 s."""

_NEAR_S, _SPARE_S = 0.0005, 0.0015
"""A hop that had less than 0.5 ms to spare counts as nearly late; a new margin leaves 1.5 ms."""

_GROWTH, _MOST_GROWTH = 0.5, 1.0
"""What an underrun adds at once, in hops: what the late hop needed, within these."""

_LIMIT = 8.0
"""Largest margin, in hops: beyond it the machine is too slow, and more delay would not help."""

_MOST_AT_ONCE = 2.0
"""Most that the margin shrinks by at a time, in hops."""

_CALM_S, _LONGEST_CALM_S = 10.0, 160.0
_RELAPSE_S = 60.0
"""The margin shrinks after 10 s of calm; each growth within a minute after that doubles the wait."""

_LEAST_STEP_S = 0.001


class Margin:
    """Safety that the output ring keeps beyond the minimum; grows at once, shrinks after a calm.

    It moves in steps of `step_s`: where blocks and hops are aligned, less than what they have in common
    would wait in the ring and never save a callback. Times in seconds of any one clock.

    >>> margin = Margin(hop_s=0.01, first_s=0.002)
    >>> margin.observe(now, needed_s)      # each hop
    >>> margin.seconds, margin.extra_s     # and how much of it is owed to a load
    """

    def __init__(self, hop_s: float, first_s: float, step_s: float = 0.0) -> None:
        self._hop_s = hop_s
        self._step_s = max(_LEAST_STEP_S, step_s)
        self.seconds = self._usual = self._whole_steps(first_s)
        self._worst = np.full(_BUCKETS, -np.inf)
        self._bucket = 0
        self._began: float | None = None
        self._changed_at = 0.0
        self._shrunk_at = -math.inf
        self._before_s = 0.0
        self._calm_s = _CALM_S

    @property
    def extra_s(self) -> float:
        """How much more it is than before the load that it grew by."""
        return max(0.0, self.seconds - self._usual)

    def underrun(self, now: float, needed_s: float) -> None:
        """A callback found too little: grows the margin at once by what the late hop needed, if known."""
        least, most = (self.seconds + share * self._hop_s for share in (_GROWTH, _MOST_GROWTH))
        self._grow(now, min(most, max(least, needed_s + _SPARE_S)))

    def observe(self, now: float, needed_s: float) -> None:
        """Notes the least margin with which a hop would have been in time, and plans anew."""
        if self._began is None:
            self._began = self._changed_at = now
        bucket = int((now - self._began) / _BUCKET_S)
        if bucket - self._bucket > _RECENT:
            self._changed_at = now  # a pause without hops is no calm
        moved = self._advance(bucket)
        place = self._bucket % _BUCKETS
        self._worst[place] = max(self._worst[place], needed_s)
        if needed_s > self.seconds - _NEAR_S:
            self._grow(now, self._needed(_RECENT) + _SPARE_S)
        elif moved and now - self._changed_at >= self._calm_s:
            self._shrink(now)

    def _advance(self, bucket: int) -> bool:
        """Begins buckets up to this one; whether there was a new one."""
        fresh = min(bucket - self._bucket, _BUCKETS)
        if fresh <= 0:
            return False
        self._worst[np.arange(bucket - fresh + 1, bucket + 1) % _BUCKETS] = -np.inf
        self._bucket = bucket
        return True

    def _needed(self, buckets: int) -> float:
        """What the hops of that many last buckets needed, the worst bucket left out."""
        last = self._worst[np.arange(self._bucket - buckets + 1, self._bucket + 1) % _BUCKETS]
        return float(np.partition(last, -2)[-2])

    def _grow(self, now: float, wanted_s: float) -> None:
        wanted_s = self._whole_steps(wanted_s)
        if wanted_s <= self.seconds:
            return
        if now - self._shrunk_at < _RELAPSE_S:
            # The load is back: so is what was needed for it.
            self._calm_s = min(2.0 * self._calm_s, _LONGEST_CALM_S)
            wanted_s = max(wanted_s, self._before_s)
        else:
            self._calm_s = _CALM_S
        self._shrunk_at = -math.inf
        self._changed_at = now
        self.seconds = wanted_s

    def _shrink(self, now: float) -> None:
        """A smaller margin, if the hops of the last while would have been in time with it."""
        needed = self._needed(min(_BUCKETS, max(2, int(self._calm_s / _BUCKET_S))))
        least = self.seconds - _MOST_AT_ONCE * self._hop_s
        wanted = self._whole_steps(max(needed + _SPARE_S, least))
        if wanted < self.seconds:
            # Of several steps down, the load that they come from is remembered.
            again = now - self._shrunk_at < _RELAPSE_S
            self._before_s = max(self.seconds, self._before_s if again else 0.0)
            self.seconds, self._usual = wanted, min(self._usual, wanted)
            self._changed_at = self._shrunk_at = now

    def _whole_steps(self, seconds: float) -> float:
        # A hair less before rounding up: sums of steps are not exact.
        steps = math.ceil(max(0.0, min(seconds, _LIMIT * self._hop_s)) / self._step_s - 1e-6)
        return steps * self._step_s
