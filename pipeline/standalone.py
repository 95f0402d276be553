"""Tokens without a build: texts of Parquet or JSON lines files to token shards with sidecars."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from florilegium.pipeline import encoding, inputs, store
from florilegium.pipeline.errors import PipelineError, naming
from florilegium.pipeline.inputs import InputFile, Share
from florilegium.pipeline.recipe import sources_of
from florilegium.pipeline.stage import find
from florilegium.pipeline.tokenizer import warm

SHARD_BYTES = 64 << 20
"""Bytes of text a shard, about: what a worker holds of a build, too."""


@dataclass
class Tokenized:
    """What was written: the counts of each shard by its stem.

    refused: documents of which no trainer would take the tokens, by reason; without: records without a text; why: what
    keeps the C core from the tokenizer, if anything does.
    """

    shards: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    without: Counter[str] = field(default_factory=Counter)
    why: str | None = None


def tokenize(
    paths: Sequence[str],
    tokenizer: Path,
    out: Path,
    *,
    output_format: str = "megatron",
    length: int | None = None,
    eos: str | None = None,
    threads: int = 1,
) -> Tokenized:
    """Write `out/<file>_NNNN` in a token format, one or more shards a file. Documents without a text are left out.

    Raises PipelineError for inputs that cannot be
    read or hold pages instead of texts, and for a tokenizer or token that is not there.
    """
    writer = find("stages.write", output_format)
    if writer.TAKES != "tokens":
        raise PipelineError(f"--format {output_format}: is a format of documents", "use megatron, packed, mds or ds")
    pack: dict[str, Any] = {"kind": "documents"} if length is None else {"kind": "best-fit", "length": length}
    layout = {"name": output_format, "format": output_format, "pack": {"seed": 0, **pack}}
    files, _ = inputs.input_files(sources_of(paths))
    store.make_folder(str(out))
    found = Tokenized()
    for file in files:
        rows = texts(file, found.without)
        for number in itertools.count():
            beside: list[pa.Table] = []
            encoded = encoding.encode(_portion(rows, beside), str(tokenizer), None, eos, threads)
            if not beside:
                break
            _shard(found, str(out / f"{_stem(file)}_{number:04}"), pa.concat_tables(beside), encoded, layout)
            if file.size >= warm.WORTH:
                warm.keep(encoded.encoder)
            del encoded  # its tokens, before the next shard's
    if not found.shards:
        raise PipelineError(f"{', '.join(paths)}: hold no text", "give files with a column or key `text`")
    return found


def _shard(found: Tokenized, stem: str, table: pa.Table, encoded: encoding.Encoded, layout: Mapping[str, Any]) -> None:
    """Write one shard, unless no trainer would take any of its documents."""
    found.why = encoded.encoder.why
    found.refused.update(encoded.refused.values())
    rows = encoding.split_of(table, encoded, 0.0)["train"]
    if len(rows):
        _, found.shards[stem] = encoding.written(stem, table, encoded, rows, layout)


def _stem(file: InputFile) -> str:
    """The name of a file without its endings, safe as a name in one folder."""
    return file.name.split(".")[0].replace("/", "-") or file.source


def _portion(rows: Iterator[pa.Table], beside: list[pa.Table]) -> "Iterator[pa.Array[Any]]":
    """The texts of one shard, about SHARD_BYTES of them; what stands beside them is added to `beside`."""
    size = 0
    for table in rows:
        yield from table["text"].chunks
        beside.append(table.drop_columns("text"))
        size += table["text"].nbytes
        if size >= SHARD_BYTES:
            break


def texts(file: InputFile, without: Counter[str]) -> Iterator[pa.Table]:
    """The texts of a file in tables of some rows: id, text, language, licence, source."""
    if file.format == "parquet" and not file.options.get("columns"):
        yield from _columns(file, without)
        return
    rows: list[tuple[int, str]] = []
    for _, record in inputs.records(Share(((file, 0, max(file.size, 1)),))):
        if record.html is not None:
            raise PipelineError(f"{file.path}: holds pages, not texts", "extract them first: `florilegium build`")
        if record.text is None:
            without["text"] += record.beside is None
            continue
        rows.append((int(record.position), record.text))
        if len(rows) == ROWS:
            yield _table(file, np.array([at for at, _ in rows]), [text for _, text in rows])
            rows = []
    if rows:
        yield _table(file, np.array([at for at, _ in rows]), [text for _, text in rows])


ROWS, BYTES = 4096, 8 << 20
"""Rows that become Arrow at a time, at most; fewer where so many of a Parquet file have more bytes."""


def _columns(file: InputFile, without: Counter[str]) -> Iterator[pa.Table]:
    """The same of a Parquet file, without a Python object a text."""
    with store.open_input(file.path) as opened, naming(file.path, "cannot be read"):
        source = pq.ParquetFile(opened, pre_buffer=False, buffer_size=1 << 20)  # else a column chunk is read whole
        name = next((one for one in ("text", "content") if one in source.schema_arrow.names), None)
        if name is None:
            raise PipelineError(f"{file.path}: has no column `text`", "name it so, or build with options.columns")
        extra = [one for one in ("language", "licence") if one in source.schema_arrow.names]
        first = 0
        for batch in source.iter_batches(_rows(source.metadata), columns=[name, *extra], use_threads=False):
            places = np.arange(first, first + batch.num_rows)
            first += batch.num_rows
            there = np.asarray(batch[name].is_valid())
            without["text"] += int((~there).sum())
            kept = batch if there.all() else batch.filter(pa.array(there))
            table = _table(file, places[there], kept[name].cast(pa.large_string()))
            for one in extra:
                at = table.schema.names.index(one)
                table = table.set_column(at, one, kept[one].cast(pa.string()))
            yield table


def _rows(metadata: pq.FileMetaData) -> int:
    """How many rows to read at a time."""
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    longest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=0.0)
    return max(1, min(ROWS, int(BYTES / max(longest, 1.0))))


def _table(file: InputFile, positions: NDArray[np.int64], texts: Any) -> pa.Table:
    count = len(positions)
    return pa.table(
        {
            "id": _ids(file, positions),
            "text": texts if isinstance(texts, pa.Array) else pa.array(texts, pa.large_string()),
            "language": pa.repeat("und", count),
            "licence": pa.nulls(count, pa.string()),
            "source": pa.repeat(file.source, count),
        }
    )


def _ids(file: InputFile, positions: NDArray[np.int64]) -> "pa.Array[Any]":
    """Eight bytes of BLAKE2b of source and file, then the position in the file (row or byte), big-endian."""
    halves = np.empty((len(positions), 2), ">u8")
    halves[:, 0] = int.from_bytes(blake2b(f"{file.source}\0{file.name}".encode(), digest_size=8).digest())
    halves[:, 1] = positions
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(positions), [None, pa.py_buffer(halves.tobytes())])
