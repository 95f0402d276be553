"""Repeat a WARC under other addresses, to have much input where there is little.

usage: python benchmarks/repeat.py IN.warc.gz OUT.warc.gz --times 4 [--edit [SWAPS]]

Copy 3 of https://docs.example.org/a is https://docs-copy3.example.org/a, and every record has a new WARC-Record-ID,
so that hosts, addresses and identifiers stay unique. The pages are unchanged, unless `--edit` swaps some pairs of
neighbouring words of each: copies are then near duplicates, no longer exact ones. One record is held at a time, each is
a gzip member of its own, and the same input gives the same bytes.
"""

import argparse
import base64
import gzip
import hashlib
import random
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

TEXT = re.compile(rb">([^<>]{40,})<")
"""A run of text between two tags that is long enough to hold several words."""
WORDS = re.compile(rb"([^\s<>&;]+)( +)([^\s<>&;]+)")
HIDDEN = re.compile(rb"(?is)<(script|style|head)\b.*?</\1\s*>")
Record = tuple[bytes, bytes]
"""The header of a WARC record, up to and with its blank line, and its block."""


def records(file: BinaryIO) -> Iterator[Record]:
    """The records of an uncompressed WARC stream, in order. Raises ValueError where it is not one."""
    while line := file.readline():
        if line == b"\r\n":
            continue
        if not line.startswith(b"WARC/1."):
            raise ValueError(f"not the start of a WARC record: {line[:60]!r}")
        lines = [line]
        while lines[-1] not in (b"\r\n", b""):
            lines.append(file.readline())
        header = b"".join(lines)
        size = int(_field(header, b"Content-Length"))
        block = file.read(size)
        if len(block) != size:
            raise ValueError(f"the file ends inside a record: {len(block)} of {size} bytes")
        yield header, block


def open_warc(path: Path) -> BinaryIO:
    """A WARC, decompressed on the way: one gzip member a record, one for all, or none."""
    file = path.open("rb")
    magic, _ = file.read(2), file.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if magic == b"\x1f\x8b" else file


def write_record(file: BinaryIO, record: Record) -> None:
    """Append the record as a gzip member of its own."""
    file.write(gzip.compress(b"".join(record) + b"\r\n\r\n", compresslevel=6, mtime=0))


def copy_of(record: Record, copy: int, swaps: int) -> Record:
    """The record as its copy of this number, with so many pairs of words swapped."""
    header, block = record
    old = _field(header, b"WARC-Record-ID")
    new = b"<%s>" % uuid.uuid5(uuid.NAMESPACE_URL, f"{old.decode()} copy {copy}").urn.encode()
    header = _put(header, b"WARC-Record-ID", new)
    if uri := _field(header, b"WARC-Target-URI"):
        header = _put(header, b"WARC-Target-URI", re.sub(rb"^(\w+://[^/.:?#]+)", rb"\1-copy%d" % copy, uri))
    if not swaps or _field(header, b"WARC-Type") != b"response":
        return header, block
    head, blank, payload = block.partition(b"\r\n\r\n")
    payload = swap_words(payload, swaps, random.Random(new))
    block = head + blank + payload
    header = _put(header, b"WARC-Payload-Digest", _digest(payload))
    return _put(header, b"WARC-Block-Digest", _digest(block)), block


def swap_words(page: bytes, swaps: int, choice: random.Random) -> bytes:
    """The page with pairs of neighbouring words of its visible text swapped; its length and encoding stay.

    A page has fewer swaps, or none, where it has little text, and where its encoding is not a superset of ASCII.
    """
    hidden = [match.span() for match in HIDDEN.finditer(page)]
    visible = [
        match.span(1) for match in TEXT.finditer(page) if not any(start <= match.start() < end for start, end in hidden)
    ]
    pairs = [match for start, end in visible for match in WORDS.finditer(page, start, end)]
    for match in choice.sample(pairs, min(swaps, len(pairs))):
        page = page[: match.start()] + match[3] + match[2] + match[1] + page[match.end() :]
    return page


def repeat(source: Path, target: Path, times: int, swaps: int = 0) -> int:
    """Write all copies, one after the other; answers the number of records written."""
    written = 0
    with target.open("wb") as out:
        for copy in range(1, times + 1):
            with open_warc(source) as file:
                for record in records(file):
                    write_record(out, copy_of(record, copy, swaps))
                    written += 1
    return written


def _field(header: bytes, name: bytes) -> bytes:
    """The value of a field of a WARC header; empty where it has none."""
    found = re.search(rb"(?im)^%s:[ \t]*(.*?)[ \t]*\r?$" % name, header)
    return found[1] if found else b""


def _put(header: bytes, name: bytes, value: bytes) -> bytes:
    """The header with another value of a field that it has; unchanged where it has none."""
    return re.sub(rb"(?im)^(%s:[ \t]*).*?(\r?)$" % name, lambda found: found[1] + value + found[2], header, count=1)


def _digest(data: bytes) -> bytes:
    return b"sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Repeat a WARC under other addresses.")
    parser.add_argument("source", type=Path, metavar="IN.warc.gz")
    parser.add_argument("target", type=Path, metavar="OUT.warc.gz")
    parser.add_argument("--times", type=int, required=True, metavar="N", help="number of copies")
    parser.add_argument(
        "--edit", type=int, nargs="?", const=3, default=0, metavar="SWAPS", help="pairs of words to swap a page (3)"
    )
    asked = parser.parse_args()
    print(f"{repeat(asked.source, asked.target, asked.times, asked.edit):,} records in {asked.target}")


if __name__ == "__main__":
    main()
