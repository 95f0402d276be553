"""One bad document costs itself, never its unit: faults, loops and hunger are found, recorded and replayed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.work import Unit, look
from florilegium.pipeline.worker import Killable


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[Killable]:
    """A killable worker that can import the unruly units."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "units"), prepend=":")
    worker = Killable()
    yield worker
    worker.close()


def unit_of(folder: Path, documents: list[str]) -> Unit:
    return Unit("test 0", str(folder), "unit", "unruly:run", {"documents": documents}, cpu_seconds=1, memory_mb=64)


CASES: list[tuple[list[str], list[str], dict[str, str]]] = [
    (["a", "b", "c", "d"], ["a", "b", "c", "d"], {}),
    (["a", "fault", "c", "d"], ["a", "c", "d"], {"fault": "extract.crashed"}),
    (["a", "b", "c", "endless", "e"], ["a", "b", "c", "e"], {"endless": "extract.cpu_limit"}),
    (
        ["fault-1", "fault-2", "c", "d", "endless"],
        ["c", "d"],
        {"fault-1": "extract.crashed", "fault-2": "extract.crashed", "endless": "extract.cpu_limit"},
    ),
    (["a", "large-1", "large-2", "large-3"], ["a", "large-1", "large-2", "large-3"], {}),
    (["a", "swelling", "c"], ["a", "c"], {"swelling": "extract.memory_limit"}),
    (
        ["boundless", "swallowed", "fault", "large"],
        ["large"],
        {"boundless": "extract.memory_limit", "swallowed": "extract.memory_limit", "fault": "extract.crashed"},
    ),
    (["a", "killed-once", "c"], ["a", "killed-once", "c"], {}),
]


@pytest.mark.parametrize(("documents", "kept", "struck"), CASES)
def test_a_document_that_kills_its_worker_is_left_out(
    child: Killable, tmp_path: Path, documents: list[str], kept: list[str], struck: dict[str, str]
) -> None:
    unit = unit_of(tmp_path, documents)
    child.run(unit, lambda _kind, _content: None)
    record, _ = look(unit)
    assert record is not None
    assert (tmp_path / "unit.txt").read_text("utf-8").split("\n") == kept
    assert record.struck == struck


SMALL = """import sys
from pathlib import Path
sys.path[:0] = [sys.argv[2]]
from test_worker import unit_of
from florilegium.pipeline.worker import Killable
worker = Killable()
worker.run(unit_of(Path(sys.argv[1]), ["a", "aborted", "fault", "large"]), lambda kind, content: None)
worker.close()
"""


def test_a_library_that_aborts_without_memory_took_too_much_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own: what a worker held at its peak is known only where its parent held less."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "units"), prepend=":")
    subprocess.run([sys.executable, "-c", SMALL, tmp_path, Path(__file__).parent], check=True)
    struck = json.loads((tmp_path / "unit.json").read_text("utf-8"))["struck"]
    assert struck == {"aborted": "extract.memory_limit", "fault": "extract.crashed"}


def test_what_was_struck_is_replayed_when_an_output_is_lost(child: Killable, tmp_path: Path) -> None:
    unit = unit_of(tmp_path, ["a", "fault", "c"])
    child.run(unit, lambda _kind, _content: None)
    (tmp_path / "unit.txt").unlink()
    record, again = look(unit)
    assert record is None and again.struck == {"fault": "extract.crashed"}
    deaths: list[Any] = []
    child.run(again, lambda kind, content: deaths.append(content) if kind == "died" else None)
    assert deaths == []
    assert (tmp_path / "unit.txt").read_text("utf-8") == "a\nc"
    assert json.loads((tmp_path / "unit.json").read_text("utf-8"))["struck"] == {"fault": "extract.crashed"}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("killed-always", "was killed 30 times (last at batch 0"),
        ("full", "/somewhere/file: stops test 0: No space left on device"),
    ],
)
def test_what_no_document_is_to_blame_for_stops_with_one_sentence(
    child: Killable, tmp_path: Path, document: str, message: str
) -> None:
    with pytest.raises(PipelineError) as caught:
        child.run(unit_of(tmp_path, ["a", document]), lambda _kind, _content: None)
    assert message in caught.value.message
    assert "same command" in caught.value.hint
    assert not (tmp_path / "unit.json").exists()


def test_a_bug_is_shown_whole_and_the_worker_lives_on(child: Killable, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="a bug of ours") as caught:
        child.run(unit_of(tmp_path, ["bug"]), lambda _kind, _content: None)
    assert "unruly.py" in str(caught.value)
    child.run(unit_of(tmp_path, ["a"]), lambda _kind, _content: None)
