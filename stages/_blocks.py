"""Main text by our own extractor: pages to text blocks in C, scored by trees, joined.

The model (`blocks.npz`, trained by `training/`) is a data file: borders of features, questions and leaves of symmetric
trees as stages/native/trees.h takes them.
"""

import itertools
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from florilegium.stages import _native
from florilegium.stages._stated import METAS

MODEL = Path(__file__).with_name("blocks.npz")
THRESHOLDS = {"precision": 0.65, "balanced": 0.55, "recall": 0.35}
"""Score from which a block is main text, 0 to 1, by what is favoured.

Balanced 0.5 / 0.55 / 0.6 give F1 of 0.952 / 0.955 / 0.956 on scrapinghub's articles, 0.937 / 0.934 / 0.930 on segments.
"""
HOPE = 0.25
"""Score that the best block must have where none reaches the threshold: then those that have it are the text."""
KINDS = ("paragraph", "heading", "item", "cell", "quote", "code", "caption", "term", "label", "navigation", "comment")
"""enum block_kind: the last two are places, which count more to a reader than what stands there."""


class Read(NamedTuple):
    """What the core makes of pages: texts (an array of strings), raw facts, and numbers of blocks, -1 for too many.

    visible: the text of all blocks, a block a line, where it was asked for; empty for a page of too many.
    """

    texts: Any
    facts: Sequence[bytes]
    blocks: Sequence[int]
    visible: Any


class Block(NamedTuple):
    """One block of a page. score: 0 to 1. kept: whether it is main text."""

    text: str
    kind: str
    level: int
    score: float
    kept: bool


def read(pages: Any, favor: str, max_blocks: int, markdown: bool = False, visible: bool = False) -> Read:
    """Main text and facts of pages, an Arrow array of UTF-8 (large_binary); of a null nothing."""
    whole: Any = pages.cast(pa.large_binary())
    whole = whole.fill_null(b"") if whole.null_count else whole
    _, offsets, data = whole.buffers()
    at = (
        np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + len(whole) + 1]
        if len(whole)
        else np.zeros(1, np.int64)
    )
    body = (data or pa.py_buffer(b""))[int(at[0]) : int(at[-1])]
    text, text_at, facts, facts_at, blocks, seen, seen_at = _native.blocks_read(
        _model(favor, max_blocks), body, (at - at[0]).tobytes(), markdown, visible
    )
    ends = np.frombuffer(facts_at, np.int64)
    return Read(
        _strings(text_at, text),
        [facts[begin:end] for begin, end in itertools.pairwise(ends)],
        np.frombuffer(blocks, np.int32).tolist(),
        _strings(seen_at, seen),
    )


def _strings(offsets: bytes, data: bytes) -> Any:
    count = len(offsets) // 8 - 1
    return pa.Array.from_buffers(pa.large_string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def explain(page: bytes, favor: str = "balanced") -> list[Block]:
    """All blocks of a page in UTF-8 with their scores, in order."""
    rows, _ = _native.blocks_explain(_model(favor, 1 << 30), page)
    return [Block(text, KINDS[kind], level, _chance(score), kept) for text, kind, level, score, kept in rows]


def _chance(score: int) -> float:
    return 1 / (1 + math.exp(-score / _parts()["scale"]))


@cache
def _parts() -> dict[str, Any]:
    with np.load(MODEL) as found:
        return {name: found[name] for name in found.files}


@cache
def _model(favor: str, max_blocks: int) -> object:
    parts = _parts()
    scale = int(parts["scale"])
    least, hope = (round(math.log(one / (1 - one)) * scale) for one in (THRESHOLDS[favor], HOPE))
    trees = (
        np.ascontiguousarray(parts[name]).data for name in ("borders", "borders_at", "feature", "border", "leaves")
    )
    borders, borders_at, feature, border, leaves = trees
    bias = int(parts["bias"])
    bounds = (bias, least, min(hope, least), max_blocks)
    return _native.blocks_model(borders, borders_at, feature, border, leaves, *bounds, "\n".join(METAS).encode())
