"""The columns of a document batch: one name, one type, one writer each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

Batch = pa.RecordBatch

ID = pa.binary(16)
"""128-bit BLAKE2b of source name and record position: `document_id`."""


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type, the stage that writes it, and what it says."""

    type: pa.DataType
    writer: str
    meaning: str


COLUMNS: dict[str, Column] = {
    "id": Column(ID, "read", "128-bit hash of source name and record position; unique, independent of partitioning"),
    "source": Column(pa.string(), "read", "name of the source in the recipe"),
    "record": Column(pa.string(), "read", "where the record stands: file#offset, file#row, or path below the source"),
    "record_id": Column(
        pa.string(), "read", "the record's own identifier: WARC-Record-ID, or an id column; null if it has none"
    ),
    "url": Column(pa.string(), "read", "address of the document; null if unknown"),
    "host": Column(pa.string(), "read", "host of the address, lower case, without port"),
    "fetched": Column(pa.timestamp("s", tz="UTC"), "read", "when the source saw the document"),
    "mime": Column(pa.string(), "read", "media type as declared, lower case, without parameters"),
    "declared_charset": Column(pa.string(), "read", "charset of the HTTP header or the source; null if none"),
    "bytes_in": Column(pa.int64(), "read", "bytes of the payload as read, content coding removed"),
    "html": Column(
        pa.large_binary(), "read", "transient, read to extract: the undecoded payload; null where text is given"
    ),
    "charset": Column(pa.string(), "extract", "charset that decoded the payload"),
    "title": Column(pa.string(), "extract", "title of the page, masked by scrub"),
    "declared_language": Column(
        pa.string(), "extract", "language that the document says it is in, as it writes it (BCP 47); null if none"
    ),
    "published": Column(pa.date32(), "extract", "date of the document as it says itself; null if none"),
    "official_id": Column(
        pa.string(),
        "extract",
        "identifier that a public body gave it: celex:32016R0679, eli:..., doknr:...; null if none",
    ),
    "declared_licence": Column(
        pa.string(), "extract", "licence as the document states it, an address or a name; null if none"
    ),
    "confidence": Column(
        pa.float32(), "extract", "mean confidence of the words that were read from an image, 0 to 1; null for others"
    ),
    "facts": Column(
        pa.map_(pa.string(), pa.string()), "extract", "what else the document says about itself: author, site_name ..."
    ),
    "text": Column(
        pa.large_string(),
        "extract",
        "main text, masked by scrub, in a corpus without the lines removed; null where nothing could be read",
    ),
    "language": Column(pa.string(), "identify", "ISO 639-3 and ISO 15924: deu_Latn; und where nothing could be told"),
    "language_score": Column(pa.float32(), "identify", "the model's score for that language, 0 to 1"),
    "pii": Column(pa.map_(pa.string(), pa.int32()), "scrub", "personal data masked: kind to count"),
    "template_lines": Column(
        pa.list_(pa.int32()),
        "hosts",
        "transient, hosts to measure: numbers of the lines that are templates of the site",
    ),
    "removed": Column(
        pa.list_(pa.int32()),
        "measure",
        "intermediate: numbers of the lines, from 0, that are not in the final text; null if none",
    ),
    "lines_removed": Column(
        pa.map_(pa.string(), pa.int32()),
        "measure",
        "lines that are not in the final text: kind (template: of the site; furniture: consent, navigation; "
        "c4_few_words, c4_long_word, c4_javascript, c4_policy: as C4 removes them) to count",
    ),
    "characters_removed": Column(
        pa.map_(pa.string(), pa.int64()), "measure", "code points that the text lost by those lines, by kind"
    ),
    "words": Column(pa.int32(), "measure", "words of the text, punctuation not counted"),
    "characters": Column(pa.int64(), "measure", "Unicode code points of the text"),
    "text_hash": Column(ID, "measure", "128-bit BLAKE2b of the text, normalised: equal for exact duplicates"),
    "measures": Column(
        pa.struct([]), "measure", "struct of float32, one field a filter; its fields are the tree's filters"
    ),
    "sketch": Column(
        pa.binary(448), "measure", "intermediate: MinHash signature of the text, 112 numbers of 32 bits, little-endian"
    ),
    "licence": Column(pa.string(), "permit", "licence as declared for the source; null if none"),
    "rights": Column(pa.string(), "permit", "allowed, reserved or unknown"),
    "cluster": Column(ID, "deduplicate", "smallest id among the duplicates; null where there are none"),
    "cluster_size": Column(pa.int32(), "deduplicate", "documents in the cluster, this one included"),
    "duplicate_of": Column(ID, "deduplicate", "the document that was kept in its place; null if there is none"),
    "repeat": Column(
        pa.int32(),
        "deduplicate",
        "how often to train on it, by the size of its cluster; null where the recipe is silent",
    ),
    "reason": Column(pa.string(), "verdict", "stage.rule that dropped the document; null if kept"),
    "reason_value": Column(pa.float64(), "verdict", "the value that broke the limit, where there is one"),
    "reason_limit": Column(pa.float64(), "verdict", "the limit it broke, where there is one"),
}

READ = tuple(name for name, column in COLUMNS.items() if column.writer == "read")
"""What a reader fills: every batch of a reader has exactly these columns, in this order, then the verdict."""

CONTENT = ("title", "facts", "text")
"""What a document says in words of its own: scrub masks it, and nothing of it is stored of a dropped document."""

VERDICT = ("reason", "reason_value", "reason_limit")


def schema(names: Iterable[str]) -> pa.Schema:
    """The Arrow schema of these columns, in the order given."""
    return pa.schema([pa.field(name, COLUMNS[name].type) for name in names])


def batch(columns: Mapping[str, Any], names: Iterable[str]) -> Batch:
    """A batch of exactly `names`, from Python lists or Arrow arrays; a missing column is all null.

    Raises ValueError when the columns differ in length or one of them is not in `names`.
    """
    wanted = schema(names)
    stray = set(columns) - set(wanted.names)
    if stray:
        raise ValueError(f"columns that this batch does not have: {sorted(stray)}")
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        raise ValueError(f"columns of different lengths: {sorted(lengths)}")
    (rows,) = lengths
    arrays = [
        _array(columns[field.name], field.type) if field.name in columns else pa.nulls(rows, field.type)
        for field in wanted
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def put(into: Batch, **columns: Any) -> Batch:
    """The same rows with these columns written (appended if new). Types: those of COLUMNS; `measures` has its own."""
    for name, values in columns.items():
        array = values if name == "measures" else _array(values, COLUMNS[name].type)
        at = into.schema.get_field_index(name)
        field = pa.field(name, array.type)
        into = into.add_column(into.num_columns, field, array) if at < 0 else into.set_column(at, field, array)
    return into


def _array(values: Any, kind: pa.DataType) -> "pa.Array[Any]":
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.Array):
        return values if values.type == kind else values.cast(kind)
    return pa.array(values, kind)
