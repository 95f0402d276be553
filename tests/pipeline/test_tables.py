"""Files of rows sorted by a value: any range of them is found, however the rows were parted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from florilegium.pipeline import tables

EDGES = st.none() | st.integers(0, 13)


@pytest.mark.parametrize("value", [int, b"%02d".__mod__])
@given(values=st.lists(st.integers(0, 12), max_size=20), rows=st.integers(1, 8), low=EDGES, high=EDGES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_between_is_the_rows_of_the_range(
    tmp_path: Path, value: Callable[[int], Any], values: list[int], rows: int, low: int | None, high: int | None
) -> None:
    """All rows with low <= value < high, in order, whole; also where a value goes on from one batch into the next."""
    low, high = (None if low is None else value(low)), (None if high is None else value(high))
    column = [value(one) for one in sorted(values)]
    kind = pa.int64() if value is int else pa.binary()
    table = pa.table({"at": pa.array(range(len(column)), pa.int64()), "value": pa.array(column, kind)})
    path = str(tmp_path / "sorted")
    tables.put_sorted(path, table, "value", table.to_batches(max_chunksize=rows))
    found = tables.between(path, low, high)
    assert found.schema == table.schema
    assert found.to_pylist() == [
        row
        for row in table.to_pylist()
        if (low is None or row["value"] >= low) and (high is None or row["value"] < high)
    ]
