"""What the sample says: passages, sites, labels and pages, read from the data files beside this module."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

FIRST_CAPTURE = datetime(2025, 3, 3, 6, 0, tzinfo=UTC)
BETWEEN_CAPTURES = timedelta(seconds=97)


@dataclass(frozen=True)
class Passage:
    """A text of the sample, invented throughout; one paragraph a post where there are authors.

    mask: personal data in the text and its kind. keep: what looks like personal data and is not (private addresses).
    """

    key: str
    language: str
    genre: str
    title: str
    paragraphs: Sequence[str]
    authors: Sequence[str] = ()
    price: str = ""
    mask: Mapping[str, str] = field(default_factory=dict)
    keep: Sequence[str] = ()


@dataclass(frozen=True)
class Site:
    """A host, its name, and the design that its pages have unless they name another."""

    host: str
    name: str
    language: str
    design: str


@dataclass(frozen=True)
class Page:
    """One capture. Its payload is `body`, `base64`, or a design filled with passages or with paragraphs of its own.

    file: number of the WARC file. declare: where the charset is told: header, meta, bom. coding: gzip, chunked.
    reason: empty if the page is kept, else the reasons or stages of which any may drop it.
    row, rows: a line of a list page, with %d for its number, and how many.
    twin: a page with the same text; of pages joined by twin exactly one is kept.
    later: expectations that need stages not in every build.
    """

    file: int
    url: str
    passages: Sequence[str] = ()
    design: str = ""
    title: str = ""
    paragraphs: Sequence[str] = ()
    row: str = ""
    rows: int = 0
    body: str | None = None
    base64: str | None = None
    type: str = "text/html"
    charset: str = "utf-8"
    declare: Sequence[str] = ("header", "meta")
    coding: Sequence[str] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    revisit: bool = False
    damaged: bool = False
    reason: Sequence[str] = ()
    twin: str | None = None
    later: Sequence[str] = ()

    @property
    def host(self) -> str:
        """The host of the address."""
        return urlsplit(self.url).hostname or ""


@dataclass(frozen=True)
class Sample:
    """All of the sample. labels: by language, what pages say around their text. register: rows of the second source."""

    passages: Mapping[str, Passage]
    sites: Mapping[str, Site]
    labels: Mapping[str, Mapping[str, Any]]
    pages: Sequence[Page]
    register: Sequence[Passage]

    def of(self, page: Page) -> Sequence[Passage]:
        """The passages that a page shows, in order."""
        return [self.passages[key] for key in page.passages]

    def captured(self, page: Page) -> datetime:
        """When the page was fetched: the crawl walks through the pages in their order."""
        return FIRST_CAPTURE + self.pages.index(page) * BETWEEN_CAPTURES


def load() -> Sample:
    """The sample as its data files tell it."""
    return Sample(
        passages={passage.key: passage for passage in (Passage(**row) for row in _rows("passages"))},
        sites={site.host: site for site in (Site(**row) for row in _rows("sites"))},
        labels={row["language"]: row for row in _rows("labels")},
        pages=[Page(**row) for row in _rows("pages")],
        register=[Passage(**row) for row in _rows("register")],
    )


def _rows(name: str) -> Iterator[dict[str, Any]]:
    text = (files(__package__) / f"{name}.jsonl").read_text("utf-8")
    return (json.loads(line) for line in text.splitlines())
