"""Pass 5, corpus: kept documents, shuffled and written as shards by language.

Two levels. gather: each unit puts its kept rows into one file, sorted by language and id. merge: each shard reads its
range of ids of one language from all those files. An id is a hash, so order by id is a shuffle; and since shards are
sorted by it, any document is found from the row group statistics. Same rows, same shards, however the input was cut.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from florilegium.pipeline import schema, store, tables
from florilegium.pipeline.fingerprint import code_digest, frame_digest
from florilegium.pipeline.passes import line
from florilegium.pipeline.passes.decisions import WRITES as DECISIONS
from florilegium.pipeline.passes.decisions import Shard, bound, decided
from florilegium.pipeline.passes.documents import COLUMNS as DOCUMENTS
from florilegium.pipeline.recipe import Recipe
from florilegium.pipeline.schema import Batch
from florilegium.pipeline.stage import find
from florilegium.pipeline.work import Guard, Made, Record, Unit, digest

ROWS_A_GROUP = 1024
"""Largest row groups of gathered files; each holds one language, so that a merge reads little beyond its own range."""

TEXT_FIRST = ("id", "language", "title", "text")
EDITED = ("lines_removed", "characters_removed")
MEASURED = (*EDITED, "words", "characters", "text_hash", "measures")
LATER = (*MEASURED, "licence", "rights", "cluster", "cluster_size", "repeat")
NOT_RELEASED = ("declared_charset", *schema.VERDICT)
COLUMNS = (
    *TEXT_FIRST,
    *(name for name in (*DOCUMENTS, *LATER) if name not in (*TEXT_FIRST, *NOT_RELEASED)),
)
"""The columns of a corpus shard, in order."""


def folder(recipe: Recipe, corpus: Sequence[Shard], settled: Sequence[tuple[Unit, Record]], work: str) -> str:
    """Where the pass writes: named by what is kept and how it is written."""
    own = {
        "write": recipe.write.model_dump(mode="json"),
        "writer": code_digest(f"florilegium.stages.write.{recipe.write.format}"),
        "final": code_digest("florilegium.stages.measure"),
        "frame": frame_digest(__name__),
        "shards": decided(corpus, settled),
    }
    return store.join(work, f"corpus-{digest(own)[:12]}")


def gather_units(corpus: Sequence[Shard], settled: Sequence[tuple[Unit, Record]], where: str) -> list[Unit]:
    """Level 1: one unit a documents file."""
    return [
        Unit(
            name=f"gather {number:05}",
            folder=where,
            key=f"{number:05}-gathered",
            function=f"{__name__}:gather",
            given={
                "shard": shard.key,
                "digests": [*shard.digests, record.outputs[".parquet"].sha256],
                "first": shard.first,
            },
            carry={"documents": shard.documents, "measures": shard.measures, "decisions": unit.path(".parquet")},
            load=shard.text_bytes,
        )
        for number, (shard, (unit, record)) in enumerate(zip(corpus, settled, strict=True))
    ]


def gather(unit: Unit, guard: Guard) -> Made:
    """Store the kept rows of one documents file with their final text, sorted by language and id.

    Counts rows and bytes by language.
    """
    del guard
    started = time.process_time()
    decisions = tables.read(unit.carry["decisions"], DECISIONS)
    kept = pc.is_null(decisions["reason"])
    documents, measures = (
        tables.read(unit.carry["documents"]),
        tables.read(unit.carry["measures"], ["removed", *MEASURED]),
    )
    numbers = pa.table({"number": pa.array(range(unit.given["first"], unit.given["first"] + len(kept)), pa.int64())})
    table = tables.beside(documents, measures, decisions, numbers).filter(kept)
    final = find("stages", "measure").final(table["text"], table["removed"])
    table = tables.beside(table, pa.table({"text": final}))
    table = table.select([*COLUMNS, "number"]).append_column("key", sort_key(table))
    table = table.take(pc.sort_indices(table["key"]))
    stored = tables.put_sorted(unit.path(".sorted"), table, "key", _by_language(table))
    sizes = table.select(["language"]).append_column("bytes", pc.binary_length(table["text"]))
    grouped = sizes.group_by("language").aggregate([("bytes", "sum"), ("bytes", "count")]).to_pylist()
    languages = {one["language"]: {"rows": one["bytes_count"], "bytes": one["bytes_sum"]} for one in grouped}
    counts = {"rows": table.num_rows, "languages": dict(sorted(languages.items()))}
    return Made({".sorted": stored}, counts, line.spent({}, started))


def merge_units(recipe: Recipe, gathered: Sequence[tuple[Unit, Record]], where: str) -> list[Unit]:
    """Level 2: one unit a shard; how many there are of a language depends on its bytes of text."""
    found = []
    languages = sorted({language for _, record in gathered for language in record.counts["languages"]})
    for language in languages:
        parts = [(unit, record) for unit, record in gathered if language in record.counts["languages"]]
        size = sum(record.counts["languages"][language]["bytes"] for _, record in parts)
        ranges = max(1, -(-size // recipe.write.shard_bytes))
        found += [
            Unit(
                name=f"merge {language} {at:05}",
                folder=where,
                key=f"{language}-{at:05}",
                function=f"{__name__}:merge",
                given={
                    "language": language,
                    "range": [at, ranges],
                    "format": recipe.write.format,
                    "parts": [record.outputs[".sorted"].sha256 for _, record in parts],
                },
                carry={"parts": [unit.path(".sorted") for unit, _ in parts]},
                load=size // ranges,
            )
            for at in range(ranges)
        ]
    return found


def merge(unit: Unit, guard: Guard) -> Made:
    """Write one shard, and for each of its rows the document's number (`.address`)."""
    del guard
    started = time.process_time()
    costs: line.Costs = defaultdict(float)
    at, ranges = unit.given["range"]
    low, high = (_place(unit.given["language"], edge) for edge in (bound(at, ranges), bound(at + 1, ranges)))
    table = pa.concat_tables([tables.between(path, low, high) for path in unit.carry["parts"]])
    table = table.take(pc.sort_indices(table["key"]))
    writer = find("stages.write", unit.given["format"])
    before = time.process_time()
    shard = table.select(COLUMNS)

    def write(aside: Path) -> int:
        rows: int = writer.write(iter(shard.to_batches()), aside)
        return rows

    rows, stored = store.put(unit.path(writer.SUFFIX), write)
    costs["write"] += time.process_time() - before
    address = pa.table(
        {
            "number": table["number"],
            "row": pa.array(range(rows), pa.int64()),
            "bytes_out": pc.binary_length(table["text"]),
        }
    )
    outputs = {
        writer.SUFFIX: stored,
        ".address": tables.put_sorted(unit.path(".address"), address.sort_by("number"), "number"),
    }
    words = pc.sum(table["words"]).as_py() or 0
    text_bytes = pc.sum(address["bytes_out"]).as_py() or 0
    return Made(outputs, {"rows": rows, "words": words, "text_bytes": text_bytes}, line.spent(costs, started))


def _by_language(table: pa.Table) -> Iterator[Batch]:
    """The rows of a sorted table as batches of one language each."""
    counts: list[Any] = pc.value_counts(table["language"]).field("counts").to_pylist()  # in order of appearance
    first = 0
    for rows in counts:
        yield from table.slice(first, rows).combine_chunks().to_batches(max_chunksize=ROWS_A_GROUP)
        first += rows


def sort_key(table: pa.Table) -> "pa.ChunkedArray[Any]":
    """Language, a zero byte, id: what gathered files are sorted by."""
    parts = (table["language"].cast(pa.binary()), table["id"].cast(pa.binary()))
    separator = pa.scalar(b"\0", pa.binary())
    key: pa.ChunkedArray[Any] = pc.binary_join_element_wise(*parts, separator)  # type: ignore[call-overload]  # a scalar will do
    return key


def _place(language: str, edge: bytes | None) -> bytes:
    """The lowest sort key of a language at an edge of its id range; above the last range, the end of the language."""
    return language.encode() + (b"\1" if edge is None else b"\0" + edge)
