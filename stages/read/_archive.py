"""The documents of a file: the file itself, or what a zip or tar.gz archive holds, as publishers hand out laws."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from errno import EINVAL
from hashlib import blake2b
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from florilegium.stages.read import _tar

ARCHIVE = b"PK\x03\x04"
"""How a zip archive begins that holds something (APPNOTE.TXT, 4.3.7)."""

GZIP = b"\x1f\x8b"
"""How gzip begins (RFC 1952); what is read of it is a tar archive."""

DAMAGES = (BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, OverflowError, LookupError)
"""What zipfile and _tar raise of an archive that is torn, encrypted or lies; NotImplementedError is a RuntimeError."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One document as stored. name: its path in the archive, empty where the file is the document.

    data: as many of its bytes as were asked for, one more where it has more; null where they cannot be read.
    """

    name: str
    size: int
    data: bytes | None


def stored(file: BinaryIO, suffix: str, most: int) -> Iterator[Stored]:
    """The file, or those files of an archive whose names end so: the first `most` bytes of each, unpacked.

    Those of a zip come by name; those of a tar.gz as they stand, for that is read once and from its start, one file in
    memory at a time. An archive whose table of contents cannot be read is one document that cannot; so is the rest of
    a tar.gz that is torn.
    """
    file.seek(0)
    head = file.read(len(ARCHIVE))
    if head.startswith(GZIP):
        yield from _of_tar(file, suffix, most)
        return
    if head != ARCHIVE:
        whole = head + file.read(max(most + 1 - len(head), 0))
        yield Stored("", max(file.seek(0, 2), len(whole)), whole)
        return
    try:
        archive = ZipFile(file)
        members = {one.filename: one for one in archive.infolist() if one.filename.lower().endswith(suffix)}
    except DAMAGES:
        yield Stored("", 0, None)
    except OSError as error:
        _only_a_lie(error)
        yield Stored("", 0, None)
    else:
        for name in sorted(members):
            data = _unpacked(archive, members[name], most)
            yield Stored(name, max(members[name].file_size, len(data or b"")), data)


def _of_tar(file: BinaryIO, suffix: str, most: int) -> Iterator[Stored]:
    """The files of a tar.gz. A path that comes again has its place in the archive behind it, so that paths are places.

    Of each path 8 bytes of its hash are kept: the whole base of French law has two million.
    """
    file.seek(0)
    seen: set[bytes] = set()
    try:
        for one in _tar.members(file, suffix, most + 1):
            key = blake2b(one.name.encode("utf-8", "surrogateescape"), digest_size=8).digest()
            yield Stored(f"{one.name}@{one.offset}" if key in seen else one.name, one.size, one.data)
            seen.add(key)
    except DAMAGES:
        yield Stored("", 0, None)
    except OSError as error:
        _only_a_lie(error)
        yield Stored("", 0, None)


def _unpacked(archive: ZipFile, member: ZipInfo, most: int) -> bytes | None:
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return None
    try:
        with archive.open(member) as file:
            return file.read(most + 1)
    except DAMAGES:
        return None
    except OSError as error:
        _only_a_lie(error)
        return None


def _only_a_lie(error: OSError) -> None:
    """Raises the error, unless it is about a place where no file system reaches: then an offset lied."""
    if error.errno not in (None, EINVAL):
        raise error
