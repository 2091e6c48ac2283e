"""A call without the window: actions, tray, words from other programs, start as the user wants it."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QCloseEvent

from gui.app import obey, open_window
from gui.control.call import CallAction
from gui.remote import RemoteError, tell_studio
from gui.single_instance import InstanceServer, server_name
from gui.tray import Tray, state_role, state_words
from inference.engine.messages import EngineState, Mode, MonitorSource
from tests.gui.conftest import Factory, Studio


def test_mute_and_own_voice_toggle(studio: Studio) -> None:
    call, modes = studio.session.call, []
    for action in (CallAction.MUTE, CallAction.MUTE, CallAction.BYPASS, CallAction.MUTE, CallAction.BYPASS):
        call.do(action)
        modes.append(studio.session.params.mode)
    assert modes == [Mode.MUTE, Mode.CONVERTED, Mode.BYPASS, Mode.MUTE, Mode.BYPASS]


def test_panic_silences_call_and_monitor(studio: Studio) -> None:
    studio.session.set_monitor(MonitorSource.OWN)
    studio.session.call.do(CallAction.PANIC)
    assert (studio.session.params.mode, studio.session.params.monitor) == (Mode.MUTE, MonitorSource.OFF)


def test_push_to_talk_is_heard_only_while_held(studio: Studio) -> None:
    call = studio.session.call
    call.do(CallAction.TALK)
    assert studio.session.params.mode is Mode.CONVERTED
    call.do(CallAction.TALK, down=False)
    assert studio.session.params.mode is Mode.MUTE


def test_letting_go_of_other_keys_does_nothing(studio: Studio) -> None:
    for action in set(CallAction) - {CallAction.TALK}:
        studio.session.call.do(action, down=False)
    assert studio.session.params.mode is Mode.CONVERTED


def test_next_and_previous_go_round_all_voices(studio: Studio) -> None:
    ids = [voice.id for voice in studio.session.voices]
    for _ in ids:
        studio.session.call.do(CallAction.NEXT)
    assert studio.session.voice_id == ids[0]
    studio.session.call.do(CallAction.PREVIOUS)
    assert studio.session.voice_id == ids[-1]


def test_next_stays_among_favourites(studio: Studio) -> None:
    studio.session.set_favourite("bright", True)
    studio.session.set_favourite("robot", True)
    seen = []
    for _ in range(3):
        studio.session.call.do(CallAction.NEXT)
        seen.append(studio.session.voice_id)
    assert seen == ["bright", "robot", "bright"]


def test_words_from_outside_act_and_others_are_passed_over(studio: Studio) -> None:
    for word in ("mute", "", "quit now", "MUTE", "talk", "talk-off"):
        obey(studio.session, word)
    assert studio.session.params.mode is Mode.MUTE


def test_tell_reaches_the_open_studio(studio: Studio) -> None:
    server = InstanceServer(server_name(studio.home), lambda word: obey(studio.session, word))
    try:
        tell_studio("bypass")
        studio.bot.waitUntil(lambda: studio.session.params.mode is Mode.BYPASS)
    finally:
        server.close()
    with pytest.raises(RemoteError, match="not open"):
        tell_studio("bypass")
    with pytest.raises(RemoteError, match="talk-off"):
        tell_studio("sing")


def test_tray_says_what_the_call_hears(studio: Studio) -> None:
    tray = Tray(studio.session, studio.session.call, studio.window)
    assert tray.line.text() == "Menura: stopped"
    studio.live()
    tray.refresh()
    assert "live as Deep" in tray.line.text()
    assert " ms" in tray.line.text()
    assert " dB" in tray.line.text()
    tray.actions[CallAction.BYPASS].trigger()
    assert "YOUR OWN VOICE" in tray.line.text()
    assert state_role(studio.session) == "danger"
    tray.actions[CallAction.MUTE].trigger()
    assert tray.actions[CallAction.MUTE].isChecked()
    assert " dB" not in tray.line.text()
    assert state_role(studio.session) == "text_muted"


def test_a_failure_is_said_in_the_tray(studio: Studio) -> None:
    studio.session.state = EngineState.FAILED
    assert "hears nothing" in state_words(studio.session, None)


def test_tray_lists_favourites_first_and_switches(studio: Studio) -> None:
    studio.session.set_favourite("robot", True)
    tray = Tray(studio.session, studio.session.call, studio.window)
    tray._voices.aboutToShow.emit()
    first = tray._voices.actions()[0]
    assert first.text() == "Robot"
    first.trigger()
    assert studio.session.voice_id == "robot"


@pytest.mark.parametrize(
    ("wish", "shown", "quitting", "stays"),
    [
        (True, True, False, True),
        (False, True, False, False),
        (True, False, False, False),
        (True, True, True, False),
    ],
    ids=["to the tray", "not wanted", "no tray to come back from", "quitting"],
)
def test_closing_hides_only_where_it_can_come_back(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, wish: bool, shown: bool, quitting: bool, stays: bool
) -> None:
    tray = Tray(studio.session, studio.session.call, studio.window)
    monkeypatch.setattr(tray.icon, "isVisible", lambda: shown)
    studio.session.store.settings.call.close_to_tray = wish
    tray.quitting = quitting
    assert tray.eventFilter(studio.window, QCloseEvent()) is stays
    assert studio.window.isVisible() is not stays


def test_starts_live_and_out_of_sight_where_wanted(open_studio: Factory) -> None:
    studio = open_studio()
    studio.window.hide()
    wishes = studio.session.store.settings.call
    wishes.start_live = wishes.start_minimised = True
    connected: list[bool] = []
    open_window(studio.window, studio.session, True, lambda: connected.append(True))
    studio.bot.waitUntil(lambda: bool(connected))
    assert not studio.window.isVisible()
    studio.bot.waitUntil(lambda: studio.session.state is EngineState.RUNNING)


def test_call_settings_outlast_a_restart(open_studio: Factory) -> None:
    first = open_studio()
    first.session.hotkeys.set_keys(CallAction.MUTE, "Ctrl+F9")
    first.session.store.settings.call.close_to_tray = True
    first.session.save()
    second = open_studio()
    assert second.session.hotkeys.keys[CallAction.MUTE] == "Ctrl+F9"
    assert second.session.store.settings.call.close_to_tray
