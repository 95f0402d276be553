"""Physical shards: the documents that a mixture draws, each epoch in a seeded order of its own, written anew."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from florilegium.pipeline import store
from florilegium.pipeline.encoding import PORTION, SIDECAR, put_sidecar
from florilegium.pipeline.lineage import ENDING
from florilegium.pipeline.shards import Shard
from florilegium.pipeline.stage import find
from florilegium.pipeline.work import digest

Numbers = NDArray[np.int64]


def order(tokens: Numbers, budget: float, seed: int, part: str) -> Numbers:
    """Rows of documents to draw: whole epochs, each shuffled, then of one more as many as the budget holds.

    At least one document; the last is the one with which what is drawn comes nearest to the budget.
    """
    packing, drawn = find("stages", "pack"), 0
    epochs: list[Numbers] = []
    while not epochs or drawn < budget:
        rows = packing.shuffled(len(tokens), int(digest([seed, part, len(epochs)])[:15], 16))
        ends = np.cumsum(tokens[rows])
        near = np.abs(np.append(0, ends) - (budget - drawn))
        fit = max(int(np.argmin(near)), 0 if epochs else 1)
        epochs.append(rows[:fit])
        if fit < len(rows):
            break
        drawn += int(ends[-1])
    return np.concatenate(epochs)


def write(
    out: Path, sources: Sequence[Shard], documents: pa.Table, rows: Numbers, most: int
) -> list[tuple[Path, dict[str, Any]]]:
    """Write `out/<folder>_NNNN` shards of about `most` tokens; answers their paths without endings, and infos.

    documents: of all sources, with a column `shard` (their number). Holds the sidecar rows of one part, and tokens of
    one portion; sources are mapped.
    """
    pairs = [find("stages.write", "megatron").read(Path(shard.prefix)) for shard in sources]
    tokens = documents["tokens"].to_numpy()[rows]
    number = (np.cumsum(tokens) - tokens) // most
    found = []
    store.make_folder(str(out))
    for at, begin in enumerate(np.flatnonzero(np.diff(number, prepend=-1))):
        taken = rows[begin : begin + np.searchsorted(number[begin:], number[begin], "right")]
        stem = out / f"{out.name}_{at:04}"
        found.append((stem, _shard(stem, pairs, documents.take(taken), sources[0])))
    return found


def _shard(stem: Path, pairs: Sequence[Any], taken: pa.Table, like: Shard) -> dict[str, Any]:
    """One shard with its sidecar and info."""
    packing, runs = find("stages", "pack"), [0]

    def portions() -> Iterator[Any]:
        for portion in _portions(pairs, taken):
            ends = np.append(0, np.cumsum(portion.lengths))
            runs[0] = max(runs[0], int(packing.longest_run(portion.tokens, ends).max()))
            yield portion

    writer = find("stages.write", "megatron")
    stored = store.put_all(str(stem), lambda aside: writer.write(portions(), aside))
    lengths = taken["tokens"].to_numpy()
    numbers = {
        "sequence": np.arange(len(lengths)),
        "first_token": np.cumsum(lengths) - lengths,
        "begin": np.zeros(len(lengths), np.int64),
    }
    columns = {name: numbers.get(name, taken[name]) for name in SIDECAR.names}
    stored[ENDING] = put_sidecar(str(stem), pa.table(columns).cast(SIDECAR))
    info = {
        **{name: like.info[name] for name in ("tokenizer", "vocabulary", "eos", "bos", "dtype", "layout", "recipe")},
        "documents": len(set(taken["id"].to_pylist())),
        "sequences": len(lengths),
        "tokens": int(lengths.sum()),
        "longest": int(lengths.max()),
        "longest_run": runs[0],
        "cut": 0,
        "split": "train",
        "language": like.language,
        "sha256": {end: one.sha256 for end, one in stored.items()},
    }
    store.put_bytes(f"{stem}.info.json", json.dumps(info, indent=1, sort_keys=True).encode() + b"\n")
    return info


def _portions(pairs: Sequence[Any], taken: pa.Table) -> Iterator[Any]:
    """The tokens of documents, in order, about PORTION at a time."""
    sequences = find("stages", "pack").Sequences
    shard, first, lengths = (taken[name].to_numpy() for name in ("shard", "first_token", "tokens"))
    begin, ends = 0, np.cumsum(lengths)
    while begin < len(lengths):
        before = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, before + PORTION, "right")))
        parts = [pairs[shard[at]].tokens[first[at] : first[at] + lengths[at]] for at in range(begin, end)]
        of = lengths[begin:end]
        yield sequences(np.concatenate(parts), of, np.ones(len(of), np.int64), of)
        begin = end
