"""A build keeps its promises: every document accounted for, same bytes whatever ran it, limits without extraction."""

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml

from florilegium.pipeline import account, build, documents, ledger

Run = Callable[..., subprocess.CompletedProcess[str]]
Digests = Callable[[Path], dict[str, str]]


def with_recipe(europe: Path, to: Path, **changes: object) -> Path:
    """A copy of the sample with a changed recipe."""
    shutil.copytree(europe, to)
    recipe = yaml.safe_load((to / "recipe.yaml").read_text("utf-8"))
    (to / "recipe.yaml").write_text(yaml.safe_dump({**recipe, **changes}), "utf-8")
    return to / "recipe.yaml"


def test_every_input_document_has_one_row(europe: Path, built: Path) -> None:
    fates = [json.loads(line) for line in (europe / "fates.jsonl").read_text("utf-8").splitlines()]
    frame = ledger(str(built))
    assert frame.height == len(fates) == frame["id"].n_unique()
    found = account.account(str(built))
    assert found["read"] == found["kept"] + sum(found["dropped"].values())
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    assert manifest["account"]["read"] == frame.height
    assert sum(manifest["beside"].values()) > 0


def test_a_kept_row_leads_to_its_document_and_back(built: Path) -> None:
    kept = ledger(str(built)).filter(ledger(str(built))["reason"].is_null())
    assert kept.height > 20
    shards = {name: pq.read_table(built / name) for name in kept["shard"].unique()}
    for row in kept.iter_rows(named=True):
        document = shards[row["shard"]].slice(row["row"], 1).to_pylist()[0]
        assert document["id"] == row["id"]
        assert len(document["text"].encode()) == row["bytes_out"]
        assert row["shard"].split("/")[1] == row["language"] == document["language"]
    assert sum(table.num_rows for table in shards.values()) == kept.height


def test_the_manifest_names_every_file_with_its_hash(built: Path, digests: Digests) -> None:
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    standing = digests(built)
    standing.pop("manifest.json")
    assert {file["path"]: file["sha256"] for file in manifest["files"]} == standing
    assert manifest["models"] and all(len(digest) == 64 for digest in manifest["models"].values())
    assert str(built) not in json.dumps(manifest)


@pytest.mark.parametrize("workers", [1, 3])
def test_bytes_do_not_depend_on_the_number_of_workers(
    europe: Path, built: Path, run: Run, digests: Digests, tmp_path: Path, workers: int
) -> None:
    run("build", europe / "recipe.yaml", "--out", tmp_path / "out", "--workers", workers)
    assert digests(tmp_path / "out") == digests(built)


def test_documents_do_not_depend_on_how_the_input_was_cut(europe: Path, built: Path, run: Run, tmp_path: Path) -> None:
    """The recipe differs, so the manifest does; ids, decisions and shards must not."""
    recipe = with_recipe(europe, tmp_path / "europe", unit_bytes=5000)
    run("build", recipe, "--out", tmp_path / "out")
    one, other = ledger(str(built)), ledger(str(tmp_path / "out"))
    assert other.equals(one)
    shards = {path.name: path.read_bytes() for path in (built / "corpus").rglob("*.parquet")}
    assert {path.name: path.read_bytes() for path in (tmp_path / "out/corpus").rglob("*.parquet")} == shards


def test_the_same_command_again_does_nothing(
    built: Path, europe: Path, run: Run, digests: Digests, tmp_path: Path
) -> None:
    shutil.copytree(built, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/work").rglob("*.parquet")}
    done = run("build", europe / "recipe.yaml", "--out", tmp_path / "out")
    assert "everything was done before" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out/work").rglob("*.parquet")} == before
    assert digests(tmp_path / "out") == digests(built)


def test_another_limit_decides_again_and_extracts_nothing(europe: Path, built: Path, run: Run, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "out")
    recipe = with_recipe(
        europe, tmp_path / "europe", stages={"filter": {"limits": {"every": {"length.words": {"low": 10_000}}}}}
    )
    before = {path.name for path in (tmp_path / "out/work").iterdir()}
    shutil.copystat(europe / "records/register.jsonl", tmp_path / "europe/records/register.jsonl")
    run("build", recipe, "--out", tmp_path / "out")
    new = {path.name.split("-")[0] for path in (tmp_path / "out/work").iterdir() if path.name not in before}
    assert new == {"decisions", "corpus", "release"}
    found = account.account(str(tmp_path / "out"))
    assert found["kept"] == 0
    assert found["dropped"]["filter.length.words"] > 20
    assert not list((tmp_path / "out/corpus").rglob("*.parquet"))
    stale = run("clean", tmp_path / "out", "--yes").stdout
    assert "decisions-" in stale and "documents-" not in stale
    assert "nothing to remove" in run("clean", tmp_path / "out", "--yes").stdout


def test_a_damaged_intermediate_file_is_made_again(
    europe: Path, built: Path, run: Run, digests: Digests, tmp_path: Path
) -> None:
    shutil.copytree(built, tmp_path / "out")
    for file in (tmp_path / "out/work").rglob("*.parquet"):
        if "documents-" in str(file):
            file.write_bytes(file.read_bytes()[:-100])
    shutil.rmtree(tmp_path / "out/corpus")
    run("build", europe / "recipe.yaml", "--out", tmp_path / "out")
    assert digests(tmp_path / "out") == digests(built)


def test_a_flipped_byte_is_found_by_verify(
    europe: Path, built: Path, run: Run, digests: Digests, tmp_path: Path
) -> None:
    shutil.copytree(built, tmp_path / "out")
    shard = next((tmp_path / "out/work").glob("corpus-*/eng_Latn-00000.parquet"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(bytes(content))
    run("build", europe / "recipe.yaml", "--out", tmp_path / "out", "--verify")
    assert digests(tmp_path / "out") == digests(built)


@pytest.mark.parametrize("limit", [1, 7, 40])
def test_limit_takes_the_first_records_in_input_order(
    europe: Path, built: Path, run: Run, tmp_path: Path, limit: int
) -> None:
    cut = with_recipe(europe, tmp_path / "europe", unit_bytes=20_000)
    run("build", cut, "--out", tmp_path / "out", "--limit", limit, "--workers", 3)
    whole, some = ledger(str(built)), ledger(str(tmp_path / "out"))
    assert some["record"].to_list() == whole["record"].to_list()[:limit]


def test_a_new_input_file_adds_work_and_repeats_none(europe: Path, run: Run, tmp_path: Path) -> None:
    shutil.copytree(europe, tmp_path / "europe")
    (tmp_path / "europe/crawl/europe-00001.warc.gz").rename(tmp_path / "later.warc.gz")
    recipe = with_recipe(tmp_path / "europe", tmp_path / "cut", unit_bytes=30_000)
    run("build", recipe, "--out", tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/work").glob("documents-*/*.parquet")}
    shutil.copy(tmp_path / "later.warc.gz", tmp_path / "cut/crawl/europe-00001.warc.gz")
    run("build", recipe, "--out", tmp_path / "out")
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/work").glob("documents-*/*.parquet")}
    repeated = [path for path in before if after[path] != before[path]]
    assert len(after) > len(before)
    assert len(repeated) <= 1  # the unit at the seam holds other pieces now


def test_a_changed_input_is_read_again(europe: Path, run: Run, tmp_path: Path) -> None:
    shutil.copytree(europe, tmp_path / "europe")
    run("build", tmp_path / "europe/recipe.yaml", "--out", tmp_path / "out")
    register = tmp_path / "europe/records/register.jsonl"
    lines = register.read_text("utf-8").splitlines()
    swapped = "\n".join([lines[1], lines[0], *lines[2:]]) + "\n"
    register.write_text(swapped, "utf-8")  # same size, other bytes
    run("build", tmp_path / "europe/recipe.yaml", "--out", tmp_path / "out")
    first = ledger(str(tmp_path / "out")).filter(ledger(str(tmp_path / "out"))["source"] == "register")
    assert first["url"].to_list()[0] == json.loads(lines[1])["url"]


def test_duplicates_leave_one(built: Path) -> None:
    frame = ledger(str(built))
    clusters = Counter(frame["cluster"].drop_nulls().to_list())
    assert clusters
    for cluster, size in clusters.items():
        members = frame.filter(pl.col("cluster") == pl.lit(cluster))
        assert members["reason"].null_count() == 1
        assert set(members["cluster_size"]) == {size}
        ((kept, text),) = members.filter(pl.col("reason").is_null()).select("id", "text_hash").iter_rows()
        for row in members.filter(pl.col("reason").is_not_null()).iter_rows(named=True):
            assert row["reason"] == f"deduplicate.{'exact' if row['text_hash'] == text else 'near'}"
            assert row["duplicate_of"] == kept
    assert frame.filter(frame["reason"].str.starts_with("deduplicate.")).height == sum(clusters.values()) - len(
        clusters
    )


def test_work_holds_no_unmasked_address(built: Path) -> None:
    """Every e-mail address of the sample that must be masked is looked for in every stored text."""
    for path in [*(built / "work").rglob("documents-*/*.parquet"), *(built / "corpus").rglob("*.parquet")]:
        for row in pq.read_table(path, columns=["text", "title", "pii"]).to_pylist():
            assert "@rathaus" not in (row["text"] or "").replace("info@rathaus", ""), path


def test_the_notebook_api(europe: Path, built: Path, tmp_path: Path) -> None:
    done = build(str(europe / "recipe.yaml"), str(tmp_path / "out"), workers=1, limit=30, progress=False)
    assert done.account["read"] == 30
    assert documents(str(tmp_path / "out")).count_rows() == done.account["kept"]
    german = documents(str(built), language="deu_Latn").to_table(columns=["language", "text"])
    assert german.num_rows > 2 and set(german["language"].to_pylist()) == {"deu_Latn"}
    with pytest.raises(Exception, match="no documents in xxx_Latn"):
        documents(str(built), language="xxx_Latn")
