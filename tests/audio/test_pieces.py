"""A source that delivers in pieces is told from a steady one that had an accident."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from audio.pieces import Gap, Pieces

RATE, BLOCK = 48_000, 240
LONGEST_S = 2.2


def learned(pauses: Sequence[tuple[float, float, float]]) -> Pieces:
    """From pauses as (end s, length s, seconds of sound until then)."""
    pieces = Pieces(RATE, LONGEST_S)
    for until, length, sound in pauses:
        pieces.note(Gap(round(sound * RATE), BLOCK, until - length, until))
    return pieces


def regular(piece_s: float, count: int) -> list[tuple[float, float, float]]:
    """Pieces that come in one moment, from second 10 on."""
    return [(10 + k * piece_s, piece_s, k * piece_s) for k in range(count)]


@pytest.mark.parametrize("piece_s", [0.03, 0.1, 0.6, 2.0])
def test_learns_how_much_comes_at_once(piece_s: float) -> None:
    pieces = learned(regular(piece_s, 40))
    assert pieces.seconds == pytest.approx(piece_s - BLOCK / RATE)


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_pauses_tell_nothing(count: int) -> None:
    assert learned(regular(0.6, count)).seconds == 0.0


def test_a_steady_source_on_a_busy_machine_is_none_of_pieces() -> None:
    """A pause of 60 ms five times a second, of 0.4 s now and then, and all of it comes later."""
    pauses, at = [], 10.0
    for k in range(100):
        long = k % 12 == 5
        at += 0.6 if long else 0.2
        pauses.append((at, 0.4 if long else 0.06, at - 10.0))
    assert all(learned(pauses[:n]).seconds == 0.0 for n in range(100))


def test_a_source_that_stops_and_starts_delivers_too_little_to_be_one_of_pieces() -> None:
    assert learned([(10 + k, 0.9, k * 0.1) for k in range(20)]).seconds == 0.0


def test_one_pause_longer_than_all_others_is_an_accident() -> None:
    pauses = regular(0.1, 20)
    until, length, sound = pauses[10]
    pauses[10] = until, length + 0.05, sound
    assert learned(pauses).seconds == pytest.approx(0.1 - BLOCK / RATE)


def test_a_piece_that_comes_in_two_parts_is_as_long() -> None:
    pauses = [
        pause
        for k in range(8)
        for pause in ((10 + 0.6 * k, 0.6, 0.6 * k), (10.03 + 0.6 * k, 0.03, 0.6 * k + 0.1))
    ]
    assert learned(pauses).seconds == pytest.approx(0.6 - BLOCK / RATE)


def test_a_source_that_becomes_steady_is_forgotten() -> None:
    pieces = learned(regular(0.1, 20))
    last = 10 + 19 * 0.1
    pieces.forget(last + 1.0)
    assert pieces.seconds > 0
    pieces.forget(last + 1.3)
    assert pieces.seconds == 0.0


def test_a_sleep_ends_what_was_learned() -> None:
    pieces = learned(regular(0.6, 6))
    pieces.note(Gap(6 * 28_800, BLOCK, 13.0, 19.0))
    assert pieces.seconds == 0.0
