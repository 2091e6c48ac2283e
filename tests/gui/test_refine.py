"""Refining in the window: begun from the voice's menu, seen going, stopped, gone on with, told at its end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gui.control import refine
from gui.pages import live_voices
from gui.pages.live_voices import VoicesDesk
from gui.panels.voice_details import facts
from inference.refine.events import Begun, Ended, Judgement, Outcome, Progress
from inference.refine.job import About, Job, unfinished
from tests.gui.conftest import VOICES, Studio
from tests.refine.conftest import material as material
from tests.voices.makers import an_archive
from voices.refinement import Refinement
from voices.voice import Voice, VoiceKind

JUDGEMENT = Judgement((0.41, 0.52), (0.7, 0.7), (0.81, 0.5))


class Process:
    """Stands in for the process that works."""

    def __init__(self, begin) -> None:
        self.begin, self.told, self.stopped, self.closed = begin, [], False, False

    def poll(self):
        told, self.told = self.told, []
        return told

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def desk(studio: Studio, monkeypatch) -> VoicesDesk:
    desk = next(child for child in studio.session.children() if isinstance(child, VoicesDesk))
    studio.session.library.library.add(an_archive())
    studio.session.library.look()
    studio.bot.waitUntil(lambda: desk.panel.model.row_of("ada") >= 0, timeout=30_000)
    monkeypatch.setattr(desk.refine, "_start", Process)
    return desk


@pytest.fixture
def going(desk: VoicesDesk, studio: Studio, material) -> Process:
    """A refinement of Ada that has begun."""
    voice = studio.session.library.find("ada")
    desk.refine._go(Job.begin(voice, "Ada refined", material))
    process = desk.refine._running.process
    assert isinstance(process, Process)
    return process


def tell(desk: VoicesDesk, process: Process, *events) -> None:
    process.told += events
    desk.refine._poll()


def test_a_refinement_is_seen_going(desk, going):
    bar = desk.panel.refining
    tell(desk, going, Progress("Tuning", 0.43, 730.0))
    assert not bar.isHidden()
    assert bar.title.text() == "Refining Ada"
    assert bar.state.text() == "Tuning · 43% · about 12 min left"
    assert bar.bar.value() == 430
    tell(desk, going, Progress("Comparing", 0.95, 12.0))
    assert bar.state.text().endswith("less than a minute left")


def test_the_new_voice_is_told_with_what_it_gained(desk, going, studio):
    archive = an_archive("Ada refined")
    voice = studio.session.library.library.add(archive)
    tell(desk, going, Outcome(voice, JUDGEMENT, "", 60.0))
    message = studio.window.message
    assert "likeness 41% before, 52% after" in message.text.text()
    studio.bot.waitUntil(lambda: studio.session.library.find(voice.id) is not None)
    message.button.click()
    assert studio.session.voice_id == voice.id
    assert desk.panel.refining.isHidden()
    assert going.closed


def test_a_voice_that_stays_is_told_why(desk, going, studio):
    tell(desk, going, Outcome(None, JUDGEMENT, "Words became less clear.", 60.0))
    assert studio.window.message.text.text() == "Ada stays as it is. Words became less clear."


def test_stopped_work_is_gone_on_with_or_thrown_away(desk, going):
    bar = desk.panel.refining
    tell(desk, going, Progress("Tuning", 0.43, 730.0))
    bar.stop.click()
    assert going.stopped
    tell(desk, going, Ended())
    assert bar.state.text() == "Stopped at 43%"
    # A second click where "stop" was must go on, not throw away.
    layout = bar.layout().itemAt(0).layout()
    assert layout.indexOf(bar.discard) < min(map(layout.indexOf, (bar.stop, bar.cancel, bar.resume)))
    bar.resume.click()
    again = desk.refine._running.process
    assert again is not going
    tell(desk, again, Progress("Listening", 0.1, 60.0))
    assert bar.bar.value() == 430
    tell(desk, again, Ended("The disk is full."))
    bar.discard.click()
    assert bar.isHidden()
    assert unfinished() == []


def test_work_that_another_menura_does_is_not_thrown_away(desk, going, studio):
    tell(desk, going, Ended("The disk is full."))
    (job,) = unfinished()
    with job.lock():
        desk.panel.refining.discard.click()
    assert unfinished() == [job]
    assert "another Menura" in studio.window.message.text.text()


def test_a_failure_is_told(desk, going, studio):
    tell(desk, going, Ended("The disk is full."))
    assert studio.window.message.text.text() == "The disk is full."


def test_the_page_for_new_voices_offers_it_for_a_neural_voice(desk, studio, monkeypatch):
    monkeypatch.setattr(refine, "missing_torch", lambda: "")
    asked = []
    monkeypatch.setattr(live_voices, "ask_recordings", lambda *arguments: asked.append(arguments))
    studio.window.go_to("enrol")
    page = studio.window.stack.made("enrol")
    assert not page.refine.isVisible()
    studio.session.choose_voice("ada")
    assert page.refine.isVisible()
    assert page.refine.text() == "Refine Ada with recordings …"
    page.refine.click()
    [(_, _, voice, then)] = asked
    assert voice.id == "ada"
    then([Path("me.wav")])
    assert desk.refine._running.process.begin.files == (Path("me.wav"),)
    assert studio.window.stack.current_id == "live"


def test_what_was_begun_before_a_restart_waits(going, studio, desk):
    again = refine.RefineController(studio.session, studio.session, Process)
    assert again.work == refine.Work("ada", "Ada", False)
    other = studio.session.library.find("ada")
    assert again.refusal(replace(other, name="Bo")).startswith("Ada is being refined")


def test_only_neural_voices_can_be_refined(desk, studio):
    assert "no neural voice" in desk.refine.refusal(VOICES[0])
    menus = [
        desk.panel.make_menu(desk.panel.model.index(desk.panel.model.row_of(v))) for v in ("deep", "ada")
    ]
    offers = [next(a for a in menu.actions() if a.text().startswith("Refine")) for menu in menus]
    assert [offer.isEnabled() for offer in offers] == [False, True]


def test_an_rvc_voice_is_seen_speaking_and_becomes_a_job(desk, studio, monkeypatch):
    monkeypatch.setattr(refine, "missing_torch", lambda: "")
    rosa = Voice("rosa", "Rosa", "", VoiceKind.RVC)
    desk.refine.begin(rosa, [Path("me.wav")])
    process, bar = desk.refine._running.process, desk.panel.refining
    assert process.begin.files == (Path("me.wav"),)
    tell(desk, process, Progress("Speaking with Rosa", 0.25, 700.0))
    assert bar.state.text() == "Speaking with Rosa · 25% · about 12 min left"
    assert (bar.cancel.isHidden(), bar.stop.isHidden()) == (False, True)
    tell(desk, process, Progress("Listening to Rosa", 0.0, None))
    assert bar.state.text() == "Listening to Rosa …"
    tell(desk, process, Begun(About("rosa-live", "Rosa live", "Rosa refined", 75.0)))
    assert bar.title.text() == "Refining Rosa live"
    assert (bar.cancel.isHidden(), bar.stop.isHidden()) == (True, False)


def test_cancelled_before_it_began_nothing_is_shown_any_more(desk, studio, monkeypatch):
    monkeypatch.setattr(refine, "missing_torch", lambda: "")
    desk.refine.begin(Voice("rosa", "Rosa", "", VoiceKind.RVC), [Path("me.wav")])
    process, bar = desk.refine._running.process, desk.panel.refining
    bar.cancel.click()
    assert process.stopped
    tell(desk, process, Progress("Speaking with Rosa", 0.5, 9.0))
    assert bar.state.text() == "Ending …"
    tell(desk, process, Ended(kept=False))
    assert bar.isHidden()
    assert process.closed


def test_recordings_that_will_not_do_are_told(desk, studio, monkeypatch):
    monkeypatch.setattr(refine, "missing_torch", lambda: "")
    desk.refine.begin(studio.session.library.find("ada"), [Path("notes.txt")])
    tell(desk, desk.refine._running.process, Ended("notes.txt is no sound file.", kept=False))
    assert studio.window.message.text.text() == "notes.txt is no sound file."
    assert desk.panel.refining.isHidden()


def test_a_voice_refined_for_other_networks_says_so(desk, studio):
    archive = an_archive("Bo")
    refinement = Refinement("ab" * 32, Refinement.pack([0.5]), 75.0, 0.4, 0.5)
    voice = studio.session.library.library.add(
        replace(archive, voice=replace(archive.voice, refinement=refinement))
    )
    desk.refine._look_at(voice)
    assert studio.window.message.text.text().startswith("Bo was refined for other networks")
    found = dict(facts(studio.session.library.library.manifest(voice.id)))
    assert found["Refined"] == "with 75 s of speech: likeness 40% before, 50% after"
