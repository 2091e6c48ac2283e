"""Pieces of sound are joined without a click, wherever they fit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.rvc.sola import Sola

FADE, SEARCH, BLOCK = 400, 100, 1000
PIECE = BLOCK + FADE + SEARCH


def tone(count: int, start: float = 0.0) -> NDArray[np.float32]:
    """A tone whose period (83 samples) fits into the search."""
    return np.sin(2 * np.pi * (np.arange(count) + start) / 83).astype(np.float32)


def joined(pieces: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    sola = Sola(FADE, SEARCH)
    return np.concatenate([sola.join(piece) for piece in pieces])


def test_pieces_of_one_signal_give_the_signal_late_by_fade_and_half_the_search() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 6 * BLOCK).astype(np.float32)
    y = joined([noise[i * BLOCK :][:PIECE] for i in range(4)])
    np.testing.assert_allclose(y[FADE:], noise[SEARCH // 2 :][: len(y)][FADE:], atol=1e-6)


@pytest.mark.parametrize("slip", [0, 20, -35, 41])
def test_a_piece_out_of_step_is_moved_until_the_waves_meet(slip: int) -> None:
    y = joined([tone(PIECE, i * (BLOCK + slip)) for i in range(5)])
    steepest = float(np.abs(np.diff(y)).max())
    assert steepest < 1.1 * 2 * np.pi / 83
    level = np.sqrt(np.mean(np.square(y[FADE:].reshape(-1, 100)[:, :83]), axis=1))
    assert level.min() > 0.68


def test_a_stream_fades_in_from_silence_and_repeats_itself_after_a_reset() -> None:
    sola, piece = Sola(FADE, SEARCH), tone(PIECE)
    first = sola.join(piece)
    assert abs(float(first[0])) < 1e-4
    sola.join(piece)
    sola.reset()
    np.testing.assert_array_equal(sola.join(piece), first)
