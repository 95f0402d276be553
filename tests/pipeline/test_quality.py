"""A quality classifier: the same texts give the same bytes, and its figures are what their definitions say."""

import json
import subprocess
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from florilegium.pipeline import quality
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.recipe import load
from florilegium.pipeline.sample.content import load as sample
from florilegium.pipeline.texts import texts
from florilegium.stages.measure import text_hash

Run = Callable[..., subprocess.CompletedProcess[str]]

SCORED = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.05, 0.1, 0.5, 0.55, 0.9, 1.0]) | st.floats(0, 1)),
    min_size=2,
    max_size=30,
).filter(lambda rows: len({truth for truth, _ in rows}) == 2)


def columns(rows: Sequence[tuple[bool, float]]) -> tuple[quality.Bools, quality.Floats]:
    truth, scores = zip(*rows, strict=True)
    return np.array(truth), np.array(scores, float)


@given(rows=SCORED)
def test_auc_is_the_share_of_pairs_in_order(rows: list[tuple[bool, float]]) -> None:
    pairs = [(up > down) + (up == down) / 2 for keep, up in rows for drop, down in rows if keep and not drop]
    assert quality.auc(*columns(rows)) == pytest.approx(sum(pairs) / len(pairs))


@given(rows=SCORED)
def test_average_precision_steps_from_score_to_score(rows: list[tuple[bool, float]]) -> None:
    total = sum(truth for truth, _ in rows)
    expected, before = 0.0, 0
    for limit in sorted({score for _, score in rows}, reverse=True):
        above = [truth for truth, score in rows if score >= limit]
        expected += (sum(above) - before) / total * sum(above) / len(above)
        before = sum(above)
    assert quality.average_precision(*columns(rows)) == pytest.approx(expected)


@given(rows=SCORED)
def test_every_text_is_in_one_bin_and_one_field(rows: list[tuple[bool, float]]) -> None:
    truth, scores = columns(rows)
    bins = quality.calibration(truth, scores)
    assert sum(one.texts for one in bins) == len(rows)
    assert sum(one.texts * one.score for one in bins) == pytest.approx(scores.sum())
    assert sum(one.texts * one.keep for one in bins) == pytest.approx(truth.sum())
    assert all(one.low <= one.score <= one.high for one in bins)
    limit = quality.suggested(truth, scores)
    fields = quality.confusion(truth, scores, limit)
    assert sum(fields.values()) == len(rows)
    assert fields["keep.kept"] == sum(keep and score >= limit for keep, score in rows)


@given(rows=SCORED)
def test_no_limit_tells_apart_better_than_the_suggested_one(rows: list[tuple[bool, float]]) -> None:
    coarse = [(truth, round(score, 2)) for truth, score in rows]  # a limit has four digits
    truth, scores = columns(coarse)

    def gain(limit: float) -> float:
        kept = scores >= limit
        return float(kept[truth].mean() - kept[~truth].mean())

    best = max(gain(limit) for limit in np.unique(scores))
    assert gain(quality.suggested(truth, scores)) == pytest.approx(max(best, 0.0)) or best < 0


def write(folder: Path) -> tuple[Path, Path]:
    """Prose of the sample as what to keep, and offers as what to drop, in three formats."""
    prose = [text for passage in sample().passages.values() for text in passage.paragraphs]
    goods = ("Schuhe", "scarpe", "boty", "kengät", "buty", "pantofi")
    shops = [f"{one} {n} € sale now click here buy {one} -{n} % shop" for one in goods for n in range(40, 90)]
    for name, lines in {"keep": prose, "drop": shops}.items():
        (folder / name).mkdir()
        for at, text in enumerate(lines[:20]):
            (folder / name / f"{at:03}.txt").write_text(text, "utf-8")
        rows = [json.dumps({"text": text}) for text in lines[20:60]]
        (folder / name / "rows.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
        pl.DataFrame({"text": lines[60:]}).write_parquet(folder / name / "rows.parquet")
    return folder / "keep", folder / "drop"


def test_the_same_texts_give_the_same_model(tmp_path: Path) -> None:
    keep, drop = write(tmp_path)
    (drop / "__label__.txt").write_text("__label__keep ist kein Wort", "utf-8")
    found = quality.train(str(keep), str(drop), str(tmp_path / "model.bin"))
    (keep / "rows.parquet").rename(keep / "another.parquet")
    again = quality.train(str(keep), str(drop), str(tmp_path / "again.bin"))
    assert (tmp_path / "model.bin").read_bytes() == (tmp_path / "again.bin").read_bytes()
    assert found.sha256 == sha256((tmp_path / "model.bin").read_bytes()).hexdigest()
    assert found.auc == again.auc > 0.99 < found.average_precision
    assert found.confusion["keep.kept"] > 10 * found.confusion["keep.dropped"]
    assert found.confusion["drop.dropped"] > 10 * found.confusion["drop.kept"]


def test_duplicates_stand_on_one_side_and_texts_of_both_folders_on_none(tmp_path: Path) -> None:
    keep, drop = write(tmp_path)
    before = quality.train(str(keep), str(drop), str(tmp_path / "model.bin"))
    same = next(texts(str(keep)))
    (keep / "again.txt").write_text(f"  {same.upper()}\n", "utf-8")
    assert quality.train(str(keep), str(drop), str(tmp_path / "m.bin")).duplicates == before.duplicates + 1
    assert sum(quality.train(str(keep), str(drop), str(tmp_path / "m.bin")).texts.values()) == sum(
        before.texts.values()
    )
    (drop / "same.txt").write_text(same, "utf-8")
    both = quality.train(str(keep), str(drop), str(tmp_path / "m.bin"))
    assert (both.in_both, sum(both.texts.values())) == (1, sum(before.texts.values()) - 1)
    held = sum(int.from_bytes(key[:8], "big") % 10 == 0 for key in {text_hash(text) for text in texts(str(keep))})
    assert before.texts["held.keep"] == held


def test_the_command_prints_figures_and_lines_that_a_recipe_takes(run: Run, tmp_path: Path) -> None:
    keep, drop = write(tmp_path)
    arguments = ("filters", "train", "--keep", keep, "--drop", drop, "--out", tmp_path / "quality.bin")
    shown = run(*arguments).stdout
    told = json.loads(run(*arguments, "--json").stdout)
    assert f"AUC {told['auc']:.4f}" in shown and "expected calibration error" in shown
    lines = shown[shown.index("stages:") :]
    recipe = {"sources": [{"name": "web", "path": "x.warc"}], **yaml.safe_load(lines)}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
    found = load(str(tmp_path / "recipe.yaml"))
    assert found.stage("filter").effective("deu_Latn")["model.quality"].low == told["limit"]


def test_too_little_or_nothing_is_said(tmp_path: Path) -> None:
    keep, drop = write(tmp_path)
    for name, content in {"few": b"ein Text", "empty": b" \n", "latin": "schön".encode("latin-1")}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_bytes(content)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/a.html").write_text("<p>eine Seite</p>", "utf-8")
    for folder, sentence in {
        "few": "too few texts",
        "empty": "holds no text",
        "latin": "not UTF-8 at byte 3",
        "pages": "holds pages, not texts",
        "nowhere": "there is no such file or folder",
    }.items():
        with pytest.raises(PipelineError) as caught:
            quality.train(str(tmp_path / folder), str(drop), str(tmp_path / "m.bin"))
        assert sentence in str(caught.value)
    with pytest.raises(PipelineError, match="stand in the other folder, too"):
        quality.train(str(keep), str(keep), str(tmp_path / "m.bin"))
    with pytest.raises(PipelineError, match=r"m\.bin"):
        quality.train(str(keep), str(drop), str(tmp_path / "no/such/folder/m.bin"))
