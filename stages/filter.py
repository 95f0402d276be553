"""Hold the limits of each language against the measures of its documents."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from florilegium.filters import every_filter
from florilegium.filters.limits import Limits
from florilegium.filters.model import KINDS, kind_of
from florilegium.languages import UNDETERMINED, files, load, published
from florilegium.pipeline.schema import Batch
from florilegium.pipeline.verdict import drop

EVERY = "every"
"""The key of the limits that hold for all languages."""

Number = Annotated[float, Field(allow_inf_nan=False)]
End = Literal["low", "high"]
ENDS = ("low", "high")


def _ends(said: Any) -> Any:
    """[low, high] as both ends by name, so that there is one form, and one mistake to tell of it."""
    if isinstance(said, list | tuple) and len(said) == len(ENDS):
        return dict(zip(ENDS, said, strict=True))
    if said is not None and not isinstance(said, Mapping):
        raise ValueError(f"expected {{low: NUMBER}}, {{high: NUMBER}}, [low, high] or null, got {said!r}")
    return said


Wanted = Annotated[
    dict[End, Number | None] | None,
    BeforeValidator(
        _ends, json_schema_input_type=dict[End, Number | None] | tuple[Number | None, Number | None] | None
    ),
]
"""What a recipe says of a measure: the ends that it changes, or [low, high], or null for no limits at all."""


def _meaning(name: str) -> str:
    return "outside its limits: " + (every_filter()[name].__doc__ or "").partition("\n")[0]


REASONS = {f"filter.{name}": _meaning(name) for name in every_filter()} | {
    f"filter.{kind}.<name>": meaning for kind, (_, meaning) in KINDS.items()
}
"""Each measure's; those that a recipe adds share one a kind, under `<name>`."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Filter:
    """Drops a document whose measure lies below `low` or above `high`. Kept rows stay as they are.

    Each end of a limit is taken from the most special place that names it: the filter's default,
    `languages/_every.toml`, the language's profile (or, in place of these three, what was published), `every`, the
    language's code. Measures are held against their
    limits as 32-bit numbers.
    """

    limits_from: Literal["profile", "fineweb2"] = "profile"
    """What stands below the recipe's own limits: the defaults and profiles of the tree; or, for languages that FineWeb2
    has, the limits that it published and no others."""
    limits: dict[str, dict[str, Wanted]] = Field(default_factory=dict)
    """By language code, or `every`, then by measure:
    `{"every": {"length.words": {"low": 50}}, "deu_Latn": {"lines.bullets": [null, 0.5]}}`. null is off; 0 means 0."""

    writes: ClassVar[tuple[str, ...]] = ()
    reasons: ClassVar[Mapping[str, str]] = REASONS
    decides: ClassVar[frozenset[str]] = frozenset()
    libraries: ClassVar[tuple[str, ...]] = ()

    @field_validator("limits")
    @classmethod
    def _checked(cls, limits: dict[str, dict[str, Wanted]], info: ValidationInfo) -> dict[str, dict[str, Wanted]]:
        below = info.data.get("limits_from", "profile")
        for language, by_measure in limits.items():
            if language != EVERY:
                load(language)
            for name in by_measure:
                if name not in every_filter() and kind_of(name) is None:
                    raise ValueError(f"{language}: there is no measure {name!r}{_meant(name)}")
            for name, ends in _effective(language, limits, below).items():
                if ends.low is not None and ends.high is not None and ends.low > ends.high:
                    raise ValueError(f"{language}: {name}: the low limit {ends.low} is above the high one {ends.high}")
        return limits

    def files(self) -> Mapping[str, Path]:
        """The language profiles, which hold limits."""
        return files()

    def mistakes(self, stages: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """Limits for measures that stage measure does not take: (place, sentence, hint)."""
        known = stages["measure"].names()
        for language, by_measure in self.limits.items():
            for name in by_measure:
                if name not in known:
                    close = get_close_matches(name, known, n=3)
                    hint = f"did you mean {' or '.join(close)}?" if close else "name it under stages.measure"
                    yield ("limits", language, name), f"nothing measures {name!r}", hint

    def effective(self, language: str, measured: Sequence[str] = ()) -> Mapping[str, Limits]:
        """The limits that hold for a language, by measure, in the order in which they are held.

        measured: the measures; by default those of the tree and those that the recipe limits. Raises ValueError for a
        malformed code.
        """
        return _effective(language, self.limits, self.limits_from, measured)

    def __call__(self, batch: Batch) -> Batch:
        """The batch with reason, value and limit for each row outside its limits; the first measure by name wins."""
        languages: Any = batch["language"]
        coded = pc.fill_null(languages, UNDETERMINED).dictionary_encode()
        measured = [field.name for field in cast(pa.StructType, batch["measures"].type)]
        by_language = [self.effective(code, measured) for code in coded.dictionary.to_pylist()]
        for name in measured:
            values = pc.struct_field(batch["measures"], [name])
            for outside, ends in (
                (pc.less, [limits[name].low for limits in by_language]),
                (pc.greater, [limits[name].high for limits in by_language]),
            ):
                limit = pa.array(ends, pa.float64()).take(coded.indices)
                broken = outside(values, limit.cast(pa.float32(), safe=False))
                if pc.any(broken).as_py():
                    batch = drop(batch, broken, f"filter.{name}", values.cast(pa.float64()), limit)
        return batch


def every_measure() -> Mapping[str, str]:
    """The measures of the tree, and what each says in a line."""
    return {name: (one.__doc__ or "").partition("\n")[0] for name, one in every_filter().items()}


def _effective(
    language: str, wanted: Mapping[str, Mapping[str, Wanted]], below: str, measured: Sequence[str] = ()
) -> dict[str, Limits]:
    layers = (wanted.get(EVERY, {}), wanted.get(language, {}))
    added = {name for layer in layers for name in layer if name not in every_filter()}
    names = measured or (*every_filter(), *sorted(added))
    first = _below(UNDETERMINED if language == EVERY else language, below, names)
    return {name: _limits(first[name], [layer[name] for layer in layers if name in layer]) for name in names}


def _below(language: str, below: str, names: Sequence[str]) -> Mapping[str, Limits]:
    """The limits that a recipe's own lie over. Measures that it adds have those of their kind."""
    held = published(language) if below == "fineweb2" else None
    if held is None:
        ends = _profile(language)
        return {name: _limits(_default(name), [ends[name]] if name in ends else []) for name in names}
    told = {name: Limits(**ends) for name, ends in held.items()}
    return {name: _default(name) if kind_of(name) else told.get(name, Limits()) for name in names}


def _default(name: str) -> Limits:
    kind = kind_of(name)
    return every_filter()[name].limits if kind is None else KINDS[kind][0]


def _profile(language: str) -> Mapping[str, Wanted]:
    """The limits of a profile, its infinities as off."""
    off = (float("inf"), float("-inf"))
    return {
        name: {end: None if value in off else value for end, value in ends.items()}
        for name, ends in load(language).limits.items()
    }


def _limits(default: Limits, layers: Sequence[Wanted]) -> Limits:
    ends: dict[End, float | None] = {"low": default.low, "high": default.high}
    for layer in layers:
        if layer is None:
            ends = {"low": None, "high": None}
        else:
            ends |= layer
    return Limits(ends["low"], ends["high"])


def _meant(name: str) -> str:
    close = get_close_matches(name, every_filter(), n=3)
    return f"; did you mean {' or '.join(close)}?" if close else f"; measures are {', '.join(every_filter())}"
