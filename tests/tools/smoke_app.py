"""By hand: whether a bundled application works where there is no Python: sh app.sh, then

    python -m tests.tools.smoke_app dist/Menura/Menura

Starts it from a strange folder with an empty environment on a JACK dummy server: the doctor, a call of three
seconds with a neural voice, a conversion, and the studio offscreen until it is live, which ends at a SIGTERM.
Each engine has two processes of its own, so this is also the test that a bundle can start its children.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import soundfile

from gui.settings import CallSettings, Settings, SettingsStore
from inference.sample import bundled_speech
from tests.rig.caller import wait_until
from tests.rig.jack_server import JackServer

_PATIENCE_S = 180.0
VOICE = "marlow"
_KEPT = ("PATH", "HOME", "LANG", "XDG_RUNTIME_DIR")


def environment(server: JackServer, home: Path) -> dict[str, str]:
    """What a desktop gives an application, without anything of ours, and no Python in the path."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT}
    kept |= {"PATH": "/usr/bin:/bin", "HOME": str(home), "MENURA_HOME": str(home)}
    return server.env(kept) | {"QT_QPA_PLATFORM": "offscreen"}


def run(app: Path, env: dict[str, str], home: Path, *arguments: str) -> str:
    """Output of a command; ends the program when it fails."""
    begun = time.monotonic()
    done = subprocess.run(
        [app, *arguments], env=env, cwd=home, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
    )
    print(f"{' '.join(arguments)}: exit {done.returncode}, {time.monotonic() - begun:.1f} s", flush=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout


def call(app: Path, env: dict[str, str], home: Path) -> None:
    """A call of three seconds; its report must name what ran."""
    report = home / "report.json"
    run(app, env, home, "live", "--voice", VOICE, "--seconds", "3", "--report", str(report))
    told = json.loads(report.read_text())
    print({name: told[name] for name in ("runtime", "real_time_factor", "worker_restarts", "latency_ms")})
    if told["runtime"] != "onnx" or told["worker_restarts"]:
        sys.exit("the call's report is not as it should be")


def studio(app: Path, env: dict[str, str], home: Path) -> None:
    """The window until it is live; then SIGTERM must end it and all of its processes."""
    SettingsStore(home / "settings.json", Settings(call=CallSettings(start_live=True))).save()
    journal = home / "journal.log"
    process = subprocess.Popen([app], env=env, cwd=home)
    try:
        took = wait_until(lambda: journal.exists() and "  Live" in journal.read_text(), _PATIENCE_S)
        children = psutil.Process(process.pid).children(recursive=True)
        print(f"studio: live after {took:.1f} s, {len(children)} processes of its own", flush=True)
        process.send_signal(signal.SIGTERM)
        status = process.wait(30)
        _, left = psutil.wait_procs(children, timeout=10)
        print(f"studio: exit {status}, {len(left)} processes left", flush=True)
        if status or left:
            sys.exit(journal.read_text())
    finally:
        process.kill()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("app", type=Path)
    app = parser.parse_args().app.resolve()
    with JackServer() as server, tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        env = environment(server, home)
        print(run(app, env, home, "doctor"))
        speech = home / "in.wav"
        soundfile.write(speech, bundled_speech(24_000), 24_000)
        run(app, env, home, "convert", str(speech), str(home / "out.wav"), "--voice", VOICE)
        call(app, env, home)
        studio(app, env, home)
    print("All of it works.")


if __name__ == "__main__":
    main()
