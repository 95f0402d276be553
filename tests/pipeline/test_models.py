"""A build with a model and a list of its own: limits hold, ledger and report say why, a breakage is one error."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from florilegium.pipeline import account, ledger
from florilegium.pipeline.cli.progress import walking
from florilegium.pipeline.encoding import parts_of
from florilegium.pipeline.whatif import what_if

Run = Callable[..., subprocess.CompletedProcess[str]]

PROSE = "Der Marktbrunnen wird nach Ostern saniert, und die Stadt hat dafür einen Zuschuss des Landes bekommen.\n"
TEXTS = {
    "plain": PROSE
    + "Im Herbst soll er wieder laufen, denn dann feiert die Stadt ihren tausendsten Geburtstag mit Musik.",
    "long": PROSE
    + "Die Arbeiten dauern länger als geplant, weil unter dem Pflaster alte Leitungen zum Vorschein kamen. "
    "Niemand weiß, wohin sie führen und wer sie gelegt hat.",
    "poker": PROSE
    + "Poker und Casino gibt es in der Stadt nicht mehr, aber Poker spielen die Alten noch im Gasthaus am Markt.",
}


def written(folder: Path, **measure: Any) -> Path:
    """A recipe that measures these texts by a list and a function, and limits both."""
    rows = [json.dumps({"id": name, "url": f"https://x.example/{name}", "text": text}) for name, text in TEXTS.items()]
    (folder / "texts.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    (folder / "words.txt").write_text("# games\nPoker\n", "utf-8")
    limits = {"every": {"list.games": {"high": 0}, "model.length": {"high": 250}}}
    stages = {
        "identify": {"min_score": 0},
        "measure": {"lists": {"games": "words.txt"}, "models": {"length": {"call": "tests.stages.scorer.characters"}}}
        | measure,
        "filter": {"limits": limits},
        "deduplicate": {"near": None},
    }
    recipe = {"name": "own", "sources": [{"name": "texts", "path": "texts.jsonl"}], "stages": stages}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
    return folder / "recipe.yaml"


def reasons(out: Path) -> dict[str, str | None]:
    return {row["record_id"]: row["reason"] for row in ledger(str(out)).to_dicts()}


def test_limits_of_models_and_lists_hold_and_are_explained(run: Run, tmp_path: Path) -> None:
    recipe, out = written(tmp_path), tmp_path / "out"
    run("build", recipe, "--out", out)
    assert reasons(out) == {"plain": None, "long": "filter.model.length", "poker": "filter.list.games"}
    shown = run("explain", out, "https://x.example/long").stdout.replace("\n", " ")
    assert "the score of a model that the recipe names" in shown and "limit 250" in shown
    assert "a model that the recipe names" in (out / "reports/provenance.html").read_text("utf-8")
    facts = account.manifest(str(out))
    assert facts["recipe"]["stages"]["measure"]["lists"] == {"games": "words.txt"}
    assert {"list.games: words.txt", "model.length: tests.stages.scorer.characters"} <= set(facts["models"])
    assert str(tmp_path) not in (out / "manifest.json").read_text("utf-8")
    found = what_if(str(out), ["every.list.games=0.1", "every.model.length=off"], 1, walking)
    assert (found.whole.documents, found.whole.gained) == ((1, 3), 2)


def test_another_list_measures_again_and_the_same_list_elsewhere_does_not(run: Run, tmp_path: Path) -> None:
    recipe, out = written(tmp_path), tmp_path / "out"
    run("build", recipe, "--out", out)
    (tmp_path / "lists").mkdir()
    (tmp_path / "words.txt").rename(tmp_path / "lists/words.txt")
    text = recipe.read_text("utf-8").replace("games: words.txt", "games: lists/words.txt")
    recipe.write_text(text, "utf-8")
    assert "everything was done before" in run("build", recipe, "--out", out).stdout
    (tmp_path / "lists/words.txt").write_text("Marktbrunnen\n", "utf-8")
    run("build", recipe, "--out", out)
    assert set(reasons(out).values()) == {"filter.list.games"}


def test_a_model_that_breaks_is_one_error_and_the_build_goes_on_without_it(run: Run, tmp_path: Path) -> None:
    broken = {"models": {"length": {"call": "tests.stages.scorer.broken"}}}
    recipe, out = written(tmp_path, **broken), tmp_path / "out"
    failed = run("build", recipe, "--out", out, status=2)
    error, hint = failed.stderr.strip().splitlines()[-2:]
    assert error == "error: stages.measure: model.length: tests.stages.scorer.broken: raised KeyError: 'weights'"
    assert hint.startswith("hint: ") and "Traceback" not in failed.stderr
    run("build", written(tmp_path), "--out", out)
    assert reasons(out)["plain"] is None


def test_what_a_model_does_not_score_is_a_part_of_its_own() -> None:
    measures = pa.StructArray.from_arrays([pa.array([0.2, None, 0.7, 0.5], pa.float32())], names=["model.edu"])
    divide = {"by": "model.edu", "edges": [0.5]}
    found = parts_of(pa.table({"measures": measures}), np.arange(4), divide)
    assert {name: rows.tolist() for name, rows in found.items()} == {"none": [1], "q0": [0], "q1": [2, 3]}
