"""What finding duplicates costs from the sketches on: CPU, memory and bytes a document, at each number of documents.

usage: python benchmarks/scale.py [--documents 100000 1000000] [--json FILE] [--folder DIR]

Signatures are generated: 7 of 10 documents are alone, the others in groups of up to 8, whose signatures differ in 8 of
100 hashes; one document in a hundred has the very text of another. They are stored as `judge` stores them, 50,000 a
file; then every unit of every level runs in a process of its own. Memory is the kernel's high-water mark of the largest
such process. The machine should do nothing else; 10 million documents take some 10 GB below DIR.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from hosts import Cost
from numpy.typing import NDArray

from florilegium.pipeline import schema, store
from florilegium.pipeline.passes import duplicates, line, sketches
from florilegium.pipeline.recipe import parse
from florilegium.pipeline.run import done_before
from florilegium.pipeline.stage import stage_class
from florilegium.pipeline.work import Guard, Made, Record, Unit, perform

FILE = 50_000
"""Documents a file: some 200 MB of text."""
READS = ("id", "source", "url", "fetched", "licence", "characters", "text_hash", "sketch")
HASHES = 112


def mixed(*seeds: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64 of seeds, one after the other."""
    found = np.uint64(0)
    with np.errstate(over="ignore"):
        for seed in seeds:
            found = (found ^ seed) + np.uint64(0x9E3779B97F4A7C15)
            found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            found = found ^ (found >> np.uint64(31))
    return np.asarray(found)


def fabricate(unit: Unit, guard: Guard) -> Made:
    """Store the sketches of one file, as `judge` does."""
    del guard
    started = time.process_time()
    ((_, stage),) = line.built(unit.carry["stages"])
    number = np.arange(unit.given["first"], unit.given["first"] + unit.given["rows"], dtype=np.uint64)
    total = np.uint64(unit.given["total"])
    alone = mixed(number, np.uint64(1)) % np.uint64(10) < 7
    group = np.where(alone, number, total + mixed(number, np.uint64(2)) % max(total * np.uint64(3) // np.uint64(40), 1))
    same = ~alone & (mixed(number, np.uint64(3)) % np.uint64(30) == 0)
    at = np.arange(HASHES, dtype=np.uint64)
    own = mixed(number[:, None], at[None, :], np.uint64(4))
    edited = (own % np.uint64(100) < 8) & ~same[:, None]
    hashes = np.where(edited, own, mixed(group[:, None], at[None, :], np.uint64(5))) >> np.uint64(32)
    text = np.where(same, group, number)
    halves = np.stack([mixed(text, np.uint64(6)), mixed(text, np.uint64(7))], axis=1)
    columns = {
        "id": raw(np.stack([mixed(number, np.uint64(8)), number], axis=1), 16),
        "source": ["generated"] * len(number),
        "characters": 1000 + (number % np.uint64(5000)).astype(np.int64),
        "text_hash": raw(halves, 16),
        "sketch": raw(hashes.astype("<u4"), 4 * HASHES),
    }
    batch = schema.batch(columns, READS)
    quality = pa.array((mixed(number, np.uint64(9)) % np.uint64(100)).astype(np.float32) / 100)
    batch = schema.put(batch, measures=pa.StructArray.from_arrays([quality], names=["lines.sentences"]))
    outputs = sketches.put(unit, stage, batch, pa.array(number.astype(np.int64)))
    return Made(outputs, {"left": len(number)}, line.spent({}, started))


def raw(values: NDArray[Any], width: int) -> "pa.Array[Any]":
    """A matrix as binary values of a fixed width."""
    return pa.Array.from_buffers(pa.binary(width), len(values), [None, pa.py_buffer(values.tobytes())])


def alone(unit: Unit) -> tuple[float, float]:
    """CPU seconds and MiB of a unit, in this process, which does nothing else; its libraries are there already."""
    import polars  # noqa: F401

    stage_class("deduplicate")
    started = time.process_time()
    perform(unit, Guard(0, frozenset(), {}, lambda _kind, _content: None))
    return time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(folder: Path, documents: int) -> tuple[dict[str, Cost], int]:
    """What each level costs, and how many documents are in groups."""
    costs: dict[str, Cost] = defaultdict(Cost)
    recipe = parse({"sources": [{"name": "generated", "path": "none.jsonl"}]})
    where = str(folder / "work")

    def run(name: str, units: list[Unit]) -> list[tuple[Unit, Record]]:
        store.make_folder(where)
        with multiprocessing.get_context("spawn").Pool(2, maxtasksperchild=1) as pool:
            for cpu, memory in pool.imap_unordered(alone, units, chunksize=1):
                cost = costs[name]
                cost.units, cost.cpu_s, cost.memory_mb = cost.units + 1, cost.cpu_s + cpu, max(cost.memory_mb, memory)
        done: list[tuple[Unit, Record]] = done_before(units)[0]
        costs[name].bytes = sum(one.size for _, record in done for one in record.outputs.values())
        return done

    options = line.options(recipe, ["deduplicate"])
    judged = run(
        "sketch",
        [
            Unit(
                name=f"sketch {at:05}",
                folder=where,
                key=f"{at:05}-judged",
                function="benchmarks.scale:fabricate" if __name__ != "__main__" else f"{Path(__file__).stem}:fabricate",
                given={"first": first, "rows": min(FILE, documents - first), "total": documents},
                carry={"stages": options},
            )
            for at, first in enumerate(range(0, documents, FILE))
        ],
    )
    bands = sum(record.outputs[".bands"].size for _, record in judged)
    costs["sketch"].bytes = bands
    duplicates.levels(recipe, judged, [], where, run)
    (united,) = Path(where).glob("united.json")
    return costs, json.loads(united.read_text())["counts"]["rows"]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--documents", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path)
    chosen: Any = parser.parse_args()
    every = {}
    for documents in chosen.documents:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
            costs, grouped = measured(Path(folder), documents)
        every[documents] = {name: asdict(cost) for name, cost in costs.items()}
        print(f"{documents} documents, {grouped} of them in groups; {time.monotonic() - started:.0f} s in all")
        for name, cost in costs.items():
            micro, size = 1e6 * cost.cpu_s / documents, cost.bytes / documents
            print(f"  {name:<10}{cost.units:>5} units {micro:>8.2f} CPU µs a document ", end="")
            print(f"{cost.memory_mb:>7.0f} MiB {size:>8.1f} bytes a document", flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(every, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
