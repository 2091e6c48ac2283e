"""The Core ML programs of an installation: which files there are, for which system, of which networks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from inference.neural.models import model_checksum, model_folder
from voices.home import home

FORMAT = 1
"""Version of the manifest."""

MANIFEST, FIXTURE = "manifest.json", "fixture.npz"


@dataclass(frozen=True)
class ProgramFile:
    """One `.mlpackage`. `network` is hop or pitch, `macos` the first system it is for.

    `fed_back`: shapes of the states that go in and out, by name; empty where they live inside.
    """

    network: str
    file: str
    macos: int
    weights: str
    output: str
    sha256: str
    fed_back: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Package:
    """The programs in `folder`; `model` is the checksum of the networks they were made of."""

    folder: Path
    model: str
    programs: tuple[ProgramFile, ...]

    def fitting(self, network: str, macos: int) -> tuple[ProgramFile, ...]:
        """The programs of a network for a system: those with states inside where it knows them."""
        newest = max((p.macos for p in self.programs if p.network == network and p.macos <= macos), default=0)
        return tuple(p for p in self.programs if p.network == network and p.macos == newest)

    @property
    def checksum(self) -> str:
        """Tells sets of programs apart, also two that were made of the same networks."""
        sums = sorted((program.file, program.sha256) for program in self.programs)
        return hashlib.sha256(json.dumps(sums).encode()).hexdigest()

    def save(self) -> None:
        """Writes the manifest."""
        about = {"format": FORMAT, "model": self.model, "programs": [asdict(p) for p in self.programs]}
        (self.folder / MANIFEST).write_text(json.dumps(about, indent=1) + "\n")


def own_folder() -> Path:
    """Where `menura export --format coreml` puts programs if not told."""
    return home() / "coreml"


def find_package() -> Package | None:
    """The user's own programs or the bundled ones, whichever belongs to the shipped networks."""
    for folder in (own_folder(), model_folder() / "coreml"):
        package = read_package(folder)
        if package is not None and package.model == model_checksum():
            return package
    return None


def read_package(folder: Path) -> Package | None:
    """The programs in `folder`; None where there are none that this version knows how to use."""
    try:
        about = json.loads((folder / MANIFEST).read_text())
        if about["format"] != FORMAT:
            return None
        programs = tuple(_program(entry) for entry in about["programs"])
        model = str(about["model"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    there = all((folder / program.file).is_dir() for program in programs)
    return Package(folder, model, programs) if there and (folder / FIXTURE).exists() else None


def _program(entry: dict) -> ProgramFile:
    shapes = {str(name): tuple(int(n) for n in shape) for name, shape in entry["fed_back"].items()}
    names = ("network", "weights", "output", "sha256")
    texts = {name: str(entry[name]) for name in names}
    file = Path(str(entry["file"])).name
    return ProgramFile(file=file, macos=int(entry["macos"]), fed_back=shapes, **texts)


def folder_checksum(folder: Path) -> str:
    """sha256 of the contents of all files below `folder`, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
