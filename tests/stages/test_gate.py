"""The gate of extract: what cannot be in a wanted language is kept out, and whatever may be passes."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from florilegium.languages import known, labels, load
from florilegium.pipeline.schema import Batch, batch
from florilegium.stages._gate import PIECES, near, pieces
from florilegium.stages._language import LONGEST
from florilegium.stages.extract import Extract
from florilegium.stages.identify import Identify
from florilegium.stages.read import COLUMNS

GOLDEN = Path(__file__).parents[1] / "golden" / "languages"
PROSE = {
    path.stem: 2 * json.loads(path.read_text("utf-8").splitlines()[0])["text"].split("\n") for path in GOLDEN.glob("*")
}
"""A few hundred letters of each language."""


def page(*lines: str, lang: str = "") -> bytes:
    body = "".join(f"<p>{line}</p>" for line in lines)
    return f"<html {lang and f'lang={lang}'}><title>x</title><body><article>{body}</article></body></html>".encode()


def extracted(*pages: bytes | None, gate: tuple[str, ...] = ("deu_Latn",), **options: Any) -> Batch:
    ids = [number.to_bytes(16, "big") for number in range(len(pages))]
    return Extract(gate=gate, **options)(batch({"id": ids, "html": list(pages)}, COLUMNS))


def gated(*lines: str, lang: str = "", gate: tuple[str, ...] = ("deu_Latn",)) -> bool:
    result = extracted(page(*lines, lang=lang), gate=gate)
    found = bool(result["reason"][0].as_py() == "extract.gated")
    assert found == result["text"].null_count
    return found


@pytest.mark.parametrize("code", sorted(PROSE))
def test_a_page_is_kept_out_by_other_languages_and_passes_by_its_own_and_by_those_it_is_mistaken_for(code: str) -> None:
    for other in sorted(PROSE):
        # Part of the Estonian is so short that it might be Finnish.
        passes = (code, other) == ("ekk_Latn", "fin_Latn") or code in {other, *load(other).confusable}
        assert gated(*PROSE[code], gate=(other,)) is not passes, other


@pytest.mark.parametrize("engine", ["blocks", "trafilatura", "trafilatura-fast"])
def test_what_is_written_of_a_page_that_is_kept_out(engine: Any) -> None:
    result = extracted(page(*PROSE["ell_Grek"], lang="el-GR"), page(*PROSE["deu_Latn"]), None, engine=engine)
    score = result["reason_value"][0].as_py()
    assert score is not None and 0.8 < score <= 1
    assert result["reason"].to_pylist() == ["extract.gated", None, "extract.empty"]
    assert result["html"].null_count == 3
    assert result["language"].to_pylist() == ["ell_Grek", None, None]
    assert result["declared_language"].to_pylist() == ["el-GR", None, None]
    open_ = extracted(page(*PROSE["ell_Grek"], lang="el-GR"), page(*PROSE["deu_Latn"]), None, engine=engine, gate=())
    assert result["text"].to_pylist() == [None, *open_["text"].to_pylist()[1:]]
    assert open_["text"][0].as_py() and "language" not in open_.schema.names


def test_identify_tells_of_what_passed_and_lets_the_rest_stand() -> None:
    result = extracted(page(*PROSE["ell_Grek"]), page(*PROSE["deu_Latn"]))
    after = Identify(languages=("deu_Latn",)).decide(Identify()(result))
    assert after["language"].to_pylist() == ["ell_Grek", "deu_Latn"]
    assert after["language_score"][0] == result["language_score"][0]
    assert after["reason"].to_pylist() == ["extract.gated", None]


def test_what_may_be_in_a_wanted_language_passes() -> None:
    greek, german = PROSE["ell_Grek"], PROSE["deu_Latn"]
    assert gated(*greek * 9)
    assert not gated(*greek * 9, *german[:2])  # it ends in German
    assert not gated(*greek * 2, *german, *greek * 2)  # there is German in it
    assert not gated(greek[0][:150])  # too short to tell
    assert not gated(*greek, lang="de-AT")  # it says that it is German
    assert not gated("12 345,67 " * 200)
    assert not gated("Škoda Peugeot Lidl Spotify Nokia Ikea Philips Siemens Ryanair Bosch Danone " * 9)


def test_text_that_a_source_brings_is_not_extracted_and_so_not_kept_out() -> None:
    brought = batch({"id": [bytes(16)], "text": [" ".join(PROSE["ell_Grek"])]}, COLUMNS)
    assert Extract(gate=("deu_Latn",))(brought)["reason"].to_pylist() == [None]


def test_a_gate_is_of_languages_that_the_model_knows() -> None:
    stage = Extract(gate=("eu-official", "nob_Latn"))
    assert pickle.loads(pickle.dumps(stage)) == stage
    assert set(stage.files()) == {"lid.176.ftz", "labels.toml", "groups.toml"} | set(Extract().files())
    assert set(known()) <= {code for fits in labels().values() for code in fits}
    for wrong in ("vro_Latn", "deu", "eu-oficial"):
        with pytest.raises(ValidationError, match=wrong):
            Extract(gate=("deu_Latn", wrong))
    assert near(["dan_Latn"]) == {"dan_Latn", "nob_Latn", "nno_Latn", "swe_Latn"}


LINES = st.lists(st.sampled_from([line for lines in PROSE.values() for line in lines]), max_size=12)


@settings(deadline=None)  # the first call loads the model
@given(pages=st.lists(LINES, min_size=1, max_size=4))
def test_a_page_depends_on_itself_alone(pages: list[list[str]]) -> None:
    payloads = [page(*lines) for lines in pages]
    together = extracted(*payloads)
    for row, one in enumerate(payloads):
        alone = extracted(one)
        for name in ("text", "reason", "reason_value", "language"):
            assert together[name][row] == alone[name][0]


@given(lines=st.lists(st.text(max_size=40).filter(lambda line: "\n" not in line)), times=st.integers(1, 900))
def test_pieces_are_spread_over_the_whole_text(lines: list[str], times: int) -> None:
    lines = [line for line in lines * times if line]
    found = pieces("\n".join(lines))
    assert len(found) <= PIECES and all(len(one) <= LONGEST // PIECES for one in found)
    given_lines = [line for one in found for line in one.split("\n") if line]
    assert set(given_lines) <= set(lines)
    assert given_lines[:1] == lines[:1] and given_lines[-1:] == lines[-1:]
    assert len("\n".join(lines)) > LONGEST // 2 or given_lines == lines
    assert len(pieces("x" * 9999)) == PIECES
