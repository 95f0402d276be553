"""An encoder gives the ids of the `tokenizers` library, whoever does the work."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.tokenize import Encoder

TEXTS = ["Die Fähre legt um neun ab.", None, "", "Το καΐκι φεύγει στις εννέα.", "Паром отходит в девять 🚢 <eos> 2025"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small byte-level tokenizer of the kind of Llama 3."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text for text in TEXTS if text] * 4, trainer)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def test_the_ids_are_those_of_the_library(path: Path) -> None:
    reference = Tokenizer.from_file(str(path))
    for kind in (pa.string(), pa.large_string()):
        texts = pa.array(["cut off", *TEXTS], kind).slice(1)
        encoder = Encoder.from_file(path)
        tokens, offsets = encoder.encode(texts)
        assert tokens.dtype == encoder.dtype == np.uint16
        for row, text in enumerate(TEXTS):
            wanted = [] if text is None else reference.encode(text, add_special_tokens=False).ids
            assert tokens[offsets[row] : offsets[row + 1]].tolist() == wanted
            assert encoder.decode(wanted) == (text or "")
        assert encoder.count(texts).tolist() == np.diff(offsets).tolist()
    tokens, offsets = encoder.encode(pa.array([], pa.string()))
    assert (len(tokens), offsets.tolist()) == (0, [0])


def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("{}", "utf-8")
    for name in ("odd.json", "none.json"):
        with pytest.raises(PipelineError, match=name):
            Encoder.from_file(tmp_path / name)


def test_what_the_library_falls_over_is_named(path: Path, tmp_path: Path) -> None:
    file = json.loads(path.read_text("utf-8"))
    file["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": "AAAAAAAA"}
    (tmp_path / "torn.json").write_text(json.dumps(file), "utf-8")
    with pytest.raises(PipelineError, match=r"torn\.json"):
        Encoder.from_file(tmp_path / "torn.json").encode(pa.array(["é"]))


def test_bytes_below_a_null_are_no_text(path: Path) -> None:
    data, offsets = pa.py_buffer(b"ab\xffcd"), pa.py_buffer(np.array([0, 2, 3, 5], np.int64).tobytes())
    texts = pa.Array.from_buffers(pa.large_string(), 3, [pa.py_buffer(b"\x05"), offsets, data])
    assert texts.to_pylist() == ["ab", None, "cd"]
    encoder = Encoder.from_file(path)
    tokens, ends = encoder.encode(texts)
    assert encoder.decode(tokens) == "abcd"
    assert ends[1] == ends[2]
