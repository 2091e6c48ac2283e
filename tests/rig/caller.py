"""The other end of the call: plays into the product through JACK and records what it answers.

    recording = Caller(server).play_and_record(signal, seconds=3)
    recording.delay_samples          # sample-exact, found by correlation

The JACK client lives in a process of its own (`caller_process.py`), so its timing does not hang on
pytest's GIL, and a test can do things to the product while it plays.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray
from scipy.signal import correlate

from tests.rig.jack_server import JackServer

Signal = NDArray[np.float32]

PORTAUDIO_PORTS = r"^PortAudio.*:"
"""PortAudio names its JACK client itself; the product has no say in it."""

_EXCUSED_BEFORE_S, _EXCUSED_AFTER_S = 0.03, 0.02
"""An xrun is announced some cycles after it happened."""

_PROCESS = Path(__file__).with_name("caller_process.py")


@dataclass(frozen=True)
class Recording:
    """What was played and heard: (n,) float32 at the server's rate, same index = same server frame.

    `xruns`: (k,) positions at which the server reported a late client. `missed`: samples of cycles in
    which the caller itself was not called; `heard` is zero there. `connections`: how often the product's
    ports appeared while it ran.
    """

    played: Signal
    heard: Signal
    xruns: NDArray[np.int64]
    missed: int
    connections: int
    rate: int

    @property
    def delay_samples(self) -> int:
        """Delay of `heard` against `played`: the lag of the highest correlation, exact for noise."""
        return find_delay(self.played, self.heard)

    def wrong(self, delay: int) -> NDArray[np.bool_]:
        """(n,) where `heard` is not the bit-exact copy of `played`, `delay` samples later."""
        expected = np.zeros_like(self.heard)
        expected[delay:] = self.played[: len(self.played) - delay]
        return self.heard != expected

    def excused(self, delay: int) -> NDArray[np.bool_]:
        """(n,) where the audio server itself lost time, so that nothing is to be learnt about the product.

        That is around each xrun that the server announced, when it was played and when it was heard.
        """
        near = np.zeros(len(self.heard), np.bool_)
        before, after = round(_EXCUSED_BEFORE_S * self.rate), round(_EXCUSED_AFTER_S * self.rate)
        for position in self.xruns:
            near[max(0, position - before) : max(0, position + after + delay)] = True
        return near

    def silent(self, start_s: float, stop_s: float) -> bool:
        """Whether nothing at all was heard between two times: exact zeros."""
        return not self.heard[round(start_s * self.rate) : round(stop_s * self.rate)].any()


def find_delay(played: Signal, heard: Signal) -> int:
    """Lag in samples, 0 or more, at which `heard` resembles `played` most (either polarity)."""
    correlation = np.abs(correlate(heard.astype(np.float64), played.astype(np.float64), method="fft"))
    return int(np.argmax(correlation[len(played) - 1 :]))


def white_noise(seconds: float, rate: int = 48_000, level: float = 0.1, seed: int = 1) -> Signal:
    """Uniform noise of peak `level`: its correlation has one sharp peak."""
    return np.random.default_rng(seed).uniform(-level, level, round(seconds * rate)).astype(np.float32)


def mostly_sound(heard: Signal, rate: int = 48_000) -> bool:
    """Whether more than half of `heard`, at least half a second, is anything but exact zeros."""
    return len(heard) >= rate // 2 and 2 * int(np.count_nonzero(heard)) > len(heard)


class Caller:
    """Plays to, and records from, the ports that match `pattern` on `server`."""

    def __init__(self, server: JackServer, pattern: str = PORTAUDIO_PORTS) -> None:
        self._server = server
        self._pattern = pattern

    def start(self, signal: Signal, seconds: float) -> Call:
        """Begins a call of `seconds`; it waits by itself for the product's ports.

        `signal`: (n,) float32 at the server's rate, followed by silence if shorter than the call.
        """
        return Call(self._server, self._pattern, signal, seconds)

    def play_and_record(
        self, signal: Signal, seconds: float | None = None, timeout_s: float = 60.0
    ) -> Recording:
        """A whole call, as long as the signal if not said otherwise. Raises TimeoutError without ports."""
        seconds = len(signal) / self._server.rate if seconds is None else seconds
        return self.start(signal, seconds).finish(timeout_s)

    def measure_delay(self, seconds: float = 2.0) -> int:
        """Delay of the product in samples, by noise."""
        return self.play_and_record(white_noise(seconds, self._server.rate)).delay_samples


class Call:
    """A call in progress."""

    def __init__(self, server: JackServer, pattern: str, signal: Signal, seconds: float) -> None:
        self._rate = server.rate
        self._seconds = seconds
        self._folder = tempfile.TemporaryDirectory(prefix="menura-caller-")
        folder = Path(self._folder.name)
        self._result = folder / "result.npz"
        self._log = folder / "log.txt"
        length = round(seconds * server.rate)
        self._played = np.zeros(length, np.float32)
        self._played[: min(length, len(signal))] = signal[:length]
        np.save(folder / "signal.npy", self._played)
        command = [sys.executable, str(_PROCESS), str(folder / "signal.npy"), str(self._result)]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*command, str(seconds), pattern], env=server.env(), stdout=log, stderr=subprocess.STDOUT
            )

    @property
    def process(self) -> psutil.Process:
        """The process that has the JACK client."""
        return psutil.Process(self._process.pid)

    def connections(self) -> int:
        """How often the product's ports have appeared so far."""
        return sum(line.startswith("connected ") for line in self._log.read_text().splitlines())

    @property
    def played_s(self) -> float:
        """Seconds of the signal that have been played, to within a few periods; 0 before it begins."""
        for line in self._log.read_text().splitlines():
            if line.startswith("playing "):
                return time.monotonic() - float(line.split()[1])
        return 0.0

    def wait_for_ports(self, count: int = 1, timeout_s: float = 60.0) -> None:
        """Returns once ports have appeared `count` times. Raises TimeoutError."""
        try:
            wait_until(lambda: self.connections() >= count, timeout_s)
        except TimeoutError:
            problem = self._log.read_text()
            self.hang_up()
            raise TimeoutError(f"the product's ports did not appear: {problem}") from None

    def finish(self, timeout_s: float = 60.0) -> Recording:
        """Waits for the end of the call; `timeout_s` beyond its length. Raises TimeoutError."""
        try:
            self._process.wait(self._seconds + timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"the call did not end: {self._log.read_text()}") from None
        finally:
            connections = self.connections()
            problem = self._log.read_text()
            self._process.kill()
            self._process.wait()
        if not self._result.exists():
            raise RuntimeError(f"the caller failed: {problem}")
        with np.load(self._result) as result:
            heard = result["heard"]
            recording = Recording(
                self._played[: len(heard)],
                heard,
                result["xruns"],
                int(result["missed"]),
                connections,
                self._rate,
            )
        self._folder.cleanup()
        return recording

    def end(self) -> Recording:
        """Ends the call now; what was played and heard so far."""
        self._process.terminate()
        return self.finish()

    def listen_on(self, seconds: float, timeout_s: float = 60.0) -> Recording:
        """Goes on for `seconds` from now, then ends the call."""
        until = self.played_s + seconds
        wait_until(lambda: self.played_s > until, timeout_s)
        return self.end()

    def hang_up(self) -> None:
        """Ends the call at once; nothing is kept."""
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


def wait_until(condition: Callable[[], bool], timeout_s: float) -> float:
    """Polls until `condition()` holds and returns the seconds it took. Raises TimeoutError."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > timeout_s:
            raise TimeoutError(f"not so within {timeout_s:g} s")
        time.sleep(0.02)
    return time.monotonic() - begun
