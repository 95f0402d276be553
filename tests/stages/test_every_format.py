"""What every input and output format promises: the contract, records whole or counted, nothing raised by damage."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from florilegium.pipeline import schema
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.stage import find, names
from florilegium.stages.read import COLUMNS, REASONS, Piece, Record, batches

TEXTS = [f"Text number {number}: řeka, ποτάμι, река. " * (number % 7 + 1) for number in range(60)]


def warc_file() -> bytes:
    packed = b""
    for number, text in enumerate(TEXTS):
        block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + f"<p>{text}</p>".encode()
        fields = f"WARC-Type: response\r\nWARC-Target-URI: http://a.example/{number}\r\nContent-Length: {len(block)}"
        packed += gzip.compress(f"WARC/1.0\r\n{fields}\r\n\r\n".encode() + block + b"\r\n\r\n", mtime=0)
    return packed


def parquet_file() -> bytes:
    to = io.BytesIO()
    pq.write_table(pa.table({"text": TEXTS}), to, row_group_size=7, write_page_checksum=True)
    return to.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "html": lambda: "".join(f"<p>{text}</p>" for text in TEXTS).encode(),
    "jsonl": lambda: b"".join(json.dumps({"text": text}).encode() + b"\n" for text in TEXTS),
    "parquet": parquet_file,
    "warc": warc_file,
}
"""A small file of every input format; a new format brings its own."""

READERS = names("stages.read")
WRITERS = names("stages.write")


def read(name: str, data: bytes, target: int = 1 << 30) -> list[Record]:
    reader = find("stages.read", name)
    options = reader.Options()
    pieces = list(reader.cut(io.BytesIO(data), len(data), target, options))
    return [
        record
        for start, end in pieces
        for record in reader.read(io.BytesIO(data), Piece("source", "file", start, end), options)
    ]


def test_every_input_format_has_a_file_here() -> None:
    assert list(FILES) == READERS


@pytest.mark.parametrize("name", READERS)
def test_readers_keep_the_contract(name: str) -> None:
    reader = find("stages.read", name)
    assert reader.__doc__ and reader.check.__doc__ and reader.cut.__doc__ and reader.read.__doc__
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in reader.SUFFIXES)
    assert list(reader.SUFFIXES) == sorted(reader.SUFFIXES, key=len, reverse=True)
    options = TypeAdapter(reader.Options)
    with pytest.raises(ValidationError):
        options.validate_python({"no_such_option": 1})
    with pytest.raises(ValidationError):
        options.validate_python({"max_bytes": 0})
    properties = options.json_schema()["properties"]
    assert all(field.get("description") for field in properties.values()), properties


def test_no_suffix_belongs_to_two_formats() -> None:
    suffixes = [suffix for name in READERS for suffix in find("stages.read", name).SUFFIXES]
    assert len(set(suffixes)) == len(suffixes)


@pytest.mark.parametrize("name", READERS)
def test_whole_files_give_documents_whatever_the_cut(name: str) -> None:
    data = FILES[name]()
    whole = read(name, data)
    assert whole and all(one.reason is None and (one.text or one.html) for one in whole)
    assert len({one.position for one in whole}) == len(whole)
    for target in (1, 333, 2000):
        assert read(name, data, target) == whole
    (batch,) = batches(((Piece("source", "file", 0, len(data)), one) for one in whole), max_rows=100)
    assert batch.schema.names == list(COLUMNS) and batch.schema == schema.schema(COLUMNS)
    assert len(set(batch["id"].to_pylist())) == len(whole)


def sane(records: list[Record]) -> None:
    assert len({one.position for one in records}) == len(records)
    for one in records:
        if one.reason is not None:
            assert one.reason in REASONS and one.html is None and one.text is None and one.beside is None
        elif not one.beside:
            assert (one.html is None) != (one.text is None)


DAMAGES = st.one_of(
    st.tuples(st.just("truncated"), st.floats(0, 1), st.just(b"")),
    st.tuples(st.just("overwritten"), st.floats(0, 1), st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("inserted"), st.floats(0, 1), st.binary(min_size=1, max_size=40)),
)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=150, deadline=None)
@given(damage=DAMAGES)
def test_damage_neither_raises_nor_costs_what_stands_before(name: str, damage: tuple[str, float, bytes]) -> None:
    data = FILES[name]()
    kind, share, new = damage
    at = int(share * len(data))
    rest = {"truncated": b"", "overwritten": data[at + len(new) :], "inserted": data[at:]}[kind]
    broken = data[:at] + new + rest
    got = read(name, broken)
    assert read(name, broken, 500) == got
    sane(got)
    if any(one.reason == "read.wrong_format" for one in got):
        assert at < 8 or name == "parquet", "only the first bytes, or the names in a footer, make it another format"
        return
    if name in ("jsonl", "warc"):  # read from the front, without a table of contents
        before = [one for one in read(name, data[:at]) if one.reason is None][:-1]
        assert got[: len(before)] == before


@pytest.mark.parametrize("name", READERS)
@given(garbage=st.binary(max_size=300))
def test_garbage_is_counted_and_what_the_check_refuses_gives_no_document(name: str, garbage: bytes) -> None:
    reader = find("stages.read", name)
    for data in (garbage, FILES[name]()[:4] + garbage):
        got = read(name, data)
        sane(got)
        try:
            reader.check(io.BytesIO(data), reader.Options())
        except PipelineError as error:
            assert error.message and error.hint
            assert got and not any(one.html or one.text for one in got)


@pytest.mark.parametrize("name", READERS)
def test_the_file_is_left_open(name: str) -> None:
    reader = find("stages.read", name)
    file = io.BytesIO(FILES[name]())
    size = len(file.getvalue())
    for _ in range(2):
        reader.check(file, reader.Options())
        ((start, end), *_) = list(reader.cut(file, size, 1 << 30, reader.Options()))
        list(reader.read(file, Piece("source", "file", start, end), reader.Options()))
    assert not file.closed


@pytest.mark.parametrize("name", WRITERS)
def test_writers_write_all_rows_and_the_same_bytes_again(name: str, tmp_path: Path) -> None:
    writer = find("stages.write", name)
    assert writer.__doc__ and writer.SUFFIX.startswith(".")
    columns: dict[str, Any] = {"id": [bytes([n]) * 16 for n in range(60)], "text": TEXTS, "language": ["ces_Latn"] * 60}
    batch = schema.batch(columns, ["id", "text", "language"])
    for target in ("one", "two"):
        assert writer.write(iter([batch.slice(0, 7), batch.slice(7)]), tmp_path / target) == 60
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


@pytest.mark.parametrize("name", WRITERS)
def test_a_writer_whose_rows_break_off_passes_the_error_on(name: str, tmp_path: Path) -> None:
    def breaking() -> Any:
        yield schema.batch({"id": [bytes(16)], "text": ["a"]}, ["id", "text"])
        raise RuntimeError("the stage before broke")

    with pytest.raises(RuntimeError, match="stage before"):
        find("stages.write", name).write(breaking(), tmp_path / "shard")
