"""Where the parts of a page stand: columns, tables, grids, in the order of the source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from training.designs.clutter import LAST, sticky
from training.designs.crowds import column, links, others
from training.designs.hand import Hand
from training.designs.margins import consent, crumbs, foot, labels, menu, top
from training.designs.remarks import notice
from training.designs.sides import widgets
from training.designs.stories import RICH, group, heading_of, teasers


@dataclass(frozen=True)
class Parts:
    """The parts of a page, each written already; sides: up to two columns beside the text."""

    top: list[str]
    above: str
    center: str
    sides: list[str]
    below: str
    foot: list[str]
    first: str
    last: str


def parts(hand: Hand, center: str, kind: str) -> Parts:
    """What stands around the text on a page of this kind."""
    chance, crowd = hand.chance, hand.look.crowd
    sides = [
        hand.box("side", *widgets(hand, 1, 3 + 2 * crowd))
        for _ in range(chance.pick((0, 1, 1, 1, 2)) if crowd else chance.pick((0, 0, 1)))
    ]
    above = crumbs(hand) if kind not in ("listing", "product") and chance.maybe(0.3) else ""
    above += _strip(hand) if chance.maybe(0.08 * crowd) else ""
    below = "".join(_below(hand) for _ in range(chance.few(0, 2 * crowd)))
    first = consent(hand) if chance.maybe(0.3) else ""
    last = (consent(hand) if not first and chance.maybe(0.4) else "") + (_drawer(hand) if chance.maybe(0.25) else "")
    last += _hidden(hand) if chance.maybe(0.2) else ""
    last += chance.pick(LAST)(hand) if chance.maybe(0.25) else ""
    first += sticky(hand) if kind in ("news", "blog") and chance.maybe(0.1) else ""
    return Parts(top(hand), above, center, sides, below, foot(hand), first, last)


def _strip(hand: Hand) -> str:
    """The stories of the day above the text."""
    return hand.element("div", teasers(hand, hand.chance.between(2, 6), hand.plain, RICH))


def _below(hand: Hand) -> str:
    """The rest of the front page, under the text."""
    if hand.chance.maybe(0.3):
        head = heading_of(hand, "sections")
        return hand.element("div", head, teasers(hand, hand.chance.between(4, 24), hand.plain, RICH))
    return group(hand, "group", hand.chance.pick(("latest", "most", "related")), (2, 16), 0.6)


def _drawer(hand: Hand) -> str:
    return hand.element("div", menu(hand, labels(hand, hand.chance.between(6, 40)), "nested"), role="drawer")


def _hidden(hand: Hand) -> str:
    text = hand.plain(hand.voice.paragraph(hand.chance, 1, 3))
    return hand.chance.pick(
        (
            f'<div style="display:none"><p>{text}</p></div>\n', f"<noscript><div>{text}</div></noscript>\n",
            f'<div hidden><h3>{hand.plain(hand.voice.say("hidden", hand.chance))}</h3><p>{text}</p></div>\n',
            f'<div aria-hidden="true" class="modal"><div class="dialog"><h4>{text}</h4><a>x</a></div></div>\n',
        )
    )  # fmt: skip


def columns(hand: Hand, told: Parts) -> str:
    """Side columns before and after the text, in a box."""
    first = hand.chance.between(0, len(told.sides))
    main = hand.box("main", told.above, hand.wrapped(told.center))
    row = "".join([*told.sides[:first], main, *told.sides[first:]])
    inside = "".join([*told.top, hand.wrapped(row), told.below, *told.foot])
    return told.first + hand.box("page", inside) + told.last


def text_first(hand: Hand, told: Parts) -> str:
    """The text before all else in the source, the head and its menus behind it: usual about 2010."""
    main = hand.box("main", told.above, told.center)
    rest = [*told.sides, told.below, *told.top, *told.foot]
    return (
        told.first
        + hand.box("page", main, *(rest if hand.chance.maybe(0.6) else hand.chance.shuffled(rest)))
        + told.last
    )


def tables(hand: Hand, told: Parts) -> str:
    """A table for the page, cells for the columns."""
    first = hand.chance.between(0, len(told.sides))
    cells = [*told.sides[:first], told.above + hand.wrapped(told.center), *told.sides[first:]]
    row = "".join(hand.element("td", one, extra=' valign="top"') for one in cells)
    span = f' colspan="{len(cells)}"'
    lines = [hand.element("tr", hand.element("td", one, extra=span)) for one in told.top]
    lines += [hand.element("tr", row)]
    lines += [hand.element("tr", hand.element("td", one, extra=span)) for one in (told.below, *told.foot) if one]
    form = hand.chance.between(0, 2)
    if form == 0:
        return "".join(hand.element("table", line) for line in lines)
    table = hand.element("table", *lines, role="page")
    return f"<center>{table}</center>" if form == 1 else table


def nested_tables(hand: Hand, told: Parts) -> str:
    """Tables inside of tables, the text in a table of its own."""
    inner = hand.element("table", hand.element("tr", hand.element("td", told.above + told.center)))
    cells = (
        hand.chance.shuffled([*told.sides, inner])
        if hand.chance.maybe(0.3)
        else [*told.sides[:1], inner, *told.sides[1:]]
    )
    row = hand.element("tr", *(hand.element("td", one) for one in cells))
    return "".join([*told.top, hand.element("table", row), told.below, *told.foot, told.last])


def semantic(hand: Hand, told: Parts) -> str:
    """Head, main, asides, foot, side by side under the body or in few boxes."""
    inside = hand.chance.maybe(0.4)
    main = hand.element("main", told.above, told.center, *(told.sides if inside else []), role="main")
    rest = [] if inside else told.sides
    return "".join([told.first, *told.top, hand.wrapped(main + "".join(rest)), told.below, *told.foot, told.last])


def application(hand: Hand, told: Parts) -> str:
    """Boxes in boxes, as frameworks write them, everything in one root."""
    text = told.above + told.center
    for _ in range(hand.chance.between(2, 6)):
        text = hand.wrapped(f"<div>{text}</div>\n")
    body = "".join([*told.top, text, *told.sides, told.below, *told.foot])
    name = hand.chance.pick(("root", "__next", "app", "___gatsby", "__nuxt", "main"))
    data = (
        '<script id="__NEXT_DATA__" type="application/json">{"props":{"pageProps":{}}}</script>\n'
        if hand.chance.maybe(0.5)
        else ""
    )
    return f'{told.first}<div id="{name}"><div>{body}</div></div>\n{told.last}{data}'


def rows(hand: Hand, told: Parts) -> str:
    """Sections under each other, each in a row of a grid; the side column may come before the text."""
    pieces = [hand.wrapped(told.center), *told.sides]
    grid = hand.chance.shuffled(pieces) if hand.chance.maybe(0.3) else pieces
    lines = [
        *told.top,
        told.above,
        *(f'<div class="row">{hand.element("div", one, role="main")}</div>\n' for one in grid),
        told.below,
        *told.foot,
    ]
    return (
        told.first
        + "".join(hand.element("div", one) if hand.chance.maybe(0.5) else one for one in lines if one)
        + told.last
    )


def bare(hand: Hand, told: Parts) -> str:
    """Hardly anything but the text."""
    shown = [
        told.top[-1] if hand.chance.maybe(0.5) else "",
        told.center,
        told.foot[-1] if hand.chance.maybe(0.6) else "",
    ]
    return "".join(shown) if hand.chance.maybe(0.6) else hand.box("page", *shown)


def menu_left(hand: Hand, told: Parts) -> str:
    """A long tree of pages at the left, then the text: handbooks, town halls."""
    tree = hand.box(
        "side",
        menu(
            hand,
            hand.voice.says("topics", hand.chance.between(6, 30), hand.chance),
            hand.chance.pick(("nested", "list")),
        ),
    )
    rest = [hand.box("main", told.above, told.center), *told.sides[:1]]
    return "".join([told.first, *told.top, hand.wrapped(tree + "".join(rest)), told.below, *told.foot, told.last])


def crowded(hand: Hand, told: Parts) -> str:
    """Columns of links at both sides, in tables or boxes, and the rest of the site below."""
    hand, chance = hand.outside(), hand.chance
    before = [column(hand, 1, 4) for _ in range(chance.between(0, 1))]
    after = [column(hand, 1, 7) for _ in range(chance.between(0, 2))]
    main = told.above + told.center
    below = (
        told.below
        + "".join(others(hand, 3, 16) for _ in range(chance.few(0, 5)))
        + (links(hand, 10, 80) if chance.maybe(0.4) else "")
    )
    foot = [*told.foot, *(notice(hand) for _ in range(chance.few(0, 4)))]
    if chance.maybe(0.5):
        cells = "".join(f'<td valign="top">{one}</td>\n' for one in (*before, main, *after))
        row = f'<table width="{chance.pick(("100%", "980", "780"))}"><tr>{cells}</tr></table>\n'
        tops = "".join(f"<table><tr><td>{one}</td></tr></table>\n" for one in told.top)
        return "".join([told.first, tops, row, below, *foot])
    boxes = [*before, hand.box("main", main), *after]
    order = [boxes[len(before)], *before, *after] if chance.maybe(0.3) else boxes
    return hand.box("page", *told.top, hand.wrapped("".join(order)), below, *foot)


LAYOUTS: Mapping[str, Callable[[Hand, Parts], str]] = {
    "columns": columns, "text_first": text_first, "tables": tables, "nested_tables": nested_tables,
    "semantic": semantic, "application": application, "rows": rows, "bare": bare, "menu_left": menu_left,
    "crowded": crowded,
}  # fmt: skip
