"""Pass 1, documents: each share of the input once through read, extract, identify and scrub; masked text comes out."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from florilegium.pipeline import inputs, schema, store, tables, work
from florilegium.pipeline.fingerprint import code_digest, frame_digest
from florilegium.pipeline.inputs import Share
from florilegium.pipeline.passes import line
from florilegium.pipeline.recipe import LINE, Recipe
from florilegium.pipeline.schema import Batch
from florilegium.pipeline.store import Stored
from florilegium.pipeline.work import Guard, Made, Unit, digest
from florilegium.stages.read import Piece, Record, batches

COLUMNS = tuple(
    name
    for name, column in schema.COLUMNS.items()
    if column.writer in ("read", "verdict", *LINE["documents"]) and name != "html"
)
"""What the pass stores of every document, in the order of the schema."""

PART_ROWS, PART_BYTES = 250_000, 64 << 20
"""A unit's output is parted at so many documents or bytes of text: later passes hold one part at a time, however long a
file that cannot be cut may be."""

PROGRESS_SECONDS = 0.5


@dataclass(frozen=True)
class Part:
    """One documents file: its key (unique in the pass), the pass folder's name, path, digest, rows, bytes of text."""

    key: str
    folder: str
    path: str
    sha256: str
    rows: int
    text_bytes: int


def parts(done: Sequence[tuple[Unit, work.Record]]) -> list[Part]:
    """The files of the pass, in input order."""
    return [
        Part(
            f"{unit.key}-{number:03}",
            unit.folder.rsplit("/", 1)[-1],
            unit.path(_suffix(number)),
            record.outputs[_suffix(number)].sha256,
            size["rows"],
            size["text_bytes"],
        )
        for unit, record in done
        for number, size in enumerate(record.counts["parts"])
    ]


def _suffix(part: int) -> str:
    return f".{part:03}.parquet"


def units(recipe: Recipe, shares: list[Share], work: str) -> list[Unit]:
    """One unit a share.

    The folder is named by stages and code, the unit by its share: a new input file adds units, and leaves those done.
    """
    own = {"stages": line.digests(recipe, LINE["documents"], deciding=False), "frame": frame_digest(__name__)}
    folder = store.join(work, f"documents-{digest(own)[:12]}")
    return [
        Unit(
            name=f"documents {number:05}",
            folder=folder,
            key=digest(_given(share))[:16],
            function=f"{__name__}:run",
            given={"share": _given(share), "pass": digest(own)},
            carry={"share": inputs.to_json(share), "stages": line.options(recipe, LINE["documents"])},
            load=share.load,
            cpu_seconds=recipe.stage("extract").cpu_seconds,
            memory_mb=recipe.stage("extract").memory_mb,
        )
        for number, share in enumerate(shares)
    ]


def run(unit: Unit, guard: Guard) -> Made:
    """Read a share, run the stages on its batches, store COLUMNS for every document that was read."""
    share = inputs.of_json(unit.carry["share"])
    stages = line.built(unit.carry["stages"])
    costs: line.Costs = defaultdict(float)
    counts: Counter[str] = Counter()
    beside: Counter[str] = Counter()
    reached = {"share": 0.0}
    started = time.process_time()

    def made() -> Iterator[Batch]:
        said = time.monotonic()
        for batch in _read(share, beside, costs, reached):
            done = _stored(_guarded(batch, stages, guard, costs))
            counts["rows"] += batch.num_rows
            counts["bytes_in"] += pc.sum(batch["bytes_in"]).as_py() or 0
            counts["dropped"] += done.num_rows - done["reason"].null_count
            counts["text_bytes"] += line.text_bytes(done)
            if time.monotonic() - said > PROGRESS_SECONDS:
                said = time.monotonic()
                guard.say("progress", dict(counts) | {"load": int(unit.load * reached["share"])})
            yield done

    outputs: dict[str, Stored] = {}
    sizes: list[dict[str, int]] = []
    batches_left = made()
    while (first := next(batches_left, None)) is not None or not sizes:
        sizes.append({"rows": 0, "text_bytes": 0})
        taken = _part(first, batches_left, sizes[-1])
        suffix = _suffix(len(sizes) - 1)
        outputs[suffix] = tables.put(unit.path(suffix), taken, schema.schema(COLUMNS))
    guard.say("progress", dict(counts))
    found: dict[str, Any] = {name: counts[name] for name in ("rows", "dropped", "bytes_in", "text_bytes")}
    found |= {"parts": sizes, "beside": dict(sorted(beside.items())), "inputs": inputs.seen(share)}
    return Made(outputs, found, line.spent(costs, started))


def _part(first: Batch | None, rest: Iterator[Batch], size: dict[str, int]) -> Iterator[Batch]:
    """Batches until PART_ROWS or PART_BYTES; size is counted up."""
    batch = first
    while batch is not None:
        size["rows"] += batch.num_rows
        size["text_bytes"] += line.text_bytes(batch)
        yield batch
        full = size["rows"] >= PART_ROWS or size["text_bytes"] >= PART_BYTES
        batch = None if full else next(rest, None)


def _given(share: Share) -> dict[str, Any]:
    readers = sorted({file.format for file, _, _ in share.pieces})
    return {
        "pieces": share.given(),
        "most": share.most,
        "readers": {name: code_digest(f"florilegium.stages.read.{name}") for name in readers},
    }


def _read(share: Share, beside: Counter[str], costs: line.Costs, reached: dict[str, float]) -> Iterator[Batch]:
    """The documents of a share as batches; records beside documents are counted and left out.

    reached["share"]: the part of the share that has been read, 0 to 1, as far as positions tell.
    """

    begins = {(file.source, file.name, start): at for at, (file, start, _) in enumerate(share.pieces)}

    def documents() -> Iterator[tuple[Piece, Record]]:
        for piece, record in inputs.records(share):
            at = begins[piece.source, piece.name, piece.start]
            reached["share"] = (at + _inside(piece, record.position)) / len(share.pieces)
            if record.beside is None:
                yield piece, record
            else:
                beside[record.beside] += 1

    found = batches(documents())
    while True:
        before = time.process_time()
        batch = next(found, None)
        costs["read"] += time.process_time() - before
        if batch is None:
            return
        yield batch


def _inside(piece: Piece, position: str) -> float:
    """The part of a piece, 0 to 1, that lies before a position, as far as positions are numbers."""
    number = position.partition("+")[0]
    if not number.isdigit():
        return 0.0
    return min(max((int(number) - piece.start) / max(piece.end - piece.start, 1), 0.0), 1.0)


def _guarded(batch: Batch, stages: line.Line, guard: Guard, costs: line.Costs) -> Batch:
    """Run the stages on a batch; one document at a time where a worker died in this batch before."""
    pairs = zip(batch["source"].to_pylist(), batch["record"].to_pylist(), strict=True)
    places = [f"{source}: {record}" for source, record in pairs]
    batch = _without_struck(batch, [guard.struck.get(place) for place in places])
    if f"batch {places[0]}" not in guard.careful:
        guard.enter(f"batch {places[0]}")
        done = line.through(batch, stages, costs)
    else:
        rows = []
        for at, place in enumerate(places):
            guard.enter(f"document {place}")
            rows.append(line.through(batch.slice(at, 1), stages, costs))
        done = pa.Table.from_batches(rows).combine_chunks().to_batches()[0]
    guard.leave()
    return done


def _without_struck(batch: Batch, reasons: list[str | None]) -> Batch:
    """Documents that have killed a worker get their reason and lose their content, so that no stage sees it again."""
    if not any(reasons):
        return batch
    struck = pa.array(reasons, pa.string())
    spared = pc.is_null(struck)
    content = {
        name: pc.if_else(spared, batch[name], pa.scalar(None, batch[name].type)) for name in ("html", *schema.CONTENT)
    }
    return schema.put(batch, reason=pc.coalesce(batch["reason"], struck), **content)


def _stored(batch: Batch) -> Batch:
    """The columns that are stored; a dropped document keeps no text, for it may not have been masked."""
    kept = pc.is_null(batch["reason"])
    for name in schema.CONTENT:
        batch = schema.put(batch, **{name: pc.if_else(kept, batch[name], pa.scalar(None, batch[name].type))})
    missing = [name for name in COLUMNS if name not in batch.schema.names]
    batch = schema.put(batch, **{name: pa.nulls(batch.num_rows) for name in missing})
    return batch.select(COLUMNS)
