"""How many sentences a text has, and how long they are, by what ends a sentence in its language."""

from florilegium.filters.limits import limits
from florilegium.filters.text import Text

SHORT = 3
"""Plain words: a sentence of at most this length is very short."""


@limits()
def count(text: Text) -> float:
    """Sentences.

    C4 (arXiv:1910.10683) asks for 5, FineWeb's C4 filter for 5 as well. Off: a notice of three sentences may be a good
    text, and `length.words` sees to what is too short.
    """
    return float(len(text.sentences))


@limits()
def mean(text: Text) -> float:
    """Mean length of the sentences in words, punctuation not counted. Our own, for study; off."""
    return sum(text.sentences) / len(text.sentences) if text.sentences else 0.0


@limits()
def short(text: Text) -> float:
    """Share of the sentences that have at most three words: chats, and calls to buy. Our own, for study; off.

    Abbreviations and initials that are followed by a blank count as short sentences.
    """
    return sum(1 for words in text.sentences if words <= SHORT) / len(text.sentences) if text.sentences else 0.0
