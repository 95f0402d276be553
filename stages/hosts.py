"""Find template lines: what recurs on so many pages of a site that it belongs to the site, not to the page.

A corpus stage. `sketch` takes the lines of each page, `count` the size of each site, `elect` sees all rows of a range
of places; `marker` brings what was elected back to the lines of a text. A place is a 64-bit hash of a domain and a line
of it, so the lines of the largest site are spread over all ranges: no task holds a site. Nothing depends on how the
input was cut. Two lines of one hash are one: among 10^9 places there are 0.03 such pairs.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from hashlib import blake2b
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from florilegium.filters.edit import folded
from florilegium.filters.url import registered_domain, suffix_list
from florilegium.pipeline.schema import Batch, put

if TYPE_CHECKING:
    import polars as pl

LINES = pa.schema([("place", pa.uint64()), ("page", pa.uint64()), ("domain", pa.uint64())])
"""One row a different line of a page: 24 bytes."""
PAGES = pa.schema([("domain", pa.uint64()), ("page", pa.uint64())])
"""One row a page. page: 32 bits of its address above 32 bits of its text; of a million pages 116 are lost by that."""
SIZES = pa.schema([("domain", pa.uint64()), ("pages", pa.int64())])
TEMPLATES = pa.schema([("place", pa.uint64()), ("domain", pa.uint64())])
"""What is elected, sorted by place."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Hosts:
    """Finds the lines that recur on many pages of a registered domain: menus, footers, notices. They leave the text.

    Pages are documents with an address and a text that were not dropped before. Those of the same address (another
    crawl) or the same text (a copy) count as one, else what was fetched ten times would be taken for a template.
    """

    min_pages: Annotated[int | None, Field(ge=2)] = 10
    """Pages that a line must stand on to be a template; null: no line is one."""
    min_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of the domain's pages that it must stand on as well."""

    writes: ClassVar[tuple[str, ...]] = ("template_lines",)
    reasons: ClassVar[Mapping[str, str]] = {}
    decides: ClassVar[frozenset[str]] = frozenset({"min_pages", "min_share"})
    libraries: ClassVar[tuple[str, ...]] = ("polars", "tld")

    def files(self) -> Mapping[str, Path]:
        """The public suffix list."""
        return {"public_suffix_list": suffix_list()}

    def sketch(self, batch: Batch) -> tuple[pa.Table, pa.Table]:
        """LINES and PAGES of a batch with url, host, text and reason; not sorted."""
        pages: list[int] = []
        domains: list[bytes] = []
        places: list[bytes] = []
        counts: list[int] = []
        columns = (batch[name].to_pylist() for name in ("url", "host", "text", "reason"))
        for url, host, text, reason in zip(*columns, strict=True):
            if host is None or text is None or reason is not None:
                continue
            domain = _domain(host)
            found = {_place(domain, line) for line in map(folded, text.split("\n")) if line}
            pages.append(_hash(url.encode(), 4) << 32 | _hash(text.encode(), 4))
            domains.append(domain)
            places += found
            counts.append(len(found))
        page, site = np.array(pages, np.uint64), _numbers(domains)
        lines = {"place": _numbers(places), "page": np.repeat(page, counts), "domain": np.repeat(site, counts)}
        return pa.table(lines, schema=LINES), pa.table({"domain": site, "page": page}, schema=PAGES)

    def count(self, pages: pa.Table) -> pa.Table:
        """From PAGES of whole domains to SIZES, of the domains that may have templates, sorted by domain."""
        frame = _distinct(pages, "domain", [])
        return _table(frame.filter(frame["pages"] >= self._at_least()).sort("domain"), SIZES)

    def candidates(self, lines: pa.Table) -> pa.Table:
        """From LINES of whole places to (place, domain, pages) of those on min_pages at least, sorted by place."""
        import polars as pl

        places = np.sort(lines["place"].to_numpy())
        again = self._at_least() - 1
        often = np.unique(places[again:][places[again:] == places[: max(len(places) - again, 0)]])
        rows = lines.filter(pc.is_in(lines["place"], value_set=pa.array(often, pa.uint64())))
        frame = _distinct(rows, "place", [pl.col("domain").min()])
        found = frame.filter(frame["pages"] >= self._at_least()).sort("place")
        return _table(found, TEMPLATES.append(pa.field("pages", pa.int64())))

    def elect(self, candidates: pa.Table, sizes: pa.Table) -> pa.Table:
        """The candidates that are TEMPLATES, given the sizes of their domains. A share is met to the last page."""
        import polars as pl

        share = Fraction(str(self.min_share))
        pages: list[Any] = sizes["pages"].to_pylist()
        needed = [max(self._at_least(), ceil(size * share)) for size in pages]
        limits = pl.DataFrame(
            {"domain": pl.Series(sizes["domain"].to_numpy()), "needed": pl.Series(needed, dtype=pl.Int64)}
        )
        frame = pl.DataFrame(pl.from_arrow(candidates)).join(limits, on="domain")
        return _table(frame.filter(pl.col("pages") >= pl.col("needed")).sort("place"), TEMPLATES)

    def _at_least(self) -> int:
        return (1 << 62) if self.min_pages is None else self.min_pages


def marker(templates: pa.Table) -> Callable[[Batch], Batch]:
    """A function that fills `template_lines` of a batch with host, text and reason, by these TEMPLATES."""
    known: dict[bytes, set[bytes]] = {}
    rows = zip(*(templates[name].to_numpy().astype("<u8").tolist() for name in TEMPLATES.names), strict=True)
    for place, domain in rows:
        known.setdefault(domain.to_bytes(8, "little"), set()).add(place.to_bytes(8, "little"))

    def numbers(host: str | None, text: str | None) -> list[int] | None:
        if host is None or text is None or (domain := _domain(host)) not in known:
            return None
        places = known[domain]
        lines = enumerate(map(folded, text.split("\n")))
        return [at for at, line in lines if line and _place(domain, line) in places] or None

    def mark(batch: Batch) -> Batch:
        columns = zip(batch["host"].to_pylist(), batch["text"].to_pylist(), strict=True)
        return put(batch, template_lines=[numbers(host, text) for host, text in columns])

    return mark


def _domain(host: str) -> bytes:
    return blake2b(registered_domain(host).encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _place(domain: bytes, line: str) -> bytes:
    return blake2b(domain + line.encode(), digest_size=8).digest()


def _hash(content: bytes, size: int) -> int:
    return int.from_bytes(blake2b(content, digest_size=size).digest(), "little")


def _numbers(digests: list[bytes]) -> NDArray[np.uint64]:
    return np.frombuffer(b"".join(digests), "<u8")


def _distinct(rows: pa.Table, key: str, more: "list[pl.Expr]") -> "pl.DataFrame":
    """The pages of each key: different addresses or different texts, whichever are fewer."""
    import polars as pl

    frame = pl.DataFrame(pl.from_arrow(rows)).with_columns(
        url=pl.col("page") // (1 << 32), text=pl.col("page") % (1 << 32)
    )
    counted = frame.group_by(key).agg(pl.col("url", "text").n_unique().cast(pl.Int64), *more)
    return counted.with_columns(pages=pl.min_horizontal("url", "text"))


def _table(frame: "pl.DataFrame", schema: pa.Schema) -> pa.Table:
    return frame.select(schema.names).to_arrow().cast(schema)
