"""What stands around the main text of any page: head, menus, consent, side columns, foot."""

import json

from training.designs.clutter import big_menu, small_print
from training.designs.hand import Hand
from training.designs.stories import ad, group

TYPES = {
    "news": ("article", ("NewsArticle", "Article", "NewsArticle", "ReportageNewsArticle", "WebPage")),
    "portal": ("article", ("NewsArticle", "Article", "WebPage")),
    "blog": ("article", ("BlogPosting", "Article", "WebPage")),
    "forum": ("website", ("DiscussionForumPosting", "WebPage", "BreadcrumbList")),
    "qa": ("website", ("QAPage", "WebPage")),
    "product": ("product", ("Product", "Product", "BreadcrumbList")),
    "listing": ("website", ("ItemList", "CollectionPage", "WebSite", "BreadcrumbList")),
    "documentation": ("article", ("TechArticle", "WebPage", "BreadcrumbList")),
    "wiki": ("article", ("Article", "WebPage")),
    "government": ("website", ("GovernmentOrganization", "WebPage", "Article")),
    "event": ("event", ("Event", "WebPage")),
    "recipe": ("article", ("Recipe", "Article")),
    "service": ("website", ("Organization", "WebPage", "FAQPage", "LocalBusiness")),
}
"""og:type and types of JSON-LD, by kind of page."""


def head(hand: Hand, kind: str) -> str:
    """The head of the document, with what the page says it is, or without."""
    chance = hand.chance
    title = hand.plain(hand.title)
    site = hand.plain(hand.site)
    shown = chance.pick(
        (f"{title} - {site}", f"{title} | {site}", title, f"{site} » {title}", site, f"{site}: {title}")
    )
    parts = (
        ['<meta charset="utf-8">']
        if hand.look.age != "old"
        else ['<meta http-equiv="Content-Type" content="text/html; charset=utf-8">']
    )
    parts.append(f"<title>{shown}</title>")
    og, types = TYPES[kind]
    if hand.look.age != "old" or chance.maybe(0.35):
        said = og if chance.maybe(0.75) else chance.pick(("website", "article"))
        parts += [f'<meta property="og:type" content="{said}">'] if chance.maybe(0.65) else []
        parts += [f'<meta property="og:site_name" content="{site}">'.replace("&#", "#")] if chance.maybe(0.5) else []
    if hand.look.age != "old" and chance.maybe(0.5):
        said = json.dumps(
            {"@context": "https://schema.org", "@type": chance.pick(types), "name": hand.site}, ensure_ascii=False
        )
        parts.append(f'<script type="application/ld+json">{said}</script>')
    parts += [
        '<link rel="stylesheet" href="/css/style.css">',
        "<style>body{margin:0}</style>",
        '<script src="/js/app.js"></script>',
    ]
    return "<head>\n" + "\n".join(parts) + "\n</head>\n"


# ---- menus ----


def labels(hand: Hand, count: int) -> list[str]:
    """Items of a menu."""
    return hand.voice.says(hand.chance.pick(("sections", "sections", "pages", "nav")), count, hand.chance)


def menu(hand: Hand, items: list[str], form: str = "") -> str:
    """Links beside each other, in one of the ways of the web."""
    form = form or hand.chance.pick(("list", "list", "list", "bare", "pipes", "cells", "nested", "spans", "divs"))
    links = [hand.link(hand.plain(one)) for one in items]
    if form in ("bare", "pipes"):
        mark = " " if form == "bare" else hand.chance.pick((" | ", " · ", " &bull; ", " / ", "&nbsp;&nbsp;"))
        return mark.join(links)
    if form == "cells":
        return hand.element("table", "<tr>" + "".join(f"<td>{one}</td>" for one in links) + "</tr>")
    if form in ("spans", "divs"):
        return "".join(hand.element(form[:-1], one, role="item") for one in links)
    if form == "nested":
        deep = [
            hand.element("li", one, hand.rows(_under(hand), "ul") if hand.chance.maybe(0.5) else "", role="item")
            for one in links
        ]
        return hand.element("ul", *deep, role="menu")
    return hand.element("ul", *(hand.element("li", one, role="item") for one in links), role="menu")


def _under(hand: Hand) -> list[str]:
    return [hand.link(hand.plain(one)) for one in hand.voice.says("sections", hand.chance.few(2, 9), hand.chance)]


def top(hand: Hand) -> list[str]:
    """Parts above the columns."""
    chance, voice = hand.chance, hand.voice
    skip = hand.link(hand.plain(voice.say("hidden", chance)))
    search = hand.element(
        "form", '<input type="text" name="q">', f"<button>{hand.plain(voice.say('search', chance))}</button>"
    )
    parts = [skip] if chance.maybe(0.3) else []
    if chance.maybe(0.45):
        told = [voice.date(chance), *voice.says("hidden", 1, chance), voice.say("login", chance), "+12°C", "FB"]
        parts.append(
            hand.box("bar", *(hand.element("span", hand.plain(one)) for one in chance.some(told, chance.between(1, 4))))
        )
    logo = hand.link(hand.plain(hand.site)) if chance.maybe(0.6) else hand.link(hand.picture())
    motto = hand.element("p", hand.plain(voice.title_end(chance))) if chance.maybe(0.25) else ""
    name = hand.element(chance.pick(("div", "div", "h1", "p", "span")), logo)
    nav = hand.box("nav", menu(hand, labels(hand, chance.few(4, 26))), tag="" if hand.tag("nav") != "ul" else "div")
    parts.append(hand.box("header", name, motto, search if chance.maybe(0.6) else "", nav if chance.maybe(0.5) else ""))
    within = nav in parts[-1]
    parts += [nav] if chance.maybe(0.1 if within else 0.8) else []  # a second time for telephones
    parts += [menu(hand, labels(hand, chance.few(3, 16)))] if chance.maybe(0.25) else []
    parts += [ad(hand)] if chance.maybe(0.3) else []
    parts += [big_menu(hand)] if chance.maybe(0.04 + 0.04 * hand.look.crowd) else []
    if chance.maybe(0.12 * hand.look.crowd):
        parts.append(group(hand, "group", chance.pick(("latest", "most", "related")), (2, 7), 0.35))
    return parts


def crumbs(hand: Hand) -> str:
    """Where the page stands on its site."""
    chance = hand.chance
    told = [hand.voice.say("home", chance), *hand.voice.says("sections", chance.between(1, 3), chance)]
    links = [hand.link(hand.plain(one)) for one in told]
    links += [f"<span>{hand.plain(hand.title)}</span>"] if chance.maybe(0.4) else []
    if hand.tag("crumbs") in ("ol", "nav") or chance.maybe(0.3):
        return hand.box("crumbs", hand.rows(links, "ol"), tag="div")
    return hand.box("crumbs", chance.pick((" › ", " &gt; ", " » ", " / ")).join(links))


# ---- consent, newsletters, walls ----


def consent(hand: Hand) -> str:
    """What asks for consent: one sentence, or the paragraphs and purposes of a privacy wall."""
    chance, voice = hand.chance, hand.voice
    texts = [voice.say("cookie", chance)]
    texts += voice.says("cookies", chance.between(1, 2), chance) if chance.maybe(0.5) else []
    buttons = [voice.say("accept", chance), voice.say("reject", chance)]
    inside = [hand.element("p", hand.plain(text)) for text in texts]
    if chance.maybe(0.2):
        inside.insert(0, hand.element("h2", hand.plain(voice.say("cookie_title", chance))))
        inside += [
            hand.element(
                "div",
                hand.element("h4", hand.plain(voice.word(chance))),
                hand.element("p", hand.plain(voice.say("cookies", chance))),
            )
            for _ in range(chance.between(1, 5))
        ]
    tag = chance.pick(("button", "a", "a", "span"))
    inside += [hand.element(tag, hand.plain(one)) for one in buttons[: chance.between(1, 2)]]
    return hand.box("notice", hand.wrapped("".join(inside)))


def newsletter(hand: Hand) -> str:
    """A box that asks for an address."""
    chance, voice = hand.chance, hand.voice
    title = hand.box("group_title", hand.plain(voice.say("newsletter", chance)))
    text = hand.element("p", hand.plain(voice.say("newsletter_text", chance)))
    small = hand.element("small", hand.plain(voice.say("cookies", chance)))
    form = f'<form><label>E-mail</label><input type="email"><button>OK</button>{small}</form>'
    return hand.box(
        "newsletter",
        title,
        text,
        form if chance.maybe(0.7) else hand.element("a", hand.plain(voice.say("more", chance))),
    )


# ---- foot ----


def foot(hand: Hand) -> list[str]:
    """Parts below the columns."""
    chance, voice = hand.chance, hand.voice
    inside = []
    for _ in range(chance.few(0, 5)):
        title = hand.box("group_title", hand.plain(voice.say("sections", chance))) if chance.maybe(0.7) else ""
        inside.append(
            hand.element(
                "div", title, menu(hand, labels(hand, chance.few(3, 24)), chance.pick(("list", "list", "bare", "divs")))
            )
        )
    if chance.maybe(0.35):
        inside.append(
            hand.element(
                "div",
                *(hand.element("p", hand.plain(voice.paragraph(chance, 1, 3))) for _ in range(chance.between(1, 2))),
            )
        )
    if chance.maybe(0.3):
        place = f"{hand.plain(hand.site)}<br>{hand.plain(voice.name(chance))}"
        inside.append(
            hand.element("address", f"{place}<br>{chance.between(1, 120)}<br>+00 000 {chance.between(100, 999)}")
        )
    inside.append(
        menu(hand, voice.says("footer", chance.between(2, 8), chance), chance.pick(("list", "pipes", "bare")))
    )
    inside += [small_print(hand)] if chance.maybe(0.15) else []
    rights = f"© {chance.between(2008, 2026)} {hand.site}. {voice.say('rights', chance)}"
    inside.append(hand.box("rights", hand.plain(rights)))
    inside += [hand.element("p", hand.plain(voice.say("legal", chance)))] if chance.maybe(0.35) else []
    return [hand.box("foot", hand.wrapped("".join(chance.shuffled(inside) if chance.maybe(0.3) else inside)))]
