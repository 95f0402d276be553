"""Work that is long enough puts a warm start beside its tokenizer; what comes out is the same with it and without."""

import json
import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models

from florilegium.pipeline import account, encoding
from florilegium.pipeline.passes import tokens
from florilegium.pipeline.standalone import tokenize
from florilegium.pipeline.tokenizer import warm
from florilegium.pipeline.work import Unit
from florilegium.stages.tokenize import Encoder


@pytest.fixture
def alone(tokenizer: Path, tmp_path: Path) -> Path:
    """A tokenizer with nothing beside it."""
    (tmp_path / "alone").mkdir()
    return Path(shutil.copy(tokenizer, tmp_path / "alone" / "tokenizer.json"))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_shards_give_a_warm_start_once(alone: Path, tokenised: Path) -> None:
    shards = account.files(str(tokenised), "corpus")
    assert warm.from_shards(str(alone), shards) == alone.with_suffix(".warm")
    assert Encoder.from_file(alone).warm
    assert warm.from_shards(str(alone), shards) is None
    alone.with_suffix(".warm").write_bytes(b"torn")
    assert warm.from_shards(str(alone), shards) is not None


def test_a_pass_makes_one_where_it_is_worth_it(alone: Path, tokenised: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carried = [{"tokenizer": str(alone), "shard": path} for path in account.files(str(tokenised), "corpus")]
    todo = [Unit("", "", "", "", {}, carry=carry, load=1000) for carry in carried]
    for worth, there in ((1000 * len(todo) + 1, False), (1000 * len(todo), True)):
        monkeypatch.setattr(warm, "WORTH", worth)
        tokens.begin(todo)
        assert alone.with_suffix(".warm").exists() == there


def test_shards_are_the_same_with_it_and_without(alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["Die Fähre legt um neun ab.", "Паром отходит в девять.", "Το καΐκι φεύγει στις εννέα."] * 40
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
    made = []
    for worth in (1 << 30, 0, 0):
        monkeypatch.setattr(warm, "WORTH", worth)
        encoding._encoder.cache_clear()
        made.append(alone.with_suffix(".warm").exists())
        tokenize([str(tmp_path / "texts.jsonl")], alone, tmp_path / f"out{len(made)}")
    assert made == [False, False, True]
    assert files(tmp_path / "out1") == files(tmp_path / "out2") == files(tmp_path / "out3")


def test_what_has_none_and_where_none_may_stand_goes_on_without(alone: Path, tmp_path: Path, tokenised: Path) -> None:
    shards = account.files(str(tokenised), "corpus")
    alone.with_suffix(".warm").mkdir()
    assert warm.from_shards(str(alone), shards) is None
    (tmp_path / "other").mkdir()
    Tokenizer(models.Unigram([("a", 0.0)], unk_id=0)).save(str(tmp_path / "other" / "tokenizer.json"))
    assert warm.from_shards(str(tmp_path / "other" / "tokenizer.json"), shards) is None
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["tokenizer.json"]
