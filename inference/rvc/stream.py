"""An RVC voice block by block: the networks see some context again, the decoder only what is new.

```
frames of 10 ms     |------------- context -------------|-------- block ---------|
content, prior      |############################################################|
flow                             |###############################################|
decoder                               |##########################################|
heard                                 .left.|--- goes out now ----|fade|search|edge
```

The newest frames know nothing of what follows them and are worst; the last of them, `edge`, are not used
until the next block makes them again, and the fade hides what changes with more knowledge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.resample import make_resampler
from inference.converter import HOP, MODEL_RATE
from inference.rvc.excitation import add_noise, sine_source
from inference.rvc.loudness import FADE_FRAMES, SilenceGate, follow_dynamics, levels, ramp
from inference.rvc.sola import Sola
from inference.rvc.synthesis import CONTENT_FRAME, CONTENT_RATE, Synthesis, Timbre

Array = NDArray[np.float32]

FADE, SEARCH, EDGE = 4, 1, 2
"""Frames cross-faded, searched for the best place, and left for the next block."""

_LEFT = 4
"""Frames decoded before those that are used: most of the decoder's reach, and the level's 40 ms."""

_PEAK = 4.0


@dataclass(frozen=True)
class Plan:
    """How much is done at once, in frames of 10 ms. Both are even: content comes every 20 ms."""

    block: int
    context: int = 120

    @property
    def frames(self) -> int:
        """What the networks see."""
        return self.context + self.block

    @property
    def window(self) -> int:
        """What the decoder says."""
        return _LEFT + self.block + FADE + SEARCH + EDGE


class RvcStream:
    """Speech in, the voice out, `plan.block` hops at a time; causal, repeatable, one thread.

    >>> stream = RvcStream(synthesis, Plan(block=20))
    >>> y = stream.render(x, f0, Timbre())  # x, y: (20 * 240,) at MODEL_RATE, f0: (20,) Hz, 0 = unvoiced
    """

    def __init__(self, synthesis: Synthesis, plan: Plan) -> None:
        self.plan, self.synthesis = plan, synthesis
        facts = synthesis.facts
        self._hop, self._rate = facts.hop, facts.sample_rate
        self._down = make_resampler(MODEL_RATE, CONTENT_RATE, plan.block * HOP)
        self._up = make_resampler(self._rate, MODEL_RATE, plan.block * self._hop)
        self._sola = Sola(FADE * self._hop, SEARCH * self._hop)
        self._gate = SilenceGate()
        self._audio = np.zeros(plan.frames * CONTENT_FRAME, np.float32)
        self._f0 = np.zeros(plan.frames, np.float32)
        self._gains = np.zeros(plan.frames, np.float32)
        self._noise = np.zeros((facts.latent_channels, plan.frames), np.float32)
        self._source = np.zeros(plan.window * self._hop, np.float32)
        self._levels = np.zeros(plan.frames, np.float32)
        self.reset()

    @property
    def latency_samples(self) -> int:
        """Samples at MODEL_RATE from a sound in a block to the same place in the block given back."""
        cut = (FADE + EDGE + SEARCH / 2) * HOP
        return round(cut + (self._down.delay_s + self._up.delay_s) * MODEL_RATE)

    def reset(self) -> None:
        """Forgets the past: the same input gives the same bits again."""
        for part in (self._down, self._up, self._sola, self._gate):
            part.reset()
        for history in (self._audio, self._f0, self._gains, self._noise, self._source, self._levels):
            history[:] = 0.0
        self._random = np.random.default_rng(0)
        self._phase = 0.0

    def render(self, x: Array, f0: Array, timbre: Timbre) -> Array:
        """Returns the next block for the next block of speech and of its melody as it shall be heard.

        A hop's F0 describes the hop before (`pitch.PITCH_DELAY_HOPS`). Silence stays silent and is free.
        """
        self._hear(x, f0)
        window = self.plan.window
        if not self._gains[-window:].any():
            self._sola.reset()
            self._up.reset()
            return np.zeros(len(x), np.float32)
        since = self.plan.frames - window - self.synthesis.facts.flow_context
        phone = self.synthesis.phone(self._audio, self._f0, timbre.share, max(0, since))
        latent = self.synthesis.latent(phone, self._f0, self._noise, window, timbre.formant)
        return self._say(self.synthesis.sound(latent, self._source, timbre.formant))

    def _hear(self, x: Array, f0: Array) -> None:
        """Moves every history on by a block."""
        block, hop = self.plan.block, self._hop
        _append(self._audio, self._down.process(x))
        self._levels = levels(self._audio, CONTENT_FRAME)
        _append(self._gains, self._gate.follow(self._levels[-block:]))
        _append(self._noise.T, self._random.standard_normal((block, len(self._noise)), np.float32))
        # The newest frame's F0 comes with the next block; until then it is that of the frame before.
        melody = np.append(f0, f0[-1])
        _append(self._f0, f0)
        self._f0[-block - 1 :] = melody
        source, _, phases = sine_source(melody, self._phase, self._rate, hop)
        self._phase = float(phases[-1])
        _append(self._source, source[:-hop])
        self._source[-len(source) :] = add_noise(source, melody, hop, self._random)

    def _say(self, audio: Array) -> Array:
        """The decoder's window (window * hop,) -> the block that goes out."""
        plan, hop = self.plan, self._hop
        voice = follow_dynamics(audio, self._levels[-plan.window :])
        joined = self._sola.join(voice[_LEFT * hop : -EDGE * hop])
        begin = plan.frames - plan.block - FADE - EDGE - SEARCH + FADE_FRAMES
        gains = ramp(self._gains[begin - 1 : begin + plan.block], hop)[hop:]
        out = self._up.process(joined * gains)
        if not np.isfinite(out).all():
            self._sola.reset()
            self._up.reset()
            return np.zeros(plan.block * HOP, np.float32)
        return np.clip(out, -_PEAK, _PEAK)


def _append(history: Array, new: Array) -> None:
    """Moves `history` (n, ...) on by `new` (m, ...), m at most n."""
    count = len(new)
    history[:-count] = history[count:]
    history[-count:] = new
