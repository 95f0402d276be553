"""Worked examples: for each filter some texts and what it must say of them."""

import sys
import tomllib
import unicodedata
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from florilegium.filters import every_filter
from florilegium.filters.text import Text
from florilegium.languages import load

EXAMPLES: dict[str, list[tuple[str, float | str] | tuple[str, float | str, str]]] = tomllib.loads(
    Path(__file__).with_name("examples.toml").read_text("utf-8")
)


def test_every_filter_has_examples() -> None:
    assert set(EXAMPLES) == set(every_filter())


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name: str) -> None:
    for content, expected, *code in EXAMPLES[name]:
        value = every_filter()[name](Text(content, load(code[0] if code else "deu_Latn")))
        assert value == pytest.approx(float(Fraction(expected)), abs=1e-9), content


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
