"""The graphs of RVC voices of all released sizes, without weights: `python -m training.export_rvc`."""

from __future__ import annotations

from inference.networks.rvc.export import write_programs
from inference.rvc.config import released_sizes
from inference.rvc.templates import shipped_folder, sizes_key

NAMES = ("prior", "flow", "decoder")


def main() -> None:
    """Writes every graph once, to assets/rvc."""
    folder = shipped_folder()
    done: set[str] = set()
    for sizes in released_sizes():
        missing = tuple(name for name in NAMES if sizes_key(name, sizes) not in done)
        if missing:
            write_programs(sizes, folder, missing)
        done |= {sizes_key(name, sizes) for name in missing}
    for path in sorted(folder.iterdir()):
        print(f"{path}: {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
