"""A gate keeps pages out of the corpus, not out of the account; a build without it takes them in."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from florilegium.filters import every_filter
from florilegium.pipeline import account, ledger

Run = Callable[..., subprocess.CompletedProcess[str]]
GOLDEN = Path(__file__).parents[1] / "golden" / "languages"


def write(folder: Path, gate: list[str]) -> Path:
    """A page of each language, with its text twice, and a recipe that keeps whatever is extracted."""
    (folder / "pages").mkdir(parents=True, exist_ok=True)
    for path in GOLDEN.glob("*.jsonl"):
        lines = json.loads(path.read_text("utf-8").splitlines()[0])["text"].split("\n") * 2
        body = "".join(f"<p>{line}</p>" for line in lines)
        (folder / f"pages/{path.stem}.html").write_text(f"<body><article>{body}</article></body>", "utf-8")
    off = {"every": dict.fromkeys(every_filter())}
    stages = {"extract": {"engine": "blocks", "gate": gate}, "filter": {"limits": off}}
    recipe = {"sources": [{"name": "crawl", "path": "pages"}], "stages": stages}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
    return folder / "recipe.yaml"


def fates(out: Path) -> dict[str, Any]:
    rows = ledger(str(out)).to_dicts()
    found = account.account(str(out))
    assert found["read"] == len(rows) == found["kept"] + sum(found["dropped"].values())
    return {row["record"].removesuffix(".html"): (row["language"], row["reason"]) for row in rows}


def test_kept_out_by_the_gate_and_in_again_without_it(run: Run, tmp_path: Path) -> None:
    languages = sorted(path.stem for path in GOLDEN.glob("*.jsonl"))
    passing = {"deu_Latn", "nld_Latn"}  # which are mistaken for one another
    out = tmp_path / "out"
    run("build", write(tmp_path, ["deu_Latn"]), "--out", out)
    gated = fates(out)
    assert gated == {code: (code, None if code in passing else "extract.gated") for code in languages}
    assert "cannot be in a language of the gate" in run("explain", out, "pol_Latn.html").stdout.replace("\n", " ")
    run("build", write(tmp_path, ["deu_Latn", "pol_Latn"]), "--out", out)
    assert {code for code, (_, reason) in fates(out).items() if reason is None} == {*passing, "pol_Latn"}
    run("build", write(tmp_path, []), "--out", out)
    assert fates(out) == {code: (code, None) for code in languages}
