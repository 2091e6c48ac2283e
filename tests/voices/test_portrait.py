"""The pictures: one for every built-in voice, drawn from its own numbers, and one for each new voice."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.voices.makers import a_voice, an_archive
from training.portraits import PAGE, draw_map, principal_plane, voices_page
from voices.builtin import builtin_picture, builtin_voices
from voices.builtin_neural import builtin_neural_voices
from voices.library import Library
from voices.picture import picture_suffix
from voices.portrait import SIZE, colour_of, draw_portrait
from voices.voice import Voice


def pixels(png: bytes) -> np.ndarray:
    """Palette indices of a picture of ours: (SIZE, SIZE)."""
    start = png.index(b"IDAT") + 4
    size = int.from_bytes(png[start - 8 : start - 4], "big")
    lines = np.frombuffer(zlib.decompress(png[start : start + size]), np.uint8).reshape(SIZE, SIZE + 1)
    return lines[:, 1:].astype(int)


@pytest.mark.parametrize("voice", builtin_voices(), ids=lambda voice: voice.id)
def test_every_built_in_voice_has_its_picture(voice: Voice) -> None:
    shipped = builtin_picture(voice.id)
    assert shipped, "draw it: python -m training.portraits"
    assert picture_suffix(shipped) == "png"
    assert len(shipped) < 24_000
    drawn = pixels(draw_portrait(voice))
    assert np.mean(np.abs(pixels(shipped) - drawn) > 1) < 0.01, "draw it again: python -m training.portraits"


def test_pictures_differ() -> None:
    drawn = [pixels(draw_portrait(a_voice(seed=seed))) for seed in range(3)]
    assert all(np.mean(drawn[a] != drawn[b]) > 0.2 for a, b in ((0, 1), (0, 2), (1, 2)))


def test_a_new_voice_gets_a_face_of_its_own(tmp_path: Path) -> None:
    library = Library.open(tmp_path)
    added = [library.add(replace(an_archive(name, seed), picture=b"")) for seed, name in enumerate("AB")]
    assert len({voice.colour for voice in added} | {Voice.colour}) == 3
    assert [library.picture(voice.id) for voice in added] == [draw_portrait(voice) for voice in added]


def test_like_voices_have_like_colours() -> None:
    one, other = np.array(a_voice(seed=1).embedding), np.array(a_voice(seed=2).embedding)

    def rgb(embedding: np.ndarray) -> np.ndarray:
        colour = colour_of(tuple(embedding))
        return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])

    assert np.abs(rgb(one) - rgb(0.99 * one + 0.01 * other)).max() < 20


def test_the_map_shows_every_voice() -> None:
    voices = builtin_neural_voices()
    places, share = principal_plane(np.array([voice.embedding for voice in voices]))
    assert places.shape == (len(voices), 2)
    assert 0.3 < share < 1
    drawn = draw_map(voices)
    assert all(f">{voice.name}<" in drawn for voice in voices)


def test_the_page_about_the_voices_is_of_today() -> None:
    page = voices_page(builtin_voices(), builtin_neural_voices())
    assert PAGE.read_text(encoding="utf-8") == page, "write it again: python -m training.portraits"


def test_built_in_voices_are_far_apart() -> None:
    vectors = np.array([voice.embedding for voice in builtin_neural_voices()])
    alike = vectors @ vectors.T - np.eye(len(vectors))
    assert alike.max() < 0.8
