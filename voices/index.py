"""A copy of all manifests in one file, so that a large library opens without opening its files.

Only a cache: an entry counts as long as time, size and inode of its voice file are those it was made of,
its values are checked as those of a voice file are, and a damaged index is ignored and made anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from voices.encoder import shipped_encoder
from voices.files import FileError, write_text
from voices.manifest import ArchiveError, Manifest, from_json, to_json

FILE_NAME = ".index.json"

_VERSION = 1

Signature = tuple[int, int, int]
"""Time in ns, size in bytes and inode of a voice file."""


def read_index(folder: Path) -> dict[str, tuple[Signature, Manifest]]:
    """The manifests by voice id; nothing where there is no index that can be used."""
    found: dict[str, tuple[Signature, Manifest]] = {}
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        if (content["version"], content["encoder"]) != (_VERSION, shipped_encoder().sha256):
            return found
        for voice_id, (signature, manifest) in content["voices"].items():
            with suppress(ArchiveError):
                time_ns, size, inode = signature
                found[voice_id] = (time_ns, size, inode), from_json(manifest, voice_id)
    return found


def write_index(folder: Path, manifests: Mapping[str, tuple[Signature, Manifest]]) -> None:
    """Replaces the index; a folder that cannot be written to stays without."""
    content = {
        "version": _VERSION,
        "encoder": shipped_encoder().sha256,
        "voices": {key: (signature, to_json(manifest)) for key, (signature, manifest) in manifests.items()},
    }
    with suppress(FileError):
        write_text(folder / FILE_NAME, json.dumps(content, ensure_ascii=False, separators=(",", ":")))
