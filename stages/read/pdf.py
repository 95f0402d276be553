"""PDF files: one file, one document, whose text layer extract reads.

The bytes are handed on as they are, as the warc reader hands on those of a crawl: what reads them (`stages/_pdf.py`)
runs where a document that takes too long, or kills the worker, is found and left out.
"""

from collections.abc import Iterator
from typing import Annotated, BinaryIO
from urllib.parse import quote

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from florilegium.pipeline.errors import PipelineError
from florilegium.stages import _pdf
from florilegium.stages.read import Piece, Record, wrong_format
from florilegium.stages.read._stream import name_of

SUFFIXES = (".pdf",)
POSITIONS = "bytes"


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Options:
    """What a source of PDF files may set."""

    url_prefix: str | None = None
    """Address of the folder: with the file's path behind it, it is the document's url. None: the url is unknown."""
    max_bytes: Annotated[int, Field(ge=1)] = 50 << 20
    """Largest file read, in bytes; a larger one is dropped as read.too_large."""


def check(file: BinaryIO, options: Options) -> None:  # noqa: ARG001
    """See Reader."""
    file.seek(0)
    if not _pdf.is_pdf(file.read(_pdf.BEGINNING), _pdf.MIME):
        raise PipelineError(
            f"{name_of(file)}: this is not a PDF file", "set the source's format to what the file holds"
        )


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:  # noqa: ARG001
    """One piece: a PDF cannot be cut."""
    yield 0, max(size, 1)


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """The file, not opened. position: empty, since the file is the record."""
    file.seek(0)
    payload = file.read(options.max_bytes + 1)
    url = None if options.url_prefix is None else options.url_prefix + quote(piece.name, errors="surrogateescape")
    if not _pdf.is_pdf(payload, _pdf.MIME):
        yield from wrong_format(piece)
    elif len(payload) > options.max_bytes:
        size, limit = max(piece.end, len(payload)), options.max_bytes
        yield Record("", size, url=url, reason="read.too_large", reason_value=float(size), reason_limit=float(limit))
    else:
        yield Record("", len(payload), url=url, mime=_pdf.MIME, html=payload)
