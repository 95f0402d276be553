"""The chain of records in a WARC file, whole or damaged, found from any byte of it.

Any cut of a file gives the same records, because all pieces walk the same chain. The chain of a .warc.gz starts at
byte 0; behind a whole member it goes on at the member's end, behind a damaged one at the next *start*: a gzip magic
number whose member inflates to "WARC/". A piece must find the chain without walking it from byte 0. A start that no
whole member can contain is surely on it, and deflate keeps bytes as they are only in stored blocks (RFC 1951, 3.2.4),
which hold 65,535 bytes at most behind a length and its complement. So a start with no such header in reach is certain.
From a start that a stored block may cover (a crawled .warc.gz inside a record, or chance) the piece goes back to a
certain one and walks from there. A plain .warc has no such test (a page may show a whole WARC record): a piece begins
where `starts` has found a record by walking from header to header, and any other beginning is reached from byte 0.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from florilegium.stages.read import Piece, _http
from florilegium.stages.read._stream import BLOCK, Damaged, Member, Window, gzip_member, inflater

HEAD = 1 << 16
"""A record header longer than this is damage."""
TAIL = 16
"""Bytes looked at behind a record: two line ends and the next record's first bytes."""
MAGIC = b"\x1f\x8b\x08"


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as it stands: `block` is null where it is damaged or longer than may be held."""

    at: int
    fields: dict[str, str]
    length: int = 0
    block: bytes | None = None
    damaged: bool = False


class _Tape(Protocol):
    """A stream of records, read forward."""

    at: int

    def peek(self, length: int) -> bytes: ...
    def move(self, length: int) -> bool: ...
    def back(self, at: int) -> None: ...
    def sound(self) -> bool: ...


class _Stored:
    """A file that is not compressed."""

    def __init__(self, window: Window, at: int) -> None:
        self.at, self._window = at, window

    def peek(self, length: int) -> bytes:
        return self._window.at(self.at, length)

    def move(self, length: int) -> bool:
        self.at += length
        return length == 0 or len(self._window.at(self.at - 1, 1)) == 1

    def back(self, at: int) -> None:
        self.at = at

    def sound(self) -> bool:
        return True


class _Inflated:
    """A gzip member. What has been passed is gone, so that a member of any size is read in bounded memory."""

    def __init__(self, member: Member) -> None:
        self.at, self._member, self._held, self._skip, self._broken = 0, member, b"", 0, False

    def peek(self, length: int) -> bytes:
        self._fill(length)
        return self._held[self._skip : self._skip + length]

    def move(self, length: int) -> bool:
        """Pass so many bytes; false where the stream ends before."""
        while length > 0:
            self._fill(1)
            step = min(length, len(self._held) - self._skip)
            if not step:
                return False
            self._skip, self.at, length = self._skip + step, self.at + step, length - step
        return True

    def back(self, at: int) -> None:
        """Not possible: reading goes on where it is."""

    def sound(self) -> bool:
        """False once damage has been met behind what is held."""
        return not self._broken

    def _fill(self, length: int) -> None:
        parts, held = [self._held[self._skip :]], len(self._held) - self._skip
        if held >= length:
            return
        try:
            while held < length and (part := self._member.more()):
                parts.append(part)
                held += len(part)
        except Damaged:
            self._broken = True
        self._held, self._skip = b"".join(parts), 0


def _walk(tape: _Tape, hold: int) -> Iterator[Raw]:
    """The records of a stream, damaged ones included. Blocks longer than `hold` are passed over."""
    while _at_record(tape):
        at = tape.at
        head = _head(tape.peek(HEAD // 16)) or _head(tape.peek(HEAD))
        if not head:
            yield Raw(at, {}, damaged=True)
            tape.move(1)
            _resume(tape)
            continue
        fields, begin, length = head
        tape.move(begin)
        block = tape.peek(length + TAIL) if length <= hold else None
        if block is not None:
            whole = len(block) >= length and _ends(block[length:], tape.sound())
        else:
            whole = tape.move(length) and _ends(tape.peek(TAIL), tape.sound())
        if whole:
            yield Raw(at, fields, length, block if block is None else block[:length])
            if block is not None:
                tape.move(length)
        else:
            yield Raw(at, fields, length, damaged=True)
            tape.back(at + begin)
            _resume(tape)


def _at_record(tape: _Tape) -> bool:
    while blank := tape.peek(TAIL):
        rest = blank.lstrip(b"\r\n")
        tape.move(len(blank) - len(rest))
        if rest:
            return True
    return False


def _ends(rest: bytes, sound: bool) -> bool:
    """Whether a record may end before `rest`: its two line ends, the next record, or nothing more."""
    following = rest.lstrip(b"\r\n")
    if len(rest) < TAIL and not sound:
        return following.startswith(b"WARC/")
    return rest.startswith(b"\r\n\r\n") or following.startswith(b"WARC/") or not following


_VERSION = re.compile(rb"WARC/\d\.\d{1,2}[ \t]*\r?\n")


def _head(text: bytes) -> tuple[dict[str, str], int, int] | None:
    """Fields, bytes of the header and length of the block, if a whole plausible header stands at the beginning."""
    end = re.search(rb"\r?\n\r?\n", text)
    if not end or not _VERSION.match(text):
        return None
    fields = _http.fields(text[: end.start()])
    length = fields.get("content-length", "").split(",")[0].strip()
    if not re.fullmatch(r"[0-9]{1,15}", length) or "warc-type" not in fields:
        return None
    return fields, end.end(), int(length)


def _resume(tape: _Tape) -> None:
    """Move to the next whole plausible header, or to the end."""
    while part := tape.peek(BLOCK + HEAD):
        last = len(part) < BLOCK + HEAD
        for found in _VERSION.finditer(part):
            if found.start() >= BLOCK and not last:
                break
            if _head(part[found.start() : found.start() + HEAD]):
                tape.move(found.start())
                return
        tape.move(len(part) if last else BLOCK)


def starts(window: Window) -> Iterator[int]:
    """Where the records of a plain file begin, read from header to header."""
    return (raw.at for raw in _walk(_Stored(window, 0), 0))


def plain_records(window: Window, piece: Piece, hold: int) -> Iterator[tuple[str, Raw]]:
    """The records of a piece of a plain file with their positions. Blocks longer than `hold` are passed over."""
    begin = piece.start
    if begin and not (window.at(begin - 1, 1) == b"\n" and _head(window.at(begin, HEAD))):
        begin = 0
    for raw in _walk(_Stored(window, begin), hold):
        if raw.at >= piece.end:
            return
        if raw.at >= piece.start:
            yield str(raw.at), raw


def gzip_records(window: Window, piece: Piece, hold: int) -> Iterator[tuple[str, Raw]]:
    """The records of a piece of a gzipped file with their positions. Blocks longer than `hold` are passed over."""
    at = _first(window, piece.start)
    while at is not None and at < piece.end:
        member = gzip_member(window, at)
        tape = _Inflated(member)
        number = -1
        for number, raw in enumerate(_walk(tape, hold)):
            yield (f"{at}+{number}" if number else str(at)), raw
        if number < 0 and not tape.sound():
            yield str(at), Raw(at, {}, damaged=True)
        following = _start_at_or_after(window, member.end or at + 1)
        if member.end and following != member.end and window.at(member.end, 1):
            yield str(member.end), Raw(member.end, {}, damaged=True)  # bytes between members
        at = following


def _first(window: Window, start: int) -> int | None:
    """The first member of the chain at or after `start`, as a walk from byte 0 would find it."""
    at = _start_at_or_after(window, start) if start else 0
    if not at or _certain(window, at):
        return at
    before: int | None = _certain_before(window, start)
    while before is not None and before < start:
        before = _after(window, before)
    return before


def _after(window: Window, at: int) -> int | None:
    member = gzip_member(window, at)
    try:
        while member.more():
            pass
    except Damaged:
        pass
    return _start_at_or_after(window, member.end or at + 1)


def _start_at_or_after(window: Window, at: int) -> int | None:
    while len(part := window.at(at, BLOCK)) >= len(MAGIC):
        found = part.find(MAGIC)
        while found >= 0:
            if _is_start(window, at + found):
                return at + found
            found = part.find(MAGIC, found + 1)
        at += len(part) - len(MAGIC) + 1
    return None


def _certain_before(window: Window, start: int) -> int:
    high = start
    while high > 0:
        low = max(0, high - BLOCK)
        part = window.at(low, high - low + len(MAGIC) - 1)
        found = part.rfind(MAGIC)
        while found >= 0:
            if _is_start(window, low + found) and _certain(window, low + found):
                return low + found
            found = part.rfind(MAGIC, 0, found + len(MAGIC) - 1)
        high = low
    return 0


def _is_start(window: Window, at: int) -> bool:
    decoder, begins = inflater(31), b""
    try:
        for position in range(at, at + HEAD, 1 << 9):
            if len(begins) >= 5 or decoder.eof or not (part := window.at(position, 1 << 9)):
                break
            begins += decoder.decompress(part)
    except Exception:  # any error of the library: this is no gzip
        return False
    return begins.startswith(b"WARC/")


def _certain(window: Window, at: int) -> bool:
    """Whether no header of a stored block (LEN, then its complement NLEN) reaches over `at`."""
    low = max(0, at - 65535 - 4)
    before = window.at(low, at - low)
    size = len(before) - 2
    if size < 2:
        return True
    differ = int.from_bytes(before[:-2], "little") ^ int.from_bytes(before[2:], "little")
    pairs = differ.to_bytes(size, "little")
    header = pairs.find(b"\xff\xff")
    while header >= 0:
        if header + 4 + int.from_bytes(before[header : header + 2], "little") > len(before):
            return False
        header = pairs.find(b"\xff\xff", header + 1)
    return True


def kind(window: Window) -> str | None:
    """gzip or plain; None when the first MiB holds no beginning of a record in either form."""
    start = window.at(0, BLOCK)
    if not start:
        return None
    if _is_start(window, 0) or (start[:2] == MAGIC[:2] and _broken_start(window)):
        return "gzip"
    if b"WARC/".startswith(start[:5]):
        return "plain"
    at = _start_at_or_after(window, 0)
    if at is not None and at < BLOCK:
        return "gzip"
    return "plain" if _shows_record(start) else None


def _shows_record(text: bytes) -> bool:
    return any(_head(text[found.start() : found.start() + HEAD]) for found in _VERSION.finditer(text))


def _broken_start(window: Window) -> bool:
    """Whether the first member breaks off before it shows that it is something else, or only its first record is."""
    try:
        begins = gzip_member(window, 0).more()
        return b"WARC/".startswith(begins[:5]) or _shows_record(begins)
    except Damaged:
        return True
