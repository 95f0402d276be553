"""Parquet files: every row once whatever the cut; a damaged row group costs its own rows."""

import io
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.read import Piece, Record, _columns, parquet


def stored(columns: dict[str, Any], group: int = 100) -> bytes:
    to = io.BytesIO()
    table = pa.table(columns)
    pq.write_table(table, to, row_group_size=group, compression="zstd", write_page_checksum=True, use_dictionary=False)
    return to.getvalue()


def read(data: bytes, start: int = 0, end: int = 1 << 40, options: parquet.Options | None = None) -> list[Record]:
    return list(parquet.read(io.BytesIO(data), Piece("rows", "a.parquet", start, end), options or parquet.Options()))


MANY = stored({"text": [f"row {n}" for n in range(1000)], "url": ["http://a.example/"] * 1000, "other": range(1000)})


def test_rows_become_records() -> None:
    at = datetime(2024, 2, 29, 1, 2, 3, 999_999, UTC)
    kinds: dict[int, Any] = {0: pa.timestamp("s"), 3: pa.timestamp("ms"), 6: pa.timestamp("us"), 9: pa.timestamp("ns")}
    for power, kind in kinds.items():
        fetched = pa.array([int(at.timestamp()) * 10**power + (power > 0)] * 2, kind)
        page = [b"<p>\xf8", None]
        one, two = read(
            stored({"body": page, "key": [1, 2], "fetched": fetched, "charset": ["iso-8859-2"] * 2}), options=HTML
        )
        assert (one.position, one.html, one.record_id, one.declared_charset) == ("0", b"<p>\xf8", "1", "iso-8859-2")
        assert one.fetched == at.replace(microsecond=0)
        assert (two.position, two.reason) == ("1", "read.empty")
    (day,) = read(stored({"text": ["x"], "date": [date(2024, 2, 29)]}))
    assert day.fetched == datetime(2024, 2, 29, tzinfo=UTC)


HTML = parquet.Options(columns={"html": "body", "id": "key"})


def test_any_cut_gives_the_same_records() -> None:
    whole = read(MANY)
    assert [one.text for one in whole] == [f"row {n}" for n in range(1000)]
    assert [one.position for one in whole] == [str(n) for n in range(1000)]
    counts = set()
    for target in (1, 700, 1500, 5000, 1 << 30):
        pieces = list(parquet.cut(io.BytesIO(MANY), len(MANY), target, parquet.Options()))
        assert [one for start, end in pieces for one in read(MANY, start, end)] == whole
        counts.add(len(pieces))
    assert {1, 10} < counts
    empty = stored({"text": pa.array([], pa.string())})
    assert list(parquet.cut(io.BytesIO(empty), len(empty), 1, parquet.Options())) == [] and read(empty) == []


@pytest.mark.parametrize("column", [0, 1])
def test_a_damaged_row_group_costs_its_rows(column: int) -> None:
    group = pq.ParquetFile(io.BytesIO(MANY)).metadata.row_group(3).column(column)
    hit = group.data_page_offset + group.total_compressed_size - 8
    got = read(MANY[:hit] + b"\xff\0\xff\0" + MANY[hit + 4 :])
    whole = read(MANY)
    assert got[:300] == whole[:300] and got[400:] == whole[400:]
    assert {one.reason for one in got[300:400]} == {"read.damaged"}
    assert len({one.position for one in got}) == 1000


def test_a_bad_value_costs_its_row() -> None:
    wrong = pa.array([b"good", b"\xff bad", b"fine"], pa.binary()).view(pa.string())
    for name in ("text", "html"):
        got = read(stored({name: wrong}))
        assert [one.text or (one.html or b"").decode() or one.reason for one in got] == ["good", "read.damaged", "fine"]
    got = read(stored({"text": ["a", "b", "c"], "url": wrong}))
    assert [one.url for one in got] == ["good", None, "fine"] and [one.reason for one in got] == [None] * 3
    large = read(stored({"text": ["x" * 11, "x" * 10]}), options=parquet.Options(max_bytes=10))
    assert [one.reason for one in large] == ["read.too_large", None]


def test_a_file_without_its_footer_is_one_damaged_record() -> None:
    for broken in (MANY[:-30], MANY[: len(MANY) // 2], b"PAR1"):
        ((start, end),) = parquet.cut(io.BytesIO(broken), len(broken), 100, parquet.Options())
        assert [(one.position, one.reason) for one in read(broken, start, end)] == [("", "read.damaged")]


NUMBERS = stored({"text": [1, 2, 3], "page": ["a", "b", "c"]}, group=2)

JUDGED: list[tuple[bytes, dict[_columns.Name, str], str, str]] = [
    (b"<html>", {}, "not a Parquet file", "format"),
    (b"", {}, "not a Parquet file", "format"),
    (MANY[:-30], {}, "its end is missing", "anew"),
    (stored({"body": ["x"], "n": [1]}), {}, "nothing in it is called", "body, n"),
    (MANY, {"url": "address"}, "has no 'address', which options.columns.url names", "text, url, other"),
    (NUMBERS, {}, "of another type", "string"),
    (NUMBERS, {"html": "text"}, "of another type", "string"),
]


@pytest.mark.parametrize(("data", "columns", "mistake", "hint"), JUDGED)
def test_a_file_that_gives_no_text_is_a_mistake_to_the_check(
    data: bytes, columns: dict[_columns.Name, str], mistake: str, hint: str
) -> None:
    with pytest.raises(PipelineError, match=mistake) as caught:
        parquet.check(io.BytesIO(data), parquet.Options(columns=columns))
    assert hint in caught.value.hint
    parquet.check(io.BytesIO(MANY), parquet.Options(columns={"url": "other"}))
    parquet.check(io.BytesIO(NUMBERS), parquet.Options(columns={"text": "page"}))


def test_a_file_that_gives_no_text_is_read_to_its_end() -> None:
    for other in (b"<html>", b""):
        ((start, end),) = parquet.cut(io.BytesIO(other), len(other), 100, parquet.Options())
        assert [(one.position, one.reason) for one in read(other, start, end)] == [("", "read.wrong_format")]
    for columns in ({"text": ["x"] * 3}, {"text": [1, 2, 3]}, {"text": [["a"], ["b"], ["c"]]}):
        data = stored(columns, group=2)
        named = parquet.Options(columns={"text": "body"} if columns["text"][0] == "x" else {})
        pieces = list(parquet.cut(io.BytesIO(data), len(data), 1, named))
        assert pieces == [(0, 2), (2, 3)]
        got = [one for start, end in pieces for one in read(data, start, end, named)]
        assert [(one.position, one.reason) for one in got] == [(str(n), "read.wrong_format") for n in range(3)]


def test_text_may_be_of_any_type_of_characters() -> None:
    small = pa.array(["a", None, "a"])
    kinds: list[Any] = [pa.large_string(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())]
    for text in (small, *(small.cast(kind) for kind in kinds)):
        assert [one.text or one.reason for one in read(stored({"text": text}))] == ["a", "read.empty", "a"]
    assert [one.reason for one in read(stored({"text": pa.nulls(2)}))] == ["read.empty"] * 2


def test_any_bit_of_a_footer_may_be_wrong() -> None:
    """Nothing is raised, and pyarrow, which ends the process for some of them, is not asked what it cannot answer."""
    data = stored({"text": ["a", None], "n": [1, 2]})
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    assert footer < len(data) - 200
    seen = set()
    for at in range(footer, len(data)):
        for bit in range(8):
            broken = bytearray(data)
            broken[at] ^= 1 << bit
            pieces = list(parquet.cut(io.BytesIO(broken), len(broken), 1, parquet.Options()))
            got = [one for start, end in pieces for one in read(bytes(broken), start, end)]
            assert len({one.position for one in got}) == len(got) <= 2 * len(data)
            seen |= {one.reason for one in got}
    assert {None, "read.damaged", "read.wrong_format"} <= seen


class Refusing(io.BytesIO):
    """A file whose disk breaks at its `left`-th read."""

    left = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_a_broken_disk_is_no_damage_of_the_file() -> None:
    """What the system refuses to read must not be counted as dropped: it may be read tomorrow."""
    reads = 0
    while True:
        file = Refusing(MANY)
        file.left = reads
        try:
            whole = list(parquet.read(file, Piece("rows", "a.parquet", 0, 1000), parquet.Options()))
        except OSError as error:
            assert error.errno == 5
            reads += 1
            continue
        break
    assert reads > 10 and len(whole) == 1000 and all(one.reason is None for one in whole)
