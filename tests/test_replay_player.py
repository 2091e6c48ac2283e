"""The player's process, heard from outside by a JACK client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from audio.files import write_audio
from inference.replay_player import Player, PlayerFailed
from tests.rig.jack_server import JackServer

RATE = 24_000


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def player() -> Iterator[Player]:
    made = Player()
    yield made
    made.close()


def tone(hz: float, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def strength(x: np.ndarray, hz: float, rate: int) -> float:
    """Amplitude of one frequency."""
    return float(2 * abs(np.exp(-2j * np.pi * hz * np.arange(len(x)) / rate) @ x) / len(x))


class Listener:
    """A JACK client that records what the player gives to the loudspeaker."""

    def __init__(self, server: JackServer) -> None:
        jack = pytest.importorskip("jack")
        self._client = jack.Client("listener", servername=server.name, no_start_server=True)
        self._port = self._client.inports.register("in")
        self._heard: list[np.ndarray] = []
        self._client.set_process_callback(lambda _: self._heard.append(self._port.get_array().copy()))
        self.rate = self._client.samplerate

    def __enter__(self) -> Listener:
        self._client.activate()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.deactivate()
        self._client.close()

    def connect(self) -> bool:
        """Listens to the player, once its port is there."""
        ports = self._client.get_ports("PortAudio", is_output=True, is_audio=True)
        if ports:
            self._client.connect(ports[0], self._port)
        return bool(ports)

    def last(self, seconds: float) -> np.ndarray:
        """What was heard last."""
        return np.concatenate([np.zeros(1, np.float32), *self._heard])[-round(seconds * self.rate) :]


@pytest.mark.jack
def test_takes_loop_and_switch(player: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    with JackServer() as server:
        for name, value in server.env({}).items():
            monkeypatch.setenv(name, value)
        with Listener(server) as listener:
            player.load([tone(400), tone(900)], RATE, None)
            player.play()
            wait_for(lambda: player.audible)
            wait_for(listener.connect)
            wait_for(lambda: strength(listener.last(0.1), 400, listener.rate) > 0.25)
            player.select(1)
            wait_for(lambda: strength(listener.last(0.1), 900, listener.rate) > 0.25)
            wait_for(lambda: strength(listener.last(0.1), 400, listener.rate) < 0.03)
            player.loop(0.2, 0.5)
            wait_for(lambda: player.position_s > 0.45)
            wait_for(lambda: player.position_s < 0.3)
            player.pause()
            wait_for(lambda: not listener.last(0.1).any())
            assert not player.poll()


@pytest.mark.jack
def test_a_file_plays_once_and_ends(player: Player, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    write_audio(tmp_path / "a.flac", np.stack([tone(500, 0.5, 44_100)] * 2, 1), 44_100)
    with JackServer() as server:
        for name, value in server.env({}).items():
            monkeypatch.setenv(name, value)
        player.load_file(tmp_path / "a.flac", None)
        player.play()
        wait_for(lambda: player.audible)
        wait_for(lambda: not player.playing)
        assert player.position_s == pytest.approx(0.5, abs=0.05)
        wait_for(lambda: not player.audible)
        assert not player.poll()


def failure(player: Player) -> str:
    found: list[PlayerFailed] = []
    wait_for(lambda: bool(found.extend(player.poll()) or found))
    return found[0].reason


def test_problems_are_told_in_a_sentence(player: Player, tmp_path) -> None:
    player.load_file(tmp_path / "gone.flac", None)
    assert "gone.flac cannot be played" in failure(player)
    player.load([tone(400)], RATE, "No such device")
    player.play()
    assert failure(player)
    assert not player.playing
