"""Themes: every role used exists, every text can be read, every icon is there."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from pytestqt.qtbot import QtBot

from gui import icons
from gui.settings import ThemeMode
from gui.theme import DARK, LIGHT, Theme, resolve, stylesheet

TEXTS = (
    ("text", "window"),
    ("text", "surface"),
    ("text", "raised"),
    ("text", "sunken"),
    ("text_muted", "surface"),
    ("text_muted", "raised"),
    ("text_muted", "sunken"),
    ("text_muted", "accent_soft"),
    ("text", "accent_soft"),
    ("text", "danger_soft"),
    ("on_accent", "accent"),
    ("on_accent", "accent_hover"),
    ("on_danger", "danger_fill"),
    ("accent", "surface"),
    ("accent", "accent_soft"),
    ("input", "raised"),
    ("input", "sunken"),
    ("output", "sunken"),
    ("warning", "surface"),
    ("warning", "sunken"),
    ("danger", "surface"),
    ("danger", "sunken"),
    ("live", "surface"),
)
SHAPES = (("focus", "surface"), ("focus", "raised"), ("border_strong", "surface"), ("live", "surface"))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """Contrast ratio (WCAG 2.2)."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_texts_reach_aa(theme: Theme, text: str, ground: str) -> None:
    assert contrast(getattr(theme, text), getattr(theme, ground)) >= 4.5


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("ground", ["surface", "raised", "sunken"])
def test_focus_ring_can_be_seen(theme: Theme, ground: str) -> None:
    assert contrast(theme.focus, getattr(theme, ground)) >= 3


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_style_sheet_has_no_open_role(theme: Theme) -> None:
    assert "$" not in stylesheet(theme)


def test_system_wish_follows_the_system() -> None:
    assert resolve(ThemeMode.SYSTEM, Qt.ColorScheme.Light) is LIGHT
    assert resolve(ThemeMode.SYSTEM, Qt.ColorScheme.Dark) is DARK
    assert resolve(ThemeMode.LIGHT, Qt.ColorScheme.Dark) is LIGHT


def icon_names() -> list[str]:
    """Names of all icons in the assets."""
    return sorted(Path(f.name).stem for f in (files("assets") / "icons").iterdir() if f.name.endswith(".svg"))


@pytest.mark.parametrize("name", icon_names())
def test_icons_draw_in_the_asked_colour(name: str, qtbot: QtBot) -> None:
    image = QImage(48, 48, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    icons.draw(painter, name, QRectF(0, 0, 48, 48), "#ff0000")
    painter.end()
    opaque = [c for x in range(48) for y in range(48) if (c := image.pixelColor(x, y)).alpha() > 200]
    assert opaque
    assert all(c.red() > 200 and c.green() < 40 for c in opaque)


def test_every_icon_in_use_exists() -> None:
    used: set[str] = set()
    for path in Path(icons.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r'(?:icon|IconButton|show_icon)\(\s*"([a-z-]+)"', text))
    assert {"close", "search", "reset"} <= used
    assert used <= set(icon_names())
