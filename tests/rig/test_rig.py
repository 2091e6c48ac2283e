"""The rig, tried on a pass-through whose delay and behaviour are known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.rig import jack_server
from tests.rig.caller import Caller, Recording, find_delay, mostly_sound, wait_until, white_noise
from tests.rig.jack_server import PERIOD, RATE, JackServer
from tests.rig.pass_through import pass_through
from tests.rig.speech import speech


@pytest.fixture
def server() -> Iterator[JackServer]:
    with JackServer() as running:
        yield running


@pytest.mark.jack
@pytest.mark.parametrize("block", [0, 480])
def test_measures_what_portaudio_reports_and_an_exact_copy(server: JackServer, block: int) -> None:
    with pass_through(server, block) as reported:
        recording = Caller(server).play_and_record(white_noise(2.0))
    delay = recording.delay_samples
    assert delay == sum(reported) == PERIOD + block
    exact = ~recording.wrong(delay)[RATE // 2 :]
    assert 2 * np.count_nonzero(exact) > len(exact)  # a busy machine may lose cycles


@pytest.mark.jack
def test_a_call_goes_on_with_the_next_stream_and_hears_silence_between(server: JackServer) -> None:
    call = Caller(server).start(np.full(60 * RATE, 0.5, np.float32), seconds=60)
    with pass_through(server):
        call.wait_for_ports(1)
        wait_until(lambda: call.played_s > 1.0, 60.0)
    with pass_through(server):
        call.wait_for_ports(2)
        recording = call.listen_on(1.5)
    edges = np.flatnonzero(np.diff((recording.heard != 0).astype(int)))
    assert recording.connections == 2
    assert len(edges) >= 3  # sound, silence, sound
    assert mostly_sound(recording.heard[-RATE:])  # a busy machine may lose cycles


@pytest.mark.jack
def test_the_server_comes_back_under_its_name(server: JackServer) -> None:
    server.restart()
    with pass_through(server) as reported:
        assert Caller(server).measure_delay(1.0) == sum(reported)


@pytest.mark.jack
def test_a_product_that_never_comes_is_a_timeout(server: JackServer) -> None:
    call = Caller(server).start(white_noise(0.1), seconds=0.1)
    with pytest.raises(TimeoutError, match="did not appear"):
        call.wait_for_ports(timeout_s=0.3)


@pytest.mark.parametrize("delay", [0, 1, 479, 4321])
def test_find_delay_is_exact(delay: int) -> None:
    played = white_noise(0.5)
    heard = np.concatenate((np.zeros(delay, np.float32), -0.3 * played))[: len(played)]
    assert find_delay(played, heard) == delay


def test_a_lost_period_is_wrong_and_only_an_xrun_excuses_it() -> None:
    played = white_noise(1.0)
    heard = np.concatenate((np.zeros(100, np.float32), played[:-100]))
    heard[24_000:24_240] = 0
    no_xruns = np.array([], np.int64)
    lost = Recording(played, heard, no_xruns, missed=0, connections=1, rate=RATE)
    assert np.flatnonzero(lost.wrong(100)).tolist() == list(range(24_000, 24_240))
    assert not lost.excused(100).any()
    excused = Recording(played, heard, np.array([24_500]), missed=0, connections=1, rate=RATE)
    assert not (excused.wrong(100) & ~excused.excused(100)).any()


def test_without_jackd_a_test_is_skipped_but_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jack_server.shutil, "which", lambda _name: None)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install jackd2"):
        jack_server.require_jackd()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="jackd"):
        jack_server.require_jackd()


def test_speech_loops_to_the_length_asked_for() -> None:
    samples = speech(20.0)
    assert samples.shape == (20 * RATE,)
    assert samples.dtype == np.float32
    assert 0.02 < np.abs(samples).max() <= 1.0


def test_wait_until_gives_up() -> None:
    with pytest.raises(TimeoutError):
        wait_until(lambda: False, timeout_s=0.05)
