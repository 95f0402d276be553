"""Safe reading of XML documents: encoding, entities, limits, and what the readers of them share.

Nothing outside the file is ever loaded: no DTD, no external entity, no network. A document that declares entities is
refused before it is parsed, and so is one with more than TAGS; libxml2 bounds nesting (256) and a single text or
attribute (10 MB).
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import Annotated, Any, BinaryIO

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.read import Piece, Record, wrong_format
from florilegium.stages.read._archive import Stored, stored
from florilegium.stages.read._stream import name_of

SUFFIX = ".xml"
"""What is read of an archive."""

HEAD = 1 << 16
"""The root element begins in so many bytes, or the file is of no format that we know."""

BOM = b"\xef\xbb\xbf"
MARKS = {BOM: "utf-8", b"\xff\xfe": "utf-16le", b"\xfe\xff": "utf-16be", b"<\0": "utf-16le", b"\0<": "utf-16be"}
"""How a file begins whose encoding needs no declaration (XML 1.0, appendix F)."""

DECLARATION = re.compile(rb"""<\?xml[^>]{1,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
UNICODE = ("utf", "us-ascii", "ascii", "ucs")
MULTI_BYTE = ("gb", "big5", "euc", "shift", "sjis", "iso-2022", "windows-31j", "hz")
"""How the names of charsets begin whose declaration is obeyed: not of one byte a character."""

OPENING = re.compile(rb"[<\"']")
CLOSING = {b"<!--": b"-->", b"<?": b"?>", b'"': b'"', b"'": b"'"}
"""What may stand before the root element and holds no markup, with how it ends."""

ROOT = re.compile(rb"<(?:[^\s<>/:]{1,200}:)?([^\s<>/:]{1,200})[\s/>]")

TAGS = 4_000_000
"""Most tags of a document: lxml holds some 150 bytes for each, however short it is. Laws have one in 25 bytes."""

RESOURCE_LIMIT = 114
"""libxml2's error for nesting, texts, attributes and amplification beyond its limits: XML_ERR_RESOURCE_LIMIT."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Options:
    """What a source of XML documents may set."""

    max_bytes: Annotated[int, Field(ge=1)] = 50 << 20
    """Largest document read, in bytes; a larger one is dropped as read.too_large."""


class Unreadable(Exception):  # noqa: N818 (a state of the input, not a fault of the program)
    """Why a document cannot be read: a reason, and the value and limit where it has them."""

    def __init__(self, reason: str, value: float | None = None, limit: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.value, self.limit = reason, value, limit


@plain_dataclass(frozen=True, slots=True)
class Document:
    """A parsed document. name: its path in an archive, empty where the file is the document. size: its bytes.

    declared: the charset as declared. overridden: the declaration was not obeyed, since the bytes are UTF-8.
    """

    name: str
    size: int
    root: Any
    declared: str | None
    overridden: bool


def check(file: BinaryIO, roots: Collection[str]) -> None:
    """Raises PipelineError when neither the file nor one in the archive is XML with one of these root elements."""
    if not any(root_of(one) in roots for one in stored(file, SUFFIX, HEAD)):
        raise PipelineError(
            f"{name_of(file)}: this is not XML with one of these root elements: {', '.join(sorted(roots))}",
            "set the source's format to what the file holds",
        )


def whole(size: int) -> Iterator[tuple[int, int]]:
    """One piece: a document cannot be cut."""
    yield 0, max(size, 1)


def records(
    file: BinaryIO, piece: Piece, options: Options, roots: Collection[str], tell: Callable[[Document], Record]
) -> Iterator[Record]:
    """What `tell` makes of the file, or of each file of an archive that has one of these root elements.

    position: empty, or the path in the archive. What cannot be read gives its reason; what has no text, read.empty.
    """
    found = False
    for one in stored(file, SUFFIX, options.max_bytes):
        if not one.data or root_of(one) in roots:
            found = True
            yield told(one, options.max_bytes, tell)
    if not found:
        yield from wrong_format(piece)


def told(one: Stored, max_bytes: int, tell: Callable[[Document], Record]) -> Record:
    """What `tell` makes of one document, with its place, size and charset; or the reason why there is none."""
    try:
        document = parsed(one, max_bytes)
        record = tell(document)
    except Unreadable as why:
        return Record(one.name, one.size, reason=why.reason, reason_value=why.value, reason_limit=why.limit)
    return finished(record, document)


def finished(record: Record, document: Document) -> Record:
    """The record with its place, size and charset; read.empty where it has no text.

    facts gain `encoding_overridden` = utf-8 where the declared charset was not obeyed.
    """
    if record.beside is None and not record.text:
        record = replace(record, text=None, reason="read.empty")
    facts = dict(record.facts or {}) | ({"encoding_overridden": "utf-8"} if document.overridden else {})
    found = replace(record, position=document.name, bytes_in=document.size, declared_charset=document.declared)
    return replace(found, facts=facts or None)


def parsed(one: Stored, max_bytes: int) -> Document:
    """The document of these bytes. Raises Unreadable: damaged, with entities of its own, or beyond a limit."""
    if one.data is None:
        raise Unreadable("read.damaged")
    if not one.data:
        raise Unreadable("read.empty")
    if len(one.data) > max_bytes:
        raise Unreadable("read.too_large", float(one.size), float(max_bytes))
    declared, charset = encoding(one.data)
    data = _as_utf_8(one.data, charset)
    if prolog(data)[1]:
        raise Unreadable("read.xml_entity_declared")
    if (tags := data.count(b"<")) > TAGS:
        raise Unreadable("read.xml_over_limit", float(tags), float(TAGS))
    overridden = charset == "utf-8" and not _is(declared or "utf-8", UNICODE) and not data.isascii()
    return Document(one.name, one.size, _tree(data), declared, overridden)


def root_of(one: Stored) -> str | None:
    """The local name of a document's root element; null where none begins in the first HEAD bytes."""
    head = (one.data or b"")[:HEAD]
    _, charset = encoding(head)
    codec = None if charset == "utf-8" else _codec(charset)
    if codec is not None:
        head = codec.decode(head, "replace")[0].encode("utf-8", "replace")
    found = ROOT.match(head, prolog(head)[0])
    return found[1].decode("utf-8", "replace") if found else None


def prolog(data: bytes) -> tuple[int, bool]:
    """Where the root element begins, and whether an entity is declared before it. data: UTF-8.

    Comments, processing instructions and quoted strings are passed over: what stands in them declares nothing.
    """
    at, entities = 0, False
    while found := OPENING.search(data, at):
        at = found.start()
        opening = next((one for one in CLOSING if data.startswith(one, at)), None)
        if opening:
            end = data.find(CLOSING[opening], at + len(opening))
            at = len(data) if end < 0 else end + len(CLOSING[opening])
        elif data.startswith(b"<!", at):
            entities = entities or data.startswith(b"<!ENTITY", at)
            at += 2
        else:
            return at, entities
    return len(data), entities


def encoding(data: bytes) -> tuple[str | None, str]:
    """The charset declared, if any, and the one to read by: UTF-8 wins over a single-byte charset where it is valid.

    Some libraries declare ISO-8859-1 over bytes that are UTF-8: obeyed, each letter beyond ASCII would become two.
    """
    found = DECLARATION.match(data.removeprefix(BOM))
    declared = found[1].decode() if found else None
    mark = next((charset for begin, charset in MARKS.items() if data.startswith(begin)), None)
    if mark or declared is None or _is(declared, UNICODE):
        return declared, mark or "utf-8"
    return declared, declared.lower() if _is(declared, MULTI_BYTE) or not _is_utf_8(data) else "utf-8"


def local(element: Any) -> str:
    """The name of an element without its namespace."""
    name: str = element.tag
    return name[name.rfind("}") + 1 :]


def line(text: str) -> str:
    """The text as one line: white space of any kind, no-break spaces too, as single blanks."""
    return " ".join(text.split())


def _is(charset: str, family: tuple[str, ...]) -> bool:
    return charset.lower().startswith(family)


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _as_utf_8(data: bytes, charset: str) -> bytes:
    if charset == "utf-8":
        return data
    codec = _codec(charset)
    if codec is None:
        raise Unreadable("read.damaged")
    try:
        text: str = codec.decode(data, "strict")[0]
        return text.removeprefix("\ufeff").encode()
    except UnicodeError as error:
        raise Unreadable("read.damaged") from error


def _codec(charset: str) -> Any:
    """The codec of a charset by the WHATWG's labels; null where it has none."""
    import webencodings

    found = webencodings.lookup(charset)
    return found and found.codec_info


def _tree(data: bytes) -> Any:
    from lxml import etree

    try:
        return etree.fromstring(data, etree.XMLParser(encoding="utf-8", **SAFE))
    except etree.XMLSyntaxError as error:
        over = error.code == RESOURCE_LIMIT
        raise Unreadable("read.xml_over_limit" if over else "read.damaged") from error


SAFE: dict[str, Any] = {
    "load_dtd": False, "no_network": True, "dtd_validation": False, "resolve_entities": "internal",
    "huge_tree": False, "remove_pis": True, "remove_comments": True,
}  # fmt: skip
"""How lxml reads, whole or as a stream (iterparse)."""
