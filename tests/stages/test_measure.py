"""Measure: numbers about a text, the same however rows are batched."""

import pickle
import unicodedata
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from florilegium.filters import every_filter
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


def documents(rows: list[tuple[str | None, str | None, str | None]]) -> Batch:
    texts, languages, reasons = zip(*rows, strict=True)
    ids = [bytes([number]) * 16 for number in range(len(rows))]
    return batch({"id": ids, "text": list(texts), "language": list(languages), "reason": list(reasons)}, COLUMNS)


def test_fills_every_measure() -> None:
    after = Measure()(documents([("Der Hund bellt, der Hund.", "deu_Latn", None), (None, "deu_Latn", "extract.empty")]))
    assert after["words"].to_pylist() == [5, None]
    assert after["characters"].to_pylist() == [25, None]
    assert after["text_hash"].to_pylist() == [text_hash("Der Hund bellt, der Hund."), None]
    assert after["measures"].type == measures_type()
    assert [field.name for field in measures_type()] == list(every_filter())
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
def test_one_row_at_a_time_is_the_whole_batch(rows: list[tuple[str | None, str | None, str | None]]) -> None:
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


def test_pickles() -> None:
    assert pickle.loads(pickle.dumps(Measure())) == Measure()
