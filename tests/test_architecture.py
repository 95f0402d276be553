"""The direction of imports, and what a small command must not load."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("languages", "filters", "stages", "pipeline")
SHARED = {"florilegium.pipeline.schema", "florilegium.pipeline.verdict", "florilegium.pipeline.errors"}
LAZY = ("polars", "ray", "trafilatura", "lxml", "fasttext", "pyarrow", "jinja2", "datatrove", "datasketch")


def sources(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, folder
    return found


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Full names of what a file imports, with the line."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def test_imports_point_one_way() -> None:
    for rank, folder in enumerate(FOLDERS):
        above = {f"florilegium.{other}" for other in FOLDERS[rank + 1 :]}
        for path in sources(folder):
            for name, line in imports(path):
                shared = folder == "stages" and any(name.startswith(one) for one in SHARED)
                assert shared or not any(name.startswith(one) for one in above), f"{path}:{line}: imports {name}"


def test_the_frame_reaches_stages_filters_and_languages_by_name() -> None:
    """Only what is no stage itself may be imported: how records become batches, and the languages, for people."""
    allowed = ("florilegium.stages.read.", "florilegium.languages.")
    for path in sources("pipeline"):
        for name, line in imports(path):
            if name.startswith(("florilegium.stages", "florilegium.filters", "florilegium.languages")):
                assert name.startswith(allowed), f"{path}:{line}: imports {name}"
                module = name.rsplit(".", 1)[0]
                assert module in {"florilegium.stages.read", "florilegium.languages"}, f"{path}:{line}: imports {name}"


def test_nothing_imports_the_folders_by_their_bare_names() -> None:
    for folder in (*FOLDERS, "tests", "benchmarks", "training"):
        for path in sources(folder):
            for name, line in imports(path):
                assert name.split(".")[0] not in FOLDERS, f"{path}:{line}: imports {name}"


def test_nothing_that_is_shipped_imports_what_is_not() -> None:
    for folder in FOLDERS:
        for path in sources(folder):
            for name, line in imports(path):
                assert name.split(".")[0] not in ("training", "tests", "benchmarks"), f"{path}:{line}: imports {name}"


def test_only_the_executor_imports_ray_and_only_the_store_writes() -> None:
    for folder in FOLDERS:
        for path in sources(folder):
            relative = path.relative_to(ROOT).as_posix()
            for name, line in imports(path):
                assert name.split(".")[0] != "ray" or relative == "pipeline/executor.py", f"{path}:{line}"
                assert not name.startswith("os.environ") or relative.startswith("pipeline/cli/"), f"{path}:{line}"


def test_every_module_says_its_one_job() -> None:
    for folder in (*FOLDERS, "training"):
        for path in sources(folder):
            text = ast.get_docstring(ast.parse(path.read_text("utf-8")))
            assert text, f"{path} has no docstring"
            assert len(text.splitlines()[0]) <= 160, f"{path}: its first line is no sentence"


def test_help_loads_no_heavy_library() -> None:
    code = f"""
import sys
sys.argv = ["florilegium", "--help"]
from florilegium.pipeline.cli import main
try:
    main()
except SystemExit:
    pass
print(sorted(m for m in sys.modules if m in {LAZY!r}), file=sys.stderr)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr.strip() == "[]", ran.stderr
    assert "build" in ran.stdout
