"""`menura live --record`: both ends of the call in files, also when everything is killed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from audio.recorder import CHUNK_S
from tests.e2e.product import Live, crash, home_env, menura
from tests.rig.caller import Caller, find_delay, wait_until, white_noise
from tests.rig.jack_server import RATE, JackServer

pytestmark = [pytest.mark.jack, pytest.mark.timeout(300)]

_PATIENCE_S = 60.0


def test_what_was_said_and_heard_is_in_two_files(tmp_path: Path) -> None:
    folder = tmp_path / "takes"
    with JackServer() as server, Live(server, tmp_path, "--bypass", "--record", str(folder)) as live:
        Caller(server).play_and_record(white_noise(3.0, server.rate))
    said, heard = (soundfile.read(path, dtype="float32") for path in sorted(folder.iterdir()))
    assert (said[1], heard[1]) == (RATE, RATE)
    assert abs(len(said[0]) - len(heard[0])) <= RATE // 100  # both from the same callbacks
    at = int(np.flatnonzero(said[0])[0]) + RATE
    delay = find_delay(said[0][at : at + RATE], heard[0][at : at + RATE])
    assert 0 < delay < RATE // 4
    assert f"Recorded {max(len(said[0]), len(heard[0])) / RATE:.1f} s" in live.log


def test_a_recording_outlasts_a_crash_of_the_worker_and_of_everything(tmp_path: Path) -> None:
    folder = tmp_path / "takes"
    with JackServer() as server:
        with Live(server, tmp_path, "--voice", "deep", "--record", str(folder)) as live:
            call = Caller(server).start(white_noise(120.0), 120.0)
            wait_until(lambda: len(list(folder.glob(".*/output-*.flac"))) >= 1, _PATIENCE_S)
            crash(live.worker())
            wait_until(lambda: live.said("Back to normal."), _PATIENCE_S)
            finished = len(list(folder.glob(".*/output-*.flac")))
            wait_until(lambda: len(list(folder.glob(".*/output-*.flac"))) > finished, _PATIENCE_S)
            processes = live.children()
            live.kill()
            for process in processes:
                crash(process)
            psutil.wait_procs(processes, timeout=_PATIENCE_S)
            call.hang_up()
        refused = ["live", "--bypass", "--input", "Grammophone", "--record", str(folder)]
        again = menura(*refused, env=home_env(server, tmp_path))
    assert again.stdout.count("Recovered from a crash") == 2
    said, heard = (soundfile.info(path).duration for path in sorted(folder.iterdir()))
    assert min(said, heard) >= CHUNK_S * (finished + 1)
    assert abs(said - heard) <= CHUNK_S  # each may have had its last piece finished


def test_a_folder_that_cannot_be_written_is_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with JackServer() as server:
        done = menura("live", "--bypass", "--record", str(tmp_path / "file"), env=home_env(server, tmp_path))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be written" in done.stderr
