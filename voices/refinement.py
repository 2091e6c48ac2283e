"""What fine-tuning adds to a voice: a change of the style that the decoder is given, for one set of networks.

docs/refine.md says how it is made, docs/voice-file.md how it is kept.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from dataclasses import dataclass

LARGEST_STYLE = 16_384
"""Most numbers in a style: what a file may not exceed."""

LARGEST_CHANGE = 16.0
"""No honest change of a style is farther from 0; the decoder's own styles lie within 4."""


class RefinementError(ValueError):
    """A refinement that makes no sense; the message is one sentence for the user."""


@dataclass(frozen=True)
class Refinement:
    """`change`: base64 of little-endian float16 numbers that are added to the voice's style.

    `base` is the checksum of the networks it was tuned through: under others it means nothing and is left
    out. `likeness_before` and `likeness_after` are what the job measured, 0 stranger to 1 the speaker.
    """

    base: str
    change: str
    speech_s: float = 0.0
    likeness_before: float = 0.0
    likeness_after: float = 0.0

    @staticmethod
    def pack(values: list[float]) -> str:
        """Numbers as `change` keeps them. Raises RefinementError."""
        try:
            return base64.b64encode(struct.pack(f"<{len(values)}e", *values)).decode("ascii")
        except (OverflowError, struct.error) as error:
            raise RefinementError("The refinement makes no sense; refine the voice again.") from error

    def values(self) -> tuple[float, ...]:
        """The numbers of `change`. Raises RefinementError for what is too long, cut or out of range."""
        try:
            content = base64.b64decode(self.change, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RefinementError("The refinement of the voice is damaged; refine it again.") from error
        count = len(content) // 2
        if not count or len(content) % 2 or count > LARGEST_STYLE:
            raise RefinementError("The refinement of the voice has a wrong length; refine it again.")
        found = struct.unpack(f"<{count}e", content)
        if not all(math.isfinite(value) and abs(value) <= LARGEST_CHANGE for value in found):
            raise RefinementError("The refinement of the voice is out of range; refine it again.")
        return found
