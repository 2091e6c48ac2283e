"""Line icons of assets/icons, tinted in a colour role."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from gui.theme import current

FALLBACK = "voice"


@cache
def _source(name: str) -> str:
    folder = files("assets") / "icons"
    file = folder / f"{name}.svg"
    return (file if file.is_file() else folder / f"{FALLBACK}.svg").read_text(encoding="utf-8")


@cache
def _renderer(name: str, colour: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode()))


def draw(painter: QPainter, name: str, rect: QRectF, colour: str) -> None:
    """Draws an icon into `rect`; an unknown name draws the plain voice."""
    _renderer(name, colour).render(painter, rect)


def icon(name: str, role: str = "text", size: int = 20) -> QIcon:
    """Returns an icon in a role of the current theme, sharp at every screen scale up to 3."""
    made = QIcon()
    colours = {
        QIcon.Mode.Normal: str(getattr(current(), role)),
        QIcon.Mode.Disabled: current().text_disabled,
    }
    for mode, colour in colours.items():
        for scale in (1, 2, 3):
            made.addPixmap(_pixmap(name, colour, size, scale), mode)
    return made


@cache
def _pixmap(name: str, colour: str, size: int, scale: int) -> QPixmap:
    pixmap = QPixmap(QSize(size, size) * scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    draw(painter, name, QRectF(pixmap.rect()), colour)
    painter.end()
    pixmap.setDevicePixelRatio(scale)
    return pixmap
