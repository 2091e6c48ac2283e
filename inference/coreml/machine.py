"""This machine's Core ML: candidates to certify, the runtime that was certified."""

from __future__ import annotations

import platform
from functools import lru_cache
from pathlib import Path

from inference.coreml import apple, cache
from inference.coreml.certify import ONNX, Candidate, Certificate, Key, Row, certify, recall, remember, table
from inference.coreml.fixture import Fixture, make_fixture
from inference.coreml.package import FIXTURE, Package, ProgramFile, find_package, model_checksum
from inference.coreml.program import Predictor
from inference.coreml.runtime import CoreMLRuntime, Part
from inference.neural.models import load_networks
from inference.neural.runtime import Runtime


class CoreMLUnavailableError(RuntimeError):
    """Core ML cannot run the networks here; the message says why and what to do."""


def key() -> Key:
    """Machine, system, networks and programs that a certificate made now would be for."""
    machine = f"{platform.machine()} {apple.chip() or platform.processor()}".strip()
    package = find_package()
    return Key(machine, _system(), model_checksum(), package.checksum if package else "")


def _system() -> str:
    return f"macOS {platform.mac_ver()[0]}" if apple.macos() else platform.platform()


class Workshop:
    """Opens programs of a package; `open_predictor(program, unit)` is the platform's part."""

    def __init__(self, package: Package, macos: int) -> None:
        self.package, self.macos = package, macos

    def compiled(self, program: ProgramFile) -> Path:
        """The compiled program, from the cache or made now."""
        source = self.package.folder / program.file
        return cache.compiled(source, program, _system(), apple.compile_package)

    def open_predictor(self, program: ProgramFile, unit: str) -> Predictor:
        """Loads a program on a unit."""
        return apple.ApplePredictor(self.compiled(program), apple.Unit(unit), not program.fed_back)

    def placement(self, program: ProgramFile, unit: str) -> dict[str, int]:
        """Operations by device, as Core ML plans them."""
        return apple.placement(self.compiled(program), apple.Unit(unit))

    def part(self, file: str, unit: str) -> Part:
        """A program by its file name. Raises CoreMLUnavailableError when the package has no such one."""
        for program in self.package.programs:
            if program.file == file:
                return Part(self.open_predictor(program, unit), program.output, program.fed_back)
        raise CoreMLUnavailableError(f"The program {file} is gone; run: menura doctor --certify")

    def candidates(self) -> list[Candidate]:
        """ONNX Runtime, then every program that fits this system on every unit."""
        found = [Candidate(network, ONNX, "cpu", load_networks) for network in ("hop", "pitch")]
        for network in ("hop", "pitch"):
            for program in self.package.fitting(network, self.macos):
                found += [self._candidate(program, unit.value) for unit in apple.Unit]
        return found

    def _candidate(self, program: ProgramFile, unit: str) -> Candidate:
        def opened() -> Runtime:
            part = self.part(program.file, unit)
            return CoreMLRuntime(load_networks(), part, part if program.network == "pitch" else None, "")

        return Candidate(program.network, program.file, unit, opened, lambda: self.placement(program, unit))

    def runtime(self, hop: Row, pitch: Row) -> CoreMLRuntime:
        """What two rows of a certificate chose, awake and kept so."""
        pitch_part = None if pitch.program == ONNX else self.part(pitch.program, pitch.unit)
        title = f"Core ML ({apple.TITLES[apple.Unit(hop.unit)]})"
        runtime = CoreMLRuntime(load_networks(), self.part(hop.program, hop.unit), pitch_part, title)
        runtime.keep_warm()
        return runtime


def workshop() -> Workshop:
    """This machine's. Raises CoreMLUnavailableError with what to do."""
    if apple.macos() < 13:
        raise CoreMLUnavailableError("Core ML needs macOS 13 or newer; here ONNX Runtime speaks.")
    package = find_package()
    if package is None:
        raise CoreMLUnavailableError(
            "The Core ML programs are not installed; make them with: menura export --format coreml"
        )
    return Workshop(package, apple.macos())


def certify_here() -> Certificate:
    """Certifies everything this machine has and remembers the result; off a Mac, ONNX Runtime alone.

    Takes a minute or two on a Mac: each unit specialises each program at its first load.
    """
    try:
        shop = workshop()
    except CoreMLUnavailableError:
        candidates = [Candidate(network, ONNX, "cpu", load_networks) for network in ("hop", "pitch")]
        fixture = make_fixture(load_networks())
    else:
        candidates = shop.candidates()
        fixture = Fixture.load(shop.package.folder / FIXTURE)
        cache.tidy({cache.compiled_path(program, _system()) for program in shop.package.programs})
    certificate = certify(candidates, fixture, key())
    remember(certificate)
    return certificate


def report(certificate: Certificate) -> list[str]:
    """The certificate in lines of text, with what speaks from now on."""
    about = certificate.key
    lines = [f"{about.machine}, {about.system}, networks {about.model[:12]}", *table(certificate)]
    try:
        workshop()
    except CoreMLUnavailableError as error:
        lines.append(str(error))
    return lines


@lru_cache(maxsize=2)
def load_certified(unit: str | None = None) -> CoreMLRuntime | None:
    """The runtime that this machine's certificate chose; None if it chose ONNX Runtime.

    `unit` asks for one of `apple.Unit` where it was accepted. Raises CoreMLUnavailableError when there is no
    certificate for this machine, system and networks, or Core ML itself fails.
    """
    shop, certificate = workshop(), recall(key())
    if certificate is None:
        raise CoreMLUnavailableError("Core ML has not been certified here; run: menura doctor --certify")
    hop, pitch = certificate.chosen("hop", unit), certificate.chosen("pitch")
    if hop.program == ONNX:
        return None
    try:
        return shop.runtime(hop, pitch)
    except CoreMLUnavailableError:
        raise
    except Exception as error:
        raise CoreMLUnavailableError(f"Core ML cannot load the networks ({error}).") from error
