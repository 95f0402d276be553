"""Deduplicate: group documents whose normalised text is the same, and choose which one stays.

A corpus stage: `sketch` takes from each document what the choice needs, `elect` sees all sketches of a range of keys.
The result depends neither on how the input was cut nor on the number of ranges, since the documents of one group share
a key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from florilegium.pipeline.schema import Batch, schema

Preference = Literal["source", "newest", "oldest", "longest"]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Deduplicate:
    """Keep one of each group of exact duplicates (text equal after NFKC, case folding, and folding of white space)."""

    keep: Annotated[
        tuple[Preference, ...],
        Field(
            description="which one stays: the first rule that tells two apart decides; "
            "`source` prefers the order of the recipe"
        ),
    ] = ("source", "newest", "longest")
    sources: Annotated[tuple[str, ...], Field(description="order of the sources; filled from the recipe")] = ()

    writes: ClassVar[tuple[str, ...]] = ("cluster", "cluster_size")
    reasons: ClassVar[Mapping[str, str]] = {
        "deduplicate.exact": "another document with the same normalised text was kept"
    }
    decides: ClassVar[frozenset[str]] = frozenset({"keep", "sources"})
    libraries: ClassVar[tuple[str, ...]] = ("polars",)

    def sketch(self, batch: Batch) -> pa.Table:
        """What election needs of each document: key (the text's hash), id, and the columns of the preferences."""
        rank = pc.index_in(batch["source"], value_set=pa.array(self.sources, pa.string()))
        return pa.table(
            {
                "key": batch["text_hash"],
                "id": batch["id"],
                "source": rank.fill_null(len(self.sources)),
                "fetched": batch["fetched"].cast(pa.int64()).fill_null(0),
                "characters": batch["characters"],
            }
        )

    def elect(self, sketches: pa.Table) -> pa.Table:
        """From sketches with the column `number`: number, cluster (smallest id of the group), cluster_size, reason.

        Only groups of two or more are answered, sorted by number; the reason is that of those that go, null of the one
        that stays.
        """
        import polars as pl

        orders = {
            "source": ("source", False),
            "newest": ("fetched", True),
            "oldest": ("fetched", False),
            "longest": ("characters", True),
        }
        by = [orders[preference] for preference in self.keep]
        frame = pl.DataFrame(pl.from_arrow(sketches))
        grouped = frame.with_columns(cluster_size=pl.len().over("key").cast(pl.Int32)).filter(
            pl.col("cluster_size") > 1
        )
        chosen = grouped.sort(
            ["key", *(name for name, _ in by), "id"], descending=[False, *(down for _, down in by), False]
        )
        answered = chosen.with_columns(
            cluster=pl.col("id").sort().first().over("key"),
            reason=pl.when(pl.col("number") == pl.col("number").first().over("key"))
            .then(None)
            .otherwise(pl.lit("deduplicate.exact")),
        )
        table = answered.sort("number").select("number", "cluster", "cluster_size", "reason").to_arrow()
        return table.cast(ELECTED)

    def files(self) -> Mapping[str, Path]:
        """It opens none."""
        return {}

    def for_sources(self, sources: Sequence[Mapping[str, Any]]) -> "Deduplicate":
        """The same rule, knowing the order of the sources."""
        return replace(self, sources=tuple(s["name"] for s in sources))


ELECTED = schema(["cluster", "cluster_size", "reason"]).insert(0, pa.field("number", pa.int64()))
"""What an election answers."""
