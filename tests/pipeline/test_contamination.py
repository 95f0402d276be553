"""contamination: items of benchmarks in kept texts are found with their place, and dropped where the recipe asks."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def exam(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Items: one of a kept text, one too short, one of half a kept text, one that stands nowhere."""
    words = " ".join(pq.read_table(next((built / "corpus/eng_Latn").glob("*.parquet")))["text"][0].as_py().split())
    taken = words.split(" ")[3:27]
    lines = [" ".join(taken).upper(), "too short", " ".join([*taken, *(f"w{at}" for at in range(20))])]
    file = tmp_path_factory.mktemp("exam") / "exam.txt"
    file.write_text("\n".join([*lines, "no page of the sample crawl has ever said such a thing as this"]), "utf-8")
    return file


def test_items_in_the_corpus_are_reported_with_their_place(built: Path, exam: Path, run: Run) -> None:
    (found,) = json.loads(run("contamination", built, exam, "--json").stdout)
    counts = {name: found[name] for name in ("name", "items", "tellable", "contaminated", "documents", "dropped")}
    expected = {"name": "exam", "items": 4, "tellable": 3, "contaminated": 1, "documents": 1, "dropped": 0}
    assert counts == expected
    assert found["found"][0]["item"] == 1 and found["found"][0]["share"] == 1.0
    (half,) = json.loads(run("contamination", built, exam, "--least", "0.3", "--json").stdout)
    assert [one["item"] for one in half["found"]] == [1, 3]
    shown = run("contamination", built, exam).stdout
    assert found["found"][0]["url"] in shown and "100% of it" in shown


def test_a_recipe_drops_what_holds_an_item(europe: Path, exam: Path, run: Run, tmp_path: Path) -> None:
    recipe = yaml.safe_load((europe / "recipe.yaml").read_text("utf-8"))
    recipe["stages"] = {**recipe.get("stages", {}), "measure": {"benchmarks": {"exam": str(exam)}}}
    for source in recipe["sources"]:
        source["path"] = str(europe / source["path"])
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
    run("build", tmp_path / "recipe.yaml", "--out", tmp_path / "out")
    assert json.loads(run("ledger", tmp_path / "out", "--json").stdout)["dropped"]["filter.contamination.exam"] == 1
    (found,) = json.loads(run("contamination", tmp_path / "out", exam, "--json").stdout)
    assert (found["contaminated"], found["dropped"]) == (0, 1)


def test_mistakes_are_said(built: Path, exam: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "exam.txt").write_text("short\n", "utf-8")
    for files, sentence in (
        ([tmp_path / "none.txt"], "there is no such file"),
        ([tmp_path / "exam.txt"], "no item has 8 words"),
        ([exam, exam], "is called exam already"),
    ):
        done = run("contamination", built, *files, status=2)
        assert sentence in done.stderr and "hint:" in done.stderr and "Traceback" not in done.stderr
