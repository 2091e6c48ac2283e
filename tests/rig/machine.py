"""What the machine itself does to timing: time that the host of a virtual machine takes away."""

from __future__ import annotations

from pathlib import Path

_STEAL = 8
"""Column of /proc/stat: time in which a virtual core was ready to run and the host ran something else."""


class Stolen:
    """Share of all cores' time that the host took since this was made; always 0 outside Linux.

    >>> stolen = Stolen()
    >>> stolen.percent
    """

    def __init__(self) -> None:
        self._begin = _ticks()

    @property
    def percent(self) -> float:
        """Of all time until now."""
        stolen, everything = (now - before for now, before in zip(_ticks(), self._begin, strict=True))
        return 100.0 * stolen / max(1, everything)


def _ticks() -> tuple[int, int]:
    """(stolen, all) since the machine started."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()
    except OSError:
        return 0, 0
    times = [int(field) for field in fields[1:]]
    return times[_STEAL - 1], sum(times)
