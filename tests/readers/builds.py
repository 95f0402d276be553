"""Builds and mixtures as the command makes them, in the project's own environment: the readers' lacks what it needs."""

import subprocess
from pathlib import Path
from typing import Any

from tests.pipeline.prose import write_tokenizer
from tests.pipeline.tokenised import with_tokens

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "bin" / "python"


def florilegium(*arguments: str | Path) -> None:
    """Run the command as a user would."""
    command = [str(PYTHON), "-m", "florilegium.pipeline", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def build(folder: Path, tokens: dict[str, Any]) -> Path:
    """The sample crawl, built with a small tokenizer."""
    florilegium("sample", folder / "europe")
    tokenizer = write_tokenizer(folder / "tokenizer.json")
    recipe = with_tokens(folder / "europe", folder, {**tokens, "tokenizer": str(tokenizer)})
    florilegium("build", recipe, "--out", folder / "corpus")
    return folder / "corpus"
