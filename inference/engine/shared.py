"""The memory the engine's processes share: rings, stream counters, telemetry and scopes.

Every field has one writer. The audio process writes the input ring, the stream counters, the clock log and
what is to be recorded; the worker writes the output and monitor rings, the telemetry and the scopes; the
client says whether to record, drains that, writes the phrase ring, and only reads the rest.
"""

from __future__ import annotations

from multiprocessing.shared_memory import SharedMemory

import numpy as np
from numpy.typing import NDArray

from audio.ring import Ring
from inference.converter import HOP

RING_CAPACITY = 1 << 17
"""Samples per ring: 2.73 s at 48 kHz. Rings run nearly empty; the rest is for a stalled worker, and for a
source that delivers that much at once."""

RECORD_CAPACITY = 1 << 19
"""Samples on their way to a recording, each direction: 10.9 s at 48 kHz, for a disk that is busy."""

PHRASE_CAPACITY = 1 << 18
"""Samples of a phrase that takes the microphone's place: 10.9 s at the model's rate."""

SCOPE_HOPS = 4096
"""Hops the scopes remember: 40.96 s."""

CLOCK_LOG, GAP_LOG = 64, 32

STREAM = np.dtype(
    [
        ("rate", np.int64),  # Hz, 0 while the stream is not open
        ("frames", np.int64),  # frames the device has asked for or delivered since the stream opened
        ("callbacks", np.int64),
        ("xruns", np.int64),  # status flags raised by the audio system
        ("underruns", np.int64),  # callbacks that found too little in the ring
        ("silence", np.int64),  # frames of silence those callbacks put in its place
        ("dropped", np.int64),  # input frames that found the ring full
        ("block", np.int64),  # largest callback so far, frames
        ("log_count", np.int64),
        ("log_frames", np.int64, CLOCK_LOG),  # clock log: frame number at the start of a callback ...
        ("log_time", np.float64, CLOCK_LOG),  # ... and perf_counter() then
        ("gap_count", np.int64),
        ("gap_frames", np.int64, GAP_LOG),  # log of pauses: frame number at the first callback after one ...
        ("gap_block", np.int64, GAP_LOG),  # ... frames of the last one before it
        ("gap_since", np.float64, GAP_LOG),  # ... and perf_counter() of either
        ("gap_until", np.float64, GAP_LOG),
    ],
    align=True,
)

TELEMETRY = np.dtype(
    [
        (name, np.float64)
        for name in [
            "running",
            "seconds",
            "sample_rate",
            "block_ms",
            "device_in",
            "ring_in",
            "hop",
            "lookahead",
            "compute_p50",
            "compute_p99",
            "margin",
            "load_margin",
            "piece",
            "device_out",
            "late_blocks",
            "dropped_samples",
            "real_time_factor",
            "compute_p999_ms",
            "input_peak",
            "input_rms",
            "output_peak",
            "output_rms",
            "limiter_gain_db",
            "gate_open",
            "drift_ppm",
            "runtime_failures",
            "speaker_hz",
        ]
    ]
    + [("runtime", "S48")]  # what runs the networks, UTF-8
)

_FIELDS: tuple[tuple[str, np.dtype, int], ...] = (
    ("input_counters", np.dtype(np.int64), 2),
    ("output_counters", np.dtype(np.int64), 2),
    ("monitor_counters", np.dtype(np.int64), 2),
    ("input_samples", np.dtype(np.float32), RING_CAPACITY),
    ("output_samples", np.dtype(np.float32), RING_CAPACITY),
    ("monitor_samples", np.dtype(np.float32), RING_CAPACITY),
    ("input_stream", STREAM, 1),
    ("output_stream", STREAM, 1),
    ("monitor_stream", STREAM, 1),
    ("armed", np.dtype(np.int64), 1),  # worker -> callbacks: an empty ring is an underrun from now on
    ("monitor_armed", np.dtype(np.int64), 1),
    ("recording", np.dtype(np.int64), 1),  # client -> callbacks: copy what passes
    ("input_record_counters", np.dtype(np.int64), 2),
    ("output_record_counters", np.dtype(np.int64), 2),
    ("input_record_samples", np.dtype(np.float32), RECORD_CAPACITY),
    ("output_record_samples", np.dtype(np.float32), RECORD_CAPACITY),
    ("input_unrecorded", np.dtype(np.int64), 1),  # samples a full record ring had no room for, ever
    ("output_unrecorded", np.dtype(np.int64), 1),
    ("phrase_counters", np.dtype(np.int64), 2),
    ("phrase_samples", np.dtype(np.float32), PHRASE_CAPACITY),
    ("phrase_hz", np.dtype(np.float64), 1),  # client -> worker: median F0 of who says it
    ("phrase_cut", np.dtype(np.int64), 1),  # client -> worker: samples up to this count are not wanted
    ("phrase_note", np.dtype(np.int64), 3),  # worker -> client: ticket, hop in the scopes, hops played
    ("phrase_time", np.dtype(np.float64), 1),  # ... and perf_counter() at its first hop
    ("sequence", np.dtype(np.int64), 1),
    ("telemetry", TELEMETRY, 1),
    ("scope_hops", np.dtype(np.int64), 1),
    ("scope_input", np.dtype(np.float32), SCOPE_HOPS * HOP),
    ("scope_output", np.dtype(np.float32), SCOPE_HOPS * HOP),
    ("scope_input_f0", np.dtype(np.float32), SCOPE_HOPS),
    ("scope_output_f0", np.dtype(np.float32), SCOPE_HOPS),
)


def _layout() -> tuple[dict[str, int], int]:
    """Offset of each field, on cache lines of its own, and the size of the whole."""
    offsets, position = {}, 0
    for name, dtype, count in _FIELDS:
        offsets[name] = position
        position += -(-dtype.itemsize * count // 128) * 128
    return offsets, position


class SharedBlock:
    """Views on the shared memory.

    >>> block = SharedBlock.create()              # in the client
    >>> same = SharedBlock.attach(block.name)     # in a child started by multiprocessing
    """

    def __init__(self, memory: SharedMemory) -> None:
        self._memory = memory
        offsets, _ = _layout()
        self._views: dict[str, NDArray] = {
            name: np.ndarray(count, dtype, buffer=memory.buf, offset=offsets[name])
            for name, dtype, count in _FIELDS
        }
        self.input_ring = self._ring("input")
        self.output_ring = self._ring("output")
        self.monitor_ring = self._ring("monitor")
        self.phrase_ring = self._ring("phrase")
        self.record_rings = {name: self._ring(f"{name}_record") for name in ("input", "output")}

    @staticmethod
    def size() -> int:
        """Bytes of a block."""
        return _layout()[1]

    @classmethod
    def create(cls) -> SharedBlock:
        """A new block, all zero; the creator calls `unlink` in the end."""
        return cls(SharedMemory(create=True, size=cls.size()))

    @classmethod
    def attach(cls, name: str) -> SharedBlock:
        """The block another process created. Raises FileNotFoundError when that process is gone."""
        return cls(SharedMemory(name=name))

    def _ring(self, name: str) -> Ring:
        return Ring(self._views[f"{name}_samples"], self._views[f"{name}_counters"])

    @property
    def name(self) -> str:
        """What `attach` takes."""
        return self._memory.name

    def __getitem__(self, field: str) -> NDArray:
        """The array of a field."""
        return self._views[field]

    def reset_streams(self) -> None:
        """Empties rings and counters; only while neither callback nor worker runs."""
        for name in ("input", "output", "monitor"):
            self._views[f"{name}_counters"][:] = 0
            self._views[f"{name}_stream"].view(np.uint8)[:] = 0
        self._views["armed"][0] = self._views["monitor_armed"][0] = 0

    def close(self) -> None:
        """Lets go of the memory; views may not be used any more."""
        del self.input_ring, self.output_ring, self.monitor_ring, self.phrase_ring, self.record_rings
        self._views.clear()
        try:
            self._memory.close()
        except BufferError:
            # A view is still held somewhere (a running callback); the process is about to end anyway.
            return

    def unlink(self) -> None:
        """Frees the memory once every process has closed it."""
        self._memory.unlink()
