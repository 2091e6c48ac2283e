"""Core ML as a `Runtime`: one prediction per hop, ONNX Runtime when anything goes wrong."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from audio.apple import urgent
from inference.coreml.inputs import HopInputs
from inference.coreml.program import Memory, Predictor
from inference.neural.models import Networks
from inference.neural.pause import Pause
from inference.neural.runtime import FAILURES, Array, Stream
from inference.neural.signal import Ear, Mouth

IDLE_S = 0.5
"""Silence between predictions after which one is made to keep the unit awake and its inputs alive."""

_KEPT = 8

_FOR_GOOD: list[deque[tuple[Array, ...]]] = []
"""Inputs of the last streams of every runtime there was. Core ML lets go of an input a second after its
prediction, in a thread without Python's lock: that must never be its last owner, not even when a candidate
has been tried and its runtime is gone (apple/coremltools#2827, #2829)."""


@dataclass(frozen=True)
class Part:
    """A program ready to predict: `fed_back` are its states that go in and out, by name."""

    predictor: Predictor
    output: str
    fed_back: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


class CoreMLRuntime:
    """Content and decoder as one program, pitch as another or on ONNX Runtime.

    `title` names what runs. The first failure of a stream sends it to ONNX Runtime for good, and is counted
    in `failures`; streams made later go there too.
    """

    def __init__(self, networks: Networks, hop: Part, pitch: Part | None, title: str) -> None:
        self.networks, self.hop, self.pitch = networks, hop, pitch
        self.failures = 0
        self.reason = ""
        self.last_s = time.monotonic()
        self._title = title
        self._kept: deque[tuple[Array, ...]] = deque(maxlen=_KEPT)
        _FOR_GOOD.append(self._kept)

    @property
    def name(self) -> str:
        """See `Runtime`."""
        return self.networks.name if self.failures else self._title

    @property
    def base(self) -> str:
        """See `Runtime`."""
        return self.networks.base

    @property
    def latency(self) -> int:
        """See `Runtime`."""
        return self.networks.latency

    def style(self, speaker: Array, quality: Array) -> Array:
        """See `Runtime`: once per voice, by ONNX Runtime."""
        return self.networks.style(speaker, quality)

    def stream(self) -> Stream:
        """See `Runtime`."""
        if self.failures:
            return self.networks.stream()
        try:
            stream = CoreMLStream(self)
            self._kept.append(stream.inputs)
            return stream
        except Exception as error:  # noqa: BLE001 - Core ML raises what it likes
            self.failed(error)
            return self.networks.stream()

    def failed(self, error: Exception) -> None:
        """Counts a failure; from now on ONNX Runtime speaks."""
        self.failures += 1
        FAILURES.count += 1
        self.reason = f"{type(error).__name__}: {error}"

    def keep_warm(self) -> threading.Thread:
        """Starts a thread that predicts on silence while nobody speaks, until the first failure."""
        thread = threading.Thread(target=self._doze, name="core ml", daemon=True)
        thread.start()
        return thread

    def _doze(self) -> None:
        # A prediction holds the interpreter's lock: pushed aside within one, it would keep the loop waiting.
        urgent(beside=True)
        try:
            idle = CoreMLStream(self)
        except Exception as error:  # noqa: BLE001 - as in `stream`
            self.failed(error)
            return
        _FOR_GOOD.append(deque([idle.inputs]))
        while not self.failures:
            time.sleep(IDLE_S / 2)
            if time.monotonic() - self.last_s > IDLE_S:
                idle.breathe()


class CoreMLStream:
    """A `Stream` on Core ML with a spare one on ONNX Runtime, made beforehand."""

    def __init__(self, runtime: CoreMLRuntime) -> None:
        sizes = runtime.networks.sizes
        self._runtime = runtime
        self._ear, self._mouth = Ear(sizes.pitch, sizes.content.mels), Mouth()
        self._inputs, self._pause = HopInputs(sizes), Pause()
        self._hop = Memory(runtime.hop.predictor, runtime.hop.fed_back)
        pitch = runtime.pitch
        self._pitch = Memory(pitch.predictor, pitch.fed_back) if pitch else None
        self._tracker = runtime.networks.pitch.init_state()
        # Made whole: Core ML takes strides as they are, and a view with new axes has strides of 0.
        self._spectrum = np.zeros(self._ear.log_spectrum().shape, np.float32)
        self._spare = runtime.networks.stream()
        self._broken = False
        self._audio = np.zeros((1, 1), np.float32)
        self._prosody = np.zeros((1, 1, 3), np.float32)

    @property
    def inputs(self) -> tuple[Array, ...]:
        """Every array that is given to Core ML, the same ones in each prediction."""
        states = (*self._hop.values, *(self._pitch.values if self._pitch else ()))
        return (*self._inputs.arrays.values(), self._spectrum, *states)

    def listen(self, audio: Array) -> Array:
        """See `Stream`."""
        if self._broken:
            return self._spare.listen(audio)
        self._audio = audio
        self._ear.hear(audio[0])
        try:
            self._prosody[..., :2] = self._melody()
        except Exception as error:  # noqa: BLE001 - Core ML raises what it likes; the call goes on
            self._give_up(error)
            return self._spare.listen(audio)
        self._prosody[..., 2] = self._ear.energy()
        self._pause.hear(audio[0], float(self._prosody[0, 0, 1]))
        return self._prosody

    def speak(self, prosody: Array, source: Array, style: Array, warp: Array) -> Array:
        """See `Stream`."""
        if self._broken:
            return self._spare.speak(prosody, source, style, warp)
        try:
            parts = self._predict(prosody, style)
        except Exception as error:  # noqa: BLE001 - as in `listen`
            self._give_up(error)
            self._spare.listen(self._audio)
            return self._spare.speak(prosody, source, style, warp)
        return self._mouth.speak(parts, source, warp)

    def breathe(self) -> None:
        """One prediction of each program that nobody hears."""
        try:
            if self._pitch is not None:
                self._melody()
            self._predict(self._prosody, self._inputs.arrays["style"])
        except Exception as error:  # noqa: BLE001 - as in `listen`
            self._give_up(error)

    def _melody(self) -> Array:
        runtime = self._runtime
        np.copyto(self._spectrum, self._ear.log_spectrum())
        if self._pitch is None:
            return runtime.networks.pitch.step({"spectrum": self._spectrum}, self._tracker)[0]
        return _numbers(self._pitch.predict({"spectrum": self._spectrum}, "melody"))

    def _predict(self, prosody: Array, style: Array) -> Array:
        inputs = self._inputs.write(self._ear.mel, prosody, style, keep=not self._pause.on)
        parts = _numbers(self._hop.predict(inputs, self._runtime.hop.output))
        self._runtime.last_s = time.monotonic()
        return parts

    def _give_up(self, error: Exception) -> None:
        self._broken = True
        self._runtime.failed(error)


def _numbers(values: Array) -> Array:
    """`values`; raises ArithmeticError where half precision overflowed."""
    if not np.isfinite(values).all():
        raise ArithmeticError("the prediction is not a number")
    return values
