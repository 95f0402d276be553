"""How a text uses capital letters: headlines, shouting and texts without any."""

from florilegium.filters.limits import limits
from florilegium.filters.text import Text


@limits(high=0.5)
def upper(text: Text) -> float:
    """Share of the letters that are upper case.

    Of all letters: in a script without cases a few abbreviations in Latin letters are no shouting.
    Our own. The highest of 2,751 good texts (docs/measures.md), an index of product names, has 0.34.
    """
    letters = {letter: count for letter, count in text.characters.items() if letter.isalpha()}
    return (
        sum(count for letter, count in letters.items() if letter.isupper()) / sum(letters.values()) if letters else 0.0
    )


@limits()
def capital_words(text: Text) -> float:
    """Share of the plain words of at least two characters whose cased letters are all upper case: `NATO`, `B2B`.

    Words of one character count on neither side. Our own, for study; off, as `upper` asks much the same.
    """
    words = [word for word in text.plain_words if len(word) > 1]
    return sum(map(str.isupper, words)) / len(words) if words else 0.0
