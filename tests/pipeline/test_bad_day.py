"""The bad day: no input breaks a build: each damage is one dropped record, or one error before anything is done."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from florilegium.pipeline import account, documents, ledger
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.recipe import load
from florilegium.pipeline.run import shares_of
from tests.pipeline import bad_day
from tests.pipeline.bad_day import GOOD, Fates, refused

Run = Callable[..., subprocess.CompletedProcess[str]]
Digests = Callable[[Path], dict[str, str]]

EXECUTORS = ("local", "ray")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Fates]:
    """The folder with the inputs, and the fate of every record."""
    folder = tmp_path_factory.mktemp("day")
    return folder, bad_day.write(folder)


@pytest.fixture(scope="module")
def outs(day: tuple[Path, Fates], run: Run) -> dict[str, Path]:
    """The output folder of each executor, built once."""
    folder, _ = day
    for executor in EXECUTORS:
        run("build", folder / "recipe.yaml", "--out", folder / executor, "--workers", 2, "--executor", executor)
    return {executor: folder / executor for executor in EXECUTORS}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_each_damage_costs_its_record_and_no_other(
    day: tuple[Path, Fates], outs: dict[str, Path], executor: str
) -> None:
    _, fates = day
    frame = ledger(str(outs[executor]))
    places = zip(frame["source"].to_list(), frame["record"].to_list(), strict=True)
    assert dict(zip(places, frame["reason"].to_list(), strict=True)) == fates
    assert frame.height == len(fates) > 250
    assert frame["bytes_in"].sum() < 6 * bad_day.LARGE, "lengths that lie are not believed"
    counted = Counter(fates.values())
    kept = counted.pop(None)
    assert account.account(str(outs[executor])) == {"read": len(fates), "kept": kept, "dropped": dict(counted)}
    assert documents(str(outs[executor])).count_rows() == kept > 150
    assert set(counted) > {"read.wrong_format", "read.damaged", "read.too_large", "extract.too_many_nodes"}
    assert "extract.cpu_limit" not in counted and "extract.crashed" not in counted


def test_both_executors_give_the_same_bytes(outs: dict[str, Path], digests: Digests) -> None:
    assert digests(outs["local"]) == digests(outs["ray"])


@pytest.mark.parametrize("executor", EXECUTORS)
def test_memory_stays_small_however_large_the_page(outs: dict[str, Path], executor: str) -> None:
    """The two largest workers together; the driver holds no documents."""
    costs = [json.loads(line) for line in (outs[executor] / "work/costs.jsonl").read_text("utf-8").splitlines()]
    peaks = sorted(one["peak_mb"] for one in costs if one["unit"].startswith("documents"))
    assert sum(peaks[-2:]) < 850, peaks


def test_columns_by_other_names_arrive_in_the_corpus(outs: dict[str, Path]) -> None:
    """FineWeb needs no mapping, HPLT a line of it."""
    columns = ["source", "record_id", "url", "fetched", "mime"]
    rows = documents(str(outs["local"])).to_table(columns=columns).to_pylist()
    fine = sorted((row for row in rows if row["source"] == "fineweb"), key=lambda row: row["url"])
    assert [(row["record_id"], row["url"], f"{row['fetched']:%F %T}") for row in fine] == [
        (f"<urn:uuid:fine-{n}>", f"https://fine.example/{n}", f"2025-01-0{n + 1} 10:20:30") for n in range(3)
    ]
    wide = sorted((row for row in rows if row["source"] == "hplt"), key=lambda row: row["url"])
    assert [(row["record_id"], row["url"], f"{row['fetched']:%F %T}", row["mime"]) for row in wide] == [
        (f"hplt-{n}", f"https://wide.example/{n}", f"2023-0{n + 1}-02 03:04:05", "text/html") for n in range(3)
    ]


def test_the_ledger_says_what_happened_to_a_file(outs: dict[str, Path], run: Run) -> None:
    shown = run("explain", outs["local"], "a-error-page.warc.gz").stdout
    assert "dropped by read: read.wrong_format: the file is not of its format" in shown
    assert "dropped by read: read.wrong_format" in run("explain", outs["local"], "d-body.parquet#1").stdout
    shown = run("explain", outs["local"], "h-large.parquet#1").stdout
    assert f"(value 1e+08, limit {50 << 20:g})" in shown
    by = json.loads(run("ledger", outs["local"], "--by", "source,reason", "--json").stdout)["by"]
    wrong = {row["source"]: row["documents"] for row in by if row["reason"] == "read.wrong_format"}
    assert wrong == {"crawl": 3, "lines": 2, "tables": 14}


def test_limit_and_plan_go_through_the_same_files(day: tuple[Path, Fates], run: Run, tmp_path: Path) -> None:
    """The first records are those of files that are none."""
    folder, _ = day
    run("build", folder / "recipe.yaml", "--out", tmp_path / "out", "--limit", 5)
    first = ledger(str(tmp_path / "out"))
    assert first["record"].to_list()[:3] == ["a-empty.warc.gz", "a-error-page.warc.gz", "a-page.warc.gz"]
    assert first["reason"].to_list() == ["read.wrong_format"] * 3 + [None] * 2
    planned = run("plan", folder / "recipe.yaml", "--out", tmp_path / "plan").stdout
    assert "documents" in planned
    assert not (tmp_path / "plan").exists()


PAGE = b"<!doctype html><title>503 Service Unavailable</title>"


def parquet(**columns: list[object]) -> bytes:
    to = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), to)
    return bytes(to.getvalue())


WRONG: list[tuple[str, bytes, dict[str, str], str, str]] = [
    ("a.warc.gz", PAGE, {}, "this is not a WARC file", "fetch it anew"),
    ("a.warc.gz", b"", {}, "this is not a WARC file", "fetch it anew"),
    ("a.warc", b"PK\3\4 a zip", {}, "this is not a WARC file", "fetch it anew"),
    ("a.parquet", b"", {}, "this is not a Parquet file", "set the source's format"),
    ("a.parquet", PAGE, {}, "this is not a Parquet file", "set the source's format"),
    ("a.parquet", parquet(text=["a"])[:-10], {}, "its end is missing or damaged", "fetch it anew"),
    ("a.parquet", parquet(body=["a"], n=[1]), {}, "called as texts and pages usually are", "one of: body, n"),
    ("a.parquet", parquet(text=[1]), {}, "of another type (text: int64)", "of type string"),
    ("a.parquet", parquet(text=["a"], u=["b"]), {"url": "uu"}, "has no 'uu', which options.columns.url", "text, u"),
    ("a.jsonl", PAGE, {}, "these are not JSON lines", "one JSON object a line"),
    ("a.jsonl", b'[{"text": "in a list"}]\n', {}, "these are not JSON lines", "one JSON object a line"),
    ("a.jsonl.gz", b"", {}, "these are not JSON lines", "one JSON object a line"),
    ("a.jsonl", b'{"body": "text"}\n', {}, "called as texts and pages usually are", "one of: body"),
    ("a.jsonl", GOOD, {"url": "uu"}, "has no 'uu', which options.columns.url", "text, u"),
    ("a.html", PAGE, {"url": "uu"}, "unknown key", "`florilegium schema`"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_a_source_without_a_file_of_its_format_stops_at_the_start(tmp_path: Path, number: int) -> None:
    name, content, columns, mistake, hint = WRONG[number]
    (tmp_path / name).write_bytes(content)
    source = {"name": "odd", "path": name, **({"options": {"columns": columns}} if columns else {})}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({"sources": [source]}), "utf-8")
    with pytest.raises(PipelineError) as caught:
        shares_of(load(str(tmp_path / "recipe.yaml")), None)
    assert mistake in caught.value.message and hint in caught.value.hint
    place = "recipe.yaml: sources[0].options.columns: " if name == "a.html" else f"source odd: {tmp_path / name}: "
    assert place in caught.value.message


def test_every_command_that_reads_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(PAGE)
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({"sources": [{"name": "odd", "path": "a.warc.gz"}]}), "utf-8")
    out = tmp_path / "out"
    for command in (["build", "--out", out], ["plan", "--out", out], ["validate"]):
        said = refused(run, *command, tmp_path / "recipe.yaml")
        assert f"error: source odd: {tmp_path}/a.warc.gz: this is not a WARC file" in said
    assert not out.exists(), "a folder that a mistake has claimed would be refused to the next recipe"


def test_one_good_file_is_enough_to_start(run: Run, tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(PAGE)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({"sources": [{"name": "odd", "path": "*.jsonl"}]}), "utf-8")
    assert "none of the source's 2 files is better" in refused(run, "build", recipe, "--out", tmp_path / "out")
    (tmp_path / "c.jsonl").write_bytes(GOOD)
    run("build", recipe, "--out", tmp_path / "out")
    assert account.account(str(tmp_path / "out"))["dropped"] == {"read.wrong_format": 2, "filter.length.words": 1}


def test_options_of_one_format_do_not_fit_a_source_of_two(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jsonl").write_bytes(GOOD)
    (tmp_path / "in/b.html").write_bytes(PAGE)
    source = {"name": "odd", "path": "in", "options": {"columns": {"url": "u"}}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({"sources": [source]}), "utf-8")
    said = refused(run, "build", tmp_path / "recipe.yaml", "--out", tmp_path / "out")
    assert "in/b.html: options: columns: not for a file of format html" in said
