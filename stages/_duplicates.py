"""Near duplicates in C: texts to MinHash signatures, those to keys, rows of equal keys to matches, these to groups.

Manual and theory: `stages/native/shingles.h`, `minhash.h`, `match.h`, `unite.h`; the rules for words: `native/fold.py`.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from florilegium.stages import _native

SIZE = 112
"""Hashes of a signature."""


def shingles(text: Any, n: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hashes of all runs of n folded words of an array of strings, in order, and n + 1 offsets of the texts in them.

    A text of 1 to n - 1 words has one, of all of its words; without words it has none, as a null. n: 1 to 64.
    """
    data, offsets = _strings(text)
    hashes = np.empty(int(((np.diff(offsets) + 1) // 2).sum()), np.uint64)
    ends = np.zeros(len(offsets), np.int64)
    _native.shingles(_table(), data, offsets.data, n, hashes.data, ends.data)
    return hashes[: ends[-1]], ends


def signatures(text: Any, n: int = 5) -> NDArray[np.uint32]:
    """(texts, 112): MinHash over shingles of n words of an array of strings; all bits set for a text without words.

    Those must be left out before keys are made, or texts without words would be duplicates of each other.
    """
    data, offsets = _strings(text)
    found = np.empty((len(offsets) - 1, SIZE), np.uint32)
    _native.signatures(_table(), data, offsets.data, n, found.data)
    return found


def band_keys(signatures: NDArray[np.uint32], bands: int, rows: int) -> NDArray[np.uint64]:
    """(texts, bands): a key of each `rows` hashes in a row. Raises ValueError for more than 112 in all."""
    keys = np.empty((len(signatures), max(bands, 0)), np.uint64)
    _native.band_keys(np.ascontiguousarray(signatures, np.uint32).data, bands, rows, keys.data)
    return keys


def small(signatures: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """(texts, 112): a well mixed byte of each hash, to verify matches by."""
    found = np.empty((len(signatures), SIZE), np.uint8)
    _native.small(np.ascontiguousarray(signatures, np.uint32).data, found.data)
    return found


def estimate(equal: int) -> float:
    """Jaccard similarity of two texts of whose 112 bytes so many are equal: less those that are by chance, 1 of 256."""
    return max(0.0, (equal / SIZE - 1 / 256) / (1 - 1 / 256))


def matches(
    keys: NDArray[np.uint64],
    numbers: NDArray[np.uint32],
    signature_of: Sequence[tuple[int, NDArray[np.uint8]]],
    *,
    threshold: float | None = 0.7,
    most: int = 1024,
) -> NDArray[np.uint32]:
    """(edges, 2): each group of matching documents as its smallest number beside each other one, rising.

    keys, numbers: rows that rise by key and number; rows of one key are a bucket. signature_of: number of the first
    document and bytes (rows, 112) of each block, rising; memory maps are read in place. Two of a bucket match when
    their estimated similarity is at least `threshold`; all do where that is None or at most 0: no signature is read.
    Of more than `most` different signatures in a bucket not all pairs are compared. Groups depend on nothing but keys
    and signatures. Raises ValueError for rows out of order, and for a number in a bucket of two or more that is in
    no block.
    """
    blocks = tuple((first, np.ascontiguousarray(block, np.uint8).data) for first, block in signature_of)
    found = _native.matches(
        np.ascontiguousarray(keys, np.uint64).data,
        np.ascontiguousarray(numbers, np.uint32).data,
        blocks,
        _needed(threshold),
        most,
    )
    return np.frombuffer(found, np.uint32).reshape(-1, 2)


def unite(count: int, edges: Iterable[NDArray[np.uint32]]) -> NDArray[np.uint32]:
    """The smallest number of the component of each of `count` nodes, 4 bytes a node; edges: arrays (n, 2).

    Raises ValueError for an edge to a node that there is not.
    """

    def pairs() -> Iterator[memoryview]:
        for some in edges:
            if some.ndim != 2 or some.shape[1] != 2:
                raise ValueError(f"edges: expected two nodes each, got an array of shape {some.shape}")
            yield np.ascontiguousarray(some, np.uint32).data

    return np.frombuffer(_native.unite(count, pairs()), np.uint32)


def _needed(threshold: float | None) -> int:
    """Equal bytes from which the estimate reaches a threshold; 0 where all match."""
    if threshold is None:
        return 0
    reached = [equal for equal in range(SIZE + 1) if estimate(equal) >= threshold]
    if not reached:
        raise ValueError(f"threshold is {threshold}, expected at most 1, or None")
    return reached[0]


def _strings(text: Any) -> tuple[Any, NDArray[np.int64]]:
    """Bytes and offsets of an Arrow array of strings; nulls are empty."""
    whole: Any = text.cast(pa.large_string())
    whole = whole.fill_null("") if whole.null_count else whole
    _, offsets, data = whole.buffers()
    if not len(whole):
        return b"", np.zeros(1, np.int64)
    at = np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + len(whole) + 1]
    return data or b"", at


@cache
def _table() -> object:
    return _native.shingles_table()
