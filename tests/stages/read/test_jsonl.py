"""JSON lines: every line once whatever the cut; a bad line costs itself."""

import gzip
import io
import json
from itertools import pairwise

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.read import Piece, Record, _columns, jsonl


def read(data: bytes, start: int = 0, end: int | None = None, options: jsonl.Options | None = None) -> list[Record]:
    piece = Piece("lines", "a.jsonl", start, len(data) if end is None else end)
    return list(jsonl.read(io.BytesIO(data), piece, options or jsonl.Options()))


def line(**values: object) -> bytes:
    return json.dumps(values).encode() + b"\n"


def verdicts(records: list[Record]) -> list[str | None]:
    return [one.beside or one.reason or one.text for one in records]


def test_the_usual_keys_are_found() -> None:
    (one,) = read(line(content="Text", doc_id=7, url="http://a.example/", title="T", date="2024-02-29T12:00:00+02:00"))
    assert (one.position, one.text, one.record_id, one.url, one.title) == ("0", "Text", "7", "http://a.example/", "T")
    assert one.fetched and one.fetched.isoformat() == "2024-02-29T10:00:00+00:00"
    assert one.bytes_in == 4
    (page,) = read(line(html="<p>ř", timestamp=0))
    assert (page.html, page.declared_charset, page.mime) == ("<p>ř".encode(), "utf-8", "text/html")
    assert page.fetched and page.fetched.year == 1970


def test_named_columns_stand_before_the_usual_ones() -> None:
    data = line(text="no", body="yes", id="no", key="k")
    (one,) = read(data, options=jsonl.Options(columns={"text": "body", "id": "key"}))
    assert (one.text, one.record_id) == ("yes", "k")
    with pytest.raises(ValidationError):
        jsonl.Options(columns={"texts": "body"})  # type: ignore[dict-item]
    with pytest.raises(ValidationError):
        jsonl.Options(colums={})  # type: ignore[call-arg]


BAD_LINES = [
    (b"{not json}\n", "read.damaged"),
    (b'{"text": "cut of\n', "read.damaged"),
    (b'{"text": "\xff"}\n', "read.damaged"),
    (b'{"text": "\xed\xa0\x80"}\n', "read.damaged"),
    (b'["text"]\n', "read.damaged"),
    (b"[" * 100_000 + b"\n", "read.damaged"),
    (b'{"number": ' + b"9" * 10_000 + b', "text": "x"}\n', "read.damaged"),
    (b'{"url": "http://a.example/"}\n', "read.damaged"),
    (b'{"text": 5}\n', "read.damaged"),
    (b'{"text": ""}\n', "read.empty"),
    (b'{"text": null}\n', "read.empty"),
    (b"  \r\n", "blank"),
    (b"\n", "blank"),
    (line(text="x" * 3000), "read.too_large"),
    (b'{"text": "a\\ud800b\\ud83d\\ude00"}\n', "a\ufffdb\U0001f600"),
    (b'{"text": "tail"}\r\n', "tail"),
]


@pytest.mark.parametrize(("bad", "expected"), BAD_LINES)
def test_a_bad_line_costs_itself(bad: bytes, expected: str) -> None:
    options = jsonl.Options(max_bytes=200_000 if bad.startswith((b"[[", b'{"number')) else 2000)
    data = line(text="before") + bad + line(text="after")
    assert verdicts(read(data, options=options)) == ["before", expected, "after"]
    assert verdicts(read(data[:-1], options=options)) == ["before", expected, "after"]
    assert verdicts(read(b"\xef\xbb\xbf" + data, options=options)) == ["before", expected, "after"]


@given(
    st.lists(st.sampled_from([bad for bad, _ in BAD_LINES if len(bad) < 5000] + [line(text="x"), line(text="yy")])),
    st.data(),
)
def test_any_cut_gives_the_same_records(lines: list[bytes], choice: st.DataObject) -> None:
    data = line(text="first") + b"".join(lines)
    whole = read(data)
    assert len(whole) == len(lines) + 1
    assert len({one.position for one in whole}) == len(whole)
    target = choice.draw(st.integers(1, len(data) + 1))
    pieces = list(jsonl.cut(io.BytesIO(data), len(data), target, jsonl.Options()))
    edges = [0, *choice.draw(st.lists(st.integers(0, len(data))).map(sorted)), len(data)]
    for cuts in (pieces, list(pairwise(edges))):
        assert [one for start, end in cuts for one in read(data, start, end)] == whole


PACKS = {"gz": lambda data: gzip.compress(data, mtime=0), "zst": zstandard.compress}
MANY = b"".join(line(text=f"{number} {number * 7919**3 % 10**12}", n=number) for number in range(10_000))


@pytest.mark.parametrize("pack", PACKS)
def test_compressed_files_are_one_piece_and_keep_what_stands_before_a_damage(pack: str) -> None:
    packed = PACKS[pack](MANY)
    assert list(jsonl.cut(io.BytesIO(packed), len(packed), 100, jsonl.Options())) == [(0, len(packed))]
    whole = read(MANY)
    assert len(whole) == 10_000 and read(packed) == whole
    assert read(PACKS[pack](MANY[:1000]) + PACKS[pack](MANY[1000:])) == whole
    middle = len(packed) // 2
    for broken in (packed[:middle], packed[:middle] + b"\xff\0" * 50 + packed[middle + 100 :], packed[:-1]):
        got = read(broken)
        assert got[-1].reason == "read.damaged" and len(got) > 2_000
        assert got[:2_000] == whole[:2_000]
        assert len({one.position for one in got}) == len(got)
    assert read(packed[: len(packed) - 4])[-2].reason is None


OTHERS = [
    b"<html></html>\n" * 10,
    gzip.compress(b"WARC/1.0\r\n" * 10),
    b"PAR1" + b"\0" * 99,
    b'[{"text": "x"}]\n',
]


def checked(data: bytes, columns: dict[_columns.Name, str] | None = None, name: str = "a.jsonl") -> None:
    file = io.BytesIO(data)
    file.name = name
    jsonl.check(file, jsonl.Options(columns=columns or {}))


@pytest.mark.parametrize("data", OTHERS, ids=range(len(OTHERS)))
def test_another_format_is_one_record_and_a_mistake_to_the_check(data: bytes) -> None:
    ((start, end),) = jsonl.cut(io.BytesIO(data), len(data), 5, jsonl.Options())
    assert [(one.position, one.reason) for one in read(data, start, end)] == [("", "read.wrong_format")]
    assert read(data, 5, 10) == []
    with pytest.raises(PipelineError, match="not JSON lines"):
        checked(data)


def test_an_empty_file_has_no_lines_but_no_compressed_file_is_empty() -> None:
    checked(b"")
    assert read(b"", 0, 1) == []
    with pytest.raises(PipelineError, match=r"a\.jsonl\.gz: these are not JSON lines"):
        checked(b"", name="a.jsonl.gz")
    piece = Piece("lines", "a.jsonl.gz", 0, 1)
    (one,) = jsonl.read(io.BytesIO(b""), piece, jsonl.Options())
    assert (one.position, one.reason) == ("", "read.wrong_format")


HPLT = line(u="http://a.example/", ts="2024-02-29T00:00:00Z", text="x")

JUDGED: list[tuple[bytes, dict[_columns.Name, str], str | None]] = [
    (HPLT, {"url": "u", "fetched": "ts"}, None),
    (HPLT, {"url": "uu"}, "has no 'uu', which options.columns.url names"),
    (line(text="y") + HPLT, {"url": "u"}, None),  # not every line need have it
    (line(body="x"), {}, "nothing in it is called"),
    (line(body="x"), {"text": "body"}, None),
    (line(html=None), {}, None),
    (b"{broken\n", {"text": "body"}, None),  # nothing to judge by
    (gzip.compress(HPLT), {"url": "uu"}, "has no 'uu'"),
    (gzip.compress(HPLT * 9)[:-20], {"url": "u"}, None),
    (zstandard.compress(HPLT), {"url": "u"}, None),
]


@pytest.mark.parametrize(("data", "columns", "mistake"), JUDGED)
def test_columns_are_judged_by_the_first_objects(
    data: bytes, columns: dict[_columns.Name, str], mistake: str | None
) -> None:
    if mistake is None:
        checked(data, columns)
        return
    with pytest.raises(PipelineError, match=mistake) as caught:
        checked(data, columns)
    assert ("body" if "body" in data.decode("latin-1") else "u, ts, text") in caught.value.hint


def test_a_media_type_is_read_without_its_parameters() -> None:
    (one,) = read(line(text="x", c="Text/HTML; charset=UTF-8"), options=jsonl.Options(columns={"mime": "c"}))
    assert (one.mime, one.declared_charset) == ("text/html", "utf-8")
