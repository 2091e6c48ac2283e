"""What fine-tuning adds to a voice file: kept to the bit, and refused where it makes no sense."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from dataclasses import replace

import pytest

from tests.voices.makers import an_archive
from voices.archive import ArchiveError, archive_bytes, read_archive
from voices.refinement import LARGEST_STYLE, Refinement, RefinementError

CHANGE = Refinement.pack([0.5, -0.25, 3.0])
FOUND = Refinement("ab" * 32, CHANGE, 61.5, 0.4, 0.5)


def packed(values: list[float]) -> str:
    import struct

    return base64.b64encode(struct.pack(f"<{len(values)}e", *values)).decode()


def refined() -> bytes:
    archive = an_archive()
    return archive_bytes(replace(archive, voice=replace(archive.voice, refinement=FOUND)))


def test_a_refinement_survives_the_file(tmp_path):
    path = tmp_path / "ada.menura"
    path.write_bytes(refined())
    found = read_archive(path).voice.refinement
    assert found == FOUND
    assert found.values() == (0.5, -0.25, 3.0)


def test_numbers_that_do_not_fit_are_not_packed():
    with pytest.raises(RefinementError):
        Refinement.pack([1e9])


@pytest.mark.parametrize(
    "change",
    [
        "",
        "!!!!",
        "QUI",
        packed([float("nan")]),
        packed([float("inf")]),
        packed([100.0]),
        packed([0.0] * (LARGEST_STYLE + 1)),
        base64.b64encode(b"odd").decode(),
    ],
)
def test_values_of_strangers_are_refused(change):
    with pytest.raises(RefinementError):
        Refinement("ab" * 32, change).values()


@pytest.mark.parametrize(
    "entry",
    [
        [],
        {"base": "x"},
        {"change": 3},
        {"change": packed([float("nan")])},
        {"speech_s": -1},
        {"likeness_before": 2},
        {"base": None},
    ],
)
def test_a_file_with_a_senseless_refinement_is_refused(tmp_path, entry):
    path = tmp_path / "ada.menura"
    with zipfile.ZipFile(io.BytesIO(refined())) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    manifest = json.loads(entries["manifest.json"])
    whole = isinstance(entry, dict)
    manifest["refinement"] = {**manifest["refinement"], **entry} if whole else entry
    with zipfile.ZipFile(path, "w") as file:
        for name, content in (entries | {"manifest.json": json.dumps(manifest).encode()}).items():
            file.writestr(name, content)
    with pytest.raises(ArchiveError):
        read_archive(path)
