"""Makes a converter fail in the middle of a call: on PYTHONPATH, Python runs this before anything else.

As long as the file that MENURA_TEST_FAULT names does not exist nothing happens; when it does, the next hop
takes it away and raises what is written in it.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

_MODULE = "inference.modelfree.converter"


class _Finder(importlib.abc.MetaPathFinder):
    """Lets the module be found as always, and changes it once it has been loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answers for one module, once."""
        if name != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec
        assert spec.loader
        load = spec.loader.exec_module

        def load_and_spoil(module: ModuleType) -> None:
            load(module)
            _spoil(module.ModelFreeConverter)

        spec.loader.exec_module = load_and_spoil  # type: ignore[method-assign]
        return spec


def _spoil(converter: type) -> None:
    process, fault = converter.process, Path(os.environ["MENURA_TEST_FAULT"])  # type: ignore[attr-defined]

    def fail_if_told(self: object, *arguments: object) -> object:
        if fault.exists():
            reason = fault.read_text()
            fault.unlink()
            raise RuntimeError(reason)
        return process(self, *arguments)

    converter.process = fail_if_told  # type: ignore[attr-defined]


if "MENURA_TEST_FAULT" in os.environ:
    sys.meta_path.insert(0, _Finder())
