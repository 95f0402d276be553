"""A warm start never changes a token, and what is not exactly as it was written is no warm start."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from florilegium.stages import _warm
from florilegium.stages.tokenize import Encoder

TEXTS = [
    "Die Fähre legt um neun ab, und die Fähre kommt um zehn wieder an.",
    "Το καΐκι φεύγει στις εννέα. Το καΐκι γυρίζει στις δέκα.",
    "Паром отходит в девять 🚢 и возвращается в десять.",
    "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen, Donaudampfschifffahrtsgesellschaft",
    "",
    "a",
]
WORDS = st.sampled_from(
    ["Fähre", " Fähre", "καΐκι", " паром", "🚢", " ", "\n", ",", "Donaudampf", "ship", "<eos>", "\u2581"]
)
MANY = st.lists(st.lists(WORDS | st.text(max_size=6), max_size=12).map("".join), max_size=6)


def byte_level() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return trained(tokenizer, trainers.BpeTrainer(vocab_size=420, special_tokens=["<eos>"], initial_alphabet=alphabet))


def pieces() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    special = ["<unk>", "<eos>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer = trained(tokenizer, trainers.BpeTrainer(vocab_size=420, special_tokens=special))
    file = json.loads(tokenizer.to_str())
    file["added_tokens"] = file["added_tokens"][:2]
    return Tokenizer.from_str(json.dumps(file))


def trained(tokenizer: Tokenizer, trainer: Any) -> Tokenizer:
    trainer.show_progress = False
    tokenizer.train_from_iterator(TEXTS * 4, trainer)
    return tokenizer


MADE = {"byte-level": byte_level, "pieces": pieces}


@pytest.fixture(scope="module", params=MADE)
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer with a warm start beside it."""
    path = tmp_path_factory.mktemp("warm") / "tokenizer.json"
    MADE[request.param]().save(str(path))
    encoder = Encoder.from_file(path)
    assert not encoder.warm
    encoder.encode(pa.array(TEXTS * 2))
    assert encoder.save_warm_start() == path.with_name("tokenizer.warm")
    assert [one.name for one in path.parent.iterdir() if one.suffix == ".tmp"] == []
    return path


def cold(path: Path, folder: Path) -> Encoder:
    """The same tokenizer with nothing beside it."""
    folder.mkdir(exist_ok=True)
    return Encoder.from_file(shutil.copy(path, folder / "alone.json"))


def same(one: Encoder, other: Encoder, texts: list[str]) -> None:
    (found, ends), (wanted, wanted_ends) = one.encode(pa.array(texts)), other.encode(pa.array(texts))
    assert found.dtype == wanted.dtype
    assert (found.tolist(), ends.tolist()) == (wanted.tolist(), wanted_ends.tolist())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=MANY)
def test_tokens_are_those_of_a_cold_start(path: Path, texts: list[str]) -> None:
    for threads in (1, 3):
        encoder = Encoder.from_file(path, threads)
        assert encoder.warm
        same(encoder, cold(path, path.parent / "cold"), [*texts, *TEXTS])


def test_it_holds_what_was_met_and_its_tokens(path: Path) -> None:
    start = _warm.read(path, path.read_bytes())
    assert start is not None
    text, text_at, tokens, tokens_at = start.known
    at, ends = np.frombuffer(text_at, np.int64), np.asarray(tokens_at)
    data = bytes(text)
    units = {data[at[i] : at[i + 1]]: tokens[ends[i] : ends[i + 1]].tolist() for i in range(len(at) - 1)}
    # Pieces that were learned from whole lines cut nowhere but at marks.
    wanted = {
        "bytelevel": [" Fähre", " zehn", " отходит", " Donaudampfschifffahrtsgesellschaft"],
        "pieces": [" a", f" {TEXTS[0]}"],
    }[start.engine]
    missing = [unit for unit in wanted if unit.encode() not in units]
    assert missing == []
    reference = Tokenizer.from_file(str(path))
    for unit in wanted:
        text = unit[1:] if start.engine == "pieces" else unit  # there a text begins with a blank
        assert units[unit.encode()] == reference.encode(text, add_special_tokens=False).ids
    assert "vocab" not in start.skeleton["model"]


def test_names_of_tokens_are_known_without_the_library(path: Path, tmp_path: Path) -> None:
    encoder = Encoder.from_file(path)
    wanted = Tokenizer.from_file(str(path)).token_to_id("<eos>")
    assert encoder.token("<eos>") == cold(path, tmp_path).token("<eos>") == wanted
    assert "_reference" not in vars(encoder)
    assert encoder.token("<none>") is None


def test_a_damaged_file_is_no_warm_start(path: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path / "tokenizer.json")
    whole = _warm.beside(path).read_bytes()
    damaged = tmp_path / "tokenizer.warm"
    alone = cold(path, tmp_path / "cold")
    warm = []
    for at in (0, 7, 100, *range(300, len(whole), 997), len(whole) - 3):
        damaged.write_bytes(whole[:at])
        assert not Encoder.from_file(tmp_path / "tokenizer.json").warm
        damaged.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        encoder = Encoder.from_file(tmp_path / "tokenizer.json")
        warm.append(encoder.warm)
        same(encoder, alone, TEXTS)
    assert not all(warm)  # only bytes between the buffers mean nothing
    damaged.write_bytes(whole)
    assert Encoder.from_file(tmp_path / "tokenizer.json").warm


def test_it_is_of_one_tokenizer_only(path: Path, tmp_path: Path) -> None:
    file = json.loads(path.read_text("utf-8"))
    file["model"]["merges"].pop()
    (tmp_path / "tokenizer.json").write_text(json.dumps(file), "utf-8")
    shutil.copy(_warm.beside(path), tmp_path / "tokenizer.warm")
    encoder = Encoder.from_file(tmp_path / "tokenizer.json")
    assert not encoder.warm
    encoder.save_warm_start()
    assert Encoder.from_file(tmp_path / "tokenizer.json").warm


def test_what_the_library_does_has_none(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.Unigram([("a", 0.0)], unk_id=0))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert Encoder.from_file(tmp_path / "tokenizer.json").save_warm_start() is None
    assert [one.name for one in tmp_path.iterdir()] == ["tokenizer.json"]


def test_where_it_cannot_be_written_nothing_is_left(path: Path, tmp_path: Path) -> None:
    (tmp_path / "alone.warm").mkdir()  # what stands in the way
    with pytest.raises(OSError, match=r"alone\.warm"):
        cold(path, tmp_path).save_warm_start()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["alone.json", "alone.warm"]
