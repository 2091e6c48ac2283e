"""The voice file: what is written comes back, and nothing a stranger puts into one does harm."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.voices.makers import CONSENT, a_clip, a_picture, a_voice, an_archive
from voices.archive import (
    MAX_FILE_BYTES,
    ArchiveError,
    Clip,
    VoiceArchive,
    archive_bytes,
    read_archive,
    read_clips,
    read_manifest,
    read_picture,
    write_archive,
)
from voices.clip import ClipError
from voices.encoder import shipped_encoder
from voices.manifest import Consent, ConsentError, check_name
from voices.tuning import Tuning
from voices.voice import Recipe, Voice, VoiceKind

Json = dict[str, Any]

ARCHIVE = an_archive()
BYTES = archive_bytes(ARCHIVE)
FEW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ada.menura"


def manifest_of(content: bytes = BYTES) -> Json:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return json.loads(file.read("manifest.json"))


def zipped(entries: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in entries:
            file.writestr(name, content)
    return buffer.getvalue()


def with_manifest(manifest: Any) -> bytes:
    """The archive with another manifest."""
    text = manifest if isinstance(manifest, str) else json.dumps(manifest)
    with zipfile.ZipFile(io.BytesIO(BYTES)) as file:
        rest = [(name, file.read(name)) for name in file.namelist() if name != "manifest.json"]
    return zipped([("manifest.json", text.encode()), *rest])


def refusal(path: Path, content: bytes) -> str:
    """The one sentence with which a file of this content is refused."""
    path.write_bytes(content)
    with pytest.raises(ArchiveError) as told:
        read_archive(path)
    message = str(told.value)
    assert "\n" not in message
    assert message.endswith((".", "?"))
    return message


def test_what_is_written_comes_back(path: Path) -> None:
    write_archive(path, ARCHIVE)
    found = read_archive(path)
    assert found == replace(ARCHIVE, encoder=shipped_encoder())
    assert read_manifest(path).consent == CONSENT
    assert read_clips(path) == ARCHIVE.clips
    assert read_picture(path) == ARCHIVE.picture


def test_the_id_is_the_file_name(path: Path) -> None:
    write_archive(path.with_name("other.menura"), ARCHIVE)
    assert read_archive(path.with_name("other.menura")).voice.id == "other"


def test_a_voice_without_recordings_needs_no_consent(path: Path) -> None:
    voice = Voice("big", "Big", "", VoiceKind.MODEL_FREE, Recipe(pitch_semitones=-5.0, whisper=0.5))
    write_archive(path, VoiceArchive(voice, None))
    assert read_archive(path).voice == replace(voice, id="ada")


def test_a_neural_voice_without_consent_is_not_written(path: Path) -> None:
    with pytest.raises(ArchiveError, match="who agreed"):
        write_archive(path, replace(ARCHIVE, consent=None))
    assert not path.exists()


def test_any_zip_tool_may_pack_it_again(path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(BYTES)) as file:
        entries = [(name, file.read(name)) for name in reversed(file.namelist())]
    path.write_bytes(zipped(entries, zipfile.ZIP_DEFLATED))
    assert read_archive(path).clips == ARCHIVE.clips


def test_cut_off_at_any_byte(path: Path) -> None:
    path.write_bytes(BYTES)
    directory = len(BYTES) - 500
    for size in [*range(len(BYTES), directory, -1), *range(directory, -1, -29)][1:]:
        os.truncate(path, size)
        with pytest.raises(ArchiveError):
            read_manifest(path)


@FEW
@given(at=st.integers(0, len(BYTES) * 8 - 1))
def test_a_flipped_bit_is_noticed_or_without_effect(path: Path, at: int) -> None:
    damaged = bytearray(BYTES)
    damaged[at // 8] ^= 1 << at % 8
    path.write_bytes(damaged)
    try:
        found = read_archive(path)
    except ArchiveError:
        return
    assert found == replace(ARCHIVE, encoder=shipped_encoder())


@FEW
@given(content=st.binary(max_size=300))
def test_any_bytes_are_refused_in_one_sentence(path: Path, content: bytes) -> None:
    refusal(path, content)
    refusal(path, BYTES + content) if content else None


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_subnormal=False),
    st.text(max_size=9),
    st.just([]),
    st.just({}),
)


@FEW
@given(data=st.data())
def test_any_value_anywhere_in_the_manifest(path: Path, data: st.DataObject) -> None:
    manifest = manifest_of()
    key = data.draw(st.sampled_from(sorted(manifest)))
    inner = manifest[key]
    if isinstance(inner, dict) and data.draw(st.booleans()):
        inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(_VALUES)
    else:
        manifest[key] = data.draw(_VALUES)
    path.write_bytes(with_manifest(manifest))
    try:
        voice = read_archive(path).voice
    except ArchiveError:
        return
    assert voice.tuning == voice.tuning.clamped()
    assert np.isfinite([voice.f0_median_hz, *voice.embedding, *vars(voice.recipe).values()]).all()


def _set(key: str, value: Any) -> Callable[[Json], Any]:
    def change(manifest: Json) -> Any:
        inner = manifest
        *outer, last = key.split(".")
        for name in outer:
            inner = inner[int(name)] if isinstance(inner, list) else inner[name]
        inner[int(last) if isinstance(inner, list) else last] = value
        return manifest

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_set("version", 2), "newer Menura"),
        (_set("version", 0), "version"),
        (_set("version", True), "version"),
        (_set("format", "other"), "not a voice file"),
        (_set("name", " "), "no name"),
        (_set("name", "a\nb"), "cannot be shown"),
        (_set("name", "\u202egnp.exe"), "cannot be shown"),
        (_set("name", "\ud800"), "cannot be shown"),
        (_set("name", "x" * 61), "longer"),
        (_set("description", "x" * 5000), "longer"),
        (_set("embedding.0", float("nan")), "not JSON"),
        (_set("embedding.0", float("inf")), "not JSON"),
        (_set("embedding.0", 10**400), "embedding"),
        (_set("embedding.0", 2.0), "embedding"),
        (_set("embedding.0", True), "embedding"),
        (_set("embedding.0", "0.1"), "embedding"),
        (_set("embedding", [0.0] * 256), "embedding"),
        (_set("embedding", [1.0]), "embedding"),
        (_set("embedding", [[1.0] * 256]), "embedding"),
        (_set("embedding", []), "embedding"),
        (_set("f0.median_hz", 1e30), "median_hz"),
        (_set("f0.low_hz", -1), "low_hz"),
        (_set("recipe.whisper", 1e300), "whisper"),
        (_set("tuning.match_pitch", 1), "match_pitch"),
        (_set("colour", "red; background: url(x)"), "colour"),
        (_set("kind", "song"), "kind"),
        (_set("kind", "rvc"), "model"),
        (_set("consent", None), "who agreed"),
        (_set("consent.who", ""), "who agreed"),
        (_set("encoder.sha256", "../.."), "sha256"),
        (_set("clips.0.file", "../../evil.flac"), "clips"),
        (_set("clips.0.file", "/etc/passwd"), "clips"),
        (_set("clips.0.rate", 48_000), "clip"),
        (_set("clips.0.frames", 10**12), "clip"),
        (_set("clips", []), "does not list"),
        (_set("clips", [{}] * 1000), "clips"),
        (_set("picture", "picture.jpg"), "does not list"),
        (_set("picture", "../x.png"), "picture"),
        (lambda _: [], "not a voice file"),
        (lambda _: "[" * 100_000, "not JSON"),
        (lambda _: '{"format": "menura-voice", "version": ' + "9" * 5000 + "}", "not JSON"),
        (lambda _: '{"a": 1e999}', "not a voice file"),
    ],
)
def test_a_manifest_that_makes_no_sense(path: Path, change: Callable[[Json], Any], said: str) -> None:
    assert said in refusal(path, with_manifest(change(manifest_of())))


def test_later_versions_may_add_keys(path: Path) -> None:
    manifest = manifest_of()
    manifest["tuning"]["sparkle"] = manifest["more"] = {"x": 1}
    del manifest["tuning"]["timbre"]
    path.write_bytes(with_manifest(manifest))
    assert read_archive(path).voice == ARCHIVE.voice


def test_tuning_outside_the_sliders_is_brought_in(path: Path) -> None:
    path.write_bytes(with_manifest(_set("tuning.pitch_semitones", 900)(manifest_of())))
    assert read_archive(path).voice.tuning.pitch_semitones == 24


@pytest.mark.parametrize(
    "name",
    ["../evil.py", "/etc/passwd", "C:\\evil.dll", "clips/../manifest.json", "clips/99.flac", "code.pkl"],
)
def test_other_entries_are_refused(path: Path, name: str) -> None:
    assert "entry" in refusal(path, zipped([("manifest.json", b"{}"), (name, b"x")]))


def test_an_entry_twice(path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        content = zipped([("manifest.json", b"{}"), ("manifest.json", b"{}")])
    assert "twice" in refusal(path, content)


def test_too_many_entries(path: Path) -> None:
    assert "more entries" in refusal(path, zipped([(f"{n}.txt", b"") for n in range(5000)]))


def test_an_entry_that_unpacks_to_too_much(path: Path) -> None:
    bomb = zipped([("manifest.json", b"0" * (16 << 20))], zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    assert "too large" in refusal(path, bomb)


def test_an_entry_that_lies_about_its_size(path: Path) -> None:
    bomb = bytearray(zipped([("manifest.json", b"0" * (16 << 20))], zipfile.ZIP_DEFLATED))
    real = (16 << 20).to_bytes(4, "little")
    while (at := bomb.find(real)) >= 0:
        bomb[at : at + 4] = (100).to_bytes(4, "little")
    tracemalloc.start()
    refusal(path, bytes(bomb))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_uncommon_packing_is_refused(path: Path, compression: int) -> None:
    assert "packed" in refusal(path, zipped([("manifest.json", b"{}")], compression))


def test_a_file_larger_than_any_voice_is_not_read(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ArchiveError, match="too large"):
        read_manifest(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="does not exist"):
        read_archive(tmp_path / "missing.menura")
    with pytest.raises(ArchiveError, match="ordinary"):
        read_archive(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system here")
def test_a_pipe_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(ArchiveError, match="ordinary"):
        read_archive(path)


def test_clips_that_are_none(path: Path) -> None:
    for flac in (b"", b"RIFF" + b"\0" * 60, a_clip().flac[:30]):
        with pytest.raises(ClipError):
            Clip.from_flac(flac)
    endless = bytearray(a_clip().flac)
    endless[21] |= 0xF
    endless[22:26] = b"\xff" * 4
    with pytest.raises(ClipError, match="ten minutes"):
        Clip.from_flac(bytes(endless))


def test_a_clip_decodes_to_what_it_was_made_of() -> None:
    x = np.linspace(-0.9, 0.9, 4_410, dtype=np.float32)
    clip = Clip.from_samples(x, 44_100, "ramp")
    assert (clip.rate, clip.frames, clip.seconds) == (44_100, 4_410, 0.1)
    np.testing.assert_allclose(clip.samples(), x, atol=2**-15)


def test_a_clip_too_loud_is_made_to_fit_and_bad_samples_are_silence() -> None:
    clip = Clip.from_samples(np.array([2.0, -4.0, np.nan, np.inf], np.float32), 8_000)
    np.testing.assert_allclose(clip.samples(), [0.5, -1.0, 0.0, 0.0], atol=2**-15)


def test_a_clip_that_ends_early_is_told() -> None:
    clip = a_clip(rate=48_000)
    with pytest.raises(ClipError):
        replace(clip, flac=clip.flac[:200]).samples()


@pytest.mark.parametrize("picture", [b"GIF89a" + b"\0" * 50, b"\xff\xd8\xff", a_picture(3000, 1), b"\x89PNG"])
def test_pictures_that_no_voice_has(picture: bytes) -> None:
    with pytest.raises(ArchiveError, match="picture"):
        archive_bytes(replace(ARCHIVE, picture=picture))


def test_a_jpeg_is_a_picture(path: Path) -> None:
    app0 = b"\xff\xe0\x00\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    frame = b"\xff\xc0\x00\x0b\x08\x00\x20\x00\x40\x01\x01\x11\x00"
    jpeg = b"\xff\xd8" + app0 + frame + b"\xff\xd9"
    write_archive(path, replace(ARCHIVE, picture=jpeg))
    assert read_picture(path) == jpeg


@pytest.mark.parametrize(
    ("text", "who", "when"),
    [
        ("Ada Nowak, 2026-11-22", "Ada Nowak", "2026-11-22"),
        ("Nowak, Ada, today", "Nowak, Ada", "today"),
        ("Ada 2026-11-22", "Ada", "2026-11-22"),
    ],
)
def test_consent_in_words(text: str, who: str, when: str) -> None:
    assert Consent.parse(text) == Consent(who, when)


@pytest.mark.parametrize("text", ["", "Ada", ",", "Ada,", ", 2026-11-22", "2026-11-22"])
def test_words_that_are_no_consent(text: str) -> None:
    with pytest.raises(ConsentError, match="who agreed and when"):
        Consent.parse(text)


@FEW
@given(name=st.text(min_size=1, max_size=60))
@example(name="पंखुड़ी 👩‍🎤")
def test_any_name_is_kept_or_refused(path: Path, name: str) -> None:
    try:
        kept = check_name(name)
    except ArchiveError:
        return
    write_archive(path, replace(ARCHIVE, voice=a_voice(kept)))
    assert read_archive(path).voice.name == kept


def test_tuning_from_words() -> None:
    assert Tuning().with_settings(["timbre=0.5", "match-pitch=off"]) == Tuning(timbre=0.5, match_pitch=False)
