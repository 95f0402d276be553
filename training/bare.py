"""Pages of hardly more than their text: a few paragraphs and a line of links, as people have written since 1993."""

import html
from collections.abc import Iterator
from random import Random

from training.designs.chance import Chance
from training.designs.hand import BEGIN, END
from training.designs.voice import Voice, languages, voice

PARAGRAPHS = (
    "<p>{}</p>\n",
    "<p>{}</p>\n",
    "<p>{}\n",
    "<div>{}</div>\n",
    "{}<br><br>\n",
    "<tr><td>{}</td></tr>",
    "<li>{}",
)
AROUND = (
    "{}",
    "{}",
    "<main>{}</main>",
    "<article>{}</article>",
    "<div class=content>{}</div>",
    "<div>{}</div>",
    "<center>{}</center>",
)
LINKS = ("<nav>{}</nav>", "<div>{}</div>", "<ul>{}</ul>", "{}<hr>", "<p>{}</p>")


def pages(count: int, seed: int) -> Iterator[str]:
    """Pages with marks around their main text; a page depends on its seed and number alone."""
    for number in range(count):
        yield _page(Chance(Random(f"bare:{seed}:{number}")))


def _page(chance: Chance) -> str:
    said = voice(chance.pick(languages()))
    paragraph = chance.pick(PARAGRAPHS)
    short = chance.pick((0.0, 0.1, 0.3))  # a greeting, a name, a line of a few words are text too
    texts = [_marked(_text(said, chance, short)) for _ in range(chance.few(1, 14))]
    body = "".join(paragraph.format(text) for text in texts)
    if paragraph.startswith("<tr>"):
        body = f"<table>{body}</table>"
    if paragraph.startswith("<li>"):
        body = f"<ul>{body}</ul>"
    title = said.headline(chance)
    level = chance.pick(("h1", "h1", "h2", "h3", "b"))
    head = f"<{level}>{_marked(title)}</{level}>\n" if chance.maybe(0.6) else ""
    names = [f"<a href=/{number}>{html.escape(said.word(chance))}</a>" for number in range(chance.between(1, 8))]
    above = chance.pick(LINKS).format(" ".join(names)) if chance.maybe(0.4) else ""
    below = (
        chance.pick(LINKS).format(f"© {chance.between(1996, 2026)} {html.escape(said.name(chance))}")
        if chance.maybe(0.4)
        else ""
    )
    return (
        f"<html><head><title>{html.escape(title)}</title></head><body>{above}"
        f"{chance.pick(AROUND).format(head + body)}{below}</body></html>"
    )


def _text(said: Voice, chance: Chance, short: float) -> str:
    return said.title_end(chance) if chance.maybe(short) else said.paragraph(chance, 1, 4)


def _marked(text: str) -> str:
    return f"{BEGIN}{html.escape(text)}{END}"
