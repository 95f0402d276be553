"""What determines the bytes of a pass: code, options, files and library versions, as one digest."""

import ast
import unicodedata
from functools import cache
from hashlib import blake2b, file_digest
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from florilegium.pipeline.stage import names
from florilegium.pipeline.work import digest

ALWAYS = ("pyarrow",)
"""Libraries that write every stored file."""


@cache
def code_digest(*modules: str) -> str:
    """Digest of the sources of these modules and of all florilegium modules that they import, directly or not.

    A package that is imported counts with its data files (language profiles, tables); `filters`, whose files are found by
    name, with every file of its folder. The compiled core counts by the package's version: its bytes differ by compiler.
    """
    seen: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        own, imported = _module(name)
        seen[name] = own
        waiting += imported
    return digest({name: own for name, own in seen.items() if own})


def stage_digest(name: str, stage: Any, deciding: bool) -> dict[str, Any]:
    """What determines a stage's columns (deciding false) or its decisions (true), as JSON."""
    options = TypeAdapter(type(stage)).dump_python(stage, mode="json")
    kept = {key: value for key, value in options.items() if deciding or key not in stage.decides}
    return {
        "stage": name,
        "options": kept,
        "files": {key: file_hash(path) for key, path in sorted(stage.files().items())},
        "code": code_digest(f"florilegium.stages.{name}"),
        "libraries": {library: version(library) for library in stage.libraries},
    }


def frame_digest(*modules: str) -> dict[str, Any]:
    """What determines the frame's own part: code of the pass, library versions, Unicode version."""
    return {
        "code": code_digest(*modules),
        "libraries": {library: version(library) for library in ALWAYS},
        "unicode": unicodedata.unidata_version,
    }


@cache
def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a model or list."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


@cache
def _module(name: str) -> tuple[str, tuple[str, ...]]:
    """The digest of one module (empty if it is no Python source of florilegium) and the modules that it brings along."""
    try:
        spec = find_spec(name)
    except (ModuleNotFoundError, AttributeError):
        return "", ()
    path = Path(spec.origin) if spec and spec.origin else None
    if path is None or path.suffix != ".py":
        return "", ()
    content = path.read_bytes()
    own = {path.name: blake2b(content, digest_size=16).hexdigest()}
    if path.name == "__init__.py":
        own |= {table.name: file_hash(table) for table in sorted(path.parent.glob("*.toml"))}
    along = [f"{name}.{module}" for module in names("filters")] if name == "florilegium.filters" else []
    return digest(own), (*_imports(content), *along)


def _imports(content: bytes) -> list[str]:
    """The florilegium modules that a source names in its imports, `from package import module` included."""
    found = []
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in found if name.startswith("florilegium.")]
