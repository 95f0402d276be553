"""WARC files, whole or gzipped record by record: web pages as a crawler stored them, or their text (WET).

Format: ISO 28500 (WARC/1.0, 1.1), https://iipc.github.io/warc-specifications/. Each member of a .warc.gz is read on its
own, so its end is known from the compression and not only from the Content-Length, which may lie.
WET files are Common Crawl's: conversion records of type text/plain, in UTF-8. They bring their text. Facts: `languages`
as its detector (CLD2) found them (ISO 639-3, most frequent first, "eng,deu"), `refers_to`, the id of the response.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, BinaryIO
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.read import Piece, Record, _http, _warc_chain, wrong_format
from florilegium.stages.read._stream import Damaged, Window, name_of

SUFFIXES = (".warc.gz", ".wet.gz", ".warc", ".wet")
POSITIONS = "bytes"

SITE_FILES = frozenset({"/robots.txt", "/.well-known/tdmrep.json", "/tdmrep.json", "/rsl.xml", "/ai.txt"})
"""Paths of files that speak about a site: RFC 9309, TDMRep (W3C community group), RSL 1.0, Spawning's ai.txt."""

DOCUMENTS = frozenset({"response", "resource", "conversion"})

FACTS = {"languages": "warc-identified-content-language", "refers_to": "warc-refers-to"}
"""What a header says about a document, by the name of the fact."""

UTF8 = (None, "utf-8", "utf8")


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Options:
    """What a source of WARC files may set."""

    max_bytes: Annotated[int, Field(ge=1)] = 50 << 20
    """Largest payload read, in bytes, as stored and decoded; a larger one is dropped as read.too_large."""


def check(file: BinaryIO, options: Options) -> None:  # noqa: ARG001
    """See Reader."""
    if _warc_chain.kind(Window(file)) is None:
        raise PipelineError(
            f"{name_of(file)}: this is not a WARC file",
            "fetch it anew, or set the source's format to what it holds",
        )


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:  # noqa: ARG001
    """Pieces of about `target` stored bytes: arithmetic for gzip, at the records' beginnings for plain files."""
    window = Window(file)
    kind = _warc_chain.kind(window)
    if kind is None:
        yield 0, max(size, 1)
        return
    starts = iter(range(0, size, target)) if kind == "gzip" else _spaced(_warc_chain.starts(window), target)
    begin = 0
    for start in starts:
        if start > begin:
            yield begin, start
            begin = start
    if size > begin:
        yield begin, size


def _spaced(offsets: Iterator[int], target: int) -> Iterator[int]:
    last = 0
    for offset in offsets:
        if offset - last >= target:
            last = offset
            yield offset


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """The records whose offset lies in the piece. position: the offset in the file as stored.

    Records behind the first in one gzip member have `offset+n`, n counting from 1. The payload of a response, resource
    or conversion is a document; other records are `beside`. A length that lies costs that record, except in a gzip
    member of many records, where one that says more than max_bytes costs the rest of the member.
    """
    window = Window(file)
    kind = _warc_chain.kind(window)
    if kind is None:
        yield from wrong_format(piece)
        return
    records = _warc_chain.gzip_records if kind == "gzip" else _warc_chain.plain_records
    for position, raw in records(window, piece, options.max_bytes + _warc_chain.HEAD):
        yield _record(position, raw, options.max_bytes)


def _record(position: str, raw: _warc_chain.Raw, max_bytes: int) -> Record:
    kind = raw.fields.get("warc-type", "").lower()
    if not raw.damaged and kind not in DOCUMENTS and kind != "revisit":
        return Record(position, beside=kind or "unknown")
    record = Record(
        position,
        0 if raw.damaged else raw.length,  # a length that lies must not stand in the account
        record_id=raw.fields.get("warc-record-id", "").strip("<> ") or None,
        url=raw.fields.get("warc-target-uri", "").strip("<> ") or None,
        fetched=_date(raw.fields.get("warc-date", "")),
    )
    if raw.damaged:
        return replace(record, reason="read.damaged")
    if kind == "revisit":
        return replace(record, reason="read.revisit")
    if _path(record.url) in SITE_FILES:
        return replace(record, reason="read.site_file")
    if raw.block is None:
        return _too_large(record, raw.length, max_bytes)
    filled = _filled(record, raw.block, raw.fields.get("content-type"), max_bytes)
    return _converted(filled, raw.fields) if kind == "conversion" else filled


def _filled(record: Record, block: bytes, block_type: str | None, max_bytes: int) -> Record:
    """The record with its payload, or the reason why it has none: then bytes_in is the stored length."""
    message = _http.Message(200, {"content-type": block_type or ""}, block)
    try:
        if (block_type or "").lower().startswith("application/http") or (not block_type and block.startswith(b"HTTP/")):
            message = _http.parse(block)
        mime, charset = _http.media_type(message.headers.get("content-type"))
        record = replace(record, bytes_in=len(message.payload), mime=mime, declared_charset=charset)
        if message.status != 200:
            return replace(record, reason="read.not_text", reason_value=float(message.status))
        payload = _http.decoded(message, max_bytes)
    except Damaged:
        return replace(record, reason="read.damaged")
    except _http.TooLarge:
        return _too_large(record, None, max_bytes)
    if not payload:
        return replace(record, reason="read.empty")
    text_type = _http.text_type(mime, payload)
    if not text_type:
        return replace(record, reason="read.not_text")
    return replace(record, bytes_in=len(payload), mime=text_type, html=payload)


def _converted(record: Record, fields: dict[str, str]) -> Record:
    """A conversion with its facts; if to plain text in UTF-8, as text. Another charset is left to extract."""
    facts = {name: fields[field].strip("<> ") for name, field in FACTS.items() if fields.get(field)}
    record = replace(record, facts=facts or None)
    if record.html is None or record.mime != "text/plain" or record.declared_charset not in UTF8:
        return record
    try:
        text = record.html.decode("utf-8-sig").replace("\r\n", "\n").strip()
    except UnicodeDecodeError:
        return record
    return replace(record, html=None, text=text) if text else replace(record, html=None, reason="read.empty")


def _too_large(record: Record, value: int | None, limit: int) -> Record:
    return replace(record, reason="read.too_large", reason_value=value, reason_limit=float(limit))


def _date(value: str) -> datetime | None:
    """A WARC-Date (W3C profile of ISO 8601) in whole seconds of UTC; null where it is malformed."""
    try:
        date = datetime.fromisoformat(value.strip())
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


def _path(url: str | None) -> str:
    try:
        return urlsplit(url or "").path
    except ValueError:
        return ""
