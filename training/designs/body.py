"""The main text itself: paragraphs in one of the ways of the web, lists, tables, quotes, and what interrupts them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.designs.clutter import INSIDE
from training.designs.hand import Hand
from training.designs.margins import newsletter
from training.designs.stories import POOR, RICH, ad, again, group, teasers

Part = Callable[[Hand], str]
"""Writes a part of a page."""


LINED = ("breaks", "bare", "lines")
"""Ways to write a paragraph without an element for it."""


@dataclass(frozen=True)
class Flow:
    """How a text runs: its paragraphs, sentences of each, shares of paragraphs before which something stands."""

    paragraphs: int
    low: int
    high: int
    heads: float = 0.0
    extras: float = 0.0
    breaks: float = 0.0


def flow(hand: Hand, least: int = 3, most: int = 40, breaks: float = 0.15) -> Flow:
    """A text of that many paragraphs, short ones more often."""
    chance = hand.chance
    low, high = chance.pick(((1, 2), (1, 3), (1, 3), (2, 4), (2, 4), (2, 5), (3, 8), (1, 6)))
    return Flow(
        chance.few(least, most, 1.6), low, high, chance.pick((0.0, 0.0, 0.1, 0.2, 0.35)),
        chance.pick((0.0, 0.03, 0.08, 0.15)),
        chance.pick((0.0, breaks, breaks / 2, breaks * 1.5)),
    )  # fmt: skip


def paragraph(hand: Hand, text: str) -> str:
    """One paragraph as this page writes them; without an element, it ends in what parts it from the next."""
    inside, form = hand.prose(text), hand.look.paragraph
    if form in LINED:
        indent = "&nbsp;&nbsp;&nbsp; " if hand.look.styled else ""
        return indent + inside + {"lines": "<br>\n", "bare": "<p>\n"}.get(form, "\n<br><br>\n")
    if form in ("div", "nested"):
        return hand.element("div", hand.element("p", inside) if form == "nested" else inside, role="paragraph")
    dressed = {"span": f"<span>{inside}</span>", "font": f'<font face="Arial" size="2">{inside}</font>'}
    said = hand.element("p", dressed.get(form, inside))
    return said.replace("</p>", "").replace("</P>", "") if form == "open" else said


def subhead(hand: Hand) -> str:
    """A heading inside of the text."""
    text = hand.main(hand.voice.headline(hand.chance))
    if hand.look.paragraph in LINED or hand.tag("subhead") == "p":
        bold = f"<b>{text}</b>"
        return f"{bold}<br>\n" if hand.look.paragraph in LINED else hand.element("p", bold.replace("b>", "strong>"))
    return hand.element(hand.tag("subhead"), text)


def points(hand: Hand) -> str:
    """A list."""
    low = hand.chance.pick((1, 1, 1, 2, 4))
    rows = [hand.prose(hand.voice.paragraph(hand.chance, 1, low)) for _ in range(hand.chance.between(2, 9))]
    if hand.chance.maybe(0.3):
        rows = [hand.main(hand.voice.title_end(hand.chance)) for _ in rows]
    if hand.chance.maybe(0.15):
        return "".join(f"{hand.chance.pick(('- ', '• ', '&ndash; '))}{row}<br>\n" for row in rows)
    return hand.rows(rows)


def table(hand: Hand) -> str:
    """A table of figures or words."""
    chance, voice = hand.chance, hand.voice
    width = chance.between(2, 5)
    head = "".join(f"<th>{hand.main(voice.word(chance).capitalize())}</th>" for _ in range(width))
    body = ["".join(f"<td>{_cell(hand, at)}</td>" for at in range(width)) for _ in range(chance.few(2, 14))]
    rows = "".join(f"<tr>{row}</tr>\n" for row in ([head, *body] if chance.maybe(0.7) else body))
    return hand.wrapped(f"<table>{rows}</table>\n")


def _cell(hand: Hand, column: int) -> str:
    number = column and hand.chance.maybe(0.7)
    return hand.main(str(hand.chance.between(1, 5000)) if number else hand.voice.title_end(hand.chance))


def quote(hand: Hand) -> str:
    """Somebody's words set apart."""
    text = hand.main(hand.voice.paragraph(hand.chance, 1, 3))
    return hand.element("blockquote", hand.element("p", text) if hand.chance.maybe(0.6) else text)


def post(hand: Hand) -> str:
    """A post of a network: its words and who said them; a part of the text, as readers take it."""
    chance, voice = hand.chance, hand.voice
    text = hand.element("p", hand.prose(voice.paragraph(chance, 1, 2)))
    said = hand.main(f"— {voice.person(chance)} (@{hand.slug()})")
    return hand.element("blockquote", text, f"{said} {hand.link(hand.main(voice.date(chance)))}", role="post")


def code(hand: Hand) -> str:
    """Lines of a program."""
    names = [hand.slug() for _ in range(4)]
    lines = [
        f"{hand.chance.pick(names)} = {hand.chance.pick(names)}({hand.chance.between(0, 99)}, '{hand.slug()}')"
        for _ in range(hand.chance.few(1, 12))
    ]
    return hand.element("pre", f"<code>{chr(10).join(hand.main(line) for line in lines)}</code>")


def facts(hand: Hand) -> str:
    """A box of background, part of the text."""
    text = [
        hand.element("p", hand.prose(hand.voice.paragraph(hand.chance, 1, 3))) for _ in range(hand.chance.between(1, 3))
    ]
    return hand.box(
        "box",
        hand.element(hand.chance.pick(("h3", "h4", "strong", "p")), hand.main(hand.voice.headline(hand.chance))),
        *text,
    )


def figure(hand: Hand) -> str:
    """A picture with its caption, which is none of the text."""
    chance, voice = hand.chance, hand.voice
    text = voice.sentence(chance) if chance.maybe(0.6) else voice.title_end(chance)
    credit = f"{voice.say('photo', chance)}: {voice.person(chance)}" if chance.maybe(0.6) else ""
    inner = [hand.plain(text) if chance.maybe(0.8) else "", f" {hand.plain(credit)}"]
    if chance.maybe(0.3):
        inner = [hand.plain(text), hand.element("span", hand.plain(credit))]
    if hand.tag("figure") == "p":
        return hand.element("p", hand.picture(), "<br>", f"<em>{''.join(inner).replace(chr(10), '')}</em>")
    return hand.box("figure", hand.picture(), hand.box("caption", *inner) if chance.maybe(0.8) else "")


def read_also(hand: Hand) -> str:
    """A line that leads elsewhere."""
    chance, voice = hand.chance, hand.voice
    text, link = hand.plain(voice.say("read_also", chance)), hand.link(hand.plain(voice.headline(chance)))
    form = chance.between(0, 5)
    if form == 0:
        return hand.element("p", f"<strong>{text} {link}</strong>")
    if form == 1:
        return hand.element("p", text, " ", link)
    if form == 2:
        return hand.element("p", link)
    if form == 3:
        return hand.box("related", hand.element("span", text), link)
    if form == 4:
        return hand.element("blockquote", hand.element("p", f"<b>{text}</b>", "<br>", link))
    links = [hand.link(hand.plain(voice.headline(chance))) for _ in range(chance.between(2, 4))]
    return hand.box("related", hand.element("p", text), hand.rows(links, "ul"))


def inner_related(hand: Hand) -> str:
    """A box of other stories inside of the text, poor or with summaries."""
    if hand.chance.maybe(0.5):
        return group(hand, "related", "related", (1, 4), 0.6)
    return hand.box(
        "related", teasers(again(hand), hand.chance.between(1, 3), hand.plain, RICH if hand.chance.maybe(0.7) else POOR)
    )


def wall(hand: Hand) -> str:
    """What asks for money."""
    chance, voice = hand.chance, hand.voice
    text = [hand.element("p", hand.plain(one)) for one in voice.says("paywall", chance.between(1, 2), chance)]
    return hand.box(
        "newsletter",
        hand.element("h3", hand.plain(voice.title_end(chance))),
        *text,
        hand.link(hand.plain(voice.say("login", chance))),
    )


EXTRAS: Sequence[Part] = (points, points, quote, quote, table, facts, post, post, code)
BREAKS: Sequence[Part] = (
    figure, figure, figure, read_also, read_also, read_also,
    inner_related, inner_related, ad, ad, newsletter, wall, Hand.unseen, Hand.unseen,
)  # fmt: skip


def run(hand: Hand, told: Flow, extras: Sequence[Part] = EXTRAS) -> str:
    """The text, with all that stands in it."""
    chance = hand.chance
    kinds = chance.some((*BREAKS, *INSIDE), chance.between(1, 4))  # a page interrupts its texts in few ways
    parts = []
    for at in range(told.paragraphs):
        if at and chance.maybe(told.heads):
            parts.append(subhead(hand))
        parts.append(paragraph(hand, hand.voice.paragraph(chance, told.low, told.high)))
        if chance.maybe(told.extras):
            parts.append(chance.pick(extras)(hand))
        if at + 1 < told.paragraphs and chance.maybe(told.breaks):
            parts.append(chance.pick(kinds)(hand.outside()))
    return "".join(parts)


def body(hand: Hand, told: Flow, extras: Sequence[Part] = EXTRAS, ends: Sequence[Part] = ()) -> str:
    """The text in its box, or in the box above it. ends: what may stand behind the text in the same box."""
    text = run(hand, told, extras)
    if ends:
        text += "".join(make(hand.outside()) for make in hand.chance.some(ends, hand.chance.few(0, 2)))
    if hand.look.paragraph in LINED and hand.chance.maybe(0.25):
        text = hand.element("p", text) if "<div" not in text.lower() and "<p" not in text.lower() else text
    extra = ' itemprop="articleBody"' if hand.chance.maybe(0.15) else ""
    boxed = hand.element(hand.tag("body"), text, role="body", extra=extra)
    return boxed if hand.chance.maybe(0.85) else hand.wrapped(text)
