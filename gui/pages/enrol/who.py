"""Step 1: name, description and picture."""

from __future__ import annotations

import zlib
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QObject, QRectF, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageReader, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui.file_dialogs import FileDialogs, Kind
from gui.pages.enrol.step import StepCard, field
from gui.widgets.buttons import PushButton
from gui.widgets.voice_cards import paint_avatar
from voices.manifest import MAX_NAME
from voices.voice import Voice, VoiceKind

PICTURE_PX = 512
MAX_DESCRIPTION = 200
PICTURES = "Pictures (*.png *.jpg *.jpeg *.webp *.bmp *.gif);;All files (*)"
COLOURS = ("#d98e73", "#5b8c9e", "#b07aa1", "#4e8e68", "#c2a83e", "#7d8cc4", "#e07a5f", "#6fa8a0")


def colour_of(name: str) -> str:
    """Returns the colour a voice of this name is drawn in, always the same."""
    return COLOURS[zlib.crc32(name.strip().casefold().encode()) % len(COLOURS)]


class Face(QWidget):
    """The voice's face: the chosen picture in a circle, or the drawn one."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(72, 72)
        self.setAccessibleName("Picture of the voice")
        self._picture = QPixmap()
        self._name = ""

    def show_name(self, name: str) -> None:
        """Takes over the name's colour."""
        self._name = name
        self.update()

    def show_picture(self, png: bytes) -> None:
        """Shows a picture; empty bytes bring the drawn face back."""
        self._picture = QPixmap()
        if png:
            self._picture.loadFromData(png)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if self._picture.isNull():
            colour = colour_of(self._name)
            paint_avatar(painter, box, Voice("", self._name, "", VoiceKind.NEURAL, colour=colour))
        else:
            circle = QPainterPath()
            circle.addEllipse(box)
            painter.setClipPath(circle)
            painter.drawPixmap(box, self._picture, QRectF(self._picture.rect()))
        painter.end()


class _Result(QObject):
    ready = Signal(bytes)


class _Load(QRunnable):
    """Reads, crops and shrinks a picture beside the window's thread; a photograph takes a while."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.result = _Result()
        self._path = path

    def run(self) -> None:
        self.result.ready.emit(square_png(self._path))


def _read(path: Path, by_name: bool) -> QImage:
    """The picture, if it is large just larger than needed; `by_name`: in the format that its name says.

    Guessing comes second: `gui.control.pictures.decoded` says what may happen then.
    """
    reader = QImageReader(str(path))
    reader.setAutoDetectImageFormat(not by_name)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid() and min(size.width(), size.height()) > PICTURE_PX:
        small = size.scaled(QSize(PICTURE_PX, PICTURE_PX), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
        reader.setScaledSize(small)
    return reader.read()


def square_png(path: Path) -> bytes:
    """Returns the middle of a picture as a PNG of at most 512 x 512 points; empty where it is no picture."""
    image = _read(path, by_name=True)
    if image.isNull():
        image = _read(path, by_name=False)
    if image.isNull():
        return b""
    side = min(image.width(), image.height())
    middle = image.copy((image.width() - side) // 2, (image.height() - side) // 2, side, side)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    middle.convertToFormat(QImage.Format.Format_RGB32).save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())


class WhoStep(StepCard):
    """`changed` on every edit; `problem(sentence)` for a file that is no picture."""

    changed = Signal()
    problem = Signal(str)

    def __init__(self, dialogs: FileDialogs) -> None:
        super().__init__(1, "The voice")
        self._dialogs = dialogs
        self.name = QLineEdit()
        self.name.setMaxLength(MAX_NAME)
        self.name.setPlaceholderText("For example: Old keeper")
        self.about = QLineEdit()
        self.about.setMaxLength(MAX_DESCRIPTION)
        self.about.setPlaceholderText("How it sounds (optional)")
        self.face = Face()
        self.choose = PushButton("Picture …")
        self.choose.setToolTip("Choose a picture for the voice; without one it gets a drawn face")
        self.drawn = PushButton("Remove", "link")
        self.drawn.setToolTip("Go back to the drawn face")
        self.picture = b""
        self._lay_out()
        self.name.textChanged.connect(self.face.show_name)
        self.name.textChanged.connect(self.changed)
        self.about.textChanged.connect(self.changed)
        self.choose.clicked.connect(self._ask)
        self.drawn.clicked.connect(lambda: self._take_picture(b""))
        self.drawn.hide()

    def load_picture(self, path: Path) -> None:
        """Takes a picture file."""
        load = _Load(path)
        self._load = load
        load.setAutoDelete(False)
        load.result.ready.connect(lambda png: self._loaded(png, path))
        QThreadPool.globalInstance().start(load)

    def clear(self) -> None:
        """Empties the fields."""
        self.name.clear()
        self.about.clear()
        self._take_picture(b"")

    def _lay_out(self) -> None:
        fields = QVBoxLayout()
        fields.setSpacing(4)
        for name, edit in (("Name", self.name), ("Description", self.about)):
            for widget in field(name, edit):
                fields.addWidget(widget)
        face = QVBoxLayout()
        face.setSpacing(4)
        face.addWidget(self.face, alignment=Qt.AlignmentFlag.AlignHCenter)
        face.addWidget(self.choose)
        face.addWidget(self.drawn)
        face.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(14)
        row.addLayout(face)
        row.addLayout(fields, 1)
        self.body.addLayout(row)

    def _ask(self) -> None:
        title = "A picture for the voice"
        self._dialogs.file(self, title, Kind.PICTURES, self.load_picture, PICTURES)

    def _loaded(self, png: bytes, path: Path) -> None:
        if png:
            self._take_picture(png)
        else:
            self.problem.emit(f"{path.name} is not a picture that can be read: choose a PNG or JPEG file.")

    def _take_picture(self, png: bytes) -> None:
        self.picture = png
        self.face.show_picture(png)
        self.drawn.setVisible(bool(png))
        self.changed.emit()
