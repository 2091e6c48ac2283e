"""What happens when in a soak: steps by the second.

plan_minutes(60)     an hour
plan_short()         every kind of event once, in half a minute

Faults come in the first half only, so that the second half shows whether memory grows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

FAULTS = (
    "worker killed",
    "audio process killed",
    "worker hangs",
    "server restarts",
    "device gone",
    "device stalls",
    "computer sleeps",
)

_VOICE_EVERY_S = 10
_FAULT_EVERY_MIN = 2
_BURN_EVERY_MIN = 3
SHORT_FAULTS = tuple(kind for kind in FAULTS if kind != "server restarts")
"""A server that is gone for no time at all is one that restarts."""

_SHORT_S = {"device gone": 0.0, "device stalls": 1.5, "computer sleeps": 1.0}
_BREATH_S = 0.8
_GONE_S = {"device gone": 5.0, "device stalls": 3.0, "computer sleeps": 5.0, "server restarts": 0.0}


@dataclass(frozen=True, order=True)
class Step:
    """At `at_s` do `what`, with `with_`."""

    at_s: float
    what: str
    with_: dict[str, Any] = field(default_factory=dict, compare=False)


def fault(at_s: float, kind: str, gone_s: float | None = None) -> Step:
    """A fault; `gone_s`: how long its cause lasts."""
    return Step(at_s, "fault", {"kind": kind, "gone_s": _GONE_S.get(kind, 0.0) if gone_s is None else gone_s})


def probe(at_s: float, seconds: float = 1.5) -> list[Step]:
    """The own voice goes to the call for a moment: its delay can be measured to the sample."""
    own = Step(at_s, "studio", {"do": "mode", "mode": "bypass"})
    return [own, Step(at_s + seconds, "studio", {"do": "mode", "mode": "converted"})]


def _minute(minute: int, minutes: int) -> list[Step]:
    """Voices every 10 s, storms of the window, one look at the delay; by turns a fault and a busy machine."""
    at = 60.0 * minute
    steps = [Step(at + s, "voice") for s in range(0, 60, _VOICE_EVERY_S)]
    steps += [Step(at + 22, "studio", {"do": "resize", "seconds": 6})]
    steps += [Step(at + 31, "studio", {"do": "blink", "seconds": 6})]
    steps += [Step(at + 41, "studio", {"do": "minimise", "seconds": 5})]
    steps += probe(at + 56)
    if minute % _FAULT_EVERY_MIN == 1 and 2 * minute < minutes:
        steps += [fault(at + 4, FAULTS[minute // _FAULT_EVERY_MIN % len(FAULTS)])]
        steps += probe(at + 18)
    if minute % _BURN_EVERY_MIN == 2:
        steps += [Step(at + 24, "burn", {"on": True}), Step(at + 44, "burn", {"on": False})]
    return steps


def plan_minutes(minutes: float) -> list[Step]:
    """The long run; two minutes or less have every event once, as the short one, and then more of them."""
    if minutes <= 2:
        short = plan_short()
        return [*short, *(step for step in _minute(1, 2) if short[-1].at_s + 1 < step.at_s < 60 * minutes)]
    return sorted(step for minute in range(int(minutes)) for step in _minute(minute, int(minutes)))


def plan_short() -> list[Step]:
    """Every kind of event once; causes as short as they can be, each when the one before is over."""
    steps = probe(0.5, 1.0)
    steps += [Step(2.0, "voice"), Step(2.5, "burn", {"on": True})]
    steps += [Step(2.6, "studio", {"do": "resize", "seconds": 1})]
    steps += [Step(4.0, "studio", {"do": "blink", "seconds": 1})]
    steps += [Step(5.4, "studio", {"do": "minimise", "seconds": 0.3}), Step(6.2, "burn", {"on": False})]
    at = 6.5
    for kind in SHORT_FAULTS:
        steps += [fault(at, kind, _SHORT_S.get(kind)), Step(at + 0.1, "recover")]
        at += _BREATH_S
    steps += [Step(at, "voice"), *probe(at + 0.8, 1.0)]
    return steps
