"""News articles and posts of blogs: a text among other stories."""

from collections.abc import Callable
from dataclasses import replace

from training.designs.body import body, figure, flow, paragraph, run, wall
from training.designs.clutter import (
    ENDS,
    contact,
    coverage,
    credit,
    gallery,
    life,
    notes,
    promotion,
    spoken_share,
    titled_share,
    tools,
)
from training.designs.hand import Hand
from training.designs.margins import crumbs, menu, newsletter
from training.designs.stories import ad, group

INNER_ENDS = (life, notes, promotion, contact, coverage, credit, titled_share)
"""What may stand in the box of the text behind the text."""


def title(hand: Hand) -> str:
    """The headline, which is main text."""
    said = hand.main(hand.title)
    inner = hand.link(said) if hand.chance.maybe(0.12) else said
    return hand.box("title", inner)


def byline(hand: Hand) -> str:
    """Who and when, in one line or in boxes."""
    chance, voice = hand.chance, hand.voice
    by, date = (
        f"{voice.say('by', chance)} {voice.person(chance)}",
        f"{voice.say('updated', chance)}: {voice.date(chance)}, {voice.clock(chance)}",
    )
    told = chance.some(
        [
            by,
            voice.date(chance),
            date,
            voice.say("sections", chance),
            f"{chance.between(1, 99)} {voice.say('comments', chance)}",
        ],
        chance.between(1, 4),
    )
    if chance.maybe(0.4):
        return hand.box("meta", hand.plain(chance.pick((" | ", " · ", ", ", " - ")).join(told)))
    if hand.tag("meta") == "ul":
        return hand.rows([hand.plain(one) for one in told], "ul")
    inline = "span" if hand.tag("meta") == "p" else ""
    return hand.box("meta", *(hand.box(chance.pick(("date", "byline")), hand.plain(one), tag=inline) for one in told))


def lead(hand: Hand) -> str:
    """The first sentences, larger."""
    text = hand.prose(hand.voice.paragraph(hand.chance, 1, 3))
    if hand.tag("lead") == "strong":
        return hand.element("p", f"<strong>{text}</strong>")
    return hand.box("lead", text)


def share(hand: Hand) -> str:
    """Where to send it."""
    told = ["Facebook", "Twitter", "WhatsApp", "E-mail", "Telegram", "LinkedIn", *hand.voice.phrases["share"]]
    return hand.box(
        "share",
        menu(hand, hand.chance.some(told, hand.chance.between(2, 6)), hand.chance.pick(("list", "bare", "spans"))),
        tag="div",
    )


def tags(hand: Hand) -> str:
    """Words that it is filed under."""
    words = [hand.link(hand.plain(hand.voice.word(hand.chance))) for _ in range(hand.chance.between(1, 12))]
    label = f"{hand.plain(hand.voice.say('tags', hand.chance))}: " if hand.chance.maybe(0.7) else ""
    if hand.tag("tags") == "ul":
        return hand.rows(words, "ul")
    return hand.box("tags", label, hand.chance.pick((", ", " ", " · ")).join(words))


def author_box(hand: Hand) -> str:
    """Who the author is: prose that is not the text."""
    chance, voice = hand.chance, hand.voice
    name = hand.element(chance.pick(("h4", "h3", "strong", "div")), hand.link(hand.plain(voice.person(chance))))
    return hand.box("author", hand.picture(), name, hand.element("p", hand.plain(voice.paragraph(chance, 1, 3))))


def comments(hand: Hand) -> str:
    """What readers say: prose that is not the text."""
    chance, voice = hand.chance, hand.voice
    count = chance.few(0, 25)
    told = []
    for _ in range(count):
        said = [hand.box("byline", hand.plain(voice.person(chance))), hand.box("date", hand.plain(voice.date(chance)))]
        texts = [hand.element("p", hand.plain(voice.paragraph(chance, 1, 4))) for _ in range(chance.few(1, 3))]
        reply = hand.link(hand.plain(voice.say("reply", chance))) if chance.maybe(0.6) else ""
        told.append(hand.box("comment", *said[: chance.between(1, 2)], *texts, reply).rstrip("\n") + "\n")
    head = hand.box("group_title", hand.plain(f"{voice.say('comments', chance)} ({count})"))
    label = hand.plain(voice.say("comments", chance))
    form = f"<form><label>{label}</label><textarea></textarea><input type=submit></form>\n" if chance.maybe(0.6) else ""
    return hand.box("comments", head, hand.gathered(told), form)


def ends(hand: Hand) -> str:
    """A line below the text: source, rights."""
    chance, voice = hand.chance, hand.voice
    text = chance.pick(
        (
            voice.say("legal", chance),
            f"{voice.say('source', chance)}: {voice.name(chance)}",
            f"({voice.word(chance)[:3]})",
            f"© {hand.site}",
        )
    )
    return hand.element(chance.pick(("p", "div", "p", "small")), hand.plain(text))


def neighbours(hand: Hand) -> str:
    """The stories before and after."""
    links = [hand.link(f"{mark} {hand.plain(hand.voice.headline(hand.chance))}") for mark in ("←", "→")]
    return hand.element("div", *links)


def related(hand: Hand) -> str:
    """Other stories, above or below."""
    low, high = (1, 4) if hand.look.crowd < 2 else (2, 14)
    return group(hand, "related", hand.chance.pick(("related", "latest", "most", "related")), (low, high), 0.6)


def ticker(hand: Hand) -> str:
    """A live ticker: entries with their times, which are not main text."""
    chance, voice = hand.chance, hand.voice
    told = []
    for _ in range(chance.few(4, 25)):
        stamp = hand.box("date", hand.plain(voice.clock(chance)))
        head = (
            hand.element(chance.pick(("h3", "strong")), hand.main(voice.headline(chance))) if chance.maybe(0.6) else ""
        )
        texts = [paragraph(hand, voice.paragraph(chance, 1, 3)) for _ in range(chance.few(1, 3))]
        told.append(hand.element("div", stamp, head, *texts, role="entry"))
    return hand.element(hand.tag("body"), *told, role="body")


def _heads(hand: Hand, crowd: int) -> list[str]:
    """Parts above the text in some order; the lead does not stand above the headline."""
    chance = hand.chance
    shares: dict[Callable[[Hand], str], float] = {
        byline: 0.75,
        figure: 0.5,
        share: 0.35,
        spoken_share: 0.07,
        tools: 0.12,
        gallery: 0.06,
        ad: 0.15,
        crumbs: 0.15,
    }
    parts = [make(hand.outside()) for make in chance.shuffled(chance.kept(shares))]
    parts += [related(hand.outside())] if chance.maybe(0.06 * crowd) else []
    at = chance.between(0, min(2, len(parts)))
    told = [*parts[:at], title(hand), *parts[at:]]
    if chance.maybe(0.55):
        told.insert(chance.between(at + 1, len(told)), lead(hand))
    if chance.maybe(0.25):
        told.insert(0, hand.box("kicker", hand.plain(hand.other.say("sections", chance))))
    return told


def _tails(hand: Hand, crowd: int) -> list[str]:
    chance = hand.chance
    shares: dict[Callable[[Hand], str], float] = {
        ends: 0.35, tags: 0.5, share: 0.45, author_box: 0.25, related: 0.3 + 0.15 * crowd,
        newsletter: 0.15, comments: 0.4,
        neighbours: 0.15, ad: 0.25, wall: 0.06, byline: 0.12,
    }  # fmt: skip
    told = [make(hand.outside()) for make in chance.kept(shares)]
    told += [make(hand.outside()) for make in chance.some(ENDS, chance.few(0, 3))]
    told = chance.shuffled(told) if chance.maybe(0.4) else told
    return told + [related(hand.outside()) for _ in range(chance.few(0, crowd))]


def news(hand: Hand) -> str:
    """An article."""
    chance, crowd = hand.chance, hand.look.crowd
    text = ticker(hand) if chance.maybe(0.05) else body(hand, flow(hand), ends=INNER_ENDS)
    if chance.maybe(0.06):  # the front of a story that has to be paid for
        text = body(hand, flow(hand, 1, 3, 0.0)) + wall(hand.outside())
    heads, tails = _heads(hand, crowd), _tails(hand, crowd)
    inside = chance.between(0, len(tails)) if chance.maybe(0.6) else 0
    apart = chance.maybe(0.2)  # the headline above and outside the box of the text
    article = hand.box("article", *([] if apart else heads), hand.wrapped(text), *tails[:inside])
    return "".join([*(heads if apart else []), hand.wrapped(article), *tails[inside:]])


def blog(hand: Hand) -> str:
    """A post of a blog, now and then the front page with several whole posts."""
    if hand.chance.maybe(0.15):
        posts = [replace(hand, title=hand.voice.headline(hand.chance)) for _ in range(hand.chance.between(2, 6))]
        return "".join(
            one.box("article", title(one), byline(one), body(one, flow(one, 2, 9, 0.05)), tags(one)) for one in posts
        )
    heads, tails = _heads(hand, 0), _tails(hand, 0)
    return hand.box("article", *heads, body(hand, flow(hand, 3, 30, 0.12)), *tails[:4]) + "".join(tails[4:])


def release(hand: Hand) -> str:
    """A statement of an office or a firm: title, date, text, contact."""
    contact = [
        hand.element("p", hand.main(f"{hand.voice.person(hand.chance)}, +00 {hand.chance.between(100, 999)}"))
        for _ in range(hand.chance.between(0, 1))
    ]
    date = byline(hand) if hand.chance.maybe(0.6) else ""
    return hand.box(
        "article",
        title(hand),
        date,
        hand.element(hand.tag("body"), run(hand, flow(hand, 2, 12, 0.05)), *contact, role="body"),
    )
