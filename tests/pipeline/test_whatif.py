"""What-if says what a build with those limits would give, and examples stand on both sides of a limit."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from florilegium.pipeline import account, ledger
from florilegium.pipeline.cli.progress import walking
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.report.spread import Spread, bins
from florilegium.pipeline.whatif import Answer, what_if

Run = Callable[..., subprocess.CompletedProcess[str]]
Counts = Counter[tuple[str, str]]

SETTINGS = [
    ["every.length.words.low=130"],
    ["every.lines.sentences.low=off", "every.lines.short.high=0.2", "deu_Latn.length.mean_word.high=5.5"],
    ["every.repetition.duplicate_10gram=off", "every.lines.ellipsis=0", "every.length.words.low=off"],
    ["every.lines.javascript.high=0.5"],
]


def dropped(out: Path) -> Counts:
    """Documents that filter dropped in a build, by language and reason."""
    frame = ledger(str(out)).to_dicts()
    return Counter((row["language"] or "und", row["reason"]) for row in frame if row["stage"] == "filter")


def rebuilt(recipe: Path, out: Path, found: Answer, run: Run) -> None:
    """Build again with the limits of an answer."""
    told = yaml.safe_load(recipe.read_text("utf-8"))
    for source in told["sources"]:
        source["path"] = str(recipe.parent / source["path"])
    told.setdefault("stages", {}).setdefault("filter", {})["limits"] = json.loads(json.dumps(found.limits))
    other = out.parent / "other.yaml"
    other.write_text(yaml.safe_dump(told), "utf-8")
    run("build", other, "--out", out)


def agree(before: Path, after: Path, found: Answer) -> None:
    """An answer about one build tells what another is."""
    expected = dropped(before)
    for row in found.rows:
        assert expected[row.language, row.reason] == row.before, row
        expected[row.language, row.reason] = row.after
    assert +expected == dropped(after)
    came = sum(row.gained for row in found.rows), sum(row.lost for row in found.rows)
    assert came == (found.whole.gained, found.whole.lost)
    assert found.whole.documents[0] == account.account(str(before))["kept"]


def agree_on_the_whole(before: Path, after: Path, found: Answer) -> None:
    """And what is left once duplicates are gone: as far as only equal texts are."""
    kept = [frame.filter(frame["reason"].is_null()) for frame in map(ledger, (str(before), str(after)))]
    assert found.whole.documents == tuple(frame.height for frame in kept)
    assert found.whole.words == tuple(frame["words"].sum() for frame in kept)


@pytest.mark.parametrize("settings", SETTINGS)
def test_it_is_what_a_build_with_those_limits_gives(
    europe: Path, built: Path, run: Run, tmp_path: Path, settings: list[str]
) -> None:
    found = what_if(str(built), settings, 2, walking)
    rebuilt(europe / "recipe.yaml", tmp_path / "out", found, run)
    agree(built, tmp_path / "out", found)


def test_examples_are_the_nearest_of_all_shards(europe: Path, built: Path, run: Run, tmp_path: Path) -> None:
    recipe = yaml.safe_load((europe / "recipe.yaml").read_text("utf-8"))
    for source in recipe["sources"]:
        source["path"] = str(europe / source["path"])
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "unit_bytes": 50_000}), "utf-8")
    run("build", tmp_path / "recipe.yaml", "--out", tmp_path / "out")
    assert len(list((tmp_path / "out/work").glob("measures-*/*.parquet"))) > 2
    settings = ["every.length.words.low=100", "deu_Latn.lines.bullets=0.5"]
    whole, parted = (what_if(str(out), settings, 3, walking) for out in (built, tmp_path / "out"))
    assert parted == whole
    values = [example.value for example in whole.near[0].examples]
    assert sum(value < 100 for value in values) == 3 == sum(value >= 100 for value in values), values


PROSE = "Der Marktbrunnen wird nach Ostern saniert und die Stadt hat dafür einen Zuschuss des Landes bekommen. " * 4
"""Longer than the shortest text that is kept."""


def register(folder: Path) -> Path:
    """A recipe over texts that are the same to deduplicate, and not to filter: one line, or a line a sentence."""
    texts = {
        "one-line": PROSE.replace(". ", ".   "),  # the longest of its kind, so that it stays
        "lines": PROSE.replace(". ", ".\n"),
        "capitals": PROSE.upper(),
        "other": PROSE.replace("Ostern", "Pfingsten").replace(". ", ".   "),
        "other-lines": PROSE.replace("Ostern", "Pfingsten").replace(". ", ".\n"),
        "third-lines": PROSE.replace("Ostern", "Weihnachten").replace(". ", ".\n"),
        "third-again": PROSE.replace("Ostern", "Weihnachten").replace(". ", ".\n").replace(" ", "  "),
    }
    rows = [json.dumps({"id": name, "url": f"https://x.example/{name}", "text": text}) for name, text in texts.items()]
    (folder / "register.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    off = [f"repetition.duplicate_{what}" for what in ("lines", "line_characters", "characters")]
    off += [f"repetition.{what}" for what in ("top_2gram", "top_3gram", "top_4gram", "top_word")]
    off += [f"repetition.duplicate_{n}gram" for n in range(5, 11)]
    off += ["lines.line_breaks", "compression.ratio", "casing.upper"]
    stages = {"filter": {"limits": {"every": dict.fromkeys(off)}}, "deduplicate": {"near": None, "keep": ["longest"]}}
    recipe = {"sources": [{"name": "register", "path": "register.jsonl"}], "stages": stages}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
    return folder / "recipe.yaml"


def test_duplicates_of_what_comes_and_goes_are_counted(run: Run, tmp_path: Path) -> None:
    recipe = register(tmp_path)
    run("build", recipe, "--out", tmp_path / "base")
    base = account.account(str(tmp_path / "base"))
    assert base["kept"] == 3 and base["dropped"]["deduplicate.exact"] >= 3, base
    broken = "deu_Latn.lines.line_breaks.low=0.01"
    found = what_if(str(tmp_path / "base"), [broken], 5, walking)
    rebuilt(recipe, tmp_path / "without", found, run)
    agree(tmp_path / "base", tmp_path / "without", found)
    agree_on_the_whole(tmp_path / "base", tmp_path / "without", found)
    assert (found.whole.lost, found.whole.gained, found.whole.documents) == (3, 0, (3, 3))
    assert found.whole.replaced == 2
    back = what_if(str(tmp_path / "without"), ["deu_Latn.lines.line_breaks.low=off"], 5, walking)
    agree(tmp_path / "without", tmp_path / "base", back)
    agree_on_the_whole(tmp_path / "without", tmp_path / "base", back)
    assert (back.whole.gained, back.whole.duplicates) == (3, 3)
    (near,) = found.near
    assert {example.kept for example in near.examples} == {True, False}
    for example in near.examples:
        assert example.kept == (example.value >= 0.01)
        assert example.text == " ".join(example.text.split()) and len(example.text) == 80


def test_tokens_are_told_where_the_build_has_some(tokenised: Path) -> None:
    found = what_if(str(tokenised), ["every.length.words.low=130"], 0, walking)
    frame = ledger(str(tokenised)).filter(ledger(str(tokenised))["reason"].is_null())
    assert found.whole.tokens is not None
    before, after = found.whole.tokens
    assert before == frame["tokens"].sum()
    stay = frame.filter(frame["words"] >= 130)["tokens"].sum()
    assert stay <= after <= stay + found.whole.replaced * max(frame["tokens"].to_list())
    assert sum(row.tokens or 0 for row in found.rows) < 0


WRONG = [
    ("lines.bullets", "expected LANGUAGE.MEASURE=NUMBER"),
    ("every.lines.bulets=1", "did you mean lines.bullets"),
    ("every.lines.bullets=much", "expected a number, or off"),
    ("every.lines.bullets=nan", "expected a number, or off"),
    ("german.lines.bullets=0.5", "'german' is not a language code"),
    ("every.length.mean_word=5", "every.length.mean_word.low= or every.length.mean_word.high="),
    ("every.lines.javascript=5", "lines.javascript has no limit in every"),
    ("every.length.words.low=200000", "the low limit 200000.0 is above the high one"),
    ("every.model.edu.low=0.5", "nothing measured 'model.edu'"),
    ("ger_Latn.lines.bullets=0.5", "filter saw no document in ger_Latn"),
]


@pytest.mark.parametrize(("setting", "sentence"), WRONG)
def test_a_mistake_is_said_with_a_hint(built: Path, setting: str, sentence: str) -> None:
    with pytest.raises(PipelineError) as caught:
        what_if(str(built), [setting], 0, walking)
    assert sentence in str(caught.value)


def test_without_its_work_a_build_has_no_measures(europe: Path, run: Run, tmp_path: Path) -> None:
    run("build", europe / "crawl/europe-00000.warc.gz", "--out", tmp_path / "out")
    arguments = ("what-if", tmp_path / "out", "--set", "every.length.words.low=130")
    shown = run(*arguments).stdout
    assert "filter.length.words" in shown and "to build so:" in shown
    told = json.loads(run(*arguments, "--json").stdout)
    assert told["whole"]["lost"] > 0 and told["limits"] == {"every": {"length.words": {"low": 130.0}}}
    run("clean", tmp_path / "out", "--all", "--yes")
    failed = run(*arguments, status=2)
    assert "not there any more" in failed.stderr and "florilegium build" in failed.stderr


@given(
    values=st.lists(st.floats(0, 100, width=32) | st.integers(0, 50).map(float), max_size=50),
    limits=st.tuples(st.none() | st.floats(0, 100), st.none() | st.floats(0, 100)).filter(any),
    low=st.booleans(),
)
def test_a_bar_is_wholly_kept_or_dropped_and_all_documents_are_in_bars(
    values: list[float], limits: tuple[float | None, float | None], low: bool
) -> None:
    spread = Spread("x", np.array(values, np.float32), *limits, low)
    edges, counts = bins(spread)
    assert counts.sum() == len(values) and (np.diff(edges) > 0).all() and len(counts) == len(edges) - 1
    limit = np.float32(limits[0] if limits[1] is None else limits[1])
    kept = sum(value >= limit if low else value <= limit for value in spread.values)
    side = edges[:-1] >= limit if low else edges[1:] <= limit
    assert counts[side].sum() == kept


def test_the_drawing_shows_each_limit(built: Path, run: Run, tmp_path: Path) -> None:
    settings = ("--set", "every.length.words.low=130", "--set", "deu_Latn.lines.sentences.low=off")
    for name in ("one.svg", "two.svg"):
        run("what-if", built, *settings, "--plot", tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    root = ElementTree.parse(tmp_path / "one.svg").getroot()
    titles = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text") if text.get("class") == "title"]
    assert titles == ["every length.words low: 30 to 130", "deu_Latn lines.sentences low: 0.05 to off"]
    assert len([line for line in root.iter("{http://www.w3.org/2000/svg}line") if "line" in line.get("class", "")]) == 3
