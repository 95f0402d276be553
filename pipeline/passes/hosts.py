"""Pass 2, hosts: what only a whole site can tell: the lines that are templates of it.

Four levels. sketch: the lines of each documents file as hashes; it reads text and depends on its file alone, so it has
a folder of its own (`lines-`). count: how many pages each domain has, by ranges of domains. templates: which places are
templates, by ranges of places. mark: for each documents file, those that stand in it, so that measuring a file needs,
and depends on, its own templates only.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from florilegium.pipeline import store, tables
from florilegium.pipeline.fingerprint import frame_digest
from florilegium.pipeline.passes import line
from florilegium.pipeline.passes.documents import Part
from florilegium.pipeline.recipe import LINE, Recipe
from florilegium.pipeline.work import Guard, Made, Record, Unit, digest

Done = Sequence[tuple[Unit, Record]]

ROWS_A_TASK = 4_000_000
"""Lines that an election holds, or pages that a count does, about: 24 bytes each, five times that while sorting.

One line that stands on more pages, or one domain that has more, is still one task's."""

READS = ("url", "host", "text", "reason")


def levels(
    recipe: Recipe, parts: Sequence[Part], work: str, run: Callable[[str, list[Unit]], Done]
) -> tuple[Done, Done]:
    """All levels in order, each by `run(name, units)`; answers the units that sketched and those that marked."""
    sketched = run("sketch", sketch_units(recipe, parts, work))
    where = folder(recipe, sketched, work)
    counted = run("count", count_units(recipe, sketched, where))
    elected = run("templates", template_units(recipe, sketched, counted, where))
    return sketched, run("mark", mark_units(parts, sketched, elected, where))


def sketch_units(recipe: Recipe, parts: Sequence[Part], work: str) -> list[Unit]:
    """Level 1: one unit a documents file."""
    own = {"stages": line.digests(recipe, LINE["hosts"], deciding=False), "frame": frame_digest(__name__)}
    found = []
    for number, part in enumerate(parts):
        pass_key = digest({"own": own, "documents": part.folder})
        found.append(
            Unit(
                name=f"sketch {number:05}",
                folder=store.join(work, f"lines-{pass_key[:12]}"),
                key=part.key,
                function=f"{__name__}:sketch",
                given={"pass": pass_key, "documents": part.sha256},
                carry={"documents": part.path, "stages": line.options(recipe, LINE["hosts"])},
                load=part.text_bytes,
            )
        )
    return found


def sketch(unit: Unit, guard: Guard) -> Made:
    """Store the lines of one documents file, sorted by place, and its pages, sorted by domain."""
    started = time.process_time()
    ((_, stage),) = line.built(unit.carry["stages"])
    found: list[tuple[pa.Table, pa.Table]] = []
    rows = 0
    for batch in tables.scan(unit.carry["documents"], READS, rows=1024):
        found.append(stage.sketch(batch))
        rows += batch.num_rows
        guard.say("progress", {"rows": rows, "bytes_in": line.text_bytes(batch)})
    lines, pages = (pa.concat_tables(one) for one in zip(*found, strict=True))
    outputs = {
        ".lines": tables.put_sorted(unit.path(".lines"), _sorted(lines, "place"), "place"),
        ".pages": tables.put_sorted(unit.path(".pages"), _sorted(pages, "domain"), "domain"),
    }
    counts = {"rows": rows, "lines": lines.num_rows, "pages": pages.num_rows}
    return Made(outputs, counts, _costs(started))


def folder(recipe: Recipe, sketched: Done, work: str) -> str:
    """Where the other levels write: named by the numbers of the recipe and by all lines."""
    own = {
        "stages": line.digests(recipe, LINE["hosts"], deciding=True),
        "frame": frame_digest(__name__),
        "sketches": [[unit.key, *_digests(record)] for unit, record in sketched],
    }
    return store.join(work, f"hosts-{digest(own)[:12]}")


def count_units(recipe: Recipe, sketched: Done, where: str) -> list[Unit]:
    """Level 2: one unit a range of domains."""
    return _ranges(recipe, sketched, where, ("count", "pages"), [])


def count(unit: Unit, guard: Guard) -> Made:
    """Store the sizes of the domains of one range."""
    del guard
    started = time.process_time()
    ((_, stage),) = line.built(unit.carry["stages"])
    sizes = stage.count(_of_range(unit))
    stored = tables.put_sorted(unit.path(".sizes"), sizes, "domain")
    return Made({".sizes": stored}, {"rows": sizes.num_rows}, _costs(started))


def template_units(recipe: Recipe, sketched: Done, counted: Done, where: str) -> list[Unit]:
    """Level 3: one unit a range of places."""
    return _ranges(recipe, sketched, where, ("templates", "lines"), counted)


def templates(unit: Unit, guard: Guard) -> Made:
    """Store the templates among the places of one range."""
    del guard
    started = time.process_time()
    ((_, stage),) = line.built(unit.carry["stages"])
    candidates = stage.candidates(_of_range(unit))
    sizes = [tables.between(path, None, None) for path in unit.carry["sizes"]]
    wanted = candidates["domain"].combine_chunks()
    few = pa.concat_tables([one.filter(pc.is_in(one["domain"], value_set=wanted)) for one in sizes])
    found = stage.elect(candidates, few)
    stored = tables.put_sorted(unit.path(".elected"), found, "place")
    return Made({".elected": stored}, {"rows": found.num_rows}, _costs(started))


def mark_units(parts: Sequence[Part], sketched: Done, elected: Done, where: str) -> list[Unit]:
    """Level 4: one unit a documents file."""
    elections = [record.outputs[".elected"].sha256 for _, record in elected]
    return [
        Unit(
            name=f"mark {number:05}",
            folder=where,
            key=part.key,
            function=f"{__name__}:mark",
            given={"lines": record.outputs[".lines"].sha256, "elections": elections},
            carry={"lines": unit.path(".lines"), "elections": [one.path(".elected") for one, _ in elected]},
            load=record.counts["lines"],
        )
        for number, (part, (unit, record)) in enumerate(zip(parts, sketched, strict=True))
    ]


def mark(unit: Unit, guard: Guard) -> Made:
    """Store the templates that stand in one documents file."""
    del guard
    started = time.process_time()
    here = np.unique(tables.between(unit.carry["lines"], None, None)["place"].to_numpy())
    found = []
    for path in unit.carry["elections"]:
        elected = tables.between(path, None, None)
        places = elected["place"].to_numpy()
        # Few places are looked up in many: nothing of the size of `here` is done for each file.
        found_at = (np.searchsorted(here, places, side) for side in ("left", "right"))
        found.append(elected.take(np.flatnonzero(np.subtract(*found_at))))
    standing = pa.concat_tables(found)
    stored = tables.put_sorted(unit.path(".templates"), standing, "place")
    return Made({".templates": stored}, {"rows": standing.num_rows}, _costs(started))


def _ranges(recipe: Recipe, sketched: Done, where: str, level: tuple[str, str], counted: Done) -> list[Unit]:
    """One unit a range of hashes. Their number depends on the rows, what they find together does not."""
    name, rows = level
    total = sum(record.counts[rows] for _, record in sketched)
    ranges = -(-total // ROWS_A_TASK) or 1
    return [
        Unit(
            name=f"{name} {at:05}",
            folder=where,
            key=f"{at:05}-{name}",
            function=f"{__name__}:{name}",
            given={
                "range": [at, ranges],
                "rows": [record.outputs[f".{rows}"].sha256 for _, record in sketched],
                "sizes": [record.outputs[".sizes"].sha256 for _, record in counted],
                "stages": line.digests(recipe, LINE["hosts"], deciding=True),
            },
            carry={
                "rows": [unit.path(f".{rows}") for unit, _ in sketched],
                "sizes": [unit.path(".sizes") for unit, _ in counted],
                "stages": line.options(recipe, LINE["hosts"]),
            },
            load=total // ranges,
        )
        for at in range(ranges)
    ]


def _of_range(unit: Unit) -> pa.Table:
    at, ranges = unit.given["range"]
    low, high = ((edge << 64) // ranges for edge in (at, at + 1))
    end = None if at + 1 == ranges else high
    return pa.concat_tables([tables.between(path, low, end) for path in unit.carry["rows"]])


def _sorted(table: pa.Table, first: str) -> pa.Table:
    """By this column, then by page."""
    return table.take(np.lexsort((table["page"].to_numpy(), table[first].to_numpy())))


def _digests(record: Record) -> list[str]:
    return [record.outputs[suffix].sha256 for suffix in (".lines", ".pages")]


def _costs(started: float) -> dict[str, Any]:
    return line.spent(defaultdict(float, hosts=time.process_time() - started), started)
