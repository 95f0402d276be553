"""German federal law as gesetze-im-internet.de publishes it: one XML file a law, alone or in its xml.zip.

DTD: gii-norm 1.01, which is named in the files and never loaded. Left out: tables of contents, repealed norms and
paragraphs, footnotes and editors' notes, the list of directives in a law's head. What the columns hold:
- official_id: `doknr:BJNR001950896`, shared by all versions of a law, which differ by `version`.
- title: the long one. published: the day the law was made. declared_licence: official works are free (s. 5 UrhG).
facts: `version` (day of the build), `abbreviation`, `published_in` (gazette and place), `state` (last amendment),
`licence_basis`, `skipped` (elements left out, with their number).
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, BinaryIO

from florilegium.stages.read import Piece, Record, _xml
from florilegium.stages.read._blocks import Blocks, Kind
from florilegium.stages.read._xml import Document, Options, line

__all__ = ["POSITIONS", "ROOTS", "SUFFIXES", "Options", "check", "cut", "read"]

SUFFIXES = (".gii.xml",)
POSITIONS = "bytes"
ROOTS = frozenset({"dokumente"})

INLINE = "B I U SP SUP SUB F NB small ABWFORMAT Citation Revision Split Accolade QuoteL QuoteR FILE IMG"
SKIP = "FnR FnArea Footnotes Footnote fussnoten noindex kommentar TOC"
KINDS: dict[str, Kind] = {
    **dict.fromkeys(INLINE.split(), "inline"),
    **dict.fromkeys(SKIP.split(), "skip"),
    **dict.fromkeys(("DT", "Ident"), "number"),
    "BR": "break", "row": "row", "entry": "cell",
}  # fmt: skip
"""A list (DL) stands inside a paragraph (P), which goes on behind it: items and what follows are lines of their own."""

CONTENTS = frozenset({"Inhaltsübersicht", "Inhaltsverzeichnis"})
REPEALED = re.compile(r"(?:\S{1,8} )?\(weggefallen\)")


def check(file: BinaryIO, options: Options) -> None:  # noqa: ARG001
    """See Reader."""
    _xml.check(file, ROOTS)


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:  # noqa: ARG001
    """One piece: a law cannot be cut."""
    return _xml.whole(size)


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """The law; of an archive each of its laws. position: empty, or the path in the archive."""
    return _xml.records(file, piece, options, ROOTS, _law)


def _law(document: Document) -> Record:
    blocks = Blocks(KINDS)
    norms = document.root.findall("norm")
    for norm in norms:
        _add(norm, blocks)
    head = norms[0].find("metadaten") if norms else None
    made = _day(_text(head, "ausfertigung-datum"))
    number = document.root.get("doknr") or (norms[0].get("doknr") if norms else None)
    built = document.root.get("builddate", "")
    version = _day(f"{built[:4]}-{built[4:6]}-{built[6:8]}")
    facts = {
        "version": version.isoformat() if version else None,
        "abbreviation": _text(head, "jurabk"),
        "published_in": line(f"{_text(head, 'fundstelle/periodikum')} {_text(head, 'fundstelle/zitstelle')}"),
        "state": _state(head),
        "licence_basis": "s. 5 UrhG",
        "skipped": blocks.left_out(),
    }
    return Record(
        "",
        title=_text(head, "langue") or None,
        declared_language="de",
        published=made,
        official_id=f"doknr:{number}" if number else None,
        declared_licence="LicenseRef-PD-DE-UrhG-5",
        facts={name: value for name, value in facts.items() if value},
        text="\n".join(one for one in blocks.lines if not REPEALED.fullmatch(one)),
    )


def _add(norm: Any, blocks: Blocks) -> None:
    """The lines of a norm: heading or number and title, then its body. The head of the law has none."""
    about = norm.find("metadaten")
    if about is None or about.find("langue") is not None:
        return
    number, title = _text(about, "enbez"), _text(about, "titel")
    if title == "(weggefallen)" or number.startswith("(XXXX)"):
        return
    bodies = norm.findall("textdaten/text")
    if number in CONTENTS or any(body.find("TOC") is not None for body in bodies):
        blocks.skipped["TOC"] += 1
        return
    unit = "gliederungseinheit"
    heading = f"{_text(about, f'{unit}/gliederungsbez')} {_text(about, f'{unit}/gliederungstitel')}"
    blocks.put(f"{number} {title}" if number or title else heading)
    for body in bodies:
        blocks.add(body)


def _state(head: Any) -> str:
    """The last amendment, as the last remark on the law's state says."""
    remarks = [] if head is None else head.findall("standangabe/standkommentar")
    return line("".join(remarks[-1].itertext())) if remarks else ""


def _text(element: Any, path: str) -> str:
    """All text of the first element there, as one line."""
    found = None if element is None else element.find(path)
    return "" if found is None else line(" ".join(found.itertext()))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
