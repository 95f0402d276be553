"""Pass 4, decisions: policies, limits and duplicates, from numbers and evidence only; no text is read.

judge: each unit by itself, up to the first reason. Then `duplicates`, of what is left. settle: judgement and elections
together, row for row beside the documents.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from florilegium.pipeline import schema, store, tables
from florilegium.pipeline.fingerprint import frame_digest
from florilegium.pipeline.passes import duplicates, line, sketches
from florilegium.pipeline.passes.documents import COLUMNS as DOCUMENTS
from florilegium.pipeline.passes.documents import Part
from florilegium.pipeline.recipe import LINE, Recipe
from florilegium.pipeline.verdict import drop
from florilegium.pipeline.work import Guard, Made, Record, Unit, digest

READS = tuple(name for name in DOCUMENTS if name not in schema.CONTENT)
WRITES = ("licence", "rights", "cluster", "cluster_size", "duplicate_of", "repeat", *schema.VERDICT)
"""What the pass stores, row for row beside the documents."""

JUDGED = ("licence", "rights", *schema.VERDICT)
ALL_STAGES = tuple(name for stages in LINE.values() for name in stages)


@dataclass(frozen=True)
class Shard:
    """One documents file with its measures: paths, digests, rows, and the number of its first row in the corpus."""

    key: str
    documents: str
    measures: str
    digests: tuple[str, str]
    rows: int
    first: int
    text_bytes: int


def shards(parts: Sequence[Part], measures: Sequence[tuple[Unit, Record]]) -> list[Shard]:
    """The corpus in input order, its rows numbered densely."""
    found = []
    first = 0
    for part, (measured, record) in zip(parts, measures, strict=True):
        digests = (part.sha256, record.outputs[".parquet"].sha256)
        found.append(Shard(part.key, part.path, measured.path(".parquet"), digests, part.rows, first, part.text_bytes))
        first += part.rows
    return found


def decided(corpus: Sequence[Shard], settled: Sequence[tuple[Unit, Record]]) -> list[list[str]]:
    """What determines all rows and decisions, shard by shard: key and digests, as JSON."""
    pairs = zip(corpus, settled, strict=True)
    return [[shard.key, *shard.digests, record.outputs[".parquet"].sha256] for shard, (_, record) in pairs]


def folder(recipe: Recipe, corpus: Sequence[Shard], before: Sequence[Mapping[str, Any]], work: str) -> str:
    """Where the pass writes: named by what decides and by all that is decided on. before: earlier builds' manifests."""
    own = {
        "stages": line.digests(recipe, ALL_STAGES, deciding=True),
        "frame": frame_digest(__name__, duplicates.__name__),
        "shards": [[shard.key, *shard.digests] for shard in corpus],
        "earlier": [
            [file["sha256"] for file in one["files"] if file["path"].startswith(f"{sketches.EARLIER}/")]
            for one in before
        ],
    }
    return store.join(work, f"decisions-{digest(own)[:12]}")


def judge_units(recipe: Recipe, corpus: Sequence[Shard], where: str) -> list[Unit]:
    """Level 1: one unit a shard."""
    options = line.options(recipe, ALL_STAGES)
    return [
        Unit(
            name=f"judge {number:05}",
            folder=where,
            key=f"{number:05}-judged",
            function=f"{__name__}:judge",
            given={"shard": shard.key, "digests": shard.digests, "first": shard.first},
            carry={"documents": shard.documents, "measures": shard.measures, "stages": options},
            load=shard.rows,
        )
        for number, shard in enumerate(corpus)
    ]


def judge(unit: Unit, guard: Guard) -> Made:
    """Decide each document by itself; store the judgement, and the sketches of what is left."""
    del guard
    costs: line.Costs = defaultdict(float)
    started = time.process_time()
    stages = dict(line.built(unit.carry["stages"]))
    batch = tables.one_batch(
        tables.beside(tables.read(unit.carry["documents"], READS), tables.read(unit.carry["measures"]))
    )
    for name, stage in stages.items():
        before = time.process_time()
        if name not in LINE["decisions"]:
            batch = stage.decide(batch) if hasattr(stage, "decide") else batch
        elif hasattr(stage, "sketch"):
            break
        else:
            batch = stage(batch)
        costs[name] += time.process_time() - before
    numbers = pa.array(range(unit.given["first"], unit.given["first"] + batch.num_rows), pa.int64())
    left = pc.is_null(batch["reason"])
    before = time.process_time()
    stored = sketches.put(unit, stages["deduplicate"], batch.filter(left), numbers.filter(left))
    costs["deduplicate"] += time.process_time() - before
    outputs = {".parquet": tables.put(unit.path(".parquet"), [batch.select(JUDGED)]), **stored}
    return Made(outputs, {"rows": batch.num_rows, "left": left.true_count}, line.spent(costs, started))


def settle_units(
    recipe: Recipe,
    corpus: Sequence[Shard],
    judged: Sequence[tuple[Unit, Record]],
    elected: Sequence[tuple[Unit, Record]],
    where: str,
) -> list[Unit]:
    """The last level: one unit a shard."""
    elections = [record.outputs[".sorted"].sha256 for _, record in elected]
    return [
        Unit(
            name=f"settle {number:05}",
            folder=where,
            key=f"{number:05}",
            function=f"{__name__}:settle",
            given={
                "judged": record.outputs[".parquet"].sha256,
                "first": shard.first,
                "rows": shard.rows,
                "elections": elections,
            },
            carry={
                "judged": unit.path(".parquet"),
                "candidates": unit.path(".candidates"),
                "elections": [one.path(".sorted") for one, _ in elected],
                "stages": line.options(recipe, ["deduplicate"]),
            },
            load=shard.rows,
        )
        for number, (shard, (unit, record)) in enumerate(zip(corpus, judged, strict=True))
    ]


def settle(unit: Unit, guard: Guard) -> Made:
    """Bring the elections to the rows of one shard; store WRITES and count kept and dropped by reason."""
    del guard
    started = time.process_time()
    first, rows = unit.given["first"], unit.given["rows"]
    judged = tables.read(unit.carry["judged"])
    found = pa.concat_tables(tables.between(path, first, first + rows) for path in unit.carry["elections"])
    at = pc.index_in(pa.array(range(first, first + rows), pa.int64()), value_set=found["number"].combine_chunks())
    judged_rows = tables.one_batch(judged)
    batch = schema.put(
        judged_rows, **{name: found[name].take(at) for name in ("cluster", "cluster_size", "duplicate_of")}
    )
    going = found["reason"].take(at).combine_chunks()
    for reason in sorted({one for one in going.to_pylist() if one is not None}):
        batch = drop(batch, pc.equal(going, reason), reason)
    ((_, stage),) = line.built(unit.carry["stages"])
    batch = schema.put(batch, repeat=stage.repeats(batch["cluster_size"], pc.is_null(batch["reason"])))
    outputs = {
        ".parquet": tables.put(unit.path(".parquet"), [batch.select(WRITES)]),
        ".documents": tables.put_table(
            unit.path(".documents"), sketches.later(unit.carry["candidates"], batch["reason"], first)
        ),
    }
    reasons = Counter(reason for reason in batch["reason"].to_pylist() if reason is not None)
    counts = {"rows": rows, "kept": rows - sum(reasons.values()), "dropped": dict(sorted(reasons.items()))}
    return Made(outputs, counts, line.spent({}, started))


def bound(at: int, ranges: int) -> bytes | None:
    """The lowest key of range `at` of `ranges` equal ranges of 128-bit keys; None above the last."""
    return None if at == ranges else ((at << 128) // ranges).to_bytes(16, "big")
