"""What an HTTP message holds: status, media type, charset, and the payload with its codings undone."""

import re
from dataclasses import dataclass

from florilegium.stages import _pdf
from florilegium.stages.read._stream import Damaged, Decoder, inflater, unzstd

HTML = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True)
class Message:
    """A response as stored. headers: by lower-case name, repeated ones joined by commas."""

    status: int
    headers: dict[str, str]
    payload: bytes


class TooLarge(Exception):  # noqa: N818 (a state of the input, not a fault of the program)
    """The payload decodes to more bytes than allowed."""


def parse(block: bytes) -> Message:
    """The message in an application/http block (RFC 9112). Raises Damaged when it does not begin with a status line."""
    head, payload = split_head(block)
    status = re.match(rb"HTTP/\d(?:\.\d+)?[ \t]+(\d{3})(?!\d)", head)
    if not status:
        raise Damaged
    return Message(int(status[1]), fields(head), payload)


def split_head(block: bytes) -> tuple[bytes, bytes]:
    """The header lines and what follows the first empty line."""
    end = re.search(rb"\r?\n\r?\n", block)
    return (block[: end.start()], block[end.end() :]) if end else (block, b"")


def fields(head: bytes) -> dict[str, str]:
    """Header fields below the first line, folded lines joined (RFC 9112, 5.2)."""
    lines = re.sub(r"\r?\n[ \t]+", " ", head.decode("utf-8", "replace")).split("\n")[1:]
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            name = name.strip().lower()
            found[name] = f"{found[name]}, {value.strip()}" if name in found else value.strip()
    return found


def media_type(declared: str | None) -> tuple[str | None, str | None]:
    """Media type and charset of a Content-Type, lower case; null where it declares none."""
    if not declared:
        return None, None
    charset = re.search(r"charset\s*=\s*[\"']?([^\s;,\"']+)", declared, re.IGNORECASE)
    mime = re.split(r"[;,\s]", declared.strip(), maxsplit=1)[0].lower()
    return mime or None, charset[1].lower() if charset else None


def text_type(mime: str | None, payload: bytes) -> str | None:
    """The media type of a payload that holds text, or null where it is some other medium.

    A PDF is told by its signature, whatever it was declared as.
    HTML and plain text are believed. Where nothing is declared, or something that servers say of anything
    (octet-stream, any text or XML), the first bytes decide: XHTML pages are often served as text/xml.
    """
    if _pdf.is_pdf(payload, mime):
        return _pdf.MIME
    if mime in HTML or mime == "text/plain":
        return mime
    nothing = mime is None or "/" not in mime or mime in ("application/octet-stream", "binary/octet-stream")
    if nothing:
        known = None if mime is None or "/" not in mime else mime
        if _looks_like_html(payload):
            return known or "text/html"
        return "text/plain" if not known and not _looks_binary(payload) else None
    assert mime is not None
    textual = mime.startswith("text/") or mime.endswith(("/xml", "+xml"))
    return mime if textual and _root_is_html(payload) else None


# Tags that open a page, after the WHATWG standard "MIME Sniffing", section 7.1.
_TAGS = rb"!doctype\s+html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p"
_OPENS = re.compile(rb"\s*(?:<(?:" + _TAGS + rb")[\s>]|<!--)", re.IGNORECASE)
_ROOT = re.compile(
    rb"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|(?:\w+:)?html)\b", re.IGNORECASE | re.DOTALL
)
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def _start(payload: bytes) -> bytes:
    start = payload[:4096]
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16: tags are ASCII between zero bytes
        return start[2:].replace(b"\0", b"")
    return start.removeprefix(b"\xef\xbb\xbf")


def _root_is_html(payload: bytes) -> bool:
    return bool(_ROOT.match(_start(payload)))


def _looks_like_html(payload: bytes) -> bool:
    return bool(_OPENS.match(_start(payload))) or _root_is_html(payload)


def _looks_binary(payload: bytes) -> bool:
    # WHATWG "MIME Sniffing", section 7.2: 1445 bytes, a packet's worth.
    return bool(_BINARY.search(_start(payload)[:1445]))


def decoded(message: Message, limit: int) -> bytes:
    """The payload with transfer and content codings undone (RFC 9112, 7.1; RFC 9110, 8.4).

    A coding that is declared but not there (crawlers that decode and keep the header) is passed over; one that is not
    known leaves the payload as it is. Raises Damaged when a coding breaks off, TooLarge beyond `limit` bytes.
    """
    payload = message.payload
    transfer = _codings(message.headers.get("transfer-encoding"))
    if "chunked" in transfer:
        payload = _unchunked(payload)
    for coding in reversed(_codings(message.headers.get("content-encoding")) + transfer):
        payload = _undo(coding, payload, limit)
    if len(payload) > limit:
        raise TooLarge
    return payload


def _codings(value: str | None) -> list[str]:
    return [coding.strip().lower().removeprefix("x-") for coding in (value or "").split(",")]


_CHUNK = re.compile(rb"(?:\r?\n)?([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")


def _unchunked(payload: bytes) -> bytes:
    if payload and not _CHUNK.match(payload):
        return payload
    parts: list[bytes] = []
    at = 0
    while size_line := _CHUNK.match(payload, at):
        size, start = int(size_line[1], 16), size_line.end()
        if size == 0:
            return b"".join(parts)
        parts.append(payload[start : start + size])
        at = start + size
    if not payload:
        return payload
    raise Damaged


def _undo(coding: str, payload: bytes, limit: int) -> bytes:
    if coding == "gzip" and payload.startswith(b"\x1f\x8b"):
        return _gunzip(payload, limit)
    if coding == "zstd" and payload.startswith(b"\x28\xb5\x2f\xfd"):
        return _pull(unzstd(), payload, limit)[0]
    if coding in ("deflate", "br") and payload:
        try:
            return _unbrotli(payload, limit) if coding == "br" else _undeflate(payload, limit)
        except Damaged:
            if not payload.lstrip().startswith(b"<"):  # these two have no magic number
                raise
    return payload


def _gunzip(payload: bytes, limit: int) -> bytes:
    out = b""
    while payload.startswith(
        b"\x1f\x8b"
    ):  # members may follow each other; what else follows is ignored, as browsers do
        part, payload = _pull(inflater(31), payload, limit - len(out))
        out += part
    return out


def _undeflate(payload: bytes, limit: int) -> bytes:
    # RFC 9110 means zlib; some servers send the bare stream.
    try:
        return _pull(inflater(15), payload, limit)[0]
    except Damaged:
        return _pull(inflater(-15), payload, limit)[0]


STEP = 1 << 12


def _pull(decoder: Decoder, payload: bytes, limit: int) -> tuple[bytes, bytes]:
    """What the decoder makes of the payload, and what stands behind its end."""
    parts, held = [], 0
    for at in range(0, len(payload), STEP):
        try:
            parts.append(decoder.decompress(payload[at : at + STEP]))
        except Exception as error:  # every library has its own
            raise Damaged from error
        held += len(parts[-1])
        if held > limit:
            raise TooLarge
        if decoder.eof:
            return b"".join(parts), decoder.unused_data + payload[at + STEP :]
    raise Damaged


def _unbrotli(payload: bytes, limit: int) -> bytes:
    import brotli  # type: ignore[import-untyped, unused-ignore]

    decoder, parts, held = brotli.Decompressor(), [], 0
    try:
        part = decoder.process(payload, output_buffer_limit=1 << 20)
        while part:
            parts.append(part)
            held += len(part)
            if held > limit:
                raise TooLarge
            part = b"" if decoder.is_finished() else decoder.process(b"", output_buffer_limit=1 << 20)
    except brotli.error as error:
        raise Damaged from error
    if not decoder.is_finished():
        raise Damaged
    return b"".join(parts)
