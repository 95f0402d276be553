"""What a sidecar tells: pieces back to back, whole documents, and what their corpus shard says of them."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from florilegium.pipeline.encoding import SIDECAR
from florilegium.pipeline.handover.findings import Findings
from florilegium.pipeline.shards import Shard

Numbers = NDArray[np.int64]

SHORT = 10
"""Tokens: titan-oellm's packing loaders leave shorter documents out (`min_doc_len`)."""


def adds_up(found: Findings, shard: Shard, beside: pa.Table) -> bool:
    """Whether the rows of a sidecar are pieces back to back, in sequences that are numbered without gaps."""
    file = f"{shard.stem}.documents.parquet"
    if not beside.schema.equals(SIDECAR) or beside.num_rows == 0:
        found.fault("sidecar", file, "it has no rows, or other columns than a sidecar has")
        return False
    if any(beside[name].null_count for name in ("id", "sequence", "first_token", "tokens", "begin")):
        found.fault("sidecar", file, "a value is missing")
        return False
    first, tokens, sequence = (beside[name].to_numpy() for name in ("first_token", "tokens", "sequence"))
    steps = np.diff(sequence, prepend=-1)
    for wrong, what in (
        (tokens < 1, "a piece of no tokens"),
        (first != np.cumsum(tokens) - tokens, "first_token is not the sum of what stands before it"),
        ((steps < 0) | (steps > 1) | (sequence < 0), "sequences are not 0, 1, 2 ..."),
    ):
        found.looked["sidecar"] += len(first)
        if wrong.any():
            found.fault("sidecar", file, what + more(wrong), f"row {int(np.argmax(wrong))}")
            return False
    return True


def more(wrong: NDArray[Any]) -> str:
    """How many more there are, for the end of a sentence."""
    count = int(np.count_nonzero(wrong))
    return f" (and {count - 1:,} more)" if count > 1 else ""


def halves(ids: Any) -> NDArray[np.uint64]:
    """Ids as two numbers each, upper half first."""
    joined: list[bytes] = ids.to_pylist()
    return np.frombuffer(b"".join(joined), ">u8").reshape(-1, 2).astype(np.uint64)


def pieces(found: Findings, shard: Shard, beside: pa.Table) -> tuple[int, int]:
    """Each document's pieces, put together, are all of it in order, and it was cut only as the layout may.

    Answers the documents, and the pieces beyond the first of each.
    """
    file = f"{shard.stem}.documents.parquet"
    tokens, begin = (beside[name].to_numpy() for name in ("tokens", "begin"))
    ids = halves(beside["id"])
    order = np.lexsort((begin, ids[:, 1], ids[:, 0]))
    tokens, begin = tokens[order], begin[order]
    new = np.append(True, (ids[order][1:] != ids[order][:-1]).any(axis=1))
    ends = begin + tokens
    meant = np.where(new, 0, np.append(0, ends[:-1]))
    documents = int(new.sum())
    found.looked["documents"] += documents
    if (begin != meant).any():
        row = int(order[np.argmax(begin != meant)])
        found.fault("documents", file, "a part of its document is missing or stands twice" + more(begin != meant),
                    f"row {row}, document {beside['id'][row].as_py().hex()}")  # fmt: skip
    whole = np.add.reduceat(tokens, np.flatnonzero(new))
    parts = np.diff(np.append(np.flatnonzero(new), len(new)))
    length = shard.pack["length"]
    needless = (parts > 1) & ((whole <= length) if length is not None else True)
    if shard.pack["kind"] != "concat" and needless.any():
        row = int(order[np.flatnonzero(new)[np.argmax(needless)]])
        found.fault("documents", file, "it is cut, and would have fitted" + more(needless), f"row {row}")
    if length is not None:
        of = np.bincount(beside["sequence"].to_numpy(), beside["tokens"].to_numpy()).astype(np.int64)
        if (of > length).any():
            found.fault("sidecar", file, f"it has more than {length} tokens" + more(of > length),
                        f"sequence {int(np.argmax(of > length))}")  # fmt: skip
    if int((whole < SHORT).sum()):
        found.warn("documents", shard.stem, f"{int((whole < SHORT).sum()):,} documents are shorter than {SHORT} "
                   "tokens: titan-oellm's packing loaders leave them out")  # fmt: skip
    return documents, len(new) - documents


def edges(beside: pa.Table, first: Numbers, begin: Numbers) -> tuple[Numbers, Numbers]:
    """Where documents end and where they begin in a shard, as the sidecar tells; both rising."""
    ids = halves(beside["id"])
    order = np.lexsort((begin, ids[:, 1], ids[:, 0]))
    last = np.append((ids[order][1:] != ids[order][:-1]).any(axis=1) | (begin[order][1:] == 0), True)
    ends = (first + beside["tokens"].to_numpy())[order][last]
    return np.sort(ends), first[begin == 0]


def of_corpus(found: Findings, shard: Shard, beside: pa.Table, corpus: pa.Table, share: float) -> NDArray[Any] | None:
    """The row of each piece's document in its corpus shard; None when one is not there.

    corpus: id, language, licence and source of that shard. share: of documents that are validation.
    """
    file = f"{shard.stem}.documents.parquet"
    ids: Any = corpus["id"].combine_chunks()
    rows = pc.index_in(beside["id"], value_set=ids if isinstance(ids, pa.Array) else ids.chunk(0))
    if rows.null_count:
        row = rows.to_pylist().index(None)
        found.fault("documents", file, f"its shard of the corpus has no document {beside['id'][row].as_py().hex()}",
                    f"row {row}")  # fmt: skip
        return None
    for name in ("language", "licence", "source"):
        there = corpus[name].cast(pa.string()).take(rows).to_pylist()
        wrong = [
            row for row, pair in enumerate(zip(beside[name].to_pylist(), there, strict=True)) if pair[0] != pair[1]
        ]
        if wrong:
            found.fault("sidecar", file, f"{name} is not that of the corpus", f"row {wrong[0]}")
    validation = halves(beside["id"])[:, 1] < np.uint64(int(share * 2**64))
    stray = validation != (shard.split == "validation")
    if stray.any():
        found.fault("documents", file, f"it is not of {shard.split}{more(stray)}", f"row {int(np.argmax(stray))}")
    numbers: NDArray[Any] = rows.to_numpy()
    return numbers
