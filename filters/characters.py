"""What a text is written with: letters, digits, symbols."""

import re

from florilegium.filters.limits import limits
from florilegium.filters.text import Text


@limits(low=0.7)
def alphabetic_words(text: Text) -> float:
    """Share of the words that hold a letter, punctuation not counted.

    Gopher (arXiv:2112.11446) asks for 0.8 with punctuation among the words; text with many commas fails that,
    whatever its language, so punctuation is left out.
    """
    plain = text.plain_words
    return sum(1 for word in plain if word.isalpha() or any(map(str.isalpha, word))) / len(plain) if plain else 0.0


@limits(high=0.3)
def digits(text: Text) -> float:
    """Share of the characters that are decimal digits of any script, white space not counted: tables, logs, lists."""
    return len(re.findall(r"\d", text.content)) / text.offsets[-1] if text.words else 0.0


@limits(high=0.1)
def hashes(text: Text) -> float:
    """Number signs (#) per word, punctuation counted as words. Gopher (arXiv:2112.11446) allows 0.1."""
    return text.content.count("#") / len(text.words) if text.words else 0.0


@limits(high=0.1)
def ellipses(text: Text) -> float:
    """Ellipses per word, punctuation counted as words. Gopher (arXiv:2112.11446) allows 0.1.

    An ellipsis is U+2026 or a run of three or more full stops, which may have single blanks between them.
    """
    return len(re.findall(r"…|\.(?: ?\.){2,}", text.content)) / len(text.words) if text.words else 0.0


@limits(high=0.025)
def curly_brackets(text: Text) -> float:
    """Share of the characters that are { or }: program code.

    C4 (arXiv:1910.10683) drops a page for one of them; manuals show code beside prose, so a share is taken.
    """
    content = text.content
    return (content.count("{") + content.count("}")) / len(content) if content else 0.0


@limits(high=0.005)
def undecodable(text: Text) -> float:
    """Share of the characters that are U+FFFD: the text was decoded with the wrong charset, or damaged."""
    return text.content.count("\ufffd") / len(text.content) if text.content else 0.0
