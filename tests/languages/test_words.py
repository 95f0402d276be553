"""The word lists: whole, in order, written as the pipeline folds words, and made as their script says."""

from pathlib import Path

import pytest

from florilegium import languages
from florilegium.filters.text import Text
from florilegium.languages import codes, files, load
from florilegium.languages.words.make import top, unfolded

LISTED = [Path(name).stem for name in files() if name.startswith("words/")]


def test_which_languages_have_lists() -> None:
    assert set(codes()) - set(LISTED) == {"ekk_Latn"}
    assert set(LISTED) <= set(codes())
    assert load("ekk_Latn").frequencies == {}


@pytest.mark.parametrize("code", LISTED)
def test_a_list(code: str) -> None:
    language = load(code)
    words = language.frequencies
    assert len(words) == 3000
    assert list(words.values()) == sorted(words.values(), reverse=True)
    assert 0.4 < sum(words.values()) < 1 and min(words.values()) > 2e-5
    assert list(Text("\n".join(words), language).lettered_words) == list(words)
    assert len(language.stop_words & set(words)) >= 0.95 * len(language.stop_words)


def test_a_damaged_list_is_refused_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "xxx_Latn.txt"
    monkeypatch.setattr(languages, "files", lambda: {"words/xxx_Latn.txt": path})
    for bad in ("und", "und 3", "\t3", "und\t-3", "und\tnan"):
        path.write_text(f"die\t30.5\n{bad}\n", "utf-8")
        languages._frequencies.cache_clear()
        with pytest.raises(ValueError, match="line 2"):
            languages._frequencies("xxx_Latn")


def test_making() -> None:
    made = top({"l'arte": 2e-6, "arte": 1e-6, "00": 9e-6, "A\u0301": 3e-6, "b": 3e-6}, 3)
    assert made == pytest.approx({"arte": 3, "b": 3, "á": 3})
    assert list(made) == ["arte", "b", "á"]
    assert list(top({"a": 1e-6, "b": 2e-6}, 1)) == ["b"]


def test_what_folding_changed_is_undone() -> None:
    assert [unfolded(word, "deu_Latn") for word in ("grosse", "masse", "dass")] == ["große", "masse", "dass"]
    assert [unfolded(word, "ell_Grek") for word in ("τησ", "σου")] == ["της", "σου"]
    assert unfolded("grosse", "ita_Latn") == "grosse"
