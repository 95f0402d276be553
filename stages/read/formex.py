"""Formex 4: acts of the European Union as the Official Journal publishes them, alone or in the zip of EUR-Lex.

Schema: Publications Office, Formex 4 (http://formex.publications.europa.eu). A document is an act with the annexes that
follow it in its archive or wrapper. What the columns hold:
- official_id: `celex:32016R0679`, of the basic act also for consolidated texts, so that all versions of a law share it;
  they differ by language and `version`. From a CELLAR notice beside it, from the consolidated text itself, or derived
  from number and kind of the act.
- published: the date of the act; for consolidated texts the day from which the wording applies.
- declared_licence: CC-BY-4.0, by Decision 2011/833/EU on the reuse of Commission documents.
facts: `version` (ISO date of the wording), `celex` (of this very text), `celex_basis` (notice, document or derived),
`eli`, `official_journal`, `document` (file name in the journal), `schema`, `licence_basis`, `digits_ungrouped` (how
many numbers stand without the blanks that they are printed with), `skipped` (elements left out, with their number).
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, BinaryIO

from florilegium.stages.read import Piece, Record, _celex, _xml, wrong_format
from florilegium.stages.read._archive import stored
from florilegium.stages.read._blocks import Blocks, Kind
from florilegium.stages.read._xml import Document, Options, Unreadable, line, local

__all__ = ["POSITIONS", "ROOTS", "SUFFIXES", "Options", "check", "cut", "read"]

SUFFIXES = (".fmx.xml", ".fmx4")
POSITIONS = "bytes"

ACTS = frozenset(
    {"ACT", "CONS.ACT", "CONS.DOC", "COMBINED.FMX", "CORR", "AGR", "LETTER", "GENERAL", "PROT", "DECISION"}
)
ANNEXES = frozenset({"ANNEX", "CONS.ANNEX"})
FRAMES = frozenset({"PUBLICATION", "DOC"})
"""Files that list the texts of a journal, and hold none."""
NOTICE = "NOTICE"
ROOTS = ACTS | ANNEXES | FRAMES | {NOTICE}
"""Root elements of the format."""

INLINE = (
    "HT DATE FT REF.DOC REF.DOC.OJ REF.DOC.ECR REF.DOC.SE REF.DOC.SP QUOT.START QUOT.END PERIOD ACRONYM ADDR UNIT "
    "EXPONENT IND INF SUP LINK NO.CELEX CORR.ITEM FORMULA AUTHOR"
)
SKIP = (
    "BIB.INSTANCE BIB.INSTANCE.CONS BIB.DOC BIB.OJ BIB.VOLUME BIB.DATA PUBLICATION NOTICE NOTE GR.NOTES INCL.ELEMENT "
    "IE TOC INFO.CONSLEG INFO.PROD FAM.COMP FAM.COMP.CL GR.CORRIG"
)
KINDS: dict[str, Kind] = {
    **dict.fromkeys(INLINE.split(), "inline"),
    **dict.fromkeys(SKIP.split(), "skip"),
    **dict.fromkeys(("NO.P", "NO.PARAG"), "number"),
    "BR": "break", "ROW": "row", "CELL": "cell",
}  # fmt: skip
"""CONTENTS is the body of an annex, no table of contents."""


SCHEMA = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
BASIS = "Decision 2011/833/EU"


def check(file: BinaryIO, options: Options) -> None:  # noqa: ARG001
    """See Reader."""
    _xml.check(file, ROOTS)


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:  # noqa: ARG001
    """One piece: an act cannot be cut, nor an archive."""
    return _xml.whole(size)


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """A record for each act, with its annexes. position: empty, or the path of the act's file in the archive.

    A notice in an act's folder of the archive, or in its wrapper, names the act. Notices and files that only list texts
    are `beside`. What is torn in an archive costs that file, be it an act or an annex.
    """
    notices = _notices(file, options)
    act: _Act | None = None
    found = False
    for one in stored(file, _xml.SUFFIX, options.max_bytes):
        root = _xml.root_of(one)
        if one.data and root not in ROOTS:
            continue
        found = True
        try:
            document = _xml.parsed(one, options.max_bytes)
        except Unreadable as why:
            yield Record(one.name, one.size, reason=why.reason, reason_value=why.value, reason_limit=why.limit)
            continue
        if root in FRAMES or root == NOTICE:
            yield Record(one.name, one.size, beside="notice" if root == NOTICE else "frame")
        elif act is not None and root in ANNEXES and act.takes(document, options.max_bytes):
            act.join(document)
        else:
            if act is not None:
                yield act.record()
            act = _Act(document, notices.get(_folder(one.name), {}))
    if act is not None:
        yield act.record()
    if not found:
        yield from wrong_format(piece)


class _Act:
    """An act, and what joins it."""

    def __init__(self, document: Document, notice: Mapping[str, str]) -> None:
        self._first, self._size = document, document.size
        self._blocks = Blocks(KINDS, spelt=SPELT)
        self._ungrouped = 0
        self._notice = dict(notice)
        self.join(document)

    def takes(self, annex: Document, max_bytes: int) -> bool:
        """Whether an annex belongs to the act: it stands in its folder, and both together are not too large."""
        together = self._size + annex.size
        return _folder(annex.name) == _folder(self._first.name) and together <= max_bytes

    def join(self, document: Document) -> None:
        self._size += 0 if document is self._first else document.size
        self._blocks.add(document.root)
        self._ungrouped += sum(
            len((one.text or "").strip()) > 4 for one in document.root.iter("{*}FT") if one.get("TYPE") == "NUMBER"
        )

    def record(self) -> Record:
        root = self._first.root
        act = next((one for one in root.iter("{*}ACT", "{*}CONS.DOC", "{*}CORR")), root)
        bib = act.find("{*}BIB.INSTANCE")
        title = Blocks(KINDS, spelt=SPELT)
        for one in act.iterfind("{*}TITLE/{*}TI"):
            title.add(one)
        wrapped = root.find("{*}NOTICE")
        notice = self._notice or (_celex.of_notice(wrapped) if wrapped is not None else {})
        celex, basis = _celex_of(root, act, title.lines, notice)
        basic, worded = _celex.basic(celex) if celex else (None, None)
        dated = worded or _date(_attribute(bib, "DATE", "ISO"))
        facts = {
            "version": dated,
            "celex": celex,
            "celex_basis": basis,
            "eli": notice.get("eli"),
            "official_journal": _journal(bib),
            "document": _attribute(bib, "DOCUMENT.REF", "FILE"),
            "schema": (act.get(SCHEMA) or root.get(SCHEMA) or "").rpartition("/")[2],
            "licence_basis": BASIS,
            "digits_ungrouped": str(self._ungrouped) if self._ungrouped else None,
            "skipped": self._blocks.left_out(),
        }
        record = Record(
            "",
            title=" ".join(title.lines) or None,
            declared_language=_text(bib, "LG.DOC").lower() or None,
            published=date.fromisoformat(dated) if dated else None,
            official_id=f"celex:{basic}" if basic else None,
            declared_licence="CC-BY-4.0",
            facts={name: value for name, value in facts.items() if value},
            text="\n".join(self._blocks.lines),
        )
        return replace(_xml.finished(record, self._first), bytes_in=self._size)


def _celex_of(root: Any, act: Any, title: list[str], notice: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The CELEX number of this very text, and where it is from."""
    if "celex" in notice:
        return notice["celex"], "notice"
    info = root.find("{*}INFO.CONSLEG")
    worded = (info.get("START.DATE") or "") if info is not None else ""
    base = (act.findtext("{*}FAM.COMP/{*}BIB.DATA/{*}NO.CELEX") or "").strip()
    if _date(worded) and base[:1] == "3":
        return f"0{base[1:]}-{worded}", "document"
    if local(act) != "ACT" or not title:
        return None, None
    bib = act.find("{*}BIB.INSTANCE")
    found = _celex.derived(_text(bib, "NO.DOC/{*}YEAR"), _text(bib, "NO.DOC/{*}NO.CURRENT"), title[0])
    return found, "derived" if found else None


def _notices(file: BinaryIO, options: Options) -> dict[str, dict[str, str]]:
    """What the notices of an archive say, by the folder that they stand in."""
    heads = {one.name for one in stored(file, _xml.SUFFIX, _xml.HEAD) if one.name and _xml.root_of(one) == NOTICE}
    found = {}
    for one in stored(file, _xml.SUFFIX, options.max_bytes) if heads else ():
        if one.name in heads:
            with suppress(Unreadable):
                found[_folder(one.name)] = _celex.of_notice(_xml.parsed(one, options.max_bytes).root)
    return found


def _quote(element: Any) -> str:
    """The quotation mark whose code point, hexadecimal, the empty element gives."""
    try:
        mark = chr(int(element.get("CODE", ""), 16))
    except (ValueError, OverflowError):
        return '"'
    return mark if mark.isprintable() else '"'


SPELT = {"QUOT.START": _quote, "QUOT.END": _quote}


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _text(element: Any, path: str) -> str:
    found = None if element is None else element.findtext(f"{{*}}{path}")
    return line(found or "")


def _attribute(element: Any, path: str, name: str) -> str:
    found = None if element is None else element.find(f"{{*}}{path}")
    return "" if found is None else line(found.get(name, ""))


def _date(digits: str) -> str | None:
    """20160427 as 2016-04-27; None where it is no day."""
    try:
        return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).date().isoformat()
    except ValueError:
        return None


def _journal(bib: Any) -> str | None:
    """Series, number and year: L 119, 2016. Since October 2023 each act is a number of its own: L 2024/1689."""
    series = _text(bib, "DOCUMENT.REF/{*}COLL")
    number, year = _text(bib, "DOCUMENT.REF/{*}NO.OJ"), _text(bib, "DOCUMENT.REF/{*}YEAR")
    if series and number:
        return f"{series} {number}, {year}"
    own = [_text(bib, f"DOCUMENT.REF/{{*}}NO.DOC/{{*}}{part}") for part in ("YEAR", "NO.CURRENT")]
    return f"{series} {'/'.join(own)}" if series and all(own) else None
