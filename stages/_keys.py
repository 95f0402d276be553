"""What documents have in common, as rows (key, document): equal texts, bands of signatures, addresses."""

from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from florilegium.filters.url import canonical_url
from florilegium.stages import _duplicates as native

KINDS = 5
"""Bits of a key that say what it is of: 0 the text as a whole, from 1 on a band. Of 10^9 documents one pair shares the
other 59 bits of a band by chance; they are told apart by their signatures, and whole texts by all of their hash."""
BANDS = (1 << KINDS) - 1

BAND_ROWS = pa.schema([("key", pa.uint64()), ("local", pa.uint32())])
"""A key of a document, which goes by its number in its file."""


def of_documents(
    hashes: NDArray[np.uint8], signatures: NDArray[np.uint32], bands: int, rows: int
) -> tuple[pa.Table, NDArray[np.uint32]]:
    """BAND_ROWS of whole texts (hashes, 16 bytes each) and of bands of signatures (0 bands: whole texts only).

    Of documents that are equal in that the first stands for all; edges (n, 2) go from it to the others.
    """
    first, edges = equal(hashes)
    whole = np.ascontiguousarray(hashes[first, :8]).view("<u8").ravel() >> np.uint64(KINDS)
    if not bands:
        return by_key(whole, first), edges
    worded = np.flatnonzero((signatures != 0xFFFFFFFF).any(axis=1)).astype(np.uint32)
    some, alike = equal(signatures[worded].view(np.uint8))
    leaders = worded[some]
    keys = native.band_keys(np.ascontiguousarray(signatures[leaders]), bands, rows)
    kinds = np.arange(1, bands + 1, dtype=np.uint64) << np.uint64(64 - KINDS)
    banded = ((keys >> np.uint64(KINDS)) | kinds).ravel()
    local = np.concatenate([first, np.repeat(leaders, bands)])
    return by_key(np.concatenate([whole, banded]), local), np.concatenate([edges, worded[alike]])


def of_addresses(urls: "pa.Array[Any]") -> pa.Table:
    """BAND_ROWS of those that have an address: its canonical form counts."""
    known = [(at, url) for at, url in enumerate(urls.to_pylist()) if url is not None]
    digests = [blake2b(canonical_url(url).encode("utf-8", "surrogatepass"), digest_size=8).digest() for _, url in known]
    return by_key(np.frombuffer(b"".join(digests), "<u8"), np.array([at for at, _ in known], np.uint32))


def by_key(keys: NDArray[np.uint64], local: NDArray[np.uint32]) -> pa.Table:
    """BAND_ROWS, sorted by key, then document."""
    order = np.lexsort((local, keys))
    return pa.table([keys[order], local[order]], schema=BAND_ROWS)


def matrix(column: "pa.Array[Any]", width: int) -> NDArray[np.uint8]:
    """Binary values of a fixed width as a matrix (rows, width), without a copy."""
    values: Any = column.buffers()[1] or b""
    data: NDArray[np.uint8] = np.frombuffer(values, np.uint8)
    return data[column.offset * width : (column.offset + len(column)) * width].reshape(-1, width)


def equal(values: NDArray[np.uint8]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """The first of each set of equal rows, and an edge from it to each other of them."""
    order, same = _runs(values)
    stands = np.empty(len(order), np.uint32)
    stands[order] = order[np.flatnonzero(~same)[np.cumsum(~same) - 1]] if len(order) else order
    local = np.arange(len(stands), dtype=np.uint32)
    other = stands != local
    return local[~other], np.stack([stands[other], local[other]], axis=1)


def edges_of_equal(at: NDArray[np.uint32], hashes: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Edges between those that have the same hash of their text."""
    order, same = _runs(hashes[at])
    return np.stack([at[order][:-1][same[1:]], at[order][1:][same[1:]]], axis=1)


def _runs(values: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """An order in which equal rows stand together, each run in their own order; and which rows equal the one before.

    Rows are sorted by two sums with odd weights; what they part is compared in full.
    """
    numbers = np.ascontiguousarray(values).view("<u8")
    weights = np.arange(2 * numbers.shape[1], dtype=np.uint64).reshape(2, -1) * np.uint64(
        2 * 0x9E3779B97F4A7C15 % 2**64
    )
    order = np.lexsort([(numbers * (row + np.uint64(1))).sum(axis=1, dtype=np.uint64) for row in weights])
    same = np.zeros(len(order), bool)
    same[1:] = (numbers[order[1:]] == numbers[order[:-1]]).all(axis=1)
    return order, same
