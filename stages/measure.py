"""Measure a text: its words, characters and hash, and one number for each filter of the tree."""

import unicodedata
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from florilegium.filters import every_filter
from florilegium.filters.text import Text
from florilegium.languages import UNDETERMINED, files, load
from florilegium.pipeline.schema import Batch, put


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Measure:
    """Fills `measures`, `words`, `characters` and `text_hash`; null where there is no text. Decides nothing.

    A row is measured by the profile of its `language`; without one by the general one.
    """

    writes: ClassVar[tuple[str, ...]] = ("words", "characters", "text_hash", "measures")
    reasons: ClassVar[Mapping[str, str]] = {}
    decides: ClassVar[frozenset[str]] = frozenset()
    libraries: ClassVar[tuple[str, ...]] = ()

    def files(self) -> Mapping[str, Path]:
        """The language profiles: stop words and sentence ends are measured."""
        return files()

    def __call__(self, batch: Batch) -> Batch:
        """The batch with the four columns filled."""
        languages = batch["language"].to_pylist()
        texts = [
            None if content is None else Text(content, load(language or UNDETERMINED))
            for content, language in zip(batch["text"].to_pylist(), languages, strict=True)
        ]
        rows = [None if text is None else _measured(text) for text in texts]
        return put(
            batch,
            words=[None if text is None else len(text.plain_words) for text in texts],
            characters=[None if text is None else len(text.content) for text in texts],
            text_hash=[None if text is None else text_hash(text.content) for text in texts],
            measures=_struct(rows),
        )


def measures_type() -> pa.StructType:
    """The type of `measures`: a float32 for each filter, by name (`lines.bullets`), sorted."""
    return pa.struct([pa.field(name, pa.float32()) for name in every_filter()])


def text_hash(text: str) -> bytes:
    """BLAKE2b (RFC 7693) of 128 bits of the text in NFKC, case folded, each run of white space as one blank."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return blake2b(" ".join(folded.split()).encode("utf-8"), digest_size=16).digest()


def _measured(text: Text) -> Sequence[float]:
    return [measure(text) for measure in every_filter().values()]


def _struct(rows: Sequence[Sequence[float] | None]) -> pa.StructArray:
    fields = list(measures_type())
    columns = [
        pa.array([None if row is None else row[at] for row in rows], field.type) for at, field in enumerate(fields)
    ]
    missing = pa.array([row is None for row in rows], pa.bool_())
    return pa.StructArray.from_arrays(columns, fields=fields, mask=missing)
