"""The border to macOS: the only module that compiles and runs Core ML programs. Never run off a Mac.

Predictions hold Python's interpreter lock, so they belong into the engine's worker process only.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from inference.neural.runtime import Array


class Unit(StrEnum):
    """What may compute a program; the processor always may."""

    CPU = "cpu"
    GPU = "gpu"
    NEURAL_ENGINE = "ne"
    ALL = "all"


_COREML_NAMES = {
    Unit.CPU: "CPU_ONLY",
    Unit.GPU: "CPU_AND_GPU",
    Unit.NEURAL_ENGINE: "CPU_AND_NE",
    Unit.ALL: "ALL",
}


TITLES = {
    Unit.CPU: "processor",
    Unit.GPU: "GPU",
    Unit.NEURAL_ENGINE: "Neural Engine",
    Unit.ALL: "all units",
}
"""Units by the names that people know."""


def macos() -> int:
    """The major version of macOS; 0 on another system."""
    return int(platform.mac_ver()[0].partition(".")[0]) if sys.platform == "darwin" else 0


def chip(system: str = sys.platform) -> str:
    """Processor and model of this Mac: 'Apple M2 Pro, Mac14,10'; empty elsewhere. `platform` knows 'arm'."""
    if system != "darwin":
        return ""
    library = ctypes.CDLL(None)
    return ", ".join(
        filter(None, (_fact(library, name) for name in ("machdep.cpu.brand_string", "hw.model")))
    )


def _fact(library: Any, name: str) -> str:
    """A text that the kernel knows by this name (sysctl), empty where it knows none."""
    room = ctypes.create_string_buffer(256)
    size = ctypes.c_size_t(len(room))
    failed = library.sysctlbyname(name.encode(), room, ctypes.byref(size), None, ctypes.c_size_t(0))
    return "" if failed else room.value.decode(errors="replace")


def compile_package(package: Path, target: Path) -> None:
    """Compiles a `.mlpackage` into the folder `target` (`.mlmodelc`)."""
    from coremltools.models.utils import compile_model

    compile_model(str(package), str(target))


class ApplePredictor:
    """A compiled program on one unit: a `Predictor`."""

    def __init__(self, compiled: Path, unit: Unit, stateful: bool) -> None:
        import coremltools as ct

        hints = (
            {"specializationStrategy": ct.SpecializationStrategy.FastPrediction} if macos() >= 15 else None
        )
        units = ct.ComputeUnit[_COREML_NAMES[unit]]
        self._model = ct.models.CompiledMLModel(str(compiled), units, optimization_hints=hints)
        self._stateful = stateful

    def make_state(self) -> Any:
        """See `Predictor`."""
        return self._model.make_state() if self._stateful else None

    def predict(self, inputs: Mapping[str, Array], state: Any) -> dict[str, Array]:
        """See `Predictor`."""
        return self._model.predict(dict(inputs), state)  # type: ignore[no-any-return]


def placement(compiled: Path, unit: Unit) -> dict[str, int]:
    """How many operations Core ML plans to run on which device; macOS 14.4 and newer."""
    import coremltools as ct
    from coremltools.models.compute_plan import MLComputePlan

    plan = MLComputePlan.load_from_path(str(compiled), compute_units=ct.ComputeUnit[_COREML_NAMES[unit]])
    program = plan.model_structure.program
    counts: Counter[str] = Counter()
    for operation in program.functions["main"].block.operations:
        usage = plan.get_compute_device_usage_for_mlprogram_operation(operation)
        if usage is not None:
            counts[_device_name(usage.preferred_compute_device)] += 1
    return dict(counts)


def _device_name(device: Any) -> str:
    """'MLNeuralEngineComputeDevice' -> 'NeuralEngine'."""
    return type(device).__name__.removeprefix("ML").removesuffix("ComputeDevice")
