"""The page of an evaluation: summary against the goals, per target, per kind of source."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SYSTEMS = ("neural", "neural, file", "copy synthesis", "model-free", "plain copy")

GOALS: dict[str, tuple[float, str]] = {
    "word_error": (0.15, "<="),
    "similarity": (0.45, ">="),
    "leak": (0.35, "<="),
    "mos_change": (-0.25, ">="),
    "f0_correlation": (0.9, ">="),
    "f0_gross": (0.05, "<"),
}
"""Least quality to call the voice done (unseen sources to unseen targets)."""

_COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("word error", "word_error", ".2f"),
    ("similarity GE2E (norm.)", "similarity_ge2e", ".2f"),
    ("similarity 2nd (norm.)", "similarity_second", ".2f"),
    ("leak GE2E", "leak_ge2e", ".2f"),
    ("leak 2nd", "leak_second", ".2f"),
    ("DNSMOS", "mos", ".2f"),
    ("- source", "mos_change", "+.2f"),
    ("F0 corr.", "f0_correlation", ".2f"),
    ("F0 gross", "f0_gross", ".1%"),
    ("pitch off, st", "pitch_offset", ".1f"),
    ("n", "count", "d"),
)

_METHOD = """
Sources: ten LibriSpeech dev readers, four prompts of ast_en, one order of each of five held-out
barista speakers. Voices: ten people of nabucasa (enrolled from, and judged against, their only clip)
and four ast speakers in other languages (enrolled from six clips, judged against four others). Every
source goes to four voices in turn (training/pairs.py); nobody in it was trained on. **Neural** is a call
that begins: nothing is known of the speaker, nothing was heard. **Neural, file**, as the other rows, is
`menura convert`: the speaker's median F0 is measured beforehand and the first 3 s are heard twice
(decisions/speaker-range.md). A call that goes on lies between.

- **word error**: Whisper tiny.en's reading of the conversion against its reading of the source, errors
  over words of all pairs together. No unseen source comes with its text.
- **similarity**: cosine to the target's reference by two encoders of other people's making, as
  (cosine - strangers) / (same person - strangers): 0 is what the untouched sources have on average, 1
  another recording of the target. GE2E conditions the converter but is no part of its loss; the
  SE-Res2Net of VoxCeleb conditions nothing but is part of the decoder's loss, which flatters it. No
  third encoder's weights could be had, so read the lower of the two.
- **leak**: the same toward the source clip. 0 is a stranger to the source, 1 the source's own voice.
- **DNSMOS**: P.835 overall quality; "- source" is the change from the source recording.
- **F0**: correlation of log F0 with the source's, and frames more than 20 % off the source's melody
  moved by one constant, over frames where two trackers agree, at the best lag within 30 ms.
- **pitch off**: distance of the median F0 from the target's, in semitones, without sign.
- **plain copy** is the source itself, **model-free** the source with pitch moved to the target's and
  formants by a quarter of that, **copy synthesis** the source converted to the source's own voice.
"""

Rows = list[dict[str, Any]]


def summarise(rows: Rows) -> dict[str, float]:
    """Figures of several outcomes together: errors over words, means of everything else."""
    mean: Callable[[str], float] = lambda name: float(np.mean([row[name] for row in rows]))  # noqa: E731
    found = {name: mean(name) for name in ("ge2e", "second", "mos", "f0_correlation", "f0_gross")}
    for name in ("similarity_ge2e", "similarity_second", "leak_ge2e", "leak_second"):
        found[name] = mean(name)
    found["word_error"] = sum(row["word_errors"] for row in rows) / max(1, sum(r["word_count"] for r in rows))
    found["similarity"] = (found["similarity_ge2e"] + found["similarity_second"]) / 2
    found["leak"] = (found["leak_ge2e"] + found["leak_second"]) / 2
    found["mos_change"] = found["mos"] - mean("mos_source")
    found["pitch_offset"] = float(np.mean([abs(row["pitch_offset"]) for row in rows]))
    found["count"] = len(rows)
    return found


def write_report(out: Path, figures: dict[str, Any], pictures: list[str], label: str, quick: bool) -> None:
    """Writes the page, all figures as JSON beside it, and with a label one point of the curve."""
    out.parent.mkdir(parents=True, exist_ok=True)
    rows: Rows = figures["outcomes"]
    groups = {name: [row for row in rows if row["system"] == name] for name in SYSTEMS}
    summary = {name: summarise(members) for name, members in groups.items() if members}
    main = "neural" if groups["neural"] else "model-free"
    out.with_suffix(".json").write_text(json.dumps({**figures, "summary": summary}, indent=1) + "\n")
    curve = _curve(out.with_name(f"{out.stem}_curve.json"), label, summary.get("neural"), quick)
    parts = [
        "# Evaluation\n",
        f"Written by `python -m training.evaluate{' --quick' if quick else ''}`; do not edit.\n",
        "## Summary\n",
        _table("system", {name: summary[name] for name in summary}),
        _goals(summary[main], main),
        _baselines(figures["baseline"]),
        "## How it is measured\n" + _METHOD,
        f"## Per target ({main})\n",
        _table("target", _grouped(groups[main], lambda row: row["target"])),
        f"## Per kind of source ({main})\n",
        _table("sources", _grouped(groups[main], lambda row: row["source"].split()[0].split("_")[0])),
    ]
    if curve:
        parts += ["## Over training\n", _table("checkpoint", curve)]
    parts.append("## Five cases\nSource, conversion, target; 0 to 12 kHz, 70 dB.\n")
    parts += [f"![{name}]({name})\n" for name in pictures]
    out.write_text("\n".join(parts))


def _grouped(rows: Rows, key: Callable[[dict[str, Any]], str]) -> dict[str, dict[str, float]]:
    groups: dict[str, Rows] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return {name: summarise(groups[name]) for name in sorted(groups)}


def _table(head: str, rows: dict[str, dict[str, float]]) -> str:
    titles = [head, *(title for title, _, _ in _COLUMNS)]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for name, found in rows.items():
        cells = [format(found[column], style) for _, column, style in _COLUMNS]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines) + "\n"


def _goals(found: dict[str, float], system: str) -> str:
    lines = [f"| goal ({system}) | wanted | measured | reached |", "|---|---|---|---|"]
    for name, (limit, relation) in GOALS.items():
        value = found[name]
        reached = (
            value >= limit if relation == ">=" else value <= limit if relation == "<=" else value < limit
        )
        lines.append(f"| {name} | {relation} {limit} | {value:.3f} | {'yes' if reached else 'no'} |")
    return "Similarity and leak here are the means of both encoders.\n\n" + "\n".join(lines) + "\n"


def _baselines(base: dict[str, float]) -> str:
    return (
        "Cosines of natural recordings, GE2E and second encoder: same person (ast and barista, other clips) "
        f"{base['ge2e_same']:.3f} and {base['second_same']:.3f}, strangers (sources with all voices) "
        f"{base['ge2e_stranger']:.3f} and {base['second_stranger']:.3f}.\n"
    )


def _curve(
    path: Path, label: str, found: dict[str, float] | None, quick: bool
) -> dict[str, dict[str, float]]:
    """Points so far by label, the newest included and kept."""
    points = json.loads(path.read_text()) if path.exists() else {}
    if label and found is not None:
        points[f"{label}{' (quick)' if quick else ''}"] = found
        path.write_text(json.dumps(points, indent=1) + "\n")
    return points
