"""What a build would do, and what stands of it: passes, cached units and why not, an estimate, stale folders."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from florilegium.pipeline import account, inputs, owner, store
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.inputs import Share
from florilegium.pipeline.passes import documents, hosts, measures
from florilegium.pipeline.recipe import LINE, Recipe
from florilegium.pipeline.run import Done, done_before, shares_of
from florilegium.pipeline.work import Unit
from florilegium.pipeline.worker import Killable

SAMPLED = 200
"""Records that an estimate runs: a few seconds of extraction."""


@dataclass(frozen=True)
class PassPlan:
    """One pass: units to run and done before as text (unknown before earlier passes have run), its folder, and why."""

    name: str
    to_run: str
    done: str
    folder: str
    why: str


@dataclass(frozen=True)
class Estimate:
    """From a sample: documents, CPU seconds and bytes of disk (work and corpus) of the units that are to run."""

    sampled: int
    documents: float
    cpu_seconds: float
    disk: float


@dataclass(frozen=True)
class Plan:
    """A dry run."""

    passes: Sequence[PassPlan]
    files: int
    bytes: int
    units: int
    unclaimed: Sequence[str]
    estimate: Estimate | None


def plan(recipe: Recipe, out: str, limit: int | None = None, sample: bool = True) -> Plan:
    """What `build` would do. Writes nothing below `out`; a sample is run in a temporary folder."""
    work = store.join(out, "work")
    owner.check(recipe, out)
    files, shares, unclaimed = shares_of(recipe, limit)
    units = documents.units(recipe, shares, work)
    done, todo = done_before(units, shares)
    passes = [PassPlan("documents", str(len(todo)), str(len(done)), _name(units[0]), _why(units, len(done), work))]
    if todo:
        later = f"follows from documents: {len(todo)} of {len(units)} units are new"
        passes += [
            PassPlan(name, "all" if name != "measures" else str(len(todo)), "–", "–", later)
            for name in ("hosts", "measures", "decisions", "corpus")
        ]
    else:
        passes += [*_sites_and_measures(recipe, documents.parts(done), work)]
        passes += [
            PassPlan(name, "as needed", "–", "–", "cheap; what is done is found when it runs")
            for name in ("decisions", "corpus")
        ]
    wanted = PassPlan("tokens", "as needed", "–", "–", "one unit a corpus shard")
    passes += [
        _empty("tokens") if recipe.tokens is None else wanted,
        PassPlan("release", "as needed", "–", "–", "ledger, report, manifest"),
    ]
    by_share = {unit.key: share for unit, share in zip(units, shares, strict=True)}
    estimate = _estimate(recipe, todo, by_share) if sample and todo else None
    return Plan(passes, len(files), sum(file.size for file in files), len(units), unclaimed, estimate)


@dataclass(frozen=True)
class Folder:
    """A pass folder: units done, of how many (if known), bytes, and whether the finished build uses it."""

    name: str
    done: int
    units: int | None
    bytes: int
    used: bool


@dataclass(frozen=True)
class Status:
    """What stands in an output folder; account is None while no build is finished."""

    folders: Sequence[Folder]
    account: dict[str, Any] | None


def status(out: str) -> Status:
    """How far the build in a folder has come. Raises PipelineError when the folder holds no build."""
    finished = _manifest(out)
    work = store.join(out, "work")
    if finished is None and not store.is_folder(work):
        raise PipelineError(f"{out}: holds no build", f"run `florilegium build RECIPE --out {out}`, or check the path")
    used = set((finished or {}).get("passes", {}).values())
    planned = json.loads(store.read(store.join(work, "planned.json")) or b"{}")
    folders = []
    for name in sorted({found.name.split("/")[0] for found in store.listing(work) if "/" in found.name}):
        files = store.listing(store.join(work, name))
        records = sum(file.name.endswith(".json") for file in files)
        folders.append(Folder(name, records, planned.get(name), sum(file.size for file in files), name in used))
    return Status(folders, finished["account"] if finished else None)


def stale(out: str, everything: bool = False) -> list[tuple[str, int]]:
    """Pass folders that the finished build does not use (everything: the whole work folder), each with its bytes.

    Raises PipelineError when there is no finished build to tell by.
    """
    work = store.join(out, "work")
    if everything:
        size = sum(file.size for file in store.listing(work))
        return [(work, size)] if store.is_folder(work) else []
    if _manifest(out) is None:
        raise PipelineError(
            f"{out}: no build is finished, so nothing is known to be stale",
            "finish the build first, or remove all work with --all",
        )
    return [(store.join(work, one.name), one.bytes) for one in status(out).folders if not one.used]


def _manifest(out: str) -> dict[str, Any] | None:
    return account.manifest(out) if store.size(store.join(out, "manifest.json")) else None


class _ToRunError(Exception):
    """A level has units to run, so what follows it is not known."""


def _sites_and_measures(recipe: Recipe, parts: Sequence[documents.Part], work: str) -> Iterator[PassPlan]:
    levels: list[tuple[list[Unit], int]] = []

    def look(_name: str, units: list[Unit]) -> Done:
        ready, left = done_before(units)
        levels.append((units, len(ready)))
        if left:
            raise _ToRunError
        return ready

    marked: hosts.Done | None = None
    with suppress(_ToRunError):
        _, marked = hosts.levels(recipe, parts, work, look)
    units, ready = levels[-1]
    whole = sum(done for _, done in levels)
    yield PassPlan("hosts", str(len(units) - ready), str(whole), _name(units[0]), _why(units, ready, work))
    if marked is None:
        yield PassPlan("measures", "as needed", "–", "–", "follows from hosts")
        return
    measured = measures.units(recipe, parts, marked, work)
    ready = len(done_before(measured)[0])
    why = _why(measured, ready, work)
    yield PassPlan("measures", str(len(measured) - ready), str(ready), _name(measured[0]), why)


def _empty(name: str) -> PassPlan:
    return PassPlan(name, "0", "0", "–", "no stage yet" if not LINE[name] else "")


def _why(units: Sequence[Unit], done: int, work: str) -> str:
    """Why units are to run, in words."""
    if done == len(units):
        return "done"
    if done:
        return "new or changed inputs, or a build that was stopped"
    name = _name(units[0]).split("-")[0]
    before = (
        [found for found in store.listing(work) if found.name.startswith(f"{name}-")] if store.is_folder(work) else []
    )
    return "options, code, models or libraries have changed" if before else "never run here"


def _name(unit: Unit) -> str:
    return unit.folder.rsplit("/", 1)[-1]


def _estimate(recipe: Recipe, todo: Sequence[Unit], shares: dict[str, Share]) -> Estimate | None:
    """Run the first records of a middling unit, and scale by records and bytes."""
    middle = sorted(todo, key=lambda unit: (unit.load, unit.name))[len(todo) // 2]
    share = shares[middle.key]
    whole = sum(record.beside is None for _, record in inputs.records(share))
    sampled = min(SAMPLED, whole)
    if sampled == 0:
        return None
    child = Killable()
    try:
        with tempfile.TemporaryDirectory() as folder:
            ((unit,)) = documents.units(recipe, [replace(share, most=sampled)], folder)
            store.make_folder(unit.folder)
            costs = child.run(unit, lambda _kind, _content: None)
            done, _ = done_before([unit])
            parts = documents.parts(done)
            more: list[float] = []

            def run(_name: str, units: list[Unit]) -> Done:
                store.make_folder(units[0].folder)
                more.extend(child.run(one, lambda _kind, _content: None)["cpu"] for one in units)
                return done_before(units)[0]

            _, marked = hosts.levels(recipe, parts, folder, run)
            run("measures", measures.units(recipe, parts, marked, folder))
            size = sum(file.size for file in store.listing(folder))
    finally:
        child.close()
    scale = whole / sampled * sum(unit.load for unit in todo) / max(middle.load, 1)
    return Estimate(sampled, sampled * scale, (costs["cpu"] + sum(more)) * scale, 2.5 * size * scale)
