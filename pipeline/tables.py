"""Intermediate files of the passes, through the store: Parquet row beside row, Arrow IPC sorted by a value."""

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from florilegium.pipeline import store
from florilegium.pipeline.schema import Batch
from florilegium.pipeline.store import Stored

GROUP_ROWS, GROUP_BYTES = 1 << 10, 16 << 20
"""A row group is closed at this many rows or bytes: its 50 column chunks cost little, and it can be held in memory."""

INDEX = b"florilegium.index"
LEVEL = 1
"""zstd level of files that live in `work/`: they are read once or twice, so writing fast matters more than size."""


def put(path: str, batches: Iterable[Batch], schema: pa.Schema | None = None) -> Stored:
    """Store batches as one Parquet file. schema: for the case that there is no batch."""
    _, stored = store.put(path, lambda aside: _write(aside, batches, schema))
    return stored


def put_table(path: str, table: pa.Table, rows: int = 1 << 16, encodings: Mapping[str, str] | None = None) -> Stored:
    """Store a table as one Parquet file, row groups of `rows` rows. encodings: where a dictionary serves ill."""
    batches = table.combine_chunks().to_batches(max_chunksize=rows)
    return store.put(path, lambda aside: _write(aside, batches, table.schema, encodings))[1]


def scan(path: str, columns: Sequence[str] | None = None, rows: int = 1024) -> Iterator[Batch]:
    """The batches of a stored Parquet file, in order, at most `rows` rows each; of an empty file one empty batch."""
    with store.open_input(path) as file, pq.ParquetFile(file, pre_buffer=False) as opened:
        if opened.metadata.num_rows == 0:
            wanted = opened.schema_arrow
            yield pa.RecordBatch.from_pylist([], schema=pa.schema([wanted.field(c) for c in columns or wanted.names]))
        chosen = None if columns is None else list(columns)
        yield from opened.iter_batches(batch_size=rows, columns=chosen, use_threads=False)


def read(path: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A stored Parquet file as a table, whole."""
    with store.open_input(path) as file, pq.ParquetFile(file, pre_buffer=False) as opened:
        return opened.read(columns=None if columns is None else list(columns), use_threads=False)


def row(path: str, at: int, columns: Sequence[str]) -> pa.Table:
    """One row of a stored Parquet file, from 0; reads only the row group that holds it."""
    with store.open_input(path) as file, pq.ParquetFile(file, pre_buffer=False) as opened:
        for group in range(opened.metadata.num_row_groups):
            rows = opened.metadata.row_group(group).num_rows
            if at < rows:
                return opened.read_row_group(group, columns=list(columns), use_threads=False).slice(at, 1)
            at -= rows
    raise IndexError(f"{path} has no row {at} more")


def put_sorted(path: str, table: pa.Table, column: str, batches: Iterable[Batch] | None = None) -> Stored:
    """Store rows that are sorted by a column (integers or bytes) so that `between` finds a range of them.

    batches: the table's rows, parted so that one range of interest begins a new batch; by default 65,536 rows each.

    Arrow IPC, for a merge opens many files and Parquet's footer grows with columns and row groups. The first value of
    each batch stands in its metadata.
    """
    parted = table.combine_chunks().to_batches(max_chunksize=1 << 16) if batches is None else batches
    filled = [batch for batch in parted if batch.num_rows]
    firsts = [batch[column][0].as_py() for batch in filled]
    index = {"column": column, "first": [one.hex() if isinstance(one, bytes) else one for one in firsts]}
    indexed = table.schema.with_metadata({INDEX: json.dumps(index)})

    def write(aside: Path) -> None:
        options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", LEVEL), use_threads=False)
        with pa.OSFile(str(aside), "wb") as file, pa.ipc.new_file(file, indexed, options=options) as writer:
            for batch in filled:
                writer.write_batch(batch.replace_schema_metadata(indexed.metadata))

    return store.put(path, write)[1]


def between(path: str, low: Any, high: Any) -> pa.Table:
    """The rows with low <= value < high (None is open) of a file by `put_sorted`; reads only batches that hold them."""
    with store.open_input(path) as file:
        reader = _sorted(file)
        index = json.loads((reader.schema.metadata or {})[INDEX])
        column = index["column"]
        kind = reader.schema.field(column).type
        firsts = index["first"] if pa.types.is_integer(kind) else [bytes.fromhex(one) for one in index["first"]]
        begin = 0 if low is None else max(bisect_left(firsts, low) - 1, 0)
        end = len(firsts) if high is None else bisect_left(firsts, high)
        if low is not None and begin < end:  # of the batch that begins below, the column alone tells if it reaches here
            alone = _sorted(file, [reader.schema.get_field_index(column)])
            begin += int(alone.get_batch(begin)[0][-1].as_py() < low)
        chosen = [reader.get_batch(at) for at in range(begin, end)]
        table = pa.Table.from_batches(chosen, reader.schema).replace_schema_metadata()
    first = 0 if low is None else _below(table[column], low)
    behind = table.num_rows if high is None else _below(table[column], high)
    return table.slice(first, max(behind - first, 0))


def _sorted(file: BinaryIO, fields: list[int] | None = None) -> pa.RecordBatchFileReader:
    options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=fields)
    return pa.ipc.open_file(file, options=options)  # type: ignore[arg-type]  # the stubs refuse BinaryIO


def _below(values: "pa.ChunkedArray[Any]", edge: Any) -> int:
    """How many are lower."""
    below: Any = pc.less(values, pa.scalar(edge, values.type))
    return sum(chunk.true_count for chunk in below.chunks)


def one_batch(table: pa.Table) -> Batch:
    """A table as one batch, also when it has no rows."""
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def beside(*tables: pa.Table) -> pa.Table:
    """Tables of the same rows, side by side; of two columns with the same name the later one stands."""
    columns = {name: table[name] for table in tables for name in table.schema.names}
    return pa.table(columns)


def _write(
    path: Path, batches: Iterable[Batch], schema: pa.Schema | None, encodings: Mapping[str, str] | None = None
) -> None:
    writer: pq.ParquetWriter | None = None
    try:
        for table in _grouped(batches):
            writer = writer or _writer(path, table.schema, encodings)
            writer.write_table(table, row_group_size=max(table.num_rows, 1))
        if writer is None:
            if schema is None:
                raise ValueError("no batch and no schema: nothing says what the file should hold")
            writer = _writer(path, schema, encodings)
    finally:
        if writer is not None:
            writer.close()


def _grouped(batches: Iterable[Batch]) -> Iterator[pa.Table]:
    """Batches put together until they hold GROUP_ROWS rows or GROUP_BYTES bytes."""
    held: list[Batch] = []
    for batch in batches:
        held.append(batch)
        if sum(one.num_rows for one in held) >= GROUP_ROWS or sum(one.nbytes for one in held) >= GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def _writer(path: Path, schema: pa.Schema, encodings: Mapping[str, str] | None) -> pq.ParquetWriter:
    other = True if encodings is None else [name for name in schema.names if name not in encodings]
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=LEVEL,
        store_schema=True,
        use_dictionary=other,  # type: ignore[arg-type]  # the stubs know no list of columns
        column_encoding=None if encodings is None else dict(encodings),
    )
