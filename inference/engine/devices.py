"""Device lists from a process of their own: PortAudio only looks when it is initialised."""

from __future__ import annotations

import concurrent.futures
import multiprocessing as mp

from audio.devices import DeviceError, list_devices
from inference.background import uninterrupted
from inference.engine.messages import DevicesListed

_PATIENCE_S = 10.0


def describe_devices() -> DevicesListed:
    """The devices as PortAudio sees them from this process; a problem becomes a sentence."""
    try:
        return DevicesListed(tuple(list_devices()))
    except DeviceError as error:
        return DevicesListed((), str(error))


def list_in_own_process() -> DevicesListed:
    """A fresh list, without touching the streams or the audio library of this process."""
    pool = concurrent.futures.ProcessPoolExecutor(1, mp_context=mp.get_context("spawn"))
    try:
        with uninterrupted():
            listing = pool.submit(describe_devices)
        return listing.result(timeout=_PATIENCE_S)
    except (concurrent.futures.TimeoutError, concurrent.futures.process.BrokenProcessPool):
        return DevicesListed((), "The audio system did not answer. Check that its server is running.")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
