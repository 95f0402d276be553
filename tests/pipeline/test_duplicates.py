"""Duplicates of a corpus that grows: what earlier builds have published is not kept again, and nothing is lost."""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest
import yaml

from florilegium.pipeline import ledger, minhashes

Run = Callable[..., subprocess.CompletedProcess[str]]

BASES = (
    "The ferry to the island leaves from the lower pier at half past eight, and in winter an hour later. Tickets "
    "are sold on board, and dogs travel free of charge when they are kept on a lead. The crossing takes forty minutes.",
    "The council has met on Tuesday to speak about the new bridge across the river. Most of those who came wanted "
    "it to be made of wood, as the old one was. The mayor promised to ask an engineer what that would cost the town.",
    "Beat the eggs with the sugar until they are pale, then fold in the flour by spoonfuls. Grease the tin, pour in "
    "the dough, and bake it in the middle of the oven for half an hour. Let it cool before you turn it out on a plate.",
    "In the spring of that year the first engine came up the valley, and the children ran beside it to the mill. "
    "Nobody had believed that the line would ever be finished, least of all those who had been paid to build it.",
)


def variant(base: int, number: int) -> str:
    """A text like others of the same base: some words at its end are its own. 0 is the base itself."""
    return BASES[base] + (
        f" Seen on page {number} of the {'first' if number % 2 else 'second'} part." if number else ""
    )


STEPS: Sequence[Sequence[tuple[str, str]]] = (
    [("a0", variant(0, 0)), ("b0", variant(1, 0)), ("b1", variant(1, 1)), ("x0", variant(0, 2))],
    [("a1", variant(0, 0).replace(" ", "  ")), ("c0", variant(2, 0)), ("b2", variant(1, 2))],
    [("a2", variant(0, 1)), ("c1", variant(2, 0)), ("d0", variant(3, 0)), ("d1", variant(3, 3))],
)


def recipe(folder: Path, name: str, pages: Sequence[tuple[str, str]], **changes: object) -> Path:
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"id": page, "url": f"https://{page}.example/{page}", "text": text}) for page, text in pages]
    (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    content = {"name": name, "sources": [{"name": name, "path": f"{name}.jsonl"}], **changes}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content), "utf-8")
    return folder / f"{name}.yaml"


def survivors(out: Path) -> set[str]:
    return set(ledger(str(out)).filter(pl.col("reason").is_null())["record_id"])


def reasons(out: Path) -> dict[str, str]:
    frame = ledger(str(out)).filter(pl.col("reason").is_not_null())
    return dict(zip(frame["record_id"], frame["reason"], strict=True))


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """Three builds, each against those before; of these only what is published is left."""
    folder = tmp_path_factory.mktemp("grown")
    for number, pages in enumerate(STEPS):
        path = recipe(folder, f"step{number}", pages, earlier=[f"out{before}" for before in range(number)])
        run("build", path, "--out", folder / f"out{number}")
        shutil.rmtree(folder / f"out{number}/work")
        for source in folder.glob("*.jsonl"):
            source.unlink()
    return folder


def test_each_group_is_kept_once_in_one_go_and_in_three_steps(grown: Path, run: Run, tmp_path: Path) -> None:
    run("build", recipe(tmp_path, "all", [page for step in STEPS for page in step]), "--out", tmp_path / "out")
    whole, steps = survivors(tmp_path / "out"), [survivors(grown / f"out{number}") for number in range(3)]
    groups = [sorted(name[0].replace("x", "a") for name in found) for found in (whole, set().union(*steps))]
    assert groups == [["a", "b", "c", "d"]] * 2


def test_what_was_published_stays_and_what_is_like_it_names_it(grown: Path) -> None:
    first = survivors(grown / "out0")
    assert {name[0] for name in first} & {"a", "x"} and len(first) == 2
    found = reasons(grown / "out1") | reasons(grown / "out2")
    assert {name: found[name] for name in ("a1", "a2", "b2", "c1")} == dict.fromkeys(
        ("a1", "a2", "b2", "c1"), "deduplicate.earlier"
    )
    ids = dict(ledger(str(grown / "out0")).select("id", "record_id").iter_rows())
    row = ledger(str(grown / "out1")).row(by_predicate=pl.col("record_id") == "b2", named=True)
    assert ids[row["duplicate_of"]] in first and ids[row["duplicate_of"]][0] == "b"
    assert row["cluster_size"] == 3


def test_explain_tells_of_the_earlier_build(grown: Path, run: Run) -> None:
    shown = run("explain", grown / "out1", "https://b2.example/b2").stdout
    assert "deduplicate.earlier" in shown and "(kept by an earlier build)" in shown


def test_a_new_earlier_build_decides_again_and_extracts_nothing(grown: Path, run: Run, tmp_path: Path) -> None:
    shutil.copytree(grown / "out0", tmp_path / "before")
    path = recipe(tmp_path, "new", STEPS[1])
    run("build", path, "--out", tmp_path / "out")
    assert len(survivors(tmp_path / "out")) == 3
    before = {one.name for one in (tmp_path / "out/work").iterdir()}
    path = recipe(tmp_path, "new", STEPS[1], earlier=["before"])
    shutil.copystat(tmp_path / "out/manifest.json", path)
    done = run("build", path, "--out", tmp_path / "out")
    assert survivors(tmp_path / "out") == survivors(grown / "out1"), done.stdout
    new = {one.name.split("-")[0] for one in (tmp_path / "out/work").iterdir() if one.name not in before}
    assert "decisions" in new and "measures" not in new
    assert json.loads((tmp_path / "out/manifest.json").read_text("utf-8"))["earlier"] == ["step0"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"earlier": ["nowhere"]}, "holds no finished build"),
        ({"earlier": ["before", "before"]}, "the same build is named twice"),
        ({"earlier": ["torn"]}, ".records is not there as its manifest says"),
        ({"earlier": ["before", "./out/"]}, "is the folder that this build writes"),
        (
            {"earlier": ["before"], "stages": {"deduplicate": {"near": {"bands": 14, "rows": 8}}}},
            "20 bands of 5, without addresses; here 14 bands of 8, without addresses",
        ),
    ],
)
def test_what_cannot_be_compared_is_said(
    grown: Path, run: Run, tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    shutil.copytree(grown / "out0", tmp_path / "before")
    shutil.copytree(grown / "out0", tmp_path / "torn")
    next((tmp_path / "torn/duplicates").glob("*.records")).write_bytes(b"")
    done = run("build", recipe(tmp_path, "new", STEPS[1], **changes), "--out", tmp_path / "out", status=2)
    assert sentence in done.stderr and "hint:" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_of_an_address_one_stays(run: Run, tmp_path: Path) -> None:
    pages = [("one", variant(0, 0)), ("two", variant(1, 0)), ("three", variant(1, 1))]
    path = recipe(
        tmp_path, "urls", pages, stages={"deduplicate": {"url": True, "keep": ["longest"], "repeat": {1: 1, 2: 3}}}
    )
    content = (
        (tmp_path / "urls.jsonl").read_text("utf-8").replace("https://two.example/two", "http://one.example/one#x")
    )
    (tmp_path / "urls.jsonl").write_text(content, "utf-8")
    run("build", path, "--out", tmp_path / "out")
    frame = ledger(str(tmp_path / "out"))
    by_address = frame.filter(pl.col("reason") == "deduplicate.url")
    assert by_address.height == 1 and by_address["cluster_size"].to_list() == [2]
    shards = [pl.read_parquet(file) for file in (tmp_path / "out/corpus").rglob("*.parquet")]
    repeats = {row["record_id"]: row["repeat"] for row in pl.concat(shards).to_dicts()}
    assert set(repeats.values()) <= {1, 3} and 3 in repeats.values()


def test_similar_lists_the_most_alike_first(built: Path, run: Run) -> None:
    frame = ledger(str(built))
    row = frame.filter(pl.col("reason") == "deduplicate.near").row(0, named=True)
    kept = frame.row(by_predicate=pl.col("id") == row["duplicate_of"], named=True)
    found = json.loads(run("similar", built, row["url"], "--json").stdout)
    assert [one["similarity"] for one in found] == sorted((one["similarity"] for one in found), reverse=True)
    assert found[0]["url"] == kept["url"] and found[0]["similarity"] >= 0.6
    shown = run("similar", built, row["id"].hex()).stdout
    assert kept["url"] in shown and "kept" in shown
    assert "lower --least" in run("similar", built, row["url"], "--least", "1").stdout
    nothing = frame.filter(pl.col("reason") == "extract.empty").row(0, named=True)
    assert "extract.empty" in run("similar", built, nothing["url"], status=2).stderr
    assert "no document has" in run("similar", built, "https://nowhere.example/", status=2).stderr


def test_signatures_are_of_the_kind_that_datasketch_indexes(built: Path) -> None:
    from datasketch import MinHashLSH

    found = dict(minhashes(str(built)))
    index = MinHashLSH(threshold=0.6, num_perm=112)
    for identity, minhash in found.items():
        index.insert(identity, minhash)
    near = ledger(str(built)).filter(pl.col("reason") == "deduplicate.near")
    pairs = near.select("id", "duplicate_of").rows()
    assert len(pairs) > 20
    assert all(found[one].jaccard(found[other]) > 0.5 for one, other in pairs)
    assert sum(other in index.query(found[one]) for one, other in pairs) > 0.9 * len(pairs)
