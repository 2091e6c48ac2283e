"""Pictures of voices: only their header is looked at here, the window decodes them."""

from __future__ import annotations

from pathlib import Path

MAX_PICTURE_BYTES = 1 << 20
MAX_PICTURE_SIDE = 2048

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


class PictureError(ValueError):
    """A picture that no voice can have; the message is a sentence for the user."""


def picture_suffix(data: bytes) -> str:
    """Returns 'png' or 'jpg'. Raises PictureError for other formats and for pictures too large."""
    if len(data) > MAX_PICTURE_BYTES:
        raise PictureError(f"The picture is larger than {MAX_PICTURE_BYTES >> 20} MiB; make it smaller.")
    if data[:16] == b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR":
        suffix, size = "png", (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
    elif data[:3] == b"\xff\xd8\xff":
        suffix, size = "jpg", _jpeg_size(data)
    else:
        raise PictureError("The picture is neither PNG nor JPEG; save it as one of them.")
    if not all(0 < side <= MAX_PICTURE_SIDE for side in size):
        raise PictureError(f"The picture may have {MAX_PICTURE_SIDE} points a side at most; make it smaller.")
    return suffix


def read_picture_file(path: str | Path) -> bytes:
    """The bytes of a picture a voice can have. Raises PictureError."""
    path = Path(path)
    try:
        if not path.is_file():
            raise PictureError(f"{path} does not exist or is no file; name a PNG or JPEG file.")
        with path.open("rb") as file:
            data = file.read(MAX_PICTURE_BYTES + 1)
    except OSError as error:
        raise PictureError(f"{path} cannot be read ({error.strerror}).") from error
    picture_suffix(data)
    return data


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height out of the first frame header (ITU T.81, B.2.2), (0, 0) where there is none."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _START_OF_FRAME:
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        if marker == 0xFF:
            at += 1
        elif marker in _BARE:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0
