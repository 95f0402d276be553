"""What the lines of a text look like. Blank lines are not counted, white space at the ends is ignored."""

import re
from collections.abc import Callable

from florilegium.filters.limits import limits
from florilegium.filters.text import Text

BULLETS = ("•", "-", "*", "‣", "▪", "◦", "·")
"""Not the longer dashes: in many languages they open the lines of a dialogue."""
ELLIPSES = ("…", "...", ". . .")
CLOSING = "\"'”’»«“‘›‹)]"
"""Quotation marks and brackets that may follow the end of a sentence."""
SHORT = 30
"""Characters: FineWeb (arXiv:2406.17557) calls a line of at most this length short."""


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
    end = re.compile(rf"[{re.escape(text.language.sentence_ends)}][{re.escape(CLOSING)}]*(?:\s|$)")
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


@limits(high=0.3)
def line_breaks(text: Text) -> float:
    """Line breaks per word, punctuation counted as words. FineWeb (arXiv:2406.17557) allows 0.3."""
    return text.content.count("\n") / len(text.words) if text.words else 0.0


def _share(text: Text, holds: Callable[[str], bool]) -> float:
    return sum(map(holds, text.lines)) / len(text.lines) if text.lines else 0.0
