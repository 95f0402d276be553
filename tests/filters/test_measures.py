"""Worked examples: for each filter some texts and what it must say of them."""

import sys
import unicodedata
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from florilegium.filters import every_filter
from florilegium.filters.text import Text
from florilegium.languages import load

EXAMPLES: dict[str, list[tuple[str, float]]] = {
    "length.words": [("Ja, nein.", 2), ("a_b __ 3,5", 3), ("καί\u0301 L'Aquila", 3), ("एक हिन्दी", 2)],
    "length.mean_word": [("ab cdef.", 3), ("... !!!", 0), ("Zeitüberschreitung", 18)],
    "length.longest_word": [("ein Wort " + "x" * 1001, 1001), (". .", 1)],
    "characters.alphabetic_words": [("eins 2 drei, vier!", 0.75), ("1, 2, 3", 0), ("H2O, CO2.", 1)],
    "characters.digits": [("a1 22", 0.75), ("٣ Äpfel", 1 / 6), ("keine", 0)],
    "characters.hashes": [("# Titel", 0.5), ("C# und F#", 0.4)],
    "characters.ellipses": [("Mehr ...", 0.25), ("Mehr …", 0.5), ("Mehr . . .", 0.25), ("a.... b", 1 / 6), ("a..", 0)],
    "characters.curly_brackets": [("{}", 1), ("f {x}", 0.4), ("(x)", 0)],
    "characters.undecodable": [("M\ufffdller", 1 / 6), ("Müller", 0)],
    "lines.bullets": [("- eins\n  • zwei\ndrei\n\nvier", 0.5), ("– Ja?\n— Nein.", 0)],
    "lines.ellipsis": [("Lesen ...\r\nMehr…\nSatz.\nMehr . . . ", 0.75), ("Satz.", 0)],
    "lines.sentences": [("Titel\nEin Satz. Fuß\nPreis: 5.50\n»Ja!« sagt er", 0.5), ("Titel", 0)],
    "lines.terminal_punctuation": [("Titel\nEin Satz.\nEin »Satz?« \n\nNoch (einer.)", 0.75), ("Titel", 0)],
    "lines.short": [("x" * 30 + "\n" + "x" * 31, 0.5)],
    "lines.line_breaks": [("a\nb\nc d", 0.5), ("a b", 0)],
    "repetition.duplicate_lines": [("a\nb\n\na\na", 0.5), ("a\n\n\nb", 0), ("a \n a", 0.5)],
    "repetition.duplicate_line_characters": [("abcd\nab\nabcd", 0.4), ("a\nb", 0)],
    "repetition.duplicate_paragraphs": [("a\nb\n\nc\n \na\nb", 1 / 3), ("a\nb\na\nb", 0)],
    "repetition.duplicate_paragraph_characters": [("abcd\n\nab\n\nabcd", 0.4)],
    "repetition.top_2gram": [("a b a b", 6 / 7), ("aa b cc b cc", 2 * 4 / 12), ("eins", 0)],
    "repetition.top_3gram": [("a b c d a b c", 10 / 13), ("a b", 0)],
    "repetition.top_4gram": [("a b c d a b c d", 14 / 15)],
    "repetition.duplicate_5gram": [("a b c d e a b c d e", 5 / 19), ("a b c d e f a b c d", 0)],
    "repetition.duplicate_6gram": [("a b c d e f a b c d e f", 6 / 23)],
    "repetition.duplicate_7gram": [("a b c d e f g a b c d e f g", 7 / 27)],
    "repetition.duplicate_8gram": [("a b c d e f g h a b c d e f g h", 8 / 31)],
    "repetition.duplicate_9gram": [("a b c d e f g h i a b c d e f g h i", 9 / 35)],
    "repetition.duplicate_10gram": [("a b c d e f g h i j a b c d e f g h i j", 10 / 39), ("ab c a bc", 0)],
    "stop_words.distinct": [("Der Hund und DIE Katze und die Maus", 3), ("Siemens Bosch", 0), ("fu\u0308r", 1)],
    "stop_words.share": [("Der Hund und DIE Katze, und die Maus", 5 / 8)],
}


def test_every_filter_has_examples() -> None:
    assert set(EXAMPLES) == set(every_filter())


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name: str) -> None:
    for content, expected in EXAMPLES[name]:
        assert every_filter()[name](Text(content, load("deu_Latn"))) == pytest.approx(expected), content


def test_the_language_decides_what_ends_a_sentence() -> None:
    measure = every_filter()["lines.terminal_punctuation"]
    assert measure(Text("Τι είναι·", load("ell_Grek"))) == 1
    assert measure(Text("Was ist·", load("deu_Latn"))) == 0


WORDY = st.lists(st.sampled_from(["ab", "cde", "f", ".", ",", "aa", "b\n"]), max_size=60).map(" ".join)


@given(content=WORDY)
def test_top_ngrams_as_defined_word_by_word(content: str) -> None:
    """Gopher's definition without any numbering of n-grams: the joined strings themselves."""
    text = Text(content, load("und"))
    for n in (2, 3, 4):
        grams = [" ".join(text.words[at : at + n]) for at in range(len(text.words) - n + 1)]
        top, count = Counter(grams).most_common(1)[0] if grams else ("", 0)
        expected = min(1, len(top) * count / len(content)) if content else 0
        assert every_filter()[f"repetition.top_{n}gram"](text) == pytest.approx(expected)


@given(content=WORDY)
def test_duplicate_ngrams_as_defined_word_by_word(content: str) -> None:
    text = Text(content, load("und"))
    for n in range(5, 11):
        seen: set[tuple[str, ...]] = set()
        at = repeated = 0
        while at <= len(text.words) - n:
            gram = tuple(text.words[at : at + n])
            repeated += sum(map(len, gram)) if gram in seen else 0
            at += n if gram in seen else 1
            seen.add(gram)
        expected = repeated / len(content) if content else 0
        assert every_filter()[f"repetition.duplicate_{n}gram"](text) == pytest.approx(expected)


def test_a_combining_mark_parts_no_word() -> None:
    """The marks of all of Unicode: the words know every one of them."""
    marks = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith("M")]
    assert len(marks) > 2000
    for mark in marks:
        assert Text(f"a{mark}b,", load("und")).words == [f"a{mark}b", ","]


@given(content=st.text())
def test_words_and_white_space_are_the_whole_text(content: str) -> None:
    text = Text(content, load("und"))
    assert "".join(text.words) == "".join(letter for letter in content if not letter.isspace())
    assert all(before <= after for before, after in pairwise(text.offsets))
    assert set(text.plain_words) <= set(text.words)
