"""The loaders of docs/trainers.md: begun at a step, they give what a run from the start gives from there on."""

import re
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from megatron.core.tokenizers.text.libraries.null_tokenizer import NullTokenizer
from torchdata.stateful_dataloader import StatefulDataLoader

from florilegium.stages.write import megatron

PAGE = Path(__file__).resolve().parents[2] / "docs" / "trainers.md"


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """What the code of the page defines, all of it run in order."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.S | re.M)
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    exec(compile("\n".join(blocks), str(PAGE), "exec"), names)
    return names


def shards(rows: Any, sequences: Any, stem: Path) -> list[str]:
    """Three shards, as prefixes."""
    made = []
    for number in range(3):
        part = rows[number * len(rows) // 3 : (number + 1) * len(rows) // 3]
        data, _ = megatron.write(sequences(part), stem.with_name(f"deu_Latn_{number:04d}"))
        made.append(str(data).removesuffix(".bin"))
    return made


def flat(row: Any) -> list[int]:
    return [token for piece in row for token in piece]


@pytest.mark.usefixtures("process_group")
@pytest.mark.parametrize("ranks", [1, 2])
def test_megatron(
    ranks: int, dtype: str, page: dict[str, Any], documents: Any, sequences: Any, stem: Path, tmp_path: Path
) -> None:
    prefixes = shards(documents, sequences, stem)
    blend = ["0.5", prefixes[0], "0.3", prefixes[1], "0.2", prefixes[2]]
    tokenizer = NullTokenizer({"uint16": 65_498, "int32": 262_143}[dtype])

    def run(step: int, rank: int) -> list[list[list[int]]]:
        dataset = page["megatron"](blend, tokenizer, 40, 8, 128, str(tmp_path / "cache"))
        steps = page["megatron_steps"](dataset, 40, 8, step, rank, ranks)
        return [[sample["tokens"].tolist() for sample in batch] for batch in steps]

    whole = [run(0, rank) for rank in range(ranks)]
    for rank in range(ranks):
        assert len(whole[rank]) == 40 and all(len(batch) == 8 // ranks for batch in whole[rank])
        assert run(23, rank) == whole[rank][23:]
    if ranks == 2:
        assert whole[0] != whole[1]


@pytest.mark.parametrize("ranks", [1, 3])
def test_titan(ranks: int, page: dict[str, Any], documents: Any, sequences: Any, stem: Path) -> None:
    prefixes = shards(documents, sequences, stem)

    def run(rank: int, step: int = 0, state: Any = None) -> tuple[list[Any], list[Any]]:
        data = page["Windows"](prefixes, 64, rank, ranks, step, batch=4)
        loading = StatefulDataLoader(data, batch_size=4)
        if state is not None:
            loading.load_state_dict(state)
        batches, states = [], []
        for inputs, labels in loading:
            assert inputs["input"][:, 1:].tolist() == labels[:, :-1].tolist()
            last = labels[:, -1:].tolist()
            batches.append([row + end for row, end in zip(inputs["input"].tolist(), last, strict=True)])
            states.append(loading.state_dict())
        return batches, states

    windows: dict[int, list[int]] = {}
    for rank in range(ranks):
        batches, states = run(rank)
        assert len(batches) > 50
        windows |= {n * ranks + rank: row for n, row in enumerate(row for batch in batches for row in batch)}
        for step in (0, 1, 29):
            assert run(rank, step)[0] == batches[step:]
            assert run(rank, state=states[step])[0] == batches[step + 1 :]
    meant = []
    for number in range(3):
        tokens = [token for row in documents[number * 100 : number * 100 + 100] for token in flat(row)]
        meant += [tokens[at : at + 65] for at in range(0, len(tokens) - 64, 65)]
    assert [windows[n] for n in range(len(meant))] == meant


@pytest.mark.parametrize("ranks", [1, 2])
def test_plain_pytorch(ranks: int, page: dict[str, Any], packs: Any, sequences: Any, stem: Path) -> None:
    prefixes = shards(packs, sequences, stem)

    def run(rank: int, step: int, count: int) -> list[list[list[int]]]:
        loading = page["loader"](prefixes, 4, 7, step, rank, ranks)
        return [[row.tolist() for row in batch] for batch in islice(loading, count)]

    epoch = 100 // (4 * ranks)
    whole = [run(rank, 0, 3 * epoch) for rank in range(ranks)]
    for step in (1, epoch - 1, epoch, 2 * epoch + 3):
        for rank in range(ranks):
            assert run(rank, step, 5) == whole[rank][step : step + 5]
    first = [tuple(row) for batches in whole for batch in batches[:epoch] for row in batch]
    assert len(set(first)) == len(first) == epoch * 4 * ranks
    assert set(first) <= {tuple(flat(row)) for row in packs}
    assert whole[0][:epoch] != whole[0][epoch : 2 * epoch]
