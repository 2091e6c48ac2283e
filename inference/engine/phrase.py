"""A phrase in the microphone's place: both sides of the way it takes through shared memory.

The client pushes a whole phrase into a ring; the worker takes a hop of it for each hop of the microphone
(`Chain`, behind the resampler), until the ring is empty. It ends by itself, and a session that begins
drops what is left of an older one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.fence import Fence
from inference.converter import HOP, MODEL_RATE, Block
from inference.engine.shared import PHRASE_CAPACITY, SharedBlock

LONGEST_S = PHRASE_CAPACITY // HOP * HOP / MODEL_RATE
"""Seconds that a phrase may take."""

TICKET, SCOPE_HOP, PLAYED = range(3)
"""Places in the shared note that the worker writes."""


class PhraseError(ValueError):
    """A phrase cannot be played; the message says what to do."""


@dataclass(frozen=True)
class PhraseProgress:
    """How far a phrase is: `played` of `hops` hops.

    `began_at`: perf_counter seconds at which the worker took its first hop, and `scope_hop` the number of
    that hop in the scopes (as `Scope.cursor` counts); both 0 until then. `over` without `complete`: it was
    stopped, or the streams were opened anew.
    """

    played: int = 0
    hops: int = 0
    over: bool = False
    began_at: float = 0.0
    scope_hop: int = 0

    @property
    def complete(self) -> bool:
        """Whether every hop of it went through the engine."""
        return self.over and self.played == self.hops


class PhraseSource:
    """The worker's side; called once per hop, waits for nobody."""

    def __init__(self, shared: SharedBlock) -> None:
        self._ring = shared.phrase_ring
        self._cut, self._note, self._began = (
            shared["phrase_cut"],
            shared["phrase_note"],
            shared["phrase_time"],
        )
        self._hz = shared["phrase_hz"]
        self._scope_hops = shared["scope_hops"]
        self._playing, self._fresh = False, True
        self._fence = Fence()

    def replace(self, hop: Block) -> float | None:
        """Puts the phrase's next samples in place of `hop`: (HOP,); leaves it where there are none (None).

        Returns the median F0 of who says the phrase, in Hz.
        """
        ring = self._ring
        unwanted = ring.fill if self._fresh else int(self._cut[0]) - ring.read
        self._fresh = False
        if unwanted > 0:
            ring.skip(unwanted)
        if ring.fill < HOP:
            self._playing = False
            return None
        if not self._playing:
            self._begin(ring.read)
        self._note[PLAYED] += 1
        ring.pop_into(hop)
        self._playing = ring.fill >= HOP
        return float(self._hz[0])

    def _begin(self, ticket: int) -> None:
        self._note[PLAYED], self._note[SCOPE_HOP] = 0, self._scope_hops[0]
        self._began[0] = time.perf_counter()
        self._fence()
        self._note[TICKET] = ticket
        self._playing = True


class PhrasePlayer:
    """The client's side; one thread uses it, and no call waits.

    >>> ticket = player.play(samples)
    >>> player.progress(ticket).played
    """

    def __init__(self, shared: SharedBlock) -> None:
        self._ring = shared.phrase_ring
        self._cut, self._note, self._began = (
            shared["phrase_cut"],
            shared["phrase_note"],
            shared["phrase_time"],
        )
        self._hz = shared["phrase_hz"]
        self._hops: dict[int, int] = {}
        self._fence = Fence()

    def play(self, samples: NDArray[np.float32], speaker_hz: float = 0.0) -> int:
        """Speaks `samples`: (n,) at MODEL_RATE, filled up to whole hops; returns its ticket.

        `speaker_hz`: median F0 of who says it, 0 where it is not known.
        Raises PhraseError for one that is empty, too long, or comes while another is being played.
        """
        hops = -(-len(samples) // HOP)
        if not 0 < hops * HOP <= LONGEST_S * MODEL_RATE:
            raise PhraseError(f"A phrase takes up to {LONGEST_S:.0f} s; choose a shorter one.")
        if self._ring.fill:
            raise PhraseError("A phrase is being played already; wait until it has ended.")
        ticket = self._ring.written
        padded = np.zeros(hops * HOP, np.float32)
        padded[: len(samples)] = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
        self._hz[0] = speaker_hz
        self._ring.push(padded)
        self._hops = {ticket: hops}
        return ticket

    def stop(self) -> None:
        """Ends what is being played at the next hop."""
        self._cut[0] = self._ring.written

    def progress(self, ticket: int) -> PhraseProgress:
        """How far the phrase of this ticket is; that of an older one is not known any more."""
        hops = self._hops.get(ticket, 0)
        # The counter is read first: what was played when it was read has been noted by then.
        over = self._ring.read >= ticket + hops * HOP
        self._fence()
        known = int(self._note[TICKET]) == ticket
        self._fence()
        if not known or not self._note[PLAYED]:
            return PhraseProgress(0, hops, over)
        began = float(self._began[0])
        return PhraseProgress(int(self._note[PLAYED]), hops, over, began, int(self._note[SCOPE_HOP]))
