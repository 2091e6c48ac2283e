"""The pictures of voices, read and scaled beside the window's thread, once each."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, Qt, Signal
from PySide6.QtGui import QImage, QImageReader

from gui.control.library import LibraryController
from voices.picture import PictureError, picture_suffix

SIDE = 144
"""Pixels: 48 logical ones at a screen scale of 3."""


class Pictures(QObject):
    """`arrived(voice_id)`: `of` has a picture now."""

    arrived = Signal(str)

    def __init__(self, library: LibraryController) -> None:
        super().__init__(library)
        self._library = library
        self._known: dict[str, QImage | None] = {}
        library.changed.connect(self._known.clear)

    def of(self, voice_id: str) -> QImage | None:
        """Returns a square picture, None where there is none or it is still being read."""
        if voice_id not in self._known:
            self._known[voice_id] = None
            self._library.worker.do(
                lambda: _read(self._library.library.picture(voice_id)),
                lambda image: self._take(voice_id, image),
                lambda _: None,
            )
        return self._known[voice_id]

    def _take(self, voice_id: str, image: QImage) -> None:
        if not image.isNull():
            self._known[voice_id] = image
            self.arrived.emit(voice_id)


def decoded(data: bytes) -> QImage:
    """The picture of a PNG or JPEG file's bytes; a null image for anything else.

    Qt is told the format: looking for it, its SVG reader connects signals, and in a thread of Python's that
    waited for a lock of the window's thread, which waited for the interpreter's, for ever.
    """
    try:
        suffix = picture_suffix(data)
    except PictureError:
        return QImage()
    buffer = QBuffer()
    buffer.setData(data)
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(suffix.encode()))
    reader.setAutoDetectImageFormat(False)
    return reader.read()


def _read(data: bytes) -> QImage:
    """Returns the middle of a picture as a square of `SIDE`; a null image where it can't be read."""
    image = decoded(data)
    if image.isNull():
        return image
    fill = Qt.AspectRatioMode.KeepAspectRatioByExpanding
    scaled = image.scaled(SIDE, SIDE, fill, Qt.TransformationMode.SmoothTransformation)
    left, top = (scaled.width() - SIDE) // 2, (scaled.height() - SIDE) // 2
    return scaled.copy(left, top, SIDE, SIDE)
