"""MDS shards: what mosaicml-streaming's StreamingDataset, and llm-foundry on it, reads."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from florilegium.stages.write import Sequences, checked, grouped, joined, spans, unsound

TAKES = "tokens"
SUFFIX = ".mds/index.json"
"""Ending of the file that is finished last: without it the others are no shard."""

KNOWS = ("sequences", "pieces", "dtype")
"""What its files tell of a shard: where sequences end, where pieces of documents do, and how tokens were stored."""

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


def scan(path: Path, most: int) -> Iterator[Sequences]:
    """What `write` wrote at this path, in portions of at most `most` tokens or one sequence; maps one file at a time.

    Takes only what `write` writes, byte for byte where the format leaves a choice. Raises PipelineError that names the
    file and what does not hold.
    """
    folder = path.with_name(path.name + ".mds")
    for number, (name, samples, size, dtype) in enumerate(_told(folder / "index.json")):
        file = folder / name
        if name != f"shard.{number:05d}.mds" or not file.is_file():
            raise unsound(file, "there is no such file, or its name is not the next one")
        if file.stat().st_size != size:
            raise unsound(file, f"it has {file.stat().st_size} bytes, and index.json speaks of {size}")
        held: list[Sequences] = []
        used = 0
        for one in _samples(file, samples, dtype):
            if held and used + len(one.tokens) > most:
                yield joined(held)
                held, used = [], 0
            held.append(one)
            used += len(one.tokens)
        yield joined(held)


def _told(index: Path) -> list[tuple[str, int, int, str]]:
    """Name, samples, bytes and type of tokens of each file."""
    try:
        whole = json.loads(index.read_text("utf-8"))
        found = [
            (one["raw_data"]["basename"], one["samples"], one["raw_data"]["bytes"], one["column_encodings"][1][8:])
            for one in whole["shards"]
        ]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise unsound(index, f"is no index of MDS files: {error}") from error
    same = all(one.items() >= _config(dtype).items() for one, (*_, dtype) in zip(whole["shards"], found, strict=True))
    dtypes = {dtype for *_, dtype in found}
    if whole.get("version") != 2 or not same or dtypes not in ({"int32"}, {"uint16"}):
        raise unsound(index, "its files are not what was written: columns lengths and tokens, no compression")
    return found


def _samples(file: Path, count: int, dtype: str) -> Iterator[Sequences]:
    """The sequences of one file."""
    data = np.memmap(file, np.uint8, "r")
    text = json.dumps(_config(dtype), sort_keys=True).encode()
    start = 4 + 4 * (count + 1) + len(text)
    if count < 1 or len(data) < start or int.from_bytes(data[:4].tobytes(), "little") != count:
        raise unsound(file, f"does not hold {count} samples")
    offsets = data[4 : 8 + 4 * count].view("<u4").astype(np.int64)
    if data[8 + 4 * count : start].tobytes() != text:
        raise unsound(file, "its configuration is not that of index.json")
    if int(offsets[0]) != start or (np.diff(offsets) < 8).any() or int(offsets[-1]) != len(data):
        raise unsound(file, "its samples overlap, or leave gaps between them")
    for number, (begin, end) in enumerate(pairwise(offsets.tolist())):
        sample = data[begin:end]
        sizes = sample[:8].view("<u4").tolist()
        if 8 + sum(sizes) != end - begin:
            raise unsound(file, f"sample {number} is not as large as its columns")
        lengths = _array(sample[8 : 8 + sizes[0]], "<i4")
        tokens = _array(sample[8 + sizes[0] :], "<i4" if dtype == "int32" else "<u2")
        if lengths is None or tokens is None or (lengths < 1).any() or int(lengths.sum()) != len(tokens):
            raise unsound(file, f"sample {number}: lengths are not those of its tokens")
        whole = np.array([len(tokens)], np.int64)
        yield Sequences(tokens, whole, np.array([len(lengths)], np.int64), lengths.astype(np.int64))


def _array(data: NDArray[np.uint8], dtype: str) -> "NDArray[Any] | None":
    """The values behind `_header`; None when it is not the header of an array of one or more values of this size."""
    width = 1 << (int(data[0]) & 3) if len(data) and 4 <= int(data[0]) <= 6 else 0
    count = int.from_bytes(data[1 : 1 + width].tobytes(), "little")
    values = data[1 + width :]
    if not count or data[: 1 + width].tobytes() != _header(count) or len(values) != count * np.dtype(dtype).itemsize:
        return None
    return np.frombuffer(values.tobytes(), dtype)
