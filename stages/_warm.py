"""Warm starts: what an encoder has learnt of a tokenizer, in a file beside it, so that the next need not learn it.

The file is an Arrow file of one row. Its schema's metadata say which tokenizer.json and which C core it is of, and hold
the tokenizer.json without its vocabulary and merges; its columns are those two as an engine takes them, and units of
text that were met with their tokens. What is not exactly as it was written is no warm start: nothing depends on one.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from florilegium.stages._engine import Known, Tables
from florilegium.stages._native_sources import DIGEST

FORM = 1
"""Of the file; raised when what stands in it changes."""

_HEAD, _CHECKSUM = b"florilegium.warm", b"florilegium.warm.crc32"
_UNITS, _TOKENS = "units", "units.tokens"


@dataclass(frozen=True)
class Start:
    """What a warm start gives.

    skeleton: the tokenizer.json without vocabulary and merges. engine: the module that its tables are for.
    """

    engine: str
    skeleton: dict[str, Any]
    tables: Tables
    known: Known


def beside(tokenizer: Path) -> Path:
    """Where the warm start of a tokenizer.json is: `tokenizer.warm`."""
    return tokenizer.with_suffix(".warm")


def read(tokenizer: Path, raw: bytes) -> Start | None:
    """The warm start of a tokenizer.json whose bytes are `raw`; None if none is there that is whole and of this one."""
    with suppress(OSError, pa.ArrowException, ValueError, KeyError, IndexError, UnicodeDecodeError):
        with pa.memory_map(str(beside(tokenizer))) as mapped, pa.ipc.open_file(mapped) as opened:
            batch = opened.get_batch(0)
            metadata = opened.schema.metadata or {}
        if metadata[_CHECKSUM] == _checksum(metadata[_HEAD], batch):
            head = json.loads(metadata[_HEAD])
            if head["of"] == _of(raw):
                return _start(head, batch)
    return None


def write(tokenizer: Path, raw: bytes, start: Start) -> Path:
    """Put a warm start beside a tokenizer.json, in one step; answers its path. Raises OSError."""
    columns = {name: _row(pa.array(values)) for name, values in start.tables.items()}
    text, text_at, tokens, tokens_at = start.known
    columns[_UNITS] = _row(
        pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), len(text_at) // 8 - 1, [None, pa.py_buffer(text_at), pa.py_buffer(text)]
        )
    )
    ends: Any = pa.array(np.frombuffer(tokens_at, np.int64))
    ids: Any = pa.array(np.frombuffer(tokens, np.int32))
    columns[_TOKENS] = _row(pa.LargeListArray.from_arrays(ends, ids))
    batch = pa.record_batch(columns)
    head = json.dumps({"of": _of(raw), "engine": start.engine, "skeleton": start.skeleton}).encode()
    batch = batch.replace_schema_metadata({_HEAD: head, _CHECKSUM: _checksum(head, batch)})
    path = beside(tokenizer)
    aside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with pa.OSFile(str(aside), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    return path


def skeleton(file: dict[str, Any]) -> dict[str, Any]:
    """A tokenizer.json without its vocabulary and merges."""
    model = {name: value for name, value in file["model"].items() if name not in ("vocab", "merges")}
    return file | {"model": model}


def _of(raw: bytes) -> str:
    """What a warm start is of: a tokenizer, a C core and a form."""
    return f"{FORM} {DIGEST} {sha256(raw).hexdigest()}"


def _row(values: Any) -> Any:
    """An array as the one value of a column."""
    return pa.LargeListArray.from_arrays(pa.array([0, len(values)], pa.int64()), values)


def _start(head: dict[str, Any], batch: Any) -> Start:
    columns = {name: batch.column(name).values for name in batch.schema.names}
    units, tokens = columns.pop(_UNITS), columns.pop(_TOKENS)
    tables = {name: values.to_numpy() for name, values in columns.items()}
    _, text_at, text = units.buffers()
    known = (text, text_at.slice(0, 8 * (len(units) + 1)), tokens.values.to_numpy(), tokens.offsets.to_numpy())
    return Start(head["engine"], head["skeleton"], tables, known)


def _checksum(head: bytes, batch: pa.RecordBatch) -> bytes:
    """CRC-32 of head, names, types and all values."""
    checksum: int = _crc32()(head + str(batch.schema.remove_metadata()).encode())
    for buffer in _buffers(batch):
        checksum = _crc32()(buffer, checksum)
    return str(checksum).encode()


def _buffers(batch: pa.RecordBatch) -> Iterator[Any]:
    for column in batch.columns:
        yield from (buffer for buffer in column.buffers() if buffer is not None)


@cache
def _crc32() -> Any:
    from isal import isal_zlib

    return isal_zlib.crc32
