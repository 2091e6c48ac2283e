"""One stretch of audio through the networks under ONNX Runtime, hop by hop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inference.networks.config import ContentConfig
from inference.networks.timing import TOKEN_HOPS
from inference.neural.pause import Pause
from inference.neural.runtime import Array
from inference.neural.signal import Brief, Ear, Mouth

if TYPE_CHECKING:
    from inference.neural.models import Networks

_HIDDEN = -10_000.0
"""Score of a memory slot that holds nothing yet."""


class TokenMemory:
    """Keys and values of the last `window - 1` content tokens, overwritten in turn where they lie.

    `inputs` are the step's: `keys_N` (heads, d, window - 1) and `values_N` (heads, window - 1, d) per
    layer, `bias` (1, 1, window), `position` (1,) int64.
    """

    def __init__(self, config: ContentConfig) -> None:
        c, size = config, config.dim // config.heads
        self._slots, self._periods, self._slot = c.window - 1, c.periods, 0
        self._keys = [np.zeros((c.heads, size, self._slots), np.float32) for _ in range(c.layers)]
        self._values = [np.zeros((c.heads, self._slots, size), np.float32) for _ in range(c.layers)]
        self._bias = np.full((1, 1, c.window), _HIDDEN, np.float32)
        self._bias[..., -1] = 0.0
        self._position = np.zeros(1, np.int64)
        self.inputs: dict[str, np.ndarray] = {"position": self._position, "bias": self._bias}
        self.inputs |= {f"keys_{n}": value for n, value in enumerate(self._keys)}
        self.inputs |= {f"values_{n}": value for n, value in enumerate(self._values)}

    @property
    def full(self) -> bool:
        """Whether each further token takes the place of another."""
        return not self._bias.any()

    def keep(self, own: Array) -> None:
        """Puts the newest token's (layers, 2, heads, d) in the place of the oldest."""
        slot = self._slot
        for layer, (key, value) in enumerate(own):
            self._keys[layer][:, :, slot] = key
            self._values[layer][:, slot] = value
        self._bias[..., slot] = 0.0
        self._slot = (slot + 1) % self._slots
        self._position[0] = (self._position[0] + 1) % self._periods


class NetworkStream:
    """A `Stream` of step networks: content tokens come every other hop, pitch and speech every hop."""

    def __init__(self, networks: Networks) -> None:
        self._networks, sizes = networks, networks.sizes
        self._ear, self._mouth = Ear(sizes.pitch, sizes.content.mels), Mouth()
        self._brief = Brief(sizes.decoder)
        self._memory, self._pause = TokenMemory(sizes.content), Pause()
        self._content = networks.content.init_state()
        self._tracker = networks.pitch.init_state()
        self._decoder = networks.decoder.init_state()
        self._prosody = np.zeros((1, 1, 3), np.float32)
        self._hop = 0

    def listen(self, audio: Array) -> Array:
        """See `Stream`."""
        ear, prosody = self._ear, self._prosody
        ear.hear(audio[0])
        melody, *_ = self._networks.pitch.step({"spectrum": ear.log_spectrum()}, self._tracker)
        prosody[..., :2] = melody
        prosody[..., 2] = ear.energy()
        self._pause.hear(audio[0], float(prosody[0, 0, 1]))
        return prosody

    def speak(self, prosody: Array, source: Array, style: Array, warp: Array) -> Array:
        """See `Stream`."""
        self._hop = (self._hop + 1) % TOKEN_HOPS
        self._brief.write(self._token() if self._hop == 0 else None, prosody)
        inputs = {"frames": self._brief.frames, "style": style}
        parts, *_ = self._networks.decoder.step(inputs, self._decoder)
        return self._mouth.speak(parts, source, warp)

    def _token(self) -> Array:
        inputs = {"mel": self._ear.mel, **self._memory.inputs}
        units, own = self._networks.content.step(inputs, self._content)
        if not (self._pause.on and self._memory.full):
            self._memory.keep(own)
        return units
