"""Pages of one product, and pages that list: products, news, offers, search results."""

from training.designs.body import body, facts, figure, flow, points, table
from training.designs.hand import Hand
from training.designs.margins import crumbs, menu
from training.designs.news import comments, share, title
from training.designs.stories import LISTED, RICH, group, teasers


def price(hand: Hand) -> str:
    """An amount of money."""
    amount = f"{hand.chance.between(2, 1900)},{hand.chance.pick(('00', '90', '99', '50'))}"
    return hand.chance.pick(
        (f"{amount} €", f"€ {amount}", f"{amount} zł", f"{amount} Kč", f"£{amount}", f"{amount} kr.")
    )


def _buy(hand: Hand) -> str:
    chance, voice = hand.chance, hand.voice
    cost = hand.element("div", hand.plain(price(hand)), role="price")
    stock = hand.element("p", hand.plain(chance.pick((voice.phrases["shop"][3], voice.say("delivery", chance)))))
    label = f"<label>{hand.plain(voice.phrases['shop'][5])}</label><input type=number>" if chance.maybe(0.5) else ""
    button = hand.element(chance.pick(("button", "a", "span")), hand.plain(voice.say("basket", chance)))
    options = menu(hand, ["S", "M", "L", "XL"], "list") if chance.maybe(0.3) else ""
    return hand.element("div", *chance.shuffled([cost, stock, label + button, options]), role="box")


def _details(hand: Hand) -> str:
    """Names and values: table, list, terms or lines."""
    chance, voice = hand.chance, hand.voice
    pairs = [
        (name, chance.pick((voice.word(chance), f"{chance.between(1, 900)} cm", voice.title_end(chance))))
        for name in voice.says("spec", chance.between(3, 10), chance)
    ]
    form = chance.between(0, 3)
    if form == 0:
        return (
            "<table>"
            + "".join(f"<tr><th>{hand.main(name)}</th><td>{hand.main(value)}</td></tr>\n" for name, value in pairs)
            + "</table>\n"
        )
    if form == 1:
        return hand.element(
            "dl", *(f"<dt>{hand.main(name)}</dt><dd>{hand.main(value)}</dd>\n" for name, value in pairs)
        )
    told = [hand.main(f"{name}: {value}") for name, value in pairs]
    return hand.rows(told, "ul") if form == 2 else hand.element("p", "<br>\n".join(told))


def product(hand: Hand) -> str:
    """One thing to buy: its title, description and details are the text."""
    chance, voice = hand.chance, hand.voice
    told = voice.phrases["shop"]
    short = hand.box("lead", hand.prose(voice.paragraph(chance, 1, 2)), tag="div") if chance.maybe(0.5) else ""
    first = (
        chance.shuffled([title(hand), figure(hand.outside()), _buy(hand)])
        if chance.maybe(0.5)
        else [figure(hand.outside()), title(hand), _buy(hand)]
    )
    heading = chance.pick(("h2", "h3", "h4", "div"))
    tabs = menu(hand, list(told[:3]), "list") if chance.maybe(0.4) else ""
    long = hand.element(
        "div",
        hand.element(heading, hand.main(told[0])) if chance.maybe(0.6) else "",
        body(hand, flow(hand, 1, 8, 0.0), (points, facts, table)),
        role="tab",
    )
    details = hand.element(
        "div", hand.element(heading, hand.main(told[1])) if chance.maybe(0.6) else "", _details(hand), role="tab"
    )
    parts = chance.shuffled([long, details]) if chance.maybe(0.75) else [long]
    reviews = comments(hand.outside()) if chance.maybe(0.35) else ""
    more = (
        [
            hand.box(
                "related",
                hand.element("h3", hand.plain(voice.phrases["shop"][4])),
                goods(hand.outside(), chance.between(3, 9), main=False),
            )
        ]
        if chance.maybe(0.7)
        else []
    )
    more += [group(hand, "related", "related", (2, 6), 0.2)] if chance.maybe(0.15) else []
    above = crumbs(hand) if chance.maybe(0.7) else ""
    article = hand.box("article", *first, short, tabs, *parts, share(hand) if chance.maybe(0.4) else "", reviews)
    return above + article + "".join(more)


def goods(hand: Hand, count: int, main: bool) -> str:
    """Products beside each other."""
    chance, voice = hand.chance, hand.voice
    say = hand.main if main else hand.plain
    with_text, with_price, with_more = chance.maybe(0.4), chance.maybe(0.85), chance.maybe(0.4)
    linked = chance.maybe(0.35)
    told: list[str] = []
    for _ in range(count):
        name = f"{voice.name(chance)} {voice.title_end(chance)}"
        inside = [
            hand.link(hand.picture()),
            hand.box("teaser_title", hand.link(say(name)), tag=chance.pick(("h3", "div")) if not told else "h3"),
        ]
        inside += [hand.element("p", say(voice.summary(chance)))] if with_text else []
        inside += [hand.element("span", say(price(hand)), role="price")] if with_price else []
        inside += [hand.link(hand.plain(voice.say("basket", chance)))] if with_more else []
        inside = (
            [hand.element("a", *(one.replace("<a ", "<span ").replace("</a>", "</span>") for one in inside))]
            if linked
            else inside
        )
        told.append(hand.box("card", *inside).rstrip("\n") + "\n")
    return hand.gathered(told)


def _facets(hand: Hand) -> str:
    chance = hand.chance
    boxes = []
    for name in hand.voice.says("spec", chance.between(1, 5), chance):
        rows = [
            f"<label><input type=checkbox>{hand.plain(hand.voice.word(chance))} ({chance.between(1, 99)})</label>"
            for _ in range(chance.between(2, 9))
        ]
        boxes.append(hand.element("div", hand.element("h4", hand.plain(name)), hand.rows(rows, "ul")))
    return hand.box("widget", *boxes)


def _links(hand: Hand) -> str:
    """Sections of a catalogue, each with the links under it."""
    chance, voice = hand.chance, hand.voice
    told = []
    for _ in range(chance.between(2, 12)):
        links = [hand.link(hand.main(voice.title_end(chance))) for _ in range(chance.between(2, 12))]
        below = (
            hand.rows(links, "ul")
            if chance.maybe(0.6)
            else hand.element("p", chance.pick((", ", " ", " | ")).join(links))
        )
        told.append(hand.box("group", hand.box("group_title", hand.link(hand.main(voice.headline(chance)))), below))
    return "".join(told)


def listing(hand: Hand) -> str:
    """A page that lists: here the teasers are the text."""
    chance, voice = hand.chance, hand.voice
    heads = [crumbs(hand)] if chance.maybe(0.4) else []
    heads += [title(hand)] if chance.maybe(0.85) else []
    heads += [hand.box("lead", hand.prose(voice.paragraph(chance, 1, 5)))] if chance.maybe(0.35) else []
    sort = menu(hand, [voice.phrases["shop"][6], *voice.says("latest", 2, chance)], "bare") if chance.maybe(0.4) else ""
    count = chance.few(4, 60)
    form = chance.between(0, 9)
    if form < 3:
        told = goods(hand, count, main=True)
    elif form < 8:
        told = teasers(hand, count, hand.main, LISTED)
    elif form == 8:
        told = "".join(
            hand.box(
                "group", hand.box("group_title", hand.main(one)), teasers(hand, chance.between(2, 6), hand.main, RICH)
            )
            for one in voice.says("sections", chance.between(2, 6), chance)
        )
    else:
        told = _links(hand)
    pager = menu(hand, ["1", "2", "3", "4", "»"], chance.pick(("list", "bare", "spans"))) if chance.maybe(0.6) else ""
    facets = _facets(hand) if chance.maybe(0.35) else ""
    seo = body(hand, flow(hand, 1, 5, 0.0)) if chance.maybe(0.2) else ""
    listed = hand.box("list", hand.wrapped(told))
    return "".join([*heads, facets, sort, listed, pager, seo])
