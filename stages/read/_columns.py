"""Rows of a table as records: which column holds what, and what its values may look like."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any, Literal
from uuid import UUID

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.read import Record, _http

Name = Literal["text", "html", "id", "url", "title", "fetched", "mime", "charset"]
"""What a row may say about a document: `id` becomes its record_id, `charset` its declared_charset."""

Columns = Mapping[Name, str]
"""Where it stands: our name to the source's."""

USUAL: dict[Name, tuple[str, ...]] = {
    "text": ("text", "content"),
    "html": ("html",),
    "id": ("id", "doc_id"),
    "url": ("url",),
    "title": ("title",),
    "fetched": ("fetched", "date", "timestamp"),
    "mime": ("mime",),
    "charset": ("charset",),
}
"""Names tried, in this order, for what the source's options do not name."""


CONTENT: frozenset[Name] = frozenset({"text", "html"})
"""What a document cannot be without: one of these."""

SHOWN = 40
"""Names of columns that a message lists at most."""


@dataclass(frozen=True, slots=True)
class Long:
    """Stands for a value that was not decoded, because it has so many bytes."""

    size: int


def check(file: str, present: Sequence[str], columns: Columns) -> None:
    """Raises PipelineError when a column that the options name is not there, or none may hold a text or a page."""
    shown = ", ".join(present[:SHOWN]) + (" ..." if len(present) > SHOWN else "")
    for ours, theirs in columns.items():
        if theirs not in present:
            raise PipelineError(f"{file}: has no {theirs!r}, which options.columns.{ours} names", f"it has: {shown}")
    if not CONTENT & pick(present, columns).keys():
        raise PipelineError(
            f"{file}: nothing in it is called as texts and pages usually are",
            f"set options.columns.text or options.columns.html to one of: {shown}",
        )


def pick(present: Sequence[str] | Mapping[str, Any], columns: Columns) -> dict[Name, str]:
    """Our name to the source's, for all that is there. What the options name and is not there is left out."""
    found = {}
    for name, usual in USUAL.items():
        tried = (columns[name],) if name in columns else usual
        there = [one for one in tried if one in present]
        if there:
            found[name] = there[0]
    return found


def record(position: str, row: Mapping[str, Any], columns: Columns, max_bytes: int) -> Record:
    """The row as a record; read.damaged where it has neither text nor html, or holds them as something else than text.

    Text goes before HTML; where both are null the record is empty. HTML given as characters is handed on as UTF-8,
    whatever the page declares.
    """
    names = pick(row, columns)
    text, html = (row[names[name]] if name in names else None for name in ("text", "html"))
    content = html if text is None else text
    if content is None and CONTENT & names.keys():
        content = b""
    others = {name: row[column] for name, column in names.items() if name not in CONTENT}
    mime, charset = _http.media_type(_string(others.get("mime")))
    found = Record(
        position,
        record_id=_string(others.get("id")),
        url=_string(others.get("url")),
        fetched=moment(others.get("fetched")),
        mime=mime or ("text/html" if text is None else None),
        declared_charset=_string(others.get("charset")) or charset,
        title=_string(others.get("title")),
    )
    return _filled(found, content, text is None, max_bytes)


def _filled(found: Record, content: Any, page: bool, max_bytes: int) -> Record:
    """The record with its text or page, or the reason why it has none."""
    if not isinstance(content, str | bytes | Long):
        return replace(found, reason="read.damaged")
    stored = whole(content).encode() if isinstance(content, str) else content
    size = stored.size if isinstance(stored, Long) else len(stored)
    found = replace(found, bytes_in=size)
    if isinstance(stored, Long) or size > max_bytes:
        return replace(found, reason="read.too_large", reason_value=float(size), reason_limit=float(max_bytes))
    if not stored:
        return replace(found, reason="read.empty")
    if page:
        charset = "utf-8" if isinstance(content, str) else found.declared_charset
        return replace(found, html=stored, declared_charset=charset)
    try:
        return replace(found, text=stored.decode())
    except UnicodeDecodeError:
        return replace(found, reason="read.damaged")


_SURROGATES = re.compile("[\ud800-\udfff]")


def whole(text: str) -> str:
    """The text with lone surrogates, which JSON can write and UTF-8 cannot, as U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)
    return text


def moment(value: Any) -> datetime | None:
    """A time in whole seconds of UTC, from ISO 8601, a date or seconds since 1970; null where it is none of them."""
    try:
        if isinstance(value, bool) or value is None or value == "":
            return None
        if isinstance(value, int | float):
            return datetime.fromtimestamp(int(value), UTC)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError, OSError):
        return None


def _string(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return whole(str(value)) or None if isinstance(value, str | int | float | UUID) else None
