"""Columns of links, dated stories, rates and polls, as portals about 2011 put beside an article."""

from collections.abc import Callable, Sequence

from training.designs.hand import Hand
from training.designs.margins import labels, menu
from training.designs.stories import POOR, RICH, ad, again, heading_of, teasers

Part = Callable[[Hand], str]


def dated(hand: Hand, count: int) -> str:
    """Other stories a line each: a time, a link, now and then what the story says."""
    chance, voice = hand.chance, hand.voice
    form, summed = chance.pick(("br", "tr", "li", "p", "div", "dl", "td2")), chance.maybe(0.25)
    stamp = chance.pick((voice.clock, voice.date, voice.date, None))
    dot = chance.pick(("", "", "&bull; ", "» ", "- "))
    wrap = chance.pick(("{}", "{}", "<b>{}</b>", "<span>{}</span>", "<font size=1>{}</font>"))
    lines = []
    for _ in range(count):
        when = wrap.format(hand.plain(stamp(chance))) if stamp else ""
        link = hand.link(hand.plain(voice.headline(chance)), role="teaser_title")
        text = hand.plain(voice.summary(chance)) if summed else ""
        lines.append((f"{dot}{when}", link, text))
    if form == "tr":
        rows = "".join(f"<tr><td>{when}</td><td>{link}<br>{text}</td></tr>\n" for when, link, text in lines)
        return f"<table>{rows}</table>\n"
    if form == "td2":
        rows = "".join(f"<tr><td>{when} {link}</td></tr>\n<tr><td>{text}</td></tr>\n" for when, link, text in lines)
        return f"<table width=100%>{rows}</table>\n"
    if form == "dl":
        return hand.element("dl", *(f"<dt>{when} {link}</dt>\n<dd>{text}</dd>\n" for when, link, text in lines))
    if form == "br":
        return "".join(f"{when} {link}<br>\n{text + '<br><br>' if text else ''}\n" for when, link, text in lines)
    told = [hand.element(form, f"{when} {link} {text}", role="item") for when, link, text in lines]
    return hand.gathered(told)


def others(hand: Hand, low: int, high: int) -> str:
    """A headed box of other stories, dated or as teasers."""
    chance = hand.chance
    count = chance.few(low, high)
    key = chance.pick(("latest", "most", "related", "sections", "read_also"))
    told = (
        dated(hand, count) if chance.maybe(0.55) else teasers(again(hand), count, hand.plain, chance.pick((RICH, POOR)))
    )
    end = hand.link(hand.plain(hand.voice.say("more", chance))) if chance.maybe(0.3) else ""
    head = heading_of(hand, key) if chance.maybe(0.85) else ""
    return hand.box(chance.pick(("related", "group", "widget")), head, told, end)


def column(hand: Hand, low: int, high: int) -> str:
    """A column: long lists of links, dated stories, advertisements."""
    chance = hand.chance
    makers: Sequence[Part] = (
        lambda one: others(one, 3, 14),
        lambda one: others(one, 3, 30),
        lambda one: links(one, 8, 60),
        ad,
        rates,
        vote,
    )
    told = [chance.pick(makers)(hand) for _ in range(chance.between(low, high))]
    return hand.box("side", *told)


def links(hand: Hand, low: int, high: int) -> str:
    """A long list of sections, towns or services."""
    chance = hand.chance
    told = labels(hand, chance.between(low, high))
    return hand.box("widget", heading_of(hand, "topics_head") if chance.maybe(0.6) else "", menu(hand, told))


def rates(hand: Hand) -> str:
    """Money, weather, horoscope."""
    chance, voice = hand.chance, hand.voice
    rows = [
        f"<tr><td>{chance.pick(('USD', 'EUR', voice.name(chance)))}</td><td>{chance.between(100, 9999) / 100}</td>"
        f"<td>{chance.pick(('+', '-'))}{chance.between(1, 99) / 100}</td></tr>\n"
        for _ in range(chance.between(2, 7))
    ]
    end = hand.element("p", hand.plain(voice.sentence(chance))) if chance.maybe(0.3) else ""
    return hand.box("widget", heading_of(hand, "sections"), f"<table>{''.join(rows)}</table>", end)


def vote(hand: Hand) -> str:
    """A question with answers to choose from."""
    chance, voice = hand.chance, hand.voice
    rows = [
        f"<input type=radio name=v> {hand.plain(voice.title_end(chance))}<br>\n" for _ in range(chance.between(2, 6))
    ]
    ask = hand.element(chance.pick(("b", "p", "div")), hand.plain(voice.headline(chance).rstrip("?!…") + "?"))
    return hand.box("widget", heading_of(hand, "poll"), f"<form>{ask}{''.join(rows)}<input type=submit></form>")
