"""Token shards hold the corpus, token for token; any token leads to its document and back; the account knows them."""

import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from tokenizers import Tokenizer, models

from florilegium.pipeline import account, documents, ledger, lineage, recipe, standalone
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.handover import check
from florilegium.pipeline.passes import release
from florilegium.pipeline.work import Record
from florilegium.stages.write import megatron
from tests.pipeline.prose import BEGIN, END
from tests.pipeline.tokenised import LAYOUTS, with_tokens

Run = Callable[..., subprocess.CompletedProcess[str]]
Digests = Callable[[Path], dict[str, str]]


@pytest.fixture(scope="module")
def out(tokenised: Path) -> Path:
    return tokenised


def shards(out: Path) -> list[tuple[str, Any]]:
    """Stem and sidecar of every token shard."""
    files = [file["path"] for file in account.manifest(str(out))["files"]]
    stems = [path.removesuffix(lineage.ENDING) for path in files if path.endswith(lineage.ENDING)]
    return [(stem, pq.read_table(out / f"{stem}{lineage.ENDING}")) for stem in stems]


def tokens_of(out: Path, stem: str) -> Any:
    """All tokens of a shard, by whatever reads its format."""
    if (out / f"{stem}_text_document.idx").exists():
        return megatron.read(out / f"{stem}_text_document").tokens
    if (out / f"{stem}.packed.parquet").exists():
        rows: list[Any] = pq.read_table(out / f"{stem}.packed.parquet")["input_ids"].to_pylist()
        return np.concatenate([np.array(row) for row in rows])
    return None


def test_every_piece_is_that_part_of_its_document(out: Path, tokenizer: Path) -> None:
    reference = Tokenizer.from_file(str(tokenizer))
    texts = {row["id"]: row["text"] for row in documents(str(out)).to_table(columns=["id", "text"]).to_pylist()}
    begin, end = (reference.token_to_id(token) for token in (BEGIN, END))
    checked = 0
    for stem, beside in shards(out):
        tokens = tokens_of(out, stem)
        for piece in beside.to_pylist() if tokens is not None else ():
            whole = [begin, *reference.encode(texts[piece["id"]], add_special_tokens=False).ids, end]
            part = tokens[piece["first_token"] : piece["first_token"] + piece["tokens"]].tolist()
            assert part == whole[piece["begin"] : piece["begin"] + piece["tokens"]], (stem, piece)
            checked += 1
    assert checked > 900


def test_each_layout_holds_each_document_once_and_the_splits_are_the_same(out: Path) -> None:
    kept = {row["id"]: row["tokens"] for row in ledger(str(out)).to_dicts() if row["reason"] is None}
    held: dict[str, dict[bytes, int]] = {}
    sides: dict[str, set[bytes]] = {}
    for stem, beside in shards(out):
        layout = stem.split("/")[1]
        for piece in beside.to_pylist():
            of = held.setdefault(layout, {})
            of[piece["id"]] = of.get(piece["id"], 0) + piece["tokens"]
            if "/validation/" in stem:
                sides.setdefault(layout, set()).add(piece["id"])
    assert set(held) == {layout["name"] for layout in LAYOUTS}
    assert all(found == kept for found in held.values())
    assert len({frozenset(ids) for ids in sides.values()}) == 1
    assert 0.1 < len(sides["packed"]) / len(kept) < 0.3


def test_the_manifest_counts_them(out: Path) -> None:
    told = account.manifest(str(out))["tokens"]
    for layout in LAYOUTS:
        for split in ("train", "validation"):
            mine = [one for stem, one in shards(out) if stem.startswith(f"tokens/{layout['name']}/")
                    and ("/validation/" in stem) == (split == "validation")]  # fmt: skip
            counts = told[layout["name"]][split]
            assert counts["tokens"] == sum(sum(one["tokens"].to_pylist()) for one in mine)
            assert counts["tokens"] == sum(counts["tokens_by_language"].values())
            assert counts["tokens"] == sum(counts["tokens_by_licence"].values())
            assert counts["documents"] == len({i for one in mine for i in one["id"].to_pylist()})
    assert any((out / "tokens/tight").rglob("index.json"))
    info = next(out.glob("tokens/documents/deu_Latn/*.info.json"))
    assert json.loads(info.read_text("utf-8"))["dtype"] == "uint16"


def test_any_token_leads_to_its_document_and_back(out: Path) -> None:
    chance = random.Random(7)
    for stem, beside in chance.sample(shards(out), 12):
        total = sum(beside["tokens"].to_pylist())
        position = chance.randrange(total)
        found = lineage.of_token(str(out), f"/elsewhere/{stem}_text_document.bin", position)
        assert found["first_token"] <= position < found["first_token"] + found["tokens"]
        assert found["document"]["id"] == found["id"]
        pieces = lineage.of_document(str(out), found["id"].hex())
        assert (stem, found["first_token"]) in {(piece["shard"], piece["first_token"]) for piece in pieces}
        assert {piece["shard"].split("/")[1] for piece in pieces} == {layout["name"] for layout in LAYOUTS}
        sequence = lineage.of_sequence(str(out), stem, found["sequence"])
        assert found["id"] in {piece["id"] for piece in sequence}
        with pytest.raises(PipelineError, match="has no token"):
            lineage.of_token(str(out), stem, total)


def test_the_commands_say_it(out: Path, run: Run) -> None:
    stem, beside = shards(out)[0]
    shown = run("lineage", out, "--token", f"{stem}:0").stdout
    assert beside["id"][0].as_py().hex() in shown and "token 0 is token 0 of the document" in shown
    found = json.loads(run("lineage", out, "--document", beside["id"][0].as_py().hex(), "--json").stdout)
    assert len(found) >= len(LAYOUTS)
    for arguments in (("--token", "nothing:0"), ("--token", f"{stem}:x"), ("--sequence", f"{stem}:999999"), ()):
        assert "hint: " in run("lineage", out, *arguments, status=2).stderr


def test_the_same_bytes_whoever_builds(
    europe: Path, tokenizer: Path, out: Path, run: Run, digests: Digests, tmp_path: Path
) -> None:
    tokens = {"tokenizer": str(tokenizer), "bos": BEGIN, "validation": 0.2, "layouts": LAYOUTS}
    path = with_tokens(europe, tmp_path / "again", tokens, unit_bytes=100_000)
    run("build", path, "--out", tmp_path / "other", "--workers", 1, "--executor", "ray")
    mine, theirs = digests(out), digests(tmp_path / "other")
    assert {name: one for name, one in mine.items() if name.startswith("tokens/") and "info" not in name} == {
        name: one for name, one in theirs.items() if name.startswith("tokens/") and "info" not in name
    }


def test_another_layout_extracts_nothing_again_and_clears_what_is_not_wanted(
    europe: Path, tokenizer: Path, run: Run, tmp_path: Path
) -> None:
    path = with_tokens(europe, tmp_path, {"tokenizer": str(tokenizer)})
    run("build", path, "--out", tmp_path / "out")
    units = {one: one.stat().st_mtime_ns for one in (tmp_path / "out/work").glob("corpus-*/*")}
    assert sorted(one.name for one in (tmp_path / "out/tokens").iterdir()) == ["documents", "tokenizer.json"]
    assert (tmp_path / "out/tokens/tokenizer.json").read_bytes() == tokenizer.read_bytes()
    layout = {"name": "other", "format": "ds", "pack": {"kind": "concat", "length": 64}}
    with_tokens(europe, tmp_path, {"tokenizer": str(tokenizer), "layouts": [layout]})
    run("build", path, "--out", tmp_path / "out")
    assert {one: one.stat().st_mtime_ns for one in (tmp_path / "out/work").glob("corpus-*/*")} == units
    assert {one.parts[-3] for one in (tmp_path / "out/tokens").rglob("*.ds")} == {"other"}
    assert not [one for one in (tmp_path / "out/tokens/documents").rglob("*") if one.is_file()]


@pytest.mark.parametrize(
    ("divide", "parts"),
    [
        ({"by": "licence"}, {"unknown", "CC-BY-4.0"}),
        ({"by": "source"}, {"crawl", "register"}),
        ({"by": "length.words", "edges": [120, 150]}, {"q0", "q1", "q2"}),
    ],
)
def test_a_language_divided_by_licence_source_or_quality(
    europe: Path, tokenizer: Path, run: Run, tmp_path: Path, divide: dict[str, Any], parts: set[str]
) -> None:
    path = with_tokens(europe, tmp_path, {"tokenizer": str(tokenizer), "divide": divide})
    run("build", path, "--out", tmp_path / "out")
    rows = documents(str(tmp_path / "out")).to_table(columns=["id", "licence", "source", "measures"]).to_pylist()
    of = {row["id"]: row for row in rows}
    held = 0
    for stem, beside in shards(tmp_path / "out"):
        part = stem.split("/")[3]
        for piece in beside.to_pylist():
            row = of[piece["id"]]
            words = row["measures"]["length.words"]
            wanted = (
                row[divide["by"]] if "edges" not in divide else f"q{sum(edge <= words for edge in divide['edges'])}"
            )
            assert part == wanted
            held += 1
    assert held == len(rows)
    assert {stem.split("/")[3] for stem, _ in shards(tmp_path / "out")} == parts


def test_what_no_trainer_takes_is_refused_and_counted(tokenizer: Path, run: Run, tmp_path: Path) -> None:
    texts = ["The ferry crosses the river.", "no " * 400, "Nobody remembers a year without it."]
    lines = [json.dumps({"id": str(number), "text": text}) for number, text in enumerate(texts)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), "utf-8")
    limits = {"every": dict.fromkeys(recipe_limits())}
    told = {
        "sources": [{"name": "a", "path": "a.jsonl"}],
        "stages": {"identify": {"min_score": 0}, "filter": {"limits": limits}},
        "tokens": {"tokenizer": str(tokenizer)},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(told), "utf-8")
    built = run("build", tmp_path / "recipe.yaml", "--out", tmp_path / "out")
    counts: dict[str, Any] = {"read": 3, "kept": 3, "dropped": {}, "tokens_refused": {"tokens.repeated": 1}}
    out = tmp_path / "out"
    assert account.account(str(out)) == account.manifest(str(out))["account"] == counts
    rows = {row["record_id"]: row for row in ledger(str(out)).to_dicts()}
    assert [rows[str(number)]["tokens_refused"] for number in range(3)] == [None, "tokens.repeated", None]
    assert rows["1"]["tokens"] is None and rows["1"]["reason"] is None
    assert None not in (rows["0"]["tokens"], rows["2"]["tokens"])
    assert "in no token shard: tokens.repeated: more than 50 equal" in run("explain", out, rows["1"]["id"].hex()).stdout
    for shown in (built.stdout, run("ledger", out).stdout, run("status", out).stdout):
        assert "tokens.repeated" in shown and "in no token shard" in shown
    assert "tokens.repeated" in run("ledger", out, "--by", "tokens_refused").stdout
    assert "no token shard holds it" in run("lineage", out, "--document", rows["1"]["id"].hex()).stdout
    assert check(str(out), 4).good
    path = min((out / "ledger").glob("*.parquet"))
    table = pq.read_table(path)
    at = table.schema.names.index("tokens_refused")
    blank = pa.nulls(3, pa.string())
    pq.write_table(table.set_column(at, table.schema.field(at), blank), path)
    faults = [str(one) for one in check(str(out), 0).faults]
    assert any("tokens_refused: says {'tokens.repeated': 1}, and it is {'for no reason': 1}" in one for one in faults)


def test_an_account_of_tokens_that_does_not_balance_fails() -> None:
    def done(counts: dict[str, Any]) -> list[tuple[Any, Any]]:
        return [(None, Record("", {}, counts, {}))]

    merged, refused = done({"rows": 3}), done({"refused": {"tokens.repeated": 1}})
    ledger_ = {"rows": 3, "placed": 3, "dropped": {}, "encoded": 2, "refused": {"tokens.repeated": 1}}
    good = release.balance(3, done(ledger_), merged, refused)
    assert good == {"read": 3, "kept": 3, "dropped": {}, "tokens_refused": {"tokens.repeated": 1}}
    wrongs: list[dict[str, Any]] = [{"encoded": 3}, {"refused": {}}, {"refused": {"tokens.empty": 1}}]
    for wrong in wrongs:
        with pytest.raises(PipelineError, match="account of tokens does not balance"):
            release.balance(3, done(ledger_ | wrong), merged, refused)
    with pytest.raises(PipelineError, match="account of tokens does not balance"):
        release.balance(3, done(ledger_), merged, [])


def test_who_encodes_is_said_and_why_it_is_not_the_c_core(
    europe: Path, tokenizer: Path, run: Run, tmp_path: Path
) -> None:
    words = Tokenizer(models.WordLevel({END: 0, "<unk>": 1, "The": 2}, unk_token="<unk>"))
    words.add_special_tokens([END])
    words.save(str(tmp_path / "words.json"))
    layout = {"name": "packed", "format": "packed", "pack": {"kind": "best-fit", "length": 64}}
    for path, said in (
        (tokenizer, "by the C core"),
        (tmp_path / "words.json", "by the library `tokenizers`, far slower: "),
    ):
        recipe_ = with_tokens(europe, tmp_path, {"tokenizer": str(path), "layouts": [layout]})
        out = tmp_path / path.stem
        (tmp_path / "a.jsonl").write_text(
            json.dumps({"text": "no " * 60}) + '\n{"text": null}\n{"text": "The"}\n', "utf-8"
        )
        shown = [
            run("build", recipe_, "--out", out, "--limit", 40).stdout,
            run("validate", recipe_).stdout,
            run("tokenize", "--tokenizer", path, "--in", tmp_path / "a.jsonl", "--out", tmp_path / "t").stdout,
        ]
        assert all(said in one for one in shown), shown
        assert "% filled" in shown[0]
        assert f"{path.name}</code>" in (out / "reports/provenance.html").read_text("utf-8")
        told = account.manifest(str(out))["tokenizer"]
        assert (told["why"] is None) == (path == tokenizer) and told["name"] == path.name
    assert "left out: 1 without a text" in shown[2]


def test_a_vocabulary_between_the_readers_limits_is_warned_of(tokenizer: Path, run: Run, tmp_path: Path) -> None:
    told = json.loads(tokenizer.read_text("utf-8"))
    told["model"]["vocab"] |= {f"<unused{number}>": number for number in range(len(told["model"]["vocab"]), 65_520)}
    (tmp_path / "wide.json").write_text(json.dumps(told), "utf-8")
    (tmp_path / "a.jsonl").write_text(
        json.dumps({"text": "The ferry crosses the river before the sun is up."}), "utf-8"
    )
    recipe_ = {
        "sources": [{"name": "a", "path": "a.jsonl"}],
        "stages": {"identify": {"min_score": 0}, "filter": {"limits": {"every": dict.fromkeys(recipe_limits())}}},
        "tokens": {"tokenizer": "wide.json"},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe_), "utf-8")
    run("build", tmp_path / "recipe.yaml", "--out", tmp_path / "out")
    found = check(str(tmp_path / "out"), 2)
    assert found.good and any("65,520 tokens are stored as int32" in str(one) for one in found.warnings)


def recipe_limits() -> list[str]:
    from florilegium.pipeline.stage import find

    return list(find("stages", "filter").every_measure())


def test_a_format_of_tokens_writes_no_documents(europe: Path, run: Run, tmp_path: Path) -> None:
    path = with_tokens(europe, tmp_path, {"tokenizer": "none.json"}, write={"format": "megatron"})
    assert "write.format: 'megatron' is no format of documents" in run("validate", path, status=2).stderr


MISTAKES = [
    ({"tokenizer": "none.json"}, "none.json: cannot be read"),
    ({"tokenizer": "T", "eos": "<nothing>"}, "has no token '<nothing>'"),
    ({"tokenizer": "T", "layouts": [{"name": "a"}, {"name": "a"}]}, "the name 'a' is used twice"),
    ({"tokenizer": "T", "layouts": [{"format": "parquet"}]}, "'parquet' is no format of tokens"),
    ({"tokenizer": "T", "layouts": [{"pack": {"kind": "best-fit"}}]}, "best-fit needs one"),
    ({"tokenizer": "T", "layouts": []}, "tokens.layouts"),
    ({"tokenizer": "T", "divide": {"by": "licence", "edges": [1]}}, "edges: not for licence"),
    ({"tokenizer": "T", "divide": {"by": "length.weight", "edges": [1]}}, "no measure called 'length.weight'"),
    ({"tokenizer": "T", "divide": {"by": "length.words", "edges": [2, 1]}}, "expected rising numbers"),
    ({}, "tokens.tokenizer: is required"),
    ({"tokenizer": "T", "validation": 2}, "tokens.validation"),
]


@pytest.mark.parametrize(("tokens", "sentence"), MISTAKES)
def test_mistakes_are_said_before_anything_is_done(
    europe: Path, tokenizer: Path, run: Run, tmp_path: Path, tokens: dict[str, Any], sentence: str
) -> None:
    told = {name: str(tokenizer) if value == "T" else value for name, value in tokens.items()}
    path = with_tokens(europe, tmp_path, told)
    for command in (["validate", path], ["build", path, "--out", tmp_path / "out"]):
        errors = run(*command, status=2).stderr
        assert sentence in errors and "hint: " in errors
    assert not (tmp_path / "out").exists()


def test_the_recipe_in_the_manifest_names_no_place(europe: Path, tokenizer: Path, tmp_path: Path) -> None:
    loaded = recipe.load(str(with_tokens(europe, tmp_path, {"tokenizer": str(tokenizer)})))
    assert str(tokenizer) not in json.dumps(recipe.as_json(loaded))
    assert "tokens" in recipe.schema()["properties"]


def test_texts_without_a_build(tokenizer: Path, run: Run, tmp_path: Path) -> None:
    reference = Tokenizer.from_file(str(tokenizer))
    texts = ["The ferry crosses.", None, "", "Η βάρκα φεύγει.", "x" * 5000]
    pq.write_table(pa.table({"text": texts, "language": ["eng_Latn"] * 5}), tmp_path / "a.parquet")
    lines = [json.dumps({"text": text}) for text in texts]
    (tmp_path / "b.jsonl").write_text("\n".join([*lines, "{broken"]), "utf-8")
    command = ("tokenize", "--tokenizer", tokenizer, "--in", tmp_path / "a.parquet", "--in", tmp_path / "b.jsonl")
    shown = run(*command, "--out", tmp_path / "out").stdout
    assert "3 documents" in shown or "2 documents" in shown
    for name in ("a_0000", "b_0000"):
        pair = megatron.read(tmp_path / "out" / f"{name}_text_document")
        end = reference.token_to_id(END)
        wanted = [[*reference.encode(text).ids, end] for text in texts if text]
        found = [pair.sequence(number).tolist() for number in range(len(pair))]
        assert [one for one in wanted if one in found] == found
        assert len(found) >= 2
    assert "is a format of documents" in run(*command, "--out", tmp_path / "o", "--format", "parquet", status=2).stderr


def test_long_texts_are_read_a_few_at_a_time_and_cut_into_shards(
    tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standalone, "SHARD_BYTES", 30_000)
    monkeypatch.setattr(standalone, "BYTES", 20_000)
    texts = [f"{number} ferries cross. " * 200 for number in range(40)]
    pq.write_table(pa.table({"text": [*texts, None]}), tmp_path / "a.parquet", row_group_size=9)
    found = standalone.tokenize([str(tmp_path / "a.parquet")], tokenizer, tmp_path / "out")
    assert len(found.shards) > 3 and found.without == {"text": 1} and found.why is None
    reference = Tokenizer.from_file(str(tokenizer))
    held: dict[int, list[int]] = {}
    for stem in found.shards:
        pair = megatron.read(Path(f"{stem}_text_document"))
        beside: list[Any] = pq.read_table(f"{stem}.documents.parquet")["id"].to_pylist()
        held |= {int.from_bytes(one[8:]): pair.sequence(row).tolist() for row, one in enumerate(beside)}
    end = reference.token_to_id(END)
    assert held == {number: [*reference.encode(text).ids, end] for number, text in enumerate(texts)}


def test_no_sequence_has_a_run_that_its_documents_have_not(tokenizer: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [END] * 120}), tmp_path / "a.parquet")
    found = standalone.tokenize([str(tmp_path / "a.parquet")], tokenizer, tmp_path / "out", length=1000)
    ((_, counts),) = found.shards.items()
    assert (counts["tokens"], counts["sequences"], counts["longest_run"]) == (120, 3, 50)
