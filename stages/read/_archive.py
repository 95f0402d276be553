"""The documents of a file: the file itself, or what a zip archive holds, as publishers hand out laws."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from errno import EINVAL
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

ARCHIVE = b"PK\x03\x04"
"""How a zip archive begins that holds something (APPNOTE.TXT, 4.3.7)."""

DAMAGES = (BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, OverflowError, LookupError)
"""What zipfile raises about an archive that is torn, encrypted or lies; NotImplementedError is a RuntimeError."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One document as stored. name: its path in the archive, empty where the file is the document.

    data: as many of its bytes as were asked for, one more where it has more; null where they cannot be read.
    """

    name: str
    size: int
    data: bytes | None


def stored(file: BinaryIO, suffix: str, most: int) -> Iterator[Stored]:
    """The file, or those files of an archive whose names end so, by name: the first `most` bytes of each, unpacked.

    An archive whose table of contents cannot be read is one document that cannot.
    """
    file.seek(0)
    head = file.read(len(ARCHIVE))
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
