"""`datasets` loads our rows, as a table and as a stream; TRL takes them as packed, and its trainer trains on them."""

from pathlib import Path
from typing import Any

import datasets
import torch
from tokenizers import Tokenizer, models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from florilegium.stages.write import packed


def test_every_token_is_loaded(documents: Any, packs: Any, sequences: Any, stem: Path, tmp_path: Path) -> None:
    for name, rows in (("documents", documents), ("packs", packs)):
        (path,) = packed.write(sequences(rows), stem.with_name(name))
        cache = str(tmp_path / "cache")
        found = datasets.load_dataset("parquet", data_files=str(path), split="train", cache_dir=cache)
        meant = [
            {"input_ids": [token for piece in row for token in piece], "seq_lengths": [len(piece) for piece in row]}
            for row in rows
        ]
        assert found.to_list() == meant
        assert found.features["input_ids"] == datasets.List(datasets.Value("int32"))
        stream = datasets.load_dataset("parquet", data_files=str(path), split="train", streaming=True, cache_dir=cache)
        assert list(stream) == meant


def test_the_collator_of_trl_lets_positions_begin_anew_with_each_document(
    packs: Any, sequences: Any, stem: Path, tmp_path: Path
) -> None:
    (path,) = packed.write(sequences(packs), stem)
    rows = datasets.load_dataset("parquet", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    collate = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)
    for begin in range(0, 100, 20):
        batch = collate([rows[n] for n in range(begin, begin + 20)])
        pieces = [piece for row in packs[begin : begin + 20] for piece in row]
        assert batch["input_ids"].tolist() == [[token for piece in pieces for token in piece]]
        assert batch["position_ids"].tolist() == [[at for piece in pieces for at in range(len(piece))]]
        ends = torch.tensor([0, *(len(piece) for piece in pieces)]).cumsum(0)
        assert batch["cu_seq_lens_q"].tolist() == ends.tolist()
        assert batch["labels"][0][ends[:-1]].tolist() == [-100] * len(pieces)


def test_the_trainer_of_trl_trains_on_our_file(packs: Any, sequences: Any, stem: Path, tmp_path: Path) -> None:
    rows = [[[token % 100 for token in piece] for piece in row] for row in packs]
    (path,) = packed.write(sequences(rows), stem)
    words = Tokenizer(models.WordLevel({str(n): n for n in range(100)}, unk_token="0"))
    small = LlamaConfig(
        vocab_size=100, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
    )
    trainer = SFTTrainer(
        model=LlamaForCausalLM(small),
        args=SFTConfig(
            output_dir=str(tmp_path / "out"),
            max_steps=2,
            per_device_train_batch_size=4,
            padding_free=True,
            max_length=None,
            use_cpu=True,
            bf16=False,
            report_to=[],
            save_strategy="no",
        ),
        train_dataset=datasets.load_dataset(
            "parquet", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache")
        ),
        processing_class=PreTrainedTokenizerFast(tokenizer_object=words, eos_token="99", pad_token="98"),
    )
    assert trainer.train_dataset["input_ids"] == [[token for piece in row for token in piece] for row in rows]
    assert trainer.train().global_step == 2
    assert trainer.state.log_history[-1]["num_tokens"] == 2 * 4 * 512
