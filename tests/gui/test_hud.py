"""The overlay: shown from menu, tray, keys; dragged, remembered, and free of cost while hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from gui.control.call import CallAction
from gui.hud import Hud
from gui.tray import Tray
from inference.engine.messages import Mode
from tests.gui.conftest import Factory, Studio

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def hud(studio: Studio) -> Iterator[Hud]:
    made = Hud(studio.session)
    yield made
    made.deleteLater()


def from_menu(studio: Studio) -> None:
    next(a for a in studio.window.actions() if a.text().startswith("Overlay")).trigger()


def from_tray(studio: Studio) -> None:
    tray = Tray(studio.session, studio.session.call, studio.window)
    tray.actions[CallAction.HUD].trigger()
    assert tray.actions[CallAction.HUD].isChecked()


def from_keys(studio: Studio) -> None:
    studio.session.hotkeys._act(studio.session.hotkeys.keys[CallAction.HUD], True)


@pytest.mark.parametrize("ask", [from_menu, from_tray, from_keys])
def test_it_is_off_at_first_and_comes_when_asked_for(
    studio: Studio, hud: Hud, ask: Callable[[Studio], None]
) -> None:
    assert not hud.isVisible()
    ask(studio)
    assert hud.isVisible()
    assert studio.session.store.settings.call.hud
    studio.session.call.do(CallAction.HUD)
    assert not hud.isVisible()
    assert not studio.session.store.settings.call.hud


def test_it_says_who_speaks_how_late_and_what_is_wrong(studio: Studio, hud: Hud) -> None:
    hud.toggle()
    assert "stopped" in hud.accessibleName()
    studio.live()
    studio.bot.waitUntil(lambda: "ms" in hud.accessibleName())
    assert studio.session.voice
    assert hud.accessibleName().startswith(studio.session.voice.name)
    studio.session.set_mode(Mode.BYPASS)
    hud.refresh()
    assert "your own voice" in hud.accessibleName()
    studio.session.set_mode(Mode.MUTE)
    hud.refresh()
    assert "muted" in hud.accessibleName()


def test_hidden_it_reads_nothing(studio: Studio, hud: Hud) -> None:
    hud.toggle()
    assert hud._timer.isActive()
    hud.toggle()
    assert not hud._timer.isActive()


def test_it_is_dragged_and_found_there_again(open_studio: Factory) -> None:
    studio = open_studio()
    hud = Hud(studio.session)
    hud.toggle()
    hud.windowHandle().startSystemMove = lambda: False  # type: ignore[method-assign] # no window manager here
    hud.move(100, 100)
    QTest.mousePress(hud, LEFT, pos=QPoint(20, 20))
    QTest.mouseMove(hud, QPoint(60, 50))
    QTest.mouseRelease(hud, LEFT, pos=QPoint(20, 20))
    assert hud.pos() == QPoint(140, 130)
    studio.session.save()
    assert Hud(open_studio().session).pos() == QPoint(140, 130)


@pytest.mark.parametrize("kept", ["90000,90000", "nonsense", "1", "²,3", "--5,5", "99999999999,5", ""])
def test_a_place_that_is_on_no_screen_is_not_used(studio: Studio, kept: str) -> None:
    studio.session.store.settings.call.hud_at = kept
    found = Hud(studio.session)
    assert found.screen().availableGeometry().contains(found.frameGeometry())


def test_a_double_click_brings_the_window(studio: Studio, hud: Hud) -> None:
    hud.toggle()
    with studio.bot.waitSignal(studio.session.call.show_wanted):
        QTest.mouseDClick(hud, LEFT, pos=QPoint(20, 20))
