"""ParlaMint TEI: what was said in a sitting of a parliament, one line a segment of speech.

Schema: https://clarin-eric.github.io/ParlaMint/. Speeches are `u`, their text stands in `u/seg`; headings, notes (also
those that name the speaker) and what happened in the chamber are left out. A sitting is a document for each language
that was spoken in it, by the `xml:lang` of the segment. Roots of a corpus and lists of persons, and the linguistically
annotated twins (`.ana.xml`) of the files, are beside documents. A language of less than a tenth of the segments (a
quotation, or a detector's mistake) stays where it was spoken, in the document of the most frequent one.
- official_id: `handle:11356/1859#ParlaMint-ES-CT_2015-10-26-0101`: the handle is the corpus', the rest the file's.
- published: day of the sitting. declared_licence: of the header.
facts: `sitting` (the file's id), `term`, `meeting` (their numbers), `speakers` (ids, in order of their first speech),
`speeches`, `segments`, `chair_segments` (those spoken by the chair: procedure, mostly), `languages` (of the segments,
with their number, where there are several), `words_stated` (by the header, of all languages together), `source`
(address of the parliament), `skipped` (elements left out of the segments, with their number).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any, BinaryIO

from florilegium.stages.read import Piece, Record, _xml, wrong_format
from florilegium.stages.read._archive import stored
from florilegium.stages.read._blocks import Blocks, Kind
from florilegium.stages.read._licence import licence_of
from florilegium.stages.read._xml import Document, Options, Unreadable, line

__all__ = ["POSITIONS", "ROOTS", "SUFFIXES", "Options", "check", "cut", "read"]

SUFFIXES = (".tei.xml", ".tei")
POSITIONS = "bytes"

BESIDE = frozenset({"teiCorpus", "listPerson", "listOrg", "taxonomy"})
ROOTS = BESIDE | {"TEI"}
"""Root elements of the format; BESIDE are those of files that describe a corpus."""

KINDS: dict[str, Kind] = {
    "seg": "block",
    **dict.fromkeys(("head", "note", "kinesic", "vocal", "incident", "gap", "desc"), "skip"),
}
RARE = 10
"""A language of less than one segment in so many has no document of its own."""

LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
ID = "{http://www.w3.org/XML/1998/namespace}id"


def check(file: BinaryIO, options: Options) -> None:  # noqa: ARG001
    """See Reader."""
    _xml.check(file, ROOTS)


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:  # noqa: ARG001
    """One piece: a sitting cannot be cut, nor an archive."""
    return _xml.whole(size)


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """A record for each sitting and language.

    position: empty or the path in the archive; for every language but the sitting's first one, `@` and the language.
    """
    found = False
    for one in stored(file, _xml.SUFFIX, options.max_bytes):
        root = _xml.root_of(one)
        if one.data and root not in ROOTS:
            continue
        found = True
        if root in BESIDE:
            yield Record(one.name, one.size, beside="corpus")
            continue
        try:
            yield from _sitting(_xml.parsed(one, options.max_bytes))
        except Unreadable as why:
            yield Record(one.name, one.size, reason=why.reason, reason_value=why.value, reason_limit=why.limit)
    if not found:
        yield from wrong_format(piece)


def _sitting(document: Document) -> Iterator[Record]:
    if document.root.get(ID, "").endswith(".ana") or document.name.endswith(".ana.xml"):
        yield Record(document.name, document.size, beside="annotated")
        return
    header = _header(document.root)
    spoken = _spoken(document.root, header.declared_language)
    if not spoken:
        yield _xml.finished(header, document)
    for number, (language, said) in enumerate(spoken.items()):
        facts = dict(header.facts or {}) | said.facts()
        one = replace(header, declared_language=language or None, facts=facts, text="\n".join(said.blocks.lines))
        one = _xml.finished(one, document)
        yield replace(one, position=f"{one.position}@{language}", bytes_in=0) if number else one


class _Said:
    """What was said in one language."""

    def __init__(self) -> None:
        self.blocks = Blocks(KINDS, "inline")
        self.speakers: dict[str, None] = {}
        self.speeches: set[int] = set()
        self.by_chair = 0
        self.languages: Counter[str] = Counter()

    def facts(self) -> dict[str, str]:
        several = sorted(self.languages.items()) if len(self.languages) > 1 else []
        found = {
            "speeches": str(len(self.speeches)),
            "segments": str(self.languages.total()),
            "chair_segments": str(self.by_chair),
            "languages": ", ".join(f"{language or 'und'} {number}" for language, number in several),
            "speakers": " ".join(self.speakers),
            "skipped": self.blocks.left_out() or "",
        }
        return {name: value for name, value in found.items() if value}


def _spoken(root: Any, otherwise: str | None) -> dict[str, _Said]:
    """What was said, by language, in the order in which each was first spoken."""
    speeches = root.findall("{*}text//{*}u")
    segments = [
        (number, speech, one, one.get(LANGUAGE) or speech.get(LANGUAGE) or otherwise or "")
        for number, speech in enumerate(speeches)
        for one in speech.findall("{*}seg") or [speech]
    ]
    counts = Counter(language for *_, language in segments)
    first = max(counts, key=counts.__getitem__, default="")
    found: dict[str, _Said] = {}
    for number, speech, one, language in segments:
        said = found.setdefault(language if counts[language] * RARE >= len(segments) else first, _Said())
        said.blocks.add(one)
        said.languages[language] += 1
        said.by_chair += "#chair" in (speech.get("ana") or "").split()
        said.speeches.add(number)
        said.speakers[(speech.get("who") or "").removeprefix("#")] = None
    return {language: said for language, said in found.items() if said.blocks.lines}


def _header(root: Any) -> Record:
    """What the header says of the sitting, as a record without text."""
    language, sitting = root.get(LANGUAGE), root.get(ID)
    header = root.find("{*}teiHeader/{*}fileDesc")
    if header is None:
        return Record("", declared_language=language)
    published, source = header.find("{*}publicationStmt"), header.find("{*}sourceDesc/{*}bibl")
    licence = None if published is None else published.find("{*}availability/{*}licence")
    facts = {
        "sitting": sitting,
        "term": _numbered(header, "#parla.term"),
        "meeting": _numbered(header, "#parla.meeting"),
        "words_stated": next(
            (one.get("quantity") for one in header.iter("{*}measure") if one.get("unit") == "words"), ""
        ),
        "source": line(source.findtext("{*}idno") or "") if source is not None else "",
    }
    return Record(
        "",
        title=_title(header, language),
        declared_language=language,
        published=_day(root),
        official_id=_handle(published, sitting),
        declared_licence=None if licence is None else licence_of(licence.get("target"), licence.text),
        facts={name: value for name, value in facts.items() if value},
    )


def _title(header: Any, language: str | None) -> str | None:
    """The main title in the sitting's language, else the first."""
    titles = [one for one in header.iterfind("{*}titleStmt/{*}title") if one.get("type", "main") == "main"]
    own = [one for one in titles if one.get(LANGUAGE) == language] or titles
    return line("".join(own[0].itertext())) or None if own else None


def _day(root: Any) -> date | None:
    """Day of the sitting: of the source, else of the setting."""
    for path in ("fileDesc/{*}sourceDesc/{*}bibl/{*}date", "profileDesc/{*}settingDesc/{*}setting/{*}date"):
        for one in root.iterfind(f"{{*}}teiHeader/{{*}}{path}"):
            try:
                return date.fromisoformat(one.get("when", ""))
            except ValueError:
                continue
    return None


def _handle(published: Any, sitting: str | None) -> str | None:
    for one in published.iterfind("{*}idno") if published is not None else ():
        _, found, handle = (one.text or "").partition("hdl.handle.net/")
        if found and handle.strip() and sitting:
            return f"handle:{handle.strip()}#{sitting}"
    return None


def _numbered(header: Any, kind: str) -> str | None:
    """The number of the term or meeting."""
    for one in header.iterfind("{*}titleStmt/{*}meeting"):
        if kind in (one.get("ana") or "").split():
            return one.get("n") or None
    return None
