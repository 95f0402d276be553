"""datatrove opens our files, one and a folder of them; its own writer writes the same bytes."""

from pathlib import Path
from typing import Any

import pytest
from datatrove.pipeline.tokens.tokenizer import TokenizedFile
from datatrove.utils.dataset import DatatroveFileDataset, DatatroveFolderDataset

from florilegium.stages.write import ds

SIZE = {"uint16": 2, "int32": 4}
WINDOW = 129


def flat(rows: Any) -> list[int]:
    return [token for row in rows for piece in row for token in piece]


def positions(rows: Any) -> list[int]:
    """Place of each token in its document."""
    return [at for row in rows for piece in row for at in range(len(piece))]


def test_every_token_is_read_with_its_place(dtype: str, documents: Any, packs: Any, sequences: Any, stem: Path) -> None:
    for rows in (documents, packs):
        data, *_ = ds.write(sequences(rows), stem)
        found = DatatroveFileDataset(str(data), WINDOW - 1, token_size=SIZE[dtype], return_positions=True)
        tokens, places = flat(rows), positions(rows)
        assert len(found) == len(tokens) // WINDOW
        for number in range(len(found)):
            begin = number * WINDOW
            assert found[number]["input_ids"].tolist() == tokens[begin : begin + WINDOW]
            # Its positions begin anew with each window, then with each document.
            within = places[begin : begin + WINDOW]
            first = within.index(0) if 0 in within else WINDOW
            assert found[number]["positions"].tolist() == [*range(first), *within[first:]]


def test_a_folder_of_shards(dtype: str, packs: Any, sequences: Any, stem: Path) -> None:
    for number in range(4):
        ds.write(sequences(packs[number * 25 : number * 25 + 25]), stem.with_name(f"deu_Latn_{number:04d}"))
    found = DatatroveFolderDataset(str(stem.parent), 511, filename_pattern="*.ds", token_size=SIZE[dtype])
    assert [token for n in range(len(found)) for token in found[n]["input_ids"].tolist()] == flat(packs)


def test_the_writer_of_datatrove_writes_the_same_bytes(dtype: str, packs: Any, sequences: Any, stem: Path) -> None:
    ours = ds.write(sequences(packs), stem, tokenizer="demo/tokenizer")
    theirs = TokenizedFile(
        str(stem.parent),
        "theirs.ds",
        tokenizer_name_or_path="demo/tokenizer",
        save_final_metadata=True,
        token_size=SIZE[dtype],
    )
    for row in packs:
        for piece in row:
            theirs.write(piece, None)
    theirs.close()
    for path, suffix in zip(ours, ("", ".index", ".metadata"), strict=True):
        meant = (stem.parent / f"theirs.ds{suffix}").read_bytes()
        assert path.read_bytes() == meant, path.name


@pytest.mark.parametrize(
    "count", [0, 9, 10, 999, 1000, 1135, 1145, 9994, 9995, 99_950, 999_499, 999_500, 10**9, 10**13]
)
def test_counts_are_written_for_people_as_datatrove_does(count: int) -> None:
    import humanize

    assert ds._readable(count) == humanize.metric(count, unit="T")
