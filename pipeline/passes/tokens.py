"""Pass 6, tokens: each corpus shard is encoded once, then packed and written in every layout of the recipe.

A unit is one corpus shard. Documents stand there by their id, which is a hash: that is the shuffle. The validation part
is drawn by other bytes of the same id, so a document is on the same side in every build. Beside each token shard stands
a sidecar, one row a piece of a document, which is the way from any token to its document and back.
"""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import TypeAdapter

from florilegium.pipeline import store, tables
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.fingerprint import code_digest, file_hash, frame_digest, version_of
from florilegium.pipeline.layouts import DIVIDES, Tokens
from florilegium.pipeline.passes import line
from florilegium.pipeline.recipe import Recipe, as_json
from florilegium.pipeline.stage import find
from florilegium.pipeline.store import Stored
from florilegium.pipeline.tokenizer import warm
from florilegium.pipeline.work import Guard, Made, Record, Unit, digest

Done = Sequence[tuple[Unit, Record]]

READS = ("id", "language", "licence", "source")
SPLITS = ("train", "validation")

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


def check(recipe: Recipe) -> str | None:
    """What keeps the C core from the recipe's tokenizer, if anything does.

    Raises PipelineError when the tokenizer cannot be read, or lacks a token that the recipe names.
    """
    if recipe.tokens is None:
        return None
    encoder = find("stages", "tokenize").Encoder.from_file(recipe.tokens.tokenizer)
    for use in ("bos", "eos"):
        token_of(encoder, recipe.tokens.tokenizer, use, getattr(recipe.tokens, use))
    why: str | None = encoder.why
    return why


def units(recipe: Recipe, merged: Done, work: str) -> list[Unit]:
    """One unit a corpus shard; none where the recipe wants no tokens."""
    tokens: Tokens | None = recipe.tokens
    if tokens is None:
        return []
    options = tokens.model_dump(mode="json", exclude={"tokenizer"})
    own = {
        "options": options,
        "tokenizer": file_hash(Path(tokens.tokenizer)),
        "code": code_digest(
            *(f"florilegium.stages.{name}" for name in ("tokenize", "pack")),
            *(f"florilegium.stages.write.{layout.format}" for layout in tokens.layouts),
        ),
        "frame": frame_digest(__name__),
        "libraries": {"tokenizers": version_of("tokenizers")},
    }
    folder = store.join(work, f"tokens-{digest(own)[:12]}")
    suffix = find("stages.write", recipe.write.format).SUFFIX
    return [
        Unit(
            name=f"tokens {unit.key}",
            folder=folder,
            key=unit.key,
            function=f"{__name__}:run",
            given={"pass": digest(own), "shard": record.outputs[suffix].sha256, "key": unit.key},
            carry={
                "shard": unit.path(suffix),
                "address": unit.path(".address"),
                "tokenizer": tokens.tokenizer,
                "options": options,
            },
            load=record.counts["text_bytes"],
        )
        for unit, record in merged
    ]


def begin(todo: Sequence[Unit]) -> None:
    """Put a warm start beside the tokenizer, from all shards to come, if they are worth it."""
    if sum(unit.load for unit in todo) >= warm.WORTH:
        warm.from_shards(todo[0].carry["tokenizer"], [unit.carry["shard"] for unit in todo])


def run(unit: Unit, guard: Guard) -> Made:
    """Encode one shard and write it in every layout; count documents, sequences and tokens of each."""
    del guard
    started = time.process_time()
    costs: line.Costs = defaultdict(float)
    options = unit.carry["options"]
    divide = options["divide"]
    measured = [] if divide is None or divide["by"] in DIVIDES else ["measures"]
    texts = tables.scan(unit.carry["shard"], ["text"])
    before = time.process_time()
    encoded = encode((batch["text"] for batch in texts), unit.carry["tokenizer"], options["bos"], options["eos"])
    costs["tokenize"] += time.process_time() - before
    table = tables.read(unit.carry["shard"], [*READS, *measured])
    outputs: dict[str, Stored] = {}
    shards: list[dict[str, Any]] = []
    before = time.process_time()
    for split, drawn in split_of(table, encoded, options["validation"]).items():
        for part, rows in parts_of(table, drawn, divide).items():
            for layout in options["layouts"]:
                inner = _inner(layout["name"], split, part)
                stored, counts = written(unit.path(inner), table, encoded, rows, layout)
                outputs |= {f"{inner}{end}": one for end, one in stored.items()}
                shards.append({"layout": layout["name"], "split": split, "part": part, **counts})
    costs["pack"] += time.process_time() - before
    outputs[".counts"] = _counts(unit, encoded)
    facts = {
        "refused": dict(sorted(Counter(encoded.refused.values()).items())),
        "why": encoded.encoder.why,
        "vocabulary": encoded.encoder.vocabulary,
        "eos": encoded.documents.eos,
        "bos": encoded.documents.bos,
        "dtype": str(encoded.documents.tokens.dtype),
    }
    return Made(outputs, {"shards": shards, **facts}, line.spent(costs, started))


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
    """The rows by the part that they belong to, as the recipe divides them; no part is empty."""
    if divide is None:
        return {None: rows} if len(rows) else {}
    if divide["by"] in DIVIDES:
        names = [UNSAFE.sub("-", one or "none") for one in table[divide["by"]].to_pylist()]
    else:
        measures: Any = pa.concat_arrays(table["measures"].chunks)
        values = measures.field(divide["by"]).to_numpy(zero_copy_only=False)
        names = [f"q{at}" for at in np.searchsorted(divide["edges"], values, "right")]
    found: dict[str | None, list[int]] = defaultdict(list)
    for row in rows:
        found[names[row]].append(row)
    return {name: np.array(found[name]) for name in sorted(found, key=str)}


def _inner(layout: str, split: str, part: str | None) -> str:
    return f"-{layout}-{split}" + (f"-{part}" if part else "")


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


def _counts(unit: Unit, encoded: Encoded) -> Stored:
    """The tokens of each document by its number in the corpus, or why it was refused: for the ledger."""
    refused = pa.array([encoded.refused.get(row) for row in range(len(encoded.lengths))], pa.string())
    tokens = pa.array(encoded.lengths, pa.int64(), mask=np.asarray(refused.is_valid()))
    address = tables.between(unit.carry["address"], None, None)
    of_rows = pa.table({"tokens": tokens, "tokens_refused": refused}).take(address["row"])
    table = tables.beside(address.select(["number"]), of_rows)
    return tables.put_sorted(unit.path(".counts"), table, "number")


@cache
def _encoder(path: str, threads: int) -> Any:
    """The tokenizer; loaded once a worker."""
    return find("stages", "tokenize").Encoder.from_file(path, threads)


@cache
def _endings(encoder: Any) -> NDArray[np.uint8]:
    """How good it is to cut behind each token of a tokenizer."""
    found: NDArray[np.uint8] = find("stages", "pack").endings(encoder.decode, encoder.vocabulary)
    return found


@dataclass(frozen=True)
class Published:
    """A token shard as it stands in the output folder.

    stem: its path there, without endings. work: its path in the pass folder. files: what stands behind both, by ending.
    facts: layout, split, language, and part if there is one. counts, of: what the unit counted of it, and of all.
    """

    stem: str
    work: str
    files: Mapping[str, Stored]
    facts: Mapping[str, Any]
    counts: Mapping[str, Any]
    of: Mapping[str, Any]


def published(encoded: Done) -> list[Published]:
    """The token shards of all units, in order.

    Names follow trainer-formats' `<prefix>_NNNN`; the prefix holds the start of a hash, so that a name never comes to
    mean other tokens while a trainer reads it.
    """
    found = []
    for unit, record in encoded:
        language, _, number = unit.key.rpartition("-")
        for counts in record.counts["shards"]:
            facts = {"layout": counts["layout"], "split": counts["split"], "language": language}
            if counts["part"] is not None:
                facts["part"] = counts["part"]
            inner = _inner(counts["layout"], counts["split"], counts["part"])
            files = {end: record.outputs[inner + end] for end in counts["ends"]}
            mark = digest([one.sha256 for one in files.values()])[:8]
            split = () if counts["split"] == "train" else (counts["split"],)
            folder = "/".join(["tokens", counts["layout"], *split, language, *filter(None, [counts["part"]])])
            stem = f"{folder}/{language}_{mark}_{int(number):04}"
            found.append(Published(stem, unit.path(inner), files, facts, counts, record.counts))
    return found


def info(recipe: Recipe, shard: Published) -> dict[str, Any]:
    """What stands beside a token shard for people and for the hand-over check."""
    return {
        "tokenizer": {"name": Path(recipe.tokens.tokenizer).name, "sha256": file_hash(Path(recipe.tokens.tokenizer))},
        **{name: shard.of[name] for name in ("vocabulary", "eos", "bos", "dtype")},
        **{name: shard.counts[name] for name in ("documents", "sequences", "tokens", "longest", "longest_run", "cut")},
        **shard.facts,
        "recipe": digest(as_json(recipe)),
        "sha256": {end: one.sha256 for end, one in shard.files.items()},
    }


TOKENIZER = ("vocabulary", "eos", "bos", "dtype", "why")


def facts(recipe: Recipe, encoded: Done) -> dict[str, Any]:
    """What manifest and report tell of tokens: the tokenizer (why: what keeps the C core from it), and the totals."""
    if not encoded:
        return {}
    told = {name: encoded[0][1].counts[name] for name in TOKENIZER}
    return {"tokenizer": {"name": Path(recipe.tokens.tokenizer).name, **told}, "tokens": totals(encoded)}


def totals(encoded: Done) -> dict[str, Any]:
    """Documents, sequences and tokens of each layout and split, by language, licence and source: for the manifest.

    room: tokens that its sequences could hold, where they have a length.
    """
    found: dict[str, Any] = {}
    for unit, record in encoded:
        language = unit.key.rpartition("-")[0]
        lengths = {layout["name"]: layout["pack"]["length"] for layout in unit.carry["options"]["layouts"]}
        for counts in record.counts["shards"]:
            nothing = {"documents": 0, "sequences": 0, "tokens": 0}
            into = found.setdefault(counts["layout"], {}).setdefault(counts["split"], nothing)
            for name in nothing:
                into[name] += counts[name]
            if lengths[counts["layout"]] is not None:
                into["room"] = into.get("room", 0) + counts["sequences"] * lengths[counts["layout"]]
            for licence, source, tokens in counts["by"]:
                for kind, name in (("language", language), ("licence", licence), ("source", source)):
                    of = into.setdefault(f"tokens_by_{kind}", {})
                    of[name] = of.get(name, 0) + tokens
    return found


def refused(encoded: Done) -> dict[str, int]:
    """Documents of the corpus that are in no token shard, by reason."""
    total: Counter[str] = Counter()
    for _, record in encoded:
        total.update(record.counts["refused"])
    return dict(sorted(total.items()))
