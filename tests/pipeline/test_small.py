"""Inputs with next to nothing in them: no documents, one document, nothing kept. The account balances all the same."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from florilegium.pipeline import account

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
