"""Record, list, play, rename, delete and undo, convert again; a batch with a bad file, and cancel."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox

from audio.files import write_audio
from audio.recorder import RecordingEnded
from gui import jobs
from gui.control.recording import clock
from gui.pages import recordings_list
from gui.pages.recordings import RecordingsPage
from gui.pages.recordings_store import (
    RecordingFileError,
    RecordingStore,
    peaks,
    recordings_folder,
)
from gui.widgets.name_dialog import NameDialog
from inference.converter import MODEL_RATE
from inference.sample import bundled_speech
from tests.gui.conftest import Studio
from tests.gui.test_replay_page import PATIENCE_MS, FakePlayer

SPEECH = bundled_speech(MODEL_RATE)[:MODEL_RATE]


class FilePlayer(FakePlayer):
    """Plays files."""

    loaded: Path | None = None

    def load_file(self, path: Path, device: str | None) -> None:
        self.loaded, self.device = path, device


@pytest.fixture
def page(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> RecordingsPage:
    """The page in front, with two recordings in its folder."""
    monkeypatch.setattr(recordings_list, "Player", FilePlayer)
    monkeypatch.setattr(jobs, "ProcessPoolExecutor", lambda count, **_: ThreadPoolExecutor(count))
    folder = recordings_folder()
    write_audio(folder / "2026-11-22 10-00-00 input.flac", SPEECH, MODEL_RATE)
    write_audio(folder / "2026-11-22 11-00-00 output.flac", np.tile(SPEECH, 2), MODEL_RATE)
    RecordingStore(folder).note_voice([folder / "2026-11-22 11-00-00 output.flac"], "Deep")
    studio.window.go_to("recordings")
    made = studio.window.stack.made("recordings")
    assert isinstance(made, RecordingsPage)
    wait_for_rows(studio, made, 2)
    return made


def wait_for_rows(studio: Studio, page: RecordingsPage, count: int) -> None:
    studio.bot.waitUntil(
        lambda: len(page.list.model.rows) == count and not page.list.jobs.busy, timeout=PATIENCE_MS
    )


def cells(page: RecordingsPage, row: int) -> list[object]:
    model = page.list.model
    return [model.data(model.index(row, column)) for column in range(model.columnCount())]


def test_recordings_are_listed_played_renamed_deleted_and_brought_back(
    studio: Studio, page: RecordingsPage
) -> None:
    view, player = page.list, page.list.player
    assert cells(page, 0)[:5] == ["2026-11-22 11-00-00 output", "22 Nov 2026, 11:00", "0:02", "Call", "Deep"]
    assert cells(page, 1)[2:5] == ["0:01", "You", "–"]
    view.play.click()
    assert player.playing
    assert player.loaded == view.model.rows[0].path
    view.wave.sought.emit(1.5)
    assert player.position_s == 1.5
    QTest.keyClick(view, Qt.Key.Key_Space)
    assert not player.playing
    view.name_it.click()
    dialog = studio.window.findChild(NameDialog)
    dialog.field.setText("The good one")
    dialog.ok.click()
    studio.bot.waitUntil(lambda: any(r.name == "The good one" for r in view.model.rows), timeout=PATIENCE_MS)
    renamed = next(r for r in view.model.rows if r.name == "The good one")
    assert renamed.voice == "Deep"
    view.table.selectRow(view.model.rows.index(renamed))
    view.remove.click()
    wait_for_rows(studio, page, 1)
    studio.window.toast.button.click()
    wait_for_rows(studio, page, 2)
    assert renamed.path.exists()


def test_an_empty_list_says_what_is_going_on(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "ProcessPoolExecutor", lambda count, **_: ThreadPoolExecutor(count))
    studio.window.go_to("recordings")
    page = studio.window.stack.made("recordings")
    assert isinstance(page, RecordingsPage)
    empty = page.list.empty
    assert empty.text() == recordings_list.LOOKING
    studio.bot.waitUntil(lambda: empty.text() == recordings_list.NOTHING, timeout=PATIENCE_MS)
    studio.live()
    page.record.click()
    assert empty.text() == recordings_list.GOING
    studio.bot.waitUntil(lambda: studio.engine.recording.seconds > 0.1)
    page.record.click()
    wait_for_rows(studio, page, 2)
    assert empty.isHidden()


def test_what_is_recorded_is_listed_with_its_voice_and_converted_again(
    studio: Studio, page: RecordingsPage
) -> None:
    assert not page.record.isEnabled()
    studio.live()
    page.what.button("output").click()
    page.record.click()
    studio.bot.waitUntil(lambda: page.record.text().startswith("Stop"))
    studio.bot.waitUntil(lambda: studio.engine.recording.seconds > 0.4)
    page.record.click()
    assert (page.record.text(), page.record.isEnabled()) == ("Saving …", False)
    studio.bot.waitUntil(lambda: page.record.text() == "Record", timeout=PATIENCE_MS)
    wait_for_rows(studio, page, 3)
    new = page.list.model.rows[0]
    assert (new.name, new.voice, new.heard) == ("output", "Deep", "Call")
    page.list.table.selectRow(0)
    page.list.again.click()
    assert page.views.value() == "batch"
    page.batch.voice.setCurrentIndex(page.batch.voice.findData("bright"))
    page.batch.convert.click()
    studio.bot.waitUntil(lambda: page.batch.batch is None, timeout=PATIENCE_MS)
    assert "1 of 1 files" in page.batch.summary.text()
    assert (new.path.parent / "output Bright.flac").exists()
    page.show_view("list")
    wait_for_rows(studio, page, 4)


def test_a_batch_goes_on_after_a_bad_file_and_asks_before_overwriting(
    studio: Studio, page: RecordingsPage, tmp_path: Path
) -> None:
    batch, folder = page.batch, tmp_path / "talks"
    folder.mkdir()
    write_audio(folder / "good.wav", SPEECH, MODEL_RATE)
    (folder / "bad.wav").write_text("no sound")
    page.show_view("batch")
    batch.add([folder])
    batch.convert.click()
    studio.bot.waitUntil(lambda: batch.batch is None, timeout=PATIENCE_MS)
    states = {row.source.name: (row.state, row.failed) for row in batch.model.rows}
    assert states["good.wav"] == ("good Deep.flac (1.0 s)", False)
    assert states["bad.wav"][1]
    assert "not a sound file" in states["bad.wav"][0]
    assert batch.summary.text().endswith("1 failed.")
    batch.begin_with([folder / "good.wav"], folder, ".flac")
    before = (folder / "good Deep.flac").stat().st_mtime_ns
    batch.convert.click()
    box = studio.window.findChild(QMessageBox)
    assert "exists already" in box.text()
    next(b for b in box.buttons() if b.text() == "Keep both").click()
    studio.bot.waitUntil(lambda: batch.batch is None, timeout=PATIENCE_MS)
    assert (folder / "good Deep (2).flac").exists()
    assert (folder / "good Deep.flac").stat().st_mtime_ns == before


def test_a_batch_has_the_voice_of_the_call_until_another_is_chosen(
    studio: Studio, page: RecordingsPage
) -> None:
    box = page.batch.voice
    studio.session.choose_voice("robot")
    assert box.currentData() == "robot"
    box.setCurrentIndex(box.findData("bright"))
    box.activated.emit(box.currentIndex())
    studio.session.choose_voice("deep")
    assert box.currentData() == "bright"


def test_a_batch_is_cancelled(studio: Studio, page: RecordingsPage, tmp_path: Path) -> None:
    batch = page.batch
    for name in ("a.wav", "b.wav"):
        write_audio(tmp_path / name, np.tile(SPEECH, 120), MODEL_RATE)
    page.show_view("batch")
    batch.add([tmp_path / "a.wav", tmp_path / "b.wav"])
    batch.convert.click()
    studio.bot.waitUntil(lambda: batch.model.rows[0].share is not None, timeout=PATIENCE_MS)
    assert not batch.convert.isEnabled()
    batch.cancel.click()
    studio.bot.waitUntil(lambda: batch.batch is None, timeout=PATIENCE_MS)
    assert [row.state for row in batch.model.rows] == ["cancelled", "cancelled"]
    assert not list(tmp_path.glob("*Deep*"))


def test_a_cut_short_recording_is_told(studio: Studio) -> None:
    studio.session.recording._tell_recovered((Path("2026-11-22 09-00-00 input.flac"),))
    assert "cut short has been saved: 2026-11-22 09-00-00 input" in studio.window.message.text.text()
    studio.session.recording.finish(RecordingEnded((), 3.0, 0, "The disk is full."))
    assert studio.window.message.text.text() == "The disk is full."


def test_names_that_cannot_be_are_refused_and_old_trash_goes(tmp_path: Path) -> None:
    store = RecordingStore(tmp_path)
    for name in ("a.flac", "b.flac"):
        write_audio(tmp_path / name, SPEECH, MODEL_RATE)
    (tmp_path / "damaged.flac").write_bytes(b"fLaC")
    assert len(store.list()) == 2
    with pytest.raises(RecordingFileError, match="already"):
        store.rename(tmp_path / "a.flac", "b")
    with pytest.raises(RecordingFileError, match="needs a name"):
        store.rename(tmp_path / "a.flac", "//")
    assert store.rename(tmp_path / "a.flac", "../x").parent == tmp_path
    gone = store.remove(tmp_path / "b.flac")
    write_audio(tmp_path / "b.flac", SPEECH, MODEL_RATE)
    with pytest.raises(RecordingFileError, match="another recording"):
        store.restore(gone)
    assert store.empty_trash() == 0
    assert store.empty_trash(days=-1) == 1
    (tmp_path / "index.json").write_text("[")
    assert store.list()


def test_peaks_of_a_file(tmp_path: Path) -> None:
    x = np.zeros(48_000, np.float32)
    x[24_000] = 0.5
    write_audio(tmp_path / "x.flac", x, 48_000)
    found = peaks(tmp_path / "x.flac")
    assert found.argmax() == len(found) // 2
    assert found.max() == pytest.approx(0.5, abs=1e-3)
    with pytest.raises(RecordingFileError):
        peaks(tmp_path / "none.flac")


def test_times_are_told_as_on_a_clock() -> None:
    assert [clock(s) for s in (0, 65, 3723.9)] == ["0:00", "1:05", "1:02:03"]
