"""Rows of a table as records: which column holds what, and what its values may look like."""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Literal
from uuid import UUID

from florilegium.stages.read import Record

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


def pick(present: Collection[str], columns: Columns) -> dict[Name, str]:
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
    if content is None and ("text" in names or "html" in names):
        content = b""
    if not isinstance(content, str | bytes):
        return Record(position, reason="read.damaged")
    try:
        stored = whole(content).encode() if isinstance(content, str) else content
        given = None if text is None else stored.decode()
    except UnicodeDecodeError:
        return Record(position, len(content), reason="read.damaged")
    reason = "read.empty" if not stored else "read.too_large" if len(stored) > max_bytes else None
    others = {name: row[column] for name, column in names.items()}
    return Record(
        position,
        len(stored),
        record_id=_string(others.get("id")),
        url=_string(others.get("url")),
        fetched=moment(others.get("fetched")),
        mime=_string(others.get("mime")) or ("text/html" if text is None else None),
        declared_charset="utf-8" if text is None and isinstance(content, str) else _string(others.get("charset")),
        html=stored if text is None and not reason else None,
        title=_string(others.get("title")),
        text=None if reason else given,
        reason=reason,
        reason_value=float(len(stored)) if reason == "read.too_large" else None,
        reason_limit=float(max_bytes) if reason == "read.too_large" else None,
    )


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
