"""How a process of our own is started again, and that the bundle's recipe names what macOS asks for."""

from __future__ import annotations

import plistlib
import subprocess
import sys
from pathlib import Path

from inference.launch import install_hint, own_command

ROOT = Path(__file__).resolve().parent.parent


def test_a_checkout_asks_its_python():
    done = subprocess.run(own_command("--help"), capture_output=True, text=True, check=True)
    assert "doctor" in done.stdout


def test_a_bundle_asks_itself(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/Applications/Menura.app/Contents/MacOS/Menura")
    assert own_command("doctor", "--certify") == [sys.executable, "doctor", "--certify"]


def test_a_signed_bundle_may_use_the_microphone():
    entitlements = plistlib.loads((ROOT / "tools" / "app" / "entitlements.plist").read_bytes())
    assert entitlements["com.apple.security.device.audio-input"] is True
    assert "NSMicrophoneUsageDescription" in (ROOT / "tools" / "app" / "menura.spec").read_text()


def test_a_bundle_takes_no_packages(monkeypatch):
    assert install_hint("refine") == f'{sys.executable} -m pip install "menura[refine]"'
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert "a Python of your own" in install_hint("refine")
