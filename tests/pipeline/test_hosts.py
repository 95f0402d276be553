"""Template lines leave the final text, counted, however a build was cut, run or killed; numbers extract nothing."""

import json
import subprocess
import time
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from florilegium.pipeline import account, documents, ledger, passes, store, tables
from florilegium.pipeline.recipe import load
from florilegium.pipeline.run import done_before, shares_of
from florilegium.pipeline.work import Guard, Record, Unit, perform
from florilegium.stages.hosts import marker
from florilegium.stages.read import batches
from tests.pipeline.chaos import Running, build_command

Run = Callable[..., subprocess.CompletedProcess[str]]
Digests = Callable[[Path], dict[str, str]]

WORDS = (
    *("ferry", "river", "bridge", "morning", "keeper", "boat", "water", "stone"),
    *("mill", "garden", "letter", "road", "winter", "summer", "bread", "market"),
)
MENU = ["Harbour Office | Tides | Tickets", "Telephone 12 34"]
FOOTER = ["Harbour board of Lower Wick", "Opening hours:  9 to 5"]
EMPTY = 3
"""Pages of the large site that hold nothing but its menu and footer."""


def prose(*seed: object) -> list[str]:
    """Three lines of sentences, different for each seed."""
    dice = blake2b(repr(seed).encode(), digest_size=64).digest()
    words = [WORDS[byte % len(WORDS)] for byte in dice]
    sentences = [
        f"The {a} and the {b} were near the {c} {seed[-1]}."
        for a, b, c in zip(words, words[1:], words[2:], strict=False)
    ]
    return [" ".join(sentences[at : at + 6]) for at in (0, 20, 40)]


def pages() -> list[dict[str, str]]:
    found = []
    for number in range(40):
        lines = [*MENU, *(prose("large", number) if number >= EMPTY else []), *FOOTER]
        if number == 7:
            lines = ["Skip to content", *lines, "", "Accept all cookies"]
        found.append({"url": f"https://w{number % 2}.large.example/{number}", "text": "\n".join(lines)})
    found += [
        {"url": f"https://small.example/{number}", "text": "\n".join([*MENU, *prose("small", number), *FOOTER])}
        for number in range(9)
    ]
    found += [
        {"url": f"https://plain.example/{number}", "text": "\n".join(prose("plain", number))} for number in range(20)
    ]
    found += [{"text": "\n".join([*MENU, *prose("nowhere", number)])} for number in range(12)]
    # The sites are mixed, so that no unit holds a whole one.
    return sorted(found, key=lambda page: blake2b(json.dumps(page).encode()).digest())


def write(folder: Path, *, unit_bytes: int, **hosts: Any) -> Path:
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"id": str(at), **page}) + "\n" for at, page in enumerate(pages())]
    (folder / "pages.jsonl").write_text("".join(lines), "utf-8")
    recipe = {
        "name": "harbours",
        "sources": [{"name": "crawl", "path": "pages.jsonl"}],
        "stages": {"hosts": hosts, "filter": {"limits": {"every": OFF}}},
        "unit_bytes": unit_bytes,
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
    return folder / "recipe.yaml"


OFF = dict.fromkeys(("repetition.duplicate_5gram", "length.words"))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("harbours"), unit_bytes=6000)


@pytest.fixture(scope="module")
def harbours(recipe: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("harbours-out") / "out"
    run("build", recipe, "--out", out, "--workers", 2)
    return out


def removed(row: dict[str, Any], name: str = "lines_removed") -> dict[str, int]:
    return dict(row[name] or ())


def test_what_is_of_the_site_is_gone_and_the_rest_stays(harbours: Path) -> None:
    given = {page.get("url"): page["text"] for page in pages()}
    kept = documents(str(harbours)).to_table().to_pylist()
    assert kept
    for row in kept:
        text = given[row["url"]] if row["url"] else row["text"]
        lines = row["text"].split("\n")
        if row["host"] and row["host"].endswith("large.example"):
            assert not set(lines) & {*MENU, *FOOTER, "Skip to content", "Accept all cookies"}
            assert lines == [line for line in text.split("\n") if line.startswith("The ")]
            wanted = {"template": 4} | ({"furniture": 2} if row["url"].endswith("/7") else {})
            assert removed(row) == wanted
        else:
            assert row["text"] == text and not removed(row)
        assert len(text) == row["characters"] + sum(removed(row, "characters_removed").values())
        assert row["characters"] == len(row["text"])


def test_what_was_removed_is_told_and_adds_up(harbours: Path, run: Run) -> None:
    rows = ledger(str(harbours)).to_dicts()
    emptied = [row for row in rows if row["reason"] == "measure.template"]
    assert len(emptied) == EMPTY
    assert all(removed(row) == {"template": 4} and row["words"] is None and row["text_hash"] is None for row in emptied)
    found = account.account(str(harbours))
    assert found["read"] == len(rows) == found["kept"] + sum(found["dropped"].values())
    assert found["dropped"]["measure.template"] == EMPTY
    page = (harbours / "reports/provenance.html").read_text("utf-8")
    lines = sum(removed(row).get("template", 0) for row in rows)
    assert lines == 4 * 40
    characters = sum(removed(row, "characters_removed").get("template", 0) for row in rows)
    assert f'<code>template</code></th><td class="number">{lines}</td><td class="number">{characters:,}</td>' in page
    assert "every line is a template of the site" in run("explain", harbours, emptied[0]["url"]).stdout.replace(
        "\n", " "
    )


def test_the_documents_pass_keeps_the_text_as_it_was(harbours: Path) -> None:
    stored = [
        str(text)
        for path in (harbours / "work").glob("documents-*/*.parquet")
        for text in pq.read_table(path, columns=["text"])["text"].to_pylist()
    ]
    assert sorted(stored) == sorted(page["text"] for page in pages())


def test_the_same_rows_however_the_input_was_cut(harbours: Path, run: Run, tmp_path: Path) -> None:
    assert len(list((harbours / "work").glob("documents-*/*.parquet"))) > 3
    run("build", write(tmp_path / "whole", unit_bytes=1 << 30), "--out", tmp_path / "out", "--workers", 1)
    assert ledger(str(tmp_path / "out")).equals(ledger(str(harbours)))
    shards = {path.name: path.read_bytes() for path in (harbours / "corpus").rglob("*.parquet")}
    assert {path.name: path.read_bytes() for path in (tmp_path / "out/corpus").rglob("*.parquet")} == shards


@pytest.mark.parametrize(("executor", "workers"), [("local", 3), ("ray", 2)])
def test_the_same_bytes_whatever_ran_it(
    recipe: Path, harbours: Path, run: Run, digests: Digests, tmp_path: Path, executor: str, workers: int
) -> None:
    run("build", recipe, "--out", tmp_path / "out", "--executor", executor, "--workers", workers)
    assert digests(tmp_path / "out") == digests(harbours)


@pytest.mark.parametrize("stop", ["lines", "hosts", "measures"])
def test_killed_and_resumed(
    recipe: Path, harbours: Path, digests: Digests, run: Run, tmp_path: Path, stop: str
) -> None:
    """The driver is killed as soon as a pass has its first record; the same command ends in the same bytes."""
    out = tmp_path / "out"
    running = Running(build_command(recipe, out, "--workers", "1"))
    while not running.over and not list(out.glob(f"work/{stop}-*/*.json")):
        time.sleep(0.005)
    running.driver.kill()
    running.driver.wait()
    run("build", recipe, "--out", out, "--workers", 2)
    assert digests(out) == digests(harbours)


def test_another_number_counts_and_measures_again_and_extracts_nothing(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    out = tmp_path / "out"
    run("build", write(folder, unit_bytes=6000), "--out", out)
    before = {path.name for path in (out / "work").iterdir()}
    run("build", write(folder, unit_bytes=6000, min_share=0.99, min_pages=9), "--out", out)
    new = {path.name.split("-")[0] for path in (out / "work").iterdir() if path.name not in before}
    assert new == {"hosts", "measures", "decisions", "corpus", "release"}
    frame = ledger(str(out))
    shortened = frame.filter(pl.col("host").is_not_null()).to_dicts()
    assert {row["host"] for row in shortened if removed(row).get("template")} == {
        "w0.large.example", "w1.large.example", "small.example",
    }  # fmt: skip
    planned = run("plan", folder / "recipe.yaml", "--out", out).stdout
    assert "hosts" in planned and "no stage yet" not in planned.split("tokens")[0]
    run("build", write(folder, unit_bytes=6000, min_pages=None), "--out", out)
    kinds = {kind for row in ledger(str(out)).to_dicts() for kind in removed(row)}
    assert kinds == {"furniture"}  # the menu is no end of page 7 any longer, its last line is


def test_a_new_input_measures_again_only_where_templates_change(run: Run, tmp_path: Path) -> None:
    recipe = write(tmp_path / "in", unit_bytes=6000)
    run("build", recipe, "--out", tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/work").glob("measures-*/*.json")}
    extra = [{"id": f"x{at}", "url": f"https://plain.example/x{at}", "text": "Nothing new."} for at in range(5)]
    with (tmp_path / "in/pages.jsonl").open("a") as file:
        file.writelines(json.dumps(page) + "\n" for page in extra)
    run("build", recipe, "--out", tmp_path / "out")
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/work").glob("measures-*/*.json")}
    assert len(after) > len(before)
    assert {path: at for path, at in after.items() if path in before} == before


def marked_by(recipe: Path, work: Path) -> tuple[list[Any], list[tuple[Unit, Record]], int]:
    """The documents files, what pass hosts makes of each, and how many units elect."""
    found = load(str(recipe))
    elections = 0

    def run(name: str, units: list[Unit]) -> list[tuple[Unit, Record]]:
        nonlocal elections
        elections += len(units) if name == "templates" else 0
        for unit in units:
            store.make_folder(unit.folder)
            perform(unit, Guard(0, frozenset(), {}, lambda _kind, _content: None))
        return done_before(units)[0]

    _, shares, _ = shares_of(found, None)
    parts = passes.documents.parts(run("documents", passes.documents.units(found, shares, str(work))))
    _, marked = passes.hosts.levels(found, parts, str(work), run)
    return list(parts), list(marked), elections


def levels(recipe: Path, work: Path) -> tuple[int, dict[str, str]]:
    """How many units elect, and the digest of the templates of each documents file."""
    _, marked, elections = marked_by(recipe, work)
    assert sum(record.counts["rows"] for _, record in marked) > 4
    return elections, {unit.key: record.outputs[".templates"].sha256 for unit, record in marked}


def test_the_number_of_ranges_cannot_show(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, whole = levels(recipe, tmp_path / "one")
    monkeypatch.setattr(passes.hosts, "ROWS_A_TASK", 9)
    many, parted = levels(recipe, tmp_path / "many")
    assert (one, parted) == (1, whole) and many > 10


def template_lines(recipe: Path, work: Path) -> tuple[int, dict[bytes, Any]]:
    """How many documents files there are, and the template lines of each document."""
    parts, marked, _ = marked_by(recipe, work)
    lines: dict[bytes, Any] = {}
    for part, (unit, _) in zip(parts, marked, strict=True):
        mark = marker(tables.between(unit.path(".templates"), None, None))
        for batch in map(mark, tables.scan(part.path, ("id", *passes.hosts.READS), rows=7)):
            ids: list[Any] = batch["id"].to_pylist()
            lines |= dict(zip(ids, batch["template_lines"].to_pylist(), strict=True))
    return len(parts), lines


@pytest.fixture(scope="module")
def marked_whole(tmp_path_factory: pytest.TempPathFactory) -> dict[bytes, Any]:
    folder = tmp_path_factory.mktemp("whole")
    parts, lines = template_lines(write(folder / "in", unit_bytes=1 << 30), folder / "work")
    assert parts == 1 and sum(one is not None for one in lines.values()) == 40
    return lines


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(2000, 30_000), part=st.integers(3, 60), batch=st.integers(1, 40), rows=st.integers(5, 900))
def test_templates_are_the_same_however_documents_are_cut_and_batched(
    marked_whole: dict[bytes, Any],
    tmp_path_factory: pytest.TempPathFactory,
    cut: int,
    part: int,
    batch: int,
    rows: int,
) -> None:
    """Bytes a unit, documents a file, documents a batch, lines a range. (Workers and executors: the tests above.)"""
    folder = tmp_path_factory.mktemp("cut")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes.documents, "PART_ROWS", part)
        patch.setattr(passes.hosts, "ROWS_A_TASK", rows)
        patch.setattr(passes.documents, "batches", partial(batches, max_rows=batch))
        _, lines = template_lines(write(folder / "in", unit_bytes=cut), folder / "work")
    assert lines == marked_whole
