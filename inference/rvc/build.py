"""A voice made ready: its networks opened, and the smallest block chosen that this machine keeps up with."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import psutil

from inference.converter import HOP, MODEL_RATE
from inference.rvc.content import MANIFEST, ContentEncoder, content_folder
from inference.rvc.converter import RvcConverter
from inference.rvc.facts import VECTORS, RvcError
from inference.rvc.index import Retrieval
from inference.rvc.model import RvcModel
from inference.rvc.offline import speak
from inference.rvc.stream import Plan, RvcStream
from inference.rvc.synthesis import Array, Synthesis, Timbre
from inference.whole import WholeConverter
from voices.tuning import Tuning

BLOCKS = (10, 14, 20, 30, 50)
"""Frames of 10 ms that a block may have."""

_BUSY = 0.75
"""Share of its length that a block may take to compute."""

_SAFETY = 1.3
"""The wait for a block over the longest time that one took."""

_RUNS = 8
_HOPELESS = 1.5
_MOST_THREADS = 8
_FRAME_S = HOP / MODEL_RATE

Stamp = tuple[int, int] | None
"""When a file was written, and which one it is."""


def spare_threads() -> int:
    """Threads to compute with: one core is left to the engine and the audio system."""
    return min(max(1, (psutil.cpu_count(logical=False) or 1) - 1), _MOST_THREADS)


def load_content(folder: Path, threads: int) -> ContentEncoder:
    """The content model, shared by all RVC voices of the process; anew once another one is installed.

    Raises ContentError.
    """
    return _content(folder, threads, _stamp(folder / MANIFEST))


def load_synthesis(folder: Path, speaker: int = 0) -> Synthesis:
    """A voice from its model folder, with its index if it came with one. Raises RvcError, ContentError."""
    content = load_content(content_folder(), spare_threads())
    return _synthesis(folder, speaker, content, _stamp(folder / VECTORS))


@lru_cache(maxsize=1)
def _content(folder: Path, threads: int, _: Stamp) -> ContentEncoder:
    # Voices opened before would keep the one before, which takes up to 400 MB.
    _synthesis.cache_clear()
    return ContentEncoder.load(folder, threads)


@lru_cache(maxsize=2)
def _synthesis(folder: Path, speaker: int, content: ContentEncoder, _: Stamp) -> Synthesis:
    model = RvcModel.load(folder, spare_threads())
    content.open(model.facts.version)
    retrieval = _retrieval(folder / VECTORS, model.facts.content_channels)
    return Synthesis(model, content, retrieval, min(speaker, model.facts.speakers - 1))


def _stamp(path: Path) -> Stamp:
    """Another value once another file stands there; None while there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def make_live(synthesis: Synthesis, target_hz: float) -> RvcConverter:
    """A converter that this machine can keep up with. Raises RvcError where there is none."""
    stream, longest_s = choose(synthesis)
    return RvcConverter(stream, stream.plan.block, wait_hops(longest_s), target_hz)


def wait_hops(longest_s: float) -> int:
    """Hops that a call waits for blocks that take this long; the last is there to see that one is late."""
    return math.ceil(_SAFETY * longest_s / _FRAME_S) + 1


def make_whole(synthesis: Synthesis, target_hz: float) -> WholeConverter:
    """What says whole recordings in a voice."""

    def converter(x: Array, tuning: Tuning, on_progress: Callable[[float], None]) -> tuple[Array, int]:
        return speak(x, synthesis, target_hz, tuning, on_progress)

    return converter


def choose(synthesis: Synthesis, clock: Callable[[], float] = time.perf_counter) -> tuple[RvcStream, float]:
    """The stream with the smallest block that takes at most three quarters of its length, and how long.

    The largest is tried first, so that a machine far too slow is told soon. Raises RvcError.
    """
    for block in (BLOCKS[-1], *BLOCKS):
        stream = RvcStream(synthesis, Plan(block))
        longest, allowed = time_block(stream, clock), _BUSY * block * _FRAME_S
        if block == BLOCKS[-1] and longest > allowed:
            # A machine that was busy for a moment is not too slow: a voice is refused after two looks.
            longest = min(longest, time_block(stream, clock))
        fits = longest <= allowed
        if block == BLOCKS[-1] and not fits:
            raise RvcError(
                f"This computer is too slow to speak with this RVC voice in a call: it needs "
                f"{longest:.1f} s for {block * _FRAME_S:.1f} s of sound. Converting files works."
            )
        if fits and block != BLOCKS[-1]:
            break
    stream.reset()
    return stream, longest


def time_block(stream: RvcStream, clock: Callable[[], float] = time.perf_counter) -> float:
    """The longest of some blocks of speech, in seconds; few where it is far too long."""
    block = stream.plan.block
    noise = np.random.default_rng(1).normal(0, 0.1, block * HOP).astype(np.float32)
    melody = np.full(block, 150.0, np.float32)
    longest = 0.0
    for run in range(_RUNS + 1):
        begun = clock()
        stream.render(noise, melody, Timbre())
        took = clock() - begun
        # The first run of a session finds its memory.
        longest = max(longest, took) if run else 0.0
        if longest > _HOPELESS * block * _FRAME_S:
            break
    return longest


def _retrieval(path: Path, channels: int) -> Retrieval | None:
    if not path.exists():
        return None
    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(path) from error
    if vectors.ndim != 2 or vectors.shape[1] != channels or not len(vectors):
        raise _damaged(path)
    return Retrieval(vectors.astype(np.float32, copy=False))


def _damaged(path: Path) -> RvcError:
    return RvcError(f"{path} is damaged; import the RVC voice again with its .index file.")
