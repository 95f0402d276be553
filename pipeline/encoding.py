"""Texts as tokens that trainers take, and shards of them with sidecars: what a build and `florilegium tokenize` share.

Beside each token shard stands a sidecar, one row a piece of a document, which is the way from any token to its document
and back.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import TypeAdapter

from florilegium.pipeline import store, tables
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.layouts import DIVIDES
from florilegium.pipeline.stage import find
from florilegium.pipeline.store import Stored
from florilegium.pipeline.work import digest

UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")

PORTION = 1 << 22
"""Tokens that are gathered and written at a time."""

_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("id", pa.binary(16), metadata={"meaning": "the document"}),
    pa.field("sequence", pa.int64(), metadata={"meaning": "number of the sequence in the shard, from 0"}),
    pa.field("first_token", pa.int64(), metadata={"meaning": "where the piece begins in the shard, in tokens"}),
    pa.field("tokens", pa.int64(), metadata={"meaning": "tokens of the piece, EOS included"}),
    pa.field("begin", pa.int64(), metadata={"meaning": "first token of the document in this piece, from 0"}),
    pa.field("language", pa.string()),
    pa.field("licence", pa.string()),
    pa.field("source", pa.string()),
]
SIDECAR = pa.schema(_FIELDS)
"""One row a piece, in the order of the shard."""

USUAL = ("<|end_of_text|>", "<|endoftext|>", "</s>", "<eos>", "<|eos|>", "<EOS>", "[EOS]")
"""Tokens that usually end a document, tried in this order where the recipe names none."""


@dataclass(frozen=True)
class Encoded:
    """The tokens of a shard. lengths: of each document as written, BOS and EOS included; refused: row to reason."""

    documents: Any
    lengths: NDArray[np.int64]
    refused: Mapping[int, str]
    encoder: Any


REFUSED = {
    "tokens.repeated": "more than 50 equal tokens in a row: the trainers' validators refuse the shard",
    "tokens.too_long": "more tokens than 2^31 - 1",
    "tokens.empty": "no tokens",
}
"""Why a document of the corpus is in no token shard, and what it means."""


def encode(
    texts: "Iterable[pa.Array[Any]]", tokenizer: str, bos: str | None, eos: str | None, threads: int = 1
) -> Encoded:
    """Texts as tokens, and which of them no trainer would take. Of the texts it holds one part at a time.

    Raises PipelineError for a tokenizer that cannot be read, or has not the tokens named.
    """
    packing = find("stages", "pack")
    encoder = _encoder(tokenizer, threads)
    tokens, offsets = _joined([_own(*encoder.encode(part)) for part in texts], encoder.dtype)
    documents = packing.Documents(
        tokens, offsets, token_of(encoder, tokenizer, "bos", bos), token_of(encoder, tokenizer, "eos", eos)
    )
    lengths = documents.lengths()
    runs = packing.longest_run(tokens, offsets)
    refused = {int(row): "tokens.repeated" for row in np.flatnonzero(runs > packing.MOST_EQUAL)}
    refused |= {int(row): "tokens.too_long" for row in np.flatnonzero(lengths > packing.LONGEST_DOCUMENT)}
    refused |= {int(row): "tokens.empty" for row in np.flatnonzero(lengths == 0)}
    return Encoded(documents, lengths, refused, encoder)


def _own(tokens: NDArray[Any], ends: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Tokens in memory of their own (an encoder's has room for a token a byte), and how many each text has."""
    return tokens.copy(), np.diff(ends)


def _joined(
    parts: Sequence[tuple[NDArray[Any], NDArray[np.int64]]], dtype: Any
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The tokens of all parts, and offsets into them."""
    tokens = np.concatenate([np.empty(0, dtype), *(found for found, _ in parts)])
    return tokens, np.concatenate([[0], *(counts for _, counts in parts)]).cumsum()


def token_of(encoder: Any, tokenizer: str, use: str, name: str | None) -> int | None:
    """The id of a token that the recipe names; of EOS otherwise the first usual one, of BOS none.

    Raises PipelineError when the tokenizer has no such token.
    """
    for one in (name,) if name is not None else (USUAL if use == "eos" else ()):
        found: int | None = encoder.token(one)
        if found is not None:
            return found
    if name is None and use == "bos":
        return None
    what = f"has no token {name!r}" if name is not None else "has none of the usual tokens that end a document"
    raise PipelineError(f"{tokenizer}: {what}", f"set tokens.{use} to one of: {', '.join(encoder.special) or 'none'}")


def split_of(table: pa.Table, encoded: Encoded, share: float) -> dict[str, NDArray[np.int64]]:
    """The rows of each split, in order, without those refused. The upper half of the id orders shards, so the lower
    half draws."""
    ids: Any = pa.concat_arrays(table["id"].chunks)
    halves = np.frombuffer(ids.buffers()[1], ">u8").reshape(-1, 2)[ids.offset : ids.offset + len(ids)]
    drawn = halves[:, 1] < np.uint64(int(share * 2**64))
    taken = np.ones(len(ids), bool)
    taken[list(encoded.refused)] = False
    return {"train": np.flatnonzero(taken & ~drawn), "validation": np.flatnonzero(taken & drawn)}


def parts_of(
    table: pa.Table, rows: NDArray[np.int64], divide: Mapping[str, Any] | None
) -> dict[str | None, NDArray[np.int64]]:
    """The rows by the part that they belong to, as the recipe divides them; no part is empty.

    What has no licence, or no number (of a model of other languages), is in the part `none`.
    """
    if divide is None:
        return {None: rows} if len(rows) else {}
    if divide["by"] in DIVIDES:
        names = [UNSAFE.sub("-", one or "none") for one in table[divide["by"]].to_pylist()]
    else:
        measures: Any = pa.concat_arrays(table["measures"].chunks)
        values = measures.field(divide["by"]).to_numpy(zero_copy_only=False)
        places = np.searchsorted(divide["edges"], values, "right")
        names = ["none" if np.isnan(value) else f"q{at}" for at, value in zip(places, values, strict=True)]
    found: dict[str | None, list[int]] = defaultdict(list)
    for row in rows:
        found[names[row]].append(row)
    return {name: np.array(found[name]) for name in sorted(found, key=str)}


def written(
    stem: str, table: pa.Table, encoded: Encoded, rows: NDArray[np.int64], layout: Mapping[str, Any]
) -> tuple[dict[str, Stored], dict[str, Any]]:
    """Write some rows of a shard in one layout, with sidecar; answers what was stored by its ending, and the counts.

    Each shard is shuffled by a seed of its own, drawn from the layout's and its first document.
    """
    packing, writer = find("stages", "pack"), find("stages.write", layout["format"])
    seed = int(digest([layout["pack"]["seed"], len(table), table["id"][0].as_py().hex()])[:15], 16)
    how = TypeAdapter(packing.Options).validate_python({**layout["pack"], "seed": seed})
    lengths = np.zeros_like(encoded.lengths)  # what is not of this split has no tokens, and so no piece
    lengths[rows] = encoded.lengths[rows]
    marks = None
    if how.length is not None and (lengths > how.length).any():
        marks = encoded.documents.marks(lengths, how.length, _endings(encoded.encoder))
    plan = packing.parted(encoded.documents, packing.pack(lengths, how, marks))
    runs = [0]

    def parts() -> Iterator[Any]:
        for portion in plan.portions(PORTION):
            found = packing.gather(encoded.documents, portion)
            runs[0] = max(runs[0], *packing.longest_run(found.tokens, np.append(0, np.cumsum(found.lengths))))
            yield found

    stored = store.put_all(stem, lambda aside: writer.write(parts(), aside))
    beside = sidecar(table, plan)
    stored[".documents.parquet"] = put_sidecar(stem, beside)
    counts = beside.group_by(["licence", "source"]).aggregate([("tokens", "sum")]).to_pylist()
    return stored, {
        "documents": len(rows),
        "sequences": len(plan.pieces),
        "tokens": int(plan.tokens.sum()),
        "longest": int(plan.lengths.max()),
        "longest_run": int(runs[0]),
        "cut": int(len(plan.document) - len(rows)),
        "by": sorted([one["licence"] or "", one["source"], one["tokens_sum"]] for one in counts),
        "ends": sorted(stored),
    }


ENCODINGS = {"id": "PLAIN", **dict.fromkeys(("sequence", "first_token", "tokens", "begin"), "DELTA_BINARY_PACKED")}
"""Of a sidecar's columns whose values hardly repeat: a third of the bytes and half the time of dictionaries."""


def put_sidecar(stem: str, beside: pa.Table) -> Stored:
    """Store a sidecar beside its shard."""
    return tables.put_table(f"{stem}.documents.parquet", beside, encodings=ENCODINGS)


def sidecar(table: pa.Table, plan: Any) -> pa.Table:
    """One row a piece, SIDECAR."""
    beside = table.select(["id", "language", "licence", "source"]).take(pa.array(plan.document, pa.int64()))
    numbers = {
        name: pa.array(getattr(plan, name), pa.int64()) for name in ("sequence", "first_token", "tokens", "begin")
    }
    columns = {name: beside[name] for name in beside.schema.names} | numbers
    return pa.table({name: columns[name] for name in SIDECAR.names}).cast(SIDECAR)


@cache
def _encoder(path: str, threads: int) -> Any:
    """The tokenizer; loaded once a worker."""
    return find("stages", "tokenize").Encoder.from_file(path, threads)


@cache
def _endings(encoder: Any) -> NDArray[np.uint8]:
    """How good it is to cut behind each token of a tokenizer."""
    found: NDArray[np.uint8] = find("stages", "pack").endings(encoder.decode, encoder.vocabulary)
    return found
