"""Which documents of a build resemble one another: the stored signatures, by hand."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from florilegium.pipeline import account, measured, tables
from florilegium.pipeline.errors import PipelineError

if TYPE_CHECKING:
    from datasketch import LeanMinHash

SEED = 0x666C6F72
"""Names our permutations to datasketch (from 2.0), which compares signatures of one seed alone: its own are others."""


def signatures(out: str) -> Iterator[tuple[list[bytes], NDArray[np.uint32]]]:
    """Ids and signatures (documents, 112) of the documents of a build that have a text, a portion at a time.

    Raises PipelineError when the build is not finished, or what it measured was removed.
    """
    for files in measured.shards(out, account.manifest(out)):
        parts = (tables.scan(path, [name]) for path, name in ((files.documents, "id"), (files.measures, "sketch")))
        for documents, measures in zip(*parts, strict=True):
            there = measures["sketch"].is_valid()
            ids: Any = documents["id"].filter(there).to_pylist()
            found: Any = measures["sketch"].filter(there).to_pylist()
            yield ids, np.frombuffer(b"".join(found), "<u4").reshape(len(ids), -1)


def minhashes(out: str) -> "Iterator[tuple[bytes, LeanMinHash]]":
    """Id and signature of each document with a text, as datasketch's MinHashLSH, forests and ensembles take them."""
    try:
        from datasketch import LeanMinHash
    except ImportError as error:
        raise PipelineError("datasketch is not installed", "pip install datasketch") from error
    for ids, found in signatures(out):
        for identity, hashes in zip(ids, found, strict=True):
            yield identity, LeanMinHash(seed=SEED, hashvalues=hashes, scheme="affine32")


def similar(out: str, what: str, least: float) -> list[dict[str, Any]]:
    """The documents whose estimated similarity to one is `least` or more, the most alike first, as ledger rows.

    similarity: the share of equal hashes, which estimates the Jaccard similarity of the 5-word runs of two texts with a
    standard error of .05 or less. Raises PipelineError when the build has no such document, or it has no text.
    """
    rows = account.found(out, what)
    if not rows:
        raise PipelineError(
            f"{out}: no document has the id, URL or record {what!r}",
            "give the URL exactly as in the crawl, or an id of 32 hex digits",
        )
    wanted = {row["id"] for row in rows}
    own = [hashes for ids, found in signatures(out) for one, hashes in zip(ids, found, strict=True) if one in wanted]
    if not own:
        raise PipelineError(
            f"{what}: has no text that could be compared: {rows[0]['reason']}",
            f"`florilegium explain {out} {what}` tells why",
        )
    alike: dict[bytes, float] = {}
    for ids, found in signatures(out):
        shares = np.max([(found == hashes).mean(axis=1) for hashes in own], axis=0)
        alike |= {ids[at]: float(shares[at]) for at in np.flatnonzero(shares >= least) if ids[at] not in wanted}
    return sorted(
        ({"similarity": alike[row["id"]], **row} for row in _rows(out, set(alike))),
        key=lambda row: (-row["similarity"], row["id"]),
    )


def _rows(out: str, ids: set[bytes]) -> Iterator[dict[str, Any]]:
    import polars as pl

    columns = ["id", "url", "record", "source", "language", "reason", "licence", "words"]
    for frame in account.frames(out, columns):
        yield from frame.filter(pl.col("id").is_in(list(ids))).to_dicts()
