"""`menura export`: the shipped networks for other runtimes."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from inference.coreml.fixture import make_fixture
from inference.coreml.package import (
    FIXTURE,
    Package,
    ProgramFile,
    folder_checksum,
    model_checksum,
    own_folder,
)
from inference.launch import install_hint
from inference.neural.models import load_networks, model_folder
from voices.library import find_anywhere
from voices.models import model_folder as model_folder_of
from voices.voice import VoiceKind

Tell = Callable[[str], None]


class ExportError(RuntimeError):
    """The networks cannot be exported; the message says what to do."""


def export_named(form: str, folder: Path | None, tell: Tell) -> None:
    """Exports to the format of this name: coreml or onnx. Raises ExportError, ModelError."""
    if form == "coreml":
        export_coreml(folder, tell)
    elif form != "onnx":
        raise ExportError(f"There is no format '{form}'; use coreml or onnx.")
    elif folder is None:
        raise ExportError("Say where to: menura export --format onnx DIR")
    else:
        export_onnx(folder, tell)


def export_rvc(form: str, name: str, folder: Path | None, tell: Tell) -> None:
    """Writes the programs of an RVC voice of the library. Raises ExportError, RvcError, LibraryError."""
    voice = find_anywhere(name)
    if voice.kind is not VoiceKind.RVC:
        raise ExportError(f"'{voice.name}' is no RVC voice: it is spoken by the shipped networks.")
    if form != "coreml" or folder is None:
        where = model_folder_of(voice.model)
        raise ExportError(
            f"Say menura export --format coreml --voice NAME DIR; its ONNX files are in {where}."
        )
    try:
        from inference.coreml.rvc import export_voice
    except ImportError as error:
        raise _missing(error) from error
    try:
        export_voice(model_folder_of(voice.model), folder, tell)
    except OSError as error:
        raise ExportError(f"{folder} cannot be written ({error.strerror or error}).") from error


def _missing(error: ImportError) -> ExportError:
    return ExportError(
        f"Exporting to Core ML needs torch, onnx and coremltools ({error.name} is not installed): "
        f"{install_hint('export')}"
    )


def export_onnx(folder: Path, tell: Tell) -> None:
    """Copies the step networks and their manifest, checked, to `folder`. Raises ModelError, ExportError."""
    load_networks()
    manifest = model_folder() / "manifest.json"
    files = [entry["file"] for entry in json.loads(manifest.read_text())["networks"].values()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in [*files, manifest.name]:
            shutil.copyfile(model_folder() / Path(name).name, folder / Path(name).name)
            tell(str(folder / Path(name).name))
    except OSError as error:
        raise ExportError(f"{folder} cannot be written ({error.strerror}).") from error


def export_coreml(
    folder: Path | None, tell: Tell, model: Path | None = None, names: frozenset[str] | None = None
) -> Package:
    """Converts the networks of `model`, the shipped ones by default, to programs in `folder`.

    Default folder: where this installation looks for them. `names` are those of the variants to make, all
    if left out. Takes minutes. Raises ExportError, ModelError.
    """
    try:
        from inference.coreml.convert import VARIANTS, convert
        from inference.coreml.fused import HopStep
        from inference.networks.weights import load_steps
        from inference.neural.torch_runtime import load_torch
    except ImportError as error:
        raise _missing(error) from error
    folder, model = folder or own_folder(), model or model_folder()
    steps, _ = load_steps(model)
    hop = HopStep(steps["content"], steps["decoder"])  # type: ignore[arg-type]
    modules = {"hop": hop, "pitch": steps["pitch"]}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        programs = []
        for variant in (v for v in VARIANTS if names is None or v.name in names):
            begun = time.perf_counter()
            step = modules[variant.network]
            path = folder / f"{variant.name}.mlpackage"
            shutil.rmtree(path, ignore_errors=True)
            convert(step, variant.form).save(str(path))
            fed_back = {} if variant.form.stateful else dict(step.states)
            programs.append(
                ProgramFile(
                    variant.network,
                    path.name,
                    variant.macos,
                    variant.form.weights.value,
                    step.outputs[0],
                    folder_checksum(path),
                    fed_back,
                )
            )
            size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            tell(f"{path}: {size / 1e6:.1f} MB, {time.perf_counter() - begun:.0f} s")
        make_fixture(load_torch(model, "cpu")).save(folder / FIXTURE)
        package = Package(folder, model_checksum(model), tuple(programs))
        package.save()
    except OSError as error:
        raise ExportError(f"{folder} cannot be written ({error.strerror}).") from error
    return package
