"""Writes elements as the author of one page would: which element for a part, which class, closed or not."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from training.designs.chance import Chance
from training.designs.voice import Voice

BEGIN, END = "\ue000", "\ue001"
"""Stand around main text until the page is finished."""

ELEMENTS: Mapping[str, tuple[str, str]] = {
    "page": ("div", "div"),
    "bar": ("div table", "div"),
    "header": ("div", "header header div"),
    "nav": ("div div ul", "nav nav div"),
    "crumbs": ("div p div", "nav div ol"),
    "main": ("div", "main main div section"),
    "article": ("div", "article article div section"),
    "title": ("h1 h1 h2 div h3", "h1 h1 h1 h1 h2"),
    "kicker": ("div span p h4", "span div p a"),
    "lead": ("p div h2 h3 strong", "p p div h2"),
    "body": ("div", "div div section"),
    "subhead": ("h2 h3 h4 p", "h2 h2 h3"),
    "meta": ("div p span", "div div p ul header"),
    "byline": ("span div p", "span div address p"),
    "date": ("span div p small", "time time span div"),
    "figure": ("div div p table", "figure figure div"),
    "caption": ("div p span em small", "figcaption figcaption div p"),
    "related": ("div", "aside section div div nav"),
    "group": ("div", "div section"),
    "group_title": ("h3 h2 div h4 span p", "h2 h3 h4 div p span"),
    "teaser": ("div li", "article div li"),
    "teaser_title": ("h3 h2 h4 div p span", "h3 h3 h2 h4 div p"),
    "teaser_text": ("p div span", "p p div"),
    "more": ("a span", "a a"),
    "side": ("div", "aside aside div"),
    "widget": ("div", "section div div aside"),
    "share": ("div ul", "div ul"),
    "tags": ("div p", "div ul p footer"),
    "author": ("div", "div aside section"),
    "comments": ("div", "section div"),
    "comment": ("div li", "article li div"),
    "newsletter": ("div", "section div aside form"),
    "notice": ("div", "div section aside dialog"),
    "ad": ("div", "div aside"),
    "foot": ("div", "footer footer div"),
    "rights": ("p div span", "p div small"),
    "post": ("div", "article div section"),
    "profile": ("div", "aside div"),
    "card": ("div", "div article section li"),
    "box": ("div", "div section"),
    "text": ("div", "div"),
}
"""Elements of each part before and after HTML 5; those named twice are twice as frequent."""

WRAPPERS = (
    "inner", "wrap", "container", "row", "clearfix", "content", "box", "holder", "col-12", "block", "region", "main",
    "wrapper", "section", "cf", "grid", "l-wrap", "span8", "col-md-8", "elementor-widget-container", "field-items",
    "field-item even", "bd", "yui-b", "grid_8 alpha", "columns large-8", "vc_column-inner", "wpb_wrapper", "et_pb_row",
    "tx-content", "csc-default", "txt", "item", "page", "center", "middle", "left", "col", "pane", "outer", "group",
)  # fmt: skip
"""Names of boxes without a meaning."""

UTILITIES = (
    "flex", "mx-auto", "px-4", "py-8", "mt-6", "mb-4", "text-gray-700", "text-lg", "font-semibold", "max-w-3xl", "grid",
    "gap-6", "md:grid-cols-3", "rounded-lg", "bg-white", "shadow", "leading-relaxed", "items-center", "justify-between",
    "w-full", "hidden", "lg:block", "text-sm", "tracking-tight", "border-b", "space-y-4", "prose", "relative",
    "lg:w-2/3", "order-2",
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """How a page is written.

    age: old (before HTML 5) or new. names: a vocabulary of classes, or a way of making them: hash, utilities, none.
    paragraph: p, open (p without end), span, font, div, nested, breaks, lines (single breaks), bare (p between them).
    wraps: boxes without a meaning around parts, on average. linked: how often prose has links. entities: letters are
    written as numbers. crowd: 0 to 3, other stories around the text. alike: teasers have the classes of the text.
    """

    age: str
    naming: str
    names: Mapping[str, str]
    paragraph: str
    wraps: float
    linked: float
    entities: bool
    crowd: int
    upper: bool = False
    ids: bool = False
    numbered: bool = False
    styled: bool = False
    open_items: bool = False
    alike: bool = False


@dataclass(frozen=True)
class Hand:
    """Writes one page. tags, classes: what it has chosen for each part, for the page to be of one piece.

    voice: what the main text says. other: what is said outside of it, in other sentences.
    """

    chance: Chance
    voice: Voice
    other: Voice
    look: Look
    title: str
    site: str
    tags: dict[str, str] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def outside(self) -> "Hand":
        """The same hand, saying what is said outside of the main text."""
        return replace(self, voice=self.other)

    # ---- text ----

    def plain(self, text: str) -> str:
        """Text that is not the main text."""
        written = html.escape(text, quote=False)
        if self.look.entities:
            written = re.sub("[–—„“”«»’…\u00e0-\u00ff]", lambda found: f"&#{ord(found[0])};", written)
        return written

    def main(self, text: str) -> str:
        """Text that is main text, a line of its own in the reference."""
        return f"{BEGIN}{self.plain(text)}{END}"

    def prose(self, text: str, counts: bool = True) -> str:
        """Text with links and emphasis in it."""
        words = self.plain(text).split(" ")
        if self.chance.maybe(self.look.linked) and len(words) > 6:
            for _ in range(self.chance.few(1, 3)):
                at, size = self.chance.between(1, len(words) - 2), self.chance.between(1, 5)
                run = " ".join(words[at : at + size])
                if "<" not in run and ">" not in run:
                    words[at : at + size] = self._dressed(run)
        if self.look.styled and self.chance.maybe(0.2):
            words[-1] += "&nbsp;"
        return f"{BEGIN}{' '.join(words)}{END}" if counts else " ".join(words)

    def _dressed(self, run: str) -> list[str]:
        tag = self.chance.pick(("a", "a", "a", "strong", "em", "b", "i", "span", "mark"))
        inside = f' href="{self.address()}"' if tag == "a" else ""
        return [f"<{tag}{inside}>{run}</{tag}>"]

    def address(self) -> str:
        """Where a link leads to."""
        chance = self.chance
        return chance.pick(
            (
                f"/{self.slug()}", f"/{self.slug()}/{self.slug()}-{chance.between(100, 99999)}.html", "#",
                f"index.php?id={chance.between(1, 9999)}&amp;L=0", f"http://www.{self.slug()}.example/{self.slug()}",
                f"https://{self.slug()}.example/{chance.between(2008, 2026)}/{chance.between(10, 12)}/{self.slug()}/",
            )
        )  # fmt: skip

    def slug(self) -> str:
        """A word of an address."""
        return "".join(letter for letter in self.voice.word(self.chance) if letter.isascii()) or "node"

    # ---- elements ----

    def tag(self, role: str) -> str:
        """The element of this part, the same all over the page."""
        if role not in self.tags:
            choices = ELEMENTS.get(role, ("div", "div"))[self.look.age != "old"]
            self.tags[role] = self.chance.pick(choices.split())
        return self.tags[role]

    def name(self, role: str) -> str:
        """The class of this part, the same all over the page; empty where there is none."""
        if role not in self.classes:
            self.classes[role] = self._named(role)
        return self.classes[role]

    def _named(self, role: str) -> str:
        naming, chance = self.look.naming, self.chance
        if naming == "none":
            return ""
        if naming == "hash":
            first = chance.pick((role, role.title().replace("_", ""), "css", "sc", "module", "Box", "styles"))
            return f"{first}{chance.pick(('-', '_', '__'))}{chance.letters(chance.between(4, 7))}"
        if naming == "utilities":
            return " ".join(chance.some(UTILITIES, chance.between(2, 9)))
        if self.look.alike and role in ALIKE:
            return self.name(ALIKE[role])
        known = self.look.names.get(role, "")
        return known if known else chance.pick((*self.look.names.get("any", "").split("|"), *WRAPPERS, "", ""))

    def box(self, role: str, *inside: str, tag: str = "") -> str:
        """An element for a part of the page. A list item stands in its list: see `row`."""
        return self.element(tag or self.tag(role), *inside, role=role)

    def element(self, tag: str, *inside: str, role: str = "", extra: str = "") -> str:
        """An element, with the class of a role."""
        name = self.name(role) if role else ""
        attribute = "id" if self.look.ids and role in ONCE else "class"
        if name and self.look.numbered and role in REPEATED:
            self.counts[role] = self.counts.get(role, 0) + 1
            name += f" {role}-{self.counts[role]}" if self.chance.maybe(0.8) else " last"
        said = f' {attribute}="{name}"' if name else ""
        if self.look.styled and tag in ("p", "span", "div", "td") and self.chance.maybe(0.15):
            said += ' style="text-align: justify;"'
        written = tag.upper() if self.look.upper else tag
        end = "" if tag in ("p", "li", "td", "tr") and self.look.open_items else f"</{written}>"
        if tag == "a" and "href" not in extra:
            said += f' href="{self.address()}"'
        text = "".join(inside)
        if tag == "table" and "<t" not in text[:3].lower():
            text = f"<tr><td>{text}</td></tr>"
        if tag in ("ul", "ol") and not text.lstrip().lower().startswith("<li"):
            text = f"<li>{text}</li>"
        return f"<{written}{said}{extra}>{text}{end}\n"

    def link(self, *inside: str, role: str = "") -> str:
        """A link without a line end after it."""
        return self.element("a", *inside, role=role).rstrip("\n")

    def rows(self, items: Sequence[str], tag: str = "") -> str:
        """A list. Items written as `li` or not become such."""
        inside = [one if one.lower().startswith("<li") else self.element("li", one) for one in items]
        return self.element(tag or self.chance.pick(("ul", "ul", "ul", "ol")), *inside)

    def gathered(self, items: Sequence[str]) -> str:
        """Items beside each other: in a list where they are list items."""
        if items and items[0].lower().startswith("<li"):
            return self.rows(items, "ul")
        return "".join(items)

    def wrapped(self, text: str) -> str:
        """Boxes without a meaning around a part."""
        for _ in range(self.chance.few(0, round(2.5 * self.look.wraps))):
            name = ""
            if self.look.naming == "hash":
                name = f"css-{self.chance.letters(6)}"
            elif self.look.naming == "utilities":
                name = " ".join(self.chance.some(UTILITIES, 4))
            elif self.look.naming != "none":
                name = self.chance.pick((*WRAPPERS, "", ""))
            text = f'<div class="{name}">{text}</div>\n' if name else f"<div>{text}</div>\n"
        return text

    def picture(self) -> str:
        """An image."""
        alt = self.plain(self.voice.title_end(self.chance)).replace('"', "")
        return f'<img src="/img/{self.slug()}.jpg" alt="{alt}">'

    def unseen(self) -> str:
        """Where nothing that is shown stands: scripts, styles, empty boxes."""
        return self.chance.pick(
            (
                "<script>(window.q=window.q||[]).push({slot:1,t:'<p>x</p>'});</script>\n",
                '<div class="clear"></div>\n',
                "<style>.x{margin:0}.y>a{color:#036}</style>\n", "<!-- begin -->\n", '<a name="top"></a>\n', "<hr>\n",
                '<ins class="adsbygoogle" data-ad-slot="1"></ins>\n',
                '<div id="div-gpt-ad-1"></div>\n', "<p>&nbsp;</p>\n",
                '<svg width="10" height="10"><title>x</title><path d="M0 0h9"/></svg>\n', "<br>\n",
                '<iframe src="https://ads.example/f" title="ad"></iframe>\n',
            )
        )  # fmt: skip


ONCE = {"page", "header", "nav", "main", "side", "foot", "bar", "comments", "crumbs", "body"}
ALIKE = {"teaser": "article", "teaser_title": "title", "teaser_text": "body", "group": "main", "related": "main"}
"""Parts of teasers that on some pages have the class of the same part of the text."""

REPEATED = {"teaser", "comment", "post", "widget", "card"}


def reference(page: str) -> tuple[str, list[str]]:
    """The page without marks, and its main text by lines, as a reader sees them."""
    lines = []
    for found in re.finditer(f"{BEGIN}(.*?){END}", page, re.DOTALL):
        text = re.sub(r"<br\s*/?>", "\n", found[1], flags=re.IGNORECASE)
        text = html.unescape(re.sub(r"<[^>]+>", "", text))
        lines += [" ".join(line.split()) for line in text.split("\n")]
    return page.replace(BEGIN, "").replace(END, ""), [line for line in lines if line]
