"""A Core ML program as the runtime sees it, whatever predicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from inference.neural.runtime import Array


class Predictor(Protocol):
    """The platform's part. Raises what it likes; the runtime takes any exception for a failure."""

    def make_state(self) -> Any:
        """States of a stateful program, zeros; None where the program has none."""

    def predict(self, inputs: Mapping[str, Array], state: Any) -> dict[str, Array]:
        """One prediction. `state` moves on in place."""


class Memory:
    """States of one stream: inside Core ML (macOS 15), or fed back by us (macOS 13 and 14)."""

    def __init__(self, predictor: Predictor, fed_back: Mapping[str, tuple[int, ...]]) -> None:
        self._predictor = predictor
        self._state = predictor.make_state()
        self._values = {name: np.zeros(shape, np.float32) for name, shape in fed_back.items()}

    @property
    def values(self) -> tuple[Array, ...]:
        """The states that are fed back, always the same arrays."""
        return tuple(self._values.values())

    def predict(self, inputs: Mapping[str, Array], output: str) -> Array:
        """Runs the program on the next inputs."""
        if not self._values:
            return self._predictor.predict(inputs, self._state)[output]
        states = {f"{name}_in": value for name, value in self._values.items()}
        found = self._predictor.predict({**inputs, **states}, self._state)
        for name, value in self._values.items():
            np.copyto(value, found[f"{name}_out"])
        return found[output]
