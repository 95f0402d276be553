"""MediaWiki XML dumps (Wikipedia and its sisters): the articles as plain text, from plain, gzip or bzip2 files.

Format: https://www.mediawiki.org/wiki/Help:Export. Each page is parsed alone: damage costs a page, and
memory is bounded by one.

A document is an article (namespace 0) in its last revision. Redirects are dropped as read.redirect, pages that are no
wikitext (Wikidata's items) as read.not_text; other namespaces are beside documents. The licence is that of Wikimedia's
projects, by host, and `licence_basis` says so; the dump states none, and that of another wiki is not known. Facts:
`page`, `revision` (their numbers), `version` (time of the revision), `site` (dewiki), `licence_basis`. Contributors are
not read. Files whose names end otherwise (`...xml-p1p297012.bz2`) need `format: mediawiki`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, BinaryIO
from urllib.parse import quote

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.read import Piece, Record, _wiki_dump, _wikitext, _xml, host_of, wrong_format
from florilegium.stages.read._archive import Stored
from florilegium.stages.read._stream import BLOCK, Window, name_of

SUFFIXES = (".xml.bz2", ".xml.gz")
POSITIONS = "bytes"
ROOTS = frozenset({"mediawiki"})

LICENCES = {
    f"{project}.org": "CC-BY-SA-4.0"
    for project in ("wikipedia", "wiktionary", "wikibooks", "wikiquote", "wikisource", "wikiversity", "wikivoyage")
}
"""Wikimedia's Terms of Use, section 7 (June 2023): text is under CC BY-SA 4.0; Wikinews differs and is not named."""

BASIS = "inferred from the host: Wikimedia Terms of Use, section 7"

MEDIA = frozenset({"file", "image", "media", "category"})
"""Namespaces whose links are no text, by their canonical names; `siteinfo` gives those of the language."""
MEDIA_KEYS = frozenset({"-2", "6", "14"})


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Options:
    """What a source of MediaWiki dumps may set."""

    max_bytes: Annotated[int, Field(ge=1)] = 50 << 20
    """Largest page read, in bytes of XML with all revisions that the dump holds; read.too_large beyond it."""


def check(file: BinaryIO, options: Options) -> None:  # noqa: ARG001
    """See Reader."""
    if not _wiki_dump.is_dump(Window(file)):
        raise PipelineError(
            f"{name_of(file)}: this is not a MediaWiki XML dump", "set the source's format to what the file holds"
        )


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:  # noqa: ARG001
    """Pieces of `target` bytes, which own the pages (bzip2: the streams) that begin in them; gzip is one piece."""
    window = Window(file)
    step = target if _wiki_dump.is_dump(window) and not _wiki_dump.whole(window) else max(size, 1)
    for start in range(0, max(size, 1), step):
        yield start, min(start + step, max(size, 1))


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """A record for each page. position: the byte at which it begins; for bzip2, that of its stream and `+` its own."""
    window = Window(file)
    if not _wiki_dump.is_dump(window):
        yield from wrong_format(piece)
        return
    site = _site(window)
    for page in _wiki_dump.pages(window, piece.start, piece.end, options.max_bytes):
        yield _record(page, site, options)


@plain_dataclass(frozen=True, slots=True)
class _Site:
    """What the head of a dump says. media: namespaces, lower case, whose links are no text."""

    language: str | None = None
    name: str | None = None
    base: str | None = None
    media: frozenset[str] = MEDIA


def _site(window: Window) -> _Site:
    head = _wiki_dump.head(window, BLOCK)
    head = head[: head.find(b"</siteinfo>") + len(b"</siteinfo>")] if b"</siteinfo>" in head else b""
    at = head.find(b"<siteinfo>")
    try:
        tree = _xml.parsed(Stored("", len(head), head[at:] if at >= 0 else b""), BLOCK).root
    except _xml.Unreadable:
        return _Site()
    language = re.search(rb'<mediawiki[^>]{0,1000}xml:lang="([A-Za-z0-9-]{2,35})"', head)
    spaces = {one.text.lower() for one in tree.iterfind("namespaces/namespace") if _is_media(one)}
    base = tree.findtext("base")
    return _Site(
        language[1].decode() if language else None,
        tree.findtext("dbname") or None,
        base.rpartition("/")[0] + "/" if base and "/" in base else None,
        MEDIA | spaces,
    )


def _is_media(namespace: Any) -> bool:
    return bool(namespace.text) and namespace.get("key") in MEDIA_KEYS


SPACE = re.compile(rb"<ns>(-?\d{1,9})</ns>")


def _record(page: _wiki_dump.Page, site: _Site, options: Options) -> Record:
    position = page.position
    if page.data is None:
        if not page.length:
            return Record(position, reason="read.damaged")
        size, limit = float(page.length), float(options.max_bytes)
        return Record(position, page.length, reason="read.too_large", reason_value=size, reason_limit=limit)
    space = SPACE.search(page.data, 0, 1 << 12)
    if space and int(space[1]):
        return Record(position, beside="other_namespace")
    try:
        return _article(_xml.parsed(Stored("", page.length, page.data), options.max_bytes).root, site, page)
    except _xml.Unreadable as why:
        return Record(position, page.length, reason=why.reason, reason_value=why.value, reason_limit=why.limit)


def _article(page: Any, site: _Site, stored: _wiki_dump.Page) -> Record:
    title = page.findtext("title")
    revision = (page.findall("revision") or [page])[-1]
    at = revision.findtext("timestamp") or ""
    licence = _licence(site.base)
    facts = {
        "page": page.findtext("id"), "revision": revision.findtext("id"), "version": at, "site": site.name,
        "licence_basis": BASIS if licence else None,
    }  # fmt: skip
    url = site.base + quote(title.replace(" ", "_"), safe="/:@!$*(),;~") if site.base and title else None
    record = Record(
        stored.position,
        stored.length,
        record_id=facts["page"] or None,
        url=url,
        title=title or None,
        declared_language=site.language,
        published=_day(at),
        declared_licence=licence,
        facts={name: value for name, value in facts.items() if value},
    )
    if page.find("redirect") is not None:
        return replace(record, reason="read.redirect")
    if (revision.findtext("model") or "wikitext") != "wikitext":
        return replace(record, reason="read.not_text")
    text = _wikitext.plain(revision.findtext("text") or "", site.media)
    return replace(record, text=text) if text else replace(record, reason="read.empty")


def _licence(base: str | None) -> str | None:
    host = host_of(base) or ""
    return next((licence for name, licence in LICENCES.items() if host == name or host.endswith("." + name)), None)


def _day(timestamp: str) -> date | None:
    try:
        return date.fromisoformat(timestamp[:10])
    except ValueError:
        return None
