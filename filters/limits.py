"""The lowest and highest value of a measure that a kept document may have."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from florilegium.filters.text import Text


@dataclass(frozen=True, slots=True)
class Limits:
    """A document is kept when low <= value <= high. None is off; 0 means 0."""

    low: float | None = None
    high: float | None = None


class Filter(Protocol):
    """A measure of a text with its default limits: a public function of `filters/<topic>.py`."""

    __name__: str
    __doc__: str | None
    limits: Limits

    def __call__(self, text: Text, /) -> float:
        """A finite number; 0 for a text that has nothing to measure."""


Measure = TypeVar("Measure", bound=Callable[[Text], float])


def limits(low: float | None = None, high: float | None = None) -> Callable[[Measure], Filter]:
    """Make a function of a text a filter, with the limits that hold where no profile and no recipe says otherwise."""

    def with_limits(measure: Measure) -> Filter:
        found = cast(Any, measure)
        found.limits = Limits(low, high)
        return cast(Filter, found)

    return with_limits
