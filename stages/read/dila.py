"""French law and case law as the DILA publishes it: LEGI, JORF, KALI, CASS, JADE, CONSTIT, CNIL, one file a document.

Roots and elements after the documentation of the open data of Légifrance; the text is HTML inside BLOC_TEXTUEL/CONTENU
at any depth. Left out: summaries, editors' notes, links. Files that only say how a text is built are `beside`. In a
bundle (tar.gz, zip) that has a law of LEGI with its structure, the law is one document of its articles in force
(`_legi`); elsewhere each article is one, and its place is a fact. What the columns hold:
- official_id: `ecli:` of a decision; else `legi:` with the publisher's id, of an article that of its first version, so
  that all versions share it and differ by `version`; of a law its LEGITEXT.
- title: Article L. 900-1, the full title of a text, the title of a decision. published: the day of the text, of the
  decision, or from which the version of an article applies.
- declared_licence: etalab-2.0, as the publisher offers all of it.
facts: `version` (first day in force, or of the text; of a law, of its youngest article), `valid_until` (where it
ends), `state` (VIGUEUR, ABROGE ...), `id` (of this very version), `kind` (NATURE), `work` (text that an article is part
of), `heading` (path of headings, joined by >), `eli`, `nor`, `court`, `number`, `licence_basis`, `skipped` (elements
left out, with their number); of a law `articles`, and `articles_missing` of those that its structure names.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby
from typing import Any, BinaryIO

from florilegium.stages.read import Piece, Record, _legi, _xml, wrong_format
from florilegium.stages.read._archive import Stored, stored
from florilegium.stages.read._blocks import Blocks, Kind
from florilegium.stages.read._xml import Document, Options, line, local

__all__ = ["POSITIONS", "ROOTS", "SUFFIXES", "Options", "check", "cut", "read"]

SUFFIXES = (".dila.xml",)
POSITIONS = "bytes"

STRUCTURES = frozenset({"SECTION_TA", "TEXTELR", "TEXTE_VERSION"})
DECISIONS = frozenset({"TEXTE_JURI_JUDI", "TEXTE_JURI_ADMIN", "TEXTE_JURI_CONSTIT"})
ROOTS = STRUCTURES | DECISIONS | {"ARTICLE", "TEXTE", "TEXTE_CNIL"}

INLINE = "a abbr acronym b big cite code em font i ins q s small span strong sub sup tt u"
SKIP = (
    "META NOTICE NOTA ABRO RECT SM SOMMAIRE LIENS VERSIONS CONTEXTE TP VISAS SIGNATAIRES TITRE_TXT del script style img"
)
KINDS: dict[str, Kind] = {
    **dict.fromkeys(INLINE.split(), "inline"),
    **dict.fromkeys(SKIP.split(), "skip"),
    "br": "break", "tr": "row", "td": "cell", "th": "cell",
}  # fmt: skip
OPEN = "2999-01-01"
"""The publisher's day for what has no end, or is not known yet."""


def check(file: BinaryIO, options: Options) -> None:  # noqa: ARG001
    """See Reader."""
    _xml.check(file, ROOTS)


def cut(file: BinaryIO, size: int, target: int, options: Options) -> Iterator[tuple[int, int]]:  # noqa: ARG001
    """One piece: a document cannot be cut."""
    return _xml.whole(size)


def read(file: BinaryIO, piece: Piece, options: Options) -> Iterator[Record]:
    """The article, text or decision; of an archive each of them, and laws. position: empty, or the path therein."""
    found = False
    every = stored(file, _xml.SUFFIX, options.max_bytes)
    for law, files in groupby(every, lambda one: _legi.folder(one.name)):
        mine = (one for one in files if not one.data or _xml.root_of(one) in ROOTS)
        records = _legi.joined(mine, options.max_bytes, _told) if law else _singly(mine, options)
        for record in records:
            found = True
            yield record
    if not found:
        yield from wrong_format(piece)


def _singly(files: Iterable[Stored], options: Options) -> Iterator[Record]:
    for one in files:
        yield _xml.told(one, options.max_bytes, _told)


def _told(document: Document) -> Record:
    root = document.root
    kind = local(root)
    if kind in STRUCTURES:
        return Record("", beside="structure")
    blocks = Blocks(KINDS)
    title = _title(root)
    if kind == "TEXTE":
        blocks.put(title)
    _parts(root, "VISAS", blocks)
    _bodies(root, blocks)
    _parts(root, "SIGNATAIRES", blocks)
    own = _common(root, "ID")
    ecli = _text(root, ".//ECLI")
    first = _first_version(root) or own
    applies = _day(_text(root, ".//META_ARTICLE/DATE_DEBUT"))
    dated = _day(_text(root, ".//DATE_TEXTE")) or _day(_text(root, ".//DATE_DEC")) or applies
    version = applies or _day(_text(root, ".//META_TEXTE_VERSION/DATE_DEBUT")) or dated
    until = _day(_text(root, "META/META_SPEC/*/DATE_FIN"))
    facts = {
        "version": version.isoformat() if version else None,
        "valid_until": until.isoformat() if until else None,
        "state": _text(root, "META/META_SPEC/*/ETAT"),
        "id": own,
        "kind": _common(root, "NATURE"),
        "work": _text(root, "CONTEXTE/TEXTE/TITRE_TXT"),
        "heading": " > ".join(line("".join(one.itertext())) for one in root.iterfind("CONTEXTE//TITRE_TM")),
        "eli": _common(root, "ID_ELI"),
        "nor": _text(root, ".//NOR"),
        "court": _text(root, ".//JURIDICTION"),
        "number": _text(root, ".//META_JURI/NUMERO"),
        "licence_basis": "DILA, Licence Ouverte 2.0",
        "skipped": blocks.left_out(),
    }
    identified = f"ecli:{ecli}" if ecli else f"legi:{first}" if first else None
    return Record(
        "",
        title=title or None,
        declared_language="fr",
        published=dated,
        official_id=identified,
        declared_licence="etalab-2.0",
        facts={name: value for name, value in facts.items() if value},
        text="\n".join(blocks.lines),
    )


def _title(root: Any) -> str:
    number = _text(root, "META/META_SPEC/META_ARTICLE/NUM")
    named = _text(root, ".//TITREFULL") or _text(root, "META/META_SPEC/META_JURI/TITRE")
    return named or (f"Article {number}" if number else "")


def _parts(root: Any, name: str, blocks: Blocks) -> None:
    for part in root.iterfind(f"{name}/CONTENU"):
        blocks.add(part)


def _bodies(root: Any, blocks: Blocks) -> None:
    """What stands in BLOC_TEXTUEL, at any depth, with the numbers of articles and the headings before it."""
    left = [(root, iter(root))]
    while left:
        parent, children = left[-1]
        one = next(children, None)
        if one is None:
            left.pop()
            continue
        name = local(one)
        if name == "BLOC_TEXTUEL":
            blocks.add(one)
        elif KINDS.get(name) == "skip":
            blocks.skipped[name] += name not in ("VISAS", "SIGNATAIRES")
        elif name == "TITRE_TA" or (name == "NUM" and local(parent) == "ARTICLE"):
            printed = line("".join(one.itertext()))
            blocks.put(printed if name == "TITRE_TA" or not printed else f"Article {printed}")
        else:
            left.append((one, iter(one)))


def _first_version(root: Any) -> str | None:
    """The id of an article's first version: the file lists all, by the day from which they apply."""
    versions = [(one.get("debut", ""), one.get("id", "")) for one in root.iterfind("VERSIONS/VERSION/LIEN_ART")]
    return min((one for one in versions if one[1]), default=("", ""))[1] or None


def _common(root: Any, name: str) -> str:
    """What META_COMMUN says; daily deliveries of JORF have it below the root."""
    return _text(root, f"META/META_COMMUN/{name}") or _text(root, name)


def _text(root: Any, path: str) -> str:
    found = root.find(path)
    return "" if found is None else line("".join(found.itertext()))


def _day(text: str) -> date | None:
    try:
        return None if text == OPEN else date.fromisoformat(text)
    except ValueError:
        return None
