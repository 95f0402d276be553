"""Limits as a person sets them beside a recipe: `deu_Latn.lines.bullets.high=0.5`."""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import TypeAdapter, ValidationError

from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.stage import find, stage_class

ENDS = ("low", "high")


@dataclass(frozen=True)
class Setting:
    """A limit to change: language (or `every`), measure, which end; the number now and then, None for off."""

    language: str
    measure: str
    end: str
    before: float | None
    after: float | None


def stage(options: Mapping[str, Any]) -> Any:
    """Stage filter with these options. Raises PipelineError when they do not fit together."""
    try:
        return TypeAdapter(stage_class("filter")).validate_python(options)
    except ValidationError as error:
        sentence = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise PipelineError(f"limits: {sentence}", "`florilegium filters` lists measures and their limits") from error


def setting(text: str, current: Any, measured: Sequence[str]) -> Setting:
    """`LANGUAGE.MEASURE[.low|.high]=NUMBER|off`; without an end, the one that the measure's limit has.

    current: stage filter as it is. measured: the measures that there are. Raises PipelineError for what does not fit.
    """
    place, equals, number = text.partition("=")
    language, _, rest = place.strip().partition(".")
    measure, _, end = rest.rpartition(".")
    if end not in ENDS:
        measure, end = rest, ""
    if not equals or not measure:
        raise _wrong(text, "expected LANGUAGE.MEASURE=NUMBER", "for example every.length.words.low=50")
    if measure not in measured:
        close = get_close_matches(measure, measured, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "`florilegium filters` lists the measures"
        raise _wrong(text, f"nothing measured {measure!r}", hint)
    try:
        held = current.effective(language, [measure])[measure]
    except ValueError as error:
        raise _wrong(text, str(error), "give a code such as deu_Latn, or every") from error
    if not end:
        ends = [one for one in ENDS if getattr(held, one) is not None]
        if len(ends) != 1:
            has = f"{measure} has {'two limits' if ends else 'no limit'} in {language}"
            raise _wrong(text, has, f"say which: {place}.low= or {place}.high=")
        end = ends[0]
    return Setting(language, measure, end, getattr(held, end), _number(text, number.strip()))


def changed(limits: Mapping[str, Any], settings: Sequence[Setting]) -> dict[str, Any]:
    """A recipe's limits (as JSON) with these settings over them."""
    found = copy.deepcopy(dict(limits))
    for one in settings:
        of_language = found.setdefault(one.language, {})
        ends = of_language.get(one.measure, {})
        if not isinstance(ends, dict):  # null, or [low, high]
            ends = dict(zip(ENDS, ends or (None, None), strict=True))
        of_language[one.measure] = {**ends, one.end: one.after}
    return found


def _number(text: str, number: str) -> float | None:
    try:
        found = None if number == "off" else float(number)
    except ValueError:
        found = math.nan
    if found is not None and not math.isfinite(found):
        raise _wrong(text, "expected a number, or off", "for example every.length.words.low=50")
    return found


def _wrong(text: str, sentence: str, hint: str) -> PipelineError:
    return PipelineError(f"--set {text}: {sentence}", hint)


def listed(language: str | None, limits_from: str) -> list[dict[str, Any]]:
    """Every measure: its name, its limits (of a language, or those of languages without a profile), and what it says.

    Raises PipelineError for a language or a kind of limits that there is not.
    """
    chosen = stage({"limits_from": limits_from})
    try:
        held = chosen.effective("every" if language is None else language)
    except ValueError as error:
        raise PipelineError(str(error), "`florilegium languages` lists those that have a profile") from error
    return [
        {"measure": name, "low": limits.low, "high": limits.high, "meaning": meaning}
        for name, meaning in find("stages", "filter").every_measure().items()
        for limits in [held[name]]
    ]
