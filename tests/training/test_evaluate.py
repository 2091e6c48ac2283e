"""The evaluation's arithmetic: word errors, melodies, baselines, the matrix and the page."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import pairs as pairs_module
from training.corpus import RATE, Clip, Corpus
from training.evaluate import Baseline
from training.judges import Judges, Verdict, follow, normalise_words, word_error
from training.pairs import matrix, sources, targets
from training.picture import write_spectrograms
from training.report import GOALS, summarise, write_report

words = st.lists(st.sampled_from(["ab", "c", "d'e", "f1"]), max_size=8).map(" ".join)


@pytest.mark.parametrize(
    ("reference", "heard", "errors"),
    [
        ("Press 5, to leave a message.", "press 5 to leave a message", 0),
        ("one two three", "one three", 1),
        ("one two three", "one two two three", 1),
        ("one two three", "one four three", 1),
        ("one two", "", 2),
        ("", "one two", 2),
        ("it's", "it’s", 0),
    ],
)
def test_word_errors(reference: str, heard: str, errors: int) -> None:
    assert word_error(reference, heard) == (errors, len(normalise_words(reference)))


@given(words, words, words)
def test_word_error_is_a_distance(a: str, b: str, c: str) -> None:
    ab, ba = word_error(a, b)[0], word_error(b, a)[0]
    assert ab == ba
    assert (ab == 0) == (a == b)
    assert word_error(a, c)[0] <= ab + word_error(b, c)[0]


def verdict(f0: np.ndarray) -> Verdict:
    unit = np.ones(1, np.float32)
    return Verdict("", unit, unit, 3.0, 3.0, 3.0, f0.astype(np.float32), np.ones(len(f0), bool))


MELODY = 150 * 2 ** (0.3 * np.sin(np.arange(200) / 15))


def test_a_moved_melody_is_followed() -> None:
    melody = follow(verdict(MELODY), verdict(MELODY * 1.7))
    assert melody.correlation == pytest.approx(1)
    assert melody.gross == 0
    assert melody.shift_octaves == pytest.approx(np.log2(1.7), abs=1e-4)


def test_a_late_melody_is_followed_within_30_ms() -> None:
    assert follow(verdict(MELODY), verdict(np.roll(MELODY, 2))).correlation > 0.999


def test_octave_slips_are_gross_errors() -> None:
    slipped = MELODY.copy()
    slipped[:30] *= 2
    assert follow(verdict(MELODY), verdict(slipped)).gross == pytest.approx(0.15, abs=0.02)


def test_another_melody_does_not_follow() -> None:
    other = 150 * 2 ** (0.3 * np.random.default_rng(0).standard_normal(200))
    assert follow(verdict(MELODY), verdict(other)).correlation < 0.4


def test_a_voiceless_conversion_gets_the_worst_marks() -> None:
    melody = follow(verdict(MELODY), verdict(np.zeros(200)))
    assert (melody.correlation, melody.gross) == (-1, 1)


def test_baselines_map_strangers_to_0_and_one_person_to_1() -> None:
    base = Baseline(0.9, 0.5, 0.8, 0.3)
    assert base.ge2e(0.9) == pytest.approx(1)
    assert base.ge2e(0.5) == pytest.approx(0)
    assert base.second(0.55) == pytest.approx(0.5)


def fake_corpus() -> Corpus:
    """Clips under every name that the matrix wants, 7 s each."""
    found = [(id_, "nabucasa", None, "eval") for id_ in pairs_module._NABUCASA]
    found += [(f"{i}-x", "libri_dev", f"reader {i}", "eval") for i in range(10)]
    found += [(id_, "ast_en_US_f_Allison", "ast_en_US_f_Allison", "eval") for id_ in pairs_module._AST_EN]
    for name in pairs_module._AST_TARGETS:
        found += [(f"{name} {i}", name, name, "eval") for i in range(12)]
    found += [(f"b{i}", "barista_en", f"barista_{i % 5}", "held_out") for i in range(40)]
    rows = [
        Clip(id_, source, person, split, 0, 7 * RATE, None, "CC0-1.0", "en", 8000)
        for id_, source, person, split in found
    ]
    return Corpus(rows, np.zeros(7 * RATE, np.int16), Path("."))


def test_the_matrix_is_fixed_balanced_and_never_self() -> None:
    corpus = fake_corpus()
    pairs = matrix(corpus)
    assert pairs == matrix(corpus)
    assert len(pairs) == 4 * len(sources(corpus)) == 76
    assert all(pair.source.person != pair.target.person for pair in pairs)
    counts = [sum(pair.target == target for pair in pairs) for target in targets(corpus)]
    assert len(counts) == 14
    assert max(counts) - min(counts) <= 2
    assert len({(pair.source.name, pair.target.name) for pair in pairs}) == len(pairs)


def test_no_target_is_judged_by_what_it_was_enrolled_from_if_it_has_more() -> None:
    for target in targets(fake_corpus()):
        if len(target.enrol) > 1:
            assert not set(target.enrol) & set(target.judge)


class CountingJudges(Judges):
    """Judges that only count how often they are asked."""

    asked = 0

    def _judge(self, x: np.ndarray) -> Verdict:
        self.asked += 1
        return verdict(np.full(3, float(len(x))))


def test_a_recording_is_judged_once(tmp_path: Path) -> None:
    judges = CountingJudges(tmp_path)
    x = np.full(480, 0.1, np.float32)
    first = judges.judge(x)
    again = judges.judge(x)
    judges.judge(x * 0.5)
    assert judges.asked == 2
    assert first.mos_overall == again.mos_overall
    np.testing.assert_array_equal(first.f0, again.f0)


def row(system: str, target: str, errors: int = 1) -> dict:
    figures = dict.fromkeys(
        ["ge2e", "second", "similarity_ge2e", "similarity_second", "leak_ge2e", "leak_second"], 0.5
    )
    figures |= {"mos": 3.0, "mos_source": 3.2, "f0_correlation": 0.95, "f0_gross": 0.01, "pitch_offset": -2.0}
    names = {"system": system, "source": "libri 1", "target": target, "words": "hello"}
    return {**figures, **names, "word_errors": errors, "word_count": 10}


def test_summary_counts_errors_over_all_words() -> None:
    found = summarise([row("neural", "a", 0), row("neural", "b", 3)])
    assert found["word_error"] == pytest.approx(0.15)
    assert found["mos_change"] == pytest.approx(-0.2)
    assert found["pitch_offset"] == pytest.approx(2.0)


def test_the_page_says_what_was_reached(tmp_path: Path) -> None:
    base = {"ge2e_same": 0.9, "ge2e_stranger": 0.5, "second_same": 0.8, "second_stranger": 0.3}
    outcomes = [row("neural", "a", 0), row("neural", "b", 6), row("plain copy", "a", 0)]
    out = tmp_path / "docs" / "evaluation.md"
    write_report(
        out, {"baseline": base, "outcomes": outcomes}, ["evaluation/a.png"], "first run", quick=False
    )
    write_report(out, {"baseline": base, "outcomes": outcomes}, [], "second run", quick=False)
    page = out.read_text()
    assert "| word_error | <= 0.15 | 0.300 | no |" in page
    assert "| similarity | >= 0.45 | 0.500 | yes |" in page
    assert page.index("first run") < page.index("second run")
    assert all(name in page for name in GOALS)
    assert len(json.loads(out.with_suffix(".json").read_text())["outcomes"]) == 3


def test_pictures_are_valid_png(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 3000 * np.arange(RATE) / RATE).astype(np.float32)
    path = tmp_path / "a.png"
    write_spectrograms(path, [tone, tone[: RATE // 2]], RATE)
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    start = data.index(b"IDAT") + 4
    (size,) = struct.unpack(">I", data[start - 8 : start - 4])
    lines = np.frombuffer(zlib.decompress(data[start : start + size]), np.uint8).reshape(height, width + 1)
    picture = lines[:128, 1:]
    # 3 kHz of 12 kHz is a quarter of the way up.
    assert np.argmax(picture[:, width // 2]) == pytest.approx(96, abs=2)
