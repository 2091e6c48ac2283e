"""Dividing a training run's files into device calls that fit."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

divide = runpy.run_path(str(Path(__file__).parents[2] / "training" / "device" / "calls.py"))["divide"]


def files(folder: Path, *sizes: int) -> list[tuple[str, Path]]:
    found = []
    for index, size in enumerate(sizes):
        path = folder / f"{index}.tar"
        path.write_bytes(bytes(size))
        found.append(("shards", path))
    return found


def test_every_file_travels_once_and_no_call_is_too_full(tmp_path: Path) -> None:
    wanted = files(tmp_path, 60, 50, 40, 30, 20, 10)
    calls = divide(wanted, 100)
    assert sorted(item for call in calls for item in call) == sorted(wanted)
    assert all(sum(path.stat().st_size for _, path in call) <= 100 for call in calls)
    assert len(calls) == 3


def test_a_file_that_fits_no_call_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has room for 50"):
        divide(files(tmp_path, 60), 50)
