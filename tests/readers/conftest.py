"""Shards of tokens that are known, one for each type; `make readers` runs this folder where the readers are."""

import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from florilegium.stages.write import Sequences

# The one part of mosaicml-streaming that is left out: its picture datasets import torchvision, which fails beside a
# torch of another build. Nothing that reads a shard touches them.
sys.modules.setdefault("streaming.vision", ModuleType("streaming.vision"))

EOS = {"uint16": 65_498, "int32": 262_143}
"""Last token of every document, and the largest of the vocabulary."""

Rows = list[list[list[int]]]
"""Sequences of documents of tokens."""


@pytest.fixture(params=["uint16", "int32"])
def dtype(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def documents(dtype: str) -> Rows:
    """300 sequences of one document each, of 1 to 700 tokens."""
    return [[document] for document in _documents(dtype, 300, 700, 1)]


@pytest.fixture
def packs(dtype: str) -> Rows:
    """100 sequences of 512 tokens each, of 1 to 5 documents."""
    made = np.random.default_rng(2)
    rows = []
    for at in range(100):
        edges = [0, *sorted(made.choice(np.arange(1, 512), at % 5, replace=False).tolist()), 512]
        tokens = _documents(dtype, 1, 513, at, shortest=512)[0][:511]
        rows.append([[*tokens[begin : end - 1], EOS[dtype]] for begin, end in pairwise(edges)])
    return rows


def _documents(dtype: str, count: int, longest: int, seed: int, shortest: int = 1) -> list[list[int]]:
    made = np.random.default_rng(seed)
    lengths = made.integers(shortest, longest, count)
    return [[*made.integers(0, EOS[dtype], length - 1).tolist(), EOS[dtype]] for length in lengths.tolist()]


@pytest.fixture
def sequences(dtype: str) -> Callable[[Rows], Iterator[Sequences]]:
    """Rows as a writer takes them, 7 in a batch."""

    def batches(rows: Rows) -> Iterator[Sequences]:
        for begin in range(0, len(rows), 7):
            part = rows[begin : begin + 7]
            pieces = [piece for row in part for piece in row]
            yield Sequences(
                np.array([token for piece in pieces for token in piece], dtype),
                np.array([sum(map(len, row)) for row in part], np.int64),
                np.array([len(row) for row in part], np.int64),
                np.array([len(piece) for piece in pieces], np.int64),
            )

    return batches


@pytest.fixture
def stem(tmp_path: Path) -> Path:
    """Where a shard is written."""
    (tmp_path / "shards").mkdir()
    return tmp_path / "shards" / "deu_Latn_0000"


@pytest.fixture
def process_group() -> Iterator[None]:
    """A group of one process: megatron-core asks which rank may write the cache of a blend."""
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()
