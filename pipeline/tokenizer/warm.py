"""Put a warm start beside a tokenizer: what its encoder has learnt from a little of every text."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from florilegium.pipeline import tables
from florilegium.pipeline.stage import find

MOST = 16 << 20
"""Bytes of text that it is made from: about as many units as it may hold, in a third of a second."""
SHARDS = 256
"""That are looked into."""
WORTH = 64 << 20
"""Bytes of text below which encoding takes no longer than the warm start does."""


def from_texts(tokenizer: str, texts: "Iterable[pa.Array[Any]]") -> Path | None:
    """Put a warm start beside a tokenizer.json from MOST bytes of texts; answers its path.

    None where it has one already, where the C engines do not take the tokenizer, and where its folder takes no file:
    work goes on without, only slower.
    """
    encoder = find("stages", "tokenize").Encoder.from_file(tokenizer)
    if encoder.warm or encoder.why:
        return None
    left = MOST
    for portion in texts:
        encoder.encode(portion)
        left -= portion.nbytes
        if left <= 0:
            break
    return keep(encoder)


def keep(encoder: Any) -> Path | None:
    """The same from what an encoder has met in its work."""
    with suppress(OSError):
        saved: Path | None = None if encoder.warm else encoder.save_warm_start()
        return saved
    return None


def from_shards(tokenizer: str, shards: Sequence[str]) -> Path | None:
    """The same from Parquet files with `text`, as much of each, at most SHARDS of them."""
    chosen = shards[:: -(-len(shards) // SHARDS)]
    return from_texts(tokenizer, (part for path in chosen for part in _start_of(path, MOST // len(chosen))))


def _start_of(path: str, size: int) -> "Iterator[pa.Array[Any]]":
    for batch in tables.scan(path, ["text"], 64):
        yield batch["text"]
        size -= batch["text"].nbytes
        if size <= 0:
            return
