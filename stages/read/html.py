"""HTML files: one file, one document."""

from collections.abc import Iterator
from typing import Annotated, BinaryIO
from urllib.parse import quote

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from florilegium.stages.read import Piece, Record

SUFFIXES = (".xhtml", ".html", ".htm")
POSITIONS = "bytes"


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Options:
    """What a source of HTML files may set."""

    url_prefix: str | None = None
    """Address of the folder: with the file's path behind it, it is the document's url. None: the url is unknown."""
    max_bytes: Annotated[int, Field(ge=1)] = 50 << 20
    """Largest file read, in bytes; a larger one is dropped as read.too_large."""


def check(file: BinaryIO, options: Options) -> None:
    """See Reader: any bytes may be a page."""


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:  # noqa: ARG001
    """One piece: a page cannot be cut."""
    yield 0, max(size, 1)


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """The page, not decoded. position: empty, since the file is the record."""
    file.seek(0)
    payload = file.read(options.max_bytes + 1)
    url = None if options.url_prefix is None else options.url_prefix + quote(piece.name, errors="surrogateescape")
    if not payload:
        yield Record("", url=url, reason="read.empty")
    elif len(payload) > options.max_bytes:
        size, limit = max(piece.end, len(payload)), options.max_bytes
        yield Record("", size, url=url, reason="read.too_large", reason_value=float(size), reason_limit=float(limit))
    else:
        yield Record("", len(payload), url=url, mime="text/html", html=payload)
