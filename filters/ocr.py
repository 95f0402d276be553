"""What badly read print looks like: digits and signs inside words, words of one letter, words without vowels."""

import re

from florilegium.filters.limits import limits
from florilegium.filters.text import Text

MIXED = re.compile(r"[^\W\d_]\d+[^\W\d_]")
"""Digits between letters."""

ODD = re.compile(r"(?<=[^\W\d_])[,;!?|*~^<>=+\\{}\[\]()\"«»¬¦•■□●§°](?=[^\W\d_])")
"""Signs that stand between two letters where print was misread, and in no word. Apostrophes, hyphens, full stops,
colons, slashes, middle dots and the at sign stand in words, names and addresses."""

CONSONANTS = (
    "bcdfghjklmnpqrstvwxzßçćĉċčďđðĝğġģĥħĵķĺļľłńņňñŋŕŗřśŝşšșţťțŧþŵźżžбвгдђѓжзѕйкќлљмнњпрстћќфхцчџшщґўјβγδζθκλμνξπρσςτφχψ"
)
RUN = re.compile(f"[{CONSONANTS}]{{6}}")
"""Six consonants of the Latin, Cyrillic or Greek script in a row."""


@limits(high=0.2)
def mixed_words(text: Text) -> float:
    """Share of the words with a letter that have digits between letters: `w0rd`, `c1ear`; also `H2O`.

    Our own. The highest of 2,751 good texts (docs/measures.md), a list of part numbers, has 0.06.
    """
    words = text.lettered_words
    return sum(1 for word in words if MIXED.search(word)) / len(words) if words else 0.0


@limits(high=0.35)
def lone_letters(text: Text) -> float:
    """Share of the words with a letter that are one letter and no stop word of the language: `H e l l o`.

    Our own. Languages with words and elisions of one letter (a, e, o; l', d') have up to 0.2; the highest of 2,751 good
    texts (docs/measures.md), a table of variables, has 0.24.
    """
    words = text.lettered_words
    lone = sum(1 for word in words if len(word) == 1 and word not in text.language.stop_words)
    return lone / len(words) if words else 0.0


@limits()
def odd_signs(text: Text) -> float:
    """Signs that stand between two letters and belong into no word (`wo,rd`, `l|ttle`) per word, at most 1.

    Our own, for study; off: program code has as many.
    """
    plain = text.plain_words
    return min(1.0, len(ODD.findall(text.content)) / len(plain)) if plain else 0.0


@limits(high=0.1)
def consonant_runs(text: Text) -> float:
    """Share of the words with a letter that have six consonants in a row: `rnrnrnrn`; also `Angstschweiß`.

    Letters of scripts other than the Latin, Cyrillic and Greek are none; y is a vowel. Our own. The highest of 2,751
    good texts (docs/measures.md) has 0.02.
    """
    words = text.lettered_words
    return sum(1 for word in words if RUN.search(word)) / len(words) if words else 0.0
