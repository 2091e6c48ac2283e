"""Puts what is read from end to end in every hop, the networks' weights, on large pages where Linux has them.

A hop in float reads 41 MB of weights once. On pages of 4 kB the processor stops reading ahead at each page's
end and looks up the next one's address first, in tables too large for its buffers. On pages of 2 MB it reads
the same numbers from the same addresses in two thirds of the time.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

Span = tuple[int, int]
"""Addresses from the first up to, without, the second."""

_SETTINGS = Path("/sys/kernel/mm/transparent_hugepage")
_MAPS = Path("/proc/self/maps")

_ADVISE_LARGE, _COLLAPSE = 14, 25
"""MADV_HUGEPAGE lets the kernel do it in the background; MADV_COLLAPSE (Linux 6.1) does it at once."""


@contextmanager
def on_large_pages() -> Iterator[None]:
    """What the process comes to hold in memory inside, all threads together, lies on large pages afterwards.

    The memory in use stays what it was, but for less than one page at each end of a stretch. Takes about a
    millisecond per 2 MB, without the interpreter's lock. Does nothing on other systems and where large pages
    are turned off.
    """
    size = _page_size()
    before = _writable() if size else []
    yield
    if size:
        for start, end in whole_pages(added(before, _writable()), size):
            _enlarge(start, end)


def added(before: Sequence[Span], after: Sequence[Span]) -> list[Span]:
    """What of `after` was not in `before`; both in ascending order, each without overlaps."""
    found = []
    for start, end in after:
        for known_start, known_end in before:
            if known_end <= start or known_start >= end:
                continue
            if known_start > start:
                found.append((start, known_start))
            start = max(start, known_end)
        if start < end:
            found.append((start, end))
    return found


def whole_pages(spans: Sequence[Span], size: int) -> list[Span]:
    """The pages of `size` bytes that lie wholly inside each span."""
    inner = [(-(-start // size) * size, end // size * size) for start, end in spans]
    return [(start, end) for start, end in inner if start < end]


def _page_size() -> int:
    """Bytes of a large page; 0 where there are none or they are turned off."""
    try:
        if "[never]" in (_SETTINGS / "enabled").read_text():
            return 0
        return int((_SETTINGS / "hpage_pmd_size").read_text())
    except (OSError, ValueError):
        return 0


def _writable() -> list[Span]:
    """Where the process's own memory lies: private, writable and of no file, but for the main stack."""
    spans = []
    for line in _MAPS.read_text().splitlines():
        place, rights, _, _, inode, *name = line.split(maxsplit=5)
        if rights == "rw-p" and inode == "0" and name != ["[stack]"]:
            start, _, end = place.partition("-")
            spans.append((int(start, 16), int(end, 16)))
    return spans


def _enlarge(start: int, end: int) -> None:
    """Asks for large pages. Where that is refused (memory in pieces, an old kernel) all stays as it was."""
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    advise(start, end - start, _ADVISE_LARGE)
    advise(start, end - start, _COLLAPSE)
