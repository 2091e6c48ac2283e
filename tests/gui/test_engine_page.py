"""The Engine page: what it says of a certificate, the user's choice, a run of the doctor."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor

from gui.control import certifier as module
from gui.control.certifier import Certifier
from gui.pages.engine import EnginePage
from gui.pages.engine_rows import HEADINGS, cells, choices, in_use, running
from gui.settings import ThemeMode
from gui.theme import current
from inference.coreml.certify import Certificate, Row, recall, remember
from inference.coreml.machine import key
from inference.engine.latency import LatencyBudget
from inference.engine.telemetry import Telemetry
from inference.runtimes import RuntimeKind, Wish, wish, wished

ONNX = Row("hop", "onnx", "cpu", 0.1, 35.0, 4.0, 6.0, True)
NEURAL = Row(
    "hop", "hop.mlpackage", "ne", 3.0, 58.6, 1.1, 1.9, True, placement={"NeuralEngine": 230, "CPU": 4}
)
GPU = Row("hop", "hop.mlpackage", "gpu", 2.0, 58.6, 0.9, 7.0, False, "too slow: p99.9 7.0 ms, 5 allowed")
BROKEN = Row("hop", "hop.mlpackage", "all", reason="RuntimeError: no")
PITCH = Row("pitch", "onnx", "cpu", 0.1, 45.0, 0.3, 0.5, True)


def certificate() -> Certificate:
    return Certificate(key(), (ONNX, NEURAL, GPU, BROKEN, PITCH))


def test_a_row_in_words():
    assert cells(NEURAL) == (
        "Voice",
        "Core ML hop",
        "Neural Engine",
        "3.0 s",
        "59 dB",
        "1.10 ms",
        "1.90 ms",
        "Accepted: 4 on CPU, 230 on NeuralEngine",
    )
    assert cells(BROKEN)[3:] == ("–", "–", "–", "–", "RuntimeError: no")
    assert len(cells(ONNX)) == len(HEADINGS)


def test_what_speaks():
    assert "ONNX Runtime" in in_use(Wish(), None)
    assert "Neural Engine" in in_use(Wish(), certificate())
    assert "ONNX Runtime" in in_use(Wish(RuntimeKind.ONNX), certificate())
    # A unit that was not accepted is not used, whoever asks.
    assert "Neural Engine" in in_use(Wish(RuntimeKind.COREML, "gpu"), certificate())


def test_units_can_be_chosen_on_a_mac_only():
    assert len(choices("darwin")) == len(choices("linux")) + 4


def test_failures_are_told_while_running():
    telemetry = Telemetry(running=True, latency=LatencyBudget(compute_p99=2.5), compute_p999_ms=3.5)
    assert "3.5 ms" in running(telemetry)
    assert "failed" not in running(telemetry)
    assert "failed 2 times" in running(Telemetry(running=True, runtime_failures=2))


def test_what_really_runs_is_what_the_worker_tells(studio):
    remember(certificate())
    page = EnginePage(studio.session)
    studio.bot.addWidget(page)
    page.show()
    assert "Neural Engine" in page.state.text()
    assert not page.speaking.isVisible()
    studio.session.telemetry_read.emit(Telemetry(running=True, runtime="Core ML (Neural Engine)"))
    assert page.speaking.text() == "Core ML (Neural Engine) speaks now."
    fallen = Telemetry(running=True, runtime="ONNX Runtime", runtime_failures=1)
    studio.session.telemetry_read.emit(fallen)
    assert page.speaking.text() == "ONNX Runtime speaks now."
    assert "failed once" in page.times.text()
    studio.session.telemetry_read.emit(Telemetry(running=True))
    assert "no network" in page.speaking.text()


def test_the_page_shows_the_certificate_and_takes_a_choice(studio):
    remember(certificate())
    page = EnginePage(studio.session)
    studio.bot.addWidget(page)
    assert page.table.rowCount() == 5
    assert page.table.item(2, 7).text() == GPU.reason
    page.runtime.setCurrentIndex(1)
    page.runtime.activated.emit(1)
    assert wished() == Wish(RuntimeKind.ONNX)
    assert page.state.text() == "Chosen for neural voices: ONNX Runtime, on the processor."


def test_what_speaks_has_the_accent_of_the_theme(studio):
    remember(certificate())
    studio.window.go_to("engine")
    page = studio.window.findChild(EnginePage)
    accents = set()
    for mode in (ThemeMode.DARK, ThemeMode.LIGHT):
        studio.window.set_theme(mode)
        accents.add(current().accent)
        assert page.table.item(1, 0).foreground().color() == QColor(current().accent)
    assert len(accents) == 2


def test_a_machine_without_certificate_is_told_what_to_do(studio):
    page = EnginePage(studio.session)
    studio.bot.addWidget(page)
    assert page.table.rowCount() == 0
    assert page.hint.text()
    wish(Wish(RuntimeKind.TORCH))
    page.show_certificate()
    assert "torch" in page.state.text()


@pytest.mark.parametrize(
    ("program", "fault"), [("import sys; sys.exit(0)", ""), ("raise SystemExit('no unit')", "no unit")]
)
def test_the_certifier_tells_how_it_ended(program, fault, qtbot, monkeypatch):
    certifier = Certifier()
    start = certifier._process.start
    monkeypatch.setattr(certifier._process, "start", lambda python, _: start(python, ["-c", program]))
    with qtbot.waitSignal(certifier.finished, timeout=30_000) as ended:
        certifier.start()
    assert ended.args == [fault]
    assert not certifier.busy


def test_nothing_is_certified_unasked_off_a_mac(monkeypatch):
    monkeypatch.setattr(module.sys, "platform", "linux")
    assert not module.is_due()
    assert recall() is None
