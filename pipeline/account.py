"""The account: one row an input document; every count, report and explanation is a query on it."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from florilegium.pipeline import store, tables
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.schema import COLUMNS

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
}

NAMES = (
    "id", "source", "url", "host", "record", "record_id", "fetched", "mime", "charset", "licence", "rights", "language",
    "language_score", "stage", "reason", "value", "limit", "text_hash", "words", "bytes_in", "bytes_out", "cluster",
    "cluster_size", "pii", "shard", "row", "tokens",
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

BY = ("stage", "reason", "language", "source", "host", "licence", "rights", "mime", "charset")
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


def account(frame: "pl.DataFrame") -> dict[str, Any]:
    """Read, kept, and dropped by reason, most frequent first."""
    import polars as pl

    dropped = (
        frame.filter(pl.col("reason").is_not_null())
        .group_by("reason")
        .len()
        .sort(["len", "reason"], descending=[True, False])
    )
    reasons = dict(zip(dropped["reason"].to_list(), dropped["len"].to_list(), strict=True))
    return {"read": frame.height, "kept": frame.height - sum(reasons.values()), "dropped": reasons}


def broken_down(frame: "pl.DataFrame", by: Sequence[str]) -> "pl.DataFrame":
    """Documents, kept, words and bytes by these columns, largest first. Raises PipelineError for an unknown column."""
    import polars as pl

    for name in by:
        if name not in BY:
            raise PipelineError(
                f"--by {name}: the ledger cannot be broken down by that", f"use one or more of: {', '.join(BY)}"
            )
    kept = pl.col("reason").is_null()
    counted = frame.group_by(list(by)).agg(
        documents=pl.len(),
        kept=kept.sum(),
        words_kept=pl.col("words").filter(kept).sum(),
        bytes_kept=pl.col("bytes_out").sum(),
    )
    return counted.sort(["documents", *by], descending=[True, *([False] * len(by))], nulls_last=True)


def trail(frame: "pl.DataFrame", what: str) -> list[dict[str, Any]]:
    """The ledger rows of a document, by id (hex) or URL."""
    import polars as pl

    try:
        is_id = pl.col("id") == bytes.fromhex(what)
    except ValueError:
        is_id = pl.lit(value=False)
    found = frame.filter((pl.col("url") == what) | (pl.col("record") == what) | (pl.col("record_id") == what) | is_id)
    return found.to_dicts()


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
    """Every reason that a stage or reader may give, and what it means."""
    from florilegium.pipeline.recipe import LINE
    from florilegium.pipeline.stage import stage_class
    from florilegium.stages.read import REASONS

    return dict(REASONS) | {
        reason: meaning
        for stages in LINE.values()
        for name in stages
        for reason, meaning in stage_class(name).reasons.items()
    }


SNIPPET = 400
"""Characters of a kept text that a trail shows."""


def trails(out: str, what: str) -> list[dict[str, Any]]:
    """The whole trail of each document that `what` names: verdict in words, ledger row, duplicates, start of its text.

    Raises PipelineError when the build holds no such document.
    """
    frame = ledger(out)
    found = trail(frame, what)
    if not found:
        raise PipelineError(
            f"{out}: no document has the id, URL or record {what!r}",
            "give the URL exactly as in the crawl, or an id of 32 hex digits; "
            "`florilegium ledger DIR --by host` lists the hosts",
        )
    return [{"verdict": _verdict(row), **row, **_twins(frame, row), **_text(out, row)} for row in found]


def _verdict(row: dict[str, Any]) -> str:
    if row["reason"] is None:
        return f"kept: row {row['row']} of {row['shard']}"
    broke = (
        ""
        if row["value"] is None
        else f" (value {row['value']:g}" + (")" if row["limit"] is None else f", limit {row['limit']:g})")
    )
    meaning = meanings().get(row["reason"], "no longer a reason of this version")
    return f"dropped by {row['stage']}: {row['reason']}{broke}: {meaning}"


def _twins(frame: "pl.DataFrame", row: dict[str, Any]) -> dict[str, Any]:
    """The other documents of its cluster, by URL or record; the kept one is marked."""
    import polars as pl

    if row["cluster"] is None:
        return {}
    others = frame.filter((pl.col("cluster") == row["cluster"]) & (pl.col("id") != row["id"])).to_dicts()
    return {
        "duplicates": [f"{one['url'] or one['record']}{' (kept)' if one['reason'] is None else ''}" for one in others]
    }


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
