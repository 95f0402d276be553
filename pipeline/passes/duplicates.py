"""Duplicates, inside pass 4: from the sketches of each documents file to who stays of each group.

Up to five levels, between `judge` and `settle`. urls: of each address one stays, by ranges of addresses (where the
recipe asks). match: which documents are joined, by ranges of keys. unite: what is joined directly or by way of others,
in one task, 5 bytes a document. members: for each file, its documents that are in groups. elect: who stays of each, by
ranges of groups. Documents left by `judge` are numbered densely; those of earlier builds, whose sketches stand in their
output folders, come behind. No text is read.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from florilegium.pipeline import account, store, tables
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.passes import line
from florilegium.pipeline.recipe import Recipe
from florilegium.pipeline.schema import schema
from florilegium.pipeline.stage import find
from florilegium.pipeline.work import Guard, Made, Record, Unit

Done = Sequence[tuple[Unit, Record]]
Run = Callable[[str, list[Unit]], Done]

ROWS_A_TASK = 4_000_000
"""Rows that a task matches, about: 12 bytes each, twice that while sorting, and 128 for each document that shares a
key: up to 600 MB."""
MEMBERS_A_TASK = 1_000_000
"""Members that a task elects among, or addresses, about: 80 bytes each, eight times that while sorting."""
ROWS_READ = 1 << 13
"""Rows that are read at once: a task wants a small range of each of many files."""
MOST = (1 << 32) - 1
"""Documents that are numbered: more are a matter of splitting the corpus by language."""
STORED = (".bands", ".edges", ".records", ".urls")
"""What `judge` stores of each file, and a later build reads."""
EARLIER = "duplicates"
"""The folder of a build that holds it."""
LATER = schema(["id", "text_hash"]).append(pa.field("kept", pa.bool_()))
"""What `settle` adds to it (`.documents`): one row a document that was left by `judge`, in order."""
EDGE = np.dtype("<u4")


@dataclass(frozen=True)
class Part:
    """The sketches of one documents file: paths and digests by suffix, documents, and the number of the first.

    candidates: the path of that file; an earlier build's part has `.documents` instead.
    """

    paths: Mapping[str, str]
    digests: Mapping[str, str]
    rows: int
    first: int
    key: str
    candidates: str | None


def put(unit: Unit, stage: Any, batch: Any, numbers: Any) -> dict[str, Any]:
    """Store the sketches of the documents left of one file; answers what stands, by suffix."""
    sketch = stage.sketch(batch, numbers)
    return {
        ".bands": tables.put_sorted(unit.path(".bands"), sketch.bands, "key", _parted(sketch.bands)),
        ".urls": tables.put_sorted(unit.path(".urls"), sketch.urls, "key", _parted(sketch.urls)),
        ".edges": store.put_bytes(unit.path(".edges"), sketch.edges.astype(EDGE).tobytes()),
        ".records": store.put_bytes(unit.path(".records"), sketch.records.tobytes()),
        ".candidates": tables.put_table(unit.path(".candidates"), sketch.candidates),
    }


def earlier(recipe: Recipe) -> list[dict[str, Any]]:
    """What the manifests of the earlier builds say, each with its folder (`out`).

    Raises PipelineError where there is none, or where its sketches cannot be compared with this recipe's.
    """
    found = []
    wanted = recipe.stage("deduplicate").comparable()
    for out in recipe.earlier:
        manifest = account.manifest(out)
        has = manifest.get("duplicates")
        if has is None or {name: has[name] for name in wanted} != wanted:
            raise PipelineError(
                f"earlier: {out}: its duplicates were looked for in another way ({_way(has)}; here {_way(wanted)})",
                "give `near` and `url` of stages.deduplicate as that build has them, or build it again with these",
            )
        found.append(manifest | {"out": out})
    return found


def levels(recipe: Recipe, judged: Done, before: Sequence[Mapping[str, Any]], where: str, run: Run) -> Done:
    """Run the levels; answers the elections, those of groups before those of addresses."""
    parts = list(_parts(judged, before))
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
    for part in map(_part, unit.carry["parts"]):
        rows = tables.between(part.paths[".urls"], low, high)
        groups = pa.table({"local": rows["local"], "group": rows["key"]})
        found.append(members(groups, *_documents(part)))
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
    parts = list(map(_part, unit.carry["parts"]))
    keys, numbers = [np.empty(0, np.uint64)], [np.empty(0, np.uint32)]
    for part in parts:
        rows = tables.between(part.paths[".bands"], low, high)
        keys.append(rows["key"].to_numpy())
        numbers.append(rows["local"].to_numpy() + np.uint32(part.first))
    edges = stage.match(np.concatenate(keys), np.concatenate(numbers), lambda wanted: _records(parts, wanted))
    costs["deduplicate"] += time.process_time() - started
    stored = store.put_bytes(unit.path(".edges"), np.ascontiguousarray(edges, EDGE).tobytes())
    return Made({".edges": stored}, {"edges": len(edges)}, line.spent(costs, started))


def unite(unit: Unit, guard: Guard) -> Made:
    """Store the documents that are in groups, by number: a group goes by the smallest number in it."""
    del guard
    started = time.process_time()
    groups = find("stages", "deduplicate").unite(unit.given["documents"], _edges(unit.carry["edges"]))
    stored = tables.put_sorted(unit.path(".groups"), groups, "number")
    costs = defaultdict(float, deduplicate=time.process_time() - started)
    counts = {"rows": groups.num_rows, "edges": _edges_of(groups["group"].to_numpy())}
    return Made({".groups": stored}, counts, line.spent(costs, started))


def members(unit: Unit, guard: Guard) -> Made:
    """Store what the choice needs of the documents of one file that are in groups, sorted by group."""
    del guard
    started = time.process_time()
    part = _part(unit.carry["part"])
    rows = tables.between(unit.carry["groups"], part.first, part.first + part.rows)
    local = pc.subtract(rows["number"], pa.scalar(part.first, pa.uint32()))
    candidates, kept, gone = _documents(part)
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


def later(candidates: str, reasons: "pa.Array[Any]", first: int) -> pa.Table:
    """LATER of one file, given why its documents were dropped, and the number of its first row."""
    found = tables.read(candidates, ["number", "id", "text_hash"])
    at = pc.subtract(found["number"], first).combine_chunks()
    kept = pc.is_null(reasons.take(at))
    return found.select(["id", "text_hash"]).append_column("kept", kept).cast(LATER)


def published(judged: Done, settled: Done) -> Iterator[tuple[str, str, Any]]:
    """What later builds read: where each file stands below the output folder, its path, and what is stored there."""
    for number, ((unit, record), (known, knows)) in enumerate(zip(judged, settled, strict=True)):
        files = [(unit.path(end), end, record.outputs[end]) for end in STORED]
        for path, end, stored in [*files, (known.path(".documents"), ".documents", knows.outputs[".documents"])]:
            yield f"{EARLIER}/part-{number:05}-{stored.sha256[:8]}{end}", path, stored


def _parted(rows: pa.Table) -> Iterator[Any]:
    yield from rows.combine_chunks().to_batches(max_chunksize=ROWS_READ)


def _parts(judged: Done, before: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    first = 0
    for unit, record in judged:
        paths = {end: unit.path(end) for end in STORED}
        digests = {end: record.outputs[end].sha256 for end in (*STORED, ".candidates")}
        yield Part(paths, digests, record.counts["left"], first, unit.key[:-7], unit.path(".candidates"))
        first += record.counts["left"]
    for at, manifest in enumerate(before):
        for number, files in sorted(_by_number(manifest).items()):
            paths = {end: store.join(manifest["out"], file["path"]) for end, file in files.items()}
            digests = {end: file["sha256"] for end, file in files.items()}
            rows = files[".records"]["bytes"] // find("stages", "deduplicate").RECORD
            yield Part(paths, digests, rows, first, f"earlier-{at:03}-{number}", None)
            first += rows
    if first > MOST:
        raise PipelineError(
            f"{first} documents are too many to look for duplicates among: {MOST} can be numbered",
            "build one corpus a language, or a group of them",
        )


def _by_number(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for file in manifest["files"]:
        folder, _, name = file["path"].rpartition("/")
        if folder == EARLIER:
            stem, _, end = name.partition(".")
            found[stem.split("-")[1]][f".{end}"] = file
    return found


def _json(part: Part) -> dict[str, Any]:
    return vars(part) | {}


def _part(found: Mapping[str, Any]) -> Part:
    return Part(**found)


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
            given={"range": [at, ranges], "parts": [_digests(part, used) for part in parts]},
            carry={"parts": [_json(part) for part in parts], "stages": line.options(recipe, ["deduplicate"])},
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
                "part": [part.first, part.rows, *_digests(part, (".candidates", ".documents"))],
                "urls": [found.outputs[".sorted"].sha256 for _, found in urls],
            },
            carry={
                "part": _json(part),
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


def _digests(part: Part, suffixes: Sequence[str]) -> list[Any]:
    return [part.first, *(part.digests.get(end) for end in suffixes)]


def _range(unit: Unit) -> tuple[int, int | None]:
    at, ranges = unit.given["range"]
    return (at << 64) // ranges, None if at + 1 == ranges else ((at + 1) << 64) // ranges


def _documents(part: Part) -> tuple[pa.Table, "pa.Array[Any] | None", "pa.Array[Any] | None"]:
    """CANDIDATES of a part, which of them are published, and which of them an earlier build has dropped."""
    if part.candidates is not None:
        return tables.read(part.candidates), None, None
    found = tables.read(part.paths[".documents"])
    wanted = find("stages", "deduplicate").CANDIDATES
    columns = {
        field.name: found[field.name] if field.name in found.schema.names else pa.array(np.full(len(found), -1))
        for field in wanted
    }
    kept = found["kept"].combine_chunks()
    return pa.table(columns).cast(wanted), kept, pc.invert(kept)


def _elected_of(path: str, candidates: pa.Table) -> pa.Table:
    """The rows of an election that drop one of these candidates."""
    numbers = candidates["number"]
    found = tables.between(path, numbers[0].as_py(), numbers[-1].as_py() + 1)
    return found.filter(pc.is_valid(found["reason"]))


def _records(parts: Sequence[Part], wanted: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """The records of documents, given by number, ascending: as much is read as is asked for, on a local disk."""
    width = find("stages", "deduplicate").RECORD
    found = np.empty((len(wanted), width), np.uint8)
    edges = np.searchsorted(wanted, [part.first for part in parts] + [MOST])
    for part, begin, end in zip(parts, edges[:-1], edges[1:], strict=True):
        if begin < end:
            found[begin:end] = _stored(part.paths[".records"], width)[wanted[begin:end] - np.uint32(part.first)]
    return found


def _stored(path: str, width: int) -> NDArray[np.uint8]:
    local: Path | None = store.local_path(path)
    if local is not None:
        return np.memmap(local, np.uint8, "r").reshape(-1, width)
    return np.frombuffer(store.read(path) or b"", np.uint8).reshape(-1, width)


def _edges(files: Sequence[tuple[str, int]]) -> Iterator[NDArray[np.uint32]]:
    for path, first in files:
        yield np.frombuffer(store.read(path) or b"", EDGE).reshape(-1, 2) + np.uint32(first)


def _way(has: Mapping[str, Any] | None) -> str:
    if has is None:
        return "not at all"
    bands = "equal texts only" if has["bands"] is None else "{} bands of {}".format(*has["bands"])
    return f"{bands}, {'with' if has['url'] else 'without'} addresses"
