"""Weights draw what they say; every trainer's file tells the same mixture; physical shards hold it."""

import json
import math
import subprocess
import tomllib
from collections import Counter
from collections.abc import Callable
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from florilegium.pipeline import account
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.handover import blend, check
from florilegium.pipeline.handover.findings import Findings
from florilegium.pipeline.mixture import make, physical
from florilegium.pipeline.mixture.recipe import Mixture, load, parse
from florilegium.pipeline.mixture.weights import drawn
from florilegium.stages.write import megatron
from tests.pipeline.tokenised import with_tokens

Run = Callable[..., subprocess.CompletedProcess[str]]
THERE = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.integers(1, 10**12), min_size=1, max_size=12)


def unimax(there: dict[str, int], budget: float, epochs: float) -> dict[str, float]:
    """Algorithm 1 of the paper, line by line, without the final normalisation."""
    found = {}
    for at, part in enumerate(sorted(there, key=lambda one: there[one])):
        share = budget / (len(there) - at)
        found[part] = min(share, there[part] * epochs)
        budget -= found[part]
    return found


@given(THERE, st.floats(0.01, 1), st.floats(0.5, 8))
def test_unimax_is_that_of_the_paper(there: dict[str, int], share: float, epochs: float) -> None:
    budget = max(1, int(share * epochs * sum(there.values())))
    if budget <= epochs * sum(there.values()):
        mine = drawn(there, f"unimax:{epochs}", budget, None)
        assert mine == pytest.approx(unimax(there, budget, epochs), rel=1e-9)


@given(THERE, st.sampled_from(["proportional", "temperature:1", "temperature:3.5", "unimax:4"]), st.floats(0.01, 1))
def test_what_is_drawn_is_the_budget_and_within_its_epochs(there: dict[str, int], how: str, share: float) -> None:
    budget = max(1, int(3 * share * sum(there.values())))
    found = drawn(there, how, budget, 3)
    assert math.fsum(found.values()) == pytest.approx(budget, rel=1e-9)
    assert all(0 < amount <= 3 * there[part] * (1 + 1e-9) for part, amount in found.items())


def test_weights_by_number_temperature_and_proportion() -> None:
    there = {"a/x": 100, "a/y": 300, "b/x": 600, "c/z": 5}
    assert drawn(there, {"x": 3, "a/y": 1}, 400, None) == pytest.approx({"a/x": 300 / 7, "b/x": 1800 / 7, "a/y": 100})
    assert drawn(there, "proportional", None, None) == pytest.approx(there)
    two = drawn({"a": 100, "b": 400}, "temperature:2", 300, None)
    assert two == pytest.approx({"a": 100, "b": 200})
    capped = drawn({"a": 10, "b": 1000, "c": 1000}, {"a": 2, "b": 1, "c": 1}, 400, 4)
    assert capped == pytest.approx({"a": 40, "b": 180, "c": 180})
    for weights, tokens, epochs, said in (
        ({"nowhere": 1}, None, None, "weights.nowhere: the layout has no such part"),
        ("proportional", 5_000, 2, "5,000 tokens cannot be drawn: 2 epochs"),
        ("unimax:1", 1_006, None, "1,006 tokens cannot be drawn"),
    ):
        with pytest.raises(PipelineError, match=said):
            drawn(there, weights, tokens, epochs)


def blend_of(to: Path) -> tuple[list[float], list[str]]:
    """As Megatron-LM reads --data-args-path (`get_blend_from_list(file.read().split())`)."""
    words = (to / "megatron/data_args.txt").read_text("utf-8").split()
    return [float(word) for word in words[::2]], words[1::2]


def test_every_trainers_file_tells_the_mixture(tokenised: Path, tmp_path: Path) -> None:
    told = make(str(tokenised), str(tmp_path / "m"), parse({"weights": "unimax:3", "tokens": 100_000}, "test"))
    to = tmp_path / "m"
    numbers, prefixes = blend_of(to)
    assert abs(math.fsum(numbers) - 1) < 1e-9 and len(prefixes) == len(told["parts"]) > 30
    by = {Path(prefix).parent.name: number for number, prefix in zip(numbers, prefixes, strict=True)}
    assert by == pytest.approx({part["part"]: part["weight"] for part in told["parts"]}, rel=1e-9)
    assert (to / "megatron/data_path.txt").read_text("utf-8").count("\n") == 1
    splits = json.loads((to / "megatron/per_split.json").read_text("utf-8"))
    assert splits["train"][1::2] == prefixes and splits["test"] is None
    assert abs(math.fsum(float(one) for one in splits["valid"][::2]) - 1) < 1e-9
    assert all("/validation/" in one for one in splits["valid"][1::2])
    for part in told["parts"]:
        assert part["drawn"] == pytest.approx(part["epochs"] * part["available"], abs=1)
        assert part["epochs"] <= 3 + 1e-9
    totals = account.manifest(str(tokenised))["tokens"]["documents"]["train"]["tokens_by_language"]
    assert {part["part"]: part["available"] for part in told["parts"]} == totals
    assert json.loads((to / "mixture.json").read_text("utf-8")) == told
    assert not (to / "titan.toml").exists() and "knows no weights" in told["titan"]
    assert check(str(tokenised), 0, mixtures=[str(to)]).good


def test_the_collection_is_as_openeurollm_has_it(tokenised: Path, tmp_path: Path) -> None:
    make(str(tokenised), str(tmp_path / "m"), parse({"weights": {"deu_Latn": 2, "fra_Latn": 1}}, "test"))
    cycle = tmp_path / "m/openeurollm"
    mix = [line.split() for line in (cycle / "datamix.txt").read_text("utf-8").splitlines()]
    assert [folder for _, folder in mix] == [f"sample-europe/megatron-lm/{one}" for one in ("deu_Latn", "fra_Latn")]
    assert abs(math.fsum(float(number) for number, _ in mix) - 1) < 1e-9
    text = (cycle / "sample-europe/metadata.yaml").read_text("utf-8")
    assert yaml.safe_load(text) == yaml.load(text, yaml.BaseLoader)  # every value is a string
    sums = (cycle / "sample-europe/md5/deu_Latn/megatron-lm.md5").read_text("utf-8").splitlines()
    assert sums == sorted(sums, key=lambda line: line.split("  ")[1])
    for line in sums:
        digest, path = line.split("  ")
        assert md5((cycle / path).read_bytes()).hexdigest() == digest
    assert [Path(line).name for line in sums] == [
        "shard_0000.info.json", "shard_0000_text_document.bin", "shard_0000_text_document.idx",
    ]  # fmt: skip
    source = next((tokenised / "tokens/documents/deu_Latn").glob("*.bin"))
    assert (cycle / sums[1].split("  ")[1]).samefile(source)
    counts = json.loads((cycle / "sample-europe/counts/deu_Latn/release.json").read_text("utf-8"))
    beside = pq.read_table(next((tokenised / "tokens/documents/deu_Latn").glob("*.documents.parquet")))
    tokens: list[Any] = beside["tokens"].to_pylist()
    rows: list[Any] = account.dataset(str(tokenised), "deu_Latn").to_table(columns=["id", "text"]).to_pylist()
    texts = {row["id"]: row["text"] for row in rows}
    held = [texts[one] for one in beside["id"].to_pylist()]
    assert counts["characters"] == sum(len(text) for text in held)
    assert counts["segments"] == sum(bool(line.strip()) for text in held for line in text.split("\n"))
    assert counts["tokens"] == sum(tokens) and counts["documents"] == len(held)
    assert set(counts) == {
        "files", "bytes", "documents", "segments", "tokens", "characters", "time", "errors", "tokenizer", "keys",
    }  # fmt: skip


def test_titan_takes_all_of_a_folder_once(tokenised: Path, tmp_path: Path) -> None:
    make(str(tokenised), str(tmp_path / "m"), Mixture())
    told = tomllib.loads((tmp_path / "m/titan.toml").read_text("utf-8"))["data"]
    chunks = sorted(Path(told["chunks_dir"]).glob("chunk_*.idx"))
    totals = account.manifest(str(tokenised))["tokens"]["documents"]
    assert [one.name for one in chunks][:2] == ["chunk_0000.idx", "chunk_0001.idx"]
    assert sum(len(megatron.read(one.with_suffix("")).tokens) for one in chunks) == totals["train"]["tokens"]
    validation = megatron.read(Path(told["chunks_dir"]) / "validation")
    assert (len(validation), len(validation.tokens)) == (
        totals["validation"]["sequences"], totals["validation"]["tokens"],
    )  # fmt: skip


def test_the_submodel_is_soofis(tokenised: Path, tmp_path: Path) -> None:
    make(str(tokenised), str(tmp_path / "m"), Mixture())
    told = json.loads((tmp_path / "m/aas-submodel.json").read_text("utf-8"))
    assert told["semanticId"]["keys"][0]["value"].endswith("/SubmodelTemplate/AIDataset/1/0")
    elements = {one["idShort"]: one for one in told["submodelElements"]}
    assert set(elements) == {"Version", "Storage", "SizeInformation", "MetaData"}
    _, prefixes = blend_of(tmp_path / "m")
    size = sum(Path(prefix + end).stat().st_size for prefix in prefixes for end in (".bin", ".idx"))
    assert elements["SizeInformation"]["value"][0]["value"] == f"{size} bytes"
    assert elements["Version"]["valueType"] == "xs:string"


def test_physical_shards_hold_what_is_drawn(tokenised: Path, tmp_path: Path) -> None:
    wanted = parse({"weights": {"deu_Latn": 2, "fra_Latn": 1}, "tokens": 15_000, "physical": True,
                    "shard_tokens": 4_000, "seed": 3}, "test")  # fmt: skip
    told = make(str(tokenised), str(tmp_path / "m"), wanted)
    assert told["tokens"] == pytest.approx(15_000, rel=0.05)
    for part in told["parts"]:
        language = part["part"]
        (stem,) = (tokenised / "tokens/documents" / language).glob("*.documents.parquet")
        source = pq.read_table(stem)
        pair = megatron.read(Path(str(stem).removesuffix(".documents.parquet") + "_text_document"))
        texts = {one: pair.sequence(row).tolist() for row, one in enumerate(source["id"].to_pylist())}
        times: Counter[bytes] = Counter()
        found = sorted((tmp_path / "m/shards" / language).glob("*.documents.parquet"))
        assert len(found) == part["shards"] > 1
        for one in found:
            held = megatron.read(Path(str(one).removesuffix(".documents.parquet") + "_text_document"))
            ids: list[Any] = pq.read_table(one)["id"].to_pylist()
            assert [held.sequence(row).tolist() for row in range(len(held))] == [texts[which] for which in ids]
            times.update(ids)
        assert set(times.values()) <= {math.floor(part["epochs"]), math.ceil(part["epochs"])}
    numbers, prefixes = blend_of(tmp_path / "m")
    sizes = [len(megatron.read(Path(prefix)).tokens) for prefix in prefixes]
    assert numbers == pytest.approx([size / sum(sizes) for size in sizes])
    assert tomllib.loads((tmp_path / "m/titan.toml").read_text("utf-8"))["data"]["seed"] == 3
    found_ = check(str(tokenised), 0, mixtures=[str(tmp_path / "m")])
    assert found_.good, [str(one) for one in found_.faults]
    assert not [one for one in found_.warnings if one.check == "ends"]


def test_the_same_seed_writes_the_same_shards_and_another_does_not(tokenised: Path, tmp_path: Path) -> None:
    bins = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        told = {"weights": {"deu_Latn": 1}, "tokens": 6_000, "physical": True, "seed": seed}
        make(str(tokenised), str(tmp_path / name), parse(told, "test"))
        bins.append(next((tmp_path / name / "shards/deu_Latn").glob("*.bin")).read_bytes())
    assert bins[0] == bins[1] != bins[2]


@given(st.lists(st.integers(1, 500), min_size=1, max_size=40), st.floats(0.01, 5))
def test_epochs_are_whole_before_a_document_is_repeated(lengths: list[int], epochs: float) -> None:
    tokens = np.array(lengths, np.int64)
    budget = epochs * sum(lengths)
    rows = physical.order(tokens, budget, 1, "a")
    times = np.bincount(rows, minlength=len(lengths))
    assert times.max() - times.min() <= 1
    assert len(rows) == 1 or abs(tokens[rows].sum() - budget) <= max(lengths)


def test_parts_below_a_shard_need_physical_shards(tokenised: Path, run: Run, tmp_path: Path) -> None:
    command = ("mixture", tokenised, "--by", "licence", "--out", tmp_path / "m")
    failed = run(*command, status=2).stderr
    assert "a blend weighs whole shards" in failed and "hint: add --physical" in failed
    assert not (tmp_path / "m").exists()
    told = json.loads(run(*command, "--physical", "--weight", "CC-BY-4.0=1", "--tokens", 3_000, "--json").stdout)
    assert all(part["part"].endswith("/CC-BY-4.0") for part in told["parts"])
    for beside in (tmp_path / "m/shards").rglob("*.documents.parquet"):
        assert set(pq.read_table(beside)["licence"].to_pylist()) == {"CC-BY-4.0"}
    assert "ready" in run("handover", tokenised, "--samples", 0, "--mixture", tmp_path / "m").stdout


def test_shards_that_are_divided_are_weighed_without_writing(
    europe: Path, tokenizer: Path, run: Run, tmp_path: Path
) -> None:
    tokens: dict[str, Any] = {"tokenizer": str(tokenizer), "divide": {"by": "length.words", "edges": [150]}}
    run("build", with_tokens(europe, tmp_path, tokens), "--out", tmp_path / "q", "--limit", 60)
    run("mixture", tmp_path / "q", "--by", "part", "--weight", "q1=3", "--weight", "q0=1", "--out", tmp_path / "m")
    told = json.loads((tmp_path / "m/mixture.json").read_text("utf-8"))
    weight = {end: sum(one["weight"] for one in told["parts"] if one["part"].endswith(end)) for end in ("q0", "q1")}
    assert weight == pytest.approx({"q0": 0.25, "q1": 0.75})
    numbers, prefixes = blend_of(tmp_path / "m")
    assert sum(one for one, prefix in zip(numbers, prefixes, strict=True) if "/q1/" in prefix) == pytest.approx(0.75)
    tokens["divide"] = {"by": "licence"}
    run("build", with_tokens(europe, tmp_path, tokens), "--out", tmp_path / "q", "--limit", 60)
    run("mixture", tmp_path / "q", "--by", "licence", "--out", tmp_path / "m")
    assert check(str(tmp_path / "q"), 3, mixtures=[str(tmp_path / "m")]).good
    rewrite(tmp_path / "q/manifest.json", lambda text: text.replace('"part": "unknown"', '"part": "CC0-1.0"'))
    faults = [str(one) for one in check(str(tmp_path / "q"), 0).faults]
    assert any(one.startswith("documents: ") and "licence: says ['CC0-1.0']" in one for one in faults), faults


def test_a_recipe_says_the_same_as_options(tokenised: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "mixture.yaml").write_text("weights: temperature:3\ntokens: 50000\nepochs: 5\n", "utf-8")
    shown = run("mixture", tokenised, "--out", tmp_path / "a", "--recipe", tmp_path / "mixture.yaml").stdout
    run("mixture", tokenised, "--out", tmp_path / "b", "--weights", "temperature:3", "--tokens", 50000, "--epochs", 5)
    assert (tmp_path / "a/mixture.json").read_bytes() == (tmp_path / "b/mixture.json").read_bytes()
    assert "deu_Latn" in shown and "epochs" in shown
    run("mixture", tokenised, "--out", tmp_path / "a")  # an earlier mixture is replaced
    assert (tmp_path / "a/titan.toml").exists()


MISTAKES: list[tuple[str, str]] = [
    ("weigths: proportional", "mixture.yaml: weigths: unknown key\nhint: did you mean 'weights'?"),
    ("weights: heavier", "mixture.yaml: weights: 'heavier' is no way to weigh: proportional, temperature:T"),
    ("weights: temperature:0.5", "is no way to weigh"),
    ("weights: unimax", "is no way to weigh"),
    ("weights: {deu_Latn: -1}", "mixture.yaml: weights.deu_Latn: input should be greater than 0"),
    ("weights: {}", "name at least one part"),
    ("by: colour", "mixture.yaml: by: input should be 'language', 'licence', 'source' or 'part', got 'colour'"),
    ("tokens: 0", "mixture.yaml: tokens: input should be greater than or equal to 1, got 0"),
    ("- a", "mixture.yaml: expected keys and values"),
    ("a: [", "mixture.yaml: not valid YAML"),
]


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_mistakes_in_a_recipe_have_a_place_and_a_hint(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mixture.yaml").write_text(text, "utf-8")
    with pytest.raises(PipelineError) as raised:
        load(str(tmp_path / "mixture.yaml"))
    assert said in str(raised.value) and "hint: " in str(raised.value)


def test_mistakes_in_what_is_asked_for(tokenised: Path, built: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("mine", "utf-8")
    for command, said in (
        ((tokenised, "--layout", "packed"), "the layout 'packed' is in another format"),
        ((tokenised, "--layout", "nothing"), "the layout 'nothing' is not there"),
        ((built,), "the layout 'documents' is not there"),
        (("s3://bucket/corpus",), "trainers name shards by local paths"),
        ((tokenised, "--weight", "deu_Latn=x"), "command line: weights.deu_Latn"),
        ((tokenised, "--weight", "deu_Latn=1", "--weights", "unimax:2"), "say the same"),
        ((tokenised, "--recipe", "x.yaml", "--epochs", 2), "--recipe and --epochs say the same"),
        ((tokenised, "--recipe", "x.yaml"), "x.yaml: there is no such file"),
        ((tokenised, "--weights", "unimax:1", "--tokens", 10**9), "tokens cannot be drawn"),
    ):
        errors = run("mixture", *command, "--out", tmp_path / "m", status=2).stderr
        assert said in errors and "hint: " in errors and "Traceback" not in errors
    assert (
        "is not empty, and holds no mixture" in run("mixture", tokenised, "--out", tmp_path / "full", status=2).stderr
    )
    assert (tmp_path / "full/x").exists() and not (tmp_path / "m").exists()


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    """Change a text file; links to it keep what they had."""
    text = path.read_text("utf-8")
    path.unlink()
    path.write_text(change(text), "utf-8")


def heavier(text: str) -> str:
    """The first weight a thousandth more."""
    first, _, rest = text.partition(" ")
    return f"{float(first) * 1.001} {rest}"


def flip(path: Path) -> None:
    """Another last byte."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def first(to: Path, pattern: str) -> Path:
    return min(to.rglob(pattern))


BREAKS: list[tuple[Callable[[Path], Any], str]] = [
    (lambda to: rewrite(to / "megatron/data_args.txt", heavier), "data_args.txt: weights sum to 1.00"),
    (lambda to: rewrite(to / "megatron/data_path.txt", heavier), "do not tell the same"),
    (lambda to: rewrite(to / "megatron/per_split.json", lambda text: text[:-3]), "per_split.json: cannot be read"),
    (lambda to: rewrite(to / "openeurollm/datamix.txt", heavier), "datamix.txt: weights sum to 1.00"),
    (lambda to: rewrite(to / "openeurollm/datamix.txt", lambda text: text.replace("deu_L", "xxx_L")), "not those of"),
    (lambda to: rewrite(to / "megatron/data_args.txt", lambda text: text.replace("shards", "other")), "has no pair"),
    (lambda to: flip(first(to / "shards", "*.bin")), "SHA-256: says"),
    (lambda to: flip(first(to / "openeurollm", "*.bin")), "its MD5 is not the one told"),
    (lambda to: first(to / "openeurollm", "*.idx").unlink(), "its files are not those of its md5 sums"),
    (lambda to: rewrite(first(to / "shards", "*.info.json"), lambda text: text.replace('"tokens": ', '"tokens": 1')),
     "tokens: says 1"),
    (lambda to: flip(first(to / "chunks", "*.idx")), "a document is not one sequence"),
    (lambda to: rewrite(to / "mixture.json", lambda text: text.replace('"manifest": "', '"manifest": "x')),
     "manifest of its build: says 'x"),
]  # fmt: skip


def test_a_broken_mixture_is_named(tokenised: Path, tmp_path: Path) -> None:
    wanted = parse({"weights": {"deu_Latn": 2, "fra_Latn": 1}, "tokens": 9_000, "physical": True}, "test")
    files = {file["path"]: file for file in account.manifest(str(tokenised))["files"]}
    for number, (broken, said) in enumerate([(Path.exists, ""), *BREAKS]):
        to = tmp_path / str(number)
        make(str(tokenised), str(to), wanted)
        broken(to)
        found = Findings()
        blend.check(found, tokenised, files, str(to))
        assert found.good == (not said)
        assert not said or any(said in str(one) for one in found.faults), (said, [str(one) for one in found.faults])
    with pytest.raises(PipelineError, match="holds no mixture"):
        check(str(tokenised), 0, mixtures=[str(tmp_path)])
