"""Divides what a training run needs on the lent machine into calls that each fit its transfer limit.

    python training/device/calls.py SHARDS [--limit-mib 64]

A call takes the whole working tree along, so first `park.sh away` puts the tracked networks and checkpoints
aside. This then fills `cache/call1`, `cache/call2`, ... (git ignores cache) with the code of the last
commit, the wheels and encoders of `.whl`, the packed checkpoints to go on from and the shards to learn from,
and prints the calls to make, back to back. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARKED = ROOT / "cache" / "parked"
_ARCHIVE = ["git", "archive", "--format=tar.gz", "-o"]
_CODE = ["training", "inference", "voices", "audio", ":!training/checkpoints"]
_EVALUATED = ("ast_", "nabucasa", "libri_dev")
"""Shards that no network learns from."""
_SPARE = 2 << 20
"""Bytes left free in each call: 64 MiB once were exceeded by a few."""


def tree_bytes() -> int:
    """What every call carries anyway: tracked and untracked files that git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    paths = (ROOT / name.decode() for name in listed.split(b"\0") if name)
    return sum(path.lstat().st_size for path in paths if path.is_file())  # links travel as links


def wanted(shards: Path) -> list[tuple[str, Path]]:
    """(kind, file) of everything to send, in the order in which it is needed."""
    code = ROOT / "cache" / "code.tgz"
    subprocess.run([*_ARCHIVE, str(code), "HEAD", *_CODE], cwd=ROOT, check=True)
    wheels = [("whl", path) for path in sorted((ROOT / ".whl").iterdir())]
    checkpoints = [("checkpoints", path) for path in sorted((PARKED / "checkpoints").glob("*.pt"))]
    learnt = (path for path in shards.glob("*.tar") if not path.name.startswith(_EVALUATED))
    largest_first = sorted(learnt, key=lambda path: -path.stat().st_size)
    corpus = [shards / "manifest.jsonl", *largest_first]
    return [("code", code), *wheels, *checkpoints, *(("shards", path) for path in corpus)]


def divide(files: list[tuple[str, Path]], room: int) -> list[list[tuple[str, Path]]]:
    """First-fit: every file into the first call that has room for it. Raises ValueError for one too large."""
    calls: list[tuple[int, list[tuple[str, Path]]]] = []
    for item in files:
        size = item[1].stat().st_size
        if size > room:
            raise ValueError(f"{item[1]} has {size} bytes, but a call has room for {room}.")
        for index, (used, call) in enumerate(calls):
            if used + size <= room:
                call.append(item)
                calls[index] = (used + size, call)
                break
        else:
            calls.append((size, [item]))
    return [call for _, call in calls]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shards", type=Path)
    parser.add_argument("--limit-mib", type=float, default=64.0)
    args = parser.parse_args()
    tree = tree_bytes()
    room = int(args.limit_mib * 2**20) - tree - _SPARE
    print(f"working tree {tree / 2**20:.1f} MiB, room for {room / 2**20:.1f} MiB a call")
    calls = divide(wanted(args.shards), room)
    for old in (ROOT / "cache").glob("call[0-9]*"):
        shutil.rmtree(old)
    for number, call in enumerate(calls, 1):
        folder = ROOT / "cache" / f"call{number}"
        for kind, path in call:
            (folder / kind).mkdir(parents=True, exist_ok=True)
            os.link(path, folder / kind / path.name) if _same_disk(path) else shutil.copy(path, folder / kind)
        size = sum(path.stat().st_size for _, path in call)
        print(f"call {number}: carry ['cache/call{number}'], {size / 2**20:.1f} MiB")
        print(f"    bash training/device/receive.sh cache/call{number}")


def _same_disk(path: Path) -> bool:
    return path.stat().st_dev == (ROOT / "cache").stat().st_dev and os.access(path, os.W_OK)


if __name__ == "__main__":
    main()
