"""What every input and output format promises: the contract, records whole or counted, nothing raised by damage."""

import bz2
import gzip
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
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
from florilegium.stages.write import Sequences
from tests.stages.printed import pdf

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


def xml_file(begin: str, each: str, end: str) -> bytes:
    return (begin + "".join(each.format(text) for text in TEXTS) + end).encode()


def mediawiki_file() -> bytes:
    pages = [
        f"  <page>\n<title>{number}</title><ns>0</ns><revision><text>{text}</text></revision></page>\n"
        for number, text in enumerate(TEXTS)
    ]
    streams = ["<mediawiki>\n", *("".join(pages[at : at + 9]) for at in range(0, 60, 9)), "</mediawiki>\n"]
    return b"".join(bz2.compress(one.encode()) for one in streams)


FILES: dict[str, Callable[[], bytes]] = {
    "akn": lambda: xml_file("<akomaNtoso><act><body>", "<p>{}</p>", "</body></act></akomaNtoso>"),
    "alto": lambda: xml_file(
        "<alto><Layout><Page>",
        '<TextBlock><TextLine><String CONTENT="{}"/></TextLine></TextBlock>',
        "</Page></Layout></alto>",
    ),
    "dila": lambda: xml_file("<ARTICLE><BLOC_TEXTUEL><CONTENU>", "<p>{}</p>", "</CONTENU></BLOC_TEXTUEL></ARTICLE>"),
    "formex": lambda: xml_file("<ACT><ENACTING.TERMS>", "<P>{}</P>", "</ENACTING.TERMS></ACT>"),
    "gii": lambda: xml_file(
        "<dokumente><norm><metadaten/><textdaten><text>", "<P>{}</P>", "</text></textdaten></norm></dokumente>"
    ),
    "html": lambda: "".join(f"<p>{text}</p>" for text in TEXTS).encode(),
    "jsonl": lambda: b"".join(json.dumps({"text": text}).encode() + b"\n" for text in TEXTS),
    "mediawiki": mediawiki_file,
    "parlamint": lambda: xml_file("<TEI><text><u>", "<seg>{}</seg>", "</u></text></TEI>"),
    "parquet": parquet_file,
    "pdf": lambda: pdf([[(60, 700 - 20 * number, 9, f"Page {number}")] for number in range(30)]),
    "warc": warc_file,
    "xml": lambda: xml_file("<ACT><ENACTING.TERMS>", "<P>{}</P>", "</ENACTING.TERMS></ACT>"),
}
"""A small file of every input format; a new format brings its own."""

READERS = names("stages.read")
WRITERS = names("stages.write")
DOCUMENTS = [name for name in WRITERS if find("stages.write", name).TAKES == "documents"]
TOKENS = [name for name in WRITERS if find("stages.write", name).TAKES == "tokens"]


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
        assert at < 16 or name == "parquet", "only the first bytes, or the names in a footer, make it another format"
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


@pytest.mark.parametrize("name", DOCUMENTS)
def test_writers_write_all_rows_and_the_same_bytes_again(name: str, tmp_path: Path) -> None:
    writer = find("stages.write", name)
    assert writer.__doc__ and writer.SUFFIX.startswith(".")
    columns: dict[str, Any] = {"id": [bytes([n]) * 16 for n in range(60)], "text": TEXTS, "language": ["ces_Latn"] * 60}
    batch = schema.batch(columns, ["id", "text", "language"])
    for target in ("one", "two"):
        assert writer.write(iter([batch.slice(0, 7), batch.slice(7)]), tmp_path / target) == 60
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_writer_whose_rows_break_off_passes_the_error_on(name: str, tmp_path: Path) -> None:
    def breaking() -> Any:
        yield schema.batch({"id": [bytes(16)], "text": ["a"]}, ["id", "text"])
        raise RuntimeError("the stage before broke")

    with pytest.raises(RuntimeError, match="stage before"):
        find("stages.write", name).write(breaking(), tmp_path / "shard")


Rows = list[list[list[int]]]
"""Sequences of pieces of tokens."""


def megatron_rows(stem: Path) -> list[list[int]]:
    found = find("stages.write", "megatron").read(stem.with_name(stem.name + "_text_document"))
    return [found.sequence(number).tolist() for number in range(len(found))]


def mds_rows(stem: Path) -> list[list[list[int]]]:
    rows = []
    folder = stem.with_name(stem.name + ".mds")
    for shard in json.loads((folder / "index.json").read_text())["shards"]:
        dtype = shard["column_encodings"][1].removeprefix("ndarray:")
        data = (folder / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"]
        offsets = np.frombuffer(data, "<u4", shard["samples"] + 1, 4)
        for begin, end in pairwise(offsets.tolist()):
            sizes = np.frombuffer(data, "<u4", 2, begin).tolist()
            middle = begin + 8 + sizes[0]
            assert middle + sizes[1] == end
            arrays = data[begin + 8 : middle], data[middle:end]
            heads = [1 + (1 << (array[0] & 3)) for array in arrays]
            lengths = np.frombuffer(arrays[0][heads[0] :], "<i4")
            rows.append(divided(np.frombuffer(arrays[1][heads[1] :], dtype), lengths))
    return rows


def packed_rows(stem: Path) -> list[list[list[int]]]:
    table = pq.read_table(stem.with_name(stem.name + ".packed.parquet"))
    return [divided(np.array(row["input_ids"]), np.array(row["seq_lengths"])) for row in table.to_pylist()]


def ds_rows(stem: Path) -> list[list[int]]:
    name, count, _ = stem.with_name(stem.name + ".ds.metadata").read_text().split("\n")
    tokens = np.fromfile(stem.with_name(stem.name + ".ds"), {"2": "<u2", "4": "<u4"}[name.split("|")[1]])
    assert len(tokens) == int(count)
    ends = np.fromfile(stem.with_name(stem.name + ".ds.index"), "<u8").astype(np.int64)
    return divided(tokens, np.diff(ends, prepend=0))


def divided(tokens: Any, lengths: Any) -> list[list[int]]:
    assert len(tokens) == lengths.sum()
    return [part.tolist() for part in np.split(tokens, np.cumsum(lengths)[:-1])]


OPEN: dict[str, tuple[Callable[[Path], Any], Callable[[Rows], Any]]] = {
    "ds": (ds_rows, lambda rows: [piece for row in rows for piece in row]),
    "mds": (mds_rows, lambda rows: rows),
    "megatron": (megatron_rows, lambda rows: [[token for piece in row for token in piece] for row in rows]),
    "packed": (packed_rows, lambda rows: rows),
}
"""How a token format is read back, and what of the rows it keeps; a new format brings its own."""


def sequences(rows: Rows, dtype: str) -> Sequences:
    pieces = [piece for row in rows for piece in row]
    return Sequences(
        np.array([token for piece in pieces for token in piece], dtype),
        np.array([sum(map(len, row)) for row in rows], np.int64),
        np.array([len(row) for row in rows], np.int64),
        np.array([len(piece) for piece in pieces], np.int64),
    )


def test_every_token_format_is_opened_here() -> None:
    assert list(OPEN) == TOKENS and sorted(TOKENS + DOCUMENTS) == WRITERS


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("dtype", ["uint16", "int32"])
@pytest.mark.parametrize("name", TOKENS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_tokens_come_back_and_no_division_shows(
    name: str, dtype: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ids = st.integers(0, 65_499 if dtype == "uint16" else (1 << 31) - 1)
    piece = st.lists(ids, min_size=1, max_size=300)
    rows = data.draw(st.lists(st.lists(piece, min_size=1, max_size=4), min_size=1, max_size=12))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    parts = [sequences(rows[begin:end], dtype) for begin, end in pairwise([0, *cuts, len(rows)])]
    writer = find("stages.write", name)
    written = []
    for division in ([sequences(rows, dtype)], parts):
        folder = tmp_path_factory.mktemp(name)
        files = writer.write(iter(division), folder / "deu_Latn_0000")
        assert sorted(path.relative_to(folder).as_posix() for path in files) == sorted(contents(folder))
        assert str(files[-1]).endswith(writer.SUFFIX) and writer.__doc__ and writer.write.__doc__
        written.append(contents(folder))
    assert written[0] == written[1]
    read, kept = OPEN[name]
    assert read(folder / "deu_Latn_0000") == kept(rows)


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_writer_that_breaks_off_leaves_no_shard(name: str, tmp_path: Path) -> None:
    def breaking() -> Any:
        for _ in range(3):
            yield sequences([[[1, 2, 3]]] * 10, "int32")
        raise RuntimeError("the stage before broke")

    writer = find("stages.write", name)
    writer.write(iter([sequences([[[4, 5]]], "int32")]), tmp_path / "shard")
    OPEN[name][0](tmp_path / "shard")
    with pytest.raises(RuntimeError, match="stage before"):
        writer.write(breaking(), tmp_path / "shard")
    with pytest.raises((PipelineError, OSError)):
        OPEN[name][0](tmp_path / "shard")


def used(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*"))


ENDLESS = """
import sys
from itertools import repeat
from pathlib import Path
import numpy as np
from florilegium.pipeline.stage import find
from florilegium.stages.write import Sequences
from tests.stages.printed import pdf

tokens = np.random.default_rng(1).integers(0, 200_000, 100_000, np.int32)
lengths = np.full(1000, 100)
batch = Sequences(tokens, lengths, np.ones(1000, np.int64), lengths)
find("stages.write", sys.argv[1]).write(repeat(batch), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_writer_that_is_killed_leaves_no_shard_and_its_path_free(name: str, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ENDLESS, name, str(tmp_path / "shard")]) as child:
        while child.poll() is None and used(tmp_path) < 1 << 20:
            time.sleep(0.01)
        child.kill()
    assert child.returncode == -signal.SIGKILL
    with pytest.raises((PipelineError, OSError, pa.ArrowInvalid)):
        OPEN[name][0](tmp_path / "shard")
    rows = [[[1, 2, 3], [4]], [[5]]]
    for stem in ("shard", "clean/shard"):
        (tmp_path / stem).parent.mkdir(exist_ok=True)
        find("stages.write", name).write(iter([sequences(rows, "int32")]), tmp_path / stem)
    clean = contents(tmp_path / "clean")
    assert {path: data for path, data in contents(tmp_path).items() if not path.startswith("clean/")} == clean
