"""WARC files: every record once whatever the cut, and damage costs the record that it hits."""

import gzip
import io
import random
import re
import zlib
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import brotli  # type: ignore[import-untyped, unused-ignore]
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.read import Piece, Record, warc

PAGE = b"<!doctype html><html><body><p>%s</p></body></html>"


def record(kind: str, block: bytes, url: str = "http://a.example/", length: int | None = None, **fields: str) -> bytes:
    given_fields = {
        "WARC-Type": kind,
        "WARC-Target-URI": url,
        "WARC-Date": "2024-02-29T23:59:58Z",
        "WARC-Record-ID": f"<urn:uuid:{url}>",
        "Content-Type": "application/http; msgtype=response",
        **{name.replace("_", "-"): value for name, value in fields.items()},
        "Content-Length": str(len(block) if length is None else length),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in given_fields.items())
    return b"WARC/1.0\r\n" + head.encode() + b"\r\n" + block + b"\r\n\r\n"


def http(payload: bytes, head: str = "Content-Type: text/html; charset=UTF-8", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\n{head}\r\n\r\n".encode() + payload


def response(number: int, body: bytes = b"") -> bytes:
    return record("response", http(PAGE % (body or b"page %d" % number)), f"http://a.example/{number}")


def read(data: bytes, start: int = 0, end: int | None = None, max_bytes: int = 50 << 20) -> list[Record]:
    piece = Piece("crawl", "a.warc", start, len(data) if end is None else end)
    return list(warc.read(io.BytesIO(data), piece, warc.Options(max_bytes=max_bytes)))


def read_in_pieces(data: bytes, cuts: Iterable[int]) -> list[Record]:
    edges = [0, *sorted(cuts), len(data)]
    return [one for start, end in pairwise(edges) for one in read(data, start, end)]


def urls(records: Iterable[Record]) -> list[str | None]:
    return [one.reason or one.url for one in records]


def zipped(records: Iterable[bytes], level: int = 6) -> bytes:
    return b"".join(gzip.compress(one, level, mtime=0) for one in records)


def test_a_response_becomes_a_record_with_all_its_fields() -> None:
    data = record("response", http(PAGE % "ä".encode("latin-1"), 'Content-Type: Text/HTML; Charset="ISO-8859-1"'))
    for stored in (data, gzip.compress(data)):
        (one,) = read(stored)
        assert one.html == PAGE % b"\xe4"
        assert (one.position, one.url, one.record_id) == ("0", "http://a.example/", "urn:uuid:http://a.example/")
        assert (one.mime, one.declared_charset, one.bytes_in) == ("text/html", "iso-8859-1", len(PAGE % b"\xe4"))
        assert one.fetched and one.fetched.isoformat() == "2024-02-29T23:59:58+00:00"
        assert one.reason is None and one.beside is None


KINDS: list[tuple[bytes, str]] = [
    (record("warcinfo", b"software: x\r\n"), "beside warcinfo"),
    (record("request", b"GET / HTTP/1.1\r\n\r\n"), "beside request"),
    (record("metadata", b"fetchTimeMs: 1\r\n"), "beside metadata"),
    (record("revisit", http(b"")), "read.revisit"),
    (record("response", http(b"")), "read.empty"),
    (record("response", http(b"x", status="301 Moved")), "read.not_text 301"),
    (record("response", http(b"x", status="404 Not Found")), "read.not_text 404"),
    (record("response", http(b"\x89PNG", "Content-Type: image/png")), "read.not_text"),
    (record("response", http(b"User-agent: *"), "http://a.example/robots.txt"), "read.site_file"),
    (record("response", http(b"[]"), "https://a.example/.well-known/tdmrep.json"), "read.site_file"),
    (record("response", http(PAGE, "Content-Type: text/html"), "http://a.example/x/robots.txt"), "text/html"),
    (record("response", http(b"plain words", "Content-Type: text/plain")), "text/plain"),
    (record("conversion", b"plain words", Content_Type="text/plain"), "text/plain"),
    (record("resource", PAGE, Content_Type="text/html"), "text/html"),
    (
        record(
            "response",
            http(b'\n<?xml version="1.0"?>\n<!-- x --><!DOCTYPE html PUBLIC "x"><html>', "Content-Type: text/xml"),
        ),
        "text/xml",
    ),
    (
        record("response", http(b"<?xml version='1.0'?><html xmlns='x'>", "Content-Type: application/xml")),
        "application/xml",
    ),
    (record("response", http(b"<?xml version='1.0'?><rss>", "Content-Type: text/xml")), "read.not_text"),
    (record("response", http(PAGE, "Server: x")), "text/html"),
    (record("response", http("<html>ř".encode("utf-16"), "Server: x")), "text/html"),
    (record("response", http(b"only words", "Server: x")), "text/plain"),
    (record("response", http(b"\x00\x01\x02", "Server: x")), "read.not_text"),
    (record("response", http(PAGE, "Content-Type: application/octet-stream")), "application/octet-stream"),
    (record("response", http(b"PK\x03\x04", "Content-Type: application/octet-stream")), "read.not_text"),
    (record("response", http(b"%PDF-1.7 x", "Content-Type: application/pdf")), "application/pdf"),
    (record("response", http(b"%PDF-1.7 x", "Content-Type: application/octet-stream")), "application/pdf"),
    (record("response", http(b"\n%PDF-1.7 x", "Content-Type: application/pdf")), "application/pdf"),
    (record("response", http(b"<p>", "Content-Type: application/pdf")), "read.not_text"),
    (record("response", b"no status line"), "read.damaged"),
]


def verdict(one: Record) -> str:
    if one.beside:
        return f"beside {one.beside}"
    if one.reason:
        assert one.html is None and one.text is None
        return f"{one.reason} {one.reason_value:.0f}" if one.reason_value else one.reason
    return str(one.mime)


@pytest.mark.parametrize(("data", "expected"), KINDS, ids=[f"{i}-{kind}" for i, (_, kind) in enumerate(KINDS)])
def test_every_record_is_a_document_or_has_its_reason(data: bytes, expected: str) -> None:
    assert [verdict(one) for one in read(data)] == [expected]


WET: Any = {
    "Content_Type": "text/plain",
    "WARC_Identified_Content_Language": "ces,eng",
    "WARC_Refers_To": "<urn:uuid:1>",
}


def test_a_conversion_brings_its_text_with_what_its_header_says() -> None:
    (one,) = read(record("conversion", "\ufeffŘeka\r\nteče dál\n".encode(), **WET))
    assert (one.text, one.html, one.url, one.mime) == ("Řeka\nteče dál", None, "http://a.example/", "text/plain")
    assert one.facts == {"languages": "ces,eng", "refers_to": "urn:uuid:1"} and one.declared_language is None
    (empty,) = read(record("conversion", b"\n \n", **WET))
    assert (empty.reason, empty.text, empty.html) == ("read.empty", None, None)
    declared: Any = WET | {"Content_Type": "text/plain; charset=iso-8859-2"}
    for block, fields in ((b"\xf8eka", WET), ("řeka".encode("iso-8859-2"), declared)):
        (other,) = read(record("conversion", block, **fields))
        assert (other.html, other.text) == (block, None), "left to extract, which finds the charset"
    (page,) = read(record("response", http(b"plain words", "Content-Type: text/plain"), **WET | {"Content_Type": HTTP}))
    assert (page.text, page.facts) == (None, None)


HTTP = "application/http; msgtype=response"


def chunked(data: bytes) -> bytes:
    return (
        b"".join(b"%x;q=1\r\n%s\r\n" % (len(data[i : i + 7]), data[i : i + 7]) for i in range(0, len(data), 7))
        + b"0\r\n\r\n"
    )


def raw_deflate(data: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(data) + squeeze.flush()


BODY = PAGE % b"words enough to be worth squeezing, words enough to be worth squeezing"
CODINGS = [
    ("Content-Encoding: gzip", gzip.compress(BODY)),
    ("Content-Encoding: x-gzip", gzip.compress(BODY[:20]) + gzip.compress(BODY[20:])),
    ("Content-Encoding: deflate", zlib.compress(BODY)),
    ("Content-Encoding: deflate", raw_deflate(BODY)),
    ("Content-Encoding: br", brotli.compress(BODY)),
    ("Content-Encoding: zstd", zstandard.compress(BODY)),
    ("Transfer-Encoding: chunked", chunked(BODY)),
    ("Transfer-Encoding: gzip, chunked", chunked(gzip.compress(BODY))),
    ("Transfer-Encoding: chunked\r\nContent-Encoding: br, gzip", chunked(gzip.compress(brotli.compress(BODY)))),
]
LEFT_OVER = ["gzip", "deflate", "br", "zstd", "identity", "utf-8", ""]


@pytest.mark.parametrize(("head", "coded"), CODINGS)
def test_codings_are_undone_and_a_broken_one_is_damage(head: str, coded: bytes) -> None:
    head = f"Content-Type: text/html\r\n{head}"
    (whole,) = read(record("response", http(coded, head)))
    assert (whole.html, whole.bytes_in) == (BODY, len(BODY))
    (broken,) = read(record("response", http(coded[: len(coded) // 2], head)))
    assert (broken.reason, broken.html, broken.bytes_in) == ("read.damaged", None, len(coded) // 2)
    (large,) = read(record("response", http(coded, head)), max_bytes=len(BODY) - 1)
    assert large.reason == "read.too_large" and large.html is None


@pytest.mark.parametrize("coding", LEFT_OVER)
def test_a_coding_that_the_crawler_has_undone_is_passed_over(coding: str) -> None:
    head = f"Content-Type: text/html\r\nContent-Encoding: {coding}\r\nTransfer-Encoding: chunked"
    assert [one.html for one in read(record("response", http(BODY, head)))] == [BODY]


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate"])
def test_a_bomb_is_too_large_and_not_held(coding: str) -> None:
    zeros = b"\0" * (200 << 20)
    squeeze: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "br": lambda data: brotli.compress(data, quality=1),
        "zstd": zstandard.compress,
        "deflate": zlib.compress,
    }
    head = f"Content-Type: text/html\r\nContent-Encoding: {coding}"
    (one,) = read(record("response", http(squeeze[coding](zeros), head)), max_bytes=1 << 20)
    assert (one.reason, one.reason_limit) == ("read.too_large", float(1 << 20))


def test_a_large_payload_is_passed_over_and_the_next_record_read() -> None:
    records = [response(0), response(1, b"x" * (1 << 18)), response(2)]
    for data in (b"".join(records), zipped(records), gzip.compress(b"".join(records))):
        got = read(data, max_bytes=1000)
        assert urls(got) == ["http://a.example/0", "read.too_large", "http://a.example/2"]
        assert got[1].url == "http://a.example/1" and got[1].bytes_in > 1 << 18


# Whole: what a damaged record leaves of its neighbours.

FOUR = [response(i, b"%d " % i * 300) for i in range(4)]


def lying(data: bytes, by: int) -> bytes:
    return re.sub(rb"Content-Length: (\d+)", lambda found: b"Content-Length: %d" % (int(found[1]) + by), data, count=1)


def lose_length(data: bytes) -> bytes:
    return re.sub(rb"Content-Length: \d+\r\n", b"", data, count=1)


DAMAGED_RECORD: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda data: data[: len(data) // 2],
    "length too long": lambda data: lying(data, 100),
    "length far too long": lambda data: lying(data, 10**14),
    "length too short": lambda data: lying(data, -100),
    "no length": lose_length,
    "no header": lambda data: data[20:],
}
DAMAGED_MEMBER: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda packed: packed[: len(packed) // 2],
    "bytes changed": lambda packed: packed[:90] + b"\xff\xfe\0\0" + packed[94:],
    "checksum": lambda packed: packed[:-8] + b"\0\0\0\0" + packed[-4:],
}
DAMAGES = [*[("record", name) for name in DAMAGED_RECORD], *[("member", name) for name in DAMAGED_MEMBER]]


def damaged_member(where: str, name: str, data: bytes) -> bytes:
    return zipped([DAMAGED_RECORD[name](data)]) if where == "record" else DAMAGED_MEMBER[name](zipped([data]))


@pytest.mark.parametrize(("where", "name"), DAMAGES)
@pytest.mark.parametrize("hit", range(4))
def test_damage_to_a_gzip_member_costs_its_record(where: str, name: str, hit: int) -> None:
    packed = [gzip.compress(one, mtime=0) for one in FOUR]
    packed[hit] = damaged_member(where, name, FOUR[hit])
    expected = [f"http://a.example/{i}" if i != hit else "read.damaged" for i in range(4)]
    got = read(b"".join(packed))
    assert urls(got) == expected
    assert got[hit].position == str(sum(len(one) for one in packed[:hit]))


@pytest.mark.parametrize("name", DAMAGED_RECORD)
@pytest.mark.parametrize("hit", range(4))
def test_damage_to_a_plain_file_costs_its_record(name: str, hit: int) -> None:
    records = [DAMAGED_RECORD[name](one) if i == hit else one for i, one in enumerate(FOUR)]
    expected = [f"http://a.example/{i}" if i != hit else "read.damaged" for i in range(4)]
    assert urls(read(b"".join(records))) == expected
    if name != "length far too long":  # in one member of many records it costs the rest: nobody can go back
        assert urls(read(gzip.compress(b"".join(records)))) == expected


def test_one_member_of_many_records_keeps_what_stands_before_the_damage() -> None:
    whole = gzip.compress(
        b"".join(response(i, bytes(f"{hash_ * 7919 % 10**9} " * 20, "ascii")) for i, hash_ in enumerate(range(200)))
    )
    assert [one.position for one in read(whole)[:3]] == ["0", "0+1", "0+2"]
    assert len(read(whole)) == 200
    half = read(whole[: len(whole) // 2])
    assert 60 < len(half) < 140 and half[:-1] == read(whole)[: len(half) - 1] and half[-1].reason == "read.damaged"
    middle = len(whole) // 2
    flipped = read(whole[:middle] + b"\xff" * 64 + whole[middle + 64 :])
    assert flipped[:40] == read(whole)[:40] and flipped[-1].reason == "read.damaged"


def test_bytes_between_members_are_counted_once() -> None:
    packed = [gzip.compress(one, mtime=0) for one in FOUR]
    for junk in (b"garbage" * 10, b"\0" * 512, gzip.compress(b"not a WARC record")):
        got = read(packed[0] + junk + packed[1])
        assert urls(got) == ["http://a.example/0", "read.damaged", "http://a.example/1"]
        assert got[1].position == str(len(packed[0]))


# Partition independence.

NOISE = [response(i, random.Random(i).randbytes(300)) for i in range(160)]
SHOWN = response(7)  # a page that shows a WARC record, as a manual of the format does
INSIDE = {
    "plain": [
        response(0),
        record("resource", b"intro\r\n\r\n" + SHOWN * 3 + b"end", Content_Type="text/plain"),
        response(1),
    ],
    # A crawled .warc.gz: what cannot be compressed further may stand byte for byte in the outer member.
    "zipped": [response(0), record("resource", zipped(NOISE), Content_Type="application/gzip"), response(1)],
}


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Files of all three layouts, some with records inside records, some damaged."""
    records = [
        response(i, draw(st.binary(max_size=80)) * draw(st.sampled_from([1, 3, 400])))
        for i in range(draw(st.integers(1, 8)))
    ]
    for at in draw(st.lists(st.integers(0, len(records)), max_size=2)):
        records[at:at] = draw(
            st.sampled_from(
                [*INSIDE.values(), [record("request", b"GET /\r\n\r\n")], [lying(SHOWN, 57)], [b"junk\r\n"]]
            )
        )
    level = draw(st.sampled_from([0, 1, 6]))
    plain = b"".join(records)
    data = [plain, zipped(records, level), gzip.compress(plain, level, mtime=0)][draw(st.integers(0, 2))]
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(5, len(data)))
        new = draw(st.sampled_from([b"", b"\xff\x00\xff", b"\r\n\r\nWARC/1.0\r\n", MAGIC_INSIDE]))
        data = data[:at] + new + data[at + draw(st.sampled_from([0, 1, 20, 2000])) :]
    return data


MAGIC_INSIDE = b"\x1f\x8b\x08" + b"\0" * 10


@settings(max_examples=150, deadline=None)
@given(files(), st.data())
def test_any_cut_gives_the_same_records(data: bytes, choice: st.DataObject) -> None:
    whole = read(data)
    positions = [one.position for one in whole]
    assert len(set(positions)) == len(positions)
    target = choice.draw(st.integers(1, len(data) + 1).map(lambda n: max(n, len(data) // 60)))
    pieces = list(warc.cut(io.BytesIO(data), len(data), target, warc.Options()))
    assert pieces[0][0] == 0 and pieces[-1][1] == len(data)
    assert all(one[1] == two[0] for one, two in pairwise(pieces))
    assert read_in_pieces(data, [start for start, _ in pieces[1:]]) == whole
    if data[:2] == b"\x1f\x8b":
        cuts = choice.draw(st.lists(st.integers(0, len(data)), max_size=4))
        assert read_in_pieces(data, cuts) == whole


def test_records_inside_a_record_are_no_documents_wherever_the_cut_falls() -> None:
    data = zipped(INSIDE["zipped"], level=0)
    whole = read(data)
    assert urls(whole) == ["http://a.example/0", "read.not_text", "http://a.example/1"]
    inner = [found.start() for found in re.finditer(rb"\x1f\x8b\x08", data)]
    assert len(inner) > 100
    for cut in [*inner[::9], *[at + 1 for at in inner[::9]]]:
        assert read_in_pieces(data, [cut]) == whole
    for target in range(500, 5000, 333):
        plain = b"".join(INSIDE["plain"])
        cuts = [start for start, _ in warc.cut(io.BytesIO(plain), len(plain), target, warc.Options())]
        assert urls(read_in_pieces(plain, cuts)) == ["http://a.example/0", "http://a.example/", "http://a.example/1"]


def test_cut_makes_pieces_of_about_the_target() -> None:
    for data in (b"".join(FOUR * 50), zipped(FOUR * 50)):
        pieces = list(warc.cut(io.BytesIO(data), len(data), 5000, warc.Options()))
        assert len(pieces) > 2 and all(end - start < 5000 + 2000 for start, end in pieces)


OTHERS = [b"<html>" * 100, gzip.compress(b'{"text": "x"}\n' * 100), b"PAR1" + b"\0" * 100, b""]


@pytest.mark.parametrize("data", OTHERS, ids=range(len(OTHERS)))
def test_another_format_is_one_record_and_a_mistake_to_the_check(data: bytes) -> None:
    ((start, end),) = warc.cut(io.BytesIO(data), len(data), 100, warc.Options())
    for ends in ([end], [1, 99, end]):
        got = [one for begin, last in pairwise([start, *ends]) for one in read(data, begin, last)]
        assert [(one.position, one.reason) for one in got] == [("", "read.wrong_format")]
    with pytest.raises(PipelineError, match="not a WARC"):
        warc.check(io.BytesIO(data), warc.Options())
    warc.check(io.BytesIO(zipped(FOUR)), warc.Options())
