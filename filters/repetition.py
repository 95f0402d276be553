"""How much of a text repeats itself (Gopher, arXiv:2112.11446, table A1)."""

from collections import Counter
from collections.abc import Sequence

from florilegium.filters.limits import limits
from florilegium.filters.text import Text

LONG = 4
"""Characters: shorter words hold sentences together in most languages, whether or not a profile lists them."""


@limits(high=0.3)
def duplicate_lines(text: Text) -> float:
    """Share of the lines that stood in the text before, blank ones not counted. Gopher allows 0.3."""
    return len(_repeated(text.lines)) / len(text.lines) if text.lines else 0.0


@limits(high=0.2)
def duplicate_line_characters(text: Text) -> float:
    """Characters of the lines that stood in the text before / characters of all lines. Gopher allows 0.2.

    Blank lines and white space at line ends are counted on neither side.
    """
    return _share(_repeated(text.lines), text.lines)


@limits()
def duplicate_characters(text: Text) -> float:
    """Characters of the lines that stood in the text before / characters of the text without line breaks.

    FineWeb (arXiv:2406.17557, `char_duplicates_ratio`) allows 0.1 in the paper and 0.01 in its code, FineWeb2
    (arXiv:2506.20920) 0.1. Off, as `duplicate_line_characters` asks the same. White space at the ends of a line counts
    below the line only.
    """
    repeated = sum(map(len, _repeated(text.lines)))
    return repeated / (len(text.content) - text.content.count("\n")) if repeated else 0.0


@limits(high=0.3)
def duplicate_paragraphs(text: Text) -> float:
    """Share of the paragraphs that stood in the text before. Gopher allows 0.3."""
    return len(_repeated(text.paragraphs)) / len(text.paragraphs) if text.paragraphs else 0.0


@limits(high=0.2)
def duplicate_paragraph_characters(text: Text) -> float:
    """Characters of the paragraphs that stood in the text before / characters of all paragraphs. Gopher allows 0.2."""
    return _share(_repeated(text.paragraphs), text.paragraphs)


@limits(high=0.25)
def top_word(text: Text) -> float:
    """Share of the words with a letter that the most frequent word takes: keywords for search engines.

    Stop words of the language and words of fewer than four characters do not count as the most frequent; words are
    compared in composed form and lower case. Our own. The highest of 2,751 good texts (docs/measures.md) has 0.21.
    """
    words = text.lettered_words
    counts = Counter(word for word in words if len(word) >= LONG and word not in text.language.stop_words)
    return max(counts.values()) / len(words) if counts else 0.0


@limits(high=0.2)
def top_2gram(text: Text) -> float:
    """Characters of the most frequent pair of words, joined by a space, x its count / all. Gopher allows 0.2."""
    return _top(text, 2)


@limits(high=0.18)
def top_3gram(text: Text) -> float:
    """As `top_2gram`, of three words. Gopher allows 0.18."""
    return _top(text, 3)


@limits(high=0.16)
def top_4gram(text: Text) -> float:
    """As `top_2gram`, of four words. Gopher allows 0.16."""
    return _top(text, 4)


@limits(high=0.15)
def duplicate_5gram(text: Text) -> float:
    """Characters of runs of five words that stood in the text before / all. Gopher allows 0.15.

    Read from the left; after a repeated run the next five words begin, so that no character counts twice.
    """
    return _duplicate(text, 5)


@limits(high=0.14)
def duplicate_6gram(text: Text) -> float:
    """As `duplicate_5gram`, of six words. Gopher allows 0.14."""
    return _duplicate(text, 6)


@limits(high=0.13)
def duplicate_7gram(text: Text) -> float:
    """As `duplicate_5gram`, of seven words. Gopher allows 0.13."""
    return _duplicate(text, 7)


@limits(high=0.12)
def duplicate_8gram(text: Text) -> float:
    """As `duplicate_5gram`, of eight words. Gopher allows 0.12."""
    return _duplicate(text, 8)


@limits(high=0.11)
def duplicate_9gram(text: Text) -> float:
    """As `duplicate_5gram`, of nine words. Gopher allows 0.11."""
    return _duplicate(text, 9)


@limits(high=0.1)
def duplicate_10gram(text: Text) -> float:
    """As `duplicate_5gram`, of ten words. Gopher allows 0.1."""
    return _duplicate(text, 10)


def _repeated(parts: Sequence[str]) -> Sequence[str]:
    first = set(parts)
    if len(first) == len(parts):
        return ()
    # Of each part one occurrence is the first; which one does not matter for its length.
    return list((Counter(parts) - Counter(first)).elements())


def _share(some: Sequence[str], all_parts: Sequence[str]) -> float:
    return sum(map(len, some)) / sum(map(len, all_parts)) if some else 0.0


def _top(text: Text, n: int) -> float:
    grams = text.grams[n]
    if not grams:
        return 0.0
    ((top, count),) = Counter(grams).most_common(1)  # of equally frequent ones the first in the text
    at = grams.index(top)
    length = text.offsets[at + n] - text.offsets[at] + n - 1
    # Words that stand without blanks between them, or n-grams that overlap, could give more than there is.
    return min(1.0, length * count / len(text.content))


def _duplicate(text: Text, n: int) -> float:
    grams, offsets = text.grams[n], text.offsets
    if isinstance(grams, range):  # nothing repeats
        return 0.0
    seen: set[int] = set()
    at = repeated = 0
    while at < len(grams):
        if grams[at] in seen:
            repeated += offsets[at + n] - offsets[at]
            at += n
        else:
            seen.add(grams[at])
            at += 1
    return repeated / len(text.content)
