"""What real pages put into and around a text and what reads like it: galleries, promotions, notes, policies."""

from collections.abc import Callable, Sequence

from training.designs.hand import Hand


def gallery(hand: Hand) -> str:
    """Pictures with long captions, in a list or one under the other; now and then each caption twice."""
    chance, voice = hand.chance, hand.voice
    count, twice = chance.between(2, 12), chance.maybe(0.25)
    form = chance.pick(("li", "figure", "div", "p"))
    told = []
    for number in range(1, count + 1):
        text = f"{voice.paragraph(chance, 1, 3)} {voice.say('photo', chance)}: {voice.person(chance)}"
        label = chance.pick((f"{number}/{count} ", f"{number} / {count} ", ""))
        caption = hand.box("caption", hand.plain(label + text), tag="p" if form == "p" else "")
        shown = [hand.picture(), caption, caption if twice else ""]
        told.append(hand.element("div" if form == "p" else form, *shown, role="slide").rstrip("\n") + "\n")
    return hand.element("div", hand.gathered(told), role="gallery")


def picture_line(hand: Hand) -> str:
    """A picture whose caption is a paragraph like those of the text."""
    chance, voice = hand.chance, hand.voice
    text = hand.plain(f"{voice.sentence(chance)} ({voice.say('photo', chance)}: {voice.word(chance).upper()})")
    tag = chance.pick(("p", "div", "p"))
    return hand.element("p", hand.picture()) + hand.element(tag, f"<em>{text}</em>" if chance.maybe(0.3) else text)


def films(hand: Hand) -> str:
    """A player with a list of other films."""
    chance, voice = hand.chance, hand.voice
    rows = [
        f"<span>{chance.between(0, 9)}:{chance.between(10, 59)}</span> {hand.link(hand.plain(voice.headline(chance)))}"
        for _ in range(chance.between(1, 10))
    ]
    caption = hand.element(chance.pick(("p", "div", "h2")), hand.plain(voice.headline(chance)))
    return hand.element("div", '<video src="/film.mp4"></video>', caption, hand.rows(rows, "ul"), role="player")


def promotion(hand: Hand) -> str:
    """A paragraph inside of the text that sells the site: capitals, a link, or a plain sentence."""
    chance, voice = hand.chance, hand.voice
    form = chance.between(0, 4)
    if form == 0:
        return hand.element("p", f"<strong>{hand.link(hand.plain(voice.headline(chance).upper()))}</strong>")
    text = hand.plain(voice.say(chance.pick(("newsletter_text", "paywall")), chance))
    if form == 1:
        return hand.element("p", f"<em>{text} {hand.link(hand.plain(voice.say('more', chance)))}</em>")
    if form == 2:
        return hand.element(chance.pick(("p", "h4", "h3")), hand.link(text))
    if form == 3:
        return hand.element("p", f"<b>{hand.plain(voice.headline(chance).upper())}</b>")
    return hand.element("p", text)


def pointer(hand: Hand) -> str:
    """Capitals, then other headlines a line each, the link in brackets behind them or all of it."""
    chance, voice = hand.chance, hand.voice
    head, count = hand.plain(voice.say("read_also", chance).upper()), chance.between(1, 4)
    told = [hand.plain(voice.headline(chance)) for _ in range(count)]
    if chance.maybe(0.5):
        lines = [f"{one} {hand.link(f'[{hand.plain(voice.word(chance).upper())}]')}" for one in told]
    else:
        lines = [hand.link(one) for one in told]
    if count == 1 or chance.maybe(0.3):
        return "".join(hand.element("p", f"<strong>{head}</strong> {one}") for one in lines)
    return hand.element("p", f"<strong>{head}</strong><br>", "<br>\n".join(lines))


def contact(hand: Hand) -> str:
    """How to reach the author, where to follow and subscribe, as the last paragraph of the text."""
    chance, voice = hand.chance, hand.voice
    links = [hand.link(f"@{hand.slug()}"), hand.link(f"{hand.slug()}@{hand.slug()}.example"), hand.link("Facebook")]
    first, second = hand.plain(voice.sentence(chance)), hand.plain(voice.title_end(chance))
    text = f"{first} {links[chance.between(0, 1)]}. {second} {chance.pick(links)}."
    if chance.maybe(0.4):
        text = f"{hand.plain(voice.person(chance))}: {chance.pick(links)}. {second} {chance.pick(links)}"
    return hand.element("p", chance.pick((text, f"<em>{text}</em>", f"<i>{text}</i>", f"<strong>{text}</strong>")))


def coverage(hand: Hand) -> str:
    """Linked headings one after the other, inside of the text."""
    chance, voice = hand.chance, hand.voice
    level = chance.pick(("h3", "h4", "h5", "p", "li"))
    head = hand.element(chance.pick(("h3", "h2", "p", "div")), hand.plain(voice.say("related", chance)))
    told = [
        hand.element(level, hand.link(hand.plain(voice.headline(chance)))).rstrip("\n")
        for _ in range(chance.between(2, 6))
    ]
    return head + hand.gathered([one + "\n" for one in told])


def life(hand: Hand) -> str:
    """Who the author is, as the last paragraph of the text."""
    chance, voice = hand.chance, hand.voice
    text = hand.plain(f"{voice.person(chance)}: {voice.paragraph(chance, 1, 2)}")
    return hand.element("p", chance.pick((f"<em>{text}</em>", f"<i>{text}</i>", text)))


def notes(hand: Hand) -> str:
    """How to cite, who provided it, who may copy it."""
    chance, voice = hand.chance, hand.voice
    told = [
        f"{voice.say('source', chance)}: {voice.headline(chance)} ({voice.date(chance)}), https://{hand.slug()}.example/{hand.slug()}",
        f"{voice.say('by', chance)} {voice.name(chance)}",
        voice.say("legal", chance) + " " + voice.sentence(chance),
    ]
    return "".join(hand.element("p", hand.plain(one)) for one in chance.some(told, chance.between(1, 3)))


def credit(hand: Hand) -> str:
    """Whose the pictures are."""
    return hand.element("p", hand.plain(f"{hand.voice.say('photo', hand.chance)}: {hand.voice.name(hand.chance)}"))


def titled_share(hand: Hand) -> str:
    """A heading and the places to send it to."""
    sites = hand.chance.some(("Facebook", "Twitter", "WhatsApp", "E-mail", "Telegram"), hand.chance.between(2, 4))
    links = [hand.link(one) for one in sites]
    return hand.element("h3", hand.plain(hand.voice.phrases["share"][0] + ":")) + hand.rows(links, "ul")


def spoken_share(hand: Hand) -> str:
    """Sharing as words for the ear, without links."""
    chance = hand.chance
    word = hand.voice.phrases["share"][0]
    sites = chance.some(
        ("Facebook", "Messenger", "Twitter", "E-mail", "WhatsApp", "LinkedIn", "Telegram"), chance.between(2, 7)
    )
    return hand.element(
        "ul", *(hand.element("li", f"<span>{hand.plain(word)} {site}</span>") for site in sites), role="share"
    )


def gift(hand: Hand) -> str:
    """A request for support: prose that is not the text."""
    chance, voice = hand.chance, hand.voice
    texts = [hand.element("p", hand.plain(voice.paragraph(chance, 1, 3))) for _ in range(chance.between(1, 3))]
    head = hand.element(chance.pick(("h2", "h3", "h4", "p")), hand.plain(voice.headline(chance)))
    return hand.box("notice", head, *texts, hand.link(hand.plain(voice.say("service", chance))), tag="div")


def policy(hand: Hand) -> str:
    """A dialogue about cookies with a paragraph for each purpose, written out."""
    chance, voice = hand.chance, hand.voice
    told = []
    for _ in range(chance.between(2, 6)):
        head = hand.element(chance.pick(("h4", "a", "div", "label")), hand.plain(voice.word(chance).capitalize()))
        texts = " ".join(voice.says("cookies", 2, chance)) + " " + voice.paragraph(chance, 1, 3)
        told.append(
            hand.element("div", head, hand.element(chance.pick(("p", "div")), hand.plain(texts)), role="purpose")
        )
    tag = "dialog" if hand.look.age != "old" and chance.maybe(0.3) else "div"
    return hand.element(tag, *told, role="modal", extra=chance.pick(("", ' role="dialog"', ' style="display:none"')))


def messages(hand: Hand) -> str:
    """What a form would say if something went wrong."""
    chance, voice = hand.chance, hand.voice
    told = [
        hand.element(chance.pick(("label", "div", "p", "span")), hand.plain(voice.sentence(chance)))
        for _ in range(chance.between(1, 5))
    ]
    boxes = "".join(
        f"<label><input type=checkbox>{hand.plain(one)}</label>\n" for one in voice.says("paywall", 1, chance)
    )
    return hand.element("div", hand.element("form", *told, boxes), role="modal")


def big_menu(hand: Hand) -> str:
    """A menu that shows stories of every section."""
    chance, voice = hand.chance, hand.voice
    level = chance.pick(("h4", "h3", "h5", "div"))
    told = []
    for section in voice.says("sections", chance.between(3, 9), chance):
        heads = [
            hand.element(level, hand.link(hand.plain(voice.headline(chance)))) for _ in range(chance.between(1, 4))
        ]
        told.append(hand.element("li", hand.link(hand.plain(section)), hand.element("div", *heads, role="sub")))
    return hand.element("nav" if hand.look.age != "old" else "div", hand.element("ul", *told, role="menu"), role="nav")


def sticky(hand: Hand) -> str:
    """The headline once more, in a bar that follows."""
    shown = hand.element(hand.chance.pick(("div", "h2", "span", "p")), hand.plain(hand.title))
    return hand.element("div", shown, hand.link(hand.plain(hand.voice.phrases["share"][0])), role="bar")


def small_print(hand: Hand) -> str:
    """Paragraphs of warnings in the foot."""
    chance, voice = hand.chance, hand.voice
    texts = [f"{chance.pick(('*', '+', ''))}{voice.paragraph(chance, 2, 5)}" for _ in range(chance.between(1, 5))]
    return "".join(hand.element(chance.pick(("p", "div")), hand.plain(one)) for one in texts)


def tools(hand: Hand) -> str:
    """Size of the letters, readers, votes."""
    chance, voice = hand.chance, hand.voice
    told = [
        "A-",
        "A+",
        voice.say("share", chance),
        f"{chance.between(10, 9999)}x",
        f"{chance.between(1, 5)},0 ({chance.between(1, 90)})",
        "PDF",
    ]
    return hand.element(
        "div", chance.pick((" ", " | ")).join(hand.link(hand.plain(one)) for one in chance.some(told, 4)), role="tools"
    )


def board(hand: Hand) -> str:
    """A table of numbers that the site shows everywhere: weather, rates, results."""
    chance, voice = hand.chance, hand.voice
    rows = [
        f"<tr><td>{hand.plain(voice.word(chance).capitalize())}</td><td>{chance.between(0, 4000) / 100}</td></tr>\n"
        for _ in range(chance.between(3, 14))
    ]
    return hand.box("widget", f"<table>{''.join(rows)}</table>")


INSIDE: Sequence[Callable[[Hand], str]] = (
    gallery,
    picture_line,
    picture_line,
    films,
    promotion,
    promotion,
    promotion,
    pointer,
    pointer,
    coverage,
)
ENDS: Sequence[Callable[[Hand], str]] = (
    credit,
    titled_share,
    life,
    notes,
    promotion,
    contact,
    coverage,
    spoken_share,
    gift,
    gallery,
    messages,
)
LAST: Sequence[Callable[[Hand], str]] = (policy, messages, gift, big_menu)
