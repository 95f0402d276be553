"""JSON lines, plain or compressed: one object a line, one document an object."""

import json
from collections.abc import Iterator
from dataclasses import dataclass as plain_dataclass
from itertools import takewhile
from typing import Annotated, BinaryIO

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.read import Piece, Record, _columns
from florilegium.stages.read._stream import BLOCK, Damaged, Window, chain, gzip_member, name_of, zstd_frame

SUFFIXES = (".ndjson.zst", ".jsonl.zst", ".ndjson.gz", ".jsonl.gz", ".ndjson", ".jsonl")
POSITIONS = "bytes"

COMPRESSIONS = {b"\x1f\x8b": gzip_member, b"\x28\xb5": zstd_frame}
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Options:
    """What a source of JSON lines may set."""

    columns: dict[_columns.Name, str] = Field(default_factory=dict)
    """Our name to the source's key: {text: body, id: doc}. Without it the usual keys are tried: text or content; html;
    id or doc_id; url; title; fetched, date or timestamp (ISO 8601, or seconds since 1970); mime; charset."""
    max_bytes: Annotated[int, Field(ge=1)] = 50 << 20
    """Longest line read, in bytes; a longer one is dropped as read.too_large."""


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:  # noqa: ARG001
    """Pieces of `target` bytes, which own the lines that begin in them; a compressed file is one piece."""
    window = Window(file)
    _check(window, name_of(file))
    step = target if window.at(0, 2) not in COMPRESSIONS else max(size, 1)
    for start in range(0, size, step):
        yield start, min(start + step, size)


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """A record for each line. position: the byte of the (decompressed) file at which the line begins.

    A line that is no object in UTF-8 with a text or an html is read.damaged; where a compressed file breaks off, so is
    what is left of the line there. Blank lines are `beside`.
    """
    window = Window(file)
    _check(window, name_of(file))
    member = COMPRESSIONS.get(window.at(0, 2))
    if member:
        yield from _records(_lines(chain(window, member), 0, options.max_bytes), options)
        return
    start = _line_at_or_after(window, piece.start)
    lines = _lines(_stored(window, start), start, options.max_bytes)
    yield from _records(takewhile(lambda line: line.at < piece.end, lines), options)


def _stored(window: Window, at: int) -> Iterator[bytes]:
    while part := window.at(at, BLOCK):
        yield part
        at += len(part)


def _line_at_or_after(window: Window, at: int) -> int:
    if at == 0:
        return 0
    at -= 1  # a line begins at `at` if the byte before ends one
    for part in _stored(window, at):
        end = part.find(b"\n")
        if end >= 0:
            return at + end + 1
        at += len(part)
    return at


@plain_dataclass(frozen=True, slots=True)
class _Line:
    """A line without its end. text: null where it is too long to be held, or where the stream breaks off (length 0)."""

    at: int
    text: bytes | None
    length: int = 0


def _lines(parts: Iterator[bytes], at: int, limit: int) -> Iterator[_Line]:
    held: list[bytes] = []
    length = 0
    try:
        for part in parts:
            *ended, rest = part.split(b"\n")
            for end in ended:
                length += len(end)
                yield _Line(at, b"".join([*held, end]) if length <= limit else None, length)
                at += length + 1
                held, length = [], 0
            length += len(rest)
            held = [*held, rest] if length <= limit else []
    except Damaged:
        yield _Line(at, None)
    else:
        if length:
            yield _Line(at, b"".join(held) if length <= limit else None, length)


def _records(lines: Iterator[_Line], options: Options) -> Iterator[Record]:
    for line in lines:
        if line.text is None:
            yield _unread(line, options.max_bytes)
            continue
        text = line.text.removeprefix(BOM) if line.at == 0 else line.text
        if text.strip():
            yield _record(line.at, text, options)
        else:
            yield Record(str(line.at), beside="blank")


def _record(at: int, text: bytes, options: Options) -> Record:
    try:
        row = json.loads(text.decode())
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        return Record(str(at), len(text), reason="read.damaged")
    return _columns.record(str(at), row, options.columns, options.max_bytes)


def _unread(line: _Line, limit: int) -> Record:
    if not line.length:
        return Record(str(line.at), reason="read.damaged")
    size = float(line.length)
    return Record(str(line.at), line.length, reason="read.too_large", reason_value=size, reason_limit=float(limit))


def _check(window: Window, name: str) -> None:
    """Raises PipelineError when none of the first lines begins an object."""
    member = COMPRESSIONS.get(window.at(0, 2))
    try:
        begins = member(window, 0).more() if member else window.at(0, 1 << 16)
    except Damaged:
        return
    first = begins.removeprefix(BOM).lstrip()
    if first and not first.startswith(b"{") and b'\n{"' not in begins:
        raise PipelineError(
            f"{name}: these are not JSON lines", "give one JSON object a line, or set the source's format to what it is"
        )
