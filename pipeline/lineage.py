"""Lineage: from a token or a sequence of a shard to its documents, and from a document to all its tokens."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from florilegium.pipeline import account, store, tables
from florilegium.pipeline.errors import PipelineError

ENDING = ".documents.parquet"
"""Of a sidecar: what stands before it is the stem of its shard."""


def of_token(out: str, shard: str, position: int) -> dict[str, Any]:
    """The piece that holds a token, counted from the start of the shard, and its document.

    shard: a path below `out` or from elsewhere, with any ending or none, as trainers name it. Raises PipelineError when
    there is no such shard, or it ends before the token.
    """
    stem = _stem(out, shard)
    beside = tables.read(store.join(out, stem + ENDING))
    first = beside["first_token"].to_numpy()
    total = int(first[-1]) + beside["tokens"][-1].as_py()
    if not 0 <= position < total:
        raise PipelineError(f"{stem}: has no token {position}", f"positions go from 0 to {total - 1}")
    row = int(np.searchsorted(first, position, "right")) - 1
    piece = beside.slice(row, 1).to_pylist()[0]
    token = position - piece["first_token"] + piece["begin"]
    return {"shard": stem, "position": position, "token_of_document": token, **piece, "document": _document(out, piece)}


def of_sequence(out: str, shard: str, number: int) -> list[dict[str, Any]]:
    """The pieces of a sequence, in order, each with its document. Raises PipelineError as `of_token`."""
    stem = _stem(out, shard)
    beside = tables.read(store.join(out, stem + ENDING))
    first, last = np.searchsorted(beside["sequence"].to_numpy(), [number, number + 1])
    if first == last:
        raise PipelineError(f"{stem}: has no sequence {number}", f"numbers go from 0 to {beside['sequence'][-1]}")
    pieces = beside.slice(first, last - first).to_pylist()
    return [{"shard": stem, **piece, "document": _document(out, piece)} for piece in pieces]


def of_document(out: str, what: str) -> list[dict[str, Any]]:
    """Every piece of the documents that an id, URL or record names, in all shards, layouts and splits.

    Raises PipelineError when the build has no such document; a document that no shard holds has no piece.
    """
    rows = account.found(out, what)
    if not rows:
        raise PipelineError(f"{out}: no document has the id, URL or record {what!r}", "see `florilegium explain`")
    wanted = pa.array([row["id"] for row in rows], pa.binary(16))
    languages = {row["language"] for row in rows}
    pieces = []
    for stem, language in _stems(out):
        if language in languages:
            beside = tables.read(store.join(out, stem + ENDING))
            pieces += [{"shard": stem, **one} for one in beside.filter(pc.is_in(beside["id"], wanted)).to_pylist()]
    return pieces


def _document(out: str, piece: dict[str, Any]) -> dict[str, Any]:
    return account.trails(out, piece["id"].hex())[0]


def _stems(out: str) -> Iterator[tuple[str, str]]:
    """The stem and language of each token shard that the manifest names."""
    for file in account.manifest(out)["files"]:
        if file["path"].startswith("tokens/") and file["path"].endswith(ENDING):
            yield file["path"].removesuffix(ENDING), file["language"]


def _stem(out: str, shard: str) -> str:
    stems: Sequence[str] = [stem for stem, _ in _stems(out)]
    if not stems:
        raise PipelineError(f"{out}: holds no token shards", "add `tokens:` to the recipe and build again")
    inner = shard.removeprefix(out.rstrip("/") + "/")
    found = [stem for stem in stems if inner == stem or (inner.startswith(stem) and inner[len(stem)] in "._")]
    found = found or [stem for stem in stems if f"/{stem}" in shard]
    if len(found) != 1:
        raise PipelineError(
            f"{shard}: is no token shard of {out}", f"give one as the manifest does, for example {stems[0]}"
        )
    return found[0]
