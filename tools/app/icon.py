"""Paints the application's icon: python tools/app/icon.py FILE.png"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

_SIZE, _INSET, _RADIUS = 1024, 100, 185
"""Apple's grid: the shape takes 824 of 1024 pixels."""

_GROUND, _LINE = "#1f6f78", "#ffffff"


def main() -> None:
    """Writes the file that is named."""
    app = QGuiApplication(["icon", "-platform", "offscreen"])
    logo = Path(__file__).parents[2] / "assets" / "icons" / "logo.svg"
    drawing = QSvgRenderer(logo.read_text().replace("currentColor", _LINE).encode())
    image = QImage(_SIZE, _SIZE, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QColor(0, 0, 0, 0))
    painter.setBrush(QColor(_GROUND))
    shape = QRectF(_INSET, _INSET, _SIZE - 2 * _INSET, _SIZE - 2 * _INSET)
    painter.drawRoundedRect(shape, _RADIUS, _RADIUS)
    margin = 0.16 * shape.width()
    drawing.render(painter, shape.adjusted(margin, margin, -margin, -margin))
    painter.end()
    app.quit()
    if not image.save(sys.argv[1]):
        sys.exit(f"{sys.argv[1]} cannot be written")


if __name__ == "__main__":
    main()
