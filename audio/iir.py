"""Recursive filters, each hop in one call of BLAS.

scipy.signal has them too, but importing it takes over a second and 50 MB, which is most of what starting a
worker costs; a worker is also started when one has crashed, and the call hears silence meanwhile.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dtbsv

Array = NDArray[np.float64]

_NOTHING = 1e-150
"""What is fainter is nothing: in silence it would decay to numbers so small that a hop takes five times as
long, and stay there."""


def all_pole(x: Array, a: Array, past: Array) -> Array:
    """Returns y with y[n] = x[n] - a[1] y[n-1] - ... - a[p] y[n-p]: (n,) float64, n at least p.

    `a`: (p + 1,) with a[0] = 1. `past`: (p,) the outputs before, newest first. It is the solution of a
    banded triangular Toeplitz system, so the arithmetic is that of the direct form.
    """
    order = len(a) - 1
    y = np.array(x, dtype=np.float64)
    y[:order] -= np.correlate(a[1:], past, "full")[order - 1 :]
    band = np.empty((order + 1, len(y)), order="F")
    band[:] = a[:, None]
    return dtbsv(order, band, y, lower=1, diag=1, overwrite_x=1)


def newest_first(y: Array, past: Array) -> None:
    """Puts the last of y (n,) into `past` (p,), newest first, for the next `all_pole`."""
    past[:] = y[: -len(past) - 1 : -1]
    if abs(past[0]) < _NOTHING:
        past[np.abs(past) < _NOTHING] = 0.0


class Filter:
    """A fixed recursive filter b / a and its state; a[0] = 1, one thread.

    >>> smooth = Filter(np.array([0.1]), np.array([1.0, -0.9]))
    >>> y = smooth.process(x)           # (n,) -> (n,) float64, n at least as long as both polynomials
    """

    def __init__(self, b: Array, a: Array) -> None:
        self._b, self._a = b, a
        self._inputs = np.zeros(len(b) - 1)
        self._outputs = np.zeros(len(a) - 1)

    def reset(self) -> None:
        """Forgets the past."""
        self._inputs[:] = 0.0
        self._outputs[:] = 0.0

    def process(self, x: NDArray[np.floating]) -> Array:
        """Returns the next outputs for the next inputs `x`: (n,)."""
        extended = np.concatenate((self._inputs, x), dtype=np.float64)
        y = all_pole(np.convolve(extended, self._b, "valid"), self._a, self._outputs)
        self._inputs[:] = extended[len(x) :]
        newest_first(y, self._outputs)
        return y
