"""Pages of offices, handbooks, wikis, events, kitchens and firms: structured texts."""

from collections.abc import Callable, Sequence

from training.designs.body import body, code, facts, figure, flow, paragraph, points, quote, run, table
from training.designs.hand import Hand
from training.designs.margins import crumbs, menu
from training.designs.news import byline, comments, lead, release, share, tags, title
from training.designs.shops import price
from training.designs.stories import group


def _contents(hand: Hand) -> str:
    heads = [hand.voice.headline(hand.chance) for _ in range(hand.chance.between(3, 12))]
    label = hand.element(hand.chance.pick(("h2", "p", "div")), hand.plain(hand.voice.phrases["wiki"][0]))
    return hand.element(
        hand.chance.pick(("div", "nav")), label, hand.rows([hand.link(hand.plain(one)) for one in heads]), role="toc"
    )


def _sections(hand: Hand, extras: Sequence[Callable[[Hand], str]], after: Callable[[Hand], str]) -> str:
    """Headings with text under each; `after` writes what stands in a heading beside it."""
    parts = []
    for _ in range(hand.chance.few(2, 12)):
        level = hand.chance.pick(("h2", "h2", "h3"))
        parts.append(hand.element(level, hand.main(hand.voice.headline(hand.chance)), after(hand)))
        parts += [paragraph(hand, hand.voice.paragraph(hand.chance, 1, 5)) for _ in range(hand.chance.few(1, 5))]
        parts += [hand.chance.pick(extras)(hand)] if hand.chance.maybe(0.5) else []
    return "".join(parts)


def documentation(hand: Hand) -> str:
    """A page of a handbook."""
    chance, voice = hand.chance, hand.voice
    mark = chance.pick(("¶", "#", ""))
    edit = hand.link(hand.plain(voice.phrases["docs"][2])) if chance.maybe(0.5) else ""
    text = _sections(
        hand, (code, code, points, points, table, _remark, _definitions), lambda hand: hand.link(mark) if mark else ""
    )
    ends = hand.element(
        "div", *(hand.link(hand.plain(f"{one}: {voice.title_end(chance)}")) for one in voice.phrases["docs"][:2])
    )
    toc = _contents(hand.outside()) if chance.maybe(0.6) else ""
    article = hand.box(
        "article",
        title(hand),
        paragraph(hand, voice.paragraph(chance)),
        toc if chance.maybe(0.4) else "",
        hand.box("body", text, tag="div"),
    )
    around = [
        crumbs(hand) if chance.maybe(0.6) else "",
        article,
        edit,
        ends if chance.maybe(0.7) else "",
        toc if chance.maybe(0.4) else "",
    ]
    return "".join(around)


def _definitions(hand: Hand) -> str:
    """Names of a library: signature, what it does, its arguments."""
    chance, voice = hand.chance, hand.voice
    told = []
    for _ in range(chance.between(1, 5)):
        name = f"{hand.slug()}.{hand.slug()}({hand.slug()}, {hand.slug()}=None)"
        rows = [hand.main(f"{hand.slug()} – {voice.sentence(chance)}") for _ in range(chance.between(0, 5))]
        text = hand.element("p", hand.prose(voice.paragraph(chance, 1, 2)))
        told.append(
            f"<dt><code>{hand.main(name)}</code></dt>\n<dd>{text}{hand.rows(rows, 'ul') if rows else ''}</dd>\n"
        )
    return hand.element("dl", *told, role="definitions")


def _remark(hand: Hand) -> str:
    label = hand.element("p", hand.main(hand.voice.phrases["docs"][4])) if hand.chance.maybe(0.7) else ""
    return hand.element(
        "div", label, hand.element("p", hand.main(hand.voice.paragraph(hand.chance, 1, 2))), role="remark"
    )


def wiki(hand: Hand) -> str:
    """An article of an encyclopedia."""
    chance, voice = hand.chance, hand.voice
    edit = chance.maybe(0.7)
    rows = "".join(
        f"<tr><th>{hand.main(name)}</th><td>{hand.main(voice.title_end(chance))}</td></tr>\n"
        for name in voice.says("spec", chance.between(3, 9), chance)
    )
    info = f'<table class="infobox">{rows}</table>\n' if chance.maybe(0.5) else ""
    first = [paragraph(hand, voice.paragraph(chance, 2, 5)) for _ in range(chance.between(1, 3))]
    text = _sections(
        hand,
        (points, table, quote),
        lambda hand: f"<span>[{hand.link(hand.plain(voice.phrases['wiki'][1]))}]</span>" if edit else "",
    )
    notes = [
        f"{hand.link('↑')} {hand.main(voice.person(chance) + ', ' + voice.headline(chance))}"
        for _ in range(chance.between(2, 15))
    ]
    last = hand.element("h2", hand.main(voice.phrases["wiki"][2])) + hand.rows(notes, "ol") if chance.maybe(0.6) else ""
    topics = hand.box("tags", menu(hand, voice.says("sections", chance.between(2, 6), chance), "pipes"), tag="div")
    picture = figure(hand.outside()) if chance.maybe(0.5) else ""
    toc = _contents(hand.outside()) if chance.maybe(0.6) else ""
    return hand.box("article", title(hand), hand.box("body", info, picture, *first, toc, text, last, tag="div"), topics)


def _pairs(hand: Hand, names: Sequence[str]) -> str:
    """Names and what they are: of an office, an event."""
    chance, voice = hand.chance, hand.voice
    pairs = [
        (
            name,
            chance.pick(
                (
                    voice.name(chance),
                    f"{voice.date(chance)} {voice.clock(chance)}",
                    f"+00 {chance.between(100, 999)} {chance.between(100, 999)}",
                )
            ),
        )
        for name in names
    ]
    form = chance.between(0, 3)
    if form == 0:
        return (
            "<table>"
            + "".join(f"<tr><td>{hand.main(name)}</td><td>{hand.main(value)}</td></tr>\n" for name, value in pairs)
            + "</table>\n"
        )
    if form == 1:
        return hand.element(
            "dl", *(f"<dt>{hand.main(name)}</dt><dd>{hand.main(value)}</dd>\n" for name, value in pairs)
        )
    if form == 2:
        return hand.element(
            "p", *(f"<strong>{hand.main(name)}</strong>: {hand.main(value)}<br>\n" for name, value in pairs)
        )
    return "".join(hand.element("div", hand.main(f"{name}: {value}")) for name, value in pairs)


def _files(hand: Hand) -> str:
    links = [
        hand.link(hand.main(f"{hand.voice.headline(hand.chance)} (PDF, {hand.chance.between(40, 900)} kB)"))
        for _ in range(hand.chance.between(1, 8))
    ]
    head = hand.element(hand.chance.pick(("h2", "h3", "p")), hand.main(hand.voice.phrases["office"][4]))
    return hand.element("div", head, hand.rows(links, "ul"))


def government(hand: Hand) -> str:
    """A notice or a service of a town hall or a ministry."""
    chance, voice = hand.chance, hand.voice
    if chance.maybe(0.25):
        return release(hand) + (_files(hand) if chance.maybe(0.5) else "")
    above = crumbs(hand) if chance.maybe(0.6) else ""
    first = lead(hand) if chance.maybe(0.4) else ""
    text = (
        body(hand, flow(hand, 2, 15, 0.03), (points, points, table))
        if chance.maybe(0.5)
        else _sections(hand, (points, table), lambda _: "")
    )
    office = _pairs(hand, voice.phrases["office"][: chance.between(2, 4)]) if chance.maybe(0.5) else ""
    papers = _files(hand) if chance.maybe(0.4) else ""
    changed = (
        hand.element("p", hand.plain(f"{voice.say('updated', chance)}: {voice.date(chance)}"))
        if chance.maybe(0.5)
        else ""
    )
    helped = (
        hand.box(
            "newsletter",
            hand.element("p", hand.plain(voice.headline(chance) + "?")),
            "<button>+</button><button>-</button>",
        )
        if chance.maybe(0.2)
        else ""
    )
    more = group(hand, "related", "related", (2, 7), 0.2) if chance.maybe(0.4) else ""
    article = hand.box("article", title(hand), first, hand.wrapped(text), *chance.shuffled([office, papers]), changed)
    return above + article + helped + (share(hand) if chance.maybe(0.25) else "") + more


def event(hand: Hand) -> str:
    """When, where, what."""
    chance, voice = hand.chance, hand.voice
    told = [_pairs(hand, voice.phrases["event"][: chance.between(2, 4)]), body(hand, flow(hand, 1, 9, 0.05))]
    button = hand.link(hand.plain(voice.phrases["event"][4])) if chance.maybe(0.6) else ""
    more = group(hand, "related", "related", (2, 9), 0.5) if chance.maybe(0.6) else ""
    parts = chance.shuffled(told)
    return (
        hand.box(
            "article",
            figure(hand.outside()) if chance.maybe(0.5) else "",
            title(hand),
            *parts,
            button,
            share(hand) if chance.maybe(0.5) else "",
        )
        + more
    )


def recipe(hand: Hand) -> str:
    """What goes in and what to do."""
    chance, voice = hand.chance, hand.voice
    names = voice.phrases["recipe"]
    heading = chance.pick(("h2", "h3", "h4", "strong"))
    goods = [
        hand.main(f"{chance.between(1, 500)} {chance.pick(('g', 'ml', 'dl', 'kg', ''))} {voice.word(chance)}")
        for _ in range(chance.between(4, 14))
    ]
    listed = hand.rows(goods, "ul") if chance.maybe(0.7) else "<br>\n".join(goods) + "<br>\n"
    steps = [hand.prose(voice.paragraph(chance, 1, 3)) for _ in range(chance.between(3, 9))]
    done = hand.rows(steps, "ol") if chance.maybe(0.6) else "".join(hand.element("p", one) for one in steps)
    story = [paragraph(hand, voice.paragraph(chance, 1, 5)) for _ in range(chance.few(1, 9))]
    facts_ = hand.element(
        "p", *(f"<span>{hand.main(f'{name}: {chance.between(2, 90)}')}</span> " for name in names[2:4])
    )
    jump = hand.link(hand.plain(names[1])) if chance.maybe(0.3) else ""
    parts = [
        jump,
        *story,
        facts_,
        hand.element(heading, hand.main(names[0])),
        listed,
        hand.element(heading, hand.main(names[1])),
        done,
    ]
    tails = [make(hand.outside()) for make in chance.kept({share: 0.5, tags: 0.4, comments: 0.6})]
    more = group(hand, "related", "related", (3, 9), 0.3) if chance.maybe(0.6) else ""
    return (
        hand.box(
            "article",
            title(hand),
            byline(hand) if chance.maybe(0.5) else "",
            figure(hand.outside()),
            hand.box("body", *parts, tag="div"),
            *tails,
        )
        + more
    )


def service(hand: Hand) -> str:
    """A page of a firm or a club: sections with cards, questions, people, prices."""
    chance = hand.chance
    makers = (_hero, _cards, _cards, _asked, _people, _prices, _said, facts, _long, _long, _action, _form)
    parts = [make(hand) for make in chance.some(makers, chance.between(2, 7))]
    return title(hand) + "".join(
        hand.wrapped(hand.element(chance.pick(("section", "div")) if hand.look.age != "old" else "div", one))
        for one in parts
    )


def _hero(hand: Hand) -> str:
    return (
        hand.element("h2", hand.main(hand.voice.headline(hand.chance)))
        + hand.element("p", hand.main(hand.voice.summary(hand.chance)))
        + _action(hand)
    )


def _action(hand: Hand) -> str:
    return hand.link(hand.plain(hand.voice.say("service", hand.chance)))


def _long(hand: Hand) -> str:
    return hand.element("h2", hand.main(hand.voice.headline(hand.chance))) + run(hand, flow(hand, 1, 7, 0.0))


def _cards(hand: Hand) -> str:
    chance, voice = hand.chance, hand.voice
    with_link = chance.maybe(0.5)
    told = [
        hand.box(
            "card",
            hand.picture() if chance.maybe(0.4) else "",
            hand.element("h3", hand.main(voice.title_end(chance))),
            hand.element("p", hand.main(voice.summary(chance))),
            _action(hand) if with_link else "",
        ).rstrip("\n")
        + "\n"
        for _ in range(chance.between(2, 9))
    ]
    return hand.element("h2", hand.main(voice.say("service", chance))) + hand.gathered(told)


def _asked(hand: Hand) -> str:
    chance, voice = hand.chance, hand.voice
    form = chance.between(0, 2)
    told = []
    for _ in range(chance.between(3, 9)):
        ask, say = (
            hand.main(voice.headline(chance).rstrip("?!…") + "?"),
            hand.element("p", hand.main(voice.paragraph(chance, 1, 3))),
        )
        if form == 0:
            told.append(hand.element("details", f"<summary>{ask}</summary>", say))
        elif form == 1:
            told.append(hand.element("div", hand.element("h3", ask), say, role="faq"))
        else:
            told.append(f"<dt>{ask}</dt><dd>{say}</dd>\n")
    return hand.element("dl", *told) if form == 2 else "".join(told)


def _people(hand: Hand) -> str:
    chance, voice = hand.chance, hand.voice
    told = [
        hand.element(
            "div",
            hand.picture(),
            hand.element("h4", hand.main(voice.person(chance))),
            hand.element("p", hand.main(voice.title_end(chance))),
            role="person",
        )
        for _ in range(chance.between(2, 12))
    ]
    return hand.element("h2", hand.main(voice.say("service", chance))) + "".join(told)


def _prices(hand: Hand) -> str:
    chance, voice = hand.chance, hand.voice
    rows = "".join(
        f"<tr><td>{hand.main(voice.title_end(chance))}</td><td>{hand.main(price(hand))}</td></tr>\n"
        for _ in range(chance.between(3, 10))
    )
    return f"<table>{rows}</table>\n"


def _said(hand: Hand) -> str:
    text = [quote(hand) for _ in range(hand.chance.between(1, 4))]
    return "".join(text)


def _form(hand: Hand) -> str:
    labels = "".join(f"<label>{hand.plain(one)}</label><input>\n" for one in hand.voice.phrases["office"][1:4])
    return f"<form>{labels}<textarea></textarea><button>OK</button></form>\n"
