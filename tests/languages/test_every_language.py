"""Every profile, set and label: whole, consistent, and kind to good text of its language."""

import json
import unicodedata
from pathlib import Path

import pytest

from florilegium.filters import every_filter
from florilegium.filters.edit import phrase
from florilegium.filters.text import Text
from florilegium.languages import codes, expand, known, labels, load
from florilegium.languages.scripts import letters, share
from florilegium.pipeline.schema import batch
from florilegium.stages.filter import Filter
from florilegium.stages.measure import Measure

GOLDEN = Path(__file__).parents[1] / "golden" / "languages"
SAMPLES = sorted(path.stem for path in GOLDEN.glob("*.jsonl"))


@pytest.mark.parametrize("code", codes())
def test_profile(code: str) -> None:
    language = load(code)
    assert language.profiled
    assert language.code == code
    assert language.script == code[4:]
    assert language.english and language.own and len(language.iso639_1 or "") == 2
    assert len(language.stop_words) >= 20
    assert language.sentence_ends and language.quotes and language.abbreviations
    assert len({phrase(one) for one in language.furniture}) == len(language.furniture) >= 25
    assert all(one == unicodedata.normalize("NFC", one) and phrase(one) for one in language.furniture)
    assert (
        all(one == unicodedata.normalize("NFC", one.lower()) for one in language.policy) and len(language.policy) >= 6
    )
    assert len(language.tells) >= 15
    assert all(one == " ".join(Text(one, language).folded_words) for one in language.tells)
    assert 0 <= language.min_score <= 1
    assert set(language.limits) <= set(every_filter())
    for word in language.stop_words:
        assert word == unicodedata.normalize("NFC", word.lower())
        assert share(letters(word), language.script) == 1, word
        assert list(Text(word, language).folded_words) == [word]


def test_every_profile_has_samples() -> None:
    assert set(codes()) <= set(SAMPLES)


@pytest.mark.parametrize("code", SAMPLES)
def test_samples_are_kept_and_dropped_as_marked(code: str) -> None:
    rows = [json.loads(line) for line in (GOLDEN / f"{code}.jsonl").read_text("utf-8").splitlines()]
    assert {row["dropped"] is None for row in rows} == {True, False}
    documents = batch(
        {"text": [row["text"] for row in rows], "language": [code] * len(rows)},
        ("text", "language", "words", "characters", "text_hash", "reason", "reason_value", "reason_limit"),
    )
    decided = Filter()(Measure()(documents))
    assert decided["reason"].to_pylist() == [row["dropped"] for row in rows]


def test_a_language_without_a_profile_has_the_defaults_and_says_so() -> None:
    language = load("fin_Latn")
    assert not language.profiled
    assert (language.code, language.script, language.stop_words) == ("fin_Latn", "Latn", frozenset())
    assert language.limits == load("und").limits
    assert load("und").script == "Zyyy"


def test_malformed_codes_are_refused_with_a_hint() -> None:
    for code, hint in (("deu", "deu_Latn"), ("deu_latn", "deu_Latn"), ("ell-Grek", "ell_Grek"), ("", "such as")):
        with pytest.raises(ValueError, match=hint):
            load(code)


def test_sets() -> None:
    official = expand("eu-official")
    assert len(official) == len(set(official)) == 24
    assert expand("deu_Latn") == ("deu_Latn",)
    for code in known():
        assert load(code).code == code
    for wrong, meant in (("eu-oficial", "eu-official"), ("deu_Ltn", "deu_Latn")):
        with pytest.raises(ValueError, match=meant):
            expand(wrong)


def test_confusable_languages_are_confusable_both_ways() -> None:
    assert "nob_Latn" in load("dan_Latn").confusable
    for code in known():
        for other in load(code).confusable:
            assert code in load(other).confusable


def test_every_label_of_the_model_is_mapped() -> None:
    import fasttext

    from florilegium.stages.identify import Identify

    model = fasttext.load_model(str(Identify().files()["lid.176.ftz"]))
    named = {label.removeprefix("__label__") for label in model.labels}
    assert len(named) == 176
    assert named == set(labels())
    for label, fits in labels().items():
        assert len({code[4:] for code in fits}) == len(fits), label
        assert len({code[:3] for code in fits}) == 1, label
    assert [labels()[label] for label in ("et", "lv", "sq", "no")] == [
        ("ekk_Latn",),
        ("lvs_Latn",),
        ("als_Latn",),
        ("nob_Latn",),
    ]


def test_scripts() -> None:
    counted = letters("Ελληνικά abc, Привет! 123 かな漢字")
    assert counted == {"Grek": 8, "Latn": 3, "Cyrl": 6, "Hira": 2, "Hani": 2}
    assert share(counted, "Jpan") == 4 / 21
    assert share(letters("123"), "Latn") == 0
