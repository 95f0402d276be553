"""Filter: limits by language, laid over one another; reasons in a fixed order."""

import pickle
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from florilegium.filters import every_filter
from florilegium.filters.limits import Limits
from florilegium.filters.model import KINDS
from florilegium.languages import known, published
from florilegium.pipeline.account import meaning
from florilegium.pipeline.schema import Batch, batch, put
from florilegium.stages.filter import Filter
from florilegium.stages.measure import Measure, measures_type

COLUMNS = ("id", "language", "reason", "reason_value", "reason_limit")
FINE = {"length.words": 100.0, "length.mean_word": 5.0, "characters.alphabetic_words": 1.0, "stop_words.distinct": 9.0,
        "lines.sentences": 1.0}  # fmt: skip
"""What lies within all limits, where 0 does not."""


def documents(rows: list[tuple[str | None, dict[str, float] | None]], reasons: list[str | None] | None = None) -> Batch:
    ids = [bytes([number]) * 16 for number in range(len(rows))]
    columns = {"id": ids, "language": [language for language, _ in rows], "reason": reasons or [None] * len(rows)}
    names = [field.name for field in measures_type(Measure())]
    measures = [
        None if given is None else {name: given.get(name, FINE.get(name, 0.0)) for name in names} for _, given in rows
    ]
    return put(batch(columns, COLUMNS), measures=pa.array(measures, measures_type(Measure())))


def test_kept_rows_stay_as_they_are() -> None:
    before = documents([("deu_Latn", {}), ("fin_Latn", {}), (None, {})])
    assert Filter()(before).equals(before)


def test_reason_value_and_limit() -> None:
    after = Filter()(documents([("deu_Latn", {"length.words": 7}), ("deu_Latn", {"lines.bullets": 0.95})]))
    assert after["reason"].to_pylist() == ["filter.length.words", "filter.lines.bullets"]
    assert after["reason_value"].to_pylist() == pytest.approx([7, 0.95])
    assert after["reason_limit"].to_pylist() == [30, 0.9]


def test_a_value_at_its_limit_is_kept() -> None:
    """0.9 as a 32-bit number is above 0.9 as a 64-bit number: limits are held in the precision of the measures."""
    given = {"lines.bullets": 0.9, "lines.ellipsis": 0.3, "length.words": 30, "characters.hashes": 0.1}
    assert Filter()(documents([("deu_Latn", given)]))["reason"].to_pylist() == [None]


def test_the_first_measure_by_name_gives_the_reason_and_an_earlier_reason_stays() -> None:
    bad = {"lines.bullets": 1.0, "length.words": 1.0, "repetition.top_2gram": 1.0}
    after = Filter()(documents([("deu_Latn", bad), ("deu_Latn", bad)], [None, "identify.unwanted"]))
    assert after["reason"].to_pylist() == ["filter.length.words", "identify.unwanted"]
    assert after["reason_limit"].to_pylist() == [30, None]


def test_rows_without_measures_get_no_reason() -> None:
    before = documents([("deu_Latn", None)])
    assert Filter()(before).equals(before)


BOTH: dict[str, Any] = {"every": {"length.words": [1, 2]}, "deu_Latn": {"length.words": {"low": 0}}}

LAYERS: list[tuple[dict[str, Any], str, str, Limits]] = [
    ({}, "deu_Latn", "lines.bullets", Limits(None, 0.9)),  # the filter's default
    ({}, "fin_Latn", "repetition.duplicate_5gram", Limits(None, 0.3)),  # _every.toml over it
    ({}, "fin_Latn", "lines.sentences", Limits()),  # -inf in a profile is off
    ({}, "deu_Latn", "lines.sentences", Limits(0.05, None)),  # the profile over that
    ({}, "deu_Latn", "length.mean_word", Limits(3, 15)),  # one end from each
    ({"every": {"length.mean_word": {"low": 2}}}, "deu_Latn", "length.mean_word", Limits(2, 15)),
    ({"every": {"length.mean_word": {"high": 9}}}, "deu_Latn", "length.mean_word", Limits(3, 9)),
    ({"every": {"length.mean_word": {"high": None}}}, "deu_Latn", "length.mean_word", Limits(3, None)),
    ({"every": {"length.mean_word": [None, 20]}}, "deu_Latn", "length.mean_word", Limits(None, 20)),
    ({"every": {"length.mean_word": None}}, "deu_Latn", "length.mean_word", Limits()),
    (BOTH, "deu_Latn", "length.words", Limits(0, 2)),
    (BOTH, "fra_Latn", "length.words", Limits(1, 2)),
]


@pytest.mark.parametrize(("limits", "language", "measure", "expected"), LAYERS)
def test_limits_lie_over_one_another(limits: dict[str, Any], language: str, measure: str, expected: Limits) -> None:
    assert Filter(limits=limits).effective(language)[measure] == expected


def test_published_limits_stand_alone_below_those_of_the_recipe() -> None:
    own: Any = {"deu_Latn": {"lines.bullets": {"high": 0.5}, "casing.upper": [None, 0.3]}}
    found = Filter(limits_from="fineweb2", limits=own).effective("deu_Latn")
    told = published("deu_Latn")
    assert told is not None and {"length.words", "repetition.top_2gram", "lines.bullets"} <= set(told)
    for name, limits in found.items():
        ends = told.get(name, {})
        expected = Limits(ends.get("low"), ends.get("high"))
        changed = {"lines.bullets": Limits(None, 0.5), "casing.upper": Limits(None, 0.3)}
        assert limits == changed.get(name, expected), name
    without = next(code for code in known() if published(code) is None)
    assert Filter(limits_from="fineweb2").effective(without) == Filter().effective(without)
    assert Filter(limits_from="fineweb2").effective("deu_Latn", ["datatrove.X"]) == {"datatrove.X": Limits(low=1)}


def with_added(numbers: dict[str, list[float | None]]) -> Batch:
    """Documents that lie within all limits, with measures that a recipe added."""
    rows = len(next(iter(numbers.values())))
    before = documents([("deu_Latn", {})] * rows)
    measures: Any = before["measures"]
    arrays = [*measures.flatten(), *(pa.array(column, pa.float32()) for column in numbers.values())]
    names = [*(field.name for field in measures.type), *numbers]
    return put(before, measures=pa.StructArray.from_arrays(arrays, names=names))


def test_measures_that_a_recipe_adds_have_the_limits_it_gives() -> None:
    batch = with_added({"datatrove.Gopher": [1.0, 0.0, None, 1.0], "model.edu": [0.7, 0.7, None, 0.25]})
    reasons: list[tuple[dict[str, Any], list[str | None]]] = [
        ({}, [None, "filter.datatrove.Gopher", None, None]),
        ({"every": {"datatrove.Gopher": None}}, [None] * 4),
        ({"deu_Latn": {"model.edu": {"low": 0.5}}}, [None, "filter.datatrove.Gopher", None, "filter.model.edu"]),
        ({"fin_Latn": {"model.edu": {"low": 0.5}}}, [None, "filter.datatrove.Gopher", None, None]),
    ]
    for limits, expected in reasons:
        assert Filter(limits=limits)(batch)["reason"].to_pylist() == expected
    assert [meaning(f"filter.{name}") for name in ("model.edu", "datatrove.Gopher", "list.x")] == [
        Filter.reasons[f"filter.{kind}.<name>"] for kind in ("model", "datatrove", "list")
    ]
    assert meaning("filter.lines.bullets") == Filter.reasons["filter.lines.bullets"]
    assert meaning("filter.no.such") is None


def test_zero_is_a_limit_and_null_is_none() -> None:
    row = documents([("deu_Latn", {"lines.bullets": 0.1})])
    assert Filter(limits={"every": {"lines.bullets": {"high": 0}}})(row)["reason"].to_pylist() == [
        "filter.lines.bullets"
    ]
    row = documents([("deu_Latn", {"lines.bullets": 1.0})])
    assert Filter(limits={"every": {"lines.bullets": {"high": None}}})(row)["reason"].to_pylist() == [None]


WRONG: list[tuple[Any, str]] = [
    ({"every": {"lines.bulets": {"high": 1}}}, "every: there is no measure 'lines.bulets'; did you mean lines.bullets"),
    ({"deu": {"lines.bullets": {"high": 1}}}, "'deu' is not a language code such as 'deu_Latn'"),
    ({"every": {"lines.bullets": {"hihg": 1}}}, "hihg"),
    ({"every": {"lines.bullets": {"high": "much"}}}, "number"),
    ({"every": {"lines.bullets": {"high": float("nan")}}}, "finite"),
    ({"every": {"length.words": {"low": 200_000}}}, "every: length.words: the low limit 200000.0 is above"),
    ({"deu_Latn": {"length.mean_word": [9, 3]}}, "deu_Latn: length.mean_word: the low limit 9.0 is above"),
]


@pytest.mark.parametrize(("limits", "sentence"), WRONG)
def test_mistakes_are_refused_when_the_recipe_loads(limits: Any, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Filter(limits=limits)
    assert sentence in str(caught.value)


def test_unknown_options_are_refused() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Filter).validate_python({"limit": {}})


def test_every_measure_has_its_reason() -> None:
    of_kinds = [f"filter.{kind}.<name>" for kind in KINDS]
    assert list(Filter.reasons) == [*(f"filter.{name}" for name in every_filter()), *of_kinds]
    assert all(Filter.reasons.values())


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([None, "und", "deu_Latn", "fin_Latn"]),
            st.none() | st.dictionaries(st.sampled_from(list(every_filter())), st.floats(0, 200, width=32)),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_one_row_at_a_time_is_the_whole_batch(rows: list[tuple[str | None, dict[str, float] | None]]) -> None:
    before = documents(rows)
    stage = Filter(limits={"deu_Latn": {"length.words": {"low": 3}}})
    whole = stage(before)
    single = [stage(before.slice(at, 1)) for at in range(len(rows))]
    assert pa.Table.from_batches([whole]).equals(pa.Table.from_batches(single).combine_chunks())
    assert whole.select(["id", "language", "measures"]).equals(before.select(["id", "language", "measures"]))
    assert stage(whole).equals(whole)


def test_pickles_and_goes_through_json() -> None:
    stage = Filter(limits={"every": {"length.words": {"low": 50}, "lines.bullets": {"high": 0.5}, "lines.short": None}})
    assert pickle.loads(pickle.dumps(stage)) == stage
    adapter = TypeAdapter(Filter)
    assert adapter.validate_json(adapter.dump_json(stage)) == stage
