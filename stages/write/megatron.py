"""Megatron pairs (.bin and .idx): what Megatron-LM, titan-oellm and everything that is built on them reads."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from florilegium.stages.write import Sequences, checked, portions, unsound

TAKES = "tokens"
SUFFIX = "_text_document.idx"
"""Ending of the file that is finished last: without it the others are no shard."""

KNOWS = ("sequences", "dtype")
"""What its files tell of a shard: where sequences end, where pieces of documents do, and how tokens were stored."""

BIN = "_text_document.bin"
MAGIC = b"MMIDIDX\x00\x00"
HEADER = struct.Struct("<9sQBQQ")
"""Magic, version, code of the type, sequences, document indices: 34 bytes."""
CODES: Mapping[int, "np.dtype[Any]"] = {4: np.dtype("<i4"), 8: np.dtype("<u2")}
"""The codes of megatron-core's `DType` that tokens are written with (there is none for uint32)."""
BLOCK = 1 << 16
"""Sequences whose index entries are held at once: about 2 MiB."""


def write(sequences: Iterator[Sequences], path: Path) -> Sequence[Path]:
    """Write one pair, `<path>_text_document.bin` and `.idx`; answers the two files.

    One sequence is one document (reference: `IndexedDatasetBuilder` of megatron-core 0.16, whose bytes these are), so
    the index has 42 + 20 bytes a sequence. Lengths go to the index as they come; pointers and document indices are made
    from them at the end, and the header is written last: an index that was broken off is refused by its magic.
    """
    data, index = (path.with_name(path.name + suffix) for suffix in (BIN, SUFFIX))
    count = 0
    with index.open("w+b") as idx, data.open("wb") as out:
        idx.write(bytes(HEADER.size))
        for batch in checked(sequences, path):
            code = 8 if batch.tokens.dtype == np.uint16 else 4
            out.write(np.ascontiguousarray(batch.tokens, CODES[code]).data)
            idx.write(batch.lengths.astype("<i4").data)
            count += len(batch.lengths)
        _point(idx, count, CODES[code].itemsize)
        idx.seek(0)
        idx.write(HEADER.pack(MAGIC, 1, code, count, count + 1))
    return data, index


def _point(idx: BinaryIO, count: int, size: int) -> None:
    """Behind the lengths: the byte at which each sequence begins, then the first sequence of each document."""
    used = 0
    for begin in range(0, count, BLOCK):
        idx.seek(HEADER.size + 4 * begin)
        lengths = np.frombuffer(idx.read(4 * min(BLOCK, count - begin)), "<i4").astype("<i8")
        ends = used + np.cumsum(lengths * size)
        idx.seek(HEADER.size + 4 * count + 8 * begin)
        idx.write((ends - lengths * size).data)
        used = int(ends[-1])
    for begin in range(0, count + 1, BLOCK):
        idx.write(np.arange(begin, min(begin + BLOCK, count + 1), dtype="<i8").data)


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair that was found sound. tokens: the whole `.bin`, mapped. ends: tokens up to each sequence's end, int64."""

    tokens: NDArray[Any]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    def sequence(self, number: int) -> NDArray[Any]:
        """The tokens of one sequence."""
        return self.tokens[int(self.ends[number - 1]) if number else 0 : int(self.ends[number])]


def read(prefix: Path) -> Pair:
    """Open a pair by its prefix (the path without .bin and .idx) and hold it to its readers' rules.

    Stricter than any of them: the assertions of megatron-core's `IndexedDataset`, the file and bounds checks of
    titan-oellm's validator and of its chunk tool all follow from the exact layout, which is what is asked for. Raises
    PipelineError that names the file and what does not hold. Reads the index once and no token.
    """
    data, index = (prefix.with_name(prefix.name + suffix) for suffix in (".bin", ".idx"))
    for path in (data, index):
        if not path.is_file():
            raise unsound(path, "there is no such file")
    dtype, count = _header(index)
    entries = np.memmap(index, np.uint8, "r")
    edges = HEADER.size + np.cumsum([0, 4 * count, 8 * count])
    lengths = np.frombuffer(entries, "<i4", count, int(edges[0]))
    pointers = np.frombuffer(entries, "<i8", count, int(edges[1]))
    documents = np.frombuffer(entries, "<i8", count + 1, int(edges[2]))
    ends = np.cumsum(lengths, dtype=np.int64)
    if (lengths < 1).any():
        raise unsound(index, f"sequence {int(np.argmax(lengths < 1))} has no token")
    if (pointers != (ends - lengths) * dtype.itemsize).any():
        raise unsound(index, "sequences overlap, or leave gaps between them")
    if (documents != np.arange(count + 1)).any():
        raise unsound(index, "a document is not one sequence")
    size = data.stat().st_size
    if size != int(ends[-1]) * dtype.itemsize:
        raise unsound(data, f"it has {size} bytes, and its index speaks of {int(ends[-1]) * dtype.itemsize}")
    return Pair(np.memmap(data, dtype, "r"), ends)


def scan(path: Path, most: int) -> Iterator[Sequences]:
    """What `write` wrote at this path, in portions of at most `most` tokens or one sequence; raises as `read`."""
    pair = read(path.with_name(path.name + BIN.removesuffix(".bin")))
    return portions(pair.tokens, pair.ends, most)


def _header(index: Path) -> "tuple[np.dtype[Any], int]":
    """Type of the tokens and number of sequences of an index of the right size."""
    with index.open("rb") as file:
        start = file.read(HEADER.size)
    if len(start) < HEADER.size or start[:9] != MAGIC:
        raise unsound(index, "it does not begin as an index does")
    _, version, code, count, documents = HEADER.unpack(start)
    if version != 1:
        raise unsound(index, f"its version is {version}, not 1")
    if code not in CODES:
        raise unsound(index, f"its tokens are of type {code}, which is neither 4 (int32) nor 8 (uint16)")
    if count == 0 or documents != count + 1:
        raise unsound(index, f"it has {count} sequences and {documents} document indices, not one more")
    size, meant = index.stat().st_size, HEADER.size + 12 * count + 8 * documents
    if size != meant:
        raise unsound(index, f"it has {size} bytes, not {meant}")
    return CODES[code], count
