"""What the XMP packet of a PDF states: rights, licence, reservation of text and data mining, title, language, date.

Format: ISO 16684-1. The packet stands in the file as it is (so that programs find it without reading PDF) or deflated.
Namespaces: Dublin Core, xmpRights, Creative Commons (`cc:license`), TDM reservation protocol (`tdm:reservation`,
`tdm:policy`, https://www.w3.org/community/reports/tdmrep/).
"""

import re
import zlib
from collections.abc import Iterator
from datetime import date
from typing import Any

from florilegium.stages.read import _xml
from florilegium.stages.read._archive import Stored

RIGHTS = ("rights", "usage_terms", "web_statement", "copyrighted", "tdm_reservation", "tdm_policy")
LICENCE = ("licence", "web_statement", "usage_terms", "rights")
"""Where a licence may be named, the most explicit first."""

LARGEST, MOST = 1 << 20, 64
"""Bytes of a packet, and packets looked at."""

PACKET = re.compile(rb"<(?:x:xmpmeta|rdf:RDF)\b")
ENDS = {b"<x:xmpmeta": b"</x:xmpmeta>", b"<rdf:RDF": b"</rdf:RDF>"}
STREAM = re.compile(rb"/Subtype\s*/XML\b[^>]{0,200}>>\s*stream\r?\n")
MAIN = b"application/pdf"

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
DC = "{http://purl.org/dc/elements/1.1/}"
XMP = "{http://ns.adobe.com/xap/1.0/}"
XMP_RIGHTS = "{http://ns.adobe.com/xap/1.0/rights/}"
TDM = ("{http://www.w3.org/ns/tdmrep/}", "{http://www.w3.org/ns/tdmrep#}", "{http://www.w3.org/ns/tdmrep}")
NAMES = {
    f"{DC}rights": "rights",
    f"{DC}title": "title",
    f"{DC}creator": "author",
    f"{DC}language": "language",
    f"{DC}date": "date",
    f"{XMP}CreateDate": "date",
    f"{XMP_RIGHTS}WebStatement": "web_statement",
    f"{XMP_RIGHTS}UsageTerms": "usage_terms",
    f"{XMP_RIGHTS}Marked": "copyrighted",
    "{http://creativecommons.org/ns#}license": "licence",
    "{http://web.resource.org/cc/}license": "licence",
    **{f"{space}reservation": "tdm_reservation" for space in TDM},
    **{f"{space}policy": "tdm_policy" for space in TDM},
}


def read(payload: bytes) -> dict[str, str]:
    """What the document's packet states, by the names of NAMES; the last one counts, as later versions are appended."""
    packets = list(_packets(payload))
    for packet in [*reversed([one for one in packets if MAIN in one]), *reversed(packets)]:
        if found := _stated(packet):
            return found
    return {}


def day(stated: str | None) -> date | None:
    """The day of an ISO 8601 date or time; null where it is none, or only a year."""
    try:
        return date.fromisoformat((stated or "")[:10])
    except ValueError:
        return None


def _packets(payload: bytes) -> Iterator[bytes]:
    at = 0
    for _ in range(MOST):
        found = PACKET.search(payload, at)
        if found is None:
            break
        end = payload.find(ENDS[found.group()], found.start(), found.start() + LARGEST)
        if end >= 0:
            yield payload[found.start() : end + len(ENDS[found.group()])]
        at = found.end() if end < 0 else end
    for number, found in enumerate(STREAM.finditer(payload)):
        if number == MOST:
            return
        try:
            inflated = zlib.decompressobj().decompress(payload[found.end() : found.end() + LARGEST], LARGEST)
        except zlib.error:
            continue
        start, end = inflated.find(b"<rdf:RDF"), inflated.rfind(b"</rdf:RDF>")
        if 0 <= start < end:
            yield inflated[start : end + len(b"</rdf:RDF>")]


def _stated(packet: bytes) -> dict[str, str]:
    try:
        root = _xml.parsed(Stored("", len(packet), packet), LARGEST).root
    except _xml.Unreadable:
        return {}
    found: dict[str, str] = {}
    for description in root.iter(f"{RDF}Description"):
        for name, value in description.attrib.items():
            if name in NAMES:
                found.setdefault(NAMES[name], _xml.line(value))
        for one in description.iterchildren("*"):
            value = _value(one) if one.tag in NAMES else ""
            if value:
                found.setdefault(NAMES[one.tag], value)
    return {name: value for name, value in found.items() if value}


def _value(element: Any) -> str:
    """A property's value: its resource, the default or first of its alternatives, or its text; lists joined."""
    if resource := element.get(f"{RDF}resource"):
        return _xml.line(resource)
    items = list(element.iter(f"{RDF}li"))
    if not items:
        return _xml.line("".join(element.itertext()))
    texts = [_xml.line("".join(one.itertext())) for one in items]
    if element.find(f"{RDF}Alt") is not None:
        return texts[0]
    return ", ".join(text for text in texts if text)
