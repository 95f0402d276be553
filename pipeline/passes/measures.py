"""Pass 3, measures: what the final text leaves out, numbers about it, and its hash; row by row beside the documents."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from florilegium.pipeline import store, tables
from florilegium.pipeline.fingerprint import frame_digest
from florilegium.pipeline.passes import line
from florilegium.pipeline.passes.documents import Part
from florilegium.pipeline.recipe import LINE, Recipe
from florilegium.pipeline.schema import Batch
from florilegium.pipeline.stage import find
from florilegium.pipeline.work import Guard, Made, Record, Unit, digest

READS = ("id", "host", "language", "text", "reason")


def units(recipe: Recipe, parts: Sequence[Part], settled: Sequence[tuple[Unit, Record]], work: str) -> list[Unit]:
    """One unit for each documents file, with what the hosts pass settled of it.

    Templates depend on all inputs: a unit is named by those of its file, so a new input measures again only where it
    makes or unmakes one. Files of both builds may stand side by side.
    """
    own = {
        "stages": line.digests(recipe, LINE["measures"], deciding=False),
        "hosts": line.digests(recipe, LINE["hosts"], deciding=True),
        "frame": frame_digest(__name__),
    }
    found = []
    for number, (part, (unit, record)) in enumerate(zip(parts, settled, strict=True)):
        templates = record.outputs[".templates"].sha256
        pass_key = digest({"own": own, "documents": part.folder})
        found.append(
            Unit(
                name=f"measures {number:05}",
                folder=store.join(work, f"measures-{pass_key[:12]}"),
                key=f"{part.key}-{templates[:12]}",
                function=f"{__name__}:run",
                given={"pass": pass_key, "documents": part.sha256, "templates": templates},
                carry={
                    "documents": part.path,
                    "templates": unit.path(".templates"),
                    "stages": line.options(recipe, LINE["measures"]),
                },
                load=part.text_bytes,
            )
        )
    return found


def run(unit: Unit, guard: Guard) -> Made:
    """Measure the texts of one documents file; store the stages' columns, row for row."""
    mark = find("stages", "hosts").marker(tables.between(unit.carry["templates"], None, None))
    stages = line.built(unit.carry["stages"])
    costs: line.Costs = defaultdict(float)
    started = time.process_time()
    rows = 0

    def made() -> Iterator[Batch]:
        nonlocal rows
        for batch in tables.scan(unit.carry["documents"], READS, rows=256):
            before = time.process_time()
            marked = mark(batch)
            costs["hosts"] += time.process_time() - before
            done = line.through(marked, stages, costs)
            rows += batch.num_rows
            guard.say("progress", {"rows": rows, "bytes_in": line.text_bytes(batch)})
            yield done.select([column for _, stage in stages for column in stage.writes])

    stored = tables.put(unit.path(".parquet"), made())
    return Made({".parquet": stored}, {"rows": rows}, line.spent(costs, started))
