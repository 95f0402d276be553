"""megatron-core opens our pairs: its IndexedDataset, its GPTDataset, a blend; its own builder writes the same bytes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from megatron.core.datasets.blended_dataset import BlendedDataset
from megatron.core.datasets.blended_megatron_dataset_builder import BlendedMegatronDatasetBuilder
from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
from megatron.core.datasets.indexed_dataset import DType, IndexedDataset, IndexedDatasetBuilder
from megatron.core.datasets.utils import get_blend_from_list
from megatron.core.tokenizers.text.libraries.null_tokenizer import NullTokenizer

from florilegium.pipeline.tokenizer import widths
from florilegium.stages.write import megatron

EOS = {"uint16": 65_498, "int32": 262_143}


def joined(row: list[list[int]]) -> list[int]:
    return [token for piece in row for token in piece]


@pytest.mark.parametrize("mapped", [True, False])
def test_every_token_is_read(mapped: bool, dtype: str, documents: Any, packs: Any, sequences: Any, stem: Path) -> None:
    for rows in (documents, packs):
        megatron.write(sequences(rows), stem)
        found = IndexedDataset(f"{stem}_text_document", mmap=mapped)
        assert found.index.dtype == np.dtype(dtype)
        assert len(found) == len(rows)
        assert [found[n].tolist() for n in range(len(rows))] == [joined(row) for row in rows]
        assert [part.tolist() for part in found[3:9]] == [joined(row) for row in rows[3:9]]
        assert found.document_indices.tolist() == list(range(len(rows) + 1))
        row = joined(rows[5])
        assert found.get(5, offset=len(row) // 2).tolist() == row[len(row) // 2 :]


def test_megatron_guesses_the_type_from_the_vocabulary_as_we_do(
    dtype: str, documents: Any, sequences: Any, stem: Path, tmp_path: Path
) -> None:
    """With --per-dataset-sequences-path it never reads the header of an index."""
    megatron.write(sequences(documents), stem)
    code = config(dtype, [f"{stem}_text_document"], tmp_path).token_dtype_code
    counts = (len(documents), len(documents) + 1)
    found = IndexedDataset(f"{stem}_text_document", sequences_per_dataset=counts, dtype_code=code)
    assert [found[n].tolist() for n in range(len(documents))] == [joined(row) for row in documents]


def test_where_megatron_is_not_of_one_mind_we_say_so(tmp_path: Path) -> None:
    for vocabulary in (1, 65_499, 65_500, 65_520, 65_536, 65_537, 262_144):
        given = config("int32", ["a"], tmp_path, NullTokenizer(vocabulary - 1))
        guessed = np.dtype("uint16" if given.token_dtype_code == 8 else "int32")
        assert widths.dtype(vocabulary) == np.dtype(DType.optimal_dtype(vocabulary))
        assert (widths.clash(vocabulary) is not None) == (guessed != widths.dtype(vocabulary))


def test_the_builder_of_megatron_writes_the_same_bytes(dtype: str, documents: Any, sequences: Any, stem: Path) -> None:
    data, index = megatron.write(sequences(documents), stem)
    builder = IndexedDatasetBuilder(f"{stem}_theirs.bin", dtype=getattr(np, dtype))
    for row in documents:
        builder.add_document(torch.tensor(joined(row)), [len(joined(row))])
    builder.finalize(f"{stem}_theirs.idx")
    assert data.read_bytes() == Path(f"{stem}_theirs.bin").read_bytes()
    assert index.read_bytes() == Path(f"{stem}_theirs.idx").read_bytes()


def test_our_reader_takes_what_the_builder_of_megatron_writes(dtype: str, documents: Any, stem: Path) -> None:
    builder = IndexedDatasetBuilder(f"{stem}.bin", dtype=getattr(np, dtype))
    for row in documents:
        builder.add_document(torch.tensor(joined(row)), [len(joined(row))])
    builder.finalize(f"{stem}.idx")
    found = megatron.read(stem)
    assert [found.sequence(n).tolist() for n in range(len(found))] == [joined(row) for row in documents]


def test_what_was_broken_off_is_refused_by_megatron_too(documents: Any, sequences: Any, stem: Path) -> None:
    def breaking() -> Any:
        yield from sequences(documents)
        raise RuntimeError("the stage before broke")

    with pytest.raises(RuntimeError, match="stage before"):
        megatron.write(breaking(), stem)
    with pytest.raises(AssertionError, match="bad header"):
        IndexedDataset(f"{stem}_text_document")


def config(dtype: str, blend: list[str], cache: Path, tokenizer: NullTokenizer | None = None) -> GPTDatasetConfig:
    return GPTDatasetConfig(
        random_seed=7,
        sequence_length=128,
        blend=get_blend_from_list(blend),
        split="1,0,0",
        path_to_cache=str(cache),
        tokenizer=tokenizer or NullTokenizer(EOS[dtype]),
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
        create_attention_mask=False,
    )


def built(found: GPTDatasetConfig, samples: int | None) -> Any:
    others = None if samples is None else 0
    return BlendedMegatronDatasetBuilder(GPTDataset, [samples, others, others], lambda: True, found).build()[0]


def test_gpt_dataset_gives_all_tokens_in_its_own_order(
    dtype: str, documents: Any, sequences: Any, stem: Path, tmp_path: Path
) -> None:
    megatron.write(sequences(documents), stem)
    dataset = built(config(dtype, [f"{stem}_text_document"], tmp_path / "cache"), None)
    assert isinstance(dataset, GPTDataset)
    stream = [token for n in dataset.document_index.tolist() for token in joined(documents[n])]
    assert sorted(dataset.document_index.tolist()) == list(range(len(documents)))
    assert len(dataset) == (len(stream) - 1) // 128
    for number, place in enumerate(dataset.shuffle_index.tolist()):
        sample = dataset[number]
        assert sample["tokens"].tolist() == stream[128 * place : 128 * place + 128]
        assert sample["labels"].tolist() == stream[128 * place + 1 : 128 * place + 129]
        assert sample["loss_mask"].all()


@pytest.mark.usefixtures("process_group")
def test_a_blend_of_two_pairs(dtype: str, documents: Any, sequences: Any, stem: Path, tmp_path: Path) -> None:
    other = stem.with_name("ces_Latn_0000")
    megatron.write(sequences(documents[:150]), stem)
    megatron.write(sequences(documents[150:]), other)
    blend = ["0.25", f"{stem}_text_document", "0.75", f"{other}_text_document"]
    dataset = built(config(dtype, blend, tmp_path / "cache"), 400)
    assert isinstance(dataset, BlendedDataset)
    assert np.bincount(dataset.dataset_index[:400]).tolist() == [100, 300]
    assert all(len(dataset[n]["tokens"]) == 128 for n in range(400))
