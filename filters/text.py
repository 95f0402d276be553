"""One document's text, taken apart once for all filters: words, lines, paragraphs, n-grams."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, chain, pairwise

from florilegium.languages import Language

LONGEST_GRAM = 10
"""Gopher (arXiv:2112.11446, table A1) looks at n-grams of up to ten words."""
CLOSING = "\"'”’»«“‘›‹)]"
"""Quotation marks and brackets that may follow the end of a sentence."""


@dataclass(frozen=True)
class Text:
    """A text and the profile of its language. All lengths are Unicode code points.

    A filter of a text that has nothing to measure (no words, no lines, no n-grams) gives 0.
    """

    content: str
    language: Language

    @cached_property
    def words(self) -> Sequence[str]:
        """Runs of letters, digits, underscores and combining marks; every other character but white space by itself."""
        return _words().findall(self.content)

    @cached_property
    def plain_words(self) -> Sequence[str]:
        """The words that hold a letter or a digit: no punctuation, symbols or mere underscores."""
        return [word for word in self.words if _is_plain(word)]

    @cached_property
    def lettered_words(self) -> Sequence[str]:
        """The folded words that hold a letter: no mere numbers."""
        return [word for word in self.folded_words if word.isalpha() or any(map(str.isalpha, word))]

    @cached_property
    def folded_words(self) -> Sequence[str]:
        """The plain words in composed form (NFC) and lower case, as stop words are written in the profiles."""
        return [word.lower() for word in map(_composed, self.plain_words)]

    @cached_property
    def spoken(self) -> str:
        """The folded words, each between blanks of its own: what a phrase is looked for in, written the same way."""
        return "".join(f" {word} " for word in self.folded_words)

    @cached_property
    def lines(self) -> Sequence[str]:
        """The lines that are not blank, without white space at their ends. Only U+000A parts lines."""
        return [line for line in map(str.strip, self.content.split("\n")) if line]

    @cached_property
    def sentences(self) -> Sequence[int]:
        """How many plain words each sentence has, in order; never 0.

        A sentence ends with one of the language's sentence ends, closing quotation marks and brackets included, before
        white space or at the end of its line. It begins where the one before it ended, or the line begins. What follows
        the last end of a line is no sentence: a heading, an item of a list, a cell of a table. Abbreviations end
        sentences too.
        """
        found: list[int] = []
        for line in self.lines:
            start = 0
            for end in sentence_end(self.language.sentence_ends).finditer(line):
                found.append(sum(map(_is_plain, _words().findall(line[start : end.end()]))))
                start = end.end()
        return list(filter(None, found))  # `. . .` is not three sentences

    @cached_property
    def characters(self) -> Mapping[str, int]:
        """How often each character occurs, white space included."""
        return Counter(self.content)

    @cached_property
    def paragraphs(self) -> Sequence[str]:
        """What blank lines part, without white space at the ends."""
        return [part for part in map(str.strip, re.split(r"\n\s*\n", self.content)) if part]

    @cached_property
    def grams(self) -> Mapping[int, Sequence[int]]:
        """For n = 1..10 one number a position: equal numbers are equal n-grams of `words`.

        An n-gram is its first n-1 words and its last n-1 words, so each level numbers the pairs of the level below:
        exact, without hashing words together, and linear in words for each n.
        """
        levels = {1: _numbered(self.words)}
        for n in range(2, LONGEST_GRAM + 1):
            below = levels[n - 1]
            # Where nothing repeats, nothing longer does.
            repeats = len(below) and max(below) < len(below) - 1
            levels[n] = _numbered(pairwise(below)) if repeats else range(max(len(below) - 1, 0))
        return levels

    @cached_property
    def offsets(self) -> Sequence[int]:
        """Characters of the words before each position; one entry more than there are words."""
        return list(accumulate(map(len, self.words), initial=0))


@cache
def sentence_end(ends: str) -> re.Pattern[str]:
    """Where a sentence ends in a line, by the characters of the profile."""
    return re.compile(rf"[{re.escape(ends)}][{re.escape(CLOSING)}]*(?=\s|$)")


def _is_plain(word: str) -> bool:
    return word.isalnum() or any(map(str.isalnum, word))


def _numbered(items: Iterable[object]) -> Sequence[int]:
    numbers: dict[object, int] = {}
    return [numbers.setdefault(item, len(numbers)) for item in items]


def _composed(word: str) -> str:
    return word if word.isascii() else unicodedata.normalize("NFC", word)


@cache
def _words() -> re.Pattern[str]:
    marks = "".join(filter(_is_mark, map(chr, chain(range(0x300, 0x20000), range(0xE0100, 0xE01F0)))))
    near = "".join(mark for mark in marks if mark < "\U00010000")
    # Apart and as ranges: a set with characters above U+FFFF is searched from end to end for each character.
    far = _ranges([ord(mark) for mark in marks if mark >= "\U00010000"])
    return re.compile(rf"(?:[\w{near}]+|[{far}]+)+|\S")


def _ranges(codes: Sequence[int]) -> str:
    starts = [code for code in codes if code - 1 not in codes]
    ends = [code for code in codes if code + 1 not in codes]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter).startswith("M")
