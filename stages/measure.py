"""Measure the final text: its words, characters and hash, and one number for each filter of the tree."""

import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from florilegium.filters import every_filter
from florilegium.filters.edit import NOTHING, Removal, phrase, removal, without
from florilegium.filters.text import Text
from florilegium.languages import UNDETERMINED, files, load
from florilegium.pipeline.schema import Batch, put
from florilegium.pipeline.verdict import drop


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Measure:
    """Fills `removed` and what it counts, then `measures`, `words`, `characters`, `text_hash` of the final text.

    The final text is the text without its template lines, and without phrases of consent and navigation at its ends; so
    its measures are null where nothing is left, as where there was no text. A row is measured by the profile of its
    `language`; without one by the general one.
    """

    writes: ClassVar[tuple[str, ...]] = (
        *("removed", "lines_removed", "characters_removed"),
        *("words", "characters", "text_hash", "measures"),
    )
    reasons: ClassVar[Mapping[str, str]] = {
        "measure.template": "every line is a template of the site, or a phrase of consent or navigation"
    }
    decides: ClassVar[frozenset[str]] = frozenset()
    libraries: ClassVar[tuple[str, ...]] = ("zstandard",)  # `compression.ratio`

    def files(self) -> Mapping[str, Path]:
        """The language profiles: phrases are removed, stop words and sentence ends are measured."""
        return files()

    def __call__(self, batch: Batch) -> Batch:
        """The batch with its columns filled. `template_lines`: by `hosts.marker`; without the column there are none."""
        marked = "template_lines" in batch.schema.names
        templates = batch["template_lines"].to_pylist() if marked else [None] * batch.num_rows
        profiles = [load(language or UNDETERMINED) for language in batch["language"].to_pylist()]
        contents = batch["text"].to_pylist()
        edits = [
            NOTHING if content is None else removal(content, lines or (), _furniture(profile.code))
            for content, lines, profile in zip(contents, templates, profiles, strict=True)
        ]
        finals = [_final(content, edit) for content, edit in zip(contents, edits, strict=True)]
        texts = [
            None if content is None else Text(content, profile)
            for content, profile in zip(finals, profiles, strict=True)
        ]
        rows = [None if text is None else _measured(text) for text in texts]
        return put(
            batch,
            removed=[edit.numbers or None for edit in edits],
            lines_removed=[sorted(edit.lines.items()) for edit in edits],
            characters_removed=[sorted(edit.characters.items()) for edit in edits],
            words=[None if text is None else len(text.plain_words) for text in texts],
            characters=[None if text is None else len(text.content) for text in texts],
            text_hash=[None if text is None else text_hash(text.content) for text in texts],
            measures=_struct(rows),
        )

    def decide(self, batch: Batch) -> Batch:
        """The batch with a reason where nothing is left of the text."""
        emptied = pc.and_(pc.is_valid(batch["removed"]), pc.is_null(batch["text_hash"]))
        return drop(batch, emptied, "measure.template")


def final(text: Any, removed: Any) -> Any:
    """The final texts, from arrays of texts and of `removed`."""
    pairs = zip(text.to_pylist(), removed.to_pylist(), strict=True)
    return pa.array([without(one, gone) if gone else one for one, gone in pairs], text.type)


def measures_type() -> pa.StructType:
    """The type of `measures`: a float32 for each filter, by name (`lines.bullets`), sorted."""
    return pa.struct([pa.field(name, pa.float32()) for name in every_filter()])


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


def _measured(text: Text) -> Sequence[float]:
    return [measure(text) for measure in every_filter().values()]


def _struct(rows: Sequence[Sequence[float] | None]) -> pa.StructArray:
    fields = list(measures_type())
    columns = [
        pa.array([None if row is None else row[at] for row in rows], field.type) for at, field in enumerate(fields)
    ]
    missing = pa.array([row is None for row in rows], pa.bool_())
    return pa.StructArray.from_arrays(columns, fields=fields, mask=missing)
