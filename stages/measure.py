"""Measure the final text: its words, characters and hash, and one number for each filter of the tree."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict, Field, field_validator
from pydantic.dataclasses import dataclass

from florilegium.filters import every_filter
from florilegium.filters.edit import NOTHING, Removal, c4, phrase, removal, without
from florilegium.filters.lists import read_list
from florilegium.filters.model import NAME, File, Foreign, Model, Scorer
from florilegium.filters.text import Text
from florilegium.languages import UNDETERMINED, Language, files, load
from florilegium.pipeline.schema import COLUMNS, Batch, put
from florilegium.pipeline.verdict import drop
from florilegium.stages._added_measures import added, scorers
from florilegium.stages._benchmarks import contamination, held, index  # noqa: F401  (the frame finds held here)
from florilegium.stages._duplicates import signatures
from florilegium.stages._measures import hashes, measured, taken

Name = Annotated[str, Field(pattern=f"^{NAME}$")]


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Measure:
    """Fills `removed` and what it counts, then `measures`, `words`, `characters`, `text_hash` of the final text.

    The final text is the text without its template lines, and without phrases of consent and navigation at its ends; so
    its measures are null where nothing is left, as where there was no text. A row is measured by the profile of its
    `language`; without one by the general one.
    """

    remove_lines: Literal["c4"] | None = None
    """`c4` also removes the lines that C4 (arXiv:1910.10683) removes: of fewer than three words, with a word of more
    than 1,000 characters, with "javascript", or with a phrase of policies (`policy` of the language's profile)."""
    models: dict[Name, Model] = Field(default_factory=dict)
    """Models that score each text, by a name of yours: `{edu: {fasttext: edu.bin, label: __label__keep}}` is measure
    `model.edu`. Also {kenlm: FILE} and {call: package.module.function}."""
    lists: dict[Name, File] = Field(default_factory=dict)
    """Files of words, one a line, by a name of yours: the share of a text's words that they hold is `list.<name>`."""
    benchmarks: dict[Name, File] = Field(default_factory=dict)
    """Files of benchmarks, an item a line (.txt, .jsonl) or row (.parquet), by a name of yours: the largest share of
    the runs of 8 words of one item that a text holds is `contamination.<name>`."""
    filters: tuple[Foreign, ...] = ()
    """Filters of datatrove: `datatrove:GopherQualityFilter` is the measure `datatrove.GopherQualityFilter`, 1 where it
    would keep the document, else 0."""

    writes: ClassVar[tuple[str, ...]] = (
        *("removed", "lines_removed", "characters_removed"),
        *("words", "characters", "text_hash", "measures", "sketch"),
    )
    reasons: ClassVar[Mapping[str, str]] = {
        "measure.template": "every line is a template of the site, a phrase of consent or navigation, or else removed"
    }
    decides: ClassVar[frozenset[str]] = frozenset()

    @field_validator("filters")
    @classmethod
    def _once(cls, filters: tuple[Foreign, ...]) -> tuple[Foreign, ...]:
        named = [one.datatrove for one in filters]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"{twice[0]} stands there twice")
        return filters

    @property
    def libraries(self) -> tuple[str, ...]:
        """`compression.ratio` needs one, and so do models."""
        return tuple(sorted({"zstandard", *(one for scorer in self._scorers().values() for one in scorer.libraries)}))

    def files(self) -> Mapping[str, Path]:
        """The language profiles (phrases are removed, stop words and sentence ends are measured), models and lists."""
        of_models = [
            (f"{measure}: {name}", path)
            for measure, scorer in self._scorers().items()
            for name, path in scorer.files().items()
        ]
        of_lists = {f"list.{name}: {path.name}": path for name, path in self.lists.items()}
        of_benchmarks = {f"contamination.{name}: {path.name}": path for name, path in self.benchmarks.items()}
        return {**files(), **dict(of_models), **of_lists, **of_benchmarks}

    def names(self) -> tuple[str, ...]:
        """The measures in their order: those of the tree, then what the recipe adds, sorted."""
        named = [f"{kind}.{name}" for kind, own in self._own().items() for name in own]
        return (*every_filter(), *sorted((*self._scorers(), *named)))

    def mistakes(self, stages: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """What is wrong with models and lists, and takes opening them to tell: (place, sentence, hint)."""
        del stages
        for name, model in self.models.items():
            yield from ((("models", name, key), said, hint) for key, said, hint in model.faults())
        for at, one in enumerate(self.filters):
            yield from ((("filters", at, key), said, hint) for key, said, hint in one.faults())
        for name, path in self.lists.items():
            try:
                read_list(path)
            except ValueError as error:
                yield ("lists", name), str(error), "one word or phrase a line, in UTF-8; # begins a comment"
        for name, path in self.benchmarks.items():
            try:
                index(path)
            except ValueError as error:
                yield ("benchmarks", name), str(error), "an item a line (.txt, .jsonl in UTF-8) or a row (.parquet)"

    def _own(self) -> Mapping[str, Mapping[str, Path]]:
        """Files whose measure is of a kind, by kind."""
        return {"list": self.lists, "contamination": self.benchmarks}

    def _scorers(self) -> Mapping[str, Scorer]:
        return scorers(self.models, self.filters)

    def __call__(self, batch: Batch) -> Batch:
        """The batch with its columns filled. `template_lines`: by `hosts.marker`; without the column there are none."""
        marked = "template_lines" in batch.schema.names
        templates = batch["template_lines"].to_pylist() if marked else [None] * batch.num_rows
        profiles = [load(language or UNDETERMINED) for language in batch["language"].to_pylist()]
        contents = batch["text"].to_pylist()
        edits = [
            NOTHING if content is None else self._removal(content, lines or (), profile)
            for content, lines, profile in zip(contents, templates, profiles, strict=True)
        ]
        finals = [_final(content, edit) for content, edit in zip(contents, edits, strict=True)]
        unedited = all(edit is NOTHING for edit in edits)
        texts: Any = batch["text"] if unedited else pa.array(finals, pa.large_string())
        codes = [profile.code for profile in profiles]
        found = measured(texts, codes)
        more = {
            **found.measures,
            **_others(finals, profiles),
            **added(self._scorers(), self.lists, finals, codes),
            **contamination(texts, self.benchmarks),
        }
        return put(
            batch,
            removed=[edit.numbers or None for edit in edits],
            lines_removed=[sorted(edit.lines.items()) for edit in edits],
            characters_removed=[sorted(edit.characters.items()) for edit in edits],
            words=found.words,
            characters=found.characters,
            text_hash=hashes(texts, text_hash),
            measures=_struct({name: more[name] for name in self.names()}, texts.is_null()),
            sketch=_sketches(texts),
        )

    def _removal(self, text: str, templates: Sequence[int], profile: Language) -> Removal:
        rule = partial(c4, policy=profile.policy) if self.remove_lines == "c4" else None
        return removal(text, templates, _furniture(profile.code), rule)

    def decide(self, batch: Batch) -> Batch:
        """The batch with a reason where nothing is left of the text."""
        emptied = pc.and_(pc.is_valid(batch["removed"]), pc.is_null(batch["text_hash"]))
        return drop(batch, emptied, "measure.template")


def final(text: Any, removed: Any) -> Any:
    """The final texts, from arrays of texts and of `removed`."""
    pairs = zip(text.to_pylist(), removed.to_pylist(), strict=True)
    return pa.array([without(one, gone) if gone else one for one, gone in pairs], text.type)


def measures_type(measure: Measure) -> pa.StructType:
    """The type of `measures`: a float32 for each measure (`lines.bullets`), in the order of `Measure.names`."""
    return pa.struct([pa.field(name, pa.float32()) for name in measure.names()])


def text_hash(text: str) -> bytes:
    """BLAKE2b (RFC 7693) of 128 bits of the text in NFKC, case folded, each run of white space as one blank."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return blake2b(" ".join(folded.split()).encode("utf-8"), digest_size=16).digest()


@cache
def _furniture(code: str) -> frozenset[str]:
    return frozenset(map(phrase, load(code).furniture))


def _final(text: str | None, edit: Removal) -> str | None:
    """The text without what goes; None where that is all of it."""
    return text if text is None or edit is NOTHING else without(text, edit.numbers) or None


def _others(texts: Sequence[str | None], profiles: Sequence[Language]) -> Mapping[str, Any]:
    """The measures of the tree that the core does not take."""
    rest = {name: measure for name, measure in every_filter().items() if name not in taken()}
    ready = [
        None if content is None else Text(content, profile) for content, profile in zip(texts, profiles, strict=True)
    ]
    return {name: [None if text is None else measure(text) for text in ready] for name, measure in rest.items()}


def _sketches(texts: Any) -> "pa.Array[Any]":
    """The MinHash signatures of texts (large_string); null where there is none."""
    found = signatures(texts).astype("<u4", copy=False)
    return pa.Array.from_buffers(
        COLUMNS["sketch"].type, len(texts), [texts.is_valid().buffers()[1], pa.py_buffer(found.tobytes())]
    )


def _struct(columns: Mapping[str, Any], missing: Any) -> pa.StructArray:
    arrays = [one if isinstance(one, pa.Array) else pa.array(one, pa.float32()) for one in columns.values()]
    return pa.StructArray.from_arrays(arrays, names=list(columns), mask=missing)
