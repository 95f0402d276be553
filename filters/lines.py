"""What the lines of a text look like. Blank lines are not counted, white space at the ends is ignored."""

import re
from collections.abc import Callable

from florilegium.filters.limits import limits
from florilegium.filters.text import CLOSING, Text, sentence_end

BULLETS = ("•", "-", "*", "‣", "▪", "◦", "·")
"""Not the longer dashes: in many languages they open the lines of a dialogue."""
ELLIPSES = ("…", "...", ". . .")
SHORT = 30
"""Characters: FineWeb (arXiv:2406.17557) calls a line of at most this length short."""
NUMBERING = re.compile(r"\(?(?:\d{1,3}(?:[.)]|(?:\.\d{1,3})+[.)]?)|[^\W\d_][.)])(?=\s|$)")
"""`1.`, `(2)`, `3)`, `1.2`, `1.2.`, `a)`, `B.`: what numbers an item, before white space or the end of the line."""
PAIR = re.compile(rf"[^:]{{1,{SHORT}}}:\s")
"""A key of at most thirty characters, a colon and white space."""
UNFINISHED = (",", ";")


@limits(high=0.9)
def bullets(text: Text) -> float:
    """Share of the lines that begin with a bullet, hyphen or asterisk. Gopher (arXiv:2112.11446) allows 0.9."""
    return _share(text, lambda line: line.startswith(BULLETS))


@limits(high=0.3)
def ellipsis(text: Text) -> float:
    """Share of the lines that end in an ellipsis: teasers. Gopher (arXiv:2112.11446) allows 0.3."""
    return _share(text, lambda line: line.endswith(ELLIPSES))


@limits(low=0.05)
def sentences(text: Text) -> float:
    """Share of the lines in which a sentence ends, at their end or before white space: prose, not lists and menus.

    In the place of `terminal_punctuation`: a layout table may put a page of prose and its footer into one line.
    """
    end = sentence_end(text.language.sentence_ends)
    return _share(text, lambda line: end.search(line) is not None)


@limits()
def terminal_punctuation(text: Text) -> float:
    """Share of the lines that end as sentences end in the language, closing quotation marks and brackets apart.

    FineWeb (arXiv:2406.17557) asks for 0.12 in English. Off, as FineWeb2 (arXiv:2506.20920) has it for German
    and most languages.
    """
    ends = tuple(text.language.sentence_ends)
    return _share(text, lambda line: line.rstrip(CLOSING).endswith(ends))


@limits()
def short(text: Text) -> float:
    """Share of the lines of at most 30 characters.

    FineWeb (arXiv:2406.17557) allows 0.67 in English. Off: FineWeb2 (arXiv:2506.20920) uses it for no language.
    """
    return _share(text, lambda line: len(line) <= SHORT)


@limits()
def numbered(text: Text) -> float:
    """Share of the lines that begin with a number or a letter and a full stop or bracket: `1.`, `(a)`, `2.3.1`.

    Our own, for study; off: statutes and instructions number nearly every line.
    """
    return _share(text, _is_numbered)


@limits()
def pairs(text: Text) -> float:
    """Share of the lines of the form `key: value` in which no sentence ends: forms, metadata, specifications.

    The key has at most thirty characters and white space follows its colon. Our own, for study; off.
    """
    end = sentence_end(text.language.sentence_ends)
    return _share(text, lambda line: _is_pair(line, end))


@limits()
def items(text: Text) -> float:
    """Share of the lines that belong to a list, whichever of the signs they bear.

    They begin with a bullet or number, have the form `key: value`, end in a comma or semicolon, or have at most thirty
    characters and no sentence ends in them. Our own, for study; off: pages of links, but also contents and recipes.
    """
    end = sentence_end(text.language.sentence_ends)
    return _share(text, lambda line: _is_item(line, end))


@limits()
def javascript(text: Text) -> float:
    """Share of the lines that speak of JavaScript, in any case of letters: `Please enable JavaScript`.

    C4 (arXiv:1910.10683) removes such a line (see `filters/edit.py`). Off: what is about the language says its name.
    """
    return _share(text, lambda line: "javascript" in line.lower())


@limits(high=0.3)
def line_breaks(text: Text) -> float:
    """Line breaks per word, punctuation counted as words. FineWeb (arXiv:2406.17557) allows 0.3."""
    return text.content.count("\n") / len(text.words) if text.words else 0.0


def _share(text: Text, holds: Callable[[str], bool]) -> float:
    return sum(map(holds, text.lines)) / len(text.lines) if text.lines else 0.0


def _is_numbered(line: str) -> bool:
    return NUMBERING.match(line) is not None


def _is_pair(line: str, end: re.Pattern[str]) -> bool:
    return PAIR.match(line) is not None and end.search(line) is None


def _is_item(line: str, end: re.Pattern[str]) -> bool:
    if line.startswith(BULLETS) or line.endswith(UNFINISHED) or _is_numbered(line) or _is_pair(line, end):
        return True
    return len(line) <= SHORT and end.search(line) is None
