"""How long a text and its words are."""

from florilegium.filters.limits import limits
from florilegium.filters.text import Text


@limits(low=30, high=100_000)
def words(text: Text) -> float:
    """Words, punctuation not counted.

    Gopher (arXiv:2112.11446) keeps 50 to 100,000. The lower limit is 30 here: languages that inflect or compound
    say in 30 words what English says in 50.
    """
    return float(len(text.plain_words))


@limits(low=3, high=12)
def mean_word(text: Text) -> float:
    """Mean length of the words, punctuation not counted, in characters.

    Gopher keeps 3 to 10 for English; languages with longer words say so in their profile.
    """
    plain = text.plain_words
    return sum(map(len, plain)) / len(plain) if plain else 0.0


@limits(high=1000)
def longest_word(text: Text) -> float:
    """Length of the longest word in characters: C4 (arXiv:1910.10683) takes words above 1,000 for no words at all."""
    return float(max(map(len, text.words), default=0))
