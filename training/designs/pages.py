"""Pages in their order: each a design of designs.toml, a language, and the choices of its seed."""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

from training.designs.boards import forum, questions
from training.designs.chance import Chance
from training.designs.hand import Hand, Look, reference
from training.designs.layouts import LAYOUTS, parts
from training.designs.margins import head
from training.designs.news import blog, news
from training.designs.papers import documentation, event, government, recipe, service, wiki
from training.designs.portals import portal
from training.designs.shops import listing, product
from training.designs.voice import languages, voice

KINDS: Mapping[str, Callable[[Hand], str]] = {
    "news": news, "portal": portal, "blog": blog, "forum": forum, "qa": questions, "product": product,
    "listing": listing, "documentation": documentation, "wiki": wiki, "government": government, "event": event,
    "recipe": recipe, "service": service,
}  # fmt: skip

DOCTYPES: Mapping[str, Sequence[str]] = {
    "old": (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">',
        '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">', "", "<!DOCTYPE html>",
    ),
    "new": ("<!DOCTYPE html>", "<!doctype html>"),
}  # fmt: skip


@dataclass(frozen=True)
class Design:
    """A way to build a site: a row of designs.toml, whose words are choices. languages: empty for all."""

    name: str
    kind: str
    share: float
    age: str
    names: str
    layouts: str
    paragraphs: str
    crowd: int
    languages: str = ""


@dataclass(frozen=True)
class Page:
    """A page and its main text. reference: its lines. headline: the line that is the title of the page.

    marked: the page with U+E000 before and U+E001 behind each run of main text, for labels without doubt.
    """

    id: str
    html: bytes
    marked: bytes
    reference: str
    headline: str
    kind: str
    language: str
    design: str


@cache
def designs() -> Sequence[Design]:
    """All designs."""
    return [Design(**row) for row in _table("designs.toml")["designs"]]


def pages(count: int, seed: int) -> Iterator[Page]:
    """The first pages of a seed. A page depends on its seed and number alone."""
    for number in range(count):
        yield page(number, seed)


def page(number: int, seed: int) -> Page:
    """One page."""
    chance = Chance(Random(f"{seed}:{number}"))
    design = _design(chance)
    language = chance.pick(design.languages.split() or languages())
    said = voice(language)
    own, other = said.halves(chance)
    hand = Hand(chance, own, other, _look(design, chance), own.headline(chance), own.name(chance))
    marked = _written(hand, design)
    html, lines = reference(marked)
    return Page(
        id=f"design-{seed}-{number:06}",
        html=html.encode(),
        marked=marked.encode(),
        reference="\n".join(lines),
        headline=hand.title,
        kind=design.kind,
        language=language,
        design=design.name,
    )


def _design(chance: Chance) -> Design:
    shares: Mapping[str, float] = _table("designs.toml")["kinds"]
    kind = chance.random.choices(list(shares), list(shares.values()))[0]
    own = [design for design in designs() if design.kind == kind]
    return chance.random.choices(own, [design.share for design in own])[0]


def _look(design: Design, chance: Chance) -> Look:
    naming = chance.pick(design.names.split())
    old = design.age == "old"
    return Look(
        age=design.age,
        naming=naming,
        names=_table("names.toml").get(naming, {}),
        paragraph=chance.pick(design.paragraphs.split()),
        wraps=chance.pick((0.0, 0.3, 0.6, 1.0, 1.6)),
        linked=chance.pick((0.0, 0.05, 0.15, 0.4)),
        entities=chance.maybe(0.12),
        crowd=min(3, max(0, design.crowd + chance.pick((-1, 0, 0, 0, 1)))),
        upper=old and chance.maybe(0.08),
        ids=chance.maybe(0.4),
        numbered=chance.maybe(0.3),
        styled=chance.maybe(0.2),
        alike=chance.maybe(0.2),
        open_items=old and chance.maybe(0.12),
    )


def _written(hand: Hand, design: Design) -> str:
    center = KINDS[design.kind](hand)
    layout = LAYOUTS[hand.chance.pick(design.layouts.split())]
    body = layout(hand, parts(hand.outside(), center, design.kind))
    language = f' lang="{hand.voice.html}"' if hand.chance.maybe(0.8) else ""
    classes = (
        f' class="{hand.chance.pick(("home", "single single-post", "page", "no-js", "article"))}"'
        if hand.chance.maybe(0.3)
        else ""
    )
    doctype = hand.chance.pick(DOCTYPES[design.age])
    return f"{doctype}\n<html{language}>\n{head(hand.outside(), design.kind)}<body{classes}>\n{body}</body>\n</html>\n"


@cache
def _table(name: str) -> Mapping[str, Any]:
    return tomllib.loads((files(__package__) / name).read_text("utf-8"))
