"""How a text uses capital letters: headlines, shouting and texts without any."""

from florilegium.filters.limits import limits
from florilegium.filters.text import Text


@limits(high=0.5)
def upper(text: Text) -> float:
    """Share of the upper-case letters among the upper-case and lower-case ones; 0 in a script without cases.

    Our own. The highest of 2,751 good texts (docs/measures.md), an index of product names, has 0.34.
    """
    upper = sum(count for letter, count in text.characters.items() if letter.isupper())
    lower = sum(count for letter, count in text.characters.items() if letter.islower())
    return upper / (upper + lower) if upper else 0.0


@limits()
def capital_words(text: Text) -> float:
    """Share of the plain words of at least two characters whose cased letters are all upper case: `NATO`, `B2B`.

    Words of one character count on neither side. Our own, for study; off, as `upper` asks much the same.
    """
    words = [word for word in text.plain_words if len(word) > 1]
    return sum(map(str.isupper, words)) / len(words) if words else 0.0
