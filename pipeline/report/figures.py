"""The figures of the provenance report: sums over the ledger, taken file by file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from florilegium.pipeline import store
from florilegium.pipeline.account import SCHEMA

if TYPE_CHECKING:
    import polars as pl

Rows = list[dict[str, Any]]

COLUMNS = (
    "id", "source", "url", "host", "record", "fetched", "licence", "rights", "language", "language_score", "reason",
    "value", "limit", "words", "lines_removed", "characters_removed", "bytes_out", "cluster", "cluster_size", "pii",
    "tokens", "tokens_refused",
)  # fmt: skip
MAPS = {"pii": pa.int32(), "lines_removed": pa.int32(), "characters_removed": pa.int64()}
"""Columns of kinds and counts, and the type of their counts."""
UNKNOWN = "unknown"
CELL = ("source", "licence", "rights", "language", "reason", "tokens_refused")
MICRO = 1_000_000
"""Scores are summed as whole millionths: a sum of floats depends on the order of its terms, hence on the threads."""
DIGITS = 3
"""Significant digits of values: rounding keeps the order, so the median of rounded values is the rounded median, and
only so many different values have to be held, however large the corpus."""
LARGEST = 20
"""Clusters shown."""


@dataclass(frozen=True)
class Figures:
    """Sums over all ledger files, each of few rows. A null reason: the documents kept.

    cells: by CELL: documents, words, bytes, score (millionths), scored, masked, tokens, counted, earliest, latest.
    hosts: by host and reason: documents. values: by reason, below (value under its limit), limit, value: documents.
    kinds: of the documents kept, by kind of personal data: documents, places. sizes: clusters by size.
    removed: by kind of line that is not in the final text: documents, kept (those of them kept), lines, characters.
    largest: the kept documents of the largest clusters.
    """

    cells: "pl.DataFrame"
    hosts: "pl.DataFrame"
    values: "pl.DataFrame"
    kinds: "pl.DataFrame"
    removed: "pl.DataFrame"
    sizes: "pl.DataFrame"
    largest: "pl.DataFrame"


def gather(ledgers: Sequence[str]) -> Figures:
    """Read ledger files one after the other. Memory grows with hosts, reasons and languages, not with documents."""
    import polars as pl

    sums = {
        "cells": _Sum(CELL),
        "hosts": _Sum(("host", "reason")),
        "values": _Sum(("reason", "below", "limit", "value")),
        "kinds": _Sum(("kind",)),
        "removed": _Sum(("kind",)),
        "sizes": _Sum(("size",)),
    }
    largest = None
    for frame in _frames(ledgers):
        kept = frame.filter(pl.col("reason").is_null())
        sums["cells"].add(_cells(frame))
        sums["hosts"].add(frame.group_by("host", "reason").agg(documents=pl.len().cast(pl.Int64)))
        sums["values"].add(_values(frame))
        sums["kinds"].add(_kinds(kept))
        sums["removed"].add(_removed(frame))
        united = kept.filter(pl.col("cluster").is_not_null())
        sums["sizes"].add(united.group_by(size=pl.col("cluster_size")).agg(clusters=pl.len().cast(pl.Int64)))
        named = united.select("cluster", "cluster_size", "id", "url", "record", "source", "language")
        both = named if largest is None else pl.concat([largest, named])
        largest = both.sort("cluster_size", "cluster", descending=[True, False]).head(LARGEST)
    assert largest is not None
    return Figures(**{name: one.table() for name, one in sums.items()}, largest=largest)


def languages(figures: Figures) -> Rows:
    """Read, kept, and what was kept of it, by language; most kept first, documents without one last."""
    import polars as pl

    return _rows(
        figures.cells.group_by("language")
        .agg(*_read_and_kept(), pl.col("score", "scored").sum())
        .sort("kept", "read", "language", descending=[True, True, False], nulls_last=True)
        .sort(pl.col("language").is_null(), maintain_order=True)
    )


def hosts(figures: Figures, most: int) -> tuple[Rows, int, int]:
    """The hosts of most documents and what has none, with the reason most frequent among those dropped; hosts in all;
    hosts of which something was kept."""
    import polars as pl

    kept = pl.col("reason").is_null()
    counted = figures.hosts.group_by("host").agg(
        read=pl.col("documents").sum(), kept=pl.col("documents").filter(kept).sum()
    )
    ranked = counted.sort("read", "host", descending=[True, False], nulls_last=True)
    named = ranked.filter(pl.col("host").is_not_null())
    top = ranked.filter(pl.col("host").is_null() | pl.col("host").is_in(named["host"].head(most).implode()))
    why = (
        figures.hosts.filter(~kept)
        .join(top.select("host"), on="host", how="semi", nulls_equal=True)
        .sort("documents", "reason", descending=[True, False])
        .group_by("host", maintain_order=True)
        .first()
        .select("host", "reason", times="documents")
    )
    rows = top.join(why, on="host", how="left", nulls_equal=True, maintain_order="left")
    return _rows(rows), named.height, named.filter(pl.col("kept") > 0).height


def licences(figures: Figures) -> Rows:
    """Read and kept by declared licence and rights verdict, most kept first; what is not declared is `unknown`."""
    import polars as pl

    said = (
        pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)).otherwise(pl.lit(UNKNOWN)).alias(name)
        for name in ("licence", "rights")
    )
    return _rows(
        figures.cells.with_columns(*said)
        .group_by("licence", "rights")
        .agg(*_read_and_kept())
        .sort("kept", "read", "licence", "rights", descending=[True, True, False, False])
    )


def sources(figures: Figures) -> dict[str, dict[str, Any]]:
    """Read, kept, and the first and last time of capture, by source."""
    import polars as pl

    counted = figures.cells.group_by("source").agg(*_read_and_kept(), pl.col("earliest").min(), pl.col("latest").max())
    return {row["source"]: row for row in _rows(counted.sort("source", nulls_last=True))}


def totals(figures: Figures) -> dict[str, Any]:
    """Over the whole corpus: read, kept, words, bytes, masked (kept documents with personal data), tokens, counted."""
    import polars as pl

    kept = pl.col("reason").is_null()
    return _rows(
        figures.cells.select(
            *_read_and_kept(), *(pl.col(name).filter(kept).sum() for name in ("masked", "tokens", "counted"))
        )
    )[0]


def tokens(figures: Figures, by: str) -> Rows:
    """Of the documents that have tokens: documents, tokens, words and bytes by a column of CELL, most tokens first.

    Where the column is `tokens_refused`: of the documents kept that have none, most first.
    """
    import polars as pl

    wanted = pl.col("counted") > 0 if by != "tokens_refused" else pl.col(by).is_not_null()
    sums = figures.cells.filter(wanted).group_by(by).agg(pl.col("documents", "tokens", "words", "bytes").sum())
    return _rows(sums.sort("tokens", "documents", by, descending=[True, True, False], nulls_last=True))


def broken(figures: Figures) -> dict[str, Rows]:
    """By reason, what broke its limit: documents, whether their values lie below it, the lower median of the values to
    DIGITS significant digits, lowest and highest limit (they differ between languages)."""
    import polars as pl

    found: dict[str, Rows] = {}
    for (reason, below), group in sorted(
        figures.values.group_by("reason", "below"), key=lambda one: (one[0][0], not one[0][1])
    ):
        values = group.group_by("value").agg(pl.col("documents").sum()).sort("value")
        documents = int(values["documents"].sum())
        median = values.filter(pl.col("documents").cum_sum() * 2 >= documents)["value"][0]
        limits = {"low": group["limit"].min(), "high": group["limit"].max()}
        found.setdefault(str(reason), []).append({"below": below, "documents": documents, "median": median} | limits)
    return found


def kinds(figures: Figures) -> Rows:
    """Personal data masked in the documents kept: kind, documents, places; most places first."""
    return _rows(figures.kinds.sort("places", "kind", descending=[True, False]))


def removed(figures: Figures) -> Rows:
    """Lines that are not in the final texts: kind, documents, kept, lines, characters; most lines first."""
    return _rows(figures.removed.sort("lines", "kind", descending=[True, False]))


def clusters(figures: Figures) -> dict[str, Any]:
    """Clusters of duplicates: their number, the documents in them, how many there are by size, and the largest."""
    sizes = _rows(figures.sizes.sort("size"))
    ends = ((2, 2), (3, 9), (10, 99), (100, 999), (1000, None))
    steps = [
        {
            "low": low,
            "high": high,
            "clusters": sum(
                row["clusters"] for row in sizes if low <= row["size"] and (high is None or row["size"] <= high)
            ),
        }
        for low, high in ends
    ]
    return {
        "clusters": sum(row["clusters"] for row in sizes),
        "documents": sum(row["clusters"] * row["size"] for row in sizes),
        "steps": [step for step in steps if step["clusters"]],
        "largest": _rows(figures.largest),
    }


@dataclass
class _Sum:
    """A sum by keys that grows by parts; parts are added up whenever they have doubled it."""

    keys: tuple[str, ...]
    parts: "list[pl.DataFrame]" = field(default_factory=list)
    size: int = 0

    def add(self, part: "pl.DataFrame") -> None:
        self.parts.append(part)
        if sum(one.height for one in self.parts) > 2 * self.size:
            self.parts = [self.table()]
            self.size = self.parts[0].height

    def table(self) -> "pl.DataFrame":
        import polars as pl

        ends = {"earliest": pl.col("earliest").min(), "latest": pl.col("latest").max()}
        together = pl.concat(self.parts)
        return together.group_by(self.keys).agg(
            ends.get(name, pl.col(name).sum()) for name in together.columns if name not in self.keys
        )


def _frames(ledgers: Sequence[str]) -> "Iterator[pl.DataFrame]":
    import pyarrow.parquet as pq

    yield _frame(SCHEMA.empty_table().select(list(COLUMNS)))  # so that every sum has its columns, whatever was read
    for path in ledgers:
        with store.open_input(path) as file:
            yield _frame(pq.read_table(file, columns=list(COLUMNS)))


def _frame(table: pa.Table) -> "pl.DataFrame":
    import polars as pl

    # polars reads a map as a list of pairs or, since version 2, as a type of its own that has no operations
    for name, kind in MAPS.items():
        pairs = table[name].cast(pa.list_(pa.struct([("key", pa.string()), ("value", kind)])))
        table = table.set_column(table.schema.get_field_index(name), name, pairs)
    return pl.DataFrame(pl.from_arrow(table))


def _cells(frame: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    whole = pl.Int64
    return frame.group_by(CELL).agg(
        documents=pl.len().cast(whole),
        words=pl.col("words").cast(whole).sum(),
        bytes=pl.col("bytes_out").sum(),
        score=(pl.col("language_score").cast(pl.Float64) * MICRO).round().cast(whole).sum(),
        scored=pl.col("language_score").count().cast(whole),
        masked=(pl.col("pii").list.len() > 0).sum().cast(whole),
        tokens=pl.col("tokens").sum(),
        counted=pl.col("tokens").count().cast(whole),
        earliest=pl.col("fetched").min(),
        latest=pl.col("fetched").max(),
    )


def _values(frame: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    measured = frame.filter(
        pl.col("reason").is_not_null() & pl.col("value").is_finite() & pl.col("limit").is_not_null()
    )
    keys = {"below": pl.col("value") < pl.col("limit"), "value": pl.col("value").round_sig_figs(DIGITS)}
    return (
        measured.with_columns(**keys)
        .group_by("reason", "below", "limit", "value")
        .agg(documents=pl.len().cast(pl.Int64))
    )


def _kinds(kept: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    found = kept.select("pii").filter(pl.col("pii").list.len() > 0).explode("pii").unnest("pii")
    return found.group_by(kind=pl.col("key")).agg(
        documents=pl.len().cast(pl.Int64), places=pl.col("value").cast(pl.Int64).sum()
    )


def _removed(frame: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    names = ["lines_removed", "characters_removed"]  # maps of the same kinds in the same order
    found = frame.filter(pl.col("lines_removed").list.len() > 0).select("reason", *names).explode(names)
    lines, characters = (pl.col(name).struct.field("value").cast(pl.Int64) for name in names)
    return found.group_by(kind=pl.col("lines_removed").struct.field("key")).agg(
        documents=pl.len().cast(pl.Int64),
        kept=pl.col("reason").null_count().cast(pl.Int64),
        lines=lines.sum(),
        characters=characters.sum(),
    )


def _read_and_kept() -> "Iterator[pl.Expr]":
    """Of cells: documents read and kept, words and bytes kept."""
    import polars as pl

    kept = pl.col("reason").is_null()
    yield pl.col("documents").sum().alias("read")
    yield pl.col("documents").filter(kept).sum().alias("kept")
    yield pl.col("words").filter(kept).sum()
    yield pl.col("bytes").filter(kept).sum()


def _rows(frame: "pl.DataFrame") -> Rows:
    return frame.to_dicts()
