"""The pages of a MediaWiki dump as bytes, whatever the file is packed with and however it is cut.

Pages are found by their tags, which wikitext cannot hold (`<` is escaped in it). A bzip2 file is cut at its streams
(multistream dumps have one for each 100 pages), known by the ten bytes that they begin with; that these should stand
inside one by chance is one in 2^77.
"""

import bz2
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from florilegium.stages.read._stream import BLOCK, Damaged, Window, chain, gzip_member

GZIP, BZIP2 = b"\x1f\x8b", b"BZh"
STREAM = re.compile(rb"BZh[1-9]1AY&SY")
"""How a bzip2 stream begins that holds something: its header, and the magic number of its first block."""
NO_STREAM = re.compile(rb"(?:BZh[1-9]\x17rE8P\x90.{4})*", re.DOTALL)
"""Streams that hold nothing: header, end of stream, checksum."""

PAGE, PAGE_END = b"<page>", b"</page>"


class _Part(NamedTuple):
    """Bytes of the XML. stream, at: where they stand, the stream's place in the file and theirs in the stream.

    data: null where the stream is damaged.
    """

    stream: int
    at: int
    data: bytes | None


def is_dump(window: Window) -> bool:
    """Whether the first bytes are a dump's; where nothing can be unpacked, whether they are bzip2 or gzip."""
    begin = head(window, 1 << 16)
    packed = window.at(0, 3).startswith((GZIP, BZIP2))
    return any(tag in begin for tag in (b"<mediawiki", PAGE)) or (packed and not begin)


def whole(window: Window) -> bool:
    """Whether the file cannot be cut."""
    return window.at(0, 2) == GZIP


def head(window: Window, length: int) -> bytes:
    """The first so many bytes of the XML, or what stands before a damage."""
    begin = bytearray()
    for part in parts(window, 0):
        if part.data is None or len(begin) >= length:
            break
        begin += part.data
    return bytes(begin[:length])


def parts(window: Window, start: int) -> Iterator[_Part]:
    """The XML from `start` of the stored file on; from the first stream that begins there or later."""
    begin = window.at(0, 3)
    if begin == BZIP2:
        yield from _streams(window, start)
    elif begin.startswith(GZIP):
        yield from _gunzipped(window)
    else:
        while data := window.at(start, BLOCK):
            yield _Part(0, start, data)
            start += len(data)


def _gunzipped(window: Window) -> Iterator[_Part]:
    at = 0
    try:
        for data in chain(window, gzip_member):
            yield _Part(0, at, data)
            at += len(data)
    except Damaged:
        yield _Part(0, at, None)


def _streams(window: Window, start: int) -> Iterator[_Part]:
    """What the bzip2 streams hold that begin at `start` or later; what stands behind them and is none is damage."""
    end, owner = 0 if start == 0 else None, _Part(0, 0, None)
    begin = start
    while True:
        at = _next_stream(window, begin)
        if end is not None and not NO_STREAM.fullmatch(window.at(end, BLOCK if at is None else min(at - end, BLOCK))):
            yield owner
        if at is None:
            return
        end, length = yield from _stream(window, at)
        begin, owner = at + 10 if end is None else end, _Part(at, length, None)


def _next_stream(window: Window, at: int) -> int | None:
    while block := window.at(at, BLOCK):
        if found := STREAM.search(block):
            return at + found.start()
        if len(block) < BLOCK:
            return None
        at += len(block) - 9
    return None


def _stream(window: Window, start: int) -> Generator[_Part, None, tuple[int | None, int]]:
    """The parts of one stream; answers where it ends, or null where it is damaged, and how many bytes it held."""
    decoder, fed, at = bz2.BZ2Decompressor(), start, 0
    while not decoder.eof:
        part = window.at(fed, 1 << 16) if decoder.needs_input else b""
        try:
            if decoder.needs_input and not part:
                raise EOFError
            data = decoder.decompress(part, BLOCK)
        except (OSError, EOFError):  # bz2 calls a wrong code word an OSError; the file is not read here
            yield _Part(start, at, None)
            return None, at
        fed += len(part)
        if data:
            yield _Part(start, at, data)
            at += len(data)
    return fed - len(decoder.unused_data), at


@dataclass(frozen=True, slots=True)
class Page:
    """A page of XML. data: null where it breaks off (length 0), or is too large to be held.

    position: where it begins in the file; of a bzip2 file, where its stream begins, `+` and where it begins in that.
    """

    position: str
    data: bytes | None = None
    length: int = 0


class _Tape:
    """The XML that is held, and where it stands."""

    def __init__(self) -> None:
        self.held = bytearray()
        self._begins: list[tuple[int, int, int]] = []

    def add(self, part: _Part) -> None:
        self._begins.append((len(self.held), part.stream, part.at))
        self.held += part.data or b""

    def drop(self, length: int) -> None:
        del self.held[:length]
        moved = [(begin - length, stream, at) for begin, stream, at in self._begins]
        later = sum(begin <= 0 for begin, _, _ in moved)
        self._begins = moved[max(later - 1, 0) :]

    def place(self) -> tuple[int, int]:
        """The stream in which what is held begins, and where in it."""
        begin, stream, at = self._begins[0]
        return stream, at - begin


def pages(window: Window, start: int, end: int, limit: int) -> Iterator[Page]:
    """The pages that begin in start <= place < end (bzip2: whose streams do), and one for each damage there."""
    packed = window.at(0, 3) == BZIP2
    for (stream, at), data, length in _pages(parts(window, start), limit):
        if not whole(window) and (stream if packed else at) >= end:
            return
        yield Page(f"{stream}+{at}" if packed else str(at), data, length)


Found = tuple[tuple[int, int], bytes | None, int]
"""Where a page begins, its bytes, and how many they are: as in Page."""


def _pages(found: Iterator[_Part], limit: int) -> Iterator[Found]:
    """The pages that begin in these parts. One that begins inside another ends that, which is damaged."""
    tape, place, seen, passed = _Tape(), None, 0, 0
    for part in found:
        if part.data is None:
            if place:
                yield place, None, 0
            if place is None or place[0] != part.stream:  # whoever begins at this stream must find its damage too
                yield (part.stream, part.at), None, 0
            tape, place = _Tape(), None
            continue
        tape.add(part)
        while True:
            if place is None:
                at = tape.held.find(PAGE)
                tape.drop(at if at >= 0 else max(len(tape.held) - len(PAGE) + 1, 0))
                if at < 0:
                    break
                place, seen, passed = tape.place(), len(PAGE), 0
            end, ended = _end(tape.held, seen)
            if end is None:
                seen = max(len(tape.held) - len(PAGE_END) + 1, 0 if passed else len(PAGE))
                if passed or len(tape.held) > limit:
                    tape.drop(seen)
                    passed, seen = passed + seen, 0
                break
            length = passed + end
            held = bytes(tape.held[:end]) if ended and length <= limit else None
            yield place, held, length if ended else 0
            tape.drop(end)
            place = None
    if place is not None:
        yield place, None, 0


def _end(held: bytearray, seen: int) -> tuple[int | None, bool]:
    """Where the page ends that is held, and whether it is whole: behind its end tag, or before another page begins."""
    end = held.find(PAGE_END, seen)
    other = held.find(PAGE, seen, end if end >= 0 else len(held))
    if other >= 0:
        return other, False
    return (end + len(PAGE_END), True) if end >= 0 else (None, False)
