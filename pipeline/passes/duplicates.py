"""Duplicates, inside pass 4: from the sketches of each documents file to who stays of each group.

Up to five levels, between `judge` and `settle`. urls: of each address one stays, by ranges of addresses (where the
recipe asks). match: which documents are joined, by ranges of keys. unite: what is joined directly or by way of others,
in one task, 5 bytes a document. members: for each file, its documents that are in groups. elect: who stays of each, by
ranges of groups. Documents left by `judge` are numbered densely; those of earlier builds, whose sketches stand in their
output folders, come behind. No text is read.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from florilegium.pipeline import store, tables
from florilegium.pipeline.passes import line, sketches
from florilegium.pipeline.passes.sketches import Done, Part
from florilegium.pipeline.recipe import Recipe
from florilegium.pipeline.stage import find
from florilegium.pipeline.work import Guard, Made, Unit

Run = Callable[[str, list[Unit]], Done]

ROWS_A_TASK = 4_000_000
"""Rows that a task matches, about: 12 bytes each, twice that while sorting, and 128 for each document that shares a
key: up to 600 MB."""
MEMBERS_A_TASK = 1_000_000
"""Members that a task elects among, or addresses, about: 80 bytes each, eight times that while sorting."""


def levels(recipe: Recipe, judged: Done, before: Sequence[Mapping[str, Any]], where: str, run: Run) -> Done:
    """Run the levels; answers the elections, those of groups before those of addresses."""
    parts = list(sketches.parts(judged, before))
    stage = recipe.stage("deduplicate")
    urls = run("urls", _range_units(recipe, parts, where, "urls")) if stage.url else []
    matched = run("match", _range_units(recipe, parts, where, "match"))
    united = run("unite", [_unite_unit(parts, matched, where)])
    gathered = run("members", _member_units(parts, united, urls, where))
    elected = run("elect", _elect_units(recipe, parts, united, gathered, where))
    return [*elected, *urls]


def urls(unit: Unit, guard: Guard) -> Made:
    """Elect who stays of each address in one range of them."""
    del guard
    started = time.process_time()
    costs: line.Costs = defaultdict(float)
    ((_, stage),) = line.built(unit.carry["stages"])
    members = find("stages", "deduplicate").members
    low, high = _range(unit)
    found = []
    for part in map(sketches.of_json, unit.carry["parts"]):
        rows = tables.between(part.paths[".urls"], low, high)
        groups = pa.table({"local": rows["local"], "group": rows["key"]})
        found.append(members(groups, *sketches.documents(part)))
    elected = stage.elect(pa.concat_tables(found), "deduplicate.url")
    costs["deduplicate"] += time.process_time() - started
    stored = tables.put_sorted(unit.path(".sorted"), elected, "number")
    return Made({".sorted": stored}, {"rows": elected.num_rows}, line.spent(costs, started))


def match(unit: Unit, guard: Guard) -> Made:
    """Store the edges between the documents to be joined in one range of keys."""
    del guard
    started = time.process_time()
    costs: line.Costs = defaultdict(float)
    ((_, stage),) = line.built(unit.carry["stages"])
    low, high = _range(unit)
    parts = list(map(sketches.of_json, unit.carry["parts"]))
    keys, numbers = [np.empty(0, np.uint64)], [np.empty(0, np.uint32)]
    for part in parts:
        rows = tables.between(part.paths[".bands"], low, high)
        keys.append(rows["key"].to_numpy())
        numbers.append(rows["local"].to_numpy() + np.uint32(part.first))
    edges = stage.match(np.concatenate(keys), np.concatenate(numbers), lambda wanted: sketches.records(parts, wanted))
    costs["deduplicate"] += time.process_time() - started
    stored = store.put_bytes(unit.path(".edges"), np.ascontiguousarray(edges, sketches.EDGE).tobytes())
    return Made({".edges": stored}, {"edges": len(edges)}, line.spent(costs, started))


def unite(unit: Unit, guard: Guard) -> Made:
    """Store the documents that are in groups, by number: a group goes by the smallest number in it."""
    del guard
    started = time.process_time()
    groups = find("stages", "deduplicate").unite(unit.given["documents"], sketches.edges(unit.carry["edges"]))
    stored = tables.put_sorted(unit.path(".groups"), groups, "number")
    costs = defaultdict(float, deduplicate=time.process_time() - started)
    counts = {"rows": groups.num_rows, "edges": _edges_of(groups["group"].to_numpy())}
    return Made({".groups": stored}, counts, line.spent(costs, started))


def members(unit: Unit, guard: Guard) -> Made:
    """Store what the choice needs of the documents of one file that are in groups, sorted by group."""
    del guard
    started = time.process_time()
    part = sketches.of_json(unit.carry["part"])
    rows = tables.between(unit.carry["groups"], part.first, part.first + part.rows)
    local = pc.subtract(rows["number"], pa.scalar(part.first, pa.uint32()))
    candidates, kept, gone = sketches.documents(part)
    if unit.carry["urls"] and gone is None and candidates.num_rows:
        reasons = [_elected_of(path, candidates) for path in unit.carry["urls"]]
        gone = pc.is_in(candidates["number"], value_set=pa.concat_tables(reasons)["number"].combine_chunks())
    groups = pa.table({"local": local, "group": rows["group"]})
    found = find("stages", "deduplicate").members(groups, candidates, kept, gone)
    stored = tables.put_sorted(unit.path(".members"), found, "group")
    return Made({".members": stored}, {"rows": found.num_rows}, line.spent({}, started))


def elect(unit: Unit, guard: Guard) -> Made:
    """Choose who stays of each group in one range of them."""
    del guard
    started = time.process_time()
    costs: line.Costs = defaultdict(float)
    ((_, stage),) = line.built(unit.carry["stages"])
    low, high = unit.given["groups"]
    found = pa.concat_tables([tables.between(path, low, high) for path in unit.carry["members"]])
    before = time.process_time()
    elected = stage.elect(found)
    costs["deduplicate"] += time.process_time() - before
    stored = tables.put_sorted(unit.path(".sorted"), elected, "number")
    return Made({".sorted": stored}, {"rows": elected.num_rows}, line.spent(costs, started))


def _range_units(recipe: Recipe, parts: Sequence[Part], where: str, level: str) -> list[Unit]:
    """One unit a range of keys. Their number depends on the rows, what they find together does not."""
    suffix = ".bands" if level == "match" else ".urls"
    near = recipe.stage("deduplicate").near
    documents = sum(part.rows for part in parts)
    total = documents * (1 + (near.bands if near and level == "match" else 0))
    ranges = -(-total // (ROWS_A_TASK if level == "match" else MEMBERS_A_TASK)) or 1
    used = (suffix, ".edges", ".records") if level == "match" else (suffix, ".candidates", ".documents")
    return [
        Unit(
            name=f"{level} {at:05}",
            folder=where,
            key=f"{at:05}-{level}",
            function=f"{__name__}:{level}",
            given={"range": [at, ranges], "parts": [sketches.digests(part, used) for part in parts]},
            carry={
                "parts": [sketches.as_json(part) for part in parts],
                "stages": line.options(recipe, ["deduplicate"]),
            },
            load=total // ranges,
        )
        for at in range(ranges)
    ]


def _unite_unit(parts: Sequence[Part], matched: Done, where: str) -> Unit:
    documents = sum(part.rows for part in parts)
    return Unit(
        name="unite",
        folder=where,
        key="united",
        function=f"{__name__}:unite",
        given={
            "documents": documents,
            "edges": [record.outputs[".edges"].sha256 for _, record in matched],
            "parts": [[part.first, part.digests[".edges"]] for part in parts],
        },
        carry={
            "edges": [
                *([unit.path(".edges"), 0] for unit, _ in matched),
                *([part.paths[".edges"], part.first] for part in parts),
            ]
        },
        load=documents,
    )


def _member_units(parts: Sequence[Part], united: Done, urls: Done, where: str) -> list[Unit]:
    ((unit, record),) = united
    return [
        Unit(
            name=f"members {number:05}",
            folder=where,
            key=f"{part.key}-members",
            function=f"{__name__}:members",
            given={
                "groups": record.outputs[".groups"].sha256,
                "part": [part.first, part.rows, *sketches.digests(part, (".candidates", ".documents"))],
                "urls": [found.outputs[".sorted"].sha256 for _, found in urls],
            },
            carry={
                "part": sketches.as_json(part),
                "groups": unit.path(".groups"),
                "urls": [one.path(".sorted") for one, _ in urls],
            },
            load=part.rows,
        )
        for number, part in enumerate(parts)
    ]


def _elect_units(recipe: Recipe, parts: Sequence[Part], united: Done, gathered: Done, where: str) -> list[Unit]:
    """One unit a range of groups."""
    counts = united[0][1].counts
    edges = [0, *counts["edges"], sum(part.rows for part in parts)]
    return [
        Unit(
            name=f"elect {at:05}",
            folder=where,
            key=f"{at:05}-elected",
            function=f"{__name__}:elect",
            given={
                "groups": [edges[at], edges[at + 1]],
                "members": [record.outputs[".members"].sha256 for _, record in gathered],
            },
            carry={
                "members": [unit.path(".members") for unit, _ in gathered],
                "stages": line.options(recipe, ["deduplicate"]),
            },
            load=counts["rows"],
        )
        for at in range(len(edges) - 1)
    ]


def _edges_of(groups: NDArray[np.uint32]) -> list[int]:
    """Where to part groups so that about MEMBERS_A_TASK members are between two edges: small numbers have more."""
    ranges = -(-len(groups) // MEMBERS_A_TASK)
    at = [len(groups) * number // ranges for number in range(1, ranges)]
    return sorted({int(edge) for edge in np.sort(groups)[at]})


def _range(unit: Unit) -> tuple[int, int | None]:
    at, ranges = unit.given["range"]
    return (at << 64) // ranges, None if at + 1 == ranges else ((at + 1) << 64) // ranges


def _elected_of(path: str, candidates: pa.Table) -> pa.Table:
    """The rows of an election that drop one of these candidates."""
    numbers = candidates["number"]
    found = tables.between(path, numbers[0].as_py(), numbers[-1].as_py() + 1)
    return found.filter(pc.is_valid(found["reason"]))
