"""How common the words of a text are, by the word list of its language; 0 where it has none."""

import math

from florilegium.filters.limits import limits
from florilegium.filters.text import Text

UNKNOWN = 1e-6
"""Relative frequency of a word that is not in the list. The lists end at about 3e-5 (`languages/words/README.md`)."""


@limits()
def log_probability(text: Text) -> float:
    """Mean natural logarithm of the relative frequency of the words with a letter; unknown ones count as 1e-6.

    Our own, for study; off. Prose has -7 to -11, a list of names or another language less, but so has a manual with
    much code: below -12.5 no limit parts them. 0 where the language has no word list.
    """
    known, words = text.language.frequencies, text.lettered_words
    if not known or not words:
        return 0.0
    return math.fsum(math.log(known.get(word, UNKNOWN)) for word in words) / len(words)


@limits()
def unknown(text: Text) -> float:
    """Share of the words with a letter that are not in the word list of the language. Our own, for study; off."""
    known, words = text.language.frequencies, text.lettered_words
    return sum(1 for word in words if word not in known) / len(words) if known and words else 0.0
