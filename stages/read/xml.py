"""XML files of public bodies, and archives of them (zip, tar.gz): each is read by the format whose root element it has.

For folders and archives whose files have no ending of their own. A file is looked into when it is read, not when it is
listed, so that a million of them cost nothing to list; one of no known format is read.wrong_format. Options of a single
format are set where the source names that format.
"""

from collections.abc import Iterator
from types import ModuleType
from typing import BinaryIO

from florilegium.stages.read import (
    Piece,
    Record,
    _xml,
    akn,
    alto,
    dila,
    formex,
    gii,
    mediawiki,
    parlamint,
    wrong_format,
)
from florilegium.stages.read._archive import stored
from florilegium.stages.read._xml import Options

__all__ = ["FORMATS", "POSITIONS", "SUFFIXES", "Options", "check", "cut", "read"]

SUFFIXES = (".tar.gz", ".tgz", ".xml", ".zip")
POSITIONS = "bytes"

FORMATS: tuple[ModuleType, ...] = (
    akn,
    alto,
    dila,
    formex,
    gii,
    mediawiki,
    parlamint,
)
"""Each has ROOTS, the names of its root elements, and gives records with positions that are the file's own."""


def check(file: BinaryIO, options: Options) -> None:  # noqa: ARG001
    """See Reader."""
    _xml.check(file, frozenset().union(*(one.ROOTS for one in FORMATS)))


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:
    """As the file's format cuts it; one piece where it has none."""
    found = _format(file)
    yield from (
        _xml.whole(size) if found is None else found.cut(file, size, target, found.Options(max_bytes=options.max_bytes))
    )


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """What the file's format makes of it. position: as there."""
    found = _format(file)
    yield from (
        wrong_format(piece) if found is None else found.read(file, piece, found.Options(max_bytes=options.max_bytes))
    )


def _format(file: BinaryIO) -> ModuleType | None:
    """The format of the first document in the file that is of any."""
    roots = (_xml.root_of(one) for one in stored(file, _xml.SUFFIX, _xml.HEAD))
    return next((one for root in roots for one in FORMATS if root in one.ROOTS), None)
