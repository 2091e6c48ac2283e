"""The journal tells what happened to a call; the black box holds it with both ends of the sound."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from PySide6.QtWidgets import QFileDialog

from gui.control.call import CallAction
from gui.control.journal import counters
from gui.file_dialogs import Kind
from gui.pages.call import CallPage
from inference.converter import MODEL_RATE
from inference.engine.messages import Noticed, VoiceFailed
from inference.engine.telemetry import Telemetry, Xruns
from tests.gui.conftest import Factory, Studio


def page(studio: Studio) -> CallPage:
    studio.window.go_to("call")
    made = studio.window.stack.made("call")
    assert isinstance(made, CallPage)
    return made


def told(studio: Studio, word: str) -> bool:
    return any(word in line for line in studio.session.journal.lines)


def test_a_call_is_told_from_start_to_end(studio: Studio) -> None:
    studio.live()
    studio.session.call.do(CallAction.MUTE)
    studio.engine.events.append(VoiceFailed("bright", "its file is damaged"))
    studio.bot.waitUntil(lambda: told(studio, "damaged"))
    studio.engine.events.append(Noticed("The computer slept for 6 s."))
    studio.bot.waitUntil(lambda: told(studio, "slept for 6 s"))
    studio.engine.fail("The device went away.")
    studio.bot.waitUntil(lambda: told(studio, "went away"))
    for word in ("Live", "Devices:", "Voice: Deep.", "Voice Bright failed", "hears nothing"):
        assert told(studio, word)
    assert studio.session.journal.lines[-1][4] == "-"
    assert sum(line.endswith("Starting.") for line in studio.session.journal.lines) == 1


def test_counters_are_told_when_they_grow(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.live()
    journal, reading = studio.session.journal, Telemetry(running=True)
    monkeypatch.setattr(studio.engine, "telemetry", lambda: reading)
    journal._look()
    before = len(journal.lines)
    journal._look()
    assert len(journal.lines) == before
    reading = replace(
        reading, sample_rate=48_000, xruns=Xruns(output_underflow=3, dropped_samples=480), worker_restarts=1
    )
    journal._look()
    line = journal.lines[-1]
    assert "3 late cycles" in line
    assert "10 ms of sound lost" in line
    assert "1 restart of the converter" in line
    assert "late hops" not in line
    assert set(counters(reading)) >= {"late hops"}


def test_the_file_outlasts_the_studio(open_studio: Factory) -> None:
    first = open_studio()
    first.session.journal.add("Something happened.")
    first.window.close()
    second = open_studio()
    assert "Something happened." in (second.home / "journal.log").read_text(encoding="utf-8")


def test_the_page_shows_lines_of_before_and_of_now(studio: Studio) -> None:
    studio.session.journal.add("Before the page was seen.")
    lines = page(studio).journal.lines
    studio.session.journal.add("While it is seen.")
    assert "Before the page was seen." in lines.toPlainText()
    for number in range(40):
        studio.session.journal.add(f"Line {number}.")
    assert lines.verticalScrollBar().value() == lines.verticalScrollBar().maximum() > 0
    assert "While it is seen." in lines.toPlainText()


def test_the_black_box_is_written_at_the_users_click(studio: Studio, tmp_path: Path) -> None:
    studio.live()
    studio.bot.waitUntil(lambda: studio.engine.history(1.0).input.size > MODEL_RATE // 4)
    target = tmp_path / "report.zip"
    page(studio).journal.export.click()
    [dialog] = studio.window.findChildren(QFileDialog)
    assert Path(dialog.directory().absolutePath()) == studio.session.dialogs.start(Kind.REPORTS)
    dialog.fileSelected.emit(str(target))
    dialog.close()
    studio.bot.waitUntil(target.exists, timeout=10_000)
    with zipfile.ZipFile(target) as archive:
        assert "Live" in archive.read("journal.txt").decode()
        assert "latency_ms" in json.loads(archive.read("engine.json"))
        for name in ("microphone.flac", "call.flac"):
            samples, rate = soundfile.read(io.BytesIO(archive.read(name)))
            assert rate == MODEL_RATE
            assert samples.size > MODEL_RATE // 4


def test_a_folder_that_cannot_be_written_is_a_sentence(studio: Studio, tmp_path: Path) -> None:
    failures: list[str] = []
    studio.session.journal.failed.connect(failures.append)
    studio.session.journal.export(tmp_path / "missing" / "report.zip")
    studio.bot.waitUntil(lambda: bool(failures), timeout=10_000)
    assert "cannot be written" in failures[0]
