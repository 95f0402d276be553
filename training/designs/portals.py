"""News articles as portals wrote them about 2011: tables and boxes, single breaks, other stories in the text."""

from collections.abc import Callable, Sequence

from training.designs.body import LINED, Flow, paragraph, points, quote, subhead
from training.designs.crowds import others, vote
from training.designs.hand import Hand
from training.designs.news import author_box, tags
from training.designs.remarks import dateline, notice, notices, rating, talk, tool_line
from training.designs.stories import ad

Part = Callable[[Hand], str]


DRESSED = ("{}", "<i>{}</i>", "<small>{}</small>", '<font size="1">{}</font>', "<em>{}</em>", "<b>{}</b>")


def title(hand: Hand) -> str:
    """The headline: a heading of any level, a box, or large letters."""
    said, form = hand.main(hand.title), hand.chance.between(0, 7)
    if form < 4:
        return hand.element(("h1", "h1", "h2", "h3")[form], said, role="title")
    if form == 4:
        return f'<font size="4"><b>{said}</b></font><br>\n'
    if form == 5:
        return f'<table width="100%"><tr><td class="{hand.name("title")}">{said}</td></tr></table>\n'
    return hand.element(
        "div" if form == 6 else "span", f"<b>{said}</b>" if hand.chance.maybe(0.3) else said, role="title"
    )


def photo(hand: Hand) -> str:
    """A picture at the side of the text, with what it shows, whose it is, or both."""
    chance, voice = hand.chance, hand.voice
    credit = f"{voice.say('photo', chance)}: {voice.person(chance)} / {voice.word(chance).upper()}"
    shows = chance.pick((voice.sentence(chance), voice.sentence(chance), voice.headline(chance)))
    said = hand.plain(chance.pick((shows, f"{shows} ({credit})", credit, f"{shows} © {voice.name(chance)}", "")))
    form = chance.between(0, 6)
    said = chance.pick(DRESSED).format(said)
    if form > 3:
        told = [hand.picture(), "<br>", said] if form == 5 else [hand.link(hand.picture()), hand.box("caption", said)]
        zoom = hand.link(hand.plain(f"{voice.say('photo', chance)} ({chance.between(2, 40)})")) if form == 4 else ""
        return hand.box("figure", *told, zoom)
    picture = hand.picture()
    return (
        f'<table align="left" width="200"><tr><td>{picture}</td></tr>\n<tr><td>{said}</td></tr></table>\n',
        f'<div style="float:left">{picture}<br>{said}</div>\n',
        hand.element("p", picture, "<br>", said),
        hand.element("p", picture) + hand.element("p", said),
    )[form]


def aside(hand: Hand) -> str:
    """What floats in the text: other stories on the subject under two words."""
    chance, voice = hand.chance, hand.voice
    head = hand.plain(voice.say(chance.pick(("read_also", "related")), chance))
    links = [hand.link(hand.plain(voice.headline(chance))) for _ in range(chance.between(1, 6))]
    form = chance.between(0, 6)
    if form == 5:
        texts = "".join(hand.element("p", one, "<br>", hand.plain(voice.sentence(chance))) for one in links[:3])
        return hand.box("related", hand.element("h4", head), texts)
    if form == 1:
        return hand.box("related", hand.element(chance.pick(("b", "h4", "p", "div")), head), hand.rows(links, "ul"))
    rows = "".join(f"<tr><td>{one}</td></tr>\n" for one in links)
    return (
        f'<table align="right" width="180"><tr><td><b>{head}</b></td></tr>\n{rows}</table>\n',
        "",
        f"<b>{head} {links[0]}</b><br>\n<br>\n",
        hand.element("p", f"<strong>{head}</strong>", " ", links[0]),
        "".join(hand.element("p", f"&gt;&gt; {one}") for one in links),
        "",
        f"{head}<br>\n" + "<br>\n".join(links) + "<br>\n",
    )[form]


INSIDE: Sequence[Part] = (photo, photo, aside, aside, aside, ad, vote, Hand.unseen)


def story(hand: Hand) -> str:
    """The text in its box: short ones most often, interrupted in one or two ways."""
    chance, voice = hand.chance, hand.voice
    low, high = chance.pick(((1, 1), (1, 2), (1, 2), (1, 3), (2, 4), (2, 5)))
    told = Flow(chance.few(max(1, 5 - low - high), 22, 1.4), low, high, chance.pick((0.0, 0.0, 0.0, 0.1, 0.25)))
    kinds, often = chance.some(INSIDE, chance.between(1, 3)), chance.pick((0.0, 0.1, 0.2, 0.35))
    parts = [lead(hand)] if chance.maybe(0.5) else []
    for at in range(told.paragraphs):
        if at and chance.maybe(told.heads):
            parts.append(subhead(hand))
        place = (
            f"{voice.name(chance).upper()}, {voice.date(chance)}{chance.pick((' – ', '. ', ' - '))}"
            if not at and chance.maybe(0.2)
            else ""
        )
        parts.append(paragraph(hand, place + voice.paragraph(chance, told.low, told.high)))
        if chance.maybe(0.03):
            parts.append(chance.pick((quote, points))(hand))
        if chance.maybe(often):
            parts.append(chance.pick(kinds)(hand.outside()))
    return "".join(parts)


def lead(hand: Hand) -> str:
    """The first sentences in bold."""
    said = hand.prose(hand.voice.paragraph(hand.chance, 1, 2))
    form = hand.chance.between(0, 4)
    if form == 0 and hand.look.paragraph in LINED:
        return f"<b>{said}</b><br><br>\n"
    if form < 3:
        return hand.element("p", f"<strong>{said}</strong>")
    return hand.element(hand.chance.pick(("div", "h2", "h3", "p")), said, role="lead")


def portal(hand: Hand) -> str:
    """An article of a portal."""
    chance = hand.chance
    out = hand.outside()
    heads: dict[Part, float] = {dateline: 0.8, tool_line: 0.4, photo: 0.5, ad: 0.2, rating: 0.1, aside: 0.12}
    above = [make(out) for make in chance.shuffled(chance.kept(heads))]
    at = chance.between(0, min(1, len(above)))
    above = [*above[:at], title(hand), *above[at:]]
    tails: dict[Part, float] = {
        notice: 0.6, dateline: 0.2, tool_line: 0.5, rating: 0.2, aside: 0.35, tags: 0.3, notices: 0.2, author_box: 0.08,
        ad: 0.2, photo: 0.08,
    }  # fmt: skip
    below = [make(out) for make in chance.shuffled(chance.kept(tails))]
    below += [others(out, 2, 14) for _ in range(chance.few(0, 1 + hand.look.crowd))]
    below.insert(chance.between(max(0, len(below) - 2), len(below)), talk(out) if chance.maybe(0.5) else "")
    inside, within = chance.between(0, len(below)), chance.maybe(0.5)
    text = story(hand) + ("".join(below[:inside]) if within else "")
    boxed = _boxed(hand, text)
    rest = [] if within else below[:inside]
    article = _boxed(hand, "".join([*above, boxed, *rest]), "article")
    return article + "".join(below[inside:])


def _boxed(hand: Hand, text: str, role: str = "body") -> str:
    """In a box, a cell, letters of a size, or nothing."""
    form = hand.chance.between(0, 6)
    if form == 0:
        return text
    if form == 1:
        return f'<table width="100%"><tr><td class="{hand.name(role)}">{text}</td></tr></table>\n'
    if form == 2 and role == "body" and hand.look.paragraph in LINED:
        return hand.element(hand.chance.pick(("span", "font")), text, role=role)
    return hand.element("div", text, role=role)
