"""What the host computes for the fused hop: everything but the networks' arithmetic."""

from __future__ import annotations

import numpy as np

from inference.networks.config import NetworkConfig
from inference.networks.timing import TOKEN_HOPS
from inference.networks.transforms import position_rows
from inference.neural.runtime import Array
from inference.neural.signal import Brief

HIDDEN = -10_000.0
"""Score of a memory slot that holds nothing yet; half precision ends at 65,504."""


class HopInputs:
    """Inputs of HopStep, made once and written in place.

    The arrays must outlive the stream: Core ML may still read an input a second after the prediction
    (apple/coremltools#2827). `arrays` are float32 and C-contiguous.
    """

    def __init__(self, sizes: NetworkConfig) -> None:
        c, d = sizes.content, sizes.decoder
        self._brief = Brief(d)
        self._rows = position_rows(c.periods, c.dim).astype(np.float32)
        self._units, self._slots = c.units, c.window - 1
        style = 2 * (d.dim * d.blocks + d.fast_dim * d.fast_blocks)
        shapes = {
            "mel": (1, 2 * TOKEN_HOPS, c.mels),
            "place": (1, 1, c.dim),
            "bias": (1, 1, c.window),
            "slot": (1, 1, self._slots),
            "fresh": (1, 1, 1),
            "brief": (1, 1, self._brief.frames.shape[2] - c.units),
            "style": (style,),
        }
        self.arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        self._none = np.zeros((1, 1, c.units), np.float32)
        self.reset()

    def reset(self) -> None:
        """A start without past."""
        self._hop = self._token = 0
        self.arrays["bias"][..., :-1] = HIDDEN
        self.arrays["bias"][..., -1] = 0.0
        self.arrays["slot"][:] = 0.0

    def write(self, mel: Array, prosody: Array, style: Array, *, keep: bool) -> dict[str, Array]:
        """`arrays` for the next hop: mel (1, 4, mels) so far, prosody (1, 1, 3), style (S,).

        Without `keep` a token is spoken and takes no other's place in the memory, as in `NetworkStream`.
        """
        a = self.arrays
        a["slot"][:] = 0.0
        self._forget_hidden()
        self._hop = (self._hop + 1) % TOKEN_HOPS
        fresh = self._hop == 0
        if fresh:
            a["place"][0, 0] = self._rows[self._token % len(self._rows)]
            if keep or self._token < self._slots:
                a["slot"][..., self._token % self._slots] = 1.0
                self._token += 1
        a["mel"][:] = mel
        a["fresh"][:] = fresh
        self._brief.write(self._none if fresh else None, prosody)
        a["brief"][:] = self._brief.frames[..., self._units :]
        a["style"][:] = style
        return a

    def _forget_hidden(self) -> None:
        """Tokens kept by earlier hops may be looked at from now on."""
        if 0 < self._token <= self._slots:
            self.arrays["bias"][..., : self._token] = 0.0
