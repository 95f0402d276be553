"""Boxes of side columns: most read, latest, links, archives, polls, short texts."""

from training.designs.clutter import board
from training.designs.hand import Hand
from training.designs.margins import labels, menu, newsletter
from training.designs.stories import POOR, RICH, ad, again, heading_of, teasers


def widgets(hand: Hand, low: int, high: int) -> list[str]:
    """Boxes of a side column."""
    makers = (
        _read,
        _read,
        _stories,
        _stories,
        _links,
        _cloud,
        _months,
        _poll,
        _about,
        _talk,
        _calendar,
        newsletter,
        ad,
        ad,
        _login,
        board,
    )
    return [hand.chance.pick(makers)(hand) for _ in range(hand.chance.between(low, high))]


def _read(hand: Hand) -> str:
    told = teasers(hand, hand.chance.between(3, 12), hand.plain, POOR)
    return hand.box("widget", heading_of(hand, hand.chance.pick(("most", "latest"))), told)


def _stories(hand: Hand) -> str:
    told = teasers(again(hand), hand.chance.between(1, 6), hand.plain, RICH)
    return hand.box("widget", heading_of(hand, hand.chance.pick(("latest", "related", "most"))), told)


def _links(hand: Hand) -> str:
    return hand.box("widget", heading_of(hand, "topics_head"), menu(hand, labels(hand, hand.chance.few(3, 30)), "list"))


def _cloud(hand: Hand) -> str:
    words = [hand.voice.word(hand.chance) for _ in range(hand.chance.between(6, 40))]
    return hand.box("widget", heading_of(hand, "tags"), " ".join(hand.link(hand.plain(one)) for one in words))


def _months(hand: Hand) -> str:
    told = [
        f"{month} {hand.chance.between(2008, 2026)}"
        for month in hand.voice.says("months", hand.chance.between(4, 12), hand.chance)
    ]
    rows = [f"{hand.link(hand.plain(one))} ({hand.chance.between(1, 90)})" for one in told]
    return hand.box("widget", heading_of(hand, "archive"), hand.rows(rows, "ul"))


def _poll(hand: Hand) -> str:
    chance = hand.chance
    rows = [
        hand.element("label", '<input type="radio" name="v">', hand.plain(hand.voice.title_end(chance)))
        for _ in range(chance.between(2, 5))
    ]
    return hand.box(
        "widget", heading_of(hand, "poll"), hand.element("p", hand.plain(hand.voice.headline(chance) + "?")), *rows
    )


def _about(hand: Hand) -> str:
    text = [
        hand.element("p", hand.prose(hand.voice.paragraph(hand.chance, 1, 4), counts=False))
        for _ in range(hand.chance.between(1, 2))
    ]
    return hand.box("widget", heading_of(hand, "pages"), *text)


def _talk(hand: Hand) -> str:
    chance = hand.chance
    texts = [
        hand.link(hand.plain(hand.voice.summary(chance)[: chance.between(40, 120)]))
        for _ in range(chance.between(3, 8))
    ]
    rows = [f"{hand.plain(hand.voice.person(chance))}: {text}" for text in texts]
    return hand.box("widget", heading_of(hand, "comments"), hand.rows(rows, "ul"))


def _calendar(hand: Hand) -> str:
    weeks = [range(first, min(first + 7, 32)) for first in range(1, 32, 7)]
    body = "".join("<tr>" + "".join(f"<td>{day}</td>" for day in week) + "</tr>\n" for week in weeks)
    month = hand.voice.say("months", hand.chance)
    return hand.box(
        "widget", f"<table><caption>{hand.plain(month)} {hand.chance.between(2008, 2026)}</caption>{body}</table>"
    )


def _login(hand: Hand) -> str:
    login = hand.plain(hand.voice.say("login", hand.chance))
    return hand.box(
        "widget",
        hand.element("h3", login),
        f"<form><label>E-mail</label><input><label>*</label><input><button>{login}</button></form>",
    )
