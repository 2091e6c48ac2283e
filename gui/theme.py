"""Light and dark: named colour roles, the palette and the style sheet made from them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from gui.settings import ThemeMode

FONT_FAMILIES = [
    "Inter",
    "SF Pro Text",
    ".AppleSystemUIFont",
    "Segoe UI Variable Text",
    "Segoe UI",
    "Cantarell",
    "Noto Sans",
    "DejaVu Sans",
]
BODY_PX = 13
CAPTION_PX = 11
TITLE_PX = 15
NUMERAL_PX = 24
SPACE = 8


@dataclass(frozen=True)
class Theme:
    """Colour roles, #rrggbb. `input` is the user's own voice, `output` what the call hears.

    `parts` colours the seven stages of the latency bar from microphone to call; `input_map` and
    `output_map` are the stops of the spectrograms' colour maps from silence to loudest.
    """

    dark: bool
    window: str
    surface: str
    raised: str
    sunken: str
    border: str
    border_strong: str
    grid: str
    text: str
    text_muted: str
    text_disabled: str
    accent: str
    accent_hover: str
    on_accent: str
    accent_soft: str
    focus: str
    input: str
    output: str
    live: str
    warning: str
    danger: str
    danger_fill: str
    on_danger: str
    danger_soft: str
    parts: tuple[str, ...]
    input_map: tuple[str, ...]
    output_map: tuple[str, ...]


DARK = Theme(
    dark=True,
    window="#0f1115",
    surface="#171a20",
    raised="#222731",
    sunken="#0b0d11",
    border="#262b35",
    border_strong="#3c4453",
    grid="#1c2029",
    text="#eef0f4",
    text_muted="#a4adbc",
    text_disabled="#6b7484",
    accent="#ff9b5e",
    accent_hover="#ffb07f",
    on_accent="#241103",
    accent_soft="#33241b",
    focus="#ffc49c",
    input="#5cb8ff",
    output="#ff9b5e",
    live="#4ade8b",
    warning="#f4c84a",
    danger="#ff7a76",
    danger_fill="#d93a3a",
    on_danger="#ffffff",
    danger_soft="#3a1c1f",
    parts=("#3f7fc4", "#5cb8ff", "#52d0c5", "#8bd67a", "#f4c84a", "#c58bf2", "#ff9b5e"),
    input_map=("#0b0d11", "#10233f", "#1b4f86", "#3a97dd", "#a5deff", "#f4fbff"),
    output_map=("#0b0d11", "#351a14", "#7d3517", "#dd7432", "#ffc78f", "#fff8ee"),
)

LIGHT = Theme(
    dark=False,
    window="#eef0f3",
    surface="#ffffff",
    raised="#f0f2f5",
    sunken="#f7f8fa",
    border="#dde1e7",
    border_strong="#b3bbc7",
    grid="#e6e9ee",
    text="#14171c",
    text_muted="#555e6c",
    text_disabled="#8a93a1",
    accent="#b84a0d",
    accent_hover="#9c3d08",
    on_accent="#ffffff",
    accent_soft="#fdeee4",
    focus="#d9691f",
    input="#1067b8",
    output="#b84a0d",
    live="#14763d",
    warning="#8a5d00",
    danger="#c02626",
    danger_fill="#c92a2a",
    on_danger="#ffffff",
    danger_soft="#fdeaea",
    parts=("#1f5fa6", "#3d97e0", "#18a097", "#58a542", "#d19a0c", "#8e57c7", "#c9601f"),
    input_map=("#f7f8fa", "#d9e9f8", "#93c4ee", "#3e8fd6", "#15549a", "#0a2748"),
    output_map=("#f7f8fa", "#fbe6d7", "#f3bb92", "#db7b35", "#9a3f0c", "#481c05"),
)


class _Current:
    """The theme in use: process-wide, as the application's palette and style sheet are."""

    theme = DARK


def current() -> Theme:
    """Returns the theme in use; painted widgets ask for it in `paintEvent`."""
    return _Current.theme


def palette(theme: Theme) -> QPalette:
    """Returns Fusion's palette for what the style sheet leaves alone."""
    p = QPalette()
    role = QPalette.ColorRole
    for which, colour in {
        role.Window: theme.window,
        role.Base: theme.sunken,
        role.AlternateBase: theme.raised,
        role.Button: theme.raised,
        role.ToolTipBase: theme.raised,
        role.Highlight: theme.accent,
        role.HighlightedText: theme.on_accent,
        role.WindowText: theme.text,
        role.Text: theme.text,
        role.ButtonText: theme.text,
        role.ToolTipText: theme.text,
        role.PlaceholderText: theme.text_muted,
    }.items():
        p.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        p.setColor(QPalette.ColorGroup.Disabled, which, QColor(theme.text_disabled))
    return p


@cache
def _template() -> Template:
    return Template((files("assets") / "theme" / "studio.qss").read_text(encoding="utf-8"))


def stylesheet(theme: Theme) -> str:
    """Returns the style sheet with every role filled in. Raises KeyError for a role that isn't one."""
    roles = {f.name: getattr(theme, f.name) for f in fields(theme)}
    sizes = {"body": BODY_PX, "caption": CAPTION_PX, "title": TITLE_PX, "numeral": NUMERAL_PX}
    return _template().substitute(roles, **{k: f"{v}px" for k, v in sizes.items()})


def font(px: int = BODY_PX, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Returns the interface font with figures of equal width, so that readouts don't dance."""
    f = QFont()
    f.setFamilies(FONT_FAMILIES)
    f.setPixelSize(px)
    f.setWeight(weight)
    f.setFeature(QFont.Tag("tnum"), 1)
    return f


class ThemeSwitch(QObject):
    """Applies the theme the user wants and follows the system where that is the wish."""

    changed = Signal()

    def __init__(self, app: QApplication, mode: ThemeMode) -> None:
        super().__init__(app)
        self._app = app
        self._mode = mode
        app.setStyle("Fusion")
        app.setFont(font())
        app.styleHints().colorSchemeChanged.connect(lambda _: self.set_mode(self._mode))
        self.set_mode(mode)

    @property
    def mode(self) -> ThemeMode:
        """What the user wants."""
        return self._mode

    def set_mode(self, mode: ThemeMode) -> None:
        """Switches palette, style sheet and painted widgets."""
        self._mode = mode
        _Current.theme = resolve(mode, self._app.styleHints().colorScheme())
        self._app.setPalette(palette(_Current.theme))
        sheet = stylesheet(_Current.theme)
        if sheet != self._app.styleSheet():
            self._app.setStyleSheet(sheet)
        self.changed.emit()


def resolve(mode: ThemeMode, system: Qt.ColorScheme) -> Theme:
    """Returns the theme for a wish; dark where the system does not say."""
    if mode is ThemeMode.SYSTEM:
        return LIGHT if system == Qt.ColorScheme.Light else DARK
    return DARK if mode is ThemeMode.DARK else LIGHT
