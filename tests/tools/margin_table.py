"""What the margin does with recorded calls: a calm, a load, a calm; one line for each load.

    python -m tests.tools.margin_table

`tests/engine/needs.json` holds, for 15 s each of `menura live` on the build machine, the least margin in ms
with which each hop would have been in time. Each line plays 30 s of the calm one, the load three times over,
and a minute of calm, to the product's `Margin`, which is told of an underrun where a hop is late.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.engine.margin import Margin

RECORDED = Path(__file__).parents[1] / "engine" / "needs.json"
CALM = "neural voice, priority, two free cores"
HOP_S, FIRST_S, STEP_S = 0.01, 0.005, 0.005
_EPISODE_S = 0.2


@dataclass(frozen=True)
class Outcome:
    """`margins_ms`: after each hop. `late`: the numbers of the hops that came too late."""

    margins_ms: list[float]
    late: list[int]


def recorded() -> dict[str, list[float]]:
    """Needs in ms, hop by hop, by what was going on."""
    found: dict[str, list[float]] = json.loads(RECORDED.read_text())
    return found


def play(needs_ms: Sequence[float]) -> Outcome:
    """Plays hops to a margin as a session does."""
    margin, margins, late, told_at = Margin(HOP_S, FIRST_S, STEP_S), [], [], -1.0
    for number, needed_ms in enumerate(needs_ms):
        now, needed_s = number * HOP_S, needed_ms / 1000
        if needed_s > margin.seconds:
            late.append(number)
            if now - told_at > _EPISODE_S:
                margin.underrun(now, needed_s)
                told_at = now
        margin.observe(now, needed_s)
        margins.append(1000 * margin.seconds)
    return Outcome(margins, late)


def story(load: Sequence[float], calm: Sequence[float]) -> tuple[list[float], int, int]:
    """A calm, a load, a calm; and the hops at which the load begins and ends."""
    before = (list(calm) * 3)[:3000]
    during = list(load) * 3
    return before + during + (list(calm) * 5)[:6000], len(before), len(before) + len(during)


def main() -> None:
    """Prints the table."""
    calls = recorded()
    sys.stdout.write(
        "| load | hops late in its first 3 s | later | largest margin, ms | after a minute of calm |\n"
    )
    sys.stdout.write("|---|---|---|---|---|\n")
    for name, load in calls.items():
        needs, begin, end = story(load, calls[CALM])
        outcome = play(needs)
        first = sum(begin <= number < begin + 300 for number in outcome.late)
        later = sum(begin + 300 <= number < end for number in outcome.late)
        share = f"{later} of {end - begin - 300}"
        margins = outcome.margins_ms
        sys.stdout.write(f"| {name} | {first} | {share} | {max(margins):.0f} | {margins[-1]:.0f} |\n")


if __name__ == "__main__":
    main()
