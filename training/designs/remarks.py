"""Lines above and below an article about 2011: dates, tools, votes, notices, what readers say."""

from training.designs.body import LINED
from training.designs.hand import Hand

SITES = ("Facebook", "Twitter", "Blip", "Wykop", "LiveJournal", "Google+", "Digg", "Delicious", "VKontakte", "E-mail")


def dateline(hand: Hand) -> str:
    """When, where filed, who, how often read and discussed."""
    chance, voice = hand.chance, hand.voice
    told = chance.some(
        [
            hand.plain(f"{voice.date(chance)}, {voice.clock(chance)}"),
            hand.link(hand.plain(voice.say("sections", chance))),
            hand.plain(f"{voice.say('by', chance)} {voice.person(chance)}"),
            hand.plain(f"{voice.say('source', chance)}: {voice.name(chance)}"),
            hand.link(hand.plain(f"{voice.say('comments', chance)} ({chance.between(0, 300)})")),
            hand.plain(f"{voice.say('updated', chance)}: {voice.date(chance)}"),
            hand.plain(str(chance.between(10, 90000))),
        ],
        chance.between(1, 4),
    )
    form = chance.between(0, 4)
    if form == 0:
        return chance.pick((" | ", " ", ", ", "&nbsp;&nbsp;")).join(told) + "<br>\n"
    if form == 1:
        return f"<table><tr>{''.join(f'<td>{one}</td>' for one in told)}</tr></table>\n"
    if form == 2:
        return "".join(hand.element(chance.pick(("div", "p")), one, role="date") for one in told)
    return hand.box("meta", chance.pick((" | ", " / ", " ", " &bull; ")).join(told))


def tool_line(hand: Hand) -> str:
    """Print, send, larger letters, places to share it."""
    chance, voice = hand.chance, hand.voice
    told = [*chance.some(voice.phrases["share"], 3), *chance.some(SITES, chance.between(0, 5)), "A A A", "RSS"]
    items = [hand.plain(one) for one in chance.some(told, chance.between(2, 8))]
    form = chance.between(0, 3)
    if form == 0:
        return hand.element("ul", *(hand.element("li", hand.link(one)) for one in items), role="share")
    if form == 1:
        cells = "".join(f"<td>{hand.picture()}</td><td>{hand.link(one)}</td>" for one in items)
        return f"<table><tr>{cells}</tr></table>\n"
    text = chance.pick((" | ", " ", "&nbsp;", " / ")).join(hand.link(one) for one in items)
    return hand.box("share", text) if form == 2 else hand.element("p", text)


def rating(hand: Hand) -> str:
    """How readers like it."""
    chance, voice = hand.chance, hand.voice
    marks = " ".join(hand.link(str(at)) for at in range(1, 6))
    text = f"{hand.plain(voice.title_end(chance))}: {marks}"
    mean = f" {chance.between(1, 5)}.{chance.between(0, 9)} ({chance.between(1, 99)})"
    return hand.element(chance.pick(("div", "p", "span")), text, mean)


def notice(hand: Hand) -> str:
    """Below the text: found a mistake, whose it is, who may copy it, where to write to; sentences in full."""
    chance, voice = hand.chance, hand.voice
    text = chance.pick(
        (
            voice.say("legal", chance),
            f"{voice.sentence(chance).rstrip('.')}: Ctrl+Enter.",
            f"© {chance.between(2004, 2013)} {hand.site}. {voice.say('rights', chance)}",
            f"{voice.say('legal', chance)} {voice.sentence(chance)}",
            f"{voice.sentence(chance)} {hand.slug()}@{hand.slug()}.example",
            f"{voice.say('source', chance)}: {voice.name(chance)}",
            f"{voice.say('by', chance)} {voice.person(chance)}",
            voice.say("newsletter_text", chance),
        )
    )
    dress = chance.pick(("{}", "{}", "<i>{}</i>", "<small>{}</small>", "<b>{}</b>", '<font size="1">{}</font>'))
    said = dress.format(hand.plain(text))
    form = chance.between(0, 3)
    if form == 0 and hand.look.paragraph in LINED:
        return f"{said}<br>\n"
    return hand.element(("p", "p", "div", "p")[form], said)


def notices(hand: Hand) -> str:
    """Several such lines."""
    return "".join(notice(hand) for _ in range(hand.chance.between(2, 4)))


def talk(hand: Hand) -> str:
    """What readers say: rules, a form, names, dates and texts in boxes, rows or between lines."""
    chance, voice = hand.chance, hand.voice
    form, told = chance.pick(("div", "tr", "li", "hr", "p")), []
    votes, answer = chance.maybe(0.3), hand.link(hand.plain(voice.say("reply", chance))) if chance.maybe(0.5) else ""
    for _ in range(chance.few(0, 30)):
        who = hand.plain(chance.pick((voice.person(chance), voice.word(chance), "gość", "~" + voice.word(chance))))
        when = hand.plain(f"{voice.date(chance)}, {voice.clock(chance)}")
        text = hand.plain(voice.paragraph(chance, 1, chance.pick((1, 2, 4, 6))))
        score = f" +{chance.between(0, 40)} / -{chance.between(0, 20)}" if votes else ""
        if form == "tr":
            told.append(
                f"<tr><td><b>{who}</b></td><td>{when}{score}</td></tr>\n<tr><td colspan=2>{text} {answer}</td></tr>\n"
            )
        elif form == "hr":
            told.append(f"<b>{who}</b> {when}{score}<br>\n{text}<br>{answer}<hr>\n")
        else:
            body = text if form == "p" else hand.element(chance.pick(("p", "div")), text)
            told.append(hand.element(form, f"<b>{who}</b> <span>{when}</span>{score} ", body, answer, role="comment"))
    shown = f"<table>{''.join(told)}</table>\n" if form == "tr" and told else hand.gathered(told)
    rules = (
        hand.element(chance.pick(("p", "div", "small")), hand.plain(voice.paragraph(chance, 1, 4)))
        if chance.maybe(0.5)
        else ""
    )
    entry = (
        f"<form>{hand.plain(voice.say('member', chance))}: <input><textarea></textarea></form>\n"
        if chance.maybe(0.6)
        else ""
    )
    head = hand.box("group_title", hand.plain(f"{voice.say('comments', chance)} ({len(told)})"))
    return hand.box(
        "comments", head, *(chance.shuffled([rules, shown, entry]) if chance.maybe(0.4) else [rules, shown, entry])
    )
