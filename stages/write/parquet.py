"""Parquet shards: columns that say what they mean, row groups quick to scan, the same bytes for the same rows."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from florilegium.pipeline.schema import COLUMNS, Batch

TAKES = "documents"
SUFFIX = ".parquet"

GROUP_ROWS = 50_000
GROUP_BYTES = 16 << 20
"""A row group is closed at this many rows or UTF-8 bytes of text, whichever comes first."""

DICTIONARY = ("source", "host", "mime", "charset", "declared_charset", "language", "licence", "rights", "reason")
"""Columns of few values, stored as numbers into a dictionary."""

MEANING = b"meaning"
"""Key of the field metadata that says what a column holds."""


def write(batches: Iterator[Batch], path: Path) -> int:
    """Write one shard; answers the number of rows.

    The same rows give the same bytes, however they are divided into batches: row groups end where the rows say so, and
    nothing of the time or the machine is written. Zstandard at level 3, page checksums, statistics and page index.
    Raises ValueError when there is no batch: without one the columns are unknown (an empty shard is one empty batch).
    """
    first = next(batches, None)
    if first is None:
        raise ValueError(f"{path}: a shard of no rows is written from one empty batch, which names its columns")
    schema = described(first.schema)
    rows = 0
    with pq.ParquetWriter(
        path,
        schema,
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        compression_level=3,
        use_dictionary=[name for name in DICTIONARY if name in schema.names],  # type: ignore[arg-type]
        write_statistics=True,
        write_page_index=True,
        write_page_checksum=True,
    ) as writer:
        for group in _groups(chain([first], batches)):
            writer.write_table(group.cast(schema), row_group_size=GROUP_ROWS)
            rows += group.num_rows
    return rows


def described(schema: pa.Schema) -> pa.Schema:
    """The schema with what `COLUMNS` says of each column as the field's metadata, and none of its own."""
    return pa.schema([field.with_metadata(_meaning(field.name)) for field in schema])


def _meaning(name: str) -> dict[bytes | str, bytes | str]:
    return {MEANING: COLUMNS[name].meaning.encode()} if name in COLUMNS else {}


def _groups(batches: Iterator[Batch]) -> Iterator[pa.Table]:
    """The rows in tables of one chunk, divided by rows and bytes of text alone."""
    parts: list[Batch] = []
    rows = held = 0
    for batch in batches:
        begin = 0
        for row, size in enumerate(_text_bytes(batch)):
            rows, held = rows + 1, held + size
            if rows == GROUP_ROWS or held >= GROUP_BYTES:
                yield _joined([*parts, batch.slice(begin, row + 1 - begin)])
                parts, rows, held, begin = [], 0, 0, row + 1
        parts.append(batch.slice(begin))
    if rows:
        yield _joined(parts)


def _joined(parts: list[Batch]) -> pa.Table:
    return pa.Table.from_batches(parts).combine_chunks()


def _text_bytes(batch: Batch) -> list[int]:
    if "text" not in batch.schema.names:
        return [0] * batch.num_rows
    sizes: list[int | None] = pc.binary_length(batch["text"]).to_pylist()  # type: ignore[call-overload]
    return [size or 0 for size in sizes]
