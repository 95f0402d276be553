"""What holds for every filter of the tree, whatever it measures."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from florilegium.filters import every_filter
from florilegium.filters.limits import Limits
from florilegium.filters.text import Text
from florilegium.languages import codes, load

PROFILES = st.sampled_from([*codes(), "und", "fin_Latn"]).map(load)
LINED = st.lists(
    st.sampled_from(["der Hund", "1 2 3", "- und", "...", "# {", "", "  ", "“Ja.”", "ε\u0301ν", "\r", "\u2028"])
)
TEXTS = st.text() | LINED.map("\n".join)

COUNTS = {
    *("length.words", "length.mean_word", "length.longest_word", "lines.line_breaks", "sentences.count"),
    *("sentences.mean", "stop_words.distinct", "tells.lorem_ipsum", "tells.phrases", "vocabulary.log_probability"),
}
"""Measures that are no shares."""


def test_the_tree_has_filters_sorted_and_named_by_their_place() -> None:
    names = list(every_filter())
    assert len(names) >= 25
    assert names == sorted(names)
    for name, measure in every_filter().items():
        topic, function = name.split(".")
        assert measure.__name__ == function
        assert measure.__module__ == f"florilegium.filters.{topic}"


@pytest.mark.parametrize("name", every_filter())
def test_says_what_it_measures_and_its_limits(name: str) -> None:
    measure = every_filter()[name]
    assert (measure.__doc__ or "").strip().split("\n")[0].endswith((".", "lists.", "damaged."))
    assert isinstance(measure.limits, Limits)
    low, high = measure.limits.low, measure.limits.high
    assert low is None or high is None or low < high


@pytest.mark.parametrize("name", every_filter())
def test_a_text_with_nothing_to_measure_is_zero(name: str) -> None:
    for content in ("", " ", "\n", "\r\n \n"):
        assert every_filter()[name](Text(content, load("deu_Latn"))) == 0 or name == "lines.line_breaks", content
    assert every_filter()[name](Text("", load("und"))) == 0


@given(content=TEXTS, language=PROFILES)
def test_finite_and_the_same_each_time(content: str, language: object) -> None:
    first = {name: measure(Text(content, language)) for name, measure in every_filter().items()}  # type: ignore[arg-type]
    backwards = Text(content, language)  # type: ignore[arg-type]
    again = {name: measure(backwards) for name, measure in reversed(list(every_filter().items()))}
    assert first == again
    for name, value in first.items():
        assert isinstance(value, float) and math.isfinite(value), name
        assert value >= 0 or name == "vocabulary.log_probability", name


@pytest.mark.parametrize(
    "piece", ["wort ", ". ", "a. ", "....", "\n", "\r\n", "- \n", "1.\n", "x: y\n", "{{", "${a}", ")", "\u2028"]
)
def test_the_same_piece_many_times_is_finite(piece: str) -> None:
    text = Text(piece * 20_000, load("deu_Latn"))
    for name, measure in every_filter().items():
        assert abs(measure(text)) <= (len(text.content) if name in COUNTS else 1), name


@given(content=TEXTS)
def test_shares_lie_between_zero_and_one(content: str) -> None:
    text = Text(content, load("eng_Latn"))
    for name, measure in every_filter().items():
        if name not in COUNTS:
            assert 0 <= measure(text) <= 1, name
        assert abs(measure(text)) <= max(14, len(content)), name
