"""Limits of a language from reference texts: what good texts measure, and where their rarest values begin."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.limits import ENDS, stage
from florilegium.pipeline.schema import batch
from florilegium.pipeline.stage import stage_class
from florilegium.pipeline.texts import texts

Method = Literal["quantile", "mad"]
NORMAL = 1.4826
"""Standard deviations of a normal distribution a median absolute deviation (Rousseeuw and Croux 1993)."""
DIGITS = 3
"""A limit is rounded to so many digits, away from the texts."""
AT_A_TIME = 256

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """One end of one measure: the limit that holds now and the new one, and how many texts each would drop."""

    measure: str
    end: str
    now: float | None
    new: float
    dropped_now: int
    dropped_new: int


@dataclass(frozen=True)
class Fit:
    """Limits from texts. method: in words, with its number. texts: that had something to measure."""

    language: str
    method: str
    texts: int
    ends: Sequence[Fitted]
    dropped_now: int
    dropped_new: int


def fit(
    language: str, good: str, *, method: Method, share: float, distance: float, measures: Sequence[str] = ()
) -> Fit:
    """Limits such that good texts of a language lie within.

    quantile: so that `share` of the texts lies beyond each end. mad: the median, and `distance` times 1.4826 median
    absolute deviations from it; where more than half of the texts measure the same, there is none, and no limit.
    measures: both ends of these are fitted where they have no limit; by default every end that has one is.

    Raises PipelineError for a language or measure that there is not, and where there is no text.
    """
    held = _held(language, measures)
    numbers, count = _measured(language, good)
    found: list[Fitted] = []
    beyond = {name: np.zeros(count, bool) for name in ("now", "new")}
    for name, limits in held.items():
        values = numbers[name]
        for end in ENDS:
            now = getattr(limits, end)
            new = _end(values, end, method, share, distance)
            if new is None or (now is None and (limits.low, limits.high) != (None, None)):
                continue
            outside = {side: _outside(values, end, limit) for side, limit in (("now", now), ("new", new))}
            for side, where in outside.items():
                beyond[side] |= where
            found.append(Fitted(name, end, now, new, int(outside["now"].sum()), int(outside["new"].sum())))
    told = (
        f"quantile, {share:g} of the texts beyond each"
        if method == "quantile"
        else f"median and {distance:g} x 1.4826 MAD"
    )
    return Fit(language, told, count, found, int(beyond["now"].sum()), int(beyond["new"].sum()))


def toml(found: Fit) -> str:
    """The limits as the file of a profile has them."""
    lines = [f"# From {found.texts:,} reference texts: {found.method}.", "[limits]"]
    by_measure: dict[str, list[str]] = {}
    for one in found.ends:
        by_measure.setdefault(one.measure, []).append(f"{one.end} = {one.new:.10g}")
    lines += [f'"{name}" = {{ {", ".join(ends)} }}' for name, ends in by_measure.items()]
    return "\n".join(lines) + "\n"


def _held(language: str, measures: Sequence[str]) -> dict[str, Any]:
    """The limits that hold now, of the measures that are to be fitted."""
    try:
        known = stage({}).effective(language)
    except ValueError as error:
        raise PipelineError(str(error), "`florilegium languages` lists those that have a profile") from error
    for name in measures:
        if name not in known:
            close = get_close_matches(name, known, n=3)
            meant = f"did you mean {' or '.join(close)}?" if close else "`florilegium filters` lists them"
            raise PipelineError(f"--measure {name}: there is no such measure", meant)
    wanted = measures or [name for name, limits in known.items() if (limits.low, limits.high) != (None, None)]
    return {name: known[name] for name in sorted(set(wanted))}


def _measured(language: str, good: str) -> tuple[dict[str, Floats], int]:
    """The measures of the texts as a build takes them, by name; and how many texts had something to measure."""
    measure = stage_class("measure")()
    columns: dict[str, list[Any]] = {name: [] for name in measure.names()}
    for held in _portions(texts(good)):
        rows = len(held)
        given = {"id": [bytes(16)] * rows, "text": held, "language": [language] * rows}
        measured: Any = measure(batch(given, ("id", "text", "language")))["measures"].drop_null()
        for name, column in zip(columns, measured.flatten(), strict=True):
            columns[name].append(column.to_numpy(zero_copy_only=False))
    found = {name: np.concatenate(parts).astype(float) for name, parts in columns.items()}
    return found, len(next(iter(found.values())))


def _portions(of: Iterator[str]) -> Iterator[list[str]]:
    while held := list(islice(of, AT_A_TIME)):
        yield held


def _end(values: Floats, end: str, method: Method, share: float, distance: float) -> float | None:
    """The limit at one end; None where the texts say nothing of one."""
    if not len(values):
        return None
    if method == "quantile":
        # `lower` and `higher` are values of texts: no text between counts half.
        at = float(
            np.quantile(values, share if end == "low" else 1 - share, method="lower" if end == "low" else "higher")
        )
    else:
        middle = float(np.median(values))
        spread = NORMAL * float(np.median(np.abs(values - middle)))
        if spread == 0:
            return None
        at = middle - distance * spread if end == "low" else middle + distance * spread
        if end == "low" and at < 0 <= values.min():
            return None  # no count or share lies below zero
    return _rounded(at, end)


def _rounded(value: float, end: str) -> float:
    """A limit of few digits that keeps what the exact one keeps: low ones are rounded down, high ones up."""
    if value == 0:
        return 0.0
    step = 10.0 ** (np.floor(np.log10(abs(value))) - DIGITS + 1)
    whole = np.floor(value / step) if end == "low" else np.ceil(value / step)
    return float(f"{whole * step:.{DIGITS}g}")


def _outside(values: Floats, end: str, limit: float | None) -> NDArray[np.bool_]:
    """Which texts a limit drops; limits are held in the precision of the measures."""
    if limit is None:
        return np.zeros(len(values), bool)
    exact = float(np.float32(limit))
    found: NDArray[np.bool_] = values < exact if end == "low" else values > exact
    return found
