"""The figures of a soak, from what lies in its folder: counters, gaps heard, blame, latency, memory."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tests.tools.soak_heard import Gap, Tape, all_gaps
from tests.tools.witnesses import Stalls

_LONG_S = 0.01
_AROUND_S = 0.05
_COUNTED_S = 0.5
"""Counters are sampled every 0.2 s, and a gap is heard a ring and a device later than it happened."""

_BACK_S, _AFTER_S = 12.0, 2.0
"""Recovery is looked for this long, and what happens so soon after it belongs to the fault."""

_LENGTHS_MS = (6.0, 20.0, 50.0, 100.0)
_LEAST_OUTAGE_S = 0.02
_SETTLED_S = 0.6
_VOICE_S = 2.0
_SLOPE_S, _WARM_S = 240.0, 300.0
"""Memory: a slope needs four minutes of one process, not counting its first five."""

CIRCUMSTANCES = ("quiet", "voice change", "window storm", "busy machine", "around a fault")
EVENTS = ("underruns", "xruns_flagged", "late_hops", "dropped_samples")

Sample = dict[str, Any]


class Story:
    """Everything that was written down, by time."""

    def __init__(self, folder: Path) -> None:
        facts = json.loads((folder / "conductor.json").read_text())
        said = [json.loads(line) for line in (folder / "studio.jsonl").read_text().splitlines()]
        signal = np.load(folder / "signal.npy")
        self.log: list[Sample] = facts["log"]
        self.memory: list[Sample] = facts["memory"]
        self.accusations: dict[str, int] = facts["accusations"]
        self.begin, self.end = (self._when(what)[0] for what in ("begin", "end"))
        self.samples = [s for s in said if "counters" in s]
        self.states = [s for s in said if "state" in s or "failed" in s]
        self.tapes = [Tape(f.with_suffix(""), signal) for f in sorted(folder.glob("tape-*.json"))]
        self.tapes = [tape for tape in self.tapes if len(tape.heard)]
        self.gaps = [gap for gap in all_gaps(self.tapes) if self.begin < gap.end and gap.begin < self.end]
        self.xruns = sorted(at for tape in self.tapes for at in tape.xruns if self.begin < at < self.end)
        self.stalls = Stalls(folder)
        self.faults = [self._fault(entry) for entry in self.log if entry["what"] == "fault"]
        self.probes = self._spans("mode", "bypass")

    def _when(self, what: str) -> list[float]:
        return [entry["at"] for entry in self.log if entry["what"] == what]

    def _spans(self, do: str, mode: str | None = None) -> list[tuple[float, float]]:
        """When the studio was told to do something, and when it was over."""
        told = [e for e in self.log if e["what"] == "studio" and e["do"] == do]
        if mode is None:
            return [(e["at"], e["at"] + e.get("seconds", _VOICE_S) + 0.5) for e in told]
        ends = [*(e["at"] for e in told[1:]), self.end]
        return [(e["at"], end) for e, end in zip(told, ends, strict=True) if e["mode"] == mode]

    def _burns(self) -> list[tuple[float, float]]:
        """When other programs wanted every core."""
        on = [e["at"] for e in self.log if e["what"] == "burn" and e["on"]]
        off = [e["at"] for e in self.log if e["what"] == "burn" and not e["on"]]
        return list(zip(on, off, strict=True))

    def _fault(self, entry: Sample) -> Sample:
        """Adds what it cost: the silence heard, and how long after its cause had ended sound came again."""
        begun, over = entry["begun"], entry["at"]
        later = [e["begun"] for e in self.log if e["what"] == "fault" and e["begun"] > begun]
        until = min([over + _BACK_S, self.end, *(at - _AROUND_S for at in later)])
        own = [g for g in self.gaps if g.seconds >= _LEAST_OUTAGE_S and begun < g.end and g.begin < until]
        back = max((g.end for g in own), default=begun)
        return {
            "kind": entry["kind"],
            "begun": begun,
            "back": back,
            "cause_s": round(over - begun, 2) if over - begun > _LEAST_OUTAGE_S else 0.0,
            "sound_again_s": round(max(0.0, back - over), 2),
            "longest_silence_s": round(max((g.seconds for g in own), default=0.0), 2),
            "came_back": back < until,
        }

    def circumstance(self, at: float) -> str:
        """What was going on."""
        if any(f["begun"] - 0.2 < at < f["back"] + _AFTER_S for f in self.faults):
            return "around a fault"
        found = (name for name, those in self._events.items() if any(a < at < b for a, b in those))
        return next(found, "quiet")

    @cached_property
    def _events(self) -> dict[str, list[tuple[float, float]]]:
        """When what was done to it, the heavier first."""
        return {
            "busy machine": self._burns(),
            "window storm": [s for do in ("resize", "blink", "minimise") for s in self._spans(do)],
            "voice change": self._spans("voice"),
        }

    def steps(self) -> Iterable[tuple[Sample, Sample, Counter[str]]]:
        """Neighbouring samples and what was counted between them; new streams count from nothing."""
        inside = [s for s in self.samples if self.begin <= s["at"] <= self.end]
        for old, new in pairwise(inside):
            grown = {k: n - old["counters"][k] for k, n in new["counters"].items()}
            yield old, new, Counter({k: n if n >= 0 else new["counters"][k] for k, n in grown.items()})


def report(folder: Path) -> dict[str, Any]:
    """Every figure of a soak."""
    story = Story(folder)
    raw = [tape.raw_pieces() for tape in story.tapes]
    outside = [at for found, _ in raw for at in found if not _in_bypass(at, story.probes)]
    return {
        "minutes": round((story.end - story.begin) / 60, 2),
        "voices_spoken": len({s["voice"] for s in story.samples}),
        "voice_changes": sum(e["what"] == "studio" and e["do"] == "voice" for e in story.log),
        "counted": _counted(story),
        "heard": _heard(story),
        "by_circumstance": _table(story),
        "machine": _machine(story),
        "faults": [{k: v for k, v in f.items() if k not in ("begun", "back")} for f in story.faults],
        "raw_pieces_outside_bypass": len(outside),
        "raw_pieces_in_bypass": sum(len(found) for found, _ in raw) - len(outside),
        "pieces_looked_at": sum(looked for _, looked in raw),
        "latency": _latency(story),
        "memory_mb": _memory(story),
        "states": dict(Counter(s.get("state", "voice failed") for s in story.states)),
    }


def _counted(story: Story) -> dict[str, int]:
    """Every counter's growth, also those that did not grow."""
    names = story.samples[0]["counters"]
    return {name: sum(grown[name] for *_, grown in story.steps()) for name in names}


def _in_bypass(at: float, probes: Iterable[tuple[float, float]]) -> bool:
    return any(a - _AROUND_S < at < b + _SETTLED_S for a, b in probes)


def _near(gap: Gap, spans: Iterable[tuple[float, float]]) -> bool:
    return any(a - _COUNTED_S < gap.end and gap.begin < b + _COUNTED_S for a, b in spans)


def _heard(story: Story) -> dict[str, Any]:
    """Gaps outside the faults, and whether each of them is in some counter."""
    own = [g for g in story.gaps if story.circumstance(g.begin) != "around a fault"]
    moved = [(old["at"], new["at"]) for old, new, grown in story.steps() if grown.total()]
    moved += [(at, at) for at in story.xruns]
    uncounted = [g for g in own if not _near(g, moved)]
    blamed = [_blamed(story, g) for g in own]
    late = [_late(story, g) for g in own]
    silent = sum(grown["silent_samples"] for *_, grown in story.steps()) / story.tapes[0].rate
    return {
        "gaps_outside_faults": len(own),
        "longest_gap_outside_faults_ms": _ms(max((g.seconds for g in own), default=0.0)),
        "gaps_no_counter_knows": len(uncounted),
        "gaps_with_a_stall_of_the_machine": sum(blamed),
        "gaps_with_a_late_cycle_of_the_server": sum(late),
        "gaps_with_neither": len(own) - sum(a or b for a, b in zip(blamed, late, strict=True)),
        "gaps_by_length_ms": _lengths(own),
        "silence_outside_faults_ms": _ms(sum(g.seconds for g in own)),
        "silence_in_all_s": round(sum(g.seconds for g in story.gaps), 2),
        "silence_counted_by_callbacks_s": round(silent, 2),
        "longest_silence_s": round(max((g.seconds for g in story.gaps), default=0.0), 2),
    }


def _table(story: Story) -> dict[str, Any]:
    """What was counted in which circumstances; how much of it while the machine itself had stalled."""
    rows: dict[str, Counter[str]] = {name: Counter() for name in CIRCUMSTANCES}
    seconds: defaultdict[str, float] = defaultdict(float)
    stalled_s: defaultdict[str, float] = defaultdict(float)
    for old, new, grown in story.steps():
        name = story.circumstance(new["at"])
        stalled = story.stalls.between(old["at"] - _AROUND_S, new["at"])
        seconds[name] += new["at"] - old["at"]
        stalled_s[name] += (new["at"] - old["at"]) * stalled
        for event in EVENTS:
            rows[name][event] += grown[event]
            rows[name][f"{event}_while_stalled"] += grown[event] * stalled
    for gap in story.gaps:
        name = story.circumstance(gap.begin)
        rows[name]["gaps"] += 1
        rows[name]["gaps_while_stalled"] += _blamed(story, gap)
    return {
        name: {
            "minutes": round(seconds[name] / 60, 2),
            "share_of_time_stalled": round(stalled_s[name] / max(1e-9, seconds[name]), 3),
            **row,
        }
        for name, row in rows.items()
    }


def _lengths(gaps: list[Gap]) -> dict[str, int]:
    """How many gaps were how long."""
    edges = [0.0, *_LENGTHS_MS, np.inf]
    counts, _ = np.histogram([1e3 * gap.seconds for gap in gaps], edges)
    names = [*(f"up to {ms:g}" for ms in _LENGTHS_MS), "longer"]
    return dict(zip(names, map(int, counts), strict=True))


def _late(story: Story, gap: Gap) -> bool:
    """Whether the audio server announced a late cycle when a gap came about."""
    first = bisect_left(story.xruns, gap.begin - 3 * _AROUND_S)
    return first < len(story.xruns) and story.xruns[first] < gap.end + 2 * _AROUND_S


def _blamed(story: Story, gap: Gap) -> bool:
    """Whether the machine had stalled when a gap came about, which is up to a ring before it is heard."""
    return story.stalls.between(gap.begin - 2 * _AROUND_S, gap.end)


def _machine(story: Story) -> dict[str, Any]:
    inside = [b - a for a, b in story.stalls.spans if story.begin < b < story.end]
    minutes = (story.end - story.begin) / 60
    return {
        "stalls_over_2_ms_a_minute": round(len(inside) / minutes, 1),
        "stalls_over_10_ms_a_minute": round(sum(stall > _LONG_S for stall in inside) / minutes, 1),
        "worst_stall_ms": _ms(max(inside, default=0.0)),
        "server_xruns": len(story.xruns),
        "late_cycles_by_client": story.accusations,
    }


def _latency(story: Story) -> dict[str, Any]:
    """As reported at start and end, and as measured whenever the own voice was on."""
    voice = [s for s in story.samples if s["mode"] == "converted" and s["running"]]
    voice = [s for s in voice if story.begin <= s["at"] <= story.end]
    probes = [found for span in story.probes if (found := _probe(story, *span))]
    apart = [abs(p["measured_ms"] - p["reported_ms"]) for p in probes]
    totals = [s["latency"]["total"] for s in voice]
    return {
        "at_start": {k: round(v, 2) for k, v in voice[0]["latency"].items()},
        "at_end": {k: round(v, 2) for k, v in voice[-1]["latency"].items()},
        "total_median_ms": round(float(np.median(totals)), 2),
        "total_highest_ms": round(max(totals), 2),
        "bypass_probes": len(story.probes),
        "bypass_probes_measured": len(probes),
        "bypass_first": probes[0] if probes else None,
        "bypass_last": probes[-1] if probes else None,
        "measured_less_reported_worst_ms": round(max(apart, default=0.0), 2),
        "measured_less_reported_median_ms": round(float(np.median(apart)), 3) if apart else None,
        "bypass_measured_ms": [p["measured_ms"] for p in probes],
    }


def _probe(story: Story, begin: float, end: float) -> Sample | None:
    """Delay while the own voice was on, and what the engine said at that moment."""
    rate = story.tapes[0].rate
    tape = next((t for t in story.tapes if t.span[0] < begin and end < t.span[1]), None)
    told = [s for s in story.samples if begin + _SETTLED_S < s["at"] < end + 0.2 and s["mode"] == "bypass"]
    if tape is None or not told:
        return None
    delay = tape.delay(begin + _SETTLED_S, end - 0.05)
    if delay is None:
        return None
    measured = 1e3 * delay / rate
    reported = min((s["latency"]["total"] for s in told), key=lambda ms: abs(ms - measured))
    return {"minute": round((begin - story.begin) / 60, 1), "measured_ms": round(measured, 2),
            "reported_ms": round(reported, 2)}  # fmt: skip


def _memory(story: Story) -> dict[str, Any]:
    """Of each role: at start and end, and how fast it grew in the process that lived longest.

    Growth is of resident memory: what is unshared jumps when other programs load the same libraries.
    """
    found = {}
    for role in ("studio", "worker", "audio"):
        rows = [(row["at"], row[role]) for row in story.memory if role in row]
        lives: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
        for at, row in rows:
            lives[row["pid"]].append((at, row["rss"]))
        longest = max(lives.values(), key=lambda life: life[-1][0] - life[0][0])
        found[role] = {
            "rss_at_start": round(rows[0][1]["rss"], 1),
            "rss_at_end": round(rows[-1][1]["rss"], 1),
            "uss_at_start": round(rows[0][1]["uss"], 1),
            "uss_at_end": round(rows[-1][1]["uss"], 1),
            "lives": len(lives),
            "longest_life_min": round((longest[-1][0] - longest[0][0]) / 60, 1),
            "rss_growth_mb_an_hour": _slope(longest),
            "cpu_percent": _cpu(rows),
        }
    return found


def _slope(life: list[tuple[float, float]]) -> float | None:
    """MB an hour by least squares; None where the life was too short to say."""
    warm = np.array([row for row in life if row[0] - life[0][0] > _WARM_S])
    if len(warm) < 3 or warm[-1, 0] - warm[0, 0] < _SLOPE_S:
        return None
    return round(3600 * float(np.polyfit(warm[:, 0] - warm[0, 0], warm[:, 1], 1)[0]), 2)


def _cpu(rows: list[tuple[float, Sample]]) -> float:
    """Share of one core, over all processes of a role."""
    spent = sum(
        max(0.0, new["cpu_s"] - old["cpu_s"])
        for (_, old), (_, new) in pairwise(rows)
        if old["pid"] == new["pid"]
    )
    return round(100 * spent / max(1e-9, rows[-1][0] - rows[0][0]), 1)


def _ms(seconds: float) -> float:
    return round(1e3 * seconds, 1)
