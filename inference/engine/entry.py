"""Where the engine's processes begin. Imports wait until then, so that a client stays light."""

from __future__ import annotations

import os
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Semaphore

from audio.priority import raise_priority
from inference.engine.messages import StreamConfig

# The engine's processes inherit this, and read it when they load numpy: a hop is too small to be shared
# out, and threads without priority would keep the loop waiting on a busy machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def worker(shared_name: str, conn: Connection, wake: Semaphore) -> None:
    """The process that converts.

    It loads its code at a priority too: while another one is being replaced, the call is silent. On a busy
    machine that took 3 to 6 s without, and takes 1.2 to 2.
    """
    raise_priority("loading")
    from inference.engine.worker import main

    main(shared_name, conn, wake)


def audio(shared_name: str, conn: Connection, wake: Semaphore, config: StreamConfig) -> None:
    """The process that owns the device streams; in a hurry like the other."""
    raise_priority("loading")
    from inference.engine.audio_process import main

    # Whoever wanted streams may have gone while the code was loading: then there is nobody to tell.
    with suppress(BrokenPipeError):
        main(shared_name, conn, wake, config)
