"""The straight line: from a recipe through all passes to a published, balanced corpus."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol

from florilegium.pipeline import inputs, owner, store
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.executor import Event, Executor
from florilegium.pipeline.inputs import InputFile, Share
from florilegium.pipeline.measured import note
from florilegium.pipeline.passes import (
    corpus,
    decisions,
    documents,
    duplicates,
    hosts,
    measures,
    release,
    sketches,
    tokens,
)
from florilegium.pipeline.recipe import Recipe
from florilegium.pipeline.work import Record, Unit, look

Done = list[tuple[Unit, Record]]
Inputs = tuple[list[InputFile], list[Share], list[str]]


class Watch(Protocol):
    """Who looks on while a build runs."""

    def begin(self, name: str, units: int, cached: int, load: int) -> None:
        """A pass begins: units to run and those done before, bytes of input to go through."""

    def event(self, event: Event) -> None:
        """A unit reports."""

    def end(self, name: str) -> None:
        """The pass is done."""


@dataclass(frozen=True)
class Built:
    """What a build has made. account: read, kept, dropped by reason. languages: read, kept, words and bytes of each.

    beside: records that are no documents, by kind. unclaimed: input files whose ending no format has.

    tokenizer, tokens: of the tokenizer, and by layout and split documents, sequences and tokens, if there are any.
    costs: CPU seconds by stage and in all, and the largest memory of a worker (`peak_mb`), of the units run this time.
    """

    out: str
    account: Mapping[str, Any]
    languages: Sequence[Mapping[str, Any]]
    beside: Mapping[str, int]
    unclaimed: Sequence[str]
    files: Sequence[str]
    tokenizer: Mapping[str, Any] = field(default_factory=dict)
    tokens: Mapping[str, Any] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)


def build(
    recipe: Recipe, out: str, executor: Executor, watch: Watch, *, limit: int | None = None, verify: bool = False
) -> Built:
    """Run a recipe; what is done already is not done again. limit: only the first records in input order.

    verify: hash what stands instead of trusting sizes. Raises PipelineError for the user's mistakes, a broken disk, and
    an account that does not balance.
    """
    work = store.join(out, "work")
    owner.check(recipe, out)
    found = shares_of(recipe, limit)  # mistakes are met before anything is written
    store.make_folder(out)
    store.make_folder(work, private=True)
    with store.locked(work):
        store.sweep(out)  # what a killed build left half-written
        owner.take(recipe, out)
        built = _Walk(executor, watch, verify, work).build(recipe, out, limit, found)
        store.sweep(out)  # and what workers left that were killed in this one
    return built


def shares_of(recipe: Recipe, limit: int | None) -> Inputs:
    """The inputs of a recipe, how they are cut into units of work, and the files that no format claims.

    Raises PipelineError when there is nothing to read, or no file of a source is of its format.
    """
    files, unclaimed = inputs.input_files(recipe.sources)
    tokens.check(recipe)
    sketches.earlier(recipe)
    shares = list(inputs.shares(files, recipe.unit_bytes))
    if not shares:
        raise PipelineError(f"{recipe.name}: its {len(files)} input files hold no records", "check the sources' paths")
    return files, shares if limit is None else inputs.limited(shares, limit), unclaimed


def done_before(
    units: Sequence[Unit], shares: Sequence[Share] | None = None, verify: bool = False
) -> tuple[Done, list[Unit]]:
    """The units that are done, and those to run. shares: what they read, for units whose inputs may have changed."""
    done: Done = []
    todo: list[Unit] = []
    for at, unit in enumerate(units):
        record, fresh = look(unit, verify)
        if record is not None and shares is not None and not inputs.unchanged(shares[at], record.counts["inputs"]):
            store.remove(unit.path(".json"))
            record = None
        if record is None:
            todo.append(fresh)
        else:
            done.append((unit, record))
    return done, todo


class _Walk:
    """One walk down the line: what it has spent, and who looks on."""

    def __init__(self, executor: Executor, watch: Watch, verify: bool, work: str) -> None:
        self._executor = executor
        self._watch = watch
        self._verify = verify
        self._work = work
        self._costs: defaultdict[str, float] = defaultdict(float)
        self._peak = 0.0
        self._log: list[str] = []
        self._planned: Counter[str] = Counter()

    def build(self, recipe: Recipe, out: str, limit: int | None, found: Inputs) -> Built:
        work = self._work
        started = time.process_time()
        files, shares, unclaimed = found
        read = self._run("documents", documents.units(recipe, shares, work), shares)
        parts = documents.parts(read)
        sketched, marked = hosts.levels(recipe, parts, work, self._run)
        measured = self._run("measures", measures.units(recipe, parts, marked, work))
        shards = decisions.shards(parts, measured)
        before = sketches.earlier(recipe)
        where = decisions.folder(recipe, shards, before, work)
        judged = self._run("judge", decisions.judge_units(recipe, shards, where))
        elected = duplicates.levels(recipe, judged, before, where, self._run)
        settled = self._run("settle", decisions.settle_units(recipe, shards, judged, elected, where))
        note(work, shards, settled)
        target = corpus.folder(recipe, shards, settled, work)
        gathered = self._run("gather", corpus.gather_units(shards, settled, target))
        merged = self._run("merge", corpus.merge_units(recipe, gathered, target))
        encoded = self._run("tokens", tokens.units(recipe, merged, work), before=tokens.begin)
        ledgers = self._run("ledger", release.units(recipe, shards, settled, work, merged=merged, encoded=encoded))
        account = release.balance(sum(shard.rows for shard in shards), ledgers, merged, encoded)
        told = tokens.facts(recipe, encoded)
        beside = _sum(record.counts["beside"] for _, record in read)
        passes = {
            "documents": read,
            "lines": sketched,
            "hosts": marked,
            "measures": measured,
            "decisions": settled,
            "corpus": gathered,
            "tokens": encoded,
            "release": ledgers,
        }
        facts = {
            "inputs": _inputs(recipe, files, shares, read),
            "limit": limit,
            "beside": beside,
            "unclaimed": unclaimed,
            "earlier": [one["corpus"] for one in before],
            **told,
            "passes": {
                name: units[0][0].folder.rsplit("/", 1)[-1] if units else None for name, units in passes.items()
            },
        }
        reports = self._run("report", [release.report_unit(recipe.name, facts, account, ledgers)])
        release.publish(
            recipe,
            out,
            account,
            facts,
            judged=judged,
            settled=settled,
            merged=merged,
            encoded=encoded,
            ledgers=ledgers,
            reports=reports,
        )
        self._costs["driver"] = time.process_time() - started
        store.put_bytes(store.join(work, "costs.jsonl"), "".join(self._log).encode())
        return Built(
            out=out,
            account=account,
            languages=reports[0][1].counts["languages"],
            beside=beside,
            unclaimed=unclaimed,
            files=[store.join(out, name) for name in _named(recipe)],
            tokenizer=told.get("tokenizer", {}),
            tokens=told.get("tokens", {}),
            costs=dict(self._costs) | {"peak_mb": self._peak},
        )

    def _run(
        self,
        name: str,
        units: list[Unit],
        shares: Sequence[Share] | None = None,
        before: Callable[[Sequence[Unit]], None] | None = None,
    ) -> Done:
        """Run what is not done of a pass or level; answers all its units with their records, in order.

        before: takes the units that will run, before they do.
        """
        done, todo = done_before(units, shares, self._verify)
        for folder in sorted({unit.folder for unit in todo}):
            store.make_folder(folder)
        self._planned.update(Counter(unit.folder.rsplit("/", 1)[-1] for unit in units))
        if units:
            store.put_bytes(store.join(self._work, "planned.json"), json.dumps(self._planned, sort_keys=True).encode())
        self._watch.begin(name, len(todo), len(done), sum(unit.load for unit in todo))
        if before is not None:
            before(todo)
        for event in self._executor.run(todo):
            if event.kind == "done":
                self._count(event)
            self._watch.event(event)
        self._watch.end(name)
        records = {unit.path(""): record for unit, record in done}
        for unit in todo:
            record, _ = look(unit)
            if record is None:
                raise PipelineError(
                    f"{unit.name}: was reported done, but {unit.path('.json')} does not stand there",
                    "--out must be a folder that this machine and every worker share",
                )
            records[unit.path("")] = record
        return [(unit, records[unit.path("")]) for unit in units]

    def _count(self, event: Event) -> None:
        costs: dict[str, float] = dict(event.content)
        self._log.append(json.dumps({"unit": event.unit.name, **{k: round(v, 4) for k, v in costs.items()}}) + "\n")
        self._peak = max(self._peak, costs.pop("peak_mb", 0.0))
        for name, value in costs.items():
            self._costs[name] += value


def _named(recipe: Recipe) -> list[str]:
    shards = ["corpus"] if recipe.tokens is None else ["corpus", "tokens"]
    return ["manifest.json", *shards, "ledger", "reports/provenance.html"]


def _inputs(recipe: Recipe, files: Sequence[InputFile], shares: Sequence[Share], read: Done) -> list[dict[str, Any]]:
    """Each source with its files, bytes, licence, and a digest of all that was read of it (null: remote)."""
    found = []
    for source in recipe.sources:
        mine = [file for file in files if file.source == source.name]
        total = blake2b(digest_size=16)
        known = True
        for share, (_, record) in zip(shares, read, strict=True):
            for (file, _, _), seen in zip(share.pieces, record.counts["inputs"], strict=True):
                if file.source == source.name:
                    total.update(seen["digest"].encode())
                    known = known and seen["digest"] != ""
        found.append(
            {
                "source": source.name,
                "category": source.category,
                "licence": source.licence,
                "files": len(mine),
                "bytes": sum(file.size for file in mine),
                "blake2b_of_pieces": total.hexdigest() if known else None,
            }
        )
    return found


def _sum(counts: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(sorted(total.items()))
