"""What pass hosts costs: CPU a document, memory of a worker and bytes on disk, at each number of pages.

usage: python benchmarks/hosts.py [--pages 25000 100000] [--hosts 50] [--lines 30]

Pages are generated: of each host 12 lines stand on all of its pages, the others on one. They are written as documents
files, parted as a build parts them; then every unit of the pass runs in a process of its own, one after the other.
Memory is the kernel's high-water mark of the largest such process. The machine should do nothing else.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any

from florilegium.pipeline import schema, store, tables
from florilegium.pipeline.passes import documents, hosts
from florilegium.pipeline.passes.documents import Part
from florilegium.pipeline.recipe import parse
from florilegium.pipeline.run import done_before
from florilegium.pipeline.work import Guard, Record, Unit, perform

TEMPLATES = 12
"""Lines that stand on every page of a host: menu, footer, notices."""
BATCH = 256


@dataclass
class Cost:
    """What the units of a level cost together; memory_mb: of the largest."""

    units: int = 0
    cpu_s: float = 0.0
    memory_mb: float = 0.0
    bytes: int = 0


def line(*seed: object) -> str:
    """Twelve words, the same for the same seed."""
    return " ".join(f"{piece:x}" for piece in memoryview(blake2b(repr(seed).encode()).digest()[:48]).cast("I"))


def batches(pages: int, sites: int, lines: int) -> Iterator[schema.Batch]:
    """The documents, sites mixed."""
    menus = [[line("menu", site, at) for at in range(TEMPLATES)] for site in range(sites)]
    for first in range(0, pages, BATCH):
        rows = range(first, min(first + BATCH, pages))
        own = [[line("own", row, at) for at in range(lines - TEMPLATES)] for row in rows]
        half = TEMPLATES // 2
        columns = {
            "id": [row.to_bytes(16, "big") for row in rows],
            "url": [f"https://www.site{row % sites}.example/{row}" for row in rows],
            "host": [f"www.site{row % sites}.example" for row in rows],
            "text": [
                "\n".join([*menus[row % sites][:half], *prose, *menus[row % sites][half:]])
                for row, prose in zip(rows, own, strict=True)
            ],
        }
        yield schema.batch(columns, documents.COLUMNS)


def parts(folder: Path, pages: int, sites: int, lines: int) -> list[Part]:
    """Documents files as the documents pass would write them."""
    found: list[Part] = []
    left = batches(pages, sites, lines)
    while (first := next(left, None)) is not None:
        size = {"rows": 0, "text_bytes": 0}
        path = folder / f"part-{len(found)}.parquet"
        tables.put(str(path), documents._part(first, left, size), schema.schema(documents.COLUMNS))
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        found.append(Part(f"part-{len(found)}", "documents", str(path), digest, size["rows"], size["text_bytes"]))
    return found


def alone(unit: Unit) -> tuple[float, float]:
    """CPU seconds and MiB of a unit, in this process, which does nothing else."""
    started = time.process_time()
    perform(unit, Guard(0, frozenset(), {}, lambda _kind, _content: None))
    return time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(folder: Path, pages: int, sites: int, lines: int) -> tuple[dict[str, Cost], int]:
    """What each level costs, and how many templates were found."""
    (folder / "documents").mkdir()
    costs: dict[str, Cost] = defaultdict(Cost)
    recipe = parse({"sources": [{"name": "none", "path": "none.jsonl"}]})

    def run(name: str, units: list[Unit]) -> list[tuple[Unit, Record]]:
        for unit in units:
            store.make_folder(unit.folder)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                cpu, memory = pool.apply(alone, (unit,))
            cost = costs[name]
            cost.units, cost.cpu_s, cost.memory_mb = cost.units + 1, cost.cpu_s + cpu, max(cost.memory_mb, memory)
        done: list[tuple[Unit, Record]] = done_before(units)[0]
        costs[name].bytes = sum(one.size for _, record in done for one in record.outputs.values())
        return done

    _, marked = hosts.levels(recipe, parts(folder / "documents", pages, sites, lines), str(folder / "work"), run)
    return costs, max(record.counts["rows"] for _, record in marked)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pages", type=int, nargs="+", default=[25_000, 100_000])
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--lines", type=int, default=30)
    chosen: Any = parser.parse_args()
    for pages in chosen.pages:
        with tempfile.TemporaryDirectory() as folder:
            costs, found = measured(Path(folder), pages, chosen.hosts, chosen.lines)
        print(f"{pages} pages of {chosen.hosts} hosts, {chosen.lines} lines each; {found} templates found")
        for name, cost in costs.items():
            print(f"  {name:<10}{cost.units:>4} units {1e6 * cost.cpu_s / pages:>8.1f} CPU µs a page "
                  f"{cost.memory_mb:>7.0f} MiB {cost.bytes / pages:>8.1f} bytes a page", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
