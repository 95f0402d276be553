"""Parquet files: one row, one document."""

from collections.abc import Iterator
from itertools import islice, zip_longest
from typing import Annotated, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.read import Piece, Record, _columns
from florilegium.stages.read._stream import name_of

SUFFIXES = (".parquet",)
POSITIONS = "rows"

ROWS = 64
"""Rows decoded at a time."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Options:
    """What a source of Parquet files may set."""

    columns: dict[_columns.Name, str] = Field(default_factory=dict)
    """Our name to the source's column: {text: body, id: doc}. Without it the usual names are tried: text or content;
    html; id or doc_id; url; title; fetched, date or timestamp; mime; charset."""
    max_bytes: Annotated[int, Field(ge=1)] = 50 << 20
    """Largest text or page read, in bytes; a larger one is dropped as read.too_large."""


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:  # noqa: ARG001
    """Pieces of whole row groups, of about `target` stored bytes each; positions are row numbers."""
    table = _open(file)
    if table is None:
        yield 0, 1
        return
    _names(table, options, name_of(file))
    begin = held = 0
    for first, last, group in _groups(table):
        if held and held + _stored_bytes(table, group) > target:
            yield begin, first
            begin, held = first, 0
        held += _stored_bytes(table, group)
        if group == table.num_row_groups - 1 and last > begin:
            yield begin, last


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """A record for each row. position: the number of the row.

    Rows of a row group behind a damage are read.damaged, each; a file without its footer, which alone says where
    things stand, is one damaged record with an empty position.
    """
    table = _open(file)
    if table is None:
        yield Record("", reason="read.damaged")
        return
    names = sorted(set(_names(table, options, piece.name).values()))
    for row, last, group in _groups(table):
        if piece.start <= row < piece.end:
            rows = islice(_rows(table, group, names), last - row)
            for number, values in zip_longest(range(row, last), rows):
                yield _record(str(number), values, options)


def _record(position: str, values: dict[str, Any] | None, options: Options) -> Record:
    if values is None:
        return Record(position, reason="read.damaged")
    return _columns.record(position, values, options.columns, options.max_bytes)


def _rows(table: pq.ParquetFile, group: int, names: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of a row group, up to the first damage."""
    try:
        for batch in table.iter_batches(ROWS, row_groups=[group], columns=names, use_threads=False):
            columns = [_values(column) for column in batch.columns]
            for values in zip(*columns, strict=True):
                yield dict(zip(batch.schema.names, values, strict=True))
    except (OSError, pa.ArrowException):
        return


def _values(column: "pa.Array[Any]") -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s", column.type.tz), safe=False)
    try:
        return column.to_pylist()
    except (ValueError, OverflowError):
        return [_value(one) for one in column]


def _value(value: "pa.Scalar[Any]") -> Any:
    try:
        return value.as_py()
    except (ValueError, OverflowError):
        return NO_VALUE


NO_VALUE = object()
"""Stands where a value cannot be decoded: such a text is damaged, such an address or time unknown."""


def _open(file: BinaryIO) -> pq.ParquetFile | None:
    """The file, or null where its footer is damaged. Raises PipelineError when it does not even begin as Parquet."""
    file.seek(0)
    if file.read(4) != b"PAR1":
        raise PipelineError(f"{name_of(file)}: this is not a Parquet file", "set the source's format to what it is")
    try:
        table = pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=False)
        return table if table.schema_arrow else None
    except (OSError, pa.ArrowException):
        return None


def _names(table: pq.ParquetFile, options: Options, name: str) -> dict[_columns.Name, str]:
    present = table.schema_arrow.names
    names = _columns.pick(present, options.columns)
    if not {"text", "html"} & names.keys():
        raise PipelineError(
            f"{name}: none of its columns holds a text or a page",
            f"set options.columns.text or options.columns.html to one of: {', '.join(present)}",
        )
    return names


def _groups(table: pq.ParquetFile) -> Iterator[tuple[int, int, int]]:
    """First row, end and number of each row group. A count that the columns contradict is not believed."""
    first = 0
    for number in range(table.num_row_groups):
        group = table.metadata.row_group(number)
        flat = [group.column(i).num_values for i in range(group.num_columns)]
        last = first + max(0, min([group.num_rows, max(flat, default=0)]))
        yield first, last, number
        first = last


def _stored_bytes(table: pq.ParquetFile, number: int) -> int:
    group = table.metadata.row_group(number)
    return max(1, sum(group.column(i).total_compressed_size for i in range(group.num_columns)))
