"""The limits that FineWeb2 published: whole, on measures that exist, and translated key by key."""

import pytest

from florilegium.filters import every_filter
from florilegium.languages import Bounds, expand, files, known, load, published
from florilegium.languages.fineweb2 import limits, table
from florilegium.stages.filter import Filter


def codes() -> list[str]:
    lines = files()["fineweb2.toml"].read_text("utf-8").splitlines()
    return [line.strip("[]") for line in lines if line.startswith("[") and line != "[every]"]


def test_the_languages() -> None:
    assert len(codes()) == len(set(codes())) == 156
    assert set(expand("eu-official")) <= set(codes())
    assert published("jpn_Jpan") is published("every") is published("und") is None
    assert "fineweb2" not in known()


@pytest.mark.parametrize("code", codes())
def test_limits_of_measures_that_exist_and_that_leave_room(code: str) -> None:
    found = published(code) or {}
    assert {f"repetition.duplicate_{n}gram" for n in range(5, 11)} < set(found) < set(every_filter())
    assert ("stop_words.distinct" in found) == bool(load(code).stop_words)
    for name, ends in found.items():
        assert ends and set(ends) <= {"low", "high"}, name
        assert min(ends.values()) > 0 and ends.get("low", 0) < ends.get("high", 1e6), name
    assert Filter(limits={code: dict(found)}).effective(code)  # type: ignore[arg-type]


def test_values_stand_as_published() -> None:
    for code, name, expected in (
        ("deu_Latn", "length.mean_word", {"high": 15}),
        ("deu_Latn", "repetition.duplicate_lines", {"high": 0.263}),
        ("deu_Latn", "characters.alphabetic_of_all", {"low": 0.774}),
        ("deu_Latn", "lines.terminal_punctuation", None),
        ("deu_Latn", "length.words", {"low": 50, "high": 100_000}),
        ("mlt_Latn", "repetition.top_2gram", {"high": 0.949}),
        ("sme_Latn", "lines.line_breaks", {"high": 2.0}),
        ("eng_Latn", "repetition.duplicate_characters", {"high": 0.01}),
        ("swe_Latn", "repetition.duplicate_characters", {"high": 0.1}),
    ):
        assert (published(code) or {}).get(name) == expected, (code, name)


def test_what_is_off_is_left_out() -> None:
    config = {
        "min_avg_word_length": 0,
        "max_avg_word_length": 9,
        "line_punct_thr": -1,
        "new_line_ratio": 0.2,
        "max_non_alpha_words_ratio": 0.7,
        "dup_line_frac": 0,
        "short_line_thr": None,
        "top_n_grams": {"2": 0.2},
        "dup_n_grams": {"5": 0.1, "10": 0},
    }
    expected: dict[str, Bounds] = {
        "characters.alphabetic_of_all": {"low": 0.7},
        "length.mean_word": {"high": 9},
        "lines.line_breaks": {"high": 0.2},
        "repetition.duplicate_5gram": {"high": 0.1},
        "repetition.top_2gram": {"high": 0.2},
    }
    assert limits(config) == expected
    assert table("xxx_Latn", config).splitlines()[1:3] == [
        "[xxx_Latn]",
        '"characters.alphabetic_of_all" = { low = 0.7 }',
    ]
