"""MDS shards: what mosaicml-streaming's StreamingDataset, and llm-foundry on it, reads."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from florilegium.stages.write import Sequences, checked, grouped, spans

TAKES = "tokens"
SUFFIX = ".mds/index.json"
"""Ending of the file that is finished last: without it the others are no shard."""

SIZE = 1 << 26
"""Bytes of a file: the default of streaming's own writer, small enough to be fetched while training."""


def write(sequences: Iterator[Sequences], path: Path) -> Sequence[Path]:
    """Write one folder, `<path>.mds`, of files `shard.NNNNN.mds` and their `index.json`; answers the files.

    A sample has the columns `tokens` (uint16 or int32) and `lengths` (int32: tokens of each of its documents). Bytes
    are those of streaming 0.13's `MDSWriter`. Any folder above can be opened as one dataset with the index of `index`.
    Raises ValueError for a sequence that is too long for the format's 32-bit offsets.
    """
    folder = path.with_name(path.name + ".mds")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    files: list[Path] = []
    shards: list[dict[str, Any]] = []
    batches = checked(sequences, path)
    first = next(batches)
    config = _config(first.tokens.dtype.name)
    text = json.dumps(config, sort_keys=True).encode()
    # Its number of samples, the offset of its end and its configuration take room in a file as well.
    for group in grouped(chain([first], batches), lambda batch: _sizes(batch) + 4, SIZE - 8 - len(text)):
        files.append(folder / f"shard.{len(files):05d}.mds")
        size = _write(files[-1], group, text)
        data = {"basename": files[-1].name, "bytes": size, "hashes": {}}
        shards.append(config | {"samples": len(group.lengths), "raw_data": data, "zip_data": None})
    files.append(folder / "index.json")
    files[-1].write_text(json.dumps({"version": 2, "shards": shards}, sort_keys=True), "utf-8")
    return files


def index(parts: Mapping[str, bytes]) -> bytes:
    """The `index.json` of a folder from those of folders in it, by name (`{"deu_Latn_0000.mds": ...}`), in order."""
    shards = []
    for name, text in parts.items():
        for shard in json.loads(text)["shards"]:
            shard["raw_data"]["basename"] = f"{name}/{shard['raw_data']['basename']}"
            shards.append(shard)
    return json.dumps({"version": 2, "shards": shards}, sort_keys=True).encode()


def _config(dtype: str) -> dict[str, Any]:
    return {
        "version": 2,
        "format": "mds",
        "compression": None,
        "hashes": [],
        "size_limit": SIZE,
        "column_names": ["lengths", "tokens"],
        "column_encodings": ["ndarray:int32", f"ndarray:{dtype}"],
        "column_sizes": [None, None],
    }


def _sizes(batch: Sequences) -> NDArray[np.int64]:
    """Bytes of each sample: the sizes of both columns, then the columns."""
    arrays = _header_size(batch.pieces) + 4 * batch.pieces + _header_size(batch.lengths)
    return 8 + arrays + batch.tokens.itemsize * batch.lengths


def _header_size(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(counts < 1 << 8, 2, np.where(counts < 1 << 16, 3, 5))


def _header(count: int) -> bytes:
    """Of an array of one dimension: 4, plus the base-2 logarithm of the bytes of its shape; then its shape."""
    width = 0 if count < 1 << 8 else 1 if count < 1 << 16 else 2
    return bytes([4 | width]) + count.to_bytes(1 << width, "little")


def _write(path: Path, group: Sequences, config: bytes) -> int:
    """Write one file; answers its size. Samples, offsets to each and to the end, configuration, samples."""
    sizes = _sizes(group)
    offsets = np.concatenate([[0], np.cumsum(sizes)]) + 4 + 4 * (len(sizes) + 1) + len(config)
    if int(offsets[-1]) >= 1 << 32:
        raise ValueError(f"{path}: a sequence of {int(group.lengths.max())} tokens is too long for MDS")
    tokens = np.ascontiguousarray(group.tokens, group.tokens.dtype.newbyteorder("<"))
    lengths = group.piece_lengths.astype("<i4")
    with path.open("wb") as out:
        out.write(len(sizes).to_bytes(4, "little"))
        out.write(offsets.astype("<u4").data)
        out.write(config)
        for (first, last), (begin, end) in zip(spans(group.pieces), spans(group.lengths), strict=True):
            columns = ((_header(last - first), lengths[first:last]), (_header(end - begin), tokens[begin:end]))
            out.writelines((len(head) + array.nbytes).to_bytes(4, "little") for head, array in columns)
            out.writelines(part for head, array in columns for part in (head, array.data))
    return int(offsets[-1])
