"""What people see at once: places that tell the same thing agree, and no text is cut in a small window."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QLabel, QPushButton, QStyle, QStyleOptionButton

from inference.engine.messages import Mode, MonitorSource
from inference.engine.telemetry import Telemetry, Xruns
from tests.gui.conftest import Studio


def test_state_lane_and_meter_agree_with_what_the_call_hears(studio: Studio) -> None:
    studio.live()
    transport, live = studio.window.transport, studio.window.live
    lane = live.scope.view._rows[3]
    for mode, word, title, name in (
        (Mode.CONVERTED, "chosen voice", "Call hears", "Call"),
        (Mode.BYPASS, "your own", "Converted, not sent", "Voice"),
        (Mode.MUTE, "nothing", "Converted, not sent", "Voice"),
        (Mode.CONVERTED, "chosen voice", "Call hears", "Call"),
    ):
        live.compare.mode.button(mode).click()
        transport.show_tip("")
        assert word in transport.reason.text()
        assert lane.title == title
        assert live.levels.names[1].text() == name


def text_room(button: QPushButton) -> int:
    option = QStyleOptionButton()
    button.initStyleOption(option)
    return button.style().subElementRect(QStyle.SubElement.SE_PushButtonContents, option, button).width()


def test_no_text_of_a_narrow_window_is_cut(studio: Studio) -> None:
    studio.window.resize(1000, 640)
    studio.bot.waitUntil(lambda: studio.window.live.health.width() < 420)
    live = studio.window.live
    for page in studio.window.rail.buttons.values():
        page.setChecked(True)
        assert page.fontMetrics().horizontalAdvance(page.text()) <= page.width()
    studio.window.rail.show_page("live")
    buttons = [live.compare.mode.button(mode) for mode in Mode]
    buttons += [live.compare.monitor.button(source) for source in MonitorSource]
    for button in buttons:
        button.setFocus()
        assert button.fontMetrics().horizontalAdvance(button.text()) <= text_room(button), button.text()
    for tile in live.health.tiles.values():
        for text in tile.findChildren(QLabel):
            assert text.sizeHint().width() <= text.width(), text.text()


def test_long_losses_are_told_beside_the_dropouts(studio: Studio) -> None:
    bar = studio.window.transport
    xruns = Xruns(output_underflow=3, dropped_samples=960)
    reading = Telemetry(running=True, sample_rate=48_000, xruns=xruns)
    bar.show_telemetry(reading)
    assert (bar.dropouts.text(), bar.lost.text()) == ("3", "dropouts")
    bar.show_telemetry(replace(reading, xruns=replace(xruns, dropped_samples=192_000)))
    assert bar.lost.text() == "dropouts, 4 s lost"
