"""Pass 6, tokens: each corpus shard is encoded once, then packed and written in every layout of the recipe.

A unit is one corpus shard. Documents stand there by their id, which is a hash: that is the shuffle. The validation part
is drawn by other bytes of the same id, so a document is on the same side in every build.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from florilegium.pipeline import encoding, store, tables
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


def check(recipe: Recipe) -> str | None:
    """What keeps the C core from the recipe's tokenizer, if anything does.

    Raises PipelineError when the tokenizer cannot be read, or lacks a token that the recipe names.
    """
    if recipe.tokens is None:
        return None
    encoder = find("stages", "tokenize").Encoder.from_file(recipe.tokens.tokenizer)
    for use in ("bos", "eos"):
        encoding.token_of(encoder, recipe.tokens.tokenizer, use, getattr(recipe.tokens, use))
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
    encoded = encoding.encode(
        (batch["text"] for batch in texts), unit.carry["tokenizer"], options["bos"], options["eos"]
    )
    costs["tokenize"] += time.process_time() - before
    table = tables.read(unit.carry["shard"], [*READS, *measured])
    outputs: dict[str, Stored] = {}
    shards: list[dict[str, Any]] = []
    before = time.process_time()
    for split, drawn in encoding.split_of(table, encoded, options["validation"]).items():
        for part, rows in encoding.parts_of(table, drawn, divide).items():
            for layout in options["layouts"]:
                inner = _inner(layout["name"], split, part)
                stored, counts = encoding.written(unit.path(inner), table, encoded, rows, layout)
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


def _inner(layout: str, split: str, part: str | None) -> str:
    return f"-{layout}-{split}" + (f"-{part}" if part else "")


def _counts(unit: Unit, encoded: encoding.Encoded) -> Stored:
    """The tokens of each document by its number in the corpus, or why it was refused: for the ledger."""
    refused = pa.array([encoded.refused.get(row) for row in range(len(encoded.lengths))], pa.string())
    tokens = pa.array(encoded.lengths, pa.int64(), mask=np.asarray(refused.is_valid()))
    address = tables.between(unit.carry["address"], None, None)
    of_rows = pa.table({"tokens": tokens, "tokens_refused": refused}).take(address["row"])
    table = tables.beside(address.select(["number"]), of_rows)
    return tables.put_sorted(unit.path(".counts"), table, "number")


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
