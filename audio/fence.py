"""Order between processors: what is published is there for whoever sees that it is."""

from __future__ import annotations

from threading import Lock


class Fence:
    """A full memory fence; each thread has its own, so that nobody can be made to wait.

    A writer calls it between its data and the counter or flag that publishes them, a reader between that
    counter and the data. x86 keeps stores in order and loads in order; ARM keeps neither, and Python has no
    instruction for it. It has locks: nothing before an unlock may come after it, nothing after a lock before
    it, and an unlock stays before the lock that follows it (on ARM a release before an acquire, which is what
    pthread mutexes, POSIX semaphores and PyMutex are made of). Costs under 1 us.

    >>> fence = Fence()
    >>> fence()
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = Lock()

    def __call__(self) -> None:
        """Orders all memory accesses before it against all after it."""
        with self._lock:
            pass
        with self._lock:
            pass
