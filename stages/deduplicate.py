"""Deduplicate: group documents of the same address, the same text or nearly the same, and choose which of each stays.

A corpus stage. `sketch` takes from each document what may be compared, `match` sees all rows of a range of keys,
`elect` all members of a range of groups; between them the frame unites what was matched. Two documents are joined when
their normalised text is equal, or when they share a band of their MinHash signatures and these agree on `threshold`.
That depends on the two alone, so what is joined depends neither on order, nor on how the input was cut, nor on whether
some of it was looked at in an earlier build. A group is what is joined directly or by way of others.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass as plain
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, field_validator
from pydantic.dataclasses import dataclass

from florilegium.filters.licences import permissiveness
from florilegium.pipeline.schema import Batch, schema
from florilegium.stages import _duplicates as native
from florilegium.stages._keys import BAND_ROWS, BANDS, KINDS, edges_of_equal, matrix, of_addresses, of_documents

FORM = 1
"""What is stored for later builds: a number that changes when a signature, a key or a record would."""
RECORD = 128
"""Bytes a document is verified by: its signature, 8 bits a hash, then the hash of its text."""
SIGNATURE = native.SIZE
SIGNATURES_COMPARED = 1024
"""Different signatures of one band that are all compared with each other; of more, so many stand for the others."""

CANDIDATES = pa.schema(
    [
        *schema(["id", "text_hash"]),
        ("number", pa.int64()),
        ("licence", pa.int32()),
        ("source", pa.int32()),
        ("quality", pa.float32()),
        ("fetched", pa.int64()),
        ("characters", pa.int64()),
    ]
)
"""What the choice needs of a document. number: its row in the corpus."""
MEMBERS = pa.schema([("group", pa.uint64()), *CANDIDATES, ("kept", pa.bool_()), ("gone", pa.bool_())])
"""A document of a group. kept: an earlier build has published it. gone: it is no candidate (any more)."""

ELECTED = pa.schema([("number", pa.int64()), *schema(["cluster", "cluster_size", "duplicate_of", "reason"])])
"""What an election answers."""

GROUPS = pa.schema([("number", pa.uint32()), ("group", pa.uint32())])
"""A document of a group, which goes by its smallest number."""
AT_ONCE = 1 << 20

ORDERS = {
    "licence": ("licence", False),
    "source": ("source", False),
    "quality": ("quality", True),
    "newest": ("fetched", True),
    "oldest": ("fetched", False),
    "longest": ("characters", True),
}
"""A rule of `keep`, the column that it reads, and whether the largest goes first."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Near:
    """What counts as nearly the same. FineWeb-2 (arXiv:2506.20920): bands 14, rows 8, threshold null."""

    bands: Annotated[int, Field(ge=1, le=BANDS)] = 20
    """Bands of a signature: two documents are compared when one of them is equal."""
    rows: Annotated[int, Field(ge=1)] = 5
    """Hashes a band. Documents of similarity s share a band with probability 1 - (1 - s^rows)^bands."""
    threshold: Annotated[float, Field(gt=0, le=1)] | None = 0.7
    """Lowest estimated Jaccard similarity of the 5-word runs of two texts; null: to share a band is enough."""

    @field_validator("rows")
    @classmethod
    def _fits(cls, rows: int, info: Any) -> int:
        bands = info.data.get("bands", 1)
        if bands * rows > native.SIZE:
            raise ValueError(f"{bands} bands of {rows} rows need {bands * rows} hashes, there are {native.SIZE}")
        return rows


@plain(frozen=True)
class Sketch:
    """What is taken from the documents of a file. `local` counts them from 0.

    bands: BAND_ROWS, sorted; of documents with equal text the first stands for all. edges: uint32 (n, 2), local: those
    that are equal. records: uint8 (documents, RECORD). candidates: CANDIDATES. urls: BAND_ROWS, sorted, by address.
    """

    bands: pa.Table
    edges: NDArray[np.uint32]
    records: NDArray[np.uint8]
    candidates: pa.Table
    urls: pa.Table


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Deduplicate:
    """Keep one of each group of documents with the same text or nearly the same.

    The same: equal after NFKC, case folding, and folding of white space.
    """

    keep: tuple[str, ...] = ("licence", "source", "quality", "newest", "longest")
    """Which one stays: the first rule that tells two apart decides, at last the smallest id. licence: what allows
    most; source: in the order of the recipe; quality: the highest; newest, oldest: when it was fetched; longest: the
    most characters."""
    quality: str = "lines.sentences"
    """The measure that `quality` goes by, the more the better: `model.edu` of a model of the recipe."""
    near: Near | None = Near()
    """What counts as nearly the same; null: only equal texts go."""
    url: bool = False
    """Whether of documents with the same address only one stays, whatever their texts."""
    repeat: dict[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None = None
    """How often a document is to be trained on, by the least size of its cluster: `{1: 1, 2: 2, 3: 3, 5: 5, 100: 8,
    1000: 1}`. It fills the column `repeat`; what trains must heed it."""
    sources: Annotated[tuple[str, ...], Field(description="order of the sources; filled from the recipe")] = ()

    writes: ClassVar[tuple[str, ...]] = ("cluster", "cluster_size", "duplicate_of", "repeat")
    reasons: ClassVar[Mapping[str, str]] = {
        "deduplicate.exact": "another document with the same normalised text was kept",
        "deduplicate.near": "another document with nearly the same text was kept",
        "deduplicate.url": "another document with the same address was kept",
        "deduplicate.earlier": "an earlier build has published a document with the same text, or nearly, or address",
    }
    decides: ClassVar[frozenset[str]] = frozenset({"keep", "quality", "near", "url", "repeat", "sources"})
    libraries: ClassVar[tuple[str, ...]] = ("polars", "numpy", "courlan")

    @field_validator("keep")
    @classmethod
    def _known(cls, keep: tuple[str, ...]) -> tuple[str, ...]:
        for rule in keep:
            if rule not in ORDERS:
                raise ValueError(f"there is no rule {rule!r}; rules are {', '.join(ORDERS)}")
        columns = [ORDERS[rule][0] for rule in keep]
        if len(set(columns)) < len(columns):
            raise ValueError("two rules go by the same, and the second decides nothing")
        return keep

    @field_validator("repeat")
    @classmethod
    def _complete(cls, repeat: dict[int, int] | None) -> dict[int, int] | None:
        if repeat is not None and 1 not in repeat:
            raise ValueError("it must say what holds for clusters of 1 document: {1: 1, ...}")
        return repeat

    def files(self) -> Mapping[str, Path]:
        """It opens none."""
        return {}

    def mistakes(self, stages: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """A measure that nobody makes: (place, sentence, hint)."""
        names = stages["measure"].names()
        if "quality" in self.keep and self.quality not in names:
            close = get_close_matches(self.quality, names, 1)
            meant = f"did you mean {close[0]!r}?" if close else "`florilegium filters` lists the measures"
            yield ("quality",), f"there is no measure {self.quality!r}", meant

    def for_sources(self, sources: Sequence[Mapping[str, Any]]) -> "Deduplicate":
        """The same rule, knowing the order of the sources."""
        return replace(self, sources=tuple(s["name"] for s in sources))

    def comparable(self) -> dict[str, Any]:
        """What an earlier build must have done alike for its documents to be compared, as JSON."""
        bands = None if self.near is None else [self.near.bands, self.near.rows]
        return {"form": FORM, "bands": bands, "url": self.url}

    def sketch(self, batch: Batch, numbers: "pa.Array[Any]") -> Sketch:
        """The sketch of documents that were not dropped, with `text_hash` and `sketch`. numbers: their rows, int64."""
        hashes = matrix(batch["text_hash"], 16)
        signatures = matrix(batch["sketch"], 4 * native.SIZE).view("<u4")
        records = np.concatenate([native.small(signatures), hashes], axis=1)
        bands, edges = of_documents(hashes, signatures, *((self.near.bands, self.near.rows) if self.near else (0, 0)))
        urls = of_addresses(batch["url"]) if self.url else BAND_ROWS.empty_table()
        return Sketch(bands, edges, records, self._candidates(batch, numbers), urls)

    def match(
        self, keys: NDArray[np.uint64], numbers: NDArray[np.uint32], records: Callable[[Any], NDArray[np.uint8]]
    ) -> NDArray[np.uint32]:
        """Edges (n, 2) between the documents to be joined, among all rows with keys of some range.

        records: the records (n, RECORD) of documents, given their numbers, ascending.
        """
        order = np.argsort(keys, kind="stable")
        keys, numbers = keys[order], numbers[order]
        shared = np.zeros(len(keys), bool)
        shared[1:] = keys[1:] == keys[:-1]
        shared[:-1] |= shared[1:]
        keys, numbers = keys[shared], numbers[shared]
        if not len(keys):
            return np.empty((0, 2), np.uint32)
        order = np.lexsort((numbers, keys))
        keys, numbers = keys[order], numbers[order]
        known = np.unique(numbers)
        seen = records(known)
        at = np.searchsorted(known, numbers).astype(np.uint32)
        whole = int(np.searchsorted(keys, np.uint64(1 << (64 - KINDS))))
        edges = [edges_of_equal(at[:whole], seen[:, SIGNATURE:])]
        if self.near is not None:
            signatures = [(0, np.ascontiguousarray(seen[:, :SIGNATURE]))]
            edges.append(
                native.matches(
                    keys[whole:], at[whole:], signatures, threshold=self.near.threshold, most=SIGNATURES_COMPARED
                )
            )
        return known[np.concatenate(edges)].astype(np.uint32)

    def elect(self, members: pa.Table, reason: str | None = None) -> pa.Table:
        """Who stays, from the MEMBERS of whole groups: ELECTED, sorted by number, of the candidates among them.

        reason: of those that go; by default exact or near, as their text is equal to that which stays.
        What an earlier build has published stays, and candidates beside it go.
        """
        import polars as pl

        by = [ORDERS[rule] for rule in self.keep]
        frame = pl.DataFrame(pl.from_arrow(members)).with_columns(
            rank=pl.when("kept").then(0).when("gone").then(2).otherwise(1)
        )
        chosen = frame.sort(
            ["group", "rank", *(name for name, _ in by), "id"],
            descending=[False, False, *(down for _, down in by), False],
        )
        first = chosen.group_by("group", maintain_order=True).agg(
            pl.col("rank", "id", "text_hash", "number").first().name.prefix("first_"),
            cluster=pl.col("id").min(),
            cluster_size=pl.len().cast(pl.Int32),
        )
        near = pl.when(pl.col("text_hash") == pl.col("first_text_hash")).then(pl.lit("deduplicate.exact"))
        why = near.otherwise(pl.lit("deduplicate.near")) if reason is None else pl.lit(reason)
        stays = pl.col("number") == pl.col("first_number")
        answered = (
            chosen.filter(pl.col("rank") == 1)
            .join(first.filter(pl.col("cluster_size") > 1), on="group")
            .with_columns(
                reason=pl.when(pl.col("first_rank") == 0).then(pl.lit("deduplicate.earlier")).when(~stays).then(why),
                duplicate_of=pl.when((pl.col("first_rank") == 0) | ~stays).then(pl.col("first_id")),
            )
        )
        return answered.sort("number").select(ELECTED.names).to_arrow().cast(ELECTED)

    def repeats(self, sizes: "pa.Array[Any]", kept: "pa.Array[Any]") -> "pa.Array[Any]":
        """How often kept documents are to be trained on, by the size of their cluster (null: alone); null if off."""
        if self.repeat is None:
            return pa.nulls(len(sizes), pa.int32())
        least = sorted(self.repeat)
        own: Any = pc.fill_null(sizes, pa.scalar(1, pa.int32()))
        at = np.searchsorted(np.array(least), own.to_numpy(zero_copy_only=False), "right") - 1
        wanted = np.array([self.repeat[size] for size in least], np.int32)
        repeats: pa.Array[Any] = pa.array(wanted[at], mask=~kept.to_numpy(zero_copy_only=False))
        return repeats

    def _candidates(self, batch: Batch, numbers: "pa.Array[Any]") -> pa.Table:
        names: list[Any] = batch["licence"].to_pylist()
        quality = pc.struct_field(batch["measures"], [self.quality]) if "quality" in self.keep else None
        rank = pc.index_in(batch["source"], value_set=pa.array(self.sources, pa.string()))
        columns = {
            "number": numbers,
            "id": batch["id"],
            "text_hash": batch["text_hash"],
            "licence": pa.array([permissiveness(name) for name in names], pa.int32()),
            "source": rank.fill_null(len(self.sources)),
            "quality": pa.nulls(len(names), pa.float32()) if quality is None else quality,
            "fetched": batch["fetched"].cast(pa.int64()),
            "characters": batch["characters"],
        }
        found = pa.table({name: columns[name] for name in CANDIDATES.names}).cast(CANDIDATES)
        for name, least in (("quality", float("-inf")), ("fetched", 0)):
            at, field = CANDIDATES.get_field_index(name), CANDIDATES.field(name)
            filled: Any = pc.fill_null(found[name], pa.scalar(least, field.type))
            found = found.set_column(at, field, filled)
        return found


def members(groups: pa.Table, candidates: pa.Table, kept: Any = None, gone: Any = None) -> pa.Table:
    """MEMBERS, sorted by group, from `groups` (local, group) of a file. kept, gone: bool arrays a document, or none."""
    local = groups["local"].combine_chunks()
    false = pa.array(np.zeros(candidates.num_rows, bool))
    both = candidates.append_column("kept", kept if kept is not None else false)
    both = both.append_column("gone", gone if gone is not None else false)
    taken = both.take(local).add_column(0, "group", groups["group"].cast(pa.uint64()))
    return taken.cast(MEMBERS).sort_by("group")


def unite(documents: int, edges: Iterable[NDArray[np.uint32]]) -> pa.Table:
    """GROUPS, by number, of the documents in groups, from edges (n, 2): 5 bytes a document while it runs."""
    labels = native.unite(documents, edges)
    grouped = np.zeros(documents, bool)
    for at in range(0, documents, AT_ONCE):
        piece = labels[at : at + AT_ONCE]
        moved = piece != np.arange(at, at + len(piece), dtype=np.uint32)
        grouped[at : at + len(piece)] |= moved
        grouped[piece[moved]] = True
    number = np.flatnonzero(grouped).astype(np.uint32)
    return pa.table([number, labels[number]], schema=GROUPS)
