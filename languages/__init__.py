"""Languages: profiles, named sets, and the codes that identification models use. All of it is data beside this file."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache, cached_property
from importlib.resources import files as resources
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

UNDETERMINED = "und"
"""The code of a text whose language could not be told (ISO 639-2)."""

Bounds = dict[Literal["low", "high"], float]
"""What a profile says about a measure: only the ends that it changes; -inf and inf are off."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Language:
    """A language profile: `languages/<code>.toml` over `_every.toml`.

    code: ISO 639-3 and ISO 15924 (`deu_Latn`), or `und`. english, own: its names. script: ISO 15924.
    profiled: there is a file of its own; without one these are the defaults of `_every.toml`.
    stop_words: frequent function words, lower case, NFC. sentence_ends: characters that end a sentence.
    quotes: pairs of quotation marks, the usual pair first. abbreviations: words whose full stop ends no sentence.
    limits: by measure. min_score: lowest score of identification that is believed.
    furniture: phrases of consent and navigation, each a whole line of a page.
    policy: phrases of policies and terms of use; a line that holds one belongs to no text.
    tells: phrases by which machines and templates give themselves away, lower case, words between single blanks.
    confusable: codes of languages that are often mistaken for it.
    """

    code: str
    english: str
    own: str
    script: str
    sentence_ends: str
    quotes: tuple[str, ...]
    min_score: float
    limits: dict[str, Bounds]
    iso639_1: str | None = None
    stop_words: frozenset[str] = frozenset()
    abbreviations: tuple[str, ...] = ()
    furniture: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()
    confusable: tuple[str, ...] = ()
    profiled: bool = True

    @cached_property
    def frequencies(self) -> Mapping[str, float]:
        """Relative frequency of the most frequent words, in lower case and composed form; empty without a list.

        From `words/<code>.txt`, which names its source in `words/README.md`. Raises ValueError for a damaged list.
        """
        return _frequencies(self.code)


@cache
def load(code: str) -> Language:
    """The profile of a language; for a well-formed code without one the defaults, marked `profiled=False`.

    Raises ValueError for a code that is not like `deu_Latn` and not `und`, and for a profile that does not fit.
    """
    if code != UNDETERMINED and not re.fullmatch("[a-z]{3}_[A-Z][a-z]{3}", code):
        raise ValueError(f"{code!r} is not a language code such as 'deu_Latn'{_meant(code, known())}")
    every = _table("_every")
    own = _table(code) if code in codes() else {"english": code, "own": code, "profiled": False}
    rest = {"code": code, "script": code[4:] or "Zyyy", "confusable": _confusable(code)}
    return TypeAdapter(Language).validate_python(every | own | rest | {"limits": _joined(every, own)})


def published(code: str) -> Mapping[str, Bounds] | None:
    """The limits that FineWeb2 (arXiv:2506.20920) published for a language, by our measures; None where it has none.

    A measure that is not named has no limit there, so an end that is not named is off. Values stand as published, also
    where they are odd (Maltese lets the most frequent pair of words take 0.949 of a text). English has those of FineWeb
    (arXiv:2406.17557). The limit of stop words is named only where our profile has stop words to count.
    """
    if code not in (tables := _published()) or code == "every":
        return None
    counted = load(code).stop_words
    return {name: ends for name, ends in tables[code].items() if counted or name != "stop_words.distinct"}


@cache
def codes() -> tuple[str, ...]:
    """The languages that have a profile, sorted."""
    return tuple(sorted(name.removesuffix(".toml") for name in files() if re.match("[a-z]{3}_", name)))


@cache
def known() -> tuple[str, ...]:
    """Every code that a profile, a set or a label names, sorted."""
    labelled = {code for fits in labels().values() for code in fits}
    return tuple(sorted({*codes(), *labelled, *(code for members in sets().values() for code in members)}))


def expand(name: str) -> tuple[str, ...]:
    """The codes of a named set (`eu-official`), in its order; a code stands for itself.

    Raises ValueError when it is neither a set nor a known code, naming what may have been meant.
    """
    if name in sets():
        return sets()[name]
    if name in known():
        return (name,)
    raise ValueError(f"{name!r} is neither a language code nor a set of languages{_meant(name, [*sets(), *known()])}")


@cache
def sets() -> Mapping[str, tuple[str, ...]]:
    """The named sets of languages, each with its codes in order."""
    return {name: tuple(members) for name, members in _groups()["sets"].items()}


@cache
def labels() -> Mapping[str, tuple[str, ...]]:
    """What an identification model calls a language -> our codes, one for each script it is written in."""
    return {
        label: (code,) if isinstance(code, str) else tuple(code) for label, code in _table("labels")["labels"].items()
    }


@cache
def files() -> Mapping[str, Path]:
    """The data files of this folder by name (`words/deu_Latn.txt`): what determines the profiles."""
    here = Path(str(resources(__name__)))
    paths = sorted([*here.glob("*.toml"), *here.glob("words/*.txt")])
    return {path.relative_to(here).as_posix(): path for path in paths}


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(files()[f"{name}.toml"].read_text("utf-8"))


@cache
def _groups() -> dict[str, Any]:
    return _table("groups")


@cache
def _published() -> Mapping[str, Mapping[str, Bounds]]:
    """By code, what holds in every language included."""
    tables = _table("fineweb2")
    return {code: tables["every"] | own for code, own in tables.items()}


@cache
def _frequencies(code: str) -> Mapping[str, float]:
    path = files().get(f"words/{code}.txt")
    found: dict[str, float] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines() if path else (), 1):
        word, tab, per_million = line.partition("\t")
        if not (word and tab and re.fullmatch(r"\d+(\.\d+)?", per_million)):
            raise ValueError(f"{path}: line {number} is not a word, a tab and its occurrences per million")
        found[word] = float(per_million) / 1e6
    return found


def _confusable(code: str) -> tuple[str, ...]:
    return tuple(
        other for group in _groups()["confusable"].values() if code in group for other in group if other != code
    )


def _joined(every: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    general, special = every.get("limits", {}), own.get("limits", {})
    return {name: general.get(name, {}) | special.get(name, {}) for name in sorted({*general, *special})}


def _meant(word: str, choices: Sequence[str]) -> str:
    close = get_close_matches(word, choices, n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""
