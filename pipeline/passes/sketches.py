"""Sketches, as pass 4 stores them and reads them again: of the files of this build, and of earlier builds.

What a build holds for later ones stands in `duplicates/` of its output: keys, edges, records, and what was kept.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from florilegium.pipeline import account, store, tables
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.recipe import Recipe
from florilegium.pipeline.schema import schema
from florilegium.pipeline.stage import find
from florilegium.pipeline.work import Record, Unit

Done = Sequence[tuple[Unit, Record]]

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
    found: list[dict[str, Any]] = []
    wanted = recipe.stage("deduplicate").comparable()
    for out in recipe.earlier:
        manifest = account.manifest(out)
        has = manifest.get("duplicates")
        if has is None or {name: has[name] for name in wanted} != wanted:
            raise PipelineError(
                f"earlier: {out}: its duplicates were looked for in another way ({_way(has)}; here {_way(wanted)})",
                "give `near` and `url` of stages.deduplicate as that build has them, or build it again with these",
            )
        named = [file for files in _by_number(manifest).values() for file in files.values()]
        for file in named:
            if store.size(store.join(out, file["path"])) != file["bytes"]:
                raise PipelineError(
                    f"earlier: {out}: {file['path']} is not there as its manifest says",
                    "build it again: what was removed is made again",
                )
        if any(one["files"] == manifest["files"] for one in found):
            raise PipelineError(f"earlier: {out}: the same build is named twice", "name each build once")
        found.append(manifest | {"out": out})
    return found


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


def parts(judged: Done, before: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    """The parts of this build, then those of earlier ones (`earlier`), numbered one behind the other.

    Raises PipelineError for more documents than can be numbered.
    """
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


def as_json(part: Part) -> dict[str, Any]:
    """A part as a unit carries it."""
    return vars(part) | {}


def of_json(found: Mapping[str, Any]) -> Part:
    """A part that a unit carries."""
    return Part(**found)


def digests(part: Part, suffixes: Sequence[str]) -> list[Any]:
    """What a unit depends on that reads these files of a part: its first number, a digest each, null where none is."""
    return [part.first, *(part.digests.get(end) for end in suffixes)]


def documents(part: Part) -> tuple[pa.Table, "pa.Array[Any] | None", "pa.Array[Any] | None"]:
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


def records(parts: Sequence[Part], wanted: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """The records of documents, given by number, ascending: as much is read as is asked for, on a local disk."""
    width = find("stages", "deduplicate").RECORD
    found = np.empty((len(wanted), width), np.uint8)
    edges = np.searchsorted(wanted, [part.first for part in parts] + [MOST])
    for part, begin, end in zip(parts, edges[:-1], edges[1:], strict=True):
        if begin < end:
            found[begin:end] = _stored(part.paths[".records"], width)[wanted[begin:end] - np.uint32(part.first)]
    return found


def edges(files: Sequence[tuple[str, int]]) -> Iterator[NDArray[np.uint32]]:
    """The edges (n, 2) of each file, given with the number that its documents count from."""
    for path, first in files:
        yield np.frombuffer(store.read(path) or b"", EDGE).reshape(-1, 2) + np.uint32(first)


def _parted(rows: pa.Table) -> Iterator[Any]:
    yield from rows.combine_chunks().to_batches(max_chunksize=ROWS_READ)


def _by_number(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for file in manifest["files"]:
        folder, _, name = file["path"].rpartition("/")
        if folder == EARLIER:
            stem, _, end = name.partition(".")
            found[stem.split("-")[1]][f".{end}"] = file
    return found


def _stored(path: str, width: int) -> NDArray[np.uint8]:
    local: Path | None = store.local_path(path)
    if local is not None:
        return np.memmap(local, np.uint8, "r").reshape(-1, width)
    return np.frombuffer(store.read(path) or b"", np.uint8).reshape(-1, width)


def _way(has: Mapping[str, Any] | None) -> str:
    if has is None:
        return "not at all"
    bands = "equal texts only" if has["bands"] is None else "{} bands of {}".format(*has["bands"])
    return f"{bands}, {'with' if has['url'] else 'without'} addresses"
