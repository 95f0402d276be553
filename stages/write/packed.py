"""Parquet rows of token ids: what `datasets` loads, and TRL's collator takes as packed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from florilegium.stages.write import Sequences, checked, grouped, unsound

TAKES = "tokens"
SUFFIX = ".packed.parquet"
"""Ending of the file."""

KNOWS = ("sequences", "pieces")
"""What its files tell of a shard: where sequences end, where pieces of documents do, and how tokens were stored."""

GROUP_BYTES = 1 << 24
"""A row group is closed before the row with which it would hold more than this."""

SCHEMA = pa.schema(
    [
        pa.field("input_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("seq_lengths", pa.list_(pa.int32()), nullable=False),
    ]
)
"""The columns of TRL 1.16's packed examples; `seq_lengths` has the tokens of each document in the row."""


def write(sequences: Iterator[Sequences], path: Path) -> Sequence[Path]:
    """Write one file, `<path>.packed.parquet`, a row a sequence; answers it."""
    target = path.with_name(path.name + SUFFIX)
    groups = grouped(checked(sequences, path), _sizes, GROUP_BYTES)
    with (
        _or_nothing(target),
        pq.ParquetWriter(
            target,
            SCHEMA,
            version="2.6",
            data_page_version="1.0",
            compression="zstd",
            compression_level=3,
            use_dictionary=False,
            write_statistics=False,
            write_page_checksum=True,
        ) as writer,
    ):
        for group in groups:
            writer.write_table(_table(group), row_group_size=len(group.lengths))
    return [target]


@contextmanager
def _or_nothing(target: Path) -> Iterator[None]:
    """Removes the file when its rows break off: the library closes it as if they were all."""
    try:
        yield
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _sizes(batch: Sequences) -> NDArray[np.int64]:
    """Bytes of each row in memory."""
    return 4 * (batch.lengths + batch.pieces + 2)


def _table(group: Sequences) -> pa.Table:
    return pa.Table.from_arrays(
        [_lists(group.tokens, group.lengths), _lists(group.piece_lengths, group.pieces)], schema=SCHEMA
    )


def _lists(values: NDArray[Any], counts: NDArray[np.int64]) -> "pa.ListArray[Any]":
    offsets: Any = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(values.astype(np.int32, copy=False), pa.int32()))


def scan(path: Path, most: int) -> Iterator[Sequences]:
    """What `write` wrote at this path, a row group at a time (`most`, in tokens, cannot make it less).

    Checks the sums of pages. Raises PipelineError that names the file and what does not hold.
    """
    del most
    target = path.with_name(path.name + SUFFIX)
    try:
        with pq.ParquetFile(target, page_checksum_verification=True) as file:
            if not file.schema_arrow.equals(SCHEMA):
                raise unsound(target, f"its columns are {', '.join(file.schema_arrow.names)}, or of other types")
            for number in range(file.num_row_groups):
                yield _sequences(file.read_row_group(number, use_threads=False), target, number)
    except (OSError, pa.ArrowException) as error:
        raise unsound(target, f"cannot be read: {error}") from error


def _sequences(group: pa.Table, target: Path, number: int) -> Sequences:
    ids, parts = (_flat(group[name]) for name in SCHEMA.names)
    sums = np.add.reduceat(parts[0], np.cumsum(parts[1]) - parts[1]) if (parts[1] > 0).all() else None
    if sums is None or (parts[0] < 1).any() or (sums != ids[1]).any():
        raise unsound(target, f"row group {number}: seq_lengths are not the lengths of what a row holds")
    return Sequences(ids[0].astype(np.int32), ids[1], parts[1], parts[0])


def _flat(column: "pa.ChunkedArray[Any]") -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Values of all lists, and the length of each."""
    lists: Any = column.combine_chunks()
    lengths: Any = lists.value_lengths()
    return lists.flatten().to_numpy(zero_copy_only=False), lengths.to_numpy().astype(np.int64)
