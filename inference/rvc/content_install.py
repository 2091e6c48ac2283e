"""Installing the content model: `menura rvc content FILE`.

A checkpoint's weights are put where the programs in assets/rvc/content expect them, which needs neither torch
nor onnx, and takes seconds and 500 MB of disk; an ONNX file is tried and copied.
"""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from importlib import resources
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from inference.background import be_gentle, uninterrupted
from inference.rvc.content import (
    FORMAT,
    MANIFEST,
    PRECISION,
    RATE,
    Array,
    ContentEncoder,
    Program,
    content_folder,
    describe,
)
from inference.rvc.content_files import (
    FLOAT_FILE,
    INT8_FILE,
    PRECISIONS,
    TABLE,
    VERSIONS,
    ContentError,
    ContentWeights,
    known_file,
    program_name,
    read_content,
)
from inference.rvc.content_onnx import examine_onnx
from inference.sample import bundled_speech
from voices.files import TEMPORARY_PREFIX, whole_folder, write_text

GOOD_DB = 20.0
"""Least ratio of features to the error of 8 bits, on speech and with the user's own weights."""

_LEVELS = 63
"""8-bit weights use 7 bits; why: training.quantise."""

_PROBE_S = 4
_LOOK_S = 0.2

Tell = Callable[[str, float], None]
"""What is being done, and how much of all is done, 0 to 1."""


def program_folder() -> Path:
    """Where the shipped programs without weights lie."""
    return Path(str(resources.files("assets").joinpath("rvc", "content")))


def install_content(path: Path, folder: Path, tell: Tell, programs: Path | None = None) -> dict[str, Any]:
    """Makes `folder` of a checkpoint or an ONNX file, whole or not at all, and returns its manifest.

    Raises ContentError, TensorFileError, voices.files.FileError.
    """
    tell("Reading the file", 0.0)
    try:
        _clear(folder)
        with whole_folder(folder) as fresh:
            if path.suffix.lower() == ".onnx":
                about = examine_onnx(path, fresh)
            else:
                about = _fill(path, fresh, programs or program_folder(), tell)
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            known = known_file(sha256)
            about |= {"source": path.name, "sha256": sha256, "title": known.title if known else ""}
            _write_manifest(fresh, about)
            if PRECISION in next(iter(about["programs"].values()))["file"]:
                tell("Measuring the precision", 0.6)
                about |= choose_precision(fresh)
                _write_manifest(fresh, about)
            tell("Installing", 0.95)
    except OSError as error:
        raise ContentError(
            f"The content model could not be installed ({error.strerror or error}); close Menura, make "
            f"room for 500 MB in {folder.parent}, and try again."
        ) from error
    return about


def install_beside(path: Path, leave: threading.Event) -> str:
    """`install_content` to the usual place in a process of its own, at low priority; waits for it.

    Returns a sentence about what was installed. Raises what `install_content` does, and ContentError soon
    after another thread has set `leave`: then the process is ended.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_install, args=(theirs, path), daemon=True, name="menura rvc content")
    with uninterrupted():
        process.start()
    theirs.close()
    try:
        while not leave.is_set() and not ours.poll(_LOOK_S):
            pass
        if leave.is_set():
            raise ContentError(f"The installation of {path.name} was broken off.")
        outcome = ours.recv()
    except EOFError as error:
        raise ContentError(f"The installation of {path.name} stopped unexpectedly; try again.") from error
    finally:
        process.terminate()
        process.join()
        ours.close()
        _clear(content_folder())
    if isinstance(outcome, ValueError):
        raise outcome
    return str(outcome)


def _install(conn: Connection, path: Path) -> None:
    """The process."""
    be_gentle()
    outcome: str | ValueError
    try:
        outcome = describe(install_content(path, content_folder(), _silent))
    except ValueError as error:
        outcome = error
    with suppress(OSError):  # nobody waits any more
        conn.send(outcome)


def _clear(folder: Path) -> None:
    """Deletes what was left by an installation that did not end, half a gigabyte."""
    for left in folder.parent.glob(f"{TEMPORARY_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def _silent(what: str, share: float) -> None:
    """Tells nobody."""


def _fill(path: Path, folder: Path, programs: Path, tell: Tell) -> dict[str, Any]:
    """A checkpoint's weights beside the programs; what the manifest says of them."""
    table = json.loads((programs / TABLE).read_text(encoding="utf-8"))
    shapes = {entry["parameter"]: tuple(entry["shape"]) for entry in table["tensors"].values()}
    weights = read_content(path, shapes)
    versions = [version for version in VERSIONS if version == "v2" or weights.projected]
    for version in versions:
        for precision in PRECISIONS:
            name = program_name(version, precision)
            shutil.copyfile(programs / name, folder / name)
    tell("Writing the weights", 0.2)
    write_weights(folder, table, weights)
    entries = {version: asdict(Program(program_name(version, PRECISION))) for version in versions}
    return {"layout": weights.layout, "programs": entries, "precision": PRECISIONS[0]}


def write_weights(folder: Path, table: dict[str, Any], weights: ContentWeights) -> None:
    """Writes the two files of weights that the programs refer to. Raises what `ContentWeights` does."""
    files = {name: (folder / name).open("wb") for name in (FLOAT_FILE, INT8_FILE)}
    try:
        name, value = "", np.zeros(0, np.float32)
        for entry in sorted(table["tensors"].values(), key=lambda entry: str(entry["parameter"])):
            if entry["parameter"] != name:
                name = entry["parameter"]
                value = weights(name)
            file = files[entry["file"]]
            file.seek(entry["offset"])
            file.write(shaped(value, entry["form"]).tobytes())
    finally:
        for file in files.values():
            file.close()


def shaped(value: Array, form: str) -> np.ndarray[Any, Any]:
    """A parameter in one of the forms that programs have it in.

    'as is'; 'reversed': axes in reverse order, linear (out, in) -> (in, out), convolution (out, in, taps) ->
    (taps * in, out); 'quantized': that in 8 bits; 'scale': (out,) float32, the step of each column of it.
    """
    if form == "as is":
        return value
    turned = np.ascontiguousarray(value.T).reshape(-1, value.shape[0])
    if form == "reversed":
        return turned
    step = np.maximum(np.abs(turned).max(axis=0), 1e-12) / _LEVELS
    if form == "scale":
        return step.astype(np.float32)
    return np.rint(turned / step).astype(np.int8)


def choose_precision(folder: Path) -> dict[str, Any]:
    """The fastest precision whose features are good enough on speech, and the ratios in dB."""
    speech = bundled_speech(RATE)[: _PROBE_S * RATE]
    exact = ContentEncoder.load(folder, precision=PRECISIONS[0]).features(speech, "v2")
    if not np.isfinite(exact).all():
        raise ContentError(
            "The content model computes values that are no numbers: it is damaged; get it again."
        )
    ratios: dict[str, float] = {}
    for precision in PRECISIONS[1:]:
        rough = ContentEncoder.load(folder, precision=precision).features(speech, "v2")
        error = float(np.square(rough - exact).sum())
        ratios[precision] = round(10 * math.log10(float(np.square(exact).sum()) / max(error, 1e-30)), 1)
    good = [precision for precision, ratio in ratios.items() if ratio >= GOOD_DB]
    return {"precision": good[-1] if good else PRECISIONS[0], "ratios_db": ratios}


def _write_manifest(folder: Path, about: dict[str, Any]) -> None:
    files = {file.name: file.stat().st_size for file in sorted(folder.iterdir()) if file.name != MANIFEST}
    write_text(folder / MANIFEST, json.dumps({"format": FORMAT, "files": files, **about}, indent=1) + "\n")
