"""A law of LEGI out of its files: the articles in force, in the order of its structure, below their headings.

The bundles of LEGI have a folder for each law (.../LEGITEXT000006072154/) with its articles, one file a version, its
sections and its structure. The law is one document if the structure is among them, as in the whole base; daily
deliveries bring single articles, and each is a document. Versions that are not in force are `beside`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from florilegium.stages.read import Record, _xml
from florilegium.stages.read._archive import Stored
from florilegium.stages.read._xml import Document, line, local

FOLDER = re.compile(r"(?:.*/)?LEGITEXT\d{12}(?=/)")
IN_FORCE = ("VIGUEUR", None)
LINKS = ("LIEN_SECTION_TA", "LIEN_ART")

Tell = Callable[[Document], Record]


def folder(path: str) -> str | None:
    """The folder of the law that a file of a bundle belongs to."""
    found = FOLDER.match(path)
    return found[0] if found else None


@dataclass(frozen=True)
class _Link:
    """A place in a structure: the id of an article, or of a section with its heading."""

    id: str
    heading: str | None


@dataclass
class _Law:
    """What the files of a law's folder have said so far. children: of each section, and of the law itself (None)."""

    position: str = ""
    size: int = 0
    title: str | None = None
    children: dict[str | None, list[_Link]] = field(default_factory=dict)
    articles: dict[str, Record] = field(default_factory=dict)
    characters: int = 0

    def note(self, document: Document) -> None:
        """Keep what a file says of the structure."""
        root = document.root
        if local(root) == "TEXTELR":
            self.position = folder(document.name) or document.name
            self.children[None] = _links(root.find("STRUCT"))
        elif local(root) == "SECTION_TA":
            self.children[line(root.findtext("ID") or "")] = _links(root.find("STRUCTURE_TA"))
        elif local(root) == "TEXTE_VERSION":
            self.title = line("".join(root.xpath("(.//TITREFULL | .//TITRE)[1]//text()"))) or None
        self.size += document.size

    def give_up(self) -> Iterator[Record]:
        """The articles that are held, each a document of its own."""
        held = list(self.articles.values())
        self.articles.clear()
        yield from held


def joined(files: Iterable[Stored], max_bytes: int, tell: Tell) -> Iterator[Record]:
    """The records of a law's folder. tell: what a file is on its own. Of a law longer than max_bytes, the articles."""
    law = _Law()

    def noted(document: Document) -> Record:
        law.note(document)
        return tell(document)

    joins = True
    for one in files:
        record = _xml.told(one, max_bytes, noted)
        facts = record.facts or {}
        if record.text is None or record.beside:
            yield record
        elif facts.get("state") not in IN_FORCE:
            yield Record(one.name, one.size, beside="not_in_force")
        elif not joins or facts.get("id", "") in law.articles:
            yield record
        else:
            law.articles[facts.get("id", "")] = record
            law.characters += len(record.text)
            if law.characters > max_bytes:
                joins = False
                yield from law.give_up()
    placed = list(_walk(law.children)) if joins else []
    if any(link.heading is None and link.id in law.articles for link in placed):
        yield _bound(law, placed)
        for link in placed:
            if link.heading is None and link.id in law.articles:
                joined_one = law.articles.pop(link.id)
                yield Record(joined_one.position, joined_one.bytes_in, beside="article")
    yield from law.give_up()


def _bound(law: _Law, placed: list[_Link]) -> Record:
    """The law as one record."""
    lines: list[str] = []
    found: list[Record] = []
    missing = 0
    for link in placed:
        record = law.articles.get(link.id)
        if link.heading is not None:
            lines.append(link.heading)
        elif record is None:
            missing += 1
        elif record not in found[-1:]:
            found.append(record)
            lines += filter(None, (record.title, record.text))
    name = law.position.rpartition("/")[2]
    versions = [version for one in found if (version := (one.facts or {}).get("version"))]
    facts = {
        "id": name,
        "version": max(versions, default=None),
        "state": "VIGUEUR",
        "articles": str(len(found)),
        "articles_missing": str(missing) if missing else None,
        "licence_basis": (found[0].facts or {}).get("licence_basis"),
    }
    title = law.title or (found[0].facts or {}).get("work")
    return replace(
        found[0],
        position=law.position,
        bytes_in=law.size,
        title=title,
        published=max((one.published for one in found if one.published), default=None),
        official_id=f"legi:{name}",
        facts={key: value for key, value in facts.items() if value},
        text="\n".join([*([title] if title else []), *lines]),
    )


def _walk(children: Mapping[str | None, list[_Link]]) -> Iterator[_Link]:
    """Sections and articles in reading order; a section that stands twice is entered once."""
    left = list(reversed(children.get(None, [])))
    entered: set[str] = set()
    while left:
        link = left.pop()
        if link.heading is None:
            yield link
        elif link.id not in entered:
            entered.add(link.id)
            yield link
            left += reversed(children.get(link.id, []))


def _links(parent: Any) -> list[_Link]:
    """The links of a structure that are in force; of articles all, for each says itself whether it is."""
    return [
        _Link(one.get("id") or "", None if one.tag == "LIEN_ART" else line("".join(one.itertext())))
        for one in (parent if parent is not None else ())
        if one.tag == "LIEN_ART" or (one.tag in LINKS and one.get("etat") in IN_FORCE)
    ]
