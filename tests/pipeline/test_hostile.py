"""A page that never ends or swells costs itself: a limit kills the worker, the others are kept.

Engine blocks has no endless page: its time grows with the bytes alone. trafilatura has.
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


LINKS = "".join(f"<div><a href='/{n}'>Read number {n} of the list</a> and more</div>" for n in range(120_000))
"""Endless for trafilatura."""
PARAGRAPHS = "".join(f"<p>Read number {n} of the list" for n in range(1_000_000))
"""Swells to 200 MB in engine blocks."""

LIFTED = {"max_nodes": 10_000_000, "max_bytes": 100_000_000, "max_blocks": 10_000_000}
BEYOND = {
    "extract.cpu_limit": (LINKS, {"engine": "trafilatura", "cpu_seconds": 1, **LIFTED}),
    "extract.memory_limit": (PARAGRAPHS, {"engine": "blocks", "memory_mb": 128, **LIFTED}),
}
"""Reason -> a page that no budget holds once they are lifted, and the options of extract."""


@pytest.fixture(scope="module", params=sorted(BEYOND))
def pages(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> tuple[Path, str]:
    """A recipe over seven pages, one of them beyond the limits, and the reason that this one gets."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "pages").mkdir()
    beyond, options = BEYOND[request.param]
    bodies = {f"{number}.html": PROSE.format(number=number) for number in range(6)} | {"3-beyond.html": beyond}
    for name, body in bodies.items():
        page = f"<html><head><title>Ferry</title></head><body>{body}</body></html>"
        (folder / "pages" / name).write_text(page, "utf-8")
    recipe = {
        "name": "hostile",
        "sources": [{"name": "pages", "path": "pages"}],
        "stages": {
            "extract": options,
            "filter": {"limits": {"every": {"length.words": None}}},
            "deduplicate": {"near": None},
        },
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
    return folder / "recipe.yaml", request.param


def test_a_page_beyond_its_limits_costs_itself(
    pages: tuple[Path, str], run: Run, digests: Digests, tmp_path: Path
) -> None:
    """On both executors with the same bytes, also when the work is lost but for what was recorded of it."""
    recipe, reason = pages
    outs = {executor: tmp_path / executor for executor in ("local", "ray")}
    for executor, out in outs.items():
        run("build", recipe, "--out", out, "--workers", 1, "--executor", executor)
        frame = ledger(str(out))
        reasons = dict(zip(frame["record"].to_list(), frame["reason"].to_list(), strict=True))
        assert reasons.pop("3-beyond.html") == reason
        assert set(reasons.values()) == {None}
        assert account.account(str(out)) == {"read": 7, "kept": 6, "dropped": {reason: 1}}
    before = digests(outs["local"])
    assert before == digests(outs["ray"])
    for path in [*outs["local"].rglob("*.parquet"), outs["local"] / "manifest.json"]:
        path.unlink()
    run("build", recipe, "--out", outs["local"], "--workers", 1)
    assert digests(outs["local"]) == before
