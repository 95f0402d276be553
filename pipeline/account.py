"""The account: one row an input document; every count, report and explanation is a query on it."""

import string
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from florilegium.pipeline import store, tables
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.schema import COLUMNS, ID

if TYPE_CHECKING:
    import polars as pl
    import pyarrow.dataset as ds

_OWN = {
    "stage": (pa.string(), "the stage that dropped the document; null if kept"),
    "value": (pa.float64(), "the value that broke the limit, where there is one"),
    "limit": (pa.float64(), "the limit it broke, where there is one"),
    "bytes_out": (pa.int64(), "bytes of UTF-8 text in the corpus; null if dropped"),
    "shard": (pa.string(), "the file of the corpus that holds the document; null if dropped"),
    "row": (pa.int64(), "its row in that file, from 0"),
    "tokens": (pa.int64(), "tokens of the document in the packed shards; null where no tokens were written"),
    "tokens_refused": (
        pa.string(),
        "why a document of the corpus is in no token shard; null otherwise",
    ),
}

NAMES = (
    "id", "source", "url", "host", "record", "record_id", "fetched", "mime", "charset", "licence", "rights", "language",
    "language_score", "stage", "reason", "value", "limit", "text_hash", "words", "lines_removed", "characters_removed",
    "bytes_in", "bytes_out", "cluster", "cluster_size", "duplicate_of", "pii", "shard",
    "row", "tokens", "tokens_refused",
)  # fmt: skip

SCHEMA = pa.schema(
    [
        pa.field(
            name,
            *((_OWN[name][0],) if name in _OWN else (COLUMNS[name].type,)),
            metadata={"meaning": _OWN[name][1] if name in _OWN else COLUMNS[name].meaning},
        )
        for name in NAMES
    ]
)
"""One row an input document."""

BY = ("stage", "reason", "language", "source", "host", "licence", "rights", "mime", "charset", "tokens_refused")
"""What the account may be broken down by."""


def ledger(path: str) -> "pl.DataFrame":
    """The ledger of a finished build, as a polars frame of SCHEMA. Raises PipelineError when there is none."""
    import polars as pl

    parts = [tables.read(file) for file in files(path, "ledger")]
    return pl.DataFrame(pl.from_arrow(pa.concat_tables(parts)))


def files(out: str, kind: str) -> list[str]:
    """The paths of the files of one kind (`ledger`, `corpus`) that the manifest of a build names: only those count."""
    return [store.join(out, file["path"]) for file in manifest(out)["files"] if file["path"].startswith(f"{kind}/")]


def manifest(out: str) -> dict[str, Any]:
    """The manifest of a finished build. Raises PipelineError when the folder holds none."""
    import json

    content = store.read(store.join(out, "manifest.json"))
    if content is None:
        raise PipelineError(
            f"{out}: holds no finished build (no manifest.json)",
            f"run `florilegium build RECIPE --out {out}`, or check the path",
        )
    found: dict[str, Any] = json.loads(content)
    return found


def frames(out: str, columns: Sequence[str] | None = None) -> "Iterator[pl.DataFrame]":
    """The ledger file by file, so that a query holds one file at a time. columns: those to read; None is all."""
    import polars as pl

    for file in files(out, "ledger"):
        yield pl.DataFrame(pl.from_arrow(tables.read(file, columns)))


def account(out: str) -> dict[str, Any]:
    """Read, kept, and dropped by reason, most frequent first, as counted from the ledger.

    tokens_refused: of those kept, what is in no token shard, by reason; the key is there if any is.
    """
    counted = broken_down(out, ["reason", "tokens_refused"])
    dropped: dict[str, int] = {}
    kept: dict[str | None, int] = {}
    for reason, refused, documents in counted.select("reason", "tokens_refused", "documents").iter_rows():
        into, name = (kept, refused) if reason is None else (dropped, reason)
        into[name] = into.get(name, 0) + documents
    in_all = sum(kept.values())
    kept.pop(None, None)
    found = {"read": in_all + sum(dropped.values()), "kept": in_all, "dropped": dropped}
    return found | ({"tokens_refused": kept} if kept else {})


def broken_down(out: str, by: Sequence[str]) -> "pl.DataFrame":
    """Documents, kept, words and bytes by these columns, largest first. Raises PipelineError for an unknown column."""
    import polars as pl

    for name in by:
        if name not in BY:
            raise PipelineError(
                f"--by {name}: the ledger cannot be broken down by that", f"use one or more of: {', '.join(BY)}"
            )
    kept = pl.col("reason").is_null()
    counts = {
        "documents": pl.len().cast(pl.Int64),
        "kept": kept.sum().cast(pl.Int64),
        "words_kept": pl.col("words").filter(kept).sum().cast(pl.Int64),
        "bytes_kept": pl.col("bytes_out").sum().cast(pl.Int64),
    }
    read = sorted({*by, "reason", "words", "bytes_out"})
    parts = pl.concat([frame.group_by(list(by)).agg(**counts) for frame in frames(out, read)])
    counted = parts.group_by(list(by)).agg(pl.col(name).sum() for name in counts)
    return counted.sort(["documents", *by], descending=[True, *([False] * len(by))], nulls_last=True)


def found(out: str, what: str) -> list[dict[str, Any]]:
    """The ledger rows of a document, by id (hex), URL, record or the record's own identifier."""
    import polars as pl

    wanted = (pl.col("url") == what) | (pl.col("record") == what) | (pl.col("record_id") == what)
    if len(what) == 2 * ID.byte_width and all(c in string.hexdigits for c in what):
        wanted |= pl.col("id") == pl.lit(bytes.fromhex(what))
    return [row for frame in frames(out) for row in frame.filter(wanted).to_dicts()]


def dataset(out: str, language: str | None = None) -> "ds.Dataset":
    """The shards of a finished build as an Arrow dataset. Raises PipelineError when there is no such language in it."""
    import fsspec
    import pyarrow.dataset as ds

    named = [file for file in manifest(out)["files"] if file["path"].startswith("corpus/")]
    wanted = [store.join(out, file["path"]) for file in named if language in (None, file["language"])]
    if not wanted:
        known = sorted({file["language"] for file in named})
        raise PipelineError(
            f"{out}: holds no documents{f' in {language}' if language else ''}",
            f"languages there: {', '.join(known) or 'none'}",
        )
    fs, _ = fsspec.core.url_to_fs(out)
    paths: list[str] = [fsspec.core.url_to_fs(path)[1] for path in wanted]
    return ds.dataset(paths, filesystem=fs, format="parquet")


@cache
def meanings() -> dict[str, str]:
    """Every reason that a stage, a reader or the tokens pass may give, and what it means."""
    from florilegium.pipeline.encoding import REFUSED
    from florilegium.pipeline.recipe import LINE
    from florilegium.pipeline.stage import stage_class
    from florilegium.stages.read import REASONS

    of_stages = {
        reason: meaning
        for stages in LINE.values()
        for name in stages
        for reason, meaning in stage_class(name).reasons.items()
    }
    return {**REASONS, **of_stages, **REFUSED}


def meaning(reason: str) -> str | None:
    """What a reason means; None if this version does not know it. Measures that a recipe adds share one a kind."""
    return meanings().get(reason) or meanings().get(f"{reason.rpartition('.')[0]}.<name>")


SNIPPET = 400
"""Characters of a kept text that a trail shows."""


def trails(out: str, what: str) -> list[dict[str, Any]]:
    """The whole trail of each document that `what` names: verdict in words, ledger row, duplicates, start of its text.

    Raises PipelineError when the build holds no such document.
    """
    rows = found(out, what)
    if not rows:
        raise PipelineError(
            f"{out}: no document has the id, URL or record {what!r}",
            "give the URL exactly as in the crawl, or an id of 32 hex digits; "
            "`florilegium ledger DIR --by host` lists the hosts",
        )
    return [{"verdict": _verdict(row), **row, **_twins(out, row), **_text(out, row)} for row in rows]


def _verdict(row: dict[str, Any]) -> str:
    if row["reason"] is None:
        refused = row["tokens_refused"]
        why = "" if refused is None else f"; in no token shard: {refused}: {meaning(refused) or ''}"
        return f"kept: row {row['row']} of {row['shard']}{why}"
    broke = (
        ""
        if row["value"] is None
        else f" (value {row['value']:g}" + (")" if row["limit"] is None else f", limit {row['limit']:g})")
    )
    means = meaning(row["reason"]) or "no longer a reason of this version"
    return f"dropped by {row['stage']}: {row['reason']}{broke}: {means}"


def _twins(out: str, row: dict[str, Any]) -> dict[str, Any]:
    """The other documents of its cluster, by URL or record; kept ones are marked.

    One that an earlier build has kept stands in no ledger of this one: it is told by its id.
    """
    import polars as pl

    if row["cluster"] is None:
        return {}
    joined = (pl.col("cluster") == pl.lit(row["cluster"])) | (pl.col("duplicate_of") == pl.lit(row["id"]))
    if row["duplicate_of"] is not None:
        joined |= pl.col("id") == pl.lit(row["duplicate_of"])
    columns = ["id", "url", "record", "reason", "cluster", "duplicate_of"]
    others = [
        one
        for frame in frames(out, columns)
        for one in frame.filter(joined & (pl.col("id") != pl.lit(row["id"]))).to_dicts()
    ]
    told = [f"{one['url'] or one['record']}{' (kept)' if one['reason'] is None else ''}" for one in others]
    if row["duplicate_of"] is not None and row["duplicate_of"] not in {one["id"] for one in others}:
        told.insert(0, f"{row['duplicate_of'].hex()} (kept by an earlier build)")
    return {"duplicates": told}


def _text(out: str, row: dict[str, Any]) -> dict[str, Any]:
    """Title, measures and the start of the text, from the shard that holds the document."""
    if row["shard"] is None:
        return {}
    left = row["row"]
    for batch in tables.scan(store.join(out, row["shard"]), ["title", "measures", "text"]):
        if left < batch.num_rows:
            one = batch.slice(left, 1).to_pylist()[0]
            return {**one, "text": one["text"][:SNIPPET]}
        left -= batch.num_rows
    raise PipelineError(
        f"{row['shard']} has no row {row['row']}", "the shard is not the one that the ledger speaks of; build again"
    )
