"""The measures of the C core are those of filters/*.py, for every text; its table of letters is Python's."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from florilegium.filters import every_filter
from florilegium.filters.text import Text
from florilegium.languages import codes, load
from florilegium.pipeline.sample.content import load as sample
from florilegium.stages import _native
from florilegium.stages._measures import hashes, measured, taken
from florilegium.stages.measure import text_hash
from florilegium.stages.native import caseless, letters

LANGUAGES = (*codes(), "und", "fin_Latn", "rus_Cyrl", "jpn_Jpan")
PITFALLS = (
    *list('aAbBdeiIİıßẞΣσςΑαΩöÖÉ_#{}$%.,;:!?·»«“")([]•-*‣²½Ⅷǅ٣1\u0301\u0308\u0327\u0345\u094d\u0958\ufffd\ue000\t '),
    *(
        "\n",
        "\r\n",
        "\n\n",
        "\n \n",
        "\u2028",
        "\u0085",
        "\u00a0",
        "  ",
        "\u212a",
        "\u212b",
        "\u1112\u1161\u11ab",
        "각",
    ),
    *("…", "...", "....", ". . .", "1.", "(b)", "2.3.1", "12345", "key: value", "wo,rd", "H2O", "rnrnrnrn", "NATO"),
    *("{{x}}", "${x}", "<%x%>", "%s", "%1$d", "[object Object]", "undefined", "NaN", "NaN\u0301", "JavaScript"),
    *(
        "lorem",
        "Ipsum",
        "der",
        "UND",
        "fu\u0308r",
        "ΚΑΙ",
        "ΤΟΥΣ",
        "as an ai language model",
        "漢字",
        "x" * 31,
        "y" * 1001,
    ),
    *("\U0001d7d9", "\U00020000", "\U00030000", "\U00030001", "😀", "a b c d e f g h i j k ", "der und die "),
)
SOME = st.lists(st.sampled_from(PITFALLS), min_size=1, max_size=8).flatmap(
    lambda few: st.lists(st.sampled_from(few), max_size=60)
)
"""Few pieces, often: so that words, lines and runs of words repeat."""
JOINED = st.tuples(st.sampled_from(["", " ", "\n"]), SOME).map(lambda pair: pair[0].join(pair[1]))


ASSIGNED = letters.BITS.index("ASSIGNED")


@cache
def table() -> list[list[int]]:
    rows: list[list[int]] = np.frombuffer(_native.letters(), np.uint32).reshape(-1, 2).tolist()
    return rows


def known(text: str) -> str:
    """Without the characters that only a later version of Unicode than the core's has."""
    return "".join(
        letter for letter in text if table()[ord(letter)][0] >> ASSIGNED & 1 or unicodedata.category(letter) == "Cn"
    )


def by_hand(content: str, code: str) -> dict[str, np.float32]:
    text = Text(content, load(code))
    return {name: np.float32(every_filter()[name](text)) for name in taken()}


def assert_same(contents: Sequence[str], languages: Sequence[str]) -> None:
    found = measured(pa.array(contents, pa.large_string()), languages)
    rows = {name: column.to_numpy(zero_copy_only=False) for name, column in found.measures.items()}
    for at, (content, code) in enumerate(zip(contents, languages, strict=True)):
        for name, value in by_hand(content, code).items():
            # A sum of logarithms is rounded where it is long; all else are quotients of whole numbers.
            near = 1e-6 if name == "vocabulary.log_probability" else 0
            assert abs(rows[name][at] - value) <= near, (name, code, rows[name][at], value, content[:200])
        assert found.words[at].as_py() == len(Text(content, load(code)).plain_words)
        assert found.characters[at].as_py() == len(content)


def test_the_core_takes_all_but_what_a_library_does() -> None:
    assert set(every_filter()) - set(taken()) == {"compression.ratio"}
    assert set(taken()) <= set(every_filter())


@settings(max_examples=500, deadline=None)
@given(content=JOINED | st.text().map(known), code=st.sampled_from(LANGUAGES))
@example(content="NaN\u0301undefined {{undefined}}", code="und")
@example(content="a, b, c, a, b, c, a, b, c, a, b, c, a, b, c", code="eng_Latn")
def test_as_the_filters_say(content: str, code: str) -> None:
    assert_same([content], [code])


def test_as_the_filters_say_of_real_text() -> None:
    passages = sample().passages
    assert len({passage.language for passage in passages.values()}) > 30
    texts = [(passage.language, "\n\n".join(passage.paragraphs)) for passage in passages.values()]
    texts += [(code, unicodedata.normalize("NFD", text).upper()) for code, text in texts]
    assert_same([text for _, text in texts], [code for code, _ in texts])


def test_extremes() -> None:
    words = " ".join(f"w{number:x}" for number in range(30_000))
    texts = ["", "\n", "a" * 200_000, "ab " * 30_000, words, "a\u0301\u0327" * 20_000, ". " * 30_000, "a\n" * 30_000]
    texts += ["a" + "\u0301\u0327" * 20_000, "Σ" * 20_000, "ΑΣ" + "\u0301" * 20_000, "{{" * 20_000, "<%" * 20_000]
    assert_same(texts, ["ell_Grek"] * len(texts))


def test_places_of_an_array() -> None:
    texts = pa.array(["eins", None, "zwei drei", "", None, "Der Hund."], pa.large_string())
    whole = measured(texts, ["deu_Latn"] * 6)
    assert whole.words.to_pylist() == [1, None, 2, 0, None, 2]
    assert whole.measures["length.words"].to_pylist() == [1, None, 2, 0, None, 2]
    for begin in range(6):
        part = measured(texts[begin:], ["deu_Latn"] * (6 - begin))
        assert all(part.measures[name].equals(column[begin:]) for name, column in whole.measures.items())
        assert part.characters.equals(whole.characters[begin:])
    assert measured(pa.array([], pa.large_string()), []).words.to_pylist() == []


def test_refuses_what_does_not_fit() -> None:
    def profile(end: str = ".", word: bytes = b"der", phrase: int = 0) -> object:
        numbers = (np.array([ord(end)], np.uint32).data, np.array([0, 3]).data, np.array([phrase], np.uint32).data)
        log, stops, phrases = np.array([-1.0]).data, b"\1", np.array([0, 1]).data
        return _native.measure_profile(numbers[0], 0, word, numbers[1], log, stops, -13.0, True, numbers[2], phrases)

    at, one = np.array([0, 2]).data, np.zeros(1, np.int32).data
    assert len(_native.measure(b"ab", at, one, (profile(),))[0]) == 4 * len(taken())
    for wrong in ({"end": " "}, {"end": "a"}, {"word": b"de"}, {"phrase": 1}):
        with pytest.raises(ValueError, match=r"neither white space|rise from 0|do not fit|expected 0 to 2"):
            profile(**wrong)
    with pytest.raises(ValueError, match="text 0 is no UTF-8"):
        _native.measure(b"a\xff", at, one, (profile(),))
    with pytest.raises(ValueError, match=re.escape("chosen[0] is 1, expected -1 to 0")):
        _native.measure(b"ab", at, np.ones(1, np.int32).data, (profile(),))
    with pytest.raises(ValueError, match="offsets"):
        _native.measure(b"a", at, one, (profile(),))


FOLDED = st.text(
    st.sampled_from("aAΣσΑ.İI\u0307\u0301\u0327\u0345\u0328é\u1e69각\u1100\u1161\u11a8Åſ\u0958\u09c7\u09be")
)


@settings(max_examples=500, deadline=None)
@given(word=FOLDED | st.text(st.characters(codec="utf-8")))
def test_folds_as_python_does(word: str) -> None:
    word = known(word)
    assert _native.measure_fold(word) == unicodedata.normalize("NFC", word).lower()


ALONE = (
    st.text(st.sampled_from("aA ß\n\t\u00a0\u2028´¨…ﬁ™½éÉİς\u0301\u0345가ᅡ\u3000Ａ㍿😀\ue000"), max_size=20) | st.text()
)


@settings(max_examples=500, deadline=None)
@given(before=ALONE, times=st.integers(0, 40), behind=ALONE)
@example(before=" ", times=0, behind="")
@example(before="x" * 127, times=0, behind="y \n")
@example(before="x" * 128, times=0, behind=" \n")
def test_hashes_as_by_hand(before: str, times: int, behind: str) -> None:
    content = before * times + behind
    texts = pa.array([content, None, behind, before * 30], pa.large_string())
    by_hand = [text_hash(content), None, text_hash(behind), text_hash(before * 30)]
    assert hashes(texts, text_hash).to_pylist() == by_hand
    assert hashes(texts[2:], text_hash).to_pylist() == by_hand[2:]


def test_most_texts_are_hashed_in_the_core() -> None:
    left: list[str] = []
    texts = ["\n".join(passage.paragraphs) for passage in sample().passages.values()]

    def by_hand(text: str) -> bytes:
        left.append(text)
        return text_hash(text)

    hashes(pa.array(texts, pa.large_string()), by_hand)
    assert len(left) < len(texts) / 20


LATER = {0x10FC, 0xA7F2, 0xA7F3, 0xA7F4, 0xAB69}
"""Modifier letters that Unicode 15 counts as lower case. It changes nothing else of what Unicode 14 has."""


def test_the_table_is_what_python_says() -> None:
    """Of what is assigned in its version of Unicode and in that of this Python."""
    compared = 0
    for code in {*range(0xD800), *range(0xE000, 0x110000)} - LATER:
        bits, lower = table()[code]
        if bits >> ASSIGNED & 1 and unicodedata.category(chr(code)) != "Cn":
            assert (bits, lower) == (letters.bits(code), letters.lower(code) & 0xFFFFFFFF), hex(code)
            compared += 1
    assert compared > 280_000


@pytest.mark.parametrize("script", [letters, caseless])
def test_the_tables_are_made_by_their_scripts(script: Any) -> None:
    if unicodedata.unidata_version != letters.UNICODE:
        pytest.skip("another version of Unicode")
    assert Path(script.__file__).with_suffix(".h").read_text("utf-8") == script.header()
