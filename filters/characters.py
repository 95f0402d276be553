"""What a text is written with: letters, digits, symbols."""

import re
import unicodedata

from florilegium.filters.limits import limits
from florilegium.filters.text import Text
from florilegium.languages import scripts


@limits(low=0.7)
def alphabetic_words(text: Text) -> float:
    """Share of the words that hold a letter, punctuation not counted.

    Gopher (arXiv:2112.11446) asks for 0.8 with punctuation among the words; text with many commas fails that,
    whatever its language, so punctuation is left out.
    """
    plain = text.plain_words
    return sum(1 for word in plain if word.isalpha() or any(map(str.isalpha, word))) / len(plain) if plain else 0.0


@limits()
def alphabetic_of_all(text: Text) -> float:
    """Share of all words, punctuation counted, that hold a letter.

    Gopher (arXiv:2112.11446) asks for 0.8 and FineWeb2 (arXiv:2506.20920, `max_non_alpha_words_ratio`) for 0.69 to 0.86
    by language. Off, as `alphabetic_words` does the same without counting commas; imported limits need it.
    """
    words = text.words
    return sum(1 for word in words if word.isalpha() or any(map(str.isalpha, word))) / len(words) if words else 0.0


@limits(high=0.2)
def symbols(text: Text) -> float:
    """Share of the characters, white space not counted, that are symbols or of private use.

    Symbols are Unicode's categories Sm, Sc, Sk and So: `+ < = > | ~ ^ $ ©`, arrows, boxes, emoji; Co is private use.
    Our own. Of 2,751 good texts (docs/measures.md) the highest, a page about HTML tables, has 0.10.
    """
    found = sum(count for one, count in text.characters.items() if _is_symbol(one))
    return found / text.offsets[-1] if text.words else 0.0


@limits(high=0.7)
def other_script(text: Text) -> float:
    """Share of the letters that are not of the script (ISO 15924) of the language.

    0 where the script is not one of `languages/scripts.py`, as for a text whose language is not known.
    Our own. Of texts in their language (docs/measures.md) the highest, a Greek manual full of names of commands, has
    0.65.
    """
    script = text.language.script
    if script not in scripts.MIXED and script not in scripts.NAMES.values():
        return 0.0
    letters = scripts.letters(text.content)
    return 1 - scripts.share(letters, script) if letters else 0.0


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


def _is_symbol(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "S" or category == "Co"
