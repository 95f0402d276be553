"""A page that never ends costs itself: its CPU limit kills the worker, the page is dropped, the others are kept.

Engine blocks has no such page: its time grows with the bytes alone. trafilatura has.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from florilegium.pipeline import account, ledger

Run = Callable[..., subprocess.CompletedProcess[str]]
Digests = Callable[[Path], dict[str, str]]

PROSE = (
    "<p>In the valley of the Harn the ferry has crossed since the days of the monks, and nobody in the town can "
    "remember a summer without its bell. This year the council wants to replace the old rope by a motor, which the "
    "ferryman calls a mistake, because a rope never runs out of fuel. "
    "The meeting on Thursday number {number} will decide.</p>"
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pages, one of them within its budgets, but endless for trafilatura; and a recipe over it."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "pages").mkdir()
    for number in range(6):
        body = PROSE.format(number=number) * 2
        (folder / f"pages/{number}.html").write_text(
            f"<html><head><title>Ferry</title></head><body>{body}</body></html>", "utf-8"
        )
    links = "".join(f"<div><a href='/{n}'>Read number {n} of the list</a> and more</div>" for n in range(120_000))
    (folder / "pages/3-links.html").write_text(f"<html><body>{links}</body></html>", "utf-8")
    recipe = {
        "name": "hostile",
        "sources": [{"name": "pages", "path": "pages"}],
        "stages": {
            "extract": {
                "engine": "trafilatura",
                "cpu_seconds": 1,
                "max_nodes": 1_000_000,
                "max_bytes": 100_000_000,
            },
            "filter": {"limits": {"every": {"length.words": None}}},
        },
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
    return folder


@pytest.mark.parametrize("executor", ["local", "ray"])
def test_an_endless_page_costs_itself(pages: Path, run: Run, tmp_path: Path, executor: str) -> None:
    run("build", pages / "recipe.yaml", "--out", tmp_path / "out", "--workers", 1, "--executor", executor)
    frame = ledger(str(tmp_path / "out"))
    reasons = dict(zip(frame["record"].to_list(), frame["reason"].to_list(), strict=True))
    assert reasons.pop("3-links.html") == "extract.cpu_limit"
    assert set(reasons.values()) == {None}
    assert account.account(str(tmp_path / "out")) == {"read": 7, "kept": 6, "dropped": {"extract.cpu_limit": 1}}
