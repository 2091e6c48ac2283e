"""Widgets on their own."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.lanes import PITCH_HIGH_HZ, PITCH_LOW_HZ, mel_rows
from gui.panels.health import HealthPanel
from gui.panels.levels import ClipLight
from gui.panels.voices import VoicesPanel
from gui.settings import ThemeMode
from gui.single_instance import InstanceServer, server_name, tell_other
from gui.theme import ThemeSwitch, current
from gui.tuning import KNOBS
from gui.widgets.knob_row import KnobRow
from gui.widgets.latency_bar import LatencyBar, Sparkline
from gui.widgets.level_meter import FLOOR_DB, PeakHold, decibels
from gui.widgets.plots import StackedBar
from gui.widgets.scope_view import SPAN_SECONDS, SPECS, ScopeView, readable
from gui.widgets.text import ElidedLabel, label, tip
from gui.widgets.voice_model import VoiceModel
from inference.engine.latency import LatencyBudget
from inference.engine.messages import StreamConfig
from inference.engine.telemetry import Telemetry, Xruns
from tests.fakes.fake_engine import FakeEngine
from voices.voice import Voice, VoiceKind


def test_peak_stands_then_falls() -> None:
    hold = PeakHold()
    assert hold.update(-6, 0.0) == -6
    assert hold.update(-40, 1.0) == -6
    assert hold.update(-40, 2.0) < -6
    assert hold.update(-40, 9.0) == -40
    assert hold.update(-3, 9.1) == -3


@pytest.mark.parametrize(("amplitude", "db"), [(1, 0), (0.5, -6.02), (0, FLOOR_DB), (1e-9, FLOOR_DB)])
def test_decibels(amplitude: float, db: float) -> None:
    assert decibels(amplitude) == pytest.approx(db, abs=0.01)


def test_what_files_say_is_shown_letter_for_letter(qtbot: QtBot, tmp_path: Path) -> None:
    """A picture's address in a label is fetched: on Windows from any machine, with the user's name."""
    picture = QImage(900, 900, QImage.Format.Format_RGB32)
    assert picture.save(str(tmp_path / "x.png"))
    hostile = f'<img src="{tmp_path / "x.png"}">'
    for made in (label(hostile), ElidedLabel(hostile), ElidedLabel()):
        qtbot.addWidget(made)
        made.setText(hostile)
        assert made.sizeHint().height() < 100
        assert "<img" not in made.toolTip()
    shown = QTextDocument()
    shown.setHtml(tip(hostile))
    assert shown.toPlainText() == hostile
    model = VoiceModel(lambda _: None, lambda _: None)
    model.show_voices([Voice("a", "A", hostile, VoiceKind.MODEL_FREE)], ())
    assert "<img" not in str(model.data(model.index(0, 0), Qt.ItemDataRole.ToolTipRole))


def test_clip_light_stays_until_clicked(qtbot: QtBot) -> None:
    light = ClipLight("Input")
    qtbot.addWidget(light)
    light.take(0.9)
    assert not light.isChecked()
    light.take(1.0)
    light.take(0.1)
    assert light.isChecked()
    light.click()
    assert not light.isChecked()


@pytest.mark.parametrize("knob", KNOBS, ids=lambda k: k.name)
def test_knob_steps_stay_in_range(knob, qtbot: QtBot) -> None:
    row = KnobRow(knob)
    qtbot.addWidget(row)
    got: list[float] = []
    row.turned.connect(got.append)
    for key, value in ((Qt.Key.Key_End, knob.high), (Qt.Key.Key_Home, knob.low)):
        QTest.keyClick(row.slider, key)
        assert got[-1] == pytest.approx(value)
    QTest.keyClick(row.slider, Qt.Key.Key_Right)
    assert got[-1] == pytest.approx(knob.low + knob.step)
    QTest.keyClick(row.slider, Qt.Key.Key_Delete)
    assert got[-1] == knob.default
    assert knob.clamp(1e9) == knob.high
    assert knob.clamp(-1e9) == knob.low


def test_latency_bar_tells_its_parts_to_screen_readers(qtbot: QtBot) -> None:
    bar = LatencyBar()
    qtbot.addWidget(bar)
    bar.show_budget(LatencyBudget(5, 5, 10, 13, 1, 3, 2, 5))
    assert "Hop 10.0 ms" in bar.accessibleDescription()
    assert bar.accessibleDescription().endswith("total 43.0 ms")


def test_health_marks_only_new_dropouts(qtbot: QtBot) -> None:
    panel = HealthPanel()
    qtbot.addWidget(panel)
    lost: list[bool] = []
    panel.sparkline.add = lambda total, mark: lost.append(mark)  # type: ignore[method-assign]
    for count in (0, 2, 2):
        for _ in range(15):
            panel.show_telemetry(Telemetry(running=True, xruns=Xruns(output_underflow=count)))
    assert lost == [False, True, False]
    assert panel.tiles["underflow"].value.text() == "2"


def test_five_hundred_voices_are_searched_at_once(qtbot: QtBot) -> None:
    voices = [Voice(f"v{i}", f"Voice {i}", "Spoken by nobody", VoiceKind.NEURAL) for i in range(500)]
    panel = VoicesPanel()
    panel.show_voices(voices)
    qtbot.addWidget(panel)
    panel.resize(280, 500)
    panel.show()
    panel.search.setText("voice 49 nobody")
    assert panel.model.rowCount() == 15
    panel.show_favourites(["v499"])
    assert panel.model.index(0).data() == "Voice 499"


def test_live_views_are_pyqtgraphs(qtbot: QtBot) -> None:
    from gui.history import SignalHistory

    bar = LatencyBar()
    qtbot.addWidget(bar)
    for view, items in (
        (ScopeView(SignalHistory()), {pg.ViewBox: 5, pg.ImageItem: 5, pg.AxisItem: 6}),
        (bar.plot, {pg.ViewBox: 1, StackedBar: 1, pg.InfiniteLine: 1, pg.AxisItem: 1}),
        (Sparkline(), {pg.ViewBox: 1, pg.PlotCurveItem: 1, pg.BarGraphItem: 1, pg.InfiniteLine: 1}),
    ):
        if view is not bar.plot:
            qtbot.addWidget(view)
        assert isinstance(view, pg.GraphicsLayoutWidget)
        for kind, count in items.items():
            assert sum(isinstance(item, kind) for item in view.scene().items()) == count, kind


def test_scope_axes_say_what_the_lanes_draw(qtbot: QtBot) -> None:
    from gui.history import SignalHistory

    view = ScopeView(SignalHistory())
    qtbot.addWidget(view)
    view.resize(900, 700)
    view.ensure_built()
    first, *others = (row.box for row in view._rows)
    assert all(box.linkedView(pg.ViewBox.XAxis) is first for box in others)
    assert first.viewRange()[0] == pytest.approx([-SPAN_SECONDS, 0], abs=0.1)
    for row, hz in ((view._rows[1], 1000), (view._rows[4], 220)):
        height = row.image.pixels.shape[0]
        label = next(at for at, text in readable(row.spec, height) if text in (f"{hz} Hz", "1 kHz"))
        rows = (
            mel_rows(height)
            if row is view._rows[1]
            else PITCH_HIGH_HZ * 0.5 ** np.linspace(0, np.log2(PITCH_HIGH_HZ / PITCH_LOW_HZ), height)
        )
        share = (row.spec.high - label) / (row.spec.high - row.spec.low)
        assert np.abs(rows - hz).argmin() == pytest.approx(share * (height - 1), abs=1)


def test_labels_of_an_axis_do_not_touch() -> None:
    for spec in SPECS:
        for height in (20, 40, 80, 200):
            at = [(v - spec.low) / (spec.high - spec.low) * height for v, _ in readable(spec, height)]
            assert all(b - a >= 15 for a, b in pairwise(at))
            assert all(7 <= y <= height - 7 for y in at)


def test_history_shows_dropouts_under_a_readable_line(qtbot: QtBot) -> None:
    spark = Sparkline()
    qtbot.addWidget(spark)
    spark.resize(300, 80)
    spark.show()
    for i in range(spark.LENGTH + 10):
        spark.add(40.0, i % 2 == 0)
    image = spark.grab().toImage()
    reds = [
        sum(image.pixelColor(x, y).name() == current().danger for x in range(image.width()))
        for y in range(image.height())
    ]
    assert max(reds[image.height() * 4 // 5 :]) > 50
    assert max(reds[: image.height() * 3 // 4]) == 0
    assert any(
        image.pixelColor(x, y).name() == current().output
        for x in range(image.width())
        for y in range(image.height())
    )
    spark.forget()
    empty = spark.grab().toImage()
    assert not any(
        empty.pixelColor(x, y).name() == current().danger
        for x in range(empty.width())
        for y in range(empty.height())
    )


def test_hidden_scope_draws_nothing(qtbot: QtBot) -> None:
    from gui.history import SignalHistory

    history = SignalHistory()
    view = ScopeView(history)
    qtbot.addWidget(view)
    view.resize(500, 400)
    view.show()
    qtbot.waitExposed(view)
    engine = FakeEngine(clock=iter(np.arange(0, 9, 0.5)).__next__)
    engine.start(StreamConfig())
    history.append(engine.scope(0))
    view.hide()
    before = view._drawn
    view.advance()
    assert view._drawn == before
    view.show()
    view.advance()
    assert view._drawn > before


def test_scope_rolls_to_the_same_picture_it_redraws(qtbot: QtBot) -> None:
    from gui.history import SignalHistory

    app = QApplication.instance()
    assert isinstance(app, QApplication)
    ThemeSwitch(app, ThemeMode.DARK)
    history = SignalHistory()
    view = ScopeView(history)
    qtbot.addWidget(view)
    view.resize(480, 420)
    view.show()
    cursor, now = 0, [0.0]
    engine = FakeEngine(clock=lambda: now[0])
    engine.start(StreamConfig())
    for _ in range(40):
        now[0] += 0.13
        got = engine.scope(cursor)
        cursor = got.cursor
        history.append(got)
        view.advance()
    rolled = view.grab().toImage()
    view.redraw()
    assert view.grab().toImage() == rolled


def test_second_studio_raises_the_first(qtbot: QtBot, home: Path) -> None:
    name = server_name(home)
    assert name != server_name(home / "other")
    assert not tell_other(name, "show")
    heard: list[str] = []
    server = InstanceServer(name, heard.append)
    assert tell_other(name, "show")
    assert tell_other(name, "mute")
    qtbot.waitUntil(lambda: heard == ["show", "mute"])
    server.close()
    assert not tell_other(name, "show")


def test_starts_without_loading_what_is_heavy(home: Path) -> None:
    code = (
        "import sys; from gui.app import main; status = main([], quit_after_first_paint=True);"
        "heavy = {'torch', 'onnxruntime', 'sounddevice', 'scipy'} & set(sys.modules);"
        "sys.exit(status or ', '.join(heavy) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
