"""ALTO: pages read from images, one a document, or those of a volume in the order of its METS file, in one archive.

Schemas: https://www.loc.gov/standards/alto/ (v2 to v4 and dialects of libraries), https://www.loc.gov/standards/mets/.
A text block is a line; margins (running heads, page numbers) are left out. Words divided at line ends are whole: as the
file says (SUBS_CONTENT), else as the letters and the other words of the page say. confidence: mean of String@WC outside
the margins; scales differ by engine, which `engine` names. official_id: the ark of the page, or ark, handle or URN of
the volume.
A METS file orders the pages that lie beside it in the archive (zip, tar.gz); on its own it has no text, and pages that
lie beside it in a folder are documents of their own: a unit of work is determined by the files that it reads, so a
volume is one file (`zip -r volume.zip volume/`). Its logical structure (articles across pages) is not followed.
facts of a page: `engine` (name and version of the OCR), `processed`, `image` (file), `document` (the library's number),
`page` (its number), `accuracy`, `quality` (as stated); of a volume: `engine`, `issued` (date as it is written), `pages`
(files, in order), `pages_missing`, `rights_statement`, `volume` (its id); of both: `words`, `hyphens_joined` (as the
file says), `hyphens_guessed` (by letters and words).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from florilegium.stages.read import Piece, Record, _mets, _xml, wrong_format
from florilegium.stages.read._archive import stored
from florilegium.stages.read._ocr import Page, page_of
from florilegium.stages.read._xml import Document, Options, Unreadable, line

__all__ = ["POSITIONS", "ROOTS", "SUFFIXES", "Options", "check", "cut", "read"]

SUFFIXES = (".alto.xml", ".mets.xml")
POSITIONS = "bytes"
METS = "mets"
ROOTS = frozenset({"alto", METS})
"""Root elements of the format."""


def check(file: BinaryIO, options: Options) -> None:  # noqa: ARG001
    """See Reader."""
    _xml.check(file, ROOTS)


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:  # noqa: ARG001
    """One piece: neither a page nor a volume can be cut."""
    return _xml.whole(size)


@dataclass
class _Volume:
    """A METS file, and its pages as far as they have been read."""

    document: Document
    order: Sequence[str]
    pages: dict[str, Page] = field(default_factory=dict)


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """A record for each volume and for each page of none. position: empty, or the path in the archive.

    Pages of a volume are `beside`; one that cannot be read gives its reason, and the volume is read without it.
    """
    volumes = list(_volumes(file, options))
    places = {name: volume for volume in volumes for name in volume.order}
    found = False
    for one in stored(file, _xml.SUFFIX, options.max_bytes):
        root = _xml.root_of(one)
        if one.data and root not in ROOTS:
            continue
        found = True
        if root == METS and any(volume.document.name == one.name for volume in volumes):
            continue
        try:
            document = _xml.parsed(one, options.max_bytes)
            page = page_of(document.root)
        except Unreadable as why:
            yield Record(one.name, one.size, reason=why.reason, reason_value=why.value, reason_limit=why.limit)
            continue
        if one.name in places:
            places[one.name].pages[one.name] = page
            yield Record(one.name, one.size, beside="page")
        else:
            yield _xml.finished(_page(document.root, page), document)
    yield from (_bound(volume) for volume in volumes)
    if not found:
        yield from wrong_format(piece)


def _volumes(file: BinaryIO, options: Options) -> Iterator[_Volume]:
    """The METS files that can be read."""
    heads = {one.name for one in stored(file, _xml.SUFFIX, _xml.HEAD) if _xml.root_of(one) == METS}
    for one in stored(file, _xml.SUFFIX, options.max_bytes) if heads else ():
        if one.name in heads:
            try:
                document = _xml.parsed(one, options.max_bytes)
            except Unreadable:
                continue  # `read` meets it again, and gives the reason
            yield _Volume(document, _mets.order(document.root, document.name))


def _bound(volume: _Volume) -> Record:
    """A volume as a record: its pages in order."""
    there = [volume.pages[name] for name in volume.order if name in volume.pages]
    counts = sum((Counter(page.counts) for page in there), Counter())
    facts = {
        "pages": " ".join(volume.order),
        "pages_missing": " ".join(name for name in volume.order if name not in volume.pages),
        "engine": next((page.engine for page in there if page.engine), ""),
        **{name: str(number) for name, number in counts.items()},
    }
    record = _mets.record(volume.document.root, {name: value for name, value in facts.items() if value})
    text = "\n".join(text for page in there for text in page.blocks)
    mean = _mean([value for page in there for value in page.confidences])
    return _xml.finished(replace(record, text=text, confidence=mean), volume.document)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _page(root: Any, page: Page) -> Record:
    ark = line(root.findtext("{*}Description/{*}sourceImageInformation/{*}fileIdentifier") or "")
    return Record(
        "",
        declared_language=page.language,
        official_id=ark if ark.startswith("ark:") else None,
        confidence=_mean(page.confidences),
        facts=dict(page.facts) | {name: str(number) for name, number in page.counts.items() if number},
        text="\n".join(page.blocks),
    )
