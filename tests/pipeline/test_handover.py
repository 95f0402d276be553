"""A sound build is ready; each rule, broken on purpose, is found and named with its file; no other rule cries."""

import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from florilegium.pipeline.encoding import SIDECAR
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.handover import check, shard
from florilegium.pipeline.handover.findings import Findings
from florilegium.pipeline.shards import Shard
from florilegium.stages.write import Sequences, ds, mds, megatron, packed
from tests.pipeline.tokenised import LAYOUTS, TOKENS, with_tokens

Run = Callable[..., subprocess.CompletedProcess[str]]

LANGUAGE = "deu_Latn"


@pytest.fixture(scope="module")
def small(europe: Path, tokenizer: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of eleven languages, so that fifty checks take no minutes."""
    folder = tmp_path_factory.mktemp("small")
    path = with_tokens(europe, folder, {**TOKENS, "tokenizer": str(tokenizer)})
    run("build", path, "--out", folder / "corpus", "--limit", 100)
    return folder / "corpus"


@pytest.fixture
def copied(small: Path, tmp_path: Path) -> Path:
    """A copy of the build that may be broken."""
    return Path(shutil.copytree(small, tmp_path / "corpus", ignore=shutil.ignore_patterns("work")))


def stem_of(out: Path, layout: str) -> Path:
    """A shard of a layout, without endings."""
    found = min((out / "tokens" / layout / LANGUAGE).glob("*.documents.parquet"))
    return found.with_name(found.name.removesuffix(".documents.parquet"))


def sealed(out: Path) -> None:
    """Make manifest and infos tell the hashes and sizes that are there, so that no hash gives a break away."""
    path = out / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    there = {
        file["path"]: sha256((out / file["path"]).read_bytes()).hexdigest()
        for file in manifest["files"]
        if (out / file["path"]).exists()
    }
    for name in there:
        if name.endswith(".info.json"):
            stem, info = name.removesuffix(".info.json"), json.loads((out / name).read_text("utf-8"))
            info["sha256"] = {end: there.get(stem + end, one) for end, one in info["sha256"].items()}
            (out / name).write_text(json.dumps(info), "utf-8")
            there[name] = sha256((out / name).read_bytes()).hexdigest()
    for file in manifest["files"]:
        if file["path"] in there:
            file["sha256"], file["bytes"] = there[file["path"]], (out / file["path"]).stat().st_size
    path.write_text(json.dumps(manifest), "utf-8")


def info_of(out: Path, layout: str = "documents") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(f"{stem_of(out, layout)}.info.json").read_text("utf-8"))
    return found


def tokens(out: Path, layout: str = "documents") -> Any:
    """All tokens of a shard, writable in place."""
    return np.memmap(f"{stem_of(out, layout)}_text_document.bin", "<u2", "r+")


def sidecar(out: Path, change: Callable[[dict[str, Any]], Any], layout: str = "documents") -> None:
    """Write a sidecar anew with columns changed."""
    path = f"{stem_of(out, layout)}.documents.parquet"
    table = pq.read_table(path)
    columns = table.to_pydict()
    change(columns)
    pq.write_table(pa.table(columns, schema=table.schema), path)


def put(columns: dict[str, Any], name: str, row: int, value: Any) -> None:
    columns[name][row] = value


def drop_last(columns: dict[str, Any]) -> None:
    for values in columns.values():
        del values[-1]


def split_first(columns: dict[str, Any]) -> None:
    """The first piece as two pieces of the same sequence."""
    for values in columns.values():
        values.insert(1, values[0])
    columns["tokens"][:2] = [5, columns["tokens"][1] - 5]
    columns["first_token"][1] = columns["begin"][1] = 5


def ends_of(out: Path, layout: str = "documents") -> Any:
    """Behind which token each piece ends."""
    table = pq.read_table(f"{stem_of(out, layout)}.documents.parquet")
    return np.cumsum(table["tokens"].to_numpy())


def flip(out: Path) -> None:
    """Every fifth token becomes another, EOS apart: any range shows it."""
    found = tokens(out)
    chosen = np.arange(3, len(found), 5)
    found[chosen] = np.where(found[chosen] > 1, (found[chosen] + 1 - 2) % 1_900 + 2, found[chosen])


def end_wrongly(out: Path) -> None:
    tokens(out)[ends_of(out)[1] - 1] = 77


def end_twice(out: Path) -> None:
    tokens(out)[ends_of(out)[1] - 2] = info_of(out)["eos"]


def begin_wrongly(out: Path) -> None:
    tokens(out)[ends_of(out)[0]] = 77


def leave_the_vocabulary(out: Path) -> None:
    tokens(out)[20] = info_of(out)["vocabulary"]


def repeat(out: Path) -> None:
    tokens(out)[10:61] = 77


def cut_data(out: Path) -> None:
    path = Path(f"{stem_of(out, 'stream')}_text_document.bin")
    path.write_bytes(path.read_bytes()[:-2])


def index(out: Path, at: int, data: bytes) -> None:
    path = Path(f"{stem_of(out, 'documents')}_text_document.idx")
    content = bytearray(path.read_bytes())
    content[at : at + len(data)] = data
    path.write_bytes(content)


def other_dialect(out: Path) -> None:
    """What titan-oellm's own writers do: as many document indices as sequences."""
    path = Path(f"{stem_of(out, 'documents')}_text_document.idx")
    content = bytearray(path.read_bytes())
    content[26:34] = content[18:26]
    path.write_bytes(content[:-8])


def wider(out: Path) -> None:
    stem = stem_of(out, "documents")
    pair = megatron.read(Path(f"{stem}_text_document"))
    lengths = np.diff(pair.ends, prepend=0)
    megatron.write(
        iter([Sequences(np.array(pair.tokens, np.int32), lengths, np.ones(len(pair), np.int64), lengths)]), stem
    )


def text(out: Path) -> None:
    """Other words in every text of a shard of the corpus."""
    path = min((out / "corpus" / LANGUAGE).glob("part-*0000*.parquet"))
    table = pq.read_table(path)
    words: list[Any] = table["text"].to_pylist()
    texts = [one.replace("e", "ö").replace("a", "ü") for one in words]
    column = pa.array(texts, table.schema.field("text").type)
    pq.write_table(table.set_column(table.schema.names.index("text"), table.schema.field("text"), column), path)


def tell(out: Path, name: str, value: Any) -> None:
    path = Path(f"{stem_of(out, 'documents')}.info.json")
    path.write_text(json.dumps({**info_of(out), name: value}), "utf-8")


def total(out: Path) -> None:
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    manifest["tokens"]["packed"]["train"]["tokens_by_licence"]["CC0-1.0"] = 1
    (out / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def refuse(out: Path) -> None:
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    manifest["account"]["tokens_refused"] = {"tokens.repeated": 3}
    (out / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def account(out: Path) -> None:
    path = min((out / "ledger").glob("*.parquet"))
    table = pq.read_table(path)
    tokens_ = [None if one is None else one + 1 for one in table["tokens"].to_pylist()]
    at = table.schema.names.index("tokens")
    pq.write_table(table.set_column(at, table.schema.field("tokens"), pa.chunked_array([tokens_], pa.int64())), path)


def rows(out: Path) -> None:
    path = Path(f"{stem_of(out, 'packed')}.packed.parquet")
    table = pq.read_table(path)
    lengths: list[Any] = table["seq_lengths"].to_pylist()
    lengths[0] = [lengths[0][0] + 1, *lengths[0][1:]]
    column = pa.array(lengths, table.schema.field("seq_lengths").type)
    pq.write_table(pa.Table.from_arrays([table["input_ids"].combine_chunks(), column], schema=table.schema), path)


def samples(out: Path) -> None:
    path = Path(f"{stem_of(out, 'tight')}.mds/shard.00000.mds")
    content = bytearray(path.read_bytes())
    (begin,) = struct.unpack_from("<I", content, 4)
    content[begin + 10] ^= 1  # the first byte of the first length
    path.write_bytes(content)


def folder_index(out: Path) -> None:
    path = stem_of(out, "tight").with_name("index.json")
    told = json.loads(path.read_text("utf-8"))
    told["shards"] *= 2
    path.write_text(json.dumps(told), "utf-8")


def documents_end(out: Path) -> None:
    path = Path(f"{stem_of(out, 'trove')}.ds.index")
    content = np.frombuffer(path.read_bytes(), "<u8").copy()
    content[0] -= 1
    path.write_bytes(content.tobytes())


def other_side(out: Path) -> None:
    """A document of the train split, as one of the validation split's ids would have it."""
    beside = next((out / "tokens/documents/validation" / LANGUAGE).glob("*.documents.parquet"))
    other = pq.read_table(beside)["id"][0].as_py()
    sidecar(out, lambda columns: put(columns, "id", 0, other))


BREAKS: list[tuple[Callable[[Path], Any], str, str]] = [
    (flip, "text", "is not the one that its text gives there"),
    (text, "text", "is not the one that its text gives there"),
    (end_wrongly, "ends", "does not end with EOS"),
    (end_twice, "ends", "ends with EOS twice"),
    (begin_wrongly, "ends", "does not begin with BOS"),
    (leave_the_vocabulary, "vocabulary", "token 20: "),
    (repeat, "runs", "sequence 0: 51 of them"),
    (cut_data, "format", "and its index speaks of"),
    (lambda out: index(out, 0, b"X"), "format", "does not begin as an index does"),
    (lambda out: index(out, 9, b"\2"), "format", "its version is 2"),
    (lambda out: index(out, 17, b"\6"), "format", "of type 6"),
    (lambda out: index(out, 34, b"\xff\xff\xff\xff"), "format", "sequence 0 has no token"),
    (other_dialect, "format", "document indices, not one more"),
    (wider, "dtype", "says 'uint16', and it is 'int32'"),
    (rows, "format", "seq_lengths are not the lengths"),
    (samples, "format", "sample 0: lengths are not those of its tokens"),
    (folder_index, "format", "is not the index of the shards beside it"),
    (documents_end, "sidecar", "pieces are not as long"),
    (lambda out: sidecar(out, lambda c: put(c, "first_token", 2, 9)), "sidecar", "row 2: first_token is not the sum"),
    (lambda out: sidecar(out, lambda c: put(c, "sequence", 1, 5)), "sidecar", "row 1: sequences are not 0, 1, 2"),
    (lambda out: sidecar(out, lambda c: put(c, "tokens", -1, 0)), "sidecar", "a piece of no tokens"),
    (lambda out: sidecar(out, lambda c: put(c, "licence", 3, "WTFPL")), "sidecar", "row 3: licence is not that of"),
    (lambda out: sidecar(out, lambda c: put(c, "source", 3, "x")), "sidecar", "row 3: source is not that of"),
    (lambda out: sidecar(out, drop_last), "sidecar", "its sidecar tells of"),
    (lambda out: sidecar(out, lambda c: put(c, "id", 0, bytes(16))), "documents", f"has no document {'00' * 16}"),
    (lambda out: sidecar(out, lambda c: put(c, "begin", 0, 7)), "documents", "is missing or stands twice"),
    (lambda out: sidecar(out, split_first), "documents", "it is cut, and would have fitted"),
    (other_side, "documents", "it is not of train"),
    (lambda out: tell(out, "tokens", 5), "info", "tokens: says 5, and it is"),
    (lambda out: tell(out, "longest_run", 5), "info", "longest_run: says 5, and it is"),
    (lambda out: tell(out, "recipe", "other"), "info", "recipe: says 'other'"),
    (lambda out: tell(out, "tokenizer", None), "info", "tokenizer: says None"),
    (lambda out: tell(out, "documents", "many"), "info", "a count is no number"),
    (lambda out: tell(out, "eos", 5_000), "ends", "EOS (5000) is not in the vocabulary"),
    (total, "totals", "tokens.packed.train.tokens_by_licence: says"),
    (refuse, "totals", "account.tokens_refused: says {'tokens.repeated': 3}, and it is {}"),
    (account, "totals", "ledger, layout"),
]

BESIDE = {
    "does not end with EOS": {"text"},
    "ends with EOS twice": {"text"},
    "token 20: ": {"text"},
    "sequence 0: 51 of them": {"info", "text"},  # it tells of the longest run
    "row 3: licence is not that of": {"totals"},
    "row 3: source is not that of": {"totals"},
    "is missing or stands twice": {"text"},
    "it is cut, and would have fitted": {"info"},
    "it is not of train": {"text"},
    "EOS (5000) is not in the vocabulary": {"text"},
}
"""Other rules that a break breaks too; no rule but these may speak of it."""


def test_a_sound_build_is_ready(tokenised: Path, run: Run) -> None:
    found = json.loads(run("handover", tokenised, "--json").stdout)
    assert found["good"] and not found["faults"]
    looked = {name: one["looked_at"] for name, one in found["checks"].items()}
    assert min(count for name, count in looked.items() if name != "blend") > 100, looked
    shown = run("handover", tokenised, "--samples", 1).stdout
    assert "ready to be handed over" in shown and "NOT" not in shown


@pytest.mark.parametrize(("broken", "rule", "said"), BREAKS, ids=[f"{one[1]}-{one[2][:30]}" for one in BREAKS])
def test_each_broken_rule_is_found_and_named(copied: Path, broken: Callable[[Path], Any], rule: str, said: str) -> None:
    broken(copied)
    sealed(copied)
    found = check(str(copied), samples=1000 if rule == "vocabulary" else 200)  # so many that its token is not missed
    mine = [str(fault) for fault in found.faults if fault.check == rule]
    assert any(said in one for one in mine), [str(one) for one in found.faults]
    assert rule == "totals" or any(LANGUAGE in one for one in mine)
    assert {fault.check for fault in found.faults} - {rule} == BESIDE.get(said, set())


def test_what_trainers_warn_of_is_a_warning(tmp_path: Path) -> None:
    ids = [bytes([number]) * 16 for number in range(4)]
    rows = [[5, 6, 0], [7, 0, 8, *range(10, 20), 0], ([9] * 40 + [8]) * 20 + [0], [*range(30, 90), 0]]
    lengths = np.array([len(row) for row in rows], np.int64)
    ones = np.ones(4, np.int64)
    batch = Sequences(np.concatenate([np.array(row, np.uint16) for row in rows]), lengths, ones, lengths)
    megatron.write(iter([batch]), tmp_path / "a")
    numbers = {"sequence": range(4), "first_token": np.cumsum(lengths) - lengths, "tokens": lengths, "begin": [0] * 4}
    words = dict.fromkeys(("language", "licence", "source"), ["x"] * 4)
    beside = pa.table({"id": pa.array(ids, pa.binary(16)), **numbers, **words}).cast(SIDECAR)
    info = {"vocabulary": 100, "eos": 0, "bos": None}
    pack = {"kind": "documents", "length": None}
    found = Findings()
    assert shard.check(found, Shard(tmp_path / "a", "a", "d", "train", "x", "megatron", pack, info), beside, 2, 1)
    assert found.good, [str(one) for one in found.faults]
    assert sorted(str(one) for one in found.warnings) == [
        "documents: a: 1 documents are shorter than 10 tokens: titan-oellm's packing loaders leave them out",
        "ends: a: EOS stands inside documents 1 times: their text holds the token's own",
        "vocabulary: a: sequence 2: titan-oellm's validator will warn: 3 distinct of 821 tokens",
        "vocabulary: a: sequence 2: titan-oellm's validator will warn: one token is 97% of 821",
    ]


def test_a_shard_that_is_not_the_manifests_is_found_by_its_hash(copied: Path, run: Run) -> None:
    tokens(copied)[11] ^= 1
    stem = stem_of(copied, "documents").relative_to(copied).as_posix()
    failed = run("handover", copied, "--samples", 0, status=1)
    assert f"fault: files: {stem}_text_document.bin: its SHA-256 is not that of the manifest" in failed.stderr
    assert "NOT ready: 1 faults" in failed.stdout and "Traceback" not in failed.stderr


def test_files_that_are_missing_cut_or_too_many_are_named(copied: Path) -> None:
    stem = stem_of(copied, "documents")
    Path(f"{stem}.documents.parquet").unlink()
    Path(f"{stem_of(copied, 'stream')}.info.json").write_bytes(b"{")
    stray = stem.with_name("deu_Latn_0001_text_document.idx")
    stray.write_bytes(b"")
    told = [str(fault) for fault in check(str(copied), samples=0).faults]
    for sentence in (
        f"files: {stem.relative_to(copied)}.documents.parquet: is missing",
        f"files: {stray.relative_to(copied)}: is not of this build",
        ".info.json: has 1 bytes, not the",
        ".info.json: is no info of a token shard",
    ):
        assert any(sentence in one for one in told), (sentence, told)


def test_the_same_seed_draws_the_same_ranges(copied: Path) -> None:
    tokens(copied)[30:34] = [9, 10, 11, 12]
    sealed(copied)
    told = [[str(one) for one in check(str(copied), samples=3, seed=seed).faults] for seed in (1, 1)]
    assert told[0] == told[1]


def test_what_cannot_be_checked_is_said(built: Path, run: Run, tmp_path: Path) -> None:
    assert "holds no token shards" in run("handover", built, status=2).stderr
    assert "holds no finished build" in run("handover", tmp_path, status=2).stderr
    with pytest.raises(PipelineError, match="must lie on a local disk"):
        check("s3://bucket/corpus")


def test_every_format_reads_what_it_wrote(tmp_path: Path) -> None:
    chance = np.random.default_rng(5)
    for dtype in (np.uint16, np.int32):
        pieces = chance.integers(1, 4, 300)
        parts = chance.integers(1, 400, int(pieces.sum()))
        lengths = np.add.reduceat(parts, np.cumsum(pieces) - pieces)
        whole = Sequences(chance.integers(0, 60_000, int(parts.sum())).astype(dtype), lengths, pieces, parts)
        for name, module in {"megatron": megatron, "mds": mds, "ds": ds, "packed": packed}.items():
            path = tmp_path / f"{name}-{np.dtype(dtype)}"
            module.write(iter([whole.rows(0, 100), whole.rows(100, 300)]), path)
            batches = list(module.scan(path, 5_000))
            assert np.array_equal(np.concatenate([one.tokens for one in batches]), whole.tokens), name
            assert name == "packed" or all(len(one.tokens) <= 5_000 for one in batches)
            for kind, meant, told in (
                ("sequences", lengths, [one.lengths for one in batches]),
                ("pieces", parts, [one.piece_lengths for one in batches]),
            ):
                if kind in module.KNOWS:
                    assert np.array_equal(np.concatenate(told), meant), (name, kind)
            assert name in {layout.get("format", "megatron") for layout in LAYOUTS}
