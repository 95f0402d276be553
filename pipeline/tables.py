"""Intermediate Parquet files of the passes, through the store."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from florilegium.pipeline import store
from florilegium.pipeline.schema import Batch
from florilegium.pipeline.store import Stored

LEVEL = 1
"""zstd level of files that live in `work/`: they are read once or twice, so writing fast matters more than size."""


def put(path: str, batches: Iterable[Batch], schema: pa.Schema | None = None) -> Stored:
    """Store batches as one Parquet file, a row group a batch. schema: for the case that there is no batch."""
    _, stored = store.put(path, lambda aside: _write(aside, batches, schema))
    return stored


def put_table(path: str, table: pa.Table, rows: int = 1 << 16) -> Stored:
    """Store a table as one Parquet file, row groups of `rows` rows."""
    return put(path, table.combine_chunks().to_batches(max_chunksize=rows), table.schema)


def scan(path: str, columns: Sequence[str] | None = None, rows: int = 1024) -> Iterator[Batch]:
    """The batches of a stored Parquet file, in order, at most `rows` rows each; of an empty file one empty batch."""
    with store.open_input(path) as file, pq.ParquetFile(file, pre_buffer=False) as opened:
        if opened.metadata.num_rows == 0:
            wanted = opened.schema_arrow
            yield pa.RecordBatch.from_pylist([], schema=pa.schema([wanted.field(c) for c in columns or wanted.names]))
        yield from opened.iter_batches(batch_size=rows, columns=columns, use_threads=False)


def read(path: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A stored Parquet file as a table, whole."""
    with store.open_input(path) as file, pq.ParquetFile(file, pre_buffer=False) as opened:
        return opened.read(columns=columns, use_threads=False)


def between(path: str, column: str, low: Any, high: Any, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows with low <= column < high (None is open) of a file sorted by that column; reads only the row groups they are in."""
    with store.open_input(path) as file, pq.ParquetFile(file, pre_buffer=False) as opened:
        leaves = opened.metadata.schema
        at = next(leaf for leaf in range(len(leaves)) if leaves.column(leaf).path == column)
        groups = [
            group
            for group in range(opened.num_row_groups)
            if _may_hold(opened.metadata.row_group(group).column(at).statistics, low, high)
        ]
        table = opened.read_row_groups(groups, columns=columns, use_threads=False)
    values = table[column]
    if low is not None:
        table = table.filter(pc.greater_equal(values, pa.scalar(low, values.type)))
        values = table[column]
    if high is not None:
        table = table.filter(pc.less(values, pa.scalar(high, values.type)))
    return table


def one_batch(table: pa.Table) -> Batch:
    """A table as one batch, also when it has no rows."""
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def beside(*tables: pa.Table) -> pa.Table:
    """Tables of the same rows, side by side; of two columns with the same name the later one stands."""
    columns = {name: table[name] for table in tables for name in table.schema.names}
    return pa.table(columns)


def _may_hold(statistics: Any, low: Any, high: Any) -> bool:
    if statistics is None or not statistics.has_min_max:
        return True
    return (low is None or statistics.max >= low) and (high is None or statistics.min < high)


def _write(path: Path, batches: Iterable[Batch], schema: pa.Schema | None) -> None:
    writer: pq.ParquetWriter | None = None
    try:
        for batch in batches:
            writer = writer or _writer(path, batch.schema)
            writer.write_batch(batch, row_group_size=max(batch.num_rows, 1))
        if writer is None:
            if schema is None:
                raise ValueError("no batch and no schema: nothing says what the file should hold")
            writer = _writer(path, schema)
    finally:
        if writer is not None:
            writer.close()


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression="zstd", compression_level=LEVEL, store_schema=True)
