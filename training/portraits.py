"""Draws the pictures of the built-in voices and the map of how far apart they are.

python -m training.portraits            # -> assets/voices/*.png, docs/voices.svg, a table on stdout
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voices.builtin import builtin_voices
from voices.builtin_neural import builtin_neural_voices
from voices.files import write_bytes, write_text
from voices.portrait import draw_portrait
from voices.voice import Voice

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "assets" / "voices"
MAP = ROOT / "docs" / "voices.svg"
PAGE = ROOT / "docs" / "voices.md"

_INTRODUCTION = """# The built-in voices
None is a celebrity or a character of anybody. The enrolled ones are from recordings given to the public
(CC0) or from synthetic speakers that are nobody's voice; the presets are settings alone. Their pictures are
drawn from each voice's own numbers (`voices/portrait.py`). `python -m training.portraits` writes this page.
"""

_APART = """
## How far apart
![Map of the enrolled voices](voices.svg)

Cosine similarity of the embeddings:
"""

_WIDTH, _HEIGHT, _MARGIN = 640, 420, 60


def principal_plane(embeddings: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Places (voices, 2) on the two principal axes of (voices, 256), and the share of variance they hold."""
    centred = embeddings - embeddings.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    return left[:, :2] * sizes[:2], float(np.square(sizes[:2]).sum() / np.square(sizes).sum())


def draw_map(voices: tuple[Voice, ...]) -> str:
    """The principal plane as SVG: a disc in each voice's colour, its name and pitch beside it."""
    places, share = principal_plane(np.array([voice.embedding for voice in voices]))
    span = places.max(axis=0) - places.min(axis=0)
    scale = float(np.min(np.array([_WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN]) / span))
    middle = (places.max(axis=0) + places.min(axis=0)) / 2
    points = (places - middle) * scale + np.array([_WIDTH / 2, _HEIGHT / 2 - 24])
    marks = "".join(
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="12" fill="{voice.colour}"/>'
        f'<text x="{x:.0f}" y="{y + 27:.0f}">{voice.name}</text>'
        f'<text x="{x:.0f}" y="{y + 40:.0f}" fill="#8a8f98" font-size="11">'
        f"{voice.f0_median_hz:.0f} Hz</text>\n"
        for voice, (x, y) in zip(voices, points, strict=True)
    )
    caption = f"Speaker embeddings on their two principal axes ({share:.0%} of the variance)"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-size="14" '
        'font-family="sans-serif" fill="#5b616b" text-anchor="middle">\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="12" fill="#f6f7f9"/>\n{marks}'
        f'<text x="{_WIDTH / 2:.0f}" y="{_HEIGHT - 16}" font-size="12" fill="#8a8f98">'
        f"{caption}</text>\n</svg>\n"
    )


def cosine_table(voices: tuple[Voice, ...]) -> str:
    """Cosine similarity of each pair, as Markdown."""
    vectors = np.array([voice.embedding for voice in voices])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = vectors @ vectors.T
    lines = ["| | " + " | ".join(v.name for v in voices) + " |", "|---" * (len(voices) + 1) + "|"]
    for row, voice in enumerate(voices):
        cells = ("" if row == column else f"{alike[row, column]:.2f}" for column in range(len(voices)))
        lines.append(f"| {voice.name} | " + " | ".join(cells) + " |")
    pairs = [alike[a, b] for a, b in combinations(range(len(voices)), 2)]
    lines.append(f"\nHighest of all pairs {max(pairs):.2f}, median {np.median(pairs):.2f}.")
    return "\n".join(lines)


def voices_page(voices: tuple[Voice, ...], enrolled: tuple[Voice, ...]) -> str:
    """docs/voices.md: every voice with picture, licence and source, and how far apart the enrolled are."""
    rows = ["| | voice | | pitch | licence | source |", "|---|---|---|---|---|---|"]
    for voice in voices:
        picture = f'<img src="../assets/voices/{voice.id}.png" width="40" alt="">'
        pitch = f"{voice.f0_median_hz:.0f} Hz" if voice.f0_median_hz else "follows you"
        cells = (picture, f"**{voice.name}** (`{voice.id}`)", voice.description, pitch)
        rows.append("| " + " | ".join((*cells, voice.licence, voice.source)) + " |")
    return "\n".join((_INTRODUCTION, *rows, _APART, cosine_table(enrolled), ""))


def main() -> None:
    """The command line."""
    for voice in builtin_voices():
        write_bytes(PICTURES / f"{voice.id}.png", draw_portrait(voice))
    write_text(MAP, draw_map(builtin_neural_voices()))
    write_text(PAGE, voices_page(builtin_voices(), builtin_neural_voices()))


if __name__ == "__main__":
    main()
