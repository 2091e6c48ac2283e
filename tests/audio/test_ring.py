"""The ring: nothing lost, nothing twice, nothing out of order, between threads and processes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from multiprocessing import shared_memory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.ring import Ring


@given(st.lists(st.tuples(st.sampled_from(["push", "pop", "peek", "skip"]), st.integers(0, 70)), max_size=60))
def test_behaves_like_a_bounded_queue(steps: list[tuple[str, int]]) -> None:
    ring, queue, value = Ring.create(32), [], 0
    for action, n in steps:
        if action == "push":
            block = np.arange(value, value + n, dtype=np.float32)
            taken = ring.push(block)
            assert taken == min(n, 32 - len(queue))
            queue += block[:taken].tolist()
            value += n
        elif action == "skip":
            gone = ring.skip(n)
            assert gone == min(n, len(queue))
            del queue[:gone]
        else:
            out = np.full(n, 9e9, np.float32)
            got = ring.pop_into(out) if action == "pop" else ring.peek_into(out)
            assert got == min(n, len(queue))
            assert out.tolist() == queue[:got] + [0.0] * (n - got)
            if action == "pop":
                del queue[:got]
        assert ring.fill == len(queue) == ring.written - ring.read


def test_ten_thousand_odd_blocks_keep_their_order() -> None:
    rng = np.random.default_rng(1)
    ring, sent, received = Ring.create(1024), 0, 0
    for size_in, size_out in rng.integers(1, 700, (10_000, 2)):
        sent += ring.push(np.arange(sent, sent + size_in, dtype=np.float32) % 65_536)
        out = np.empty(size_out, np.float32)
        n = ring.pop_into(out)
        np.testing.assert_array_equal(out[:n], np.arange(received, received + n, dtype=np.float32) % 65_536)
        received += n
    assert sent - received == ring.fill
    assert sent > 2_000_000


def test_two_threads_share_it() -> None:
    ring, total = Ring.create(512), 400_000
    signal = (np.arange(total) % 9973).astype(np.float32)

    def write() -> None:
        rng, done = np.random.default_rng(2), 0
        while done < total:
            taken = ring.push(signal[done : done + int(rng.integers(1, 200))])
            done += taken
            time.sleep(0 if taken else 1e-4)

    writer = threading.Thread(target=write)
    writer.start()
    rng, got = np.random.default_rng(3), 0
    while got < total:
        out = np.empty(int(rng.integers(1, 200)), np.float32)
        n = ring.pop_into(out)
        assert np.array_equal(out[:n], signal[got : got + n])
        got += n
        time.sleep(0 if n else 1e-4)
    writer.join()
    assert ring.fill == 0


_WRITER = """
import sys
import time
import numpy as np
from multiprocessing import resource_tracker, shared_memory
from audio.ring import Ring
memory = shared_memory.SharedMemory(sys.argv[1])
resource_tracker.unregister(memory._name, "shared_memory")  # the reader unlinks it
ring = Ring(np.frombuffer(memory.buf, np.float32, 1024, 16), np.frombuffer(memory.buf, np.int64, 2))
done, total = 0, int(sys.argv[2])
rng = np.random.default_rng(4)
while done < total:
    n = min(int(rng.integers(1, 300)), total - done)
    taken = ring.push(np.arange(done, done + n, dtype=np.float32) % 9973)
    done += taken
    time.sleep(0 if taken else 1e-4)
del ring
memory.close()
"""


def test_two_processes_share_it() -> None:
    total = 200_000
    memory = shared_memory.SharedMemory(create=True, size=16 + 4 * 1024)
    ring = Ring(np.frombuffer(memory.buf, np.float32, 1024, 16), np.frombuffer(memory.buf, np.int64, 2))
    try:
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, memory.name, str(total)])
        got, out = 0, np.empty(256, np.float32)
        while got < total:
            n = ring.pop_into(out)
            assert np.array_equal(out[:n], np.arange(got, got + n, dtype=np.float32) % 9973)
            got += n
            time.sleep(0 if n else 1e-4)
            assert n or writer.poll() in (None, 0)
        assert writer.wait(60) == 0
    finally:
        del ring
        memory.close()
        memory.unlink()


@pytest.mark.parametrize(
    ("samples", "counters"),
    [
        (np.zeros(12, np.float32), np.zeros(2, np.int64)),
        (np.zeros(0, np.float32), np.zeros(2, np.int64)),
        (np.zeros(16), np.zeros(2, np.int64)),
        (np.zeros(16, np.float32), np.zeros(3, np.int64)),
        (np.zeros(16, np.float32), np.zeros(2, np.int32)),
        (np.zeros(16, np.float32), np.frombuffer(bytearray(20), np.int64, 2, 3)),
    ],
)
def test_refuses_buffers_it_cannot_keep_its_promise_on(samples: np.ndarray, counters: np.ndarray) -> None:
    with pytest.raises(ValueError, match="ring takes"):
        Ring(samples, counters)
