"""The stages' work of a build with no frame around it: one loop, one process, nothing stored in between.

usage: python benchmarks/bare.py INPUT.warc.gz OUT [--part K/N]

What `frame.py` subtracts from a build to see what the frame costs. Same readers, stages and writer, same output rows;
no units, records, ledger, resume, hashes or report. Memory grows with the input: this is no way to build a corpus.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from florilegium.pipeline.schema import Batch
from florilegium.pipeline.verdict import split
from florilegium.stages.deduplicate import Deduplicate, members, unite
from florilegium.stages.extract import Extract
from florilegium.stages.filter import Filter
from florilegium.stages.identify import Identify
from florilegium.stages.measure import Measure
from florilegium.stages.permit import Permit
from florilegium.stages.read import Piece, batches, warc
from florilegium.stages.scrub import Scrub
from florilegium.stages.write import parquet


def documents(path: Path, part: int, parts: int) -> Iterator[Batch]:
    """The batches of one part of a WARC file."""
    size = path.stat().st_size
    piece = Piece("bare", path.name, size * part // parts, size * (part + 1) // parts)
    with path.open("rb") as file:
        records = ((piece, record) for record in warc.read(file, piece, warc.Options()) if record.beside is None)
        yield from batches(records)


def duplicates(stage: Deduplicate, batch: Batch, numbers: "pa.Array[Any]") -> pa.Table:
    """What is elected in each group of duplicates of a batch that holds all documents."""
    sketch = stage.sketch(batch, numbers)
    keys, local = (sketch.bands[name].to_numpy() for name in ("key", "local"))
    edges = stage.match(keys, local, lambda wanted: sketch.records[wanted])
    groups = unite(batch.num_rows, [sketch.edges, edges]).rename_columns(["local", "group"])
    return stage.elect(members(groups, sketch.candidates))


def main() -> None:
    """Run the stages over the input and write the kept rows by language."""
    parser = argparse.ArgumentParser()
    parser.add_argument("input", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--part", default="0/1")
    chosen = parser.parse_args()
    part, parts = map(int, chosen.part.split("/"))
    identify, permit, limits, deduplicate = Identify(), Permit(), Filter(), Deduplicate()
    line: list[Callable[[Batch], Batch]] = [Extract(), identify, Scrub(), Measure(), identify.decide, permit, limits]
    done = []
    for raw in documents(chosen.input, part, parts):
        batch = raw
        for stage in line:
            batch = stage(batch)
        done.append(split(batch)[0])
    kept = pa.Table.from_batches(done)
    numbers = pa.array(range(kept.num_rows), pa.int64())
    elected = duplicates(deduplicate, kept.combine_chunks().to_batches()[0], numbers)
    gone = elected.filter(pc.is_valid(elected["reason"]))["number"]
    kept = kept.filter(pc.invert(pc.is_in(numbers, value_set=gone.combine_chunks())))
    languages: set[Any] = set(kept["language"].to_pylist())
    for language in sorted(languages):
        rows = kept.filter(pc.equal(kept["language"], language)).sort_by("id")
        target = chosen.out / language / f"part-{part:05}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        parquet.write(iter(rows.drop_columns(["html"]).to_batches()), target)


if __name__ == "__main__":
    main()
