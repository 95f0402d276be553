"""Wikitext to plain text, in one pass and linear time.

Kept: paragraphs, headings (not those of sections that end up empty), list items (`- ` before a bulleted or numbered
one), the texts of links and of templates that only dress a text (`_wiki_templates`). Out: other templates, tables,
references, files, categories, comments, formulas, galleries.
Rules: https://www.mediawiki.org/wiki/Help:Formatting, Help:Links, Help:Tables; what is never closed stays as text.

Why no library: mwparserfromhell 0.7.2 reads 1 MB/s, and 20 kB of `{{a|b={{c|` or `<b a="` take it 7 seconds, growing
with the square; what a reader needs of a page must be bounded by its length.
"""

import re
from collections.abc import Callable, Collection
from html import unescape

from florilegium.stages.read import _wiki_templates

DEEPEST = 60
"""Most constructs open at once; what opens below stays as text. Articles nest templates ten deep at most."""

DROPPED = frozenset(
    {
        "categorytree",
        "ce",
        "chem",
        "gallery",
        "graph",
        "hiero",
        "imagemap",
        "includeonly",
        "indicator",
        "inputbox",
        "mapdata",
        "mapframe",
        "maplink",
        "math",
        "ref",
        "references",
        "rss",
        "score",
        "script",
        "section",
        "source",
        "style",
        "syntaxhighlight",
        "templatedata",
        "templatestyles",
        "timeline",
    }
)
"""Tags that vanish with what they enclose: no prose, or no part of the page."""

LITERAL = frozenset({"nowiki", "pre"})
"""Tags whose content is no wikitext."""

PARTING = frozenset(
    {
        "blockquote",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "noinclude",
        "ol",
        "onlyinclude",
        "p",
        "poem",
        "ul",
    }
)
"""Tags that end a paragraph."""

BREAK = "\x01"
"""Stands for <br>: XML has no such character, so no page holds it."""

TOKEN = re.compile(
    r"""(?P<open>\{{2,}) | (?P<close>\}{2,}) | (?P<link>\[\[) | (?P<end>\]+)
      | (?P<table>^[ \t:*\#]*\{\|) | (?P<shut>^[ \t]*\|\}(?!\}))
      | (?P<ext>\[(?:https?:|ftp:|mailto:)?//?[^\s\[\]<>"]*[ \t]*)
      | <(?P<slash>/?)(?P<tag>[A-Za-z][A-Za-z0-9]{0,30})(?P<rest>[^<>]{0,2000})>
      | (?P<switch>__[^\W\d_]{3,30}__) | (?P<variant>-\{|\}-)""",
    re.VERBOSE | re.MULTILINE,
)
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
MEDIUM = re.compile(
    r"[^:/]{1,40}:.*\.(?:jpe?g|png|svg|gif|tiff?|webp|pdf|djvu|og[gav]|web[am]|wav|mp[34]|mid|stl)", re.I
)
"""A file by its ending: siteinfo names a namespace once, but not its aliases (Bild: in German)."""
INTERLANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,10}){0,2}:")
ENTITY = re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});")
HEADING = re.compile(r"(={1,6})(.+?)\1\s*")
HOLLOW = re.compile(r"(?:^|\s)[(（]\s*(?:[,;:/–—-]\s*)*[)）]")
LEADING = re.compile(r"([(（])\s*[,;]\s*")
APOSTROPHES = re.compile(r"'{2,}")


def plain(text: str, media: Collection[str]) -> str:
    """The text of a page, one line a block. media: namespaces, lower case, whose links are files or categories."""
    return "\n".join(_sections(_blocks(_flat(COMMENT.sub("", text), frozenset(media)))))


def _flat(text: str, media: frozenset[str]) -> str:
    """The wikitext without its constructs: paragraphs, headings and lists are left as they are marked."""
    scan = _Scan(text, media)
    at = 0
    while found := TOKEN.search(text, at):
        scan.out.append(text[at : found.start()])
        at = found.end()
        kind = found.lastgroup
        if found["tag"]:
            at = scan.tag(found)
        elif kind in SCANS:
            SCANS[kind](scan, found.group())
    scan.out.append(text[at:])
    return "".join(scan.out)


class _Scan:
    """Where a scan stands. opened: the constructs that are open, each with the place in `out` at which it began."""

    def __init__(self, text: str, media: frozenset[str]) -> None:
        self.text, self.media = text, media
        self.out: list[str] = []
        self.opened: list[tuple[str, int]] = []
        self.counts: dict[str, int] = {}
        self.endless: set[str] = set()

    def open(self, kind: str) -> None:
        if len(self.opened) < DEEPEST:
            self.opened.append((kind, len(self.out)))
            self.counts[kind] = self.counts.get(kind, 0) + 1

    def close(self, kind: str) -> str | None:
        """What the last open construct of a kind encloses, taken out; null where none is open. Inner ones are void."""
        if not self.counts.get(kind):
            return None
        while True:
            one, at = self.opened.pop()
            self.counts[one] -= 1
            if one == kind:
                inner = "".join(self.out[at:])
                del self.out[at:]
                return inner

    def braces(self, token: str) -> None:
        if len(token) == 3:
            self.open("{{{")
        else:
            for _ in range(len(token) // 2):
                self.open("{{")

    def unbraces(self, token: str) -> None:
        left = len(token)
        while left >= 2:
            kind = next((one for one, _ in reversed(self.opened) if one.startswith("{{")), "")
            if not kind:
                return
            kind = kind if left >= len(kind) else "{{"
            left -= len(kind)
            inner = self.close(kind) or ""
            if kind == "{{":
                self.out.append(_wiki_templates.shown(inner))

    def unlink(self, token: str) -> None:
        left = len(token)
        while left:
            if self.opened and self.opened[-1][0] == "[":
                self.out.append(self.close("[") or "")
                left -= 1
            elif left >= 2 and self.counts.get("[["):
                self.out.append(_link(self.close("[[") or "", self.media))
                left -= 2
            else:
                self.out.append("]" * left)
                return

    def table(self, _: str) -> None:
        self.open("{|")

    def untable(self, token: str) -> None:
        if self.close("{|") is None:
            self.out.append(token)

    def link(self, _: str) -> None:
        self.open("[[")

    def external(self, _: str) -> None:
        self.open("[")

    def switch(self, token: str) -> None:
        if not token.isupper():
            self.out.append(token)

    def variant(self, token: str) -> None:
        """Language converter: -{text}- is the text; of -{a: x; b: y}- the first is taken."""
        if token == "-{":
            self.open("-{")
        elif (inner := self.close("-{")) is not None:
            first = inner.split(";")[0]
            self.out.append(first.split(":", 1)[-1].strip() if ";" in inner and ":" in first else inner)
        else:
            self.out.append(token)

    def tag(self, found: "re.Match[str]") -> int:
        """Puts out what a tag stands for; answers where to go on."""
        name, at = found["tag"].lower(), found.end()
        if name == "table":
            if found["slash"]:
                self.close("<table>")
            else:
                self.open("<table>")
        elif name in DROPPED or name in LITERAL:
            return self._enclosed(name, at, bool(found["slash"]) or found["rest"].endswith("/"))
        elif name == "br":
            self.out.append(BREAK)
        elif name == "li":
            self.out.append("\n* ")
        elif name in PARTING:
            self.out.append("\n\n")
        return at

    def _enclosed(self, name: str, at: int, empty: bool) -> int:
        if empty or name in self.endless:
            return at
        end = re.compile(rf"</{name}\s*>", re.IGNORECASE).search(self.text, at)
        if end is None:
            self.endless.add(name)
            return at
        if name in LITERAL:
            inner = self.text[at : end.start()]
            self.out.append(inner if name == "nowiki" else "\n\n" + inner.replace("\n", BREAK) + "\n\n")
        return end.end()


SCANS: dict[str | None, Callable[[_Scan, str], None]] = {
    "open": _Scan.braces, "close": _Scan.unbraces, "link": _Scan.link, "end": _Scan.unlink, "table": _Scan.table,
    "shut": _Scan.untable, "ext": _Scan.external, "switch": _Scan.switch, "variant": _Scan.variant,
}  # fmt: skip
"""What each token of TOKEN does."""


def _link(inner: str, media: frozenset[str]) -> str:
    """What a link shows: its text, or its target; nothing for files, categories and other languages' pages."""
    target, bar, text = inner.partition("|")
    if "\n" in target:
        return inner
    begin = target.strip()
    space = begin.partition(":")[0].strip().replace("_", " ").lower() if ":" in begin else ""
    if space in media or MEDIUM.fullmatch(begin) or (not bar and INTERLANGUAGE.match(begin)):
        return ""
    return text if text.strip() else begin.removeprefix(":").replace("_", " ")


def _blocks(text: str) -> list[tuple[int, str]]:
    """Blocks in order, each with its level: that of a heading, or TEXT."""
    found: list[tuple[int, str]] = []
    held: list[str] = []

    def put(level: int, *parts: str) -> None:
        for part in " ".join(parts).split(BREAK):
            line = _line(part)
            if line:
                found.append((level, line))

    for line in text.split("\n"):
        stripped = line.strip()
        heading = HEADING.fullmatch(stripped) if stripped.startswith("=") else None
        own = heading or not stripped or stripped.startswith(("*", "#", ":", ";", "|", "----")) or line.startswith(" ")
        if not own:
            held.append(line)
            continue
        put(TEXT, *held)
        held = []
        if heading:
            put(len(heading[1]), heading[2])
        elif not stripped.startswith(("|", "----")):
            item = stripped.lstrip("*#:;")
            marker = stripped[: len(stripped) - len(item)]
            put(TEXT, ("- " if marker.endswith(("*", "#")) and item.strip() else "") + item.strip())
    put(TEXT, *held)
    return found


TEXT = 7
"""The level of what is no heading: below the lowest of them."""


def _sections(blocks: list[tuple[int, str]]) -> list[str]:
    """The blocks without headings that nothing stands below."""
    kept: list[str] = []
    below = 0
    for level, line in reversed(blocks):
        if level == TEXT or below > level:
            kept.append(line)
            below = level
    return kept[::-1]


def _line(text: str) -> str:
    """One line: emphasis, entities and what templates have left hollow resolved, white space collapsed."""
    if "''" in text:
        text = _unquoted(text)
    if "&" in text:
        text = ENTITY.sub(lambda found: unescape(found.group()), text)
    text = " ".join(text.split())
    if "(" in text or "（" in text:
        text = LEADING.sub(r"\1", HOLLOW.sub("", text))
    return text.replace(" ,", ",").strip()


def _unquoted(text: str) -> str:
    """Without the apostrophes that mean italics and bold, as MediaWiki's Parser::doQuotes balances them in a line."""
    runs = [(found.start(), len(found.group())) for found in APOSTROPHES.finditer(text)]
    sizes = [3 if length == 4 else min(length, 5) for _, length in runs]
    bold, italic = (sum(size in (kind, 5) for size in sizes) for kind in (3, 2))
    if bold % 2 and italic % 2:
        threes = [at for at, size in enumerate(sizes) if size == 3]
        if threes:
            sizes[min(threes, key=lambda at: _rank(text[: runs[at][0]][-2:]))] = 2
    parts, at = [], 0
    for (start, length), size in zip(runs, sizes, strict=True):
        parts.append(text[at:start] + "'" * (length - size))
        at = start + length
    return "".join([*parts, text[at:]])


def _rank(before: str) -> int:
    """Which bold run is an apostrophe before italics: behind a word of one letter, a longer word, a blank."""
    if before[-1:].isspace() or not before:
        return 2
    return 0 if len(before) == 1 or before[0].isspace() else 1
