"""A blind comparison: takes in an order nobody sees, preferences over rounds, and what chance would say."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class BlindTest:
    """Rounds over the same takes, by their names; each round shuffles them anew.

    >>> test = BlindTest(["Own", "Ada"])
    >>> test.begin()
    >>> test.take_at(0)                # the index of the take behind number 1
    >>> test.prefer(0)                 # reveals it
    """

    names: list[str]
    random: random.Random = field(default_factory=random.Random)
    order: list[int] = field(default_factory=list)
    wins: Counter[int] = field(default_factory=Counter)
    preferred: int | None = None

    def begin(self) -> None:
        """Shuffles for the next round."""
        self.order = list(range(len(self.names)))
        self.random.shuffle(self.order)
        self.preferred = None

    @property
    def revealed(self) -> bool:
        """Whether this round has been decided."""
        return self.preferred is not None

    @property
    def rounds(self) -> int:
        """Rounds that were decided."""
        return self.wins.total()

    def take_at(self, number: int) -> int:
        """Returns the index of the take behind a number, 0 first."""
        return self.order[number]

    def prefer(self, number: int) -> int:
        """Decides the round for a number and returns the take behind it; once a round."""
        if self.preferred is None:
            self.preferred = self.order[number]
            self.wins[self.preferred] += 1
        return self.preferred

    @property
    def leader(self) -> int | None:
        """The take preferred most often; None where two are level."""
        best = self.wins.most_common(2)
        if not best or (len(best) == 2 and best[0][1] == best[1][1]):
            return None
        return best[0][0]

    def by_chance(self) -> float:
        """Returns how likely somebody who only guesses would prefer one take this often, 0 to 1.

        Binomial tail for the most preferred take, times the number of takes it could have been.
        """
        n, p = self.rounds, 1 / len(self.names)
        k = max(self.wins.values(), default=0)
        tail = sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))
        return min(1.0, tail * len(self.names))

    def score(self) -> str:
        """Returns the standing in words, empty before the first round."""
        if not self.rounds:
            return ""
        standing = ", ".join(f"{self.names[i]} {count}" for i, count in self.wins.most_common())
        rounds = f"{self.rounds} round{'s' * (self.rounds > 1)}"
        chance = self.by_chance()
        if self.leader is None or chance > 0.2:
            return f"{rounds}: {standing}. This could still be chance; a few more rounds will tell."
        return (
            f"{rounds}: {standing}. By guessing this happens in {max(1, round(100 * chance))} of 100 tests."
        )
