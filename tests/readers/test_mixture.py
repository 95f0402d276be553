"""Trainers read the mixtures that the command writes: megatron-core draws from each part what its weight says.

Megatron-LM's own argument parsing is in its repository, not in megatron-core; `parsed` is what it does
(`get_blend_and_blend_per_split` in megatron/training/datasets/utils.py). titan-oellm is on no package index: its
folder of chunks is opened by megatron-core, which asserts more than titan's reader, and by the loader of our page.
"""

import json
import math
import shlex
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from megatron.core.datasets.blended_dataset import BlendedDataset
from megatron.core.datasets.blended_megatron_dataset_builder import BlendedMegatronDatasetBuilder
from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
from megatron.core.datasets.indexed_dataset import IndexedDataset
from megatron.core.datasets.utils import get_blend_from_list
from megatron.core.tokenizers.text.libraries.null_tokenizer import NullTokenizer
from torchdata.stateful_dataloader import StatefulDataLoader

from tests.readers.builds import build, florilegium
from tests.readers.test_docs import page

__all__ = ["page"]

LENGTH = 64
MIXTURES: dict[str, tuple[str, ...]] = {
    "weights": ("--weights", "unimax:3", "--tokens", "250000"),
    "numbers": ("--weight", "deu_Latn=5", "--weight", "fra_Latn=2", "--weight", "ell_Grek=1"),
    "whole": (),
    "physical": (
        *("--by", "licence", "--weights", "temperature:2", "--tokens", "90000"),
        *("--physical", "--shard-tokens", "2000"),
    ),
}


@pytest.fixture(scope="module")
def mixtures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each of MIXTURES, of one build."""
    folder = tmp_path_factory.mktemp("mixtures")
    corpus = build(folder, {"validation": 0.2, "layouts": [{"name": "documents"}]})
    for name, options in MIXTURES.items():
        florilegium("mixture", corpus, "--out", folder / name, *options)
    return {name: folder / name for name in MIXTURES}


Blend = tuple[list[str], list[float] | None]


def parsed(option: str, path: Path) -> tuple[Blend | None, list[Blend | None] | None]:
    """The blend, and the blends by split, as Megatron-LM takes them from an option."""
    text = path.read_text("utf-8")
    if option == "--per-split-data-args-path":
        splits = json.loads(text)
        return None, [get_blend_from_list(splits[name]) for name in ("train", "valid", "test")]
    return get_blend_from_list(shlex.split(text) if option == "--data-path" else text.split()), None


def built(blend: Any, splits: Any, samples: list[int], cache: Path) -> list[Any]:
    config = GPTDatasetConfig(
        random_seed=7,
        sequence_length=LENGTH,
        blend=blend,
        blend_per_split=splits,
        split=None if blend is None else "1,0,0",
        path_to_cache=str(cache),
        tokenizer=NullTokenizer(2_000),
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
        create_attention_mask=False,
    )
    made: list[Any] = BlendedMegatronDatasetBuilder(GPTDataset, samples, lambda: True, config).build()
    return made


def told(mixture: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((mixture / "mixture.json").read_text("utf-8"))
    return found


def of(prefix: str) -> str:
    """The part that a pair belongs to, as a folder."""
    return Path(prefix).parent.name


def held(pair: IndexedDataset) -> int:
    """Tokens of a pair. (Its lengths are views of a map that ends with it.)"""
    return int(pair.sequence_lengths.sum())


@pytest.mark.usefixtures("process_group")
@pytest.mark.parametrize("name", MIXTURES)
@pytest.mark.parametrize(("option", "file"), [("--data-path", "data_path.txt"), ("--data-args-path", "data_args.txt")])
def test_megatron_draws_what_the_weights_say(
    option: str, file: str, name: str, mixtures: dict[str, Path], tmp_path: Path
) -> None:
    plan, count = told(mixtures[name]), told(mixtures[name])["tokens"] // LENGTH
    blend, splits = parsed(option, mixtures[name] / "megatron" / file)
    dataset = built(blend, splits, [count, 0, 0], tmp_path)[0]
    assert isinstance(dataset, BlendedDataset) and blend is not None and blend[1] is not None
    drawn = np.bincount(dataset.dataset_index[:count], minlength=len(blend[0]))
    assert np.abs(drawn - np.array(blend[1]) * count).max() <= 1
    by: Counter[str] = Counter()
    for prefix, samples in zip(blend[0], drawn.tolist(), strict=True):
        by[of(prefix)] += samples
    pairs = Counter(map(of, blend[0]))
    folders = {part["part"].replace("/", "."): part for part in plan["parts"]}
    assert by.keys() == folders.keys()
    for folder, part in folders.items():
        assert by[folder] * LENGTH == pytest.approx(part["drawn"], abs=LENGTH * (pairs[folder] + 1)), folder


@pytest.mark.usefixtures("process_group")
def test_its_samples_are_the_tokens_of_the_part(mixtures: dict[str, Path], tmp_path: Path) -> None:
    blend, _ = parsed("--data-args-path", mixtures["weights"] / "megatron/data_args.txt")
    count = told(mixtures["weights"])["tokens"] // LENGTH
    dataset = built(blend, None, [count, 0, 0], tmp_path)[0]
    epochs = {part["part"]: part["epochs"] for part in told(mixtures["weights"])["parts"]}
    for number, prefix in enumerate(blend[0] if blend else ()):
        pair = IndexedDataset(prefix)
        stream = [token for row in dataset.datasets[number].document_index.tolist() for token in pair[row].tolist()]
        places = dataset.datasets[number].shuffle_index
        mine = np.flatnonzero(dataset.dataset_index == number)
        for at in mine[:: max(1, len(mine) // 5)]:
            begin = LENGTH * int(places[dataset.dataset_sample_index[at]])
            assert dataset[int(at)]["tokens"].tolist() == stream[begin : begin + LENGTH]
        times = np.bincount(dataset.datasets[number].document_index, minlength=len(pair))
        assert times.min() >= 1 and times.max() <= math.ceil(epochs[of(prefix)]) + 1


@pytest.mark.usefixtures("process_group")
def test_the_splits_of_one_file_are_apart(mixtures: dict[str, Path], tmp_path: Path) -> None:
    for name in MIXTURES:
        blend, splits = parsed("--per-split-data-args-path", mixtures[name] / "megatron/per_split.json")
        train, valid, test = built(blend, splits, [300, 40, 0], tmp_path / name)
        assert splits is not None and splits[0] is not None and splits[1] is not None
        assert len(train) >= 300 and len(valid) >= 40 and test is None
        for dataset, meant, many in ((train, splits[0][1], 300), (valid, splits[1][1], 40)):
            drawn = np.bincount(dataset.dataset_index[:many], minlength=len(meant or ()))
            assert np.abs(drawn - np.array(meant) * many).max() <= 1
        assert not set(splits[0][0]) & set(splits[1][0])
        assert all("/validation/" in prefix for prefix in splits[1][0])


@pytest.mark.usefixtures("process_group")
def test_the_datamix_is_the_same_blend_once_its_folders_are_expanded(mixtures: dict[str, Path], tmp_path: Path) -> None:
    """The tool that expands them is not public; a folder's weight goes to its pairs by their tokens."""
    for name in MIXTURES:
        cycle, words = mixtures[name] / "openeurollm", list[str]()
        for line in (cycle / "datamix.txt").read_text("utf-8").splitlines():
            weight, folder = line.split()
            prefixes = [str(one)[: -len(".idx")] for one in sorted((cycle / folder).glob("*_text_document.idx"))]
            tokens = [held(IndexedDataset(prefix)) for prefix in prefixes]
            for prefix, own in zip(prefixes, tokens, strict=True):
                words += [str(float(weight) * own / sum(tokens)), prefix]
        blend = get_blend_from_list(words)
        mine, _ = parsed("--data-args-path", mixtures[name] / "megatron/data_args.txt")
        assert blend is not None and mine is not None and len(blend[0]) == len(mine[0])
        assert sorted(blend[1] or ()) == pytest.approx(sorted(mine[1] or ()), rel=1e-9)
        dataset = built(blend, None, [200, 0, 0], tmp_path / name)[0]
        assert all(len(dataset[at]["tokens"]) == LENGTH for at in range(200))


@pytest.mark.parametrize("name", ["whole", "physical"])
def test_titans_folder_holds_the_mixture_once(name: str, mixtures: dict[str, Path], page: dict[str, Any]) -> None:
    settings = tomllib.loads((mixtures[name] / "titan.toml").read_text("utf-8"))["data"]
    chunks = Path(settings["chunks_dir"])
    prefixes = [str(one)[: -len(".idx")] for one in sorted(chunks.glob("chunk_*.idx"))]
    opened = [IndexedDataset(prefix) for prefix in prefixes]
    assert sum(map(held, opened)) == told(mixtures[name])["tokens"]
    assert {one.index.dtype for one in [*opened, IndexedDataset(str(chunks / "validation"))]} == {np.uint16}
    assert all(one[row][-1] == settings["eos_id"] for one in opened for row in range(len(one)))
    windows = [row for batch, _ in StatefulDataLoader(page["Windows"](prefixes, LENGTH), 8) for row in batch["input"]]
    assert len(windows) == sum(held(one) // (LENGTH + 1) for one in opened)
