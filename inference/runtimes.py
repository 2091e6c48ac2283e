"""Which runtime speaks: the user's wish, this machine's certificate, ONNX Runtime where nothing else may."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from inference.launch import install_hint
from inference.neural.models import load_networks
from inference.neural.runtime import Runtime
from voices.files import write_text
from voices.home import home

VARIABLE = "MENURA_RUNTIME"
"""Environment variable that overrides the stored wish; processes of the engine inherit it."""


class RuntimeKind(StrEnum):
    """What can run a neural voice."""

    AUTO = "auto"
    ONNX = "onnx"
    COREML = "coreml"
    TORCH = "torch"


class RuntimeUnavailableError(ValueError):
    """The runtime asked for cannot be had here; the message says why and what to do."""


@dataclass(frozen=True)
class Wish:
    """What the user asked for. `unit` is one of inference.coreml.apple.Unit, or '' for the fastest."""

    runtime: RuntimeKind = RuntimeKind.AUTO
    unit: str = ""


def wish_path() -> Path:
    """Where the wish is remembered."""
    return home() / "runtime.json"


def wished() -> Wish:
    """The user's wish: the environment's, else the one remembered, else automatic."""
    stored = Wish()
    try:
        about = json.loads(wish_path().read_text())
        stored = Wish(RuntimeKind(about["runtime"]), str(about["unit"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    named = os.environ.get(VARIABLE)
    return Wish(parse(named), stored.unit) if named else stored


def wish(value: Wish) -> None:
    """Remembers what the user asked for; voices loaded from now on follow."""
    write_text(wish_path(), json.dumps(asdict(value)) + "\n")


def use(name: str) -> None:
    """Makes this process and those it starts use a runtime; 'auto' leaves it to the remembered wish.

    Raises RuntimeUnavailableError for a name that is none.
    """
    kind = parse(name)
    if kind is not RuntimeKind.AUTO:
        os.environ[VARIABLE] = kind.value


def parse(name: str) -> RuntimeKind:
    """The runtime of this name. Raises RuntimeUnavailableError."""
    try:
        return RuntimeKind(name.lower())
    except ValueError as error:
        known = ", ".join(kind.value for kind in RuntimeKind)
        raise RuntimeUnavailableError(f"There is no runtime '{name}'; use one of {known}.") from error


def load_runtime(wanted: Wish | None = None) -> Runtime:
    """A runtime that is ready, as `wanted` or `wished()` says.

    Raises RuntimeUnavailableError for a runtime that was named and cannot be had, and ModelError when the
    networks are not there.
    """
    wanted = wanted or wished()
    if wanted.runtime is RuntimeKind.TORCH:
        return _torch()
    if wanted.runtime is RuntimeKind.COREML:
        return _core_ml(wanted.unit)
    if wanted.runtime is RuntimeKind.AUTO and sys.platform == "darwin":
        try:
            return _core_ml(wanted.unit)
        except RuntimeUnavailableError:
            return load_networks()
    return load_networks()


def _core_ml(unit: str) -> Runtime:
    from inference.coreml.machine import CoreMLUnavailableError, load_certified

    try:
        return load_certified(unit or None) or load_networks()
    except (CoreMLUnavailableError, ImportError) as error:
        raise RuntimeUnavailableError(str(error)) from error


def _torch() -> Runtime:
    try:
        from inference.neural.torch_runtime import load_torch
    except ImportError as error:
        raise RuntimeUnavailableError(
            f"The torch runtime needs packages that are not installed: {install_hint('export')}"
        ) from error
    return load_torch()
