"""JSON lines, plain or compressed: one object a line, one document an object."""

import json
from collections.abc import Iterator
from dataclasses import dataclass as plain_dataclass
from itertools import takewhile
from typing import Annotated, Any, BinaryIO

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.read import Piece, Record, _columns, wrong_format
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


def check(file: BinaryIO, options: Options) -> None:
    """See Reader. Columns are judged by the objects in the first MiB, if there are any."""
    window, name = Window(file), name_of(file)
    if not _is_jsonl(window, name):
        raise PipelineError(
            f"{name}: these are not JSON lines", "give one JSON object a line, or set the source's format to what it is"
        )
    lines = _begins(window).removeprefix(BOM).split(b"\n")
    keys = dict.fromkeys(key for line in lines for key in _object(line) or ())
    if keys:
        _columns.check(name, list(keys), options.columns)


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:  # noqa: ARG001
    """Pieces of `target` bytes, which own the lines that begin in them; a compressed file is one piece."""
    window = Window(file)
    cuttable = window.at(0, 2) not in COMPRESSIONS and _is_jsonl(window, name_of(file))
    step = target if cuttable else max(size, 1)
    for start in range(0, max(size, 1), step):
        yield start, min(start + step, max(size, 1))


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """A record for each line. position: the byte of the (decompressed) file at which the line begins.

    A line that is no object in UTF-8 with a text or an html is read.damaged; where a compressed file breaks off, so is
    what is left of the line there. Blank lines are `beside`.
    """
    window = Window(file)
    if not _is_jsonl(window, piece.name):
        yield from wrong_format(piece)
        return
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
    row = _object(text)
    if row is None:
        return Record(str(at), len(text), reason="read.damaged")
    return _columns.record(str(at), row, options.columns, options.max_bytes)


def _unread(line: _Line, limit: int) -> Record:
    if not line.length:
        return Record(str(line.at), reason="read.damaged")
    size = float(line.length)
    return Record(str(line.at), line.length, reason="read.too_large", reason_value=size, reason_limit=float(limit))


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(text.decode())
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _is_jsonl(window: Window, name: str) -> bool:
    """Whether one of the first lines begins an object, or there is none; a compressed file has at least a header."""
    begins = _begins(window)
    first = begins.removeprefix(BOM).lstrip()
    if not first:
        return bool(window.at(0, 1)) or not name.endswith((".gz", ".zst"))
    return first.startswith(b"{") or b'\n{"' in begins


def _begins(window: Window) -> bytes:
    """The first MiB of the lines, or what stands before a damage."""
    member = COMPRESSIONS.get(window.at(0, 2))
    parts = chain(window, member) if member else _stored(window, 0)
    begins = bytearray()
    try:
        while len(begins) < BLOCK and (part := next(parts, b"")):
            begins += part
    except Damaged:
        pass
    return bytes(begins[:BLOCK])
