"""A recording in an RVC voice: whole phrases at once and the voice's full band, nothing cut off by a call.

The same functions as in a call (`synthesis`, `loudness`), but the networks see what comes before and after.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from audio.resample import resample_offline
from inference.converter import HOP, MODEL_RATE
from inference.rvc.excitation import add_noise, sine_source
from inference.rvc.loudness import FADE_FRAMES, SilenceGate, follow_dynamics, levels, ramp
from inference.rvc.pitch import follow_all
from inference.rvc.synthesis import CONTENT_FRAME, CONTENT_RATE, LEAST_FRAMES, Synthesis, Timbre
from voices.tuning import Tuning

Array = NDArray[np.float32]

_PIECE = 1200
_AT_LEAST = 600
"""Frames of 10 ms in a piece at most, and where the search for a pause to cut at begins: a full-size decoder
wants some 25 MB a second."""

_MARGIN = 100
"""Frames of the neighbours that a piece hears on either side."""

_FADE = 4
_RUMBLE_HZ, _ORDER = 48.0, 5


def speak(
    x: Array, synthesis: Synthesis, target_hz: float, tuning: Tuning, on_progress: Callable[[float], None]
) -> tuple[Array, int]:
    """Returns x: (n,) at MODEL_RATE in the voice, as long as x, at the voice's own rate; and that rate.

    `on_progress` gets the share done; what it raises ends the conversion.
    """
    facts = synthesis.facts
    frames = max(LEAST_FRAMES, math.ceil(len(x) / HOP))
    padded = np.zeros(frames * HOP, np.float32)
    padded[: len(x)] = without_rumble(x)
    _, f0 = follow_all(padded, target_hz, tuning)
    audio = resample_offline(padded, MODEL_RATE, CONTENT_RATE)[: frames * CONTENT_FRAME]
    voice = _Whole(synthesis, audio, f0, Timbre.of(tuning.formant_semitones, tuning.timbre))
    edges = [0, *_cuts(levels(audio, CONTENT_FRAME)), frames]
    spoken = np.zeros(frames * facts.hop, np.float32)
    for begin, end in pairwise(edges):
        piece = voice.piece(begin, end, partial(on_progress, begin / frames))
        _lay(spoken, piece, begin * facts.hop, _FADE * facts.hop)
        on_progress(end / frames)
    own = levels(audio, CONTENT_FRAME)
    spoken = follow_dynamics(spoken, own) * ramp(_gate(own), facts.hop)
    return spoken[: math.ceil(len(x) * facts.sample_rate / MODEL_RATE)], facts.sample_rate


def without_rumble(x: Array) -> Array:
    """x (n,) at MODEL_RATE without what is below speech: a Butterworth high-pass run both ways."""
    spectrum = np.fft.rfft(x)
    hz = np.maximum(np.fft.rfftfreq(len(x), 1 / MODEL_RATE), 1e-3)
    return np.fft.irfft(spectrum / (1 + (_RUMBLE_HZ / hz) ** (2 * _ORDER)), len(x)).astype(np.float32)


class _Whole:
    """A recording at 16 kHz with its melody; source and noise are those of the whole, so pieces meet."""

    def __init__(self, synthesis: Synthesis, audio: Array, f0: Array, timbre: Timbre) -> None:
        self._synthesis, self._audio, self._f0, self._timbre = synthesis, audio, f0, timbre
        facts, random = synthesis.facts, np.random.default_rng(0)
        self._hop = facts.hop
        sine, _, _ = sine_source(f0, 0.0, facts.sample_rate, facts.hop)
        self._source = add_noise(sine, f0, facts.hop, random)
        self._noise = random.standard_normal((facts.latent_channels, len(f0)), np.float32)

    def piece(self, begin: int, end: int, between: Callable[[], None]) -> Array:
        """The sound of frames [begin - fade, end): the fade is what the piece before ends with.

        `between` is called between its networks, so that who waits for the end need not wait for all.
        """
        first, last = max(0, begin - _MARGIN), min(len(self._f0), end + _MARGIN)
        heard = slice(first, last)
        f0, synthesis, timbre = self._f0[heard], self._synthesis, self._timbre
        audio = self._audio[first * CONTENT_FRAME : last * CONTENT_FRAME]
        phone = synthesis.phone(audio, f0, timbre.share)
        between()
        latent = synthesis.latent(phone, f0, self._noise[:, heard], last - first, timbre.formant)
        between()
        source = self._source[first * self._hop : last * self._hop]
        sound = synthesis.sound(latent, source, timbre.formant)
        start = max(0, begin - _FADE) - first
        return sound[start * self._hop : (end - first) * self._hop]


def _lay(spoken: Array, piece: Array, begin: int, fade: int) -> None:
    """Puts a piece at sample `begin` of `spoken`, over `fade` samples before it where there are some."""
    if begin == 0:
        spoken[: len(piece)] = piece
        return
    rise = np.linspace(0, 1, fade, dtype=np.float32)
    over = spoken[begin - fade : begin]
    over += rise * (piece[:fade] - over)
    spoken[begin : begin + len(piece) - fade] = piece[fade:]


def _cuts(own: Array) -> list[int]:
    """Frames to cut at, in the quietest place of each stretch that may be the last of a piece."""
    cuts: list[int] = []
    begin = 0
    while len(own) - begin > _PIECE:
        begin += _AT_LEAST + int(np.argmin(own[begin + _AT_LEAST : begin + _PIECE]))
        cuts.append(begin)
    return cuts


def _gate(own: Array) -> Array:
    """The silence gate's gains, each early by its fade."""
    gains = SilenceGate().follow(own)
    return np.pad(gains, (0, FADE_FRAMES), "edge")[FADE_FRAMES:]
