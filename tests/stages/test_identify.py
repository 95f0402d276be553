"""Identify: languages of real sentences, `und` where nothing can be told, decisions apart from scores."""

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from florilegium.languages import load
from florilegium.pipeline.schema import Batch, batch
from florilegium.stages._language import LONGEST, one_line
from florilegium.stages.identify import Identify

COLUMNS = ("id", "text", "language", "language_score", "reason", "reason_value", "reason_limit")
GOLDEN = Path(__file__).parents[1] / "golden" / "languages"
SERBIAN = "Влада Републике Србије усвојила је данас предлог закона о заштити података о личности грађана."


def documents(**columns: Sequence[object]) -> Batch:
    rows = len(next(iter(columns.values())))
    return batch({"id": [bytes([number]) * 16 for number in range(rows)], **columns}, COLUMNS)


def languages(*texts: str | None) -> list[str | None]:
    found: list[str | None] = Identify()(documents(text=list(texts)))["language"].to_pylist()
    return found


def test_golden_samples_are_in_their_language() -> None:
    for path in sorted(GOLDEN.glob("*.jsonl")):
        text = json.loads(path.read_text("utf-8").splitlines()[0])["text"]
        after = Identify()(documents(text=[text, text.upper()]))
        assert after["language"].to_pylist() == [path.stem] * 2
        scores: list[Any] = after["language_score"].to_pylist()
        assert all(load(path.stem).min_score <= score <= 1 for score in scores)


def test_nothing_to_tell() -> None:
    texts = ["", "12345 67890 " * 50, "Kurz.", "https://example.org/a/very/long/address/of/words " * 3, "日" * 10]
    after = Identify()(documents(text=texts))
    assert after["language"].to_pylist() == ["und"] * len(texts)
    assert after["language_score"].to_pylist() == [0] * len(texts)


def test_no_text_has_no_language() -> None:
    after = Identify()(documents(text=[None]))
    assert after["language"].to_pylist() == after["language_score"].to_pylist() == [None]


def test_the_script_is_the_script_of_the_text() -> None:
    latin = "Vlada Republike Srbije usvojila je danas predlog zakona o zaštiti podataka o ličnosti građana."
    assert languages(SERBIAN) == ["srp_Cyrl"]
    (code,) = languages(latin)
    assert code and code.endswith("_Latn")
    (greeklish,) = languages("Kalimera se olous, simera tha milisoume gia to neo programma kai tis rithmiseis tou")
    assert greeklish and not greeklish.endswith("_Grek")


def test_line_breaks_and_length_do_not_matter() -> None:
    text = "Das ist ein langer deutscher Satz, der\nviele\r\nZeilen hat.\u2028\x00\x0b Und noch einer dazu. "
    assert languages(text, text * 1000) == ["deu_Latn", "deu_Latn"]


@given(text=st.text())
def test_one_line(text: str) -> None:
    line = one_line(text)
    assert "\n" not in line
    assert len(one_line("Wort " * 2000)) <= LONGEST


def test_decide() -> None:
    rows = [("deu_Latn", 0.9), ("deu_Latn", 0.4), ("fra_Latn", 0.9), ("und", 0.0), (None, None), ("fra_Latn", 0.1)]
    before = documents(language=[row[0] for row in rows], language_score=[row[1] for row in rows])
    after = Identify(languages=("deu_Latn",), min_score=0.5).decide(before)
    uncertain, unwanted = "identify.uncertain", "identify.unwanted"
    assert after["reason"].to_pylist() == [None, uncertain, unwanted, uncertain, uncertain, uncertain]
    assert after["reason_value"].to_pylist() == pytest.approx([None, 0.4, None, 0, 0, 0.1])
    assert after["reason_limit"].to_pylist() == [None, 0.5, None, 0.5, 0.5, 0.5]
    assert after.drop_columns(["reason", "reason_value", "reason_limit"]).equals(
        before.drop_columns(["reason", "reason_value", "reason_limit"])
    )


def test_limits_of_the_score() -> None:
    """None is the profile's, 0 keeps every language that was told; a score at the limit is kept."""
    before = documents(language=["deu_Latn", "deu_Latn", "und"], language_score=[0.01, 0.6, 0.0])
    for least, kept in ((None, [False, True, False]), (0, [True, True, False]), (0.6, [False, True, False])):
        reasons = Identify(min_score=least).decide(before)["reason"].to_pylist()
        assert [reason is None for reason in reasons] == kept, least


def test_sets_of_languages_are_wanted_whole() -> None:
    before = documents(language=["deu_Latn", "mlt_Latn", "rus_Cyrl"], language_score=[1.0, 1.0, 1.0])
    reasons = Identify(languages=("eu-official",)).decide(before)["reason"].to_pylist()
    assert reasons == [None, None, "identify.unwanted"]


def test_the_first_reason_stays() -> None:
    before = documents(language=["und"], language_score=[0.0], reason=["extract.empty"])
    assert Identify().decide(before).equals(before)


def test_mistakes_are_refused() -> None:
    for options, meant in (({"languages": ("deu_Latin",)}, "deu_Latn"), ({"min_score": 2}, "less than or equal to 1")):
        with pytest.raises(ValidationError, match=meant):
            Identify(**options)


TEXTS = st.none() | st.text() | st.sampled_from(["Das ist ein ganz gewöhnlicher deutscher Satz. ", SERBIAN])


@given(texts=st.lists(TEXTS, min_size=1, max_size=6))
def test_one_row_at_a_time_is_the_whole_batch(texts: list[str | None]) -> None:
    before = documents(text=list(texts))
    for work in (Identify(), Identify().decide):
        whole = work(before)
        single = [work(before.slice(at, 1)) for at in range(len(texts))]
        assert pa.Table.from_batches([whole]).equals(pa.Table.from_batches(single).combine_chunks())
    after = Identify()(before)
    unchanged = [name for name in COLUMNS if name not in Identify.writes]
    assert after.select(unchanged).equals(before.select(unchanged))


def test_pickles_and_names_its_model(tmp_path: Path) -> None:
    stage = Identify(languages=("eu-official",), min_score=None)
    assert pickle.loads(pickle.dumps(stage)) == stage
    assert all(path.is_file() for path in stage.files().values())
    (tmp_path / "own.bin").touch()
    given_model = Identify(model=tmp_path / "own.bin").files()
    assert given_model["lid.176.ftz"] == tmp_path / "own.bin"
