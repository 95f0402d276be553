"""Token formats: their bytes by hand, where files and groups end, what is refused, what damage is seen."""

import json
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.write import Sequences, checked, ds, grouped, mds, megatron, packed


def sequences(rows: list[list[list[int]]], dtype: type = np.int32) -> Sequences:
    """Of rows of pieces of tokens."""
    pieces = [piece for row in rows for piece in row]
    return Sequences(
        np.array([token for piece in pieces for token in piece], dtype),
        np.array([sum(map(len, row)) for row in rows], np.int64),
        np.array([len(row) for row in rows], np.int64),
        np.array([len(piece) for piece in pieces], np.int64),
    )


ROWS = [[[5, 6, 2]], [[70_000, 2], [9, 9, 9, 2]]]
SMALL = [[[5, 6, 2]], [[65_499, 2], [9, 9, 9, 2]]]


def test_a_megatron_pair_byte_by_byte(tmp_path: Path) -> None:
    for dtype, rows, code, letter in ((np.int32, ROWS, 4, "i"), (np.uint16, SMALL, 8, "H")):
        data, index = megatron.write(iter([sequences(rows, dtype)]), tmp_path / "deu_Latn_0000")
        assert [path.name for path in (data, index)] == [
            "deu_Latn_0000_text_document.bin",
            "deu_Latn_0000_text_document.idx",
        ]
        size = struct.calcsize(letter)
        assert data.read_bytes() == struct.pack(f"<9{letter}", 5, 6, 2, *rows[1][0], 9, 9, 9, 2)
        assert index.read_bytes() == (
            b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, code, 2, 3) + struct.pack("<2i2q3q", 3, 6, 0, 3 * size, 0, 1, 2)
        )
        assert index.stat().st_size == 42 + 20 * 2


def test_an_mds_file_byte_by_byte(tmp_path: Path) -> None:
    shard, index = mds.write(iter([sequences(ROWS)]), tmp_path / "a")
    assert [path.relative_to(tmp_path).as_posix() for path in (shard, index)] == [
        "a.mds/shard.00000.mds",
        "a.mds/index.json",
    ]
    config = (
        b'{"column_encodings": ["ndarray:int32", "ndarray:int32"], "column_names": ["lengths", "tokens"], '
        b'"column_sizes": [null, null], "compression": null, "format": "mds", "hashes": [], '
        b'"size_limit": 67108864, "version": 2}'
    )
    one = (
        struct.pack("<2I", 2 + 4, 2 + 12)
        + b"\x04\x01"
        + struct.pack("<i", 3)
        + b"\x04\x03"
        + struct.pack("<3i", 5, 6, 2)
    )
    two = struct.pack("<2I", 2 + 8, 2 + 24) + b"\x04\x02" + struct.pack("<2i", 2, 4)
    two += b"\x04\x06" + struct.pack("<6i", 70_000, 2, 9, 9, 9, 2)
    start = 4 + 12 + len(config)
    offsets = struct.pack("<4I", 2, start, start + len(one), start + len(one) + len(two))
    assert shard.read_bytes() == offsets + config + one + two
    (entry,) = json.loads(index.read_text())["shards"]
    assert entry["raw_data"] == {"basename": "shard.00000.mds", "bytes": shard.stat().st_size, "hashes": {}}
    assert entry["samples"] == 2 and entry["zip_data"] is None


def test_arrays_of_mds_say_their_length_in_1_2_or_4_bytes(tmp_path: Path) -> None:
    for count, header in ((255, b"\x04\xff"), (256, b"\x05\0\1"), (65_535, b"\x05\xff\xff"), (65_536, b"\x06\0\0\1\0")):
        shard, _ = mds.write(iter([sequences([[[7] * count]], np.uint16)]), tmp_path / "a")
        assert shard.read_bytes().endswith(header + struct.pack("<H", 7) * count)


def test_an_mds_file_ends_before_the_sample_that_would_not_fit(tmp_path: Path) -> None:
    row = [[1] * (1 << 20)]  # 4 MiB and a little: 15 of them fit in 64 MiB
    written = mds.write((sequences([row] * 4) for _ in range(10)), tmp_path / "a")
    assert [path.name for path in written] == [*(f"shard.{n:05d}.mds" for n in range(3)), "index.json"]
    shards = json.loads(written[-1].read_text())["shards"]
    assert [shard["samples"] for shard in shards] == [15, 15, 10]
    assert all(path.stat().st_size <= 1 << 26 for path in written)


def test_mds_folders_become_one_dataset(tmp_path: Path) -> None:
    parts = {}
    for name in ("b", "a"):
        *_, index = mds.write(iter([sequences(ROWS)]), tmp_path / name)
        parts[f"{name}.mds"] = index.read_bytes()
    shards = json.loads(mds.index(parts))["shards"]
    assert [shard["raw_data"]["basename"] for shard in shards] == ["b.mds/shard.00000.mds", "a.mds/shard.00000.mds"]
    assert all(
        (tmp_path / shard["raw_data"]["basename"]).stat().st_size == shard["raw_data"]["bytes"] for shard in shards
    )


def test_the_files_of_datatrove_byte_by_byte(tmp_path: Path) -> None:
    for dtype, rows, letter in ((np.int32, ROWS, "I"), (np.uint16, SMALL, "H")):
        data, index, about = ds.write(iter([sequences(rows, dtype)]), tmp_path / "a", tokenizer="demo")
        assert data.read_bytes() == struct.pack(f"<9{letter}", 5, 6, 2, *rows[1][0], 9, 9, 9, 2)
        assert index.read_bytes() == struct.pack("<3Q", 3, 5, 9)
        assert about.read_text() == f"demo|{struct.calcsize(letter)}\n9\n9.00 T"


def test_parquet_rows_are_what_trl_takes(tmp_path: Path) -> None:
    (path,) = packed.write(iter([sequences(SMALL, np.uint16)]), tmp_path / "a")
    table = pq.read_table(path)
    assert [f"{field.name}: {field.type}" for field in table.schema] == [
        "input_ids: list<element: int32>",
        "seq_lengths: list<element: int32>",
    ]
    assert table.to_pylist() == [
        {"input_ids": [5, 6, 2], "seq_lengths": [3]},
        {"input_ids": [65_499, 2, 9, 9, 9, 2], "seq_lengths": [2, 4]},
    ]


def test_a_row_group_ends_before_the_row_that_would_not_fit(tmp_path: Path) -> None:
    row = [[1] * (1 << 20)]  # 4 MiB and a little
    (path,) = packed.write((sequences([row] * 2) for _ in range(4)), tmp_path / "a")
    metadata = pq.read_metadata(path)
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [3, 3, 2]


@given(
    st.lists(st.lists(st.integers(1, 40), max_size=9), max_size=9),
    st.integers(1, 50),
)
def test_groups_are_the_same_however_sequences_are_divided(batches: list[list[int]], limit: int) -> None:
    def slow(sizes: list[int]) -> list[list[int]]:
        groups: list[list[int]] = []
        for size in sizes:
            if not groups or sum(groups[-1]) + size > limit:
                groups.append([])
            groups[-1].append(size)
        return groups

    given_ = (sequences([[[1] * size] for size in batch]) for batch in batches)
    found = grouped(given_, lambda batch: batch.lengths, limit)
    assert [group.lengths.tolist() for group in found] == slow([size for batch in batches for size in batch])


WRONG: dict[str, Callable[[], list[Sequences]]] = {
    "at least one sequence": list,
    "at least one": lambda: [sequences([])],
    "these are int64": lambda: [sequences(ROWS, np.int64)],
    "these are uint16": lambda: [sequences(SMALL), sequences(SMALL, np.uint16)],
    "has no token": lambda: [sequences([[[1, 2]], [[]]])],
    "or a piece of one, has no token": lambda: [sequences([[[1, 2], []]])],
    "a token is negative": lambda: [sequences([[[1, -1]]])],
    "do not add up": lambda: [Sequences(np.arange(5, dtype=np.int32), *(np.array([n]) for n in (4, 1, 4)))],
    "not add up": lambda: [Sequences(np.arange(5, dtype=np.int32), *(np.array([n]) for n in (5, 1, 4)))],
    "pieces do not add up": lambda: [
        Sequences(np.arange(5, dtype=np.int32), np.array([2, 3]), np.array([1, 1]), np.array([3, 2]))
    ],
    "add up": lambda: [Sequences(np.arange(5, dtype=np.int32), np.array([5]), np.array([1, 1]), np.array([3, 2]))],
}


@pytest.mark.parametrize("said", WRONG)
def test_what_no_trainer_takes_is_refused_by_name(said: str, tmp_path: Path) -> None:
    for writer in (megatron, mds, packed, ds):
        with pytest.raises(ValueError, match=f"deu_Latn_0000: .*{said}"):
            writer.write(iter(WRONG[said]()), tmp_path / "deu_Latn_0000")


def test_a_sequence_longer_than_an_int32_counts_is_refused() -> None:
    many = np.array([1 << 31])
    tokens = np.broadcast_to(np.uint16(1), 1 << 31)  # 2 bytes
    with pytest.raises(ValueError, match="more than 2147483647 tokens"):
        list(checked(iter([Sequences(tokens, many, np.array([1]), many)]), Path("a")))


def test_memory_does_not_grow_with_the_shard(tmp_path: Path) -> None:
    block = sequences([[[1, 2, 3, 4, 5, 6, 7]]] * 1000)

    def feed(count: int) -> Iterator[Sequences]:
        return (block for _ in range(count))

    for writer in (megatron, ds):
        peaks = []
        for count in (10, 300):
            tracemalloc.start()
            writer.write(feed(count), tmp_path / "a")
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        # 8 MB are written in the end; what is held is some entries of the index and a batch.
        assert peaks[1] < peaks[0] + (3 << 20)


def test_an_index_of_several_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = megatron.write(iter([sequences([[[1] * (n % 7 + 1)] for n in range(100)])]), tmp_path / "a")[1].read_bytes()
    for block in (1, 7, 99, 100, 101):
        monkeypatch.setattr(megatron, "BLOCK", block)
        rows = sequences([[[1] * (n % 7 + 1)] for n in range(100)])
        assert megatron.write(iter([rows]), tmp_path / "b")[1].read_bytes() == whole


def pair(folder: Path) -> Path:
    megatron.write(iter([sequences([[[n, n + 1, 2]] for n in range(20)])]), folder / "a")
    return folder / "a_text_document"


def test_a_sound_pair_is_opened(tmp_path: Path) -> None:
    found = megatron.read(pair(tmp_path))
    assert len(found) == 20
    assert [found.sequence(n).tolist() for n in range(20)] == [[n, n + 1, 2] for n in range(20)]


def put(path: Path, at: int, new: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[at : at + len(new)] = new
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Path, Path], Any]] = {
    "begin as an index": lambda _, idx: put(idx, 0, b"X"),
    "does not begin": lambda _, idx: idx.write_bytes(b"MMIDIDX\0\0"),
    "version is 2": lambda _, idx: put(idx, 9, b"\2"),
    "of type 5": lambda _, idx: put(idx, 17, b"\5"),
    "0 sequences": lambda _, idx: put(idx, 18, bytes(8)),
    "20 document indices, not one more": lambda _, idx: put(idx, 26, b"\x14"),  # titan's own dialect
    "bytes, not 442": lambda _, idx: idx.write_bytes(idx.read_bytes()[:-1]),
    "442 bytes, not 462": lambda _, idx: put(idx, 18, b"\x15\0\0\0\0\0\0\0\x16"),
    "sequence 3 has no token": lambda _, idx: put(idx, 34 + 4 * 3, bytes(4)),
    "overlap": lambda _, idx: put(idx, 34 + 80 + 8, b"\x08"),
    "gaps": lambda _, idx: put(idx, 34, b"\4"),
    "not one sequence": lambda _, idx: put(idx, 442 - 16, b"\x12"),
    "236 bytes, and its index speaks of 240": lambda data, _: data.write_bytes(data.read_bytes()[:-4]),
    "244 bytes": lambda data, _: data.write_bytes(data.read_bytes() + bytes(4)),
    "no such file": lambda data, _: data.unlink(),
    "idx: there is no such": lambda _, idx: idx.unlink(),
}


@pytest.mark.parametrize("said", DAMAGE)
def test_a_damaged_pair_is_refused_with_what_is_wrong(said: str, tmp_path: Path) -> None:
    prefix = pair(tmp_path)
    DAMAGE[said](prefix.with_suffix(".bin"), prefix.with_suffix(".idx"))
    with pytest.raises(PipelineError, match=said) as error:
        megatron.read(prefix)
    assert error.value.hint


@given(at=st.floats(0, 1, exclude_max=True), new=st.binary(min_size=1, max_size=9))
def test_no_change_of_an_index_goes_unseen(at: float, new: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    prefix = pair(tmp_path_factory.mktemp("pair"))
    index = prefix.with_suffix(".idx")
    before = index.read_bytes()
    put(index, int(at * len(before)), new)
    if index.read_bytes() == before:
        megatron.read(prefix)
    else:
        with pytest.raises(PipelineError):
            megatron.read(prefix)
