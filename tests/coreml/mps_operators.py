"""Which operators torch has for MPS, read from the operator list that its wheel carries on every system.

torchgen/packaged/ATen/native/native_functions.yaml is what torch's own kernels are registered from.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import torchgen
import yaml

_EVERYWHERE = {
    "CompositeImplicitAutograd",
    "CompositeExplicitAutograd",
    "CompositeExplicitAutogradNonFunctional",
}
"""Made of other operators, which are seen by themselves, or the same code for each device."""


@lru_cache(maxsize=1)
def _operators() -> dict[str, dict[str, Any]]:
    """All entries by name with overload: 'add.Tensor'."""
    path = Path(torchgen.__file__).parent / "packaged" / "ATen" / "native" / "native_functions.yaml"
    entries = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return {entry["func"].partition("(")[0]: entry for entry in entries}


def runs_on_mps(operator: str) -> bool:
    """Whether 'add.Tensor' has a kernel for MPS or none of its own. Raises KeyError for an unknown one."""
    entry = _operators()[operator]
    # An operator with a structured delegate is computed by that one's kernel.
    if "structured_delegate" in entry:
        entry = _operators()[entry["structured_delegate"]]
    keys = {key.strip() for group in entry.get("dispatch", {}) for key in group.split(",")}
    return not keys or "MPS" in keys or bool(keys & _EVERYWHERE)
