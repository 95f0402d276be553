"""Teasers of other stories, one by one and in groups: main text of a listing, and beside an article what misleads."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from training.designs.hand import Hand
from training.designs.voice import Story

Say = Callable[[str], str]
"""Writes a text: as main text or not."""

Form = Callable[[Hand, Story, Say], str]


def _when(hand: Hand, story: Story) -> str:
    return hand.chance.pick((story.date, f"{story.date} {story.time}", story.time, f"{story.date} | {story.section}"))


def _heading(hand: Hand, story: Story, say: Say) -> str:
    inner = say(story.headline)
    if hand.tag("teaser_title") == "a":
        return hand.link(inner, role="teaser_title")
    return hand.box("teaser_title", hand.link(inner))


def _more(hand: Hand) -> str:
    return hand.link(hand.plain(hand.voice.say("more", hand.chance)), role="more")


def card(hand: Hand, story: Story, say: Say) -> str:
    """Picture, heading, summary, date, link: each may be missing."""
    chance = hand.chance
    parts = [hand.link(hand.picture())] if chance.maybe(0.5) else []
    parts += [hand.box("kicker", hand.plain(story.section))] if chance.maybe(0.2) else []
    parts.append(_heading(hand, story, say))
    date = hand.box("date", say(_when(hand, story)))
    parts += [date] if chance.maybe(0.35) else []
    parts += [hand.box("teaser_text", say(story.summary))] if chance.maybe(0.85) else []
    parts += [_more(hand)] if chance.maybe(0.35) else []
    return hand.box("teaser", *parts)


def heading_only(hand: Hand, story: Story, say: Say) -> str:
    """A heading that is a link."""
    return hand.box("teaser", _heading(hand, story, say))


def item(hand: Hand, story: Story, say: Say) -> str:
    """A list item with a link."""
    return hand.element("li", hand.link(say(story.headline)))


def dated_item(hand: Hand, story: Story, say: Say) -> str:
    """A list item with date and link."""
    return hand.element("li", hand.box("date", say(_when(hand, story)), tag="span"), hand.link(say(story.headline)))


def all_linked(hand: Hand, story: Story, say: Say) -> str:
    """Heading and summary in one link."""
    inner = [f"<span>{say(story.headline)}</span>\n", f"<span>{say(story.summary)}</span>"]
    if hand.chance.maybe(0.5):
        inner = [f"<strong>{say(story.headline)}</strong><br>", say(story.summary)]
    if hand.look.age != "old" and hand.chance.maybe(0.5):
        inner = [hand.box("teaser_title", say(story.headline)), hand.box("teaser_text", say(story.summary))]
    return hand.box("teaser", hand.element("a", *inner))


def in_line(hand: Hand, story: Story, say: Say) -> str:
    """A paragraph: linked heading in bold, then the summary on the same line or the next."""
    between = hand.chance.pick(("<br>", " ", " – ", ": "))
    end = f" {_more(hand)}" if hand.chance.maybe(0.6) else ""
    return hand.element("p", f"<b>{hand.link(say(story.headline))}</b>", between, say(story.summary), end)


def cells(hand: Hand, story: Story, say: Say) -> str:
    """A table with a picture on the left."""
    text = f"{hand.link(say(story.headline))}<br>{say(story.summary)}"
    if hand.chance.maybe(0.4):
        text = f"<span>{say(_when(hand, story))}</span><br>{text}"
    return hand.element("table", f"<tr><td>{hand.picture()}</td><td>{text}</td></tr>", role="teaser")


def unlinked(hand: Hand, story: Story, say: Say) -> str:
    """Heading and two paragraphs of prose that only end in a link: the hardest to tell from an article."""
    parts = [hand.box("teaser_title", say(story.headline))]
    parts += [hand.element("p", say(hand.voice.paragraph(hand.chance, 1, 3))) for _ in range(hand.chance.between(1, 2))]
    return hand.box("teaser", *parts, hand.element("p", _more(hand)) if hand.chance.maybe(0.7) else "")


def term(hand: Hand, story: Story, say: Say) -> str:
    """Term and description."""
    return hand.element("dl", f"<dt>{hand.link(say(story.headline))}</dt>\n<dd>{say(story.summary)}</dd>\n")


def figured(hand: Hand, story: Story, say: Say) -> str:
    """A picture whose caption is the link."""
    return hand.box(
        "teaser", hand.element("figure", hand.picture(), f"<figcaption>{hand.link(say(story.headline))}</figcaption>")
    )


def loose(hand: Hand, story: Story, say: Say) -> str:
    """Boxes for everything, heading without a heading's element, author and date in a row."""
    chance = hand.chance
    parts = [
        hand.element("div", hand.link(say(story.headline)), role="teaser_title"),
        hand.element(
            "div", say(f"{story.author} {chance.pick(('|', '·', '-', ','))} {_when(hand, story)}"), role="meta"
        ),
        hand.element("div", say(story.summary), hand.chance.pick(("", f" {_more(hand)}")), role="teaser_text"),
    ]
    return hand.box("teaser", *(parts if chance.maybe(0.5) else [parts[0], parts[2]]))


def overlaid(hand: Hand, story: Story, say: Say) -> str:
    """Heading and summary without a link: an empty one lies over them."""
    cover = hand.link("<span></span>", role="cover")
    text = hand.box("teaser_text", say(story.summary)) if hand.chance.maybe(0.5) else ""
    return hand.box("teaser", cover, hand.picture(), hand.box("teaser_title", say(story.headline)), text)


def offer(hand: Hand, story: Story, say: Say) -> str:
    """A post to apply for, a flat, a document: heading, then facts in a list."""
    told = [story.section, hand.voice.name(hand.chance), _when(hand, story)]
    facts = [hand.element("li", say(one)) for one in told[: hand.chance.between(1, 3)]]
    return hand.element("li", _heading(hand, story, say), hand.element("ul", *facts), role="teaser")


def counted(hand: Hand, story: Story, say: Say) -> str:
    """A section and how much it holds."""
    return hand.element("li", hand.link(say(f"{story.section} ({hand.chance.between(1, 900)})")))


RICH: Sequence[Form] = (
    card, card, card, all_linked, in_line, cells, unlinked, term, loose, loose, overlaid, overlaid,
)  # fmt: skip
POOR: Sequence[Form] = (heading_only, item, item, dated_item, figured)
LISTED: Sequence[Form] = (*RICH, all_linked, *POOR, heading_only, offer, offer, counted)
"""Forms of teasers where they are the text."""


def teasers(hand: Hand, count: int, say: Say, forms: Sequence[Form]) -> str:
    """That many in one form, in a grid of boxes or in a list; the first may be larger."""
    form = hand.chance.pick(forms)
    old = [one for one in (card, cells, in_line, item) if one in forms]
    form = hand.chance.pick(old) if hand.look.age == "old" and old and hand.chance.maybe(0.5) else form
    told = [form(hand, hand.voice.story(hand.chance), say).rstrip("\n") + "\n" for _ in range(count)]
    if hand.chance.maybe(0.12):
        told.insert(0, card(hand, hand.voice.story(hand.chance), say))
    if hand.chance.maybe(0.15):
        told.insert(hand.chance.between(0, len(told)), ad(hand))
    first = told[0].lower().startswith("<li")
    if any(one.lower().startswith("<li") != first for one in told):
        told = [one if one.lower().startswith("<li") else hand.element("li", one) for one in told]
    return hand.gathered(told)


def heading_of(hand: Hand, key: str) -> str:
    """The heading of a group, a link at times."""
    text = hand.plain(hand.voice.say(key, hand.chance))
    return hand.box("group_title", hand.link(text) if hand.chance.maybe(0.2) else text)


def group(hand: Hand, role: str, key: str, count: tuple[int, int], rich: float = 0.5) -> str:
    """A box of teasers with a heading: other stories that are not the main text."""
    hand = hand.outside()
    many = hand.chance.few(*count)
    forms = RICH if hand.chance.maybe(rich) else POOR
    text = teasers(hand, many, hand.plain, forms)
    head = heading_of(hand, key) if hand.chance.maybe(0.85) else ""
    foot = hand.element("div", _more(hand)) if hand.chance.maybe(0.2) else ""
    return hand.box(role, head, hand.wrapped(text), foot)


def ad(hand: Hand) -> str:
    """A place for an advertisement: with a label, with a text that sells, or with a script alone."""
    label = hand.plain(hand.voice.say("ad", hand.chance))
    form = hand.chance.between(0, 3)
    if form == 0:
        return hand.box("ad", label, hand.unseen())
    if form == 1:
        return hand.box("ad", hand.element("span", label), hand.link(hand.picture()))
    if form == 2:
        story = hand.voice.story(hand.chance)
        return hand.box(
            "ad",
            f"<small>{label}</small>",
            _heading(hand, story, hand.plain),
            hand.element("p", hand.plain(story.summary)),
        )
    return hand.unseen()


def again(hand: Hand) -> Hand:
    """A hand with new names: a second shape of teasers on the same page."""
    kept = {role: name for role, name in hand.classes.items() if not role.startswith("teaser")}
    tags = {role: tag for role, tag in hand.tags.items() if not role.startswith(("teaser", "group"))}
    return replace(hand, classes=kept, tags=tags)
