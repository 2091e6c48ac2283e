"""Large pages: which addresses are asked for, and that Linux was asked."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path

import pytest

from inference.large_pages import added, on_large_pages, whole_pages

MEGABYTE = 2**20
SETTINGS = Path("/sys/kernel/mm/transparent_hugepage/enabled")
OFFERED = SETTINGS.exists() and "[never]" not in SETTINGS.read_text()


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        ([], [(10, 20)], [(10, 20)]),
        ([(10, 20)], [(10, 20)], []),
        ([(10, 20)], [(10, 35)], [(20, 35)]),
        ([(10, 20)], [(5, 20)], [(5, 10)]),
        ([(10, 20), (30, 40)], [(5, 50)], [(5, 10), (20, 30), (40, 50)]),
        ([(10, 20), (30, 40)], [(12, 15), (60, 70)], [(60, 70)]),
        ([(10, 40)], [], []),
    ],
)
def test_what_was_added(before: list, after: list, new: list) -> None:
    assert added(before, after) == new


@pytest.mark.parametrize(
    ("span", "pages"),
    [((0, 3), []), ((0, 4), [(0, 4)]), ((1, 8), [(4, 8)]), ((3, 21), [(4, 20)]), ((5, 7), [])],
)
def test_only_whole_pages(span: tuple[int, int], pages: list) -> None:
    assert whole_pages([span], 4) == pages


@pytest.mark.skipif(not OFFERED, reason="needs Linux with large pages")
def test_memory_taken_inside_is_advised_and_that_from_before_is_not() -> None:
    old = filled()
    with on_large_pages():
        new = filled()
    assert advised(new)
    assert not advised(old)


def filled() -> mmap.mmap:
    """16 MB of private memory that has been written to."""
    memory = mmap.mmap(-1, 16 * MEGABYTE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.write(b"\1" * len(memory))
    return memory


def advised(memory: mmap.mmap) -> bool:
    """Whether the kernel was asked for large pages in the middle of this memory (its flag 'hg')."""
    place = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + len(memory) // 2
    here = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            start, end = (int(edge, 16) for edge in first.split("-"))
            here = start <= place < end
        elif first == "VmFlags:" and here:
            return "hg" in rest
    raise AssertionError("this memory is not mapped")
