"""Compiled programs, kept where Core ML's own cache of specialised code finds them again."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from inference.coreml.package import ProgramFile
from voices.home import home

Compile = Callable[[Path, Path], None]


def cache_folder() -> Path:
    """Folder of the compiled programs."""
    return home() / "coreml-compiled"


def compiled_path(program: ProgramFile, system: str) -> Path:
    """Where a program compiled on `system` (name and version) lies.

    The path is fixed: specialisation for a unit takes seconds to minutes and is remembered per path.
    """
    version = "".join(c if c.isalnum() or c in ".-" else "_" for c in system)
    return cache_folder() / f"{program.network}-{program.sha256[:16]}-{version}.mlmodelc"


def compiled(package: Path, program: ProgramFile, system: str, compile_: Compile) -> Path:
    """The compiled program, compiled now if it was not; programs of other versions are removed."""
    path = compiled_path(program, system)
    if path.is_dir():
        return path
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        fresh = Path(scratch) / path.name
        compile_(package, fresh)
        try:
            os.replace(fresh, path)
        except OSError:
            if not path.is_dir():  # else another process has compiled it meanwhile
                raise
    return path


def tidy(keep: set[Path]) -> None:
    """Removes compiled programs that are not in `keep`: those of older networks and systems."""
    for path in cache_folder().glob("*.mlmodelc"):
        if path not in keep:
            shutil.rmtree(path, ignore_errors=True)
