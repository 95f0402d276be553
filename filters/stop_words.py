"""Words that hold sentences together: prose has them, lists of names and navigation do not."""

from florilegium.filters.limits import limits
from florilegium.filters.text import Text


@limits()
def distinct(text: Text) -> float:
    """Different stop words of the language that occur, compared in lower case and composed form (NFC).

    Gopher (arXiv:2112.11446) asks for 2 of 8 English ones. Off unless the language's profile has words.
    """
    return float(len(text.language.stop_words.intersection(text.folded_words)))


@limits()
def share(text: Text) -> float:
    """Share of the words, punctuation not counted, that are stop words of the language. For study; off."""
    stop_words = text.language.stop_words
    plain = text.folded_words
    return sum(1 for word in plain if word in stop_words) / len(plain) if plain else 0.0
