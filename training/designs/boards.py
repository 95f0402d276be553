"""Threads of forums, and questions with answers: all posts are main text, what stands around each is not."""

from training.designs.body import code, paragraph, points, quote
from training.designs.hand import Hand
from training.designs.margins import crumbs, menu
from training.designs.news import share, tags, title
from training.designs.stories import group


def _texts(hand: Hand) -> str:
    chance = hand.chance
    told = [
        paragraph(hand, hand.voice.paragraph(chance, 1, chance.pick((1, 2, 4, 6)))) for _ in range(chance.few(1, 5))
    ]
    if chance.maybe(0.2):
        told.insert(0, _cited(hand))
    if chance.maybe(0.1):
        told.append(chance.pick((points, code, quote))(hand))
    return "".join(told)


def _cited(hand: Hand) -> str:
    """Another post in this one."""
    name = hand.plain(f"{hand.voice.word(hand.chance)} {hand.voice.say('wrote', hand.chance)}:")
    text = hand.main(hand.voice.paragraph(hand.chance, 1, 2))
    return hand.element(
        "blockquote", hand.element("cite", name), f"<div>{text}</div>" if hand.chance.maybe(0.5) else text
    )


def _profile(hand: Hand) -> str:
    chance, voice = hand.chance, hand.voice
    told = [
        voice.say("member", chance), f"{voice.phrases['forum'][0]}: {voice.date(chance)}",
        f"{voice.phrases['forum'][1]}: {chance.between(1, 9000)}",
        f"{voice.phrases['forum'][2]}: {voice.name(chance)}", "★★★",
    ]  # fmt: skip
    name = f"<strong>{hand.link(hand.plain(voice.word(chance)))}</strong>"
    rest = chance.some(told, chance.between(0, 4))
    form = chance.pick(("<br>", "divs", "dl"))
    if form == "<br>":
        return hand.box("profile", name, *(f"<br>{hand.plain(one)}" for one in rest))
    if form == "dl":
        return hand.element("dl", f"<dt>{name}</dt>", *(f"<dd>{hand.plain(one)}</dd>" for one in rest), role="profile")
    return hand.box("profile", name, *(hand.element("div", hand.plain(one)) for one in rest))


def _stamp(hand: Hand, number: int) -> str:
    date = f"{hand.voice.date(hand.chance)} {hand.voice.clock(hand.chance)}"
    return hand.element(hand.chance.pick(("div", "p")), hand.plain(date), f" {hand.link(f'#{number}')}", role="meta")


def _buttons(hand: Hand) -> str:
    told = [hand.voice.say("reply", hand.chance), hand.voice.say("quote", hand.chance), hand.voice.phrases["forum"][3]]
    return menu(hand, told[: hand.chance.between(1, 3)], hand.chance.pick(("list", "bare", "divs")))


def _signature(hand: Hand) -> str:
    return hand.element("div", hand.plain(hand.voice.title_end(hand.chance)), role="signature")


def _as_boxes(hand: Hand, number: int, shown: dict[str, bool]) -> str:
    inside = [_stamp(hand, number) if shown["stamp"] else "", hand.element("div", _texts(hand), role="text")]
    inside += [_signature(hand.outside())] if hand.chance.maybe(0.3) and shown["signature"] else []
    inside += [_buttons(hand)] if shown["buttons"] else []
    profile = _profile(hand) if shown["profile"] else ""
    box = hand.box("body", *inside, tag="div") if shown["boxed"] else "".join(inside)
    return hand.box("post", *([profile, box] if shown["first"] else [box, profile]))


def _as_table(hand: Hand, number: int, shown: dict[str, bool]) -> str:
    sign = f"<br>_____<br>{hand.plain(hand.other.title_end(hand.chance))}" if shown["signature"] else ""
    text = hand.element("div", _texts(hand), role="text")
    head = f'<tr><td colspan="2">{_stamp(hand, number)}</td></tr>' if shown["stamp"] else ""
    foot = f"<tr><td>&nbsp;</td><td>{_buttons(hand)}</td></tr>" if shown["buttons"] else ""
    row = f'<tr><td valign="top" width="150">{_profile(hand)}</td><td valign="top">{text}{sign}</td></tr>'
    return hand.element("table", head, row, foot, role="post")


def forum(hand: Hand) -> str:
    """A thread."""
    chance, voice = hand.chance, hand.voice
    shown = {name: chance.maybe(0.7) for name in ("stamp", "buttons", "profile", "boxed", "first")} | {
        "signature": chance.maybe(0.4)
    }
    form = _as_table if hand.look.age == "old" and chance.maybe(0.6) else _as_boxes
    posts = [form(hand, number, shown).rstrip("\n") + "\n" for number in range(1, chance.few(2, 26))]
    pages = f"{voice.phrases['forum'][4]} 1 / {chance.between(1, 30)} " + menu(
        hand, ["1", "2", "3", "»"], chance.pick(("bare", "list"))
    )
    pager = hand.element("div", pages, role="pager") if chance.maybe(0.6) else ""
    quick = (
        f"<form><textarea></textarea><button>{hand.plain(voice.say('reply', chance))}</button></form>\n"
        if chance.maybe(0.4)
        else ""
    )
    more = group(hand, "related", "related", (3, 12), 0.1) if chance.maybe(0.4) else ""
    who = hand.element("p", hand.plain(voice.say("login", chance))) if chance.maybe(0.3) else ""
    return "".join(
        [
            title(hand),
            pager,
            *(chance.kept({_buttons(hand): 0.3})),
            hand.box("main", *posts, tag="div"),
            pager,
            quick,
            who,
            more,
        ]
    )


def _note(hand: Hand) -> str:
    """A remark below a post: not main text."""
    text = hand.plain(hand.voice.paragraph(hand.chance, 1, 1))
    return hand.box(
        "comment",
        hand.element("span", text),
        f" – {hand.link(hand.plain(hand.voice.word(hand.chance)))} ",
        hand.plain(hand.voice.date(hand.chance)),
    )


def _entry(hand: Hand, notes: bool, votes: bool) -> str:
    chance, voice = hand.chance, hand.voice
    count = hand.element("div", f"{chance.between(0, 90)}", role="votes") if votes else ""
    who = hand.element(
        "div",
        hand.plain(f"{voice.phrases['qa'][2]} {voice.date(chance)}"),
        hand.link(hand.plain(voice.word(chance))),
        role="profile",
    )
    remarks = (
        hand.gathered([_note(hand.outside()).rstrip("\n") + "\n" for _ in range(chance.few(0, 4))]) if notes else ""
    )
    text = hand.element("div", _texts(hand), role="text")
    return hand.box("post", count, text, who, remarks, tag="div")


def questions(hand: Hand) -> str:
    """A question and its answers."""
    chance, voice = hand.chance, hand.voice
    notes, votes = chance.maybe(0.5), chance.maybe(0.6)
    answers = [_entry(hand, notes, votes) for _ in range(chance.few(1, 9))]
    head = hand.element(chance.pick(("h2", "h3", "div")), hand.plain(f"{len(answers)} {voice.phrases['qa'][0]}"))
    more = group(hand, "related", "related", (3, 15), 0.1) if chance.maybe(0.6) else ""
    above = crumbs(hand) if chance.maybe(0.3) else ""
    below = [tags(hand)] if chance.maybe(0.5) else [share(hand)]
    return "".join([above, title(hand), _entry(hand, notes, votes), *below, head, *answers, more])
