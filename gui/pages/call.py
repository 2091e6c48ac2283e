"""The Call page: the way into a call, what to set there, keys that work while a game is in front."""

from __future__ import annotations

import sys
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QTextCursor
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from audio import virtual_mic
from audio.cables import PROGRAMS, Cable, call_steps, find_cables, how_to_get_one, route_warnings
from audio.devices import Device
from gui.control.call import WORDS, CallAction
from gui.control.hotkeys import DEFAULTS
from gui.control.journal import LINES
from gui.control.notice import Notice
from gui.file_dialogs import Kind
from gui.pages.call_check import CheckSection
from gui.pages.frame import PageFrame, section
from gui.session import Session
from gui.widgets.buttons import IconButton, PushButton
from gui.widgets.select import Select
from gui.widgets.switch import SwitchBox
from gui.widgets.text import label

Portable = QKeySequence.SequenceFormat.PortableText


class RouteSection(QWidget):
    """Which cable there is, how to get one, what is wrong with the devices chosen, what to set where."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.state = label("", "body", wrap=True)
        self.warnings = label("", "danger", wrap=True)
        self.make = PushButton("Create microphone", "primary", "mic", "on_accent")
        self.take_away = PushButton("Remove microphone")
        self.use = PushButton("Use this cable")
        self.refresh = PushButton("Look again", "link")
        self.hear = PushButton("Hear yourself …", "link")
        self.hear.setToolTip("Choose in Compare, on the Live page, what you hear on your headphones")
        self.program = Select("Program you call with")
        self.steps = label("", "body", wrap=True)
        self.steps.setTextFormat(Qt.TextFormat.RichText)
        self.steps.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.make.clicked.connect(session.microphone.make)
        self.take_away.clicked.connect(session.microphone.take_away)
        self.use.clicked.connect(self._use)
        self.refresh.clicked.connect(session.refresh_devices)
        self.hear.clicked.connect(lambda: session.show_panel("compare"))
        self.program.activated.connect(self._choose_program)
        self._lay_out()
        session.devices_listed.connect(lambda _: self.show_route())
        session.streams_opened.connect(lambda _: self.show_route())
        session.devices.changed.connect(self.show_route)
        session.microphone.changed.connect(self.show_route)
        self.program.show_items([(name, name) for name in PROGRAMS], session.store.settings.call.program)
        self.show_route()

    def show_route(self) -> None:
        """Shows what is there now."""
        s, microphone = self._session, self._session.microphone
        cable = self._cable()
        output = self._device(s.devices.settings.output, "output")
        in_use = cable is not None and output is not None and cable.output.name == output.name
        self.state.setText(self._words(cable, in_use))
        self.make.setVisible(microphone.supported and not microphone.there)
        self.make.setEnabled(not microphone.busy)
        self.take_away.setVisible(microphone.there)
        self.take_away.setEnabled(not microphone.busy)
        self.use.setVisible(cable is not None and not in_use)
        self.hear.setVisible(in_use)
        found = self._warnings(output) if s.devices.listed else []
        self.warnings.setText("\n".join([*([microphone.problem] if microphone.problem else []), *found]))
        self.warnings.setVisible(bool(self.warnings.text()))
        self._show_steps()

    def _words(self, cable: Cable | None, in_use: bool) -> str:
        if cable is None and self._session.microphone.supported:
            return f"A call cannot hear the voice yet. Menura makes '{virtual_mic.NAME}' for it."
        if cable is None:
            return f"No virtual cable yet, so a call cannot hear the voice. {how_to_get_one(sys.platform)}"
        if in_use:
            return f"The voice goes to '{cable.output.label}'. In your call, choose '{cable.microphone}'."
        return f"'{cable.output.label}' is there, but the voice goes elsewhere."

    def _warnings(self, output: Device | None) -> list[str]:
        d = self._session.devices
        config = d.stream_config()
        monitor = self._device(config.monitor_device, "output") if config.monitor_device else None
        return route_warnings(
            self._device(d.settings.input, "input"), output, monitor, d.settings.sample_rate
        )

    def _cable(self) -> Cable | None:
        """The best cable; our own microphone first where it was just made and is not listed yet."""
        cables = find_cables(self._session.devices.listed)
        return cables[0] if cables else None

    def _device(self, name: str | None, kind: str) -> Device | None:
        listed = self._session.devices.listed
        if name:
            return next((d for d in listed if d.name == name), None)
        return next(
            (d for d in listed if (d.is_default_input if kind == "input" else d.is_default_output)), None
        )

    def _use(self) -> None:
        cable = self._cable()
        if cable:
            self._session.devices.set_device("output", cable.output.name)

    def _choose_program(self) -> None:
        self._session.store.settings.call.program = self.program.currentData()
        self._session.remember()
        self._show_steps()

    def _show_steps(self) -> None:
        cable = self._cable()
        microphone = cable.microphone if cable else virtual_mic.NAME
        steps = call_steps(self.program.currentData() or PROGRAMS[0], microphone)
        items = "".join(f"<li style='margin-bottom: 4px'>{escape(step)}</li>" for step in steps)
        self.steps.setText(f"<ol style='margin-left: -18px'>{items}</ol>")

    def _lay_out(self) -> None:
        route, column = section("The way into your call")
        column.addWidget(self.state)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.make, self.use, self.take_away, self.refresh, self.hear):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        column.addWidget(self.warnings)
        program, below = section("What to set in the call")
        below.addWidget(self.program)
        below.addWidget(self.steps)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(20)
        whole.addWidget(route)
        whole.addWidget(program)


class KeysSection(QWidget):
    """Global keys with what stands in their way, and how Menura starts."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.on = SwitchBox("Global keys", "These keys work while another program is in front")
        self.edits: dict[CallAction, QKeySequenceEdit] = {}
        self._notes: dict[CallAction, QLabel] = {}
        self.problem = label("", "danger", wrap=True)
        wishes = session.store.settings.call
        self.switches = {
            "start_live": SwitchBox("Go live at start", "Starts with the devices and the voice of last time"),
            "start_minimised": SwitchBox("Start out of sight", "Opens in the tray, or minimised without one"),
            "close_to_tray": SwitchBox(
                "Keep running in the tray", "Closing the window leaves the call alone"
            ),
        }
        for name, switch in self.switches.items():
            switch.setChecked(getattr(wishes, name))
            switch.toggled.connect(lambda on, field=name: self._wish(field, on))
        self._lay_out()
        self.on.toggled.connect(session.hotkeys.switch)
        session.hotkeys.changed.connect(self.show_keys)
        self.show_keys()

    def show_keys(self) -> None:
        """Shows the keys in use and why some do not work."""
        hotkeys = self._session.hotkeys
        self.on.setChecked(hotkeys.on)
        self.problem.setText(hotkeys.problem)
        self.problem.setVisible(bool(hotkeys.problem))
        for action, edit in self.edits.items():
            keys = hotkeys.keys.get(action, "")
            if edit.keySequence().toString(Portable) != keys:
                edit.setKeySequence(QKeySequence(keys))
            edit.setEnabled(hotkeys.on)
            note = hotkeys.problems.get(action, "")
            self._notes[action].setText(note)
            self._notes[action].setVisible(bool(note))

    def _wish(self, field: str, on: bool) -> None:
        setattr(self._session.store.settings.call, field, on)
        self._session.remember()

    def _set(self, action: CallAction) -> None:
        keys = self.edits[action].keySequence().toString(Portable)
        if keys != self._session.hotkeys.keys.get(action, ""):
            self._session.hotkeys.set_keys(action, keys)

    def _row(self, grid: QGridLayout, action: CallAction) -> None:
        edit = QKeySequenceEdit()
        edit.setMaximumSequenceLength(1)
        edit.setAccessibleName(f"Keys: {WORDS[action]}")
        edit.setToolTip("Press the keys that shall do this")
        edit.editingFinished.connect(lambda a=action: self._set(a))
        clear = IconButton("close", f"No keys for: {WORDS[action]}", 14)
        clear.clicked.connect(lambda _=False, a=action: self._session.hotkeys.set_keys(a, ""))
        note = label("", "danger", wrap=True)
        note.hide()
        row = 2 * grid.rowCount()
        grid.addWidget(label(WORDS[action]), row, 0)
        grid.addWidget(edit, row, 1)
        grid.addWidget(clear, row, 2)
        grid.addWidget(note, row + 1, 0, 1, 3)
        self.edits[action], self._notes[action] = edit, note

    def _lay_out(self) -> None:
        keys, column = section("Keys for the call")
        column.addWidget(self.on)
        column.addWidget(self.problem)
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for action in DEFAULTS:
            self._row(grid, action)
        column.addLayout(grid)
        column.addWidget(
            label("Stream decks and foot switches can run 'menura tell mute' instead.", "caption", wrap=True)
        )
        start, below = section("Start and end")
        for switch in self.switches.values():
            below.addWidget(switch)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(20)
        whole.addWidget(keys)
        whole.addWidget(start)
        whole.addStretch(1)


class JournalSection(QWidget):
    """What happened, and the black box for a report of trouble."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.lines = QPlainTextEdit()
        self.lines.setReadOnly(True)
        self.lines.setMaximumBlockCount(LINES)
        self.lines.setAccessibleName("What happened")
        self.lines.setMinimumHeight(150)
        self.export = PushButton("Export the last 30 s …")
        self.export.setToolTip("Writes what the microphone heard, what the call got, and this list to a file")
        self.export.clicked.connect(self._export)
        heading, column = section("What happened")
        head = QHBoxLayout()
        head.addWidget(
            label("Nothing leaves this computer: you choose whether to export it.", "caption", wrap=True), 1
        )
        head.addWidget(self.export)
        column.addLayout(head)
        column.addWidget(self.lines)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(heading)
        self.lines.setPlainText("\n".join(session.journal.lines))
        session.journal.added.connect(self.lines.appendPlainText)
        # The newest line is what people look for; appending keeps the end in sight only where it was.
        self.lines.moveCursor(QTextCursor.MoveOperation.End)
        session.journal.exported.connect(lambda path: session.say(Notice(f"Written to {path}.", "toast")))
        session.journal.failed.connect(lambda why: session.say(Notice(why, "danger")))

    def _export(self) -> None:
        write = self._session.journal.export
        self._session.dialogs.save(
            self, "Export the last 30 s", Kind.REPORTS, "menura-report.zip", write, "Zip (*.zip)"
        )


class CallPage(PageFrame):
    """Everything around a call, once; afterwards nobody needs the window."""

    def __init__(self, session: Session) -> None:
        super().__init__("Call", "Set this up once; then play, talk and forget the window.", scrolls=True)
        self.route, self.keys = RouteSection(session), KeysSection(session)
        columns = QHBoxLayout()
        columns.setSpacing(40)
        self.check = CheckSection(session)
        self.check.judged.connect(self._show_judged)
        left = QVBoxLayout()
        left.setSpacing(20)
        left.addWidget(self.route)
        left.addWidget(self.check)
        left.addStretch(1)
        columns.addLayout(left, 3)
        columns.addWidget(self.keys, 2)
        self.body.addLayout(columns)
        self.journal = JournalSection(session)
        self.body.addSpacing(8)
        self.body.addWidget(self.journal, 1)

    def _show_judged(self) -> None:
        """Scrolls to the verdict, which lies below the edge of a small window."""
        if self.area is not None:
            self.area.ensureWidgetVisible(self.check, 0, 0)
