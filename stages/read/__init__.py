"""Input formats: each file of this folder turns one piece of an input into records."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

from florilegium.pipeline.schema import READ, VERDICT, Batch, batch

REASONS = {
    "read.damaged": "the record could not be read: truncated, or its length or encoding lies",
    "read.wrong_format": "the file is not of its format, or holds no text or page where its source says they stand",
    "read.site_file": "not a document: robots.txt, tdmrep.json and other files that speak about a site",
    "read.not_text": "a redirect, an error page, or a medium that holds no text",
    "read.revisit": "the capture says only that nothing had changed; its text stands in an earlier record",
    "read.redirect": "a page of a wiki that only points to another one",
    "read.empty": "the payload has no bytes, or no text in it",
    "read.too_large": "the payload is larger than max_bytes",
    "read.xml_entity_declared": "the XML declares entities of its own: what they stand for may grow without bound",
    "read.xml_over_limit": "the XML is nested deeper than 256 elements, has a text above 10 MB or 4 million tags",
}
"""Every reason that a reader may give, and what it means."""

BATCH_ROWS = 64
BATCH_BYTES = 8 << 20
"""A batch is closed at this many rows or payload bytes, whichever comes first: memory is bounded by bytes."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of one input file: the records that begin at start <= position < end.

    source: the source's name in the recipe. name: the file's path below the source, with forward slashes.
    start, end: positions in the units of the format (bytes for WARC and plain jsonl, rows for Parquet).
    """

    source: str
    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Record:
    """One input record. Either `html` (undecoded bytes) or `text` is given, or a `reason` why neither is.

    position: unique within the file and independent of how it was cut. bytes_in: payload bytes as read.
    beside: set for a record that is no document (warcinfo, request, metadata): counted by that name, never a row.
    """

    position: str
    bytes_in: int = 0
    record_id: str | None = None
    url: str | None = None
    fetched: datetime | None = None
    mime: str | None = None
    declared_charset: str | None = None
    html: bytes | None = None
    title: str | None = None
    declared_language: str | None = None
    published: date | None = None
    official_id: str | None = None
    declared_licence: str | None = None
    confidence: float | None = None
    facts: Mapping[str, str] | None = None
    text: str | None = None
    reason: str | None = None
    reason_value: float | None = None
    reason_limit: float | None = None
    beside: str | None = None


STATED = ("title", "declared_language", "published", "official_id", "declared_licence", "confidence", "facts")
"""What a document says about itself: a reader of texts fills it, extract fills it for pages."""

COLUMNS = (*READ, *STATED, "text", *VERDICT)
"""What a batch of records holds before any stage has seen it."""


def document_id(source: str, record: str) -> bytes:
    """The 128-bit id of a document: BLAKE2b (RFC 7693) of its source's name and its place in the source."""
    return blake2b(f"{source}\0{record}".encode("utf-8", "surrogateescape"), digest_size=16).digest()


def wrong_format(piece: Piece) -> Iterator[Record]:
    """What a reader makes of a file that is not of its format: one record, whose place is the file itself."""
    if piece.start == 0 < piece.end:
        yield Record("", reason="read.wrong_format")


def batches(
    records: Iterable[tuple[Piece, Record]], max_rows: int = BATCH_ROWS, max_bytes: int = BATCH_BYTES
) -> Iterator[Batch]:
    """Records, each with the piece it stands in, as batches of COLUMNS, in order. None of them is beside documents."""
    rows: list[dict[str, Any]] = []
    held = 0
    for piece, record in records:
        rows.append(_row(record, piece))
        held += len(record.html or b"") + len(record.text or "")
        if len(rows) >= max_rows or held >= max_bytes:
            yield _batch(rows)
            rows, held = [], 0
    if rows:
        yield _batch(rows)


def printable(name: str) -> str:
    r"""A file name as text: bytes in it that are no UTF-8 as \xff."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _row(record: Record, piece: Piece) -> dict[str, Any]:
    place = f"{piece.name}#{record.position}" if record.position else piece.name
    row = {name: getattr(record, name) for name in COLUMNS if hasattr(record, name)}
    return row | {
        "id": document_id(piece.source, place),
        "source": piece.source,
        "record": printable(place),
        "host": host_of(record.url),
    }


def host_of(url: str | None) -> str | None:
    """The host of an address in lower case, without port; null where there is none or the address is malformed."""
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None


def _batch(rows: list[dict[str, Any]]) -> Batch:
    return batch({name: [row[name] for row in rows] for name in COLUMNS}, COLUMNS)
