"""What tells that a text was never finished, or was made by a machine: placeholders, dummy text, telling phrases."""

import re

from florilegium.filters.limits import limits
from florilegium.filters.text import Text

PLACEHOLDER = re.compile(
    r"\{\{[^{}\n]*\}\}|\$\{[^{}\n]*\}|<%[^%\n]*%>|%(?:\d\$)?[sd](?!\w)|\[object Object\]|(?<!\w)(?:undefined|NaN)(?!\w)"
)
"""Templates of Mustache, shells and JavaScript, ERB, printf; an object, nothing and no number printed by JavaScript."""


@limits(high=0.1)
def placeholders(text: Text) -> float:
    """Placeholders that nobody filled in (`{{name}}`, `${x}`, `%s`, `undefined`) per word, punctuation counted.

    Our own. The highest of 2,751 good texts (docs/measures.md), a table of placeholders, has 0.03.
    """
    return len(PLACEHOLDER.findall(text.content)) / len(text.words) if text.words else 0.0


@limits()
def lorem_ipsum(text: Text) -> float:
    """How often `lorem` stands before `ipsum`, in any case of letters.

    C4 (arXiv:1910.10683) drops a page for one (`{high: 0}`). Off: manuals of design tools speak of it.
    """
    return float(_occurrences(text, "lorem ipsum"))


@limits()
def phrases(text: Text) -> float:
    """How many of the language's telling phrases (`tells` of its profile) occur, each counted once. Our own; off.

    The words of a phrase must follow one another, whatever punctuation stands between them, compared in composed form
    and lower case.
    """
    return float(sum(1 for phrase in text.language.tells if _occurrences(text, phrase)))


def _occurrences(text: Text, phrase: str) -> int:
    """How often these words, folded and between single blanks, follow one another; none counts twice."""
    return text.spoken.count(f" {phrase.replace(' ', '  ')} ")
