"""How much of one item of a benchmark a document holds: what a model would be tested with must not be trained on.

PaLM (arXiv:2204.02311, section 8) calls an item contaminated when 70 % of its runs of 8 words occur in the training
set; hence the default limit (`filters.model.KINDS`). The measure of a document is the largest share of the runs of 8
words of one item that it holds. Words are those of near duplicates: folded, so that neither case nor accents nor
punctuation hide an item.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from florilegium.stages._duplicates import shingles

WORDS = 8
"""Words a run. An item of fewer words could stand anywhere, and is left out."""
START = 80
"""Characters of an item that a report shows."""
FILTER_BITS = 24
"""Bits of a hash that are looked up first: 2 MiB, which turns away nearly all runs of most documents."""


@dataclass(frozen=True)
class Index:
    """The runs of the items of a benchmark.

    hashes: uint64, different, ascending. begin: of each hash, where its items begin in `items` (one more at the end).
    sizes: different runs of each item, 0 where it has too few words. texts: the start of each item. seen: bool a value
    of the lowest FILTER_BITS bits.
    """

    hashes: NDArray[np.uint64]
    begin: NDArray[np.int64]
    items: NDArray[np.int64]
    sizes: NDArray[np.int64]
    texts: tuple[str, ...]
    seen: NDArray[np.bool_]


@cache
def index(path: Path) -> Index:
    """The index of a benchmark file: an item a line of .txt, an object of .jsonl, a row of .parquet: all text in it.

    Raises ValueError, with the line, where it cannot be read, or where no item has WORDS words.
    """
    texts = list(_items(path))
    hashes, offsets = shingles(pa.array(texts, pa.large_string()), WORDS)
    item = np.repeat(np.arange(len(texts)), np.diff(offsets))
    words = _worded(texts)
    pairs = np.unique(np.stack([hashes, item.astype(np.uint64)], axis=1)[words[item]], axis=0)
    if not len(pairs):
        raise ValueError(f"{path}: no item has {WORDS} words, so none can be told from other text")
    different, begin = np.unique(pairs[:, 0], return_index=True)
    items = pairs[:, 1].astype(np.int64)
    seen = np.zeros(1 << FILTER_BITS, bool)
    seen[different & np.uint64((1 << FILTER_BITS) - 1)] = True
    sizes = np.bincount(items, minlength=len(texts))
    starts = tuple(" ".join(text[: 2 * START].split())[:START] for text in texts)
    return Index(different, np.append(begin, len(items)), items, sizes, starts, seen)


def contamination(texts: "pa.Array[Any]", benchmarks: Mapping[str, Path]) -> dict[str, "pa.Array[Any]"]:
    """`contamination.<name>`: the largest share of one item of each benchmark that each text (large_string) holds."""
    found: dict[str, pa.Array[Any]] = {}
    missing: Any = texts.is_null()
    for name, (row, _, share) in held(texts, benchmarks).items():
        largest = np.zeros(len(texts), np.float32)
        np.maximum.at(largest, row, share)
        found[f"contamination.{name}"] = pa.array(largest, mask=missing.to_numpy(zero_copy_only=False))
    return found


def held(texts: "pa.Array[Any]", benchmarks: Mapping[str, Path]) -> dict[str, tuple[Any, Any, NDArray[np.float32]]]:
    """What texts (large_string) hold of each benchmark: (text, item, share) of all that have a run in common."""
    if not benchmarks:
        return {}
    hashes, offsets = shingles(texts, WORDS)
    row = np.repeat(np.arange(len(texts)), np.diff(offsets))
    return {name: _held(hashes, row, index(path)) for name, path in benchmarks.items()}


def _held(hashes: NDArray[np.uint64], row: NDArray[np.int64], index: Index) -> tuple[Any, Any, NDArray[np.float32]]:
    likely = index.seen[hashes & np.uint64((1 << FILTER_BITS) - 1)]
    hashes, row = hashes[likely], row[likely]
    at = np.searchsorted(index.hashes, hashes).clip(max=len(index.hashes) - 1)
    found = index.hashes[at] == hashes
    pairs = np.unique(np.stack([row[found], at[found]], axis=1), axis=0)
    counts = np.diff(index.begin)[pairs[:, 1]]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    items = index.items[np.repeat(index.begin[:-1][pairs[:, 1]], counts) + within]
    both, times = np.unique(np.stack([np.repeat(pairs[:, 0], counts), items], axis=1), axis=0, return_counts=True)
    return both[:, 0], both[:, 1], (times / index.sizes[both[:, 1]]).astype(np.float32)


def _worded(texts: Sequence[str]) -> NDArray[np.bool_]:
    """Which have WORDS words at least: two runs of one word less, or a longer text, has more than one of those."""
    _, fewer = shingles(pa.array(texts, pa.large_string()), WORDS - 1)
    return np.diff(fewer) > 1


def _items(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        try:
            rows: list[Any] = pq.read_table(path).to_pylist()
        except (pa.ArrowInvalid, OSError) as error:
            raise ValueError(f"{path}: not a Parquet file: {error}") from error
        yield from (" ".join(_strings(row)) for row in rows)
        return
    if path.suffix not in (".txt", ".jsonl"):
        raise ValueError(f"{path}: ends in none of .txt, .jsonl, .parquet")
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        try:
            text = line.decode("utf-8")
            if path.suffix == ".jsonl" and text.strip():
                text = " ".join(_strings(json.loads(text)))
        except ValueError as error:
            what = "UTF-8" if isinstance(error, UnicodeDecodeError) else "JSON"
            raise ValueError(f"{path}, line {number}: not in {what}") from error
        if text.strip():
            yield text


def _strings(value: Any) -> Iterator[str]:
    """All text in a JSON value, in its order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
