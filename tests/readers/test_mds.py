"""mosaicml-streaming opens our folders, one or several as one; its own writer writes the same bytes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streaming import MDSWriter, StreamingDataset

from florilegium.stages.write import mds


def rows_of(folder: Path) -> list[tuple[list[int], list[int], str]]:
    """Tokens, lengths and type of every sample."""
    dataset = StreamingDataset(local=str(folder), shuffle=False, batch_size=1)
    found = [dataset[n] for n in range(dataset.num_samples)]
    assert [sample["tokens"].tolist() for sample in dataset] == [sample["tokens"].tolist() for sample in found]
    return [(s["tokens"].tolist(), s["lengths"].tolist(), s["tokens"].dtype.name) for s in found]


def meant(rows: Any, dtype: str) -> list[tuple[list[int], list[int], str]]:
    return [([token for piece in row for token in piece], [len(piece) for piece in row], dtype) for row in rows]


def test_every_token_is_read(
    dtype: str, documents: Any, packs: Any, sequences: Any, stem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mds, "SIZE", 1 << 16)  # several files
    for rows in (documents, packs):
        *files, index = mds.write(sequences(rows), stem)
        assert len(files) > 1
        assert rows_of(index.parent) == meant(rows, dtype)


def test_folders_are_read_as_one_dataset(dtype: str, documents: Any, sequences: Any, stem: Path) -> None:
    parts = {}
    for number, rows in enumerate((documents[:100], documents[100:])):
        *_, index = mds.write(sequences(rows), stem.with_name(f"deu_Latn_{number:04d}"))
        parts[index.parent.name] = index.read_bytes()
    (stem.parent / "index.json").write_bytes(mds.index(parts))
    assert rows_of(stem.parent) == meant(documents, dtype)


def test_the_writer_of_streaming_writes_the_same_bytes(
    dtype: str, documents: Any, packs: Any, sequences: Any, stem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mds, "SIZE", 1 << 16)
    for name, rows in (("documents", documents), ("packs", packs)):
        ours = mds.write(sequences(rows), stem.with_name(name))
        theirs = stem.with_name(f"{name}-theirs")
        columns = {"tokens": f"ndarray:{dtype}", "lengths": "ndarray:int32"}
        with MDSWriter(out=str(theirs), columns=columns, size_limit=1 << 16) as writer:
            for tokens, lengths, _ in meant(rows, dtype):
                writer.write({"tokens": np.array(tokens, dtype), "lengths": np.array(lengths, np.int32)})
        assert sorted(path.name for path in theirs.iterdir()) == sorted(path.name for path in ours)
        for path in ours:
            assert path.read_bytes() == (theirs / path.name).read_bytes(), path.name
