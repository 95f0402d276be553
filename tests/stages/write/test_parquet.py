"""Parquet shards: same rows, same bytes; what is read back is what was written, and says what it means."""

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from florilegium.pipeline import schema
from florilegium.stages.write import parquet

NAMES = ["id", "source", "url", "fetched", "text", "language", "language_score", "pii"]


def rows(texts: list[str | None]) -> pa.RecordBatch:
    count = len(texts)
    batch = schema.batch(
        {
            "id": [bytes([n % 256]) * 16 for n in range(count)],
            "source": ["crawl"] * count,
            "text": texts,
            "language": [("deu_Latn", "ces_Latn", None)[n % 3] for n in range(count)],
            "language_score": [n / 7 for n in range(count)],
            "pii": [[("email", n)] if n % 2 else None for n in range(count)],
        },
        NAMES,
    )
    measures = pa.StructArray.from_arrays([pa.array([float(n) for n in range(count)], pa.float32())], ["letters"])
    return schema.put(batch, measures=measures)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.none(), st.text(max_size=30), st.just("x" * (5 << 20))), max_size=30),
    st.lists(st.integers(0, 30), max_size=6),
)
def test_the_same_rows_give_the_same_bytes(tmp_path: Path, texts: list[str | None], cuts: list[int]) -> None:
    whole = rows(texts)
    edges = [0, *sorted(min(cut, len(texts)) for cut in cuts), len(texts)]
    parts = [whole.slice(start, end - start) for start, end in pairwise(edges)]
    copied = [pa.RecordBatch.from_pylist(part.to_pylist(), whole.schema) for part in parts]
    written = []
    for name, batches in (("a", [whole]), ("b", parts), ("c", copied)):
        assert parquet.write(iter(batches), tmp_path / name) == len(texts)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1] == written[2]
    assert pq.read_table(tmp_path / "a").to_pylist() == whole.to_pylist()


def test_row_groups_end_at_so_many_rows_or_bytes(tmp_path: Path) -> None:
    def groups(texts: list[str | None]) -> list[int]:
        parquet.write(iter([rows(texts)]), tmp_path / "shard")
        metadata = pq.read_metadata(tmp_path / "shard")
        return [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]

    assert groups(["x"] * 120_000) == [50_000, 50_000, 20_000]
    assert groups(["x" * (1 << 20)] * 40) == [16, 16, 8]
    assert groups(["x" * (20 << 20)] * 3) == [1, 1, 1]
    assert groups([]) == []


def test_columns_say_what_they_mean(tmp_path: Path) -> None:
    parquet.write(iter([rows(["a", None])]), tmp_path / "shard")
    read = pq.read_schema(tmp_path / "shard")
    assert read.names == [*NAMES, "measures"]
    for field in read:
        assert field.metadata and field.metadata[parquet.MEANING].decode() == schema.COLUMNS[field.name].meaning
    source = pq.read_metadata(tmp_path / "shard").row_group(0).column(1)
    assert (
        source.statistics and source.statistics.min == "crawl" and source.has_offset_index and source.has_column_index
    )
    assert source.has_dictionary_page and source.compression == "ZSTD"


def test_no_batch_names_no_columns(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="empty batch"):
        parquet.write(iter([]), tmp_path / "shard")
    assert not (tmp_path / "shard").exists()
