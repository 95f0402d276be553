"""Parquet files: one row, one document."""

from collections.abc import Iterator
from itertools import islice, zip_longest
from os import SEEK_END
from typing import Annotated, Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.read import Piece, Record, _columns, wrong_format
from florilegium.stages.read._stream import name_of

SUFFIXES = (".parquet",)
POSITIONS = "rows"

ROWS, BYTES = 64, 16 << 20
"""Rows decoded at a time: so many, or fewer where they are large, at least one."""

SIZED = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
"""Types whose values tell their size before they are decoded."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Options:
    """What a source of Parquet files may set."""

    columns: dict[_columns.Name, str] = Field(default_factory=dict)
    """Our name to the source's column: {text: body, id: doc}. Without it the usual names are tried: text or content;
    html; id or doc_id; url; title; fetched, date or timestamp; mime; charset."""
    max_bytes: Annotated[int, Field(ge=1)] = 50 << 20
    """Largest text or page read, in bytes; a larger one is dropped as read.too_large."""


def check(file: BinaryIO, options: Options) -> None:
    """See Reader. Columns are judged by name and type."""
    table, name = _open(file), name_of(file)
    if table is None and _begins(file):
        raise PipelineError(f"{name}: its end is missing or damaged", "fetch it anew, or take it out of the source")
    if table is None:
        raise PipelineError(f"{name}: this is not a Parquet file", "set the source's format to what it is")
    _columns.check(name, table.schema_arrow.names, options.columns)
    if not _columns.CONTENT & _found(table, options).keys():
        kinds = ", ".join(f"{field.name}: {field.type}" for field in table.schema_arrow)
        raise PipelineError(f"{name}: its text or page is of another type ({kinds})", "name a column of type string")


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:  # noqa: ARG001
    """Pieces of whole row groups, of about `target` stored bytes each; positions are row numbers."""
    table = _open(file)
    if table is None:
        yield 0, 1
        return
    decoded = [max(table.metadata.row_group(group).total_byte_size, 1) for group in range(table.num_row_groups)]
    begin = held = 0
    for first, last, group in _groups(table):
        stored = size * decoded[group] // sum(decoded)
        if held and held + stored > target:
            yield begin, first
            begin, held = first, 0
        held += max(stored, 1)
        if group == table.num_row_groups - 1 and last > begin:
            yield begin, last


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """A record for each row. position: the number of the row.

    Rows of a row group behind a damage are read.damaged, each; a file without its footer, which alone says where
    things stand, is one damaged record with an empty position. Where no column holds a text or a page, each row is
    read.wrong_format.
    """
    table = _open(file)
    if table is None:
        yield from [Record("", reason="read.damaged")] if _begins(file) else wrong_format(piece)
        return
    found = _found(table, options)
    names = sorted(set(found.values()))
    for row, last, group in _groups(table):
        if not piece.start <= row < piece.end:
            continue
        if not _columns.CONTENT & found.keys():
            yield from (Record(str(number), reason="read.wrong_format") for number in range(row, last))
            continue
        rows = islice(_rows(table, group, names, options.max_bytes), last - row)
        for number, values in zip_longest(range(row, last), rows):
            yield _record(str(number), values, options)


def _record(position: str, values: dict[str, Any] | None, options: Options) -> Record:
    if values is None:
        return Record(position, reason="read.damaged")
    return _columns.record(position, values, options.columns, options.max_bytes)


def _rows(table: pq.ParquetFile, group: int, names: list[str], limit: int) -> Iterator[dict[str, Any]]:
    """The rows of a row group, up to the first damage. Values of more than `limit` bytes are _columns.Long."""
    stored = table.metadata.row_group(group)
    rows = max(1, min(ROWS, BYTES * stored.num_rows // max(stored.total_byte_size, 1)))
    try:
        for batch in table.iter_batches(rows, row_groups=[group], columns=names, use_threads=False):
            columns = [_values(column, limit) for column in batch.columns]
            for values in zip(*columns, strict=True):
                yield dict(zip(batch.schema.names, values, strict=True))
    except (OSError, ValueError, pa.ArrowException) as error:  # ValueError: names that are no UTF-8
        if _refused(error):
            raise


def _refused(error: Exception) -> bool:
    """Whether the system refused to read the file: no fault of what it holds. pyarrow's own OSErrors have no number."""
    return isinstance(error, OSError) and error.errno is not None


def _values(column: "pa.Array[Any]", limit: int) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s", column.type.tz), safe=False)
    sizes: list[int | None] = [None] * len(column)
    if column.type in SIZED:
        sizes = pc.binary_length(column).to_pylist()  # type: ignore[call-overload]  # the stubs want the type known
    try:
        if all(size is None or size <= limit for size in sizes):
            return column.to_pylist()
    except (ValueError, OverflowError):
        pass
    return [
        _columns.Long(size) if size is not None and size > limit else _value(column[at])
        for at, size in enumerate(sizes)
    ]


def _value(value: "pa.Scalar[Any]") -> Any:
    try:
        return value.as_py()
    except (ValueError, OverflowError):
        return NO_VALUE


NO_VALUE = object()
"""Stands where a value cannot be decoded: such a text is damaged, such an address or time unknown."""


def _open(file: BinaryIO) -> pq.ParquetFile | None:
    """The file, or null where its footer is damaged or it does not even begin as Parquet."""
    if not _begins(file):
        return None
    try:
        table = pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=False)
        return table if table.schema_arrow.names and _plausible(table.metadata, file.seek(0, SEEK_END)) else None
    except (OSError, ValueError, pa.ArrowException) as error:  # ValueError: names that are no UTF-8
        if _refused(error):
            raise
        return None


def _begins(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(4) == b"PAR1"


def _found(table: pq.ParquetFile, options: Options) -> dict[_columns.Name, str]:
    """Our name to the file's column, for all that is there; a text or page of another type is not."""
    schema = table.schema_arrow
    found = _columns.pick(schema.names, options.columns)
    return {ours: name for ours, name in found.items() if ours not in _columns.CONTENT or _textual(schema, name)}


def _textual(schema: pa.Schema, name: str) -> bool:
    kind = schema.field(schema.names.index(name)).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return kind in (*SIZED, pa.string_view(), pa.binary_view(), pa.null()) or pa.types.is_fixed_size_binary(kind)


def _groups(table: pq.ParquetFile) -> Iterator[tuple[int, int, int]]:
    """First row, end and number of each row group."""
    first = 0
    for number in range(table.num_row_groups):
        last = first + table.metadata.row_group(number).num_rows
        yield first, last, number
        first = last


ROWS_A_BYTE = 10_000
"""More rows than this a stored byte are not believed: a million nulls take a kilobyte."""


def _plausible(metadata: pq.FileMetaData, size: int) -> bool:
    """Whether the counts of the footer agree with each other and with the size of the file.

    Metadata of columns are not asked: for a damaged one, pyarrow 26 ends the process (an exception in C++ that Cython
    was not told of).
    """
    rows = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    return min(rows, default=0) >= 0 and sum(rows) == metadata.num_rows <= size * ROWS_A_BYTE
