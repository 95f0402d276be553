"""The files of a tar.gz archive, one after the other and once: nothing but the bytes asked for is ever in memory.

POSIX.1-2017, pax Interchange Format, and GNU's long names. Python's tarfile reads a header of any length into memory,
and takes a torn archive for one that ends.
"""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

BLOCK, STEP = 512, 1 << 20
LONGEST = 1 << 16
"""Bytes of a header of its own that says a path; a longer one is passed over."""

PATH = re.compile(rb"(?:\A|\n)\d{1,5} path=([^\n]+)\n")
FILES = (b"0", b"\0", b"7")


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the archive. offset: of its header in the archive unpacked. data: as many bytes as were asked for."""

    name: str
    offset: int
    size: int
    data: bytes


def members(file: BinaryIO, suffix: str, most: int) -> Iterator[Member]:
    """The files whose names end so, lower case, with at most `most` bytes of each.

    Raises EOFError, ValueError, zlib.error or gzip.BadGzipFile where the archive is torn, damaged, or none.
    """
    with gzip.GzipFile(fileobj=file) as unpacked:
        offset = 0
        named: bytes | None = None
        while any(header := _exactly(unpacked, BLOCK)):
            kind, size = header[156:157], _size(header)
            left = -(-size // BLOCK) * BLOCK
            if kind in (b"L", b"x") and size <= LONGEST:
                content = _exactly(unpacked, left)[:size]
                named = content.rstrip(b"\0") if kind == b"L" else _path(content) or named
            else:
                name = (named or _name(header)).decode("utf-8", "surrogateescape")
                wanted = kind in FILES and name.lower().endswith(suffix)
                data = _exactly(unpacked, min(size, most)) if wanted else b""
                _skip(unpacked, left - len(data))
                if wanted:
                    yield Member(name, offset, size, data)
                if kind not in (b"L", b"x", b"g"):
                    named = None
            offset += BLOCK + left
        while unpacked.read(STEP):  # so that a torn end is noticed
            pass


def _size(header: bytes) -> int:
    """The size that a header states. Raises ValueError where its checksum is not its own."""
    own = sum(header) - sum(header[148:156]) + 8 * ord(" ")
    if int(header[148:156].strip(b" \0") or b"0", 8) != own:
        raise ValueError("not the header of a file in a tar archive")
    field = header[124:136]
    return int.from_bytes(field[1:]) if field[0] == 0x80 else int(field.strip(b" \0") or b"0", 8)


def _name(header: bytes) -> bytes:
    name, prefix = header[:100].rstrip(b"\0"), header[345:500].rstrip(b"\0")
    return prefix + b"/" + name if prefix and header[257:263] == b"ustar\0" else name


def _path(records: bytes) -> bytes | None:
    found = PATH.search(records)
    return found[1] if found else None


def _exactly(unpacked: gzip.GzipFile, size: int) -> bytes:
    data = unpacked.read(size)
    if len(data) < size:
        raise EOFError("the archive is torn")
    return data


def _skip(unpacked: gzip.GzipFile, size: int) -> None:
    while size > 0:
        size -= len(_exactly(unpacked, min(size, STEP)))
