"""Where the engine's processes begin. Imports wait until then, so that a client stays light."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Semaphore

from inference.engine.messages import StreamConfig

# The engine's processes inherit this, and read it when they load numpy: a hop is too small to be shared
# out, and threads without priority would keep the loop waiting on a busy machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def worker(shared_name: str, conn: Connection, wake: Semaphore) -> None:
    """The process that converts."""
    from inference.engine.worker import main

    main(shared_name, conn, wake)


def audio(shared_name: str, conn: Connection, wake: Semaphore, config: StreamConfig) -> None:
    """The process that owns the device streams."""
    from inference.engine.audio_process import main

    main(shared_name, conn, wake, config)
