"""A voice as one file that people can share: a zip archive (`.menura`), checked entry by entry.

>>> archive = VoiceArchive(voice, Consent("Ada Nowak", "2026-11-22"), clips=(clip,))
>>> write_archive("ada.menura", archive)
>>> read_archive("ada.menura").voice.name

docs/voice-file.md describes the format. Reading trusts nothing: number, names and sizes of the entries
are checked before anything is unpacked, and what is unpacked is JSON, FLAC and a picture.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from voices.clip import MAX_CLIP_BYTES, Clip, ClipError
from voices.encoder import Encoder, shipped_encoder
from voices.files import write_bytes
from voices.manifest import (
    MAX_CLIPS,
    ArchiveError,
    ClipEntry,
    Consent,
    Manifest,
    clip_file,
    from_bytes,
    to_json,
)
from voices.picture import MAX_PICTURE_BYTES, PictureError, picture_suffix
from voices.voice import Voice

__all__ = ["ArchiveError", "Clip", "Consent", "VoiceArchive", "read_archive", "write_archive"]

SUFFIX = ".menura"
MAX_FILE_BYTES = 96 << 20
MAX_MANIFEST_BYTES = 256 << 10

_MANIFEST = "manifest.json"
_LIMITS = {
    _MANIFEST: MAX_MANIFEST_BYTES,
    "picture.png": MAX_PICTURE_BYTES,
    "picture.jpg": MAX_PICTURE_BYTES,
    **{clip_file(number): MAX_CLIP_BYTES for number in range(1, MAX_CLIPS + 1)},
}
"""The entries there may be, and the most bytes of each."""

_MAX_ENTRIES = MAX_CLIPS + 2
_MAX_DIRECTORY_BYTES = 64 * _MAX_ENTRIES
_END = struct.Struct("<4s4H2LH")
"""End of central directory record (APPNOTE 4.3.16)."""
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What zipfile raises for archives that are none."""

_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_ENCRYPTED = 0x1
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class VoiceArchive:
    """Everything a voice file holds.

    `consent` may be None only for voices that are not made from recordings. `picture`: the bytes of a
    PNG or JPEG file, empty for none. `created`: UTC, ISO 8601. `encoder` made `voice.embedding`.
    """

    voice: Voice
    consent: Consent | None
    clips: tuple[Clip, ...] = ()
    picture: bytes = b""
    created: str = field(default_factory=_now)
    encoder: Encoder | None = None

    def manifest(self) -> Manifest:
        """What manifest.json says of it. Raises ArchiveError for a picture or clips it cannot hold."""
        if len(self.clips) > MAX_CLIPS:
            raise ArchiveError(f"A voice can keep at most {MAX_CLIPS} reference clips; leave some out.")
        try:
            picture = f"picture.{picture_suffix(self.picture)}" if self.picture else ""
        except PictureError as error:
            raise ArchiveError(str(error)) from error
        encoder = (self.encoder or shipped_encoder()) if self.voice.embedding else None
        entries = (
            ClipEntry(clip_file(number), clip.title, clip.rate, clip.frames)
            for number, clip in enumerate(self.clips, start=1)
        )
        return Manifest(self.voice, self.consent, self.created, encoder, tuple(entries), picture)


def write_archive(path: str | Path, archive: VoiceArchive) -> None:
    """Writes a voice file, whole or not at all. Raises ArchiveError for contents no reader would take
    and FileError when the disk does not."""
    write_bytes(path, archive_bytes(archive))


def archive_bytes(archive: VoiceArchive) -> bytes:
    """The bytes of the voice file. Raises ArchiveError for contents that no reader would take."""
    manifest = archive.manifest()
    text = json.dumps(to_json(manifest), ensure_ascii=False, separators=(",", ":"))
    content = text.encode("utf-8", "replace")
    from_bytes(content, archive.voice.id)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(_entry(_MANIFEST), content)
        for entry, clip in zip(manifest.clips, archive.clips, strict=True):
            file.writestr(_entry(entry.file), clip.flac)
        if manifest.picture:
            file.writestr(_entry(manifest.picture), archive.picture)
    if buffer.tell() > MAX_FILE_BYTES:
        raise ArchiveError(f"A voice file can hold {MAX_FILE_BYTES >> 20} MiB; leave some clips out.")
    return buffer.getvalue()


def read_archive(path: str | Path) -> VoiceArchive:
    """Reads and checks a whole voice file; the voice's id is the file's stem. Raises ArchiveError."""
    with _opened(path) as file:
        manifest = _manifest(file, Path(path).stem)
        clips = tuple(_clip(file, entry) for entry in manifest.clips)
        return VoiceArchive(
            manifest.voice,
            manifest.consent,
            clips,
            _picture(file, manifest),
            manifest.created,
            manifest.encoder,
        )


def read_manifest(path: str | Path) -> Manifest:
    """Reads the manifest and checks the list of entries, without the clips. Raises ArchiveError."""
    with _opened(path) as file:
        return _manifest(file, Path(path).stem)


def read_clips(path: str | Path) -> tuple[Clip, ...]:
    """Reads the reference clips, not yet decoded. Raises ArchiveError."""
    with _opened(path) as file:
        return tuple(_clip(file, entry) for entry in _manifest(file, Path(path).stem).clips)


def read_picture(path: str | Path) -> bytes:
    """Reads the picture's bytes, empty where there is none. Raises ArchiveError."""
    with _opened(path) as file:
        return _picture(file, _manifest(file, Path(path).stem))


@contextmanager
def _opened(path: str | Path) -> Iterator[zipfile.ZipFile]:
    """The archive, after a look at its end and its list of entries. Raises ArchiveError."""
    try:
        if Path(path).exists() and not Path(path).is_file():  # opening a pipe would wait for its other end
            raise ArchiveError(f"{path} is not an ordinary file; name a voice file.")
        with Path(path).open("rb") as raw:
            _check_end(raw)
            with zipfile.ZipFile(raw) as file:
                _check_entries(file.infolist())
                yield file
    except ArchiveError:
        raise
    except FileNotFoundError as error:
        raise ArchiveError(f"{path} does not exist; check the name and the folder.") from error
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (ClipError, PictureError) as error:
        raise ArchiveError(f"The voice file is damaged: {error}") from error
    except _ZIP_ERRORS as error:
        raise ArchiveError("The voice file is damaged or not a voice file; ask for it again.") from error


def _check_end(raw: IO[bytes]) -> None:
    """Number and size of the directory, before zipfile reads it into memory: no comment, no zip64."""
    size = raw.seek(0, io.SEEK_END)
    if not _END.size <= size <= MAX_FILE_BYTES:
        raise ArchiveError("The voice file is empty, cut off or too large; ask for it again.")
    raw.seek(size - _END.size)
    signature, _, _, here, total, directory, _, comment = _END.unpack(raw.read(_END.size))
    if signature != b"PK\5\6" or comment or here != total:
        raise ArchiveError("This is not a voice file of Menura, or it is cut off.")
    if total > _MAX_ENTRIES or directory > _MAX_DIRECTORY_BYTES:
        raise ArchiveError("The voice file holds more entries than a voice has; it was not opened.")


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if len(set(names)) != len(names) or _MANIFEST not in names:
        raise ArchiveError("The voice file is damaged: it has an entry twice, or no manifest.")
    for entry in entries:
        limit = _limit(entry.filename)
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _COMPRESSIONS:
            raise ArchiveError("An entry of the voice file is packed in a way that none has; not opened.")
        if entry.file_size > limit or entry.compress_size > limit:
            raise ArchiveError("An entry of the voice file is too large; it was not opened.")
    if sum(entry.file_size for entry in entries) > MAX_FILE_BYTES:
        raise ArchiveError("The voice file unpacks to more than a voice needs; it was not opened.")


def _limit(name: str) -> int:
    """The most bytes that an entry of this name may have. Raises ArchiveError for names no voice has."""
    if name not in _LIMITS:
        raise ArchiveError("The voice file holds an entry that no voice has; it was not opened.")
    return _LIMITS[name]


def _manifest(file: zipfile.ZipFile, voice_id: str) -> Manifest:
    manifest = from_bytes(_read(file, _MANIFEST), voice_id)
    listed = {_MANIFEST, *(clip.file for clip in manifest.clips), manifest.picture} - {""}
    if listed != set(file.namelist()):
        raise ArchiveError("The voice file is damaged: its manifest does not list what it holds.")
    return manifest


def _clip(file: zipfile.ZipFile, entry: ClipEntry) -> Clip:
    clip = Clip.from_flac(_read(file, entry.file), entry.title)
    if (clip.rate, clip.frames) != (entry.rate, entry.frames):
        raise ArchiveError("The voice file is damaged: a clip is not what its manifest says.")
    return clip


def _picture(file: zipfile.ZipFile, manifest: Manifest) -> bytes:
    if not manifest.picture:
        return b""
    data = _read(file, manifest.picture)
    if f"picture.{picture_suffix(data)}" != manifest.picture:
        raise ArchiveError("The voice file is damaged: its picture is not what its name says.")
    return data


def _read(file: zipfile.ZipFile, name: str) -> bytes:
    """An entry's bytes. Unpacks no more than the entry said, and checks its CRC."""
    size = file.getinfo(name).file_size
    with file.open(name) as entry:
        return entry.read(size + 1)


def _entry(name: str) -> zipfile.ZipInfo:
    """An entry to be stored as it is: FLAC and pictures do not shrink, and a manifest is read faster."""
    entry = zipfile.ZipInfo(name, _FIRST_DAY)
    entry.external_attr = 0o644 << 16
    return entry
