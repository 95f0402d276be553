"""What other limits would keep and drop: the measures that a finished build stored, held against them again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from florilegium.pipeline import account, limits, tables
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.limits import Setting
from florilegium.pipeline.measured import Files, shards
from florilegium.pipeline.recipe import LINE
from florilegium.pipeline.report.spread import Spread
from florilegium.pipeline.schema import VERDICT, Batch, put
from florilegium.pipeline.stage import find

SNIPPET = 80
"""Characters of a text that an example shows."""

LATER = LINE["decisions"][LINE["decisions"].index("filter") :]
"""Stages from filter on: what they dropped had no reason yet when limits were held against it."""

Walk = Callable[[Sequence[Any], str], Iterator[Any]]


@dataclass(frozen=True)
class Row:
    """One reason in one language: documents that it drops before and after; what filter gains and loses by it.

    words, tokens: gained less lost. Who gets another reason is neither gained nor lost.
    """

    language: str
    reason: str
    before: int
    after: int
    gained: int
    lost: int
    words: int
    tokens: int | None


@dataclass(frozen=True)
class Whole:
    """The corpus after duplicates left, before and after: documents, words, tokens (None where the build has none).

    gained, lost: documents by filter alone. duplicates: of those gained, how many are duplicates of what stays or is
    gained. replaced: of those lost that were kept, how many leave their place to a duplicate.
    """

    documents: tuple[int, int]
    words: tuple[int, int]
    tokens: tuple[int, int] | None
    gained: int
    lost: int
    duplicates: int
    replaced: int


@dataclass(frozen=True)
class Example:
    """A document near a limit: its value, whether filter keeps it then, and the start of its final, masked text."""

    id: str
    url: str | None
    language: str
    value: float
    kept: bool
    text: str


@dataclass(frozen=True)
class Near:
    """The documents nearest to a changed limit, by value. limit: the new one, or the old one where it is off."""

    setting: Setting
    limit: float | None
    examples: Sequence[Example]


Values = list[NDArray[np.float32]]


@dataclass(frozen=True)
class Answer:
    """What would change. limits: what a recipe says under stages.filter.limits to build so."""

    rows: Sequence[Row]
    whole: Whole
    near: Sequence[Near]
    limits: Mapping[str, Any]


def what_if(out: str, wanted: Sequence[str], examples: int, walk: Walk, values: list[Values] | None = None) -> Answer:
    """What a finished build would keep with other limits (`deu_Latn.lines.bullets.high=0.5`), from its stored measures.

    examples: documents shown on each side of each limit. values: takes of each setting the values of the documents that
    break no other limit, by shard. Raises PipelineError for a folder without a finished build or
    without its work, and for settings that name no measure or no end.
    """
    facts = account.manifest(out)
    options = facts["recipe"]["stages"]["filter"]
    files = shards(out, facts)
    first = next(iter(tables.scan(files[0].measures, ["measures"], rows=1))).schema.field("measures")
    measured = [field.name for field in first.type]
    before = limits.stage(options)
    settings = [limits.setting(one, before, measured) for one in wanted]
    new = limits.changed(options["limits"], settings)
    after = limits.stage({**options, "limits": new})
    counts, moved, near = [], [], [pl.DataFrame()] * len(settings)
    number = 0
    for at, one in enumerate(walk(files, "measures")):
        batch = _read(one)
        judged = _judged(one, batch, before, after).with_columns(
            shard=pl.lit(at, pl.Int64), number=pl.col("row").cast(pl.Int64) + number
        )
        number += batch.num_rows
        counts.append(judged.group_by("language", "old", "new").len())
        moved.append(judged.filter(pl.col("old").ne_missing(pl.col("new"))))
        around = [_around(setting, batch, judged) for setting in settings]
        near = [
            _nearest(setting, examples, here, found)
            for setting, here, found in zip(settings, around, near, strict=True)
        ]
        if values is not None:
            values.append([here["value"].cast(pl.Float32).to_numpy() for here in around])
    _there(out, settings, pl.concat(counts))
    tokens = _Tokens(out) if facts.get("tokens") else None
    changed = _with_tokens(pl.concat(moved), tokens)
    return Answer(
        rows=_rows(pl.concat(counts), changed, tokens is not None),
        whole=_whole(out, changed, files, tokens),
        near=[
            Near(setting, _limit(setting), [_example(row, files) for row in found.to_dicts()])
            for setting, found in zip(settings, near, strict=True)
        ],
        limits=new,
    )


def spreads(answer: Answer, values: Sequence[Values]) -> list[Spread]:
    """What there is to draw of an answer, with the values that were taken beside it."""
    found = []
    for near, column in zip(answer.near, zip(*values, strict=True), strict=True):
        one = near.setting
        title = f"{one.language} {one.measure} {one.end}: {shown(one.before)} to {shown(one.after)}"
        found.append(Spread(title, np.concatenate(column), one.before, one.after, one.end == "low"))
    return found


def shown(limit: float | None) -> str:
    """A limit in words."""
    return "off" if limit is None else f"{limit:g}"


def _there(out: str, settings: Sequence[Setting], counts: pl.DataFrame) -> None:
    """Raises PipelineError for a language of which no document came to filter: mostly a misspelt code."""
    for one in settings:
        if one.language not in ("every", *counts["language"]):
            raise PipelineError(
                f"--set {one.language}.{one.measure}: filter saw no document in {one.language}",
                f"`florilegium ledger {out} --by language` lists the languages of the build",
            )


def _read(files: Files) -> Batch:
    documents = tables.read(files.documents, ["id", "url", "language"])
    measures = tables.read(files.measures, ["measures", "words", "text_hash"])
    return tables.one_batch(tables.beside(documents, measures, tables.read(files.decisions, ["cluster", *VERDICT])))


def _judged(files: Files, batch: Batch, before: Any, after: Any) -> pl.DataFrame:
    """The documents that came to filter: where they stand, what they are, the reasons of both filters."""
    reason: Any = batch["reason"]
    stage: Any = pc.replace_substring_regex(reason, r"\..*$", "")
    reached = pc.or_(pc.is_null(reason), pc.is_in(stage, value_set=pa.array(LATER)))
    batch = batch.filter(reached)
    stored = pc.if_else(pc.equal(stage, pa.scalar("filter")), reason, pa.scalar(None, pa.string())).filter(reached)
    blank = put(batch, **{name: pa.nulls(batch.num_rows, batch[name].type) for name in VERDICT})
    old, new = (held(blank)["reason"] for held in (before, after))
    if not old.equals(stored):
        raise PipelineError(
            f"{files.decisions}: was decided by other limits than this version has",
            "run the same `florilegium build` command first: it decides anew",
        )
    language: Any = batch["language"]
    columns: dict[str, Any] = {
        "row": pa.array(np.flatnonzero(reached.to_numpy(zero_copy_only=False))),
        "language": pc.fill_null(language, "und"),
        **{name: batch[name] for name in ("id", "words", "text_hash", "cluster")},
        "old": old,
        "new": new,
    }
    return pl.DataFrame(pl.from_arrow(pa.table(columns)))


def _around(setting: Setting, batch: Batch, judged: pl.DataFrame) -> pl.DataFrame:
    """The documents of a shard that a limit is for and that break no other: the rest goes whatever this limit is."""
    numbers = pc.struct_field(batch["measures"], [setting.measure])
    values = pl.Series("value", pl.from_arrow(numbers.cast(pa.float64())), pl.Float64)
    of_limit = pl.col("new").is_null() | (pl.col("new") == f"filter.{setting.measure}")
    spoken = pl.lit(True) if setting.language == "every" else pl.col("language") == setting.language
    urls = pl.Series(pl.from_arrow(batch["url"]))
    there = judged.with_columns(value=values[judged["row"]], url=urls[judged["row"]])
    return there.filter(of_limit & spoken & pl.col("value").is_not_null())


def _nearest(setting: Setting, most: int, around: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """The documents nearest to a limit on both sides, of those found before and those of a shard."""
    limit = _limit(setting)
    if limit is None or most == 0 or setting.before == setting.after:
        return found
    here = around.with_columns(outside=_outside(setting, limit), far=(pl.col("value") - limit).abs())
    joined = (here if found.is_empty() else pl.concat([found, here])).sort("far", "id")
    return joined.filter(pl.int_range(pl.len()).over("outside") < most).sort("value", "id")


def _outside(setting: Setting, limit: float) -> pl.Expr:
    """Whether a value lies beyond a limit, as filter holds it: in 32 bits, and a value equal to it is within."""
    exact = float(np.float32(limit))
    return pl.col("value") < exact if setting.end == "low" else pl.col("value") > exact


def _limit(setting: Setting) -> float | None:
    return setting.before if setting.after is None else setting.after


def _example(row: Mapping[str, Any], files: Sequence[Files]) -> Example:
    one = files[row["shard"]]
    text = tables.row(one.documents, row["row"], ["text"])
    removed = tables.row(one.measures, row["row"], ["removed"])
    (final,) = find("stages", "measure").final(text["text"], removed["removed"]).to_pylist()
    start = " ".join(final[: 2 * SNIPPET].split())
    start = start if len(start) <= SNIPPET else start[: SNIPPET - 1] + "…"
    return Example(row["id"].hex(), row["url"], row["language"], row["value"], row["new"] is None, start)


class _Tokens:
    """Tokens of documents: as the ledger counts them, or by the words, where the build has none."""

    def __init__(self, out: str) -> None:
        columns = ["language", "words", "tokens"]
        self._ledger = pl.concat(account.frames(out, columns)).with_row_index("number").cast({"number": pl.Int64})
        sums = pl.col("words").sum(), pl.col("tokens").sum()
        counted = self._ledger.filter(pl.col("tokens").is_not_null())
        self._whole = counted.select((sums[1] / sums[0]).fill_nan(None)).item() or 0.0
        self._ratios = counted.group_by("language").agg(ratio=sums[1] / sums[0])

    def beside(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with their tokens."""
        known = self._ledger.select("number", "tokens")
        told = rows.join(known, "number", how="left").join(self._ratios, "language", how="left")
        by_words = pl.col("words") * pl.col("ratio").fill_null(self._whole)
        return told.with_columns(tokens=pl.col("tokens").cast(pl.Float64).fill_null(by_words)).drop("ratio")


def _with_tokens(rows: pl.DataFrame, tokens: _Tokens | None) -> pl.DataFrame:
    return rows.with_columns(tokens=pl.lit(0.0)) if tokens is None else tokens.beside(rows)


def _rows(counts: pl.DataFrame, moved: pl.DataFrame, tokens: bool) -> list[Row]:
    """What changed, by language and reason, the largest change of words first."""
    sides = [
        counts.filter(pl.col(side).is_not_null()).group_by("language", reason=side).agg(pl.col("len").sum().alias(name))
        for side, name in (("old", "before"), ("new", "after"))
    ]
    gained, lost = pl.col("new").is_null(), pl.col("old").is_null()
    sign = gained.cast(pl.Int64) - lost.cast(pl.Int64)
    changes = (
        moved.filter(gained | lost)
        .with_columns(reason=pl.coalesce("old", "new"))
        .group_by("language", "reason")
        .agg(
            gained=gained.sum(),
            lost=lost.sum(),
            words=(pl.col("words") * sign).sum(),
            tokens=(pl.col("tokens") * sign).sum(),
        )
    )
    keys = ["language", "reason"]
    joined = sides[0].join(sides[1], keys, how="full", coalesce=True).join(changes, keys, how="left").fill_null(0)
    there = joined.filter((pl.col("before") != pl.col("after")) | (pl.col("gained") + pl.col("lost") > 0))
    ordered = there.sort(pl.col("words").abs(), *keys, descending=[True, False, False])
    whole = {name: pl.col(name).cast(pl.Int64) for name in ("before", "after", "gained", "lost", "words")}
    shown = ordered.select(*keys, **whole, tokens=pl.col("tokens").round().cast(pl.Int64)).to_dicts()
    return [Row(**(row if tokens else {**row, "tokens": None})) for row in shown]


def _whole(out: str, moved: pl.DataFrame, files: Sequence[Files], tokens: _Tokens | None) -> Whole:
    """The corpus before and after: of documents that are duplicates of one another one stays."""
    every = _with_tokens(_grouped(files, moved), tokens)
    held = every.group_by("group").agg(published=pl.col("passed").any() & pl.col("kept").any().not_())
    groups = every.join(held.filter("published"), "group", how="anti")  # of those an earlier build has one
    before = groups.filter("kept")
    after = groups.filter("passes").sort(pl.col("kept").not_(), "id").group_by("group", maintain_order=True).first()
    account_of = pl.concat(account.frames(out, ["reason", "words", "tokens"])).filter(pl.col("reason").is_null())

    def both(whole: Any, column: pl.Expr) -> tuple[int, int]:
        gone, come = (frame.select(column).item() or 0 for frame in (before, after))
        return int(whole or 0), round((whole or 0) - gone + come)

    gained, lost = (moved.filter(pl.col(side).is_null()) for side in ("new", "old"))
    stays = set(after["number"])
    left = before.filter(pl.col("passes").not_())
    return Whole(
        documents=both(account_of.height, pl.len()),
        words=both(account_of["words"].sum(), pl.col("words").sum()),
        tokens=None if tokens is None else both(account_of["tokens"].sum(), pl.col("tokens").sum()),
        gained=gained.height,
        lost=lost.height,
        duplicates=sum(number not in stays for number in gained["number"]),
        replaced=left.filter(pl.col("group").is_in(after["group"].implode())).height,
    )


def _grouped(files: Sequence[Files], moved: pl.DataFrame) -> pl.DataFrame:
    """All documents that pass filter before or after and are a moved document or its duplicate, with their group.

    A group is a cluster of the build; documents that it never compared join by the hash of their text, or are alone.
    """
    hashes = moved["text_hash"]
    clusters = moved["cluster"].drop_nulls()
    found = _scanned(files, hashes, clusters)
    more = found["cluster"].drop_nulls().unique()
    if not more.is_in(clusters.implode()).all():  # a document gained equals one of a cluster
        found = _scanned(files, hashes, more)
    now = moved.select("number", passes_now=pl.col("new").is_null())
    joined = found.join(now, "number", how="left")
    cluster = pl.coalesce("cluster", pl.col("cluster").drop_nulls().first().over("text_hash"))
    return joined.with_columns(
        group=pl.coalesce(cluster, "text_hash"), passes=pl.coalesce("passes_now", "passed")
    ).filter(pl.col("passes") | pl.col("passed"))


def _scanned(files: Sequence[Files], hashes: pl.Series, clusters: pl.Series) -> pl.DataFrame:
    """The documents with one of these hashes or clusters, whether they passed filter and whether they were kept."""
    parts = []
    first = 0
    for one in files:
        read = [(one.documents, ["id", "language"]), (one.measures, ["text_hash", "words"])]
        read.append((one.decisions, ["cluster", "reason"]))
        table = tables.beside(*(tables.read(path, columns) for path, columns in read))
        frame = pl.DataFrame(pl.from_arrow(table)).with_row_index("number", first).cast({"number": pl.Int64})
        first += frame.height
        same = pl.col("text_hash").is_in(hashes.implode()) | pl.col("cluster").is_in(clusters.implode())
        parts.append(frame.filter(same.fill_null(False)))
    reason = pl.col("reason")
    later = reason.str.split(".").list.first().is_in([stage for stage in LATER if stage != "filter"])
    passed = reason.is_null() | later.fill_null(False)
    return pl.concat(parts).with_columns(
        passed=passed, kept=reason.is_null(), language=pl.col("language").fill_null("und")
    )
