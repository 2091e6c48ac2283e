"""A wait-free ring of mono samples between one writer and one reader."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio.fence import Fence

Samples = NDArray[np.float32]
Counters = NDArray[np.int64]

_WRITTEN, _READ = 0, 1


class Ring:
    """Single-producer, single-consumer ring over buffers that may lie in shared memory.

    One thread (or process) calls `push`, one other calls `pop_into`, `peek_into` and `skip`; anyone may
    look at `fill`. Neither side waits for the other. The two counters only ever grow, so that
    `written - read` is the fill and no slot is wasted to tell full from empty. Each process makes its
    own `Ring` over the same two buffers.

    >>> ring = Ring.create(1024)
    >>> ring.push(np.ones(100, np.float32))
    100
    >>> out = np.empty(128, np.float32)
    >>> ring.pop_into(out)              # the other 28 are zeros
    100
    """

    # Order of memory. A counter is one aligned 8-byte store, so it is never seen half-written. It must
    # also not be seen before the samples it stands for (push), nor before they were copied out (pop), and
    # no sample may be fetched before the counter that promises it: hence a fence on either side.

    def __init__(self, samples: Samples, counters: Counters) -> None:
        """Takes over `samples`: (capacity,) float32, and `counters`: (2,) int64, [written, read].

        Raises ValueError for a capacity that is no power of two, other types, or counters that are
        not aligned.
        """
        capacity = len(samples)
        if samples.dtype != np.float32 or capacity < 1 or capacity & (capacity - 1):
            raise ValueError(f"a ring takes float32 samples, a power of two of them, not {capacity}")
        if counters.dtype != np.int64 or counters.shape != (2,) or not counters.flags.aligned:
            raise ValueError("a ring takes two aligned int64 counters")
        self._samples = samples
        self._counters = counters
        self._mask = capacity - 1
        self._writer_fence = Fence()
        self._reader_fence = Fence()

    @classmethod
    def create(cls, capacity: int) -> Ring:
        """Returns an empty ring in this process's memory; `capacity` is a power of two."""
        return cls(np.zeros(capacity, np.float32), np.zeros(2, np.int64))

    @property
    def capacity(self) -> int:
        """Most samples the ring holds."""
        return self._mask + 1

    @property
    def written(self) -> int:
        """Samples ever pushed."""
        return int(self._counters[_WRITTEN])

    @property
    def read(self) -> int:
        """Samples ever popped or skipped."""
        return int(self._counters[_READ])

    @property
    def fill(self) -> int:
        """Samples waiting. A lower bound for the reader, an upper bound for the writer."""
        # The reader's counter first: in the other order a third party could see more read than written.
        read = self.read
        return self.written - read

    def push(self, block: Samples) -> int:
        """Writes `block`: (n,) float32; returns how many samples fitted. The rest of it is dropped."""
        written = self.written
        count = max(0, min(len(block), self.capacity - (written - self.read)))
        self._writer_fence()
        start = written & self._mask
        first = min(count, self.capacity - start)
        self._samples[start : start + first] = block[:first]
        if first < count:
            self._samples[: count - first] = block[first:count]
        self._writer_fence()
        self._counters[_WRITTEN] = written + count
        return count

    def peek_into(self, out: Samples) -> int:
        """Copies the oldest samples to `out`: (n,) and zeros its rest; returns how many there were."""
        read = self.read
        count = max(0, min(len(out), self.written - read))
        self._reader_fence()
        start = read & self._mask
        first = min(count, self.capacity - start)
        out[:first] = self._samples[start : start + first]
        if first < count:
            out[first:count] = self._samples[: count - first]
        out[count:] = 0.0
        return count

    def pop_into(self, out: Samples) -> int:
        """Moves the oldest samples to `out`: (n,) and zeros its rest; returns how many there were."""
        count = self.peek_into(out)
        return self.skip(count)

    def skip(self, count: int) -> int:
        """Forgets the `count` oldest samples; returns how many there were to forget."""
        read = self.read
        count = max(0, min(count, self.written - read))
        self._reader_fence()
        self._counters[_READ] = read + count
        return count
