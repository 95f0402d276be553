"""Akoma Ntoso 3: acts, bills, debates and judgments of parliaments and courts.

Schema: OASIS LegalDocML 1.0; its drafts have other namespaces, so names are taken without. The text is cover page,
preface, body, conclusions, attachments and components, these in the order of a collection's references. Left out:
notes, remarks, tables of contents, page furniture. What the columns hold:
- official_id: `celex:`, `eli:` or `ecli:` with what an alias of the work gives, else `akn:` with the work's address.
  Versions of a work share it and differ by `version`.
- title: docTitle. published: the date of the work. declared_language: of the expression, ISO 639-1 where there is one.
- declared_licence: none, since the format has no place for it.
facts: `version` (date of the expression), `work` and `expression` (their addresses), `country`, `kind` (act, bill ...),
`schema` (namespace), `skipped` (elements left out, with their number).
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, BinaryIO

from florilegium.stages.read import Piece, Record, _xml
from florilegium.stages.read._blocks import Blocks, Kind
from florilegium.stages.read._xml import Document, Options, line, local

__all__ = ["POSITIONS", "ROOTS", "SUFFIXES", "Options", "check", "cut", "read"]

SUFFIXES = (".akn.xml", ".akn")
POSITIONS = "bytes"
ROOTS = frozenset({"akomaNtoso"})

INLINE = (
    "ref rref mref def term date time location person organization process role entity concept object event quantity "
    "signature b i a u sub sup span abbr ins del img inline docType docTitle docNumber docProponent docDate docStage "
    "docStatus docCommittee docIntroducer docJurisdiction docAuthority docPurpose docketNumber shortTitle session "
    "court judge lawyer party opinion neutralCitation argument outcome decoration affectedDocument relatedDocument "
    "change mod mmod rmod quotedText embeddedText extractText recordedTime vote fillIn placeholder omissis "
    "legislature courtType"
)
SKIP = "meta authorialNote noteRef remark marker toc documentRef componentRef"
KINDS: dict[str, Kind] = {
    **dict.fromkeys(INLINE.split(), "inline"),
    **dict.fromkeys(SKIP.split(), "skip"),
    **dict.fromkeys(("quotedStructure", "embeddedStructure"), "joined"),
    "num": "number", "tr": "row", "td": "cell", "th": "cell", "eol": "blank", "br": "break",
}  # fmt: skip

LANGUAGES = (
    "alb sq sqi sq baq eu eus eu bos bs bul bg cat ca hrv hr cze cs ces cs dan da dut nl nld nl eng en est et fin fi "
    "fre fr fra fr glg gl ger de deu de gre el ell el hun hu ice is isl is gle ga ita it lav lv lit lt ltz lb mac mk "
    "mkd mk mlt mt nor no nob nb nno nn pol pl por pt rum ro ron ro rus ru srp sr slo sk slk sk slv sl spa es swe sv "
    "tur tr ukr uk wel cy cym cy"
)
TWO_LETTERS = dict(zip(LANGUAGES.split()[::2], LANGUAGES.split()[1::2], strict=True))
"""ISO 639-2 to 639-1, for the languages of Europe: files mix both."""

ADDRESS = "{*}*/{*}meta/{*}identification/*/{*}FRBRthis"
ALIASES = ("celex", "ecli", "eli")


def check(file: BinaryIO, options: Options) -> None:  # noqa: ARG001
    """See Reader."""
    _xml.check(file, ROOTS)


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:  # noqa: ARG001
    """One piece: a document cannot be cut."""
    return _xml.whole(size)


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """The document, with attachments and components; of an archive each of its documents.

    position: empty, or the path in the archive.
    """
    return _xml.records(file, piece, options, ROOTS, _told)


def _told(document: Document) -> Record:
    root = document.root
    blocks = Blocks(KINDS)
    _without_furniture(root, blocks)
    for components in root.iter("{*}components"):
        _order(components, root)
    blocks.add(root)
    titles = Blocks(KINDS)
    for one in root.iter("{*}docTitle"):
        titles.add(one)
        break
    main = next((one for one in root if local(one) != "components"), None)
    about = root.find("{*}*/{*}meta/{*}identification")
    work, expression = (None if about is None else about.find(f"{{*}}FRBR{part}") for part in ("Work", "Expression"))
    language = _value(expression, "FRBRlanguage", "language").lower()
    dated = _day(_value(work, "FRBRdate", "date"))
    version = _day(_value(expression, "FRBRdate", "date")) or dated
    facts = {
        "version": version.isoformat() if version else None,
        "work": _value(work, "FRBRuri"),
        "expression": _value(expression, "FRBRuri"),
        "country": _value(work, "FRBRcountry"),
        "kind": None if main is None else local(main),
        "schema": root.tag[1:].rpartition("}")[0],
        "skipped": blocks.left_out(),
    }
    return Record(
        "",
        title=" ".join(titles.lines) or None,
        declared_language=TWO_LETTERS.get(language, language) or None,
        published=dated,
        official_id=_official(work),
        facts={name: value for name, value in facts.items() if value},
        text="\n".join(blocks.lines),
    )


def _without_furniture(root: Any, blocks: Blocks) -> None:
    """Empty what is printed on each page: containers of the cover page that are called repeatable."""
    furniture = [one for one in root.iter("{*}container") if one.get("name", "").startswith("repeatable")]
    for one in furniture:
        if any(True for _ in one.iterancestors("{*}coverPage")):
            one.clear(keep_tail=True)
            blocks.skipped["container"] += 1


def _order(components: Any, root: Any) -> None:
    """Sort components as the collection's references name them; the others stay behind those, in their order."""
    places: dict[str, int] = {}
    for at, reference in enumerate(root.iter("{*}documentRef")):
        names = reference.get("href", ""), reference.get("href", "").lstrip("#"), reference.getparent().get("eId", "")
        for name in names:
            places.setdefault(name, at)
    places.pop("", None)

    def place(component: Any) -> int:
        names = [component.get("eId", ""), *(one.get("value", "") for one in component.iterfind(ADDRESS))]
        return min((places[name] for name in names if name in places), default=len(places))

    components[:] = sorted(components, key=place)


def _official(work: Any) -> str | None:
    """The identifier that the work's aliases give, or its address."""
    aliases = () if work is None else work.iterfind("{*}FRBRalias")
    found = {kind: one.get("value", "") for one in aliases for kind in ALIASES if kind in one.get("name", "").lower()}
    for kind in ALIASES:
        if found.get(kind):
            return f"{kind}:{found[kind]}"
    address = _value(work, "FRBRuri") or _value(work, "FRBRthis").removesuffix("/!main").removesuffix("/main")
    return f"akn:{address}" if address else None


def _value(element: Any, name: str, attribute: str = "value") -> str:
    found = None if element is None else element.find(f"{{*}}{name}")
    return "" if found is None else line(found.get(attribute, ""))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
