"""The icon in the tray or menu bar: what the call hears, how late, how loud, and the actions of a call."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from gui.control.call import WORDS, CallAction, CallController
from gui.icons import draw
from gui.session import Session
from gui.theme import current
from inference.engine.messages import EngineState, Mode
from inference.engine.telemetry import Telemetry

READ_MS = 1000
VOICES_SHOWN = 12
HINT = "Menura goes on here while its window is closed. Quit it from this icon's menu."


def state_words(session: Session, telemetry: Telemetry | None) -> str:
    """One line: what the call hears, from whom, how late and how loud."""
    if session.state is EngineState.FAILED:
        return "Menura: stopped by a problem, the call hears nothing"
    if not session.running:
        return "Menura: stopped"
    voice = session.voice.name if session.voice else ""
    words = {
        Mode.MUTE: "muted",
        Mode.BYPASS: "YOUR OWN VOICE goes to the call",
        Mode.CONVERTED: f"live as {voice}",
    }[session.params.mode]
    if telemetry and telemetry.running:
        words += f", {telemetry.latency.total:.0f} ms"
        # The level is the converted voice's, whatever the call hears.
        if session.params.mode is Mode.CONVERTED:
            level = 20 * math.log10(max(telemetry.output_rms, 1e-5))
            words += f", {level:.0f} dB".replace("-", "−")
    return f"Menura: {words}"


def state_role(session: Session) -> str:
    """The colour role of the state's dot."""
    if session.state is EngineState.FAILED:
        return "danger"
    if not session.running or session.params.mode is Mode.MUTE:
        return "text_muted"
    return "danger" if session.params.mode is Mode.BYPASS else "live"


class Tray(QObject):
    """Shown where the system has a tray.

    With `close_to_tray` the window's closing hides it, with a hint the first time.
    """

    def __init__(self, session: Session, call: CallController, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._call, self._window = session, call, window
        self._hinted = self.quitting = False
        self.menu = QMenu()
        self.line = QAction("", self.menu)
        self.line.setEnabled(False)
        self._voices = QMenu("Voice", self.menu)
        self._voices.aboutToShow.connect(self._list_voices)
        self.actions = self._fill()
        self.icon = QSystemTrayIcon(self)
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._activated)
        self._timer = QTimer(self)
        self._timer.setInterval(READ_MS)
        self._timer.timeout.connect(self.refresh)
        session.state_changed.connect(lambda *_: self.refresh())
        session.params_changed.connect(lambda _: self.refresh())
        session.voice_changed.connect(lambda _: self.refresh())
        call.hud_wanted.connect(self.refresh)
        window.installEventFilter(self)
        self.refresh()

    def show(self) -> bool:
        """Shows the icon; False where the system has no tray."""
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return False
        self.icon.show()
        return True

    def refresh(self) -> None:
        """Shows the state; the engine is read only while it runs, and the icon drawn when it changes."""
        session = self._session
        if session.running != self._timer.isActive():
            (self._timer.start if session.running else self._timer.stop)()
        telemetry = session.engine.telemetry() if session.engine and session.running else None
        words, role = state_words(session, telemetry), state_role(session)
        if words != self.line.text():
            self.line.setText(words)
            self.icon.setToolTip(words)
        mode = session.params.mode
        self.actions[CallAction.MUTE].setChecked(mode is Mode.MUTE)
        self.actions[CallAction.BYPASS].setChecked(mode is Mode.BYPASS)
        self.actions[CallAction.HUD].setChecked(session.store.settings.call.hud)
        self.actions[CallAction.TOGGLE].setText("Stop" if session.running else "Start")
        look = (role, current().dark)
        if look != self._look:
            self._look = look
            self.icon.setIcon(_picture(role))

    _look: tuple[str, bool] | None = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hides the window instead of closing it, where the user wants that and can get it back."""
        closes = event.type() == QEvent.Type.Close and watched is self._window
        if not closes or self.quitting or not self._session.store.settings.call.close_to_tray:
            return False
        if not self.icon.isVisible():
            return False
        event.ignore()
        self._window.hide()
        if not self._hinted:
            self._hinted = True
            self.icon.showMessage("Menura", HINT, QIcon(_picture(state_role(self._session))))
        return True

    def _fill(self) -> dict[CallAction, QAction]:
        made = {}
        self.menu.addAction(self.line)
        self.menu.addSeparator()
        for action in (CallAction.TOGGLE, CallAction.MUTE, CallAction.BYPASS, CallAction.PANIC):
            made[action] = self._add(action)
            made[action].setCheckable(action in (CallAction.MUTE, CallAction.BYPASS))
        self.menu.addMenu(self._voices)
        self.menu.addSeparator()
        made[CallAction.HUD] = self._add(CallAction.HUD)
        made[CallAction.HUD].setCheckable(True)
        made[CallAction.SHOW] = self._add(CallAction.SHOW)
        made[CallAction.QUIT] = self._add(CallAction.QUIT)
        return made

    def _add(self, action: CallAction) -> QAction:
        made = QAction(WORDS[action], self.menu)
        made.triggered.connect(lambda _=False: self._call.do(action))
        self.menu.addAction(made)
        return made

    def _list_voices(self) -> None:
        """Favourites first; the window has the rest."""
        session = self._session
        self._voices.clear()
        favourites = session.store.settings.favourites
        ranked = sorted(session.voices, key=lambda voice: voice.id not in favourites)
        for voice in ranked[:VOICES_SHOWN]:
            action = self._voices.addAction(voice.name)
            action.setCheckable(True)
            action.setChecked(voice.id == session.voice_id)
            action.triggered.connect(lambda _=False, v=voice.id: session.choose_voice(v))

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is QSystemTrayIcon.ActivationReason.Trigger:
            self._call.do(CallAction.SHOW)


def _picture(role: str) -> QIcon:
    """The product's mark with a dot in the colour of the state, for light and dark trays."""
    made = QIcon()
    for size in (22, 44):
        pixmap = QPixmap(QSize(size, size))
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw(painter, "logo", QRectF(1, 1, size - 2, size - 2), current().accent)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(getattr(current(), role)))
        painter.drawEllipse(QRectF(size * 0.6, size * 0.6, size * 0.38, size * 0.38))
        painter.end()
        made.addPixmap(pixmap)
    return made
