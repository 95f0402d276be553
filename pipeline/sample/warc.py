"""Captures as records of a WARC file: warcinfo, request, response, revisit and metadata, one gzip member each.

Standard: ISO 28500:2017 (WARC 1.1); digests are SHA-1 in base 32, as crawlers write them. Record ids are UUIDs of
version 5, dates those of the sample, and gzip headers bear neither time nor system: the same pages, the same bytes.
"""

import zlib
from base64 import b32encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha1
from http import HTTPStatus
from struct import pack
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from florilegium.pipeline.sample.content import Page, Site

AGENT = "florilegium-sample/1.0"
SAME_PAYLOAD = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
CHUNK = 1000
"""Bytes of a chunk where a page is sent in chunks (RFC 9112, 7.1)."""


def warcinfo(name: str, date: datetime) -> bytes:
    """The member that opens the file `name`."""
    block = f"software: {AGENT}\r\nformat: WARC File Format 1.1\r\nisPartOf: sample-europe\r\n".encode()
    return _gzip(
        _record("warcinfo", name, date, block, {"WARC-Filename": name, "Content-Type": "application/warc-fields"})
    )


def capture(page: Page, site: Site | None, payload: bytes) -> Iterator[bytes]:
    """The members of one capture: request, response (or revisit), metadata."""
    date = page.captured
    headers = {**(site.headers if site else {}), **page.headers}
    beside = {"WARC-Target-URI": page.url, "WARC-Concurrent-To": record_id(page)}
    asked = beside | {"Content-Type": "application/http; msgtype=request"}
    told = beside | {"Content-Type": "application/warc-fields"}
    answer = _gzip(_answer(page, headers, payload))
    yield _gzip(_record("request", _visit(page), date, _request(page), asked))
    yield _damaged(answer) if page.damaged else answer
    yield _gzip(_record("metadata", _visit(page), date, b"fetchTimeMs: 118\r\n", told))


def record_id(page: Page) -> str:
    """The WARC-Record-ID of the response or revisit record of a page."""
    return _record_id("revisit" if page.revisit else "response", _visit(page))


def _visit(page: Page) -> str:
    """What tells a capture from all others: a page is fetched once, and perhaps once again."""
    return f"{page.url} again" if page.revisit else page.url


def _record_id(kind: str, visit: str) -> str:
    return f"<urn:uuid:{uuid5(NAMESPACE_URL, f'{kind} {visit}')}>"


def _record(kind: str, visit: str, date: datetime, block: bytes, headers: Mapping[str, str]) -> bytes:
    lines = {
        "WARC-Type": kind,
        "WARC-Record-ID": _record_id(kind, visit),
        "WARC-Date": f"{date:%Y-%m-%dT%H:%M:%SZ}",
        "WARC-Block-Digest": _digest(block),
        **headers,
        "Content-Length": str(len(block)),
    }
    return _head("WARC/1.1", lines) + block + b"\r\n\r\n"


def _request(page: Page) -> bytes:
    parts = urlsplit(page.url)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    return _head(f"GET {target} HTTP/1.1", {"Host": page.host, "User-Agent": AGENT, "Accept-Encoding": "gzip"})


def _answer(page: Page, told: Mapping[str, str], payload: bytes) -> bytes:
    date = page.captured
    headers = {"WARC-Target-URI": page.url, "Content-Type": "application/http; msgtype=response"}
    if page.revisit:
        headers |= {"WARC-Profile": SAME_PAYLOAD, "WARC-Refers-To-Target-URI": page.url}
        headers |= {"WARC-Refers-To": _record_id("response", page.url)}
        headers |= {"WARC-Payload-Digest": _digest(payload)}
        return _record("revisit", _visit(page), date, _http_head(page, told, len(payload)), headers)
    body = _gzip(payload) if "gzip" in page.coding else payload
    if "chunked" in page.coding:  # no payload digest: tools differ on whether it covers the chunk marks
        return _record("response", _visit(page), date, _http_head(page, told, None) + _chunks(body), headers)
    headers |= {"WARC-Payload-Digest": _digest(body)}
    return _record("response", _visit(page), date, _http_head(page, told, len(body)) + body, headers)


def _http_head(page: Page, told: Mapping[str, str], length: int | None) -> bytes:
    charset = f"; charset={page.charset}" if "header" in page.declare and page.type.startswith("text/") else ""
    headers = {
        "Date": f"{page.captured:%a, %d %b %Y %H:%M:%S} GMT",
        "Server": "nginx",
        "Content-Type": page.type + charset,
    }
    headers |= told
    if "gzip" in page.coding:
        headers["Content-Encoding"] = "gzip"
    headers |= {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
    return _head(f"HTTP/1.1 {page.status} {HTTPStatus(page.status).phrase}", headers)


def _head(first: str, headers: Mapping[str, str]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def _chunks(body: bytes) -> bytes:
    cuts = [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)]
    return b"".join(b"%x\r\n%b\r\n" % (len(cut), cut) for cut in [*cuts, b""])


def _digest(content: bytes) -> str:
    return f"sha1:{b32encode(sha1(content, usedforsecurity=False).digest()).decode()}"


def _gzip(content: bytes) -> bytes:
    """One gzip member (RFC 1952) without time, name or system, which gzip.compress writes differently by version."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(content) + deflate.flush()
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + body + pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)


def _damaged(member: bytes) -> bytes:
    """The member with a stretch in its middle inverted, as a bad disk leaves it; its length stays."""
    middle = len(member) // 2
    return member[:middle] + bytes(byte ^ 0xFF for byte in member[middle : middle + 64]) + member[middle + 64 :]
