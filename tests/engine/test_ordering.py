"""What one process publishes is there for the other: data, fence, counter; and counter, fence, data.

x86 keeps this order by itself, so no run on it can fail for a missing fence. What can be checked anywhere is
that the fence stands between: every access to the shared arrays and every fence is written down here.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from audio.fence import Fence
from audio.ring import Ring
from audio.streams import Tap, input_callback
from inference.converter import HOP, PitchFrame
from inference.engine.client import EngineClient
from inference.engine.phrase import PhrasePlayer, PhraseSource
from inference.engine.reporting import Reporter
from inference.engine.shared import STREAM, SharedBlock
from inference.engine.stream_view import SourceView

STEPS: list[str] = []
FINE = SimpleNamespace(input_overflow=False, output_underflow=False)


class Traced(np.ndarray):
    """An array that writes down who is read and written; views keep the name, fields have their own."""

    name: str = ""

    def __array_finalize__(self, other: Any) -> None:
        self.name = getattr(other, "name", "")

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        if isinstance(key, str):
            found.name = key
        else:
            STEPS.append(f"get {self.name}")
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        STEPS.append(f"set {self.name}")
        super().__setitem__(key, value)

    def copy(self, order: Any = "C") -> Any:
        STEPS.append(f"get {self.name}")
        return np.array(self.view(np.ndarray))  # nobody else's any more


def traced(array: np.ndarray, name: str) -> Traced:
    view = array.view(Traced)
    view.name = name
    return view


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> SharedBlock:
    monkeypatch.setattr(Fence, "__call__", lambda self: STEPS.append("fence"))
    block = SharedBlock(SimpleNamespace(buf=bytearray(SharedBlock.size()), name="traced"))
    block._views = {name: traced(array, name) for name, array in block._views.items()}
    for name in ("input", "output", "monitor", "phrase"):
        setattr(block, f"{name}_ring", block._ring(name))
    STEPS.clear()
    return block


def fenced(first: str, then: str) -> bool:
    """Whether a fence stands between every access `first` and the next `then` after it."""
    open_, seen = False, 0
    for step in STEPS:
        if step == "fence":
            open_ = False
        elif step == then:
            if open_:
                return False
            seen += 1
        if step == first:
            open_ = True
    return seen > 0 and first in STEPS


def test_samples_are_there_before_their_counter_and_fetched_after_it(shared: SharedBlock) -> None:
    ring: Ring = shared.input_ring
    ring.push(np.ones(100, np.float32))
    assert fenced("set input_samples", "set input_counters")
    assert fenced("get input_counters", "set input_samples"), "room is known before it is used"
    STEPS.clear()
    ring.pop_into(np.zeros(50, np.float32))
    assert fenced("get input_counters", "get input_samples")
    assert fenced("get input_samples", "set input_counters"), "room is given up when it is empty"


def test_the_log_of_callbacks_is_whole(shared: SharedBlock) -> None:
    record = shared["input_stream"]
    call = input_callback(Tap(shared.input_ring, record, shared["armed"]), lambda: None)
    STEPS.clear()
    call(np.zeros((240, 1), np.float32), 240, None, FINE)
    assert fenced("set log_time", "set log_count")
    assert fenced("set log_frames", "set log_count")
    view = SourceView(shared.input_ring, record, 48_000)
    STEPS.clear()
    view.refresh()
    assert fenced("get log_count", "get log_time")
    assert fenced("get log_count", "get log_frames")


def test_the_log_of_pauses_is_whole(shared: SharedBlock, monkeypatch: pytest.MonkeyPatch) -> None:
    record = shared["input_stream"]
    call = input_callback(Tap(shared.input_ring, record, shared["armed"]), lambda: None)
    now = iter((1.0, 1.5))
    monkeypatch.setattr("audio.streams.time", SimpleNamespace(perf_counter=lambda: next(now)))
    call(np.zeros((240, 1), np.float32), 240, None, FINE)
    STEPS.clear()
    call(np.zeros((240, 1), np.float32), 240, None, FINE)
    for name in ("gap_frames", "gap_block", "gap_since", "gap_until"):
        assert fenced(f"set {name}", "set gap_count"), name
    view = SourceView(shared.input_ring, record, 48_000)
    STEPS.clear()
    view.refresh()
    for name in ("gap_frames", "gap_block", "gap_since", "gap_until"):
        assert fenced("get gap_count", f"get {name}"), name


class Client(EngineClient):
    """Reads a block; starts no engine."""

    def __init__(self, block: SharedBlock) -> None:
        self._shared, self._fence = block, Fence()


def test_telemetry_and_scopes_are_whole(shared: SharedBlock) -> None:
    reporter = Reporter(shared)
    chain: Any = SimpleNamespace(
        block_load=0.0, limiter_gain_db=0.0, gate_open=True, speaker_hz=0.0, level_in=None, level_out=None
    )
    STEPS.clear()
    numbers = dict.fromkeys(
        ("ring_delay_s", "hop_s", "look_ahead_s", "margin_s", "load_margin_s", "piece_s", "block_s"), 0.0
    )
    reporter.publish(
        **numbers,
        device_s=(0.0, 0.0),
        block_delay_s=(0.0, 0.0),
        sample_rate=48_000,
        late_blocks=0,
        dropped_samples=0,
        drift_ppm=0.0,
        runtime="",
        chain=chain,
    )
    assert fenced("set sequence", "set seconds")
    assert fenced("set seconds", "set sequence")
    STEPS.clear()
    hop = np.zeros(HOP, np.float32)
    reporter.scope(hop, hop, PitchFrame())
    for name in ("scope_input", "scope_output", "scope_input_f0", "scope_output_f0"):
        assert fenced(f"set {name}", "set scope_hops"), name
    STEPS.clear()
    client = Client(shared)
    client._record()
    assert fenced("get sequence", "get telemetry")
    assert fenced("get telemetry", "get sequence")
    STEPS.clear()
    client.scope(0)
    for name in ("scope_input", "scope_output", "scope_input_f0", "scope_output_f0"):
        assert fenced("get scope_hops", f"get {name}"), name


def test_how_far_a_phrase_is_is_told_of_that_phrase(shared: SharedBlock) -> None:
    player, source = PhrasePlayer(shared), PhraseSource(shared)
    source.replace(np.zeros(HOP, np.float32))
    ticket = player.play(np.ones(HOP, np.float32))
    STEPS.clear()
    source.replace(np.zeros(HOP, np.float32))
    # What it is about stands before its number, and its end is told by the ring.
    number = [at for at, step in enumerate(STEPS) if step == "set phrase_note"][2]
    assert "fence" in STEPS[STEPS.index("set phrase_time") : number]
    assert fenced("set phrase_note", "set phrase_counters")
    STEPS.clear()
    assert player.progress(ticket).complete
    assert fenced("get phrase_counters", "get phrase_note")
    first, second, *_ = (at for at, step in enumerate(STEPS) if step == "get phrase_note")
    assert "fence" in STEPS[first:second]


def test_a_side_with_counters_of_another_opening_takes_and_gives_nothing() -> None:
    samples, counters = np.full(64, 9.0, np.float32), np.array([10, 900])
    ring, out = Ring(samples, counters), np.ones(8, np.float32)
    assert ring.pop_into(out) == 0
    assert not out.any()
    counters[:] = 900, 10
    assert ring.push(np.ones(8, np.float32)) == 0
    assert counters.tolist() == [900, 10]
    assert (samples == 9.0).all()


def test_a_stream_record_has_whole_fields() -> None:
    """A counter is one aligned access of 8 bytes, so that nobody sees half of one."""
    record = np.zeros(1, STREAM)
    assert STREAM.isalignedstruct
    for name in STREAM.names or ():
        assert record[name].dtype.itemsize == 8
        assert record[name].flags.aligned, name
