"""Inputs with next to nothing in them: no documents, one document, nothing kept. The account balances all the same."""

import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from florilegium.pipeline import account, store, tables
from florilegium.pipeline.passes import documents
from florilegium.pipeline.recipe import of_inputs
from florilegium.pipeline.run import done_before, shares_of
from florilegium.pipeline.work import Guard, perform

Run = Callable[..., subprocess.CompletedProcess[str]]

WARCINFO = b"WARC/1.1\r\nWARC-Type: warcinfo\r\nWARC-Record-ID: <urn:uuid:1>\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
GOOD = (
    '{"id": "1", "text": "The ferry crosses the river every twenty minutes, and nobody remembers a year without it."}\n'
)

CASES: list[tuple[str, bytes, dict[str, object]]] = [
    ("only.warc", WARCINFO, {"read": 0, "kept": 0, "dropped": {}}),
    ("blank.jsonl", b"\n\n\n", {"read": 0, "kept": 0, "dropped": {}}),
    ("broken.jsonl", b"{not json\n", {"read": 1, "kept": 0, "dropped": {"read.damaged": 1}}),
    ("short.jsonl", GOOD.encode(), {"read": 1, "kept": 0, "dropped": {"filter.length.words": 1}}),
    ("empty.html", b"", {"read": 1, "kept": 0, "dropped": {"read.empty": 1}}),
]


@pytest.mark.parametrize(("name", "content", "expected"), CASES)
def test_a_build_of_next_to_nothing(
    run: Run, tmp_path: Path, name: str, content: bytes, expected: dict[str, object]
) -> None:
    (tmp_path / name).write_bytes(content)
    run("build", tmp_path / name, "--out", tmp_path / "out", "--workers", 1)
    assert account.account(str(tmp_path / "out")) == expected
    assert "read" in run("ledger", tmp_path / "out").stdout
    assert (tmp_path / "out/reports/provenance.html").stat().st_size > 1000


def test_a_parquet_file_without_rows_says_so(run: Run, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "none.parquet")
    failed = run("build", tmp_path / "none.parquet", "--out", tmp_path / "out", status=2)
    assert "hold no records" in failed.stderr
    assert "hint: " in failed.stderr
    run("plan", tmp_path / "none.parquet", "--out", tmp_path / "out", status=2)


def test_a_long_input_that_cannot_be_cut_is_parted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gzipped file is one unit; its output is parted by rows, and every row stands in one part, in order."""
    monkeypatch.setattr(documents, "PART_ROWS", 100)
    with gzip.open(tmp_path / "long.jsonl.gz", "wt") as file:
        file.writelines(f'{{"id": "{number}", "text": "Number {number}."}}\n' for number in range(300))
    recipe = of_inputs([str(tmp_path / "long.jsonl.gz")])
    _, shares, _ = shares_of(recipe, None)
    (unit,) = documents.units(recipe, shares, str(tmp_path / "work"))
    store.make_folder(unit.folder)
    perform(unit, Guard(0, frozenset(), {}, lambda _kind, _content: None))
    parts = documents.parts(done_before([unit])[0])
    assert [part.rows for part in parts] == [128, 128, 44]  # whole batches
    rows = [one for part in parts for one in tables.read(part.path, ["record_id"])["record_id"].to_pylist()]
    assert rows == [str(number) for number in range(300)]
    assert len({part.key for part in parts}) == 3
