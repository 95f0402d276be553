"""What the sample says: prose, sites and pages, read from one file a language in `europe/`."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

FIRST_CAPTURE = datetime(2025, 3, 3, 6, 0, tzinfo=UTC)
BETWEEN_CAPTURES = timedelta(seconds=97)


@dataclass(frozen=True)
class Passage:
    """A text of the sample, invented throughout; one paragraph a post where there are authors.

    mask: personal data in the text and its kind. keep: what looks like personal data and is not: private addresses,
    mailboxes of an office.
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
    """A host, its name, and the design that its pages have unless they name another.

    licence: SPDX id that each page bears. marked: how: footer (`a rel=license`), link (in the head), jsonld, or mention
    (a bare link in the footer: not evidence enough). rights: allowed, reserved or unknown, as its pages, headers and
    site files say. metas, headers: what each of its pages says beside.
    """

    host: str
    name: str
    language: str
    design: str
    licence: str = ""
    marked: str = "footer"
    rights: str = "unknown"
    metas: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """One capture. Its payload is `body`, `base64`, or a design filled with passages or with paragraphs of its own.

    at: its place in the crawl, from 0. crawl: number of the WARC file.
    edits: phrases of its passages and what stands there instead, of a reprint.
    declare: where the charset is told: header, meta, bom. coding: gzip, chunked.
    reason: empty if the page is kept, else the reasons or stages of which any may drop it.
    row, rows: a line of a list page, with %d for its number, and how many.
    twin: the page that it repeats; of pages joined by twin exactly one is kept.
    rights: other than the site's.
    """

    url: str
    at: int = 0
    crawl: int = 0
    passages: Sequence[str] = ()
    edits: Mapping[str, str] = field(default_factory=dict)
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
    rights: str = ""

    @property
    def host(self) -> str:
        """The host of the address."""
        return urlsplit(self.url).hostname or ""

    @property
    def captured(self) -> datetime:
        """When the page was fetched: the crawl walks through the pages in their order."""
        return FIRST_CAPTURE + self.at * BETWEEN_CAPTURES


@dataclass(frozen=True)
class Sample:
    """All of the sample. labels: by language, what pages say around their text. register: rows of the second source."""

    passages: Mapping[str, Passage]
    sites: Mapping[str, Site]
    labels: Mapping[str, Mapping[str, Any]]
    pages: Sequence[Page]
    register: Sequence[Passage]

    def of(self, page: Page) -> Sequence[Passage]:
        """The passages that a page shows, in order, with its edits."""
        return [_edited(self.passages[key], page.edits) for key in page.passages]


def load() -> Sample:
    """The sample as its data files tell it."""
    told = {path.name.removesuffix(".toml"): tomllib.loads(path.read_text("utf-8")) for path in _files()}
    passages = [_passage(row, language) for language, one in told.items() for row in one["passages"]]
    sites = [Site(**row, language=language) for language, one in told.items() for row in one["sites"]]
    pages = sorted((page for one in told.values() for page in _pages(one)), key=lambda page: page.crawl)
    return Sample(
        passages={passage.key: passage for passage in passages},
        sites={site.host: site for site in sites},
        labels={language: one["labels"] for language, one in told.items()},
        pages=[replace(page, at=at) for at, page in enumerate(pages)],
        register=[_passage(row, language) for language, one in told.items() for row in one.get("register", ())],
    )


def _files() -> Sequence[Any]:
    return sorted((files(__package__) / "europe").iterdir(), key=lambda path: path.name)


def _pages(told: Mapping[str, Any]) -> Iterator[Page]:
    """The page of each passage that names one, then the special pages of the language."""
    for row in told["passages"]:
        if "url" in row:
            yield Page(url=row["url"], passages=(row["key"],), crawl=told["crawl"], **row.get("page", {}))
    for row in told.get("pages", ()):
        yield Page(**{"crawl": told["crawl"], **row})


def _passage(row: Mapping[str, Any], language: str) -> Passage:
    own = {name: value for name, value in row.items() if name not in ("url", "page", "text")}
    return Passage(**own, language=language, paragraphs=row["text"].strip().split("\n\n"))


def _edited(passage: Passage, edits: Mapping[str, str]) -> Passage:
    paragraphs = list(passage.paragraphs)
    for old, new in edits.items():
        paragraphs = [text.replace(old, new) for text in paragraphs]
    return replace(passage, paragraphs=paragraphs)
