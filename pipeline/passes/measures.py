"""Pass 3, measures: numbers about each text, and its hash; row by row beside the documents."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from florilegium.pipeline import store, tables
from florilegium.pipeline.fingerprint import frame_digest
from florilegium.pipeline.passes import line
from florilegium.pipeline.passes.documents import Part
from florilegium.pipeline.recipe import LINE, Recipe
from florilegium.pipeline.schema import Batch
from florilegium.pipeline.work import Guard, Made, Unit, digest

READS = ("id", "language", "text", "reason")


def units(recipe: Recipe, parts: Sequence[Part], work: str) -> list[Unit]:
    """One unit for each documents file."""
    own = {"stages": line.digests(recipe, LINE["measures"], deciding=False), "frame": frame_digest(__name__)}
    found = []
    for number, part in enumerate(parts):
        pass_key = digest({"own": own, "documents": part.folder})
        found.append(
            Unit(
                name=f"measures {number:05}",
                folder=store.join(work, f"measures-{pass_key[:12]}"),
                key=part.key,
                function=f"{__name__}:run",
                given={"pass": pass_key, "documents": part.sha256},
                carry={"documents": part.path, "stages": line.options(recipe, LINE["measures"])},
                load=part.text_bytes,
            )
        )
    return found


def run(unit: Unit, guard: Guard) -> Made:
    """Measure the texts of one documents file; store the stages' columns, row for row."""
    stages = line.built(unit.carry["stages"])
    costs: line.Costs = defaultdict(float)
    started = time.process_time()
    rows = 0

    def made() -> Iterator[Batch]:
        nonlocal rows
        for batch in tables.scan(unit.carry["documents"], READS, rows=256):
            done = line.through(batch, stages, costs)
            rows += batch.num_rows
            guard.say("progress", {"rows": rows, "bytes_in": line.text_bytes(batch)})
            yield done.select([column for _, stage in stages for column in stage.writes])

    stored = tables.put(unit.path(".parquet"), made())
    return Made({".parquet": stored}, {"rows": rows}, line.spent(costs, started))
