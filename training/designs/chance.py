"""Seeded choices: every one of a page's comes from here, so that a seed is a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Chance:
    """Draws of one page."""

    random: Random

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return choices[int(self.random.random() * len(choices))]

    def maybe(self, share: float) -> bool:
        """True in this share of the cases."""
        return self.random.random() < share

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self.random.random() * (high - low + 1))

    def few(self, low: int, high: int, bend: float = 2.2) -> int:
        """A whole number, small ones more often than large ones, the more so the larger the bend."""
        return low + int(self.random.random() ** bend * (high - low + 1))

    def some(self, choices: Sequence[T], count: int) -> list[T]:
        """That many different choices, or all of them, in a new order."""
        left = list(choices)
        taken: list[T] = []
        while left and len(taken) < count:
            taken.append(left.pop(int(self.random.random() * len(left))))
        return taken

    def shuffled(self, choices: Sequence[T]) -> list[T]:
        """All choices in a new order."""
        return self.some(choices, len(choices))

    def kept(self, choices: Mapping[T, float]) -> list[T]:
        """Each choice with its own share, in the order given."""
        return [choice for choice, share in choices.items() if self.maybe(share)]

    def letters(self, count: int) -> str:
        """What a build tool appends to a class name."""
        return "".join(
            self.pick("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(count)
        )
