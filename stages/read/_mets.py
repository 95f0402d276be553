"""What a METS file says of a volume: the order of its pages, and its description in MODS."""

from collections.abc import Iterator, Mapping
from datetime import date
from posixpath import dirname, join, normpath
from typing import Any
from urllib.parse import unquote

from florilegium.stages.read import Record
from florilegium.stages.read._licence import licence_of
from florilegium.stages.read._xml import line

TEXTS = ("FULLTEXT", "ALTO", "OCR", "TEXT")
"""What `fileGrp@USE` of texts says, among other words."""
HREF = "{http://www.w3.org/1999/xlink}href"

IDS = ("ark", "handle", "hdl", "urn")
"""Kinds of identifiers that are official, the most exact first."""


def order(root: Any, name: str) -> list[str]:
    """The paths of the pages' texts in their order. name: the path of the METS file, to which they are relative."""
    places = dict(_files(root, dirname(name)))
    pages = [
        (number, position, places[one])
        for position, page in enumerate(root.iterfind("{*}structMap[@TYPE='PHYSICAL']//{*}div"))
        if (number := _number(page.get("ORDER"))) is not None
        for one in _pointed(page)
        if one in places
    ]
    return list(dict.fromkeys(path for _, _, path in sorted(pages)))


def record(root: Any, facts: Mapping[str, str]) -> Record:
    """What the volume's description says, with these facts beside."""
    mods = next(root.iterfind("{*}dmdSec//{*}mods"), None)
    found = dict(facts) | {"volume": line(root.get("OBJID") or "")}
    if mods is None:
        return Record("", facts=found)
    issued = line(mods.findtext("{*}originInfo/{*}dateIssued") or "")
    rights = [one for one in mods.iterfind("{*}accessCondition") if one.get(HREF) or (one.text or "").strip()]
    found |= {"issued": issued, "rights_statement": line(rights[0].text or "") if rights else ""}
    return Record(
        "",
        title=line(mods.findtext("{*}titleInfo/{*}title") or "") or None,
        declared_language=line(mods.findtext("{*}language/{*}languageTerm") or "") or None,
        published=_day(issued),
        official_id=_official(mods),
        declared_licence=licence_of(*(one.get(HREF) for one in rights), *(one.text for one in rights)),
        facts={name: value for name, value in found.items() if value},
    )


def _files(root: Any, folder: str) -> Iterator[tuple[str, str]]:
    """The files of texts: id and path."""
    for group in root.iterfind("{*}fileSec//{*}fileGrp"):
        if any(word in (group.get("USE") or "").upper() for word in TEXTS):
            for one in group.iterfind("{*}file"):
                place = one.find("{*}FLocat")
                href = unquote(place.get(HREF) or "") if place is not None else ""
                if href and one.get("ID"):
                    yield one.get("ID"), normpath(join(folder, href.removeprefix("file://").lstrip("/")))


def _pointed(page: Any) -> Iterator[str]:
    """The ids of files that a page, not one within it, points to."""
    for pointer in page.iterfind("{*}fptr"):
        for one in (pointer, *pointer.iter("{*}area")):
            if one.get("FILEID"):
                yield one.get("FILEID")


def _number(stated: str | None) -> int | None:
    return int(stated) if stated and stated.isdecimal() and len(stated) < 10 else None


def _official(mods: Any) -> str | None:
    """The most exact of the identifiers, with its kind before it."""
    stated = {(one.get("type") or "").lower(): line(one.text or "") for one in mods.iterfind("{*}identifier")}
    kind = next((one for one in IDS if stated.get(one)), None)
    if kind is None:
        return None
    value = stated[kind]
    prefix = "handle" if kind == "hdl" else kind
    return value if value.lower().startswith(f"{prefix}:") else f"{prefix}:{value}"


def _day(issued: str) -> date | None:
    try:
        return date.fromisoformat(issued)
    except ValueError:
        return None
