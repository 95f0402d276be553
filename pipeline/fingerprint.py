"""What determines the bytes of a pass: code, options, files and library versions, as one digest."""

import re
import unicodedata
from collections.abc import Set
from functools import cache
from hashlib import blake2b, file_digest
from importlib.metadata import PackageNotFoundError, packages_distributions, version
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

    `filters`, whose files are found by name, counts with every file of its folder. Data files (language profiles,
    models) count where a stage names them in `files`: a new limit in a profile must not extract again.
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
    places = {str(path) for path in stage.files().values()}
    kept = {k: v for k, v in options.items() if deciding or k not in stage.decides}
    return {
        "stage": name,
        "options": _without(places, kept),
        "files": {key: file_hash(path) for key, path in sorted(stage.files().items())},
        "code": code_digest(f"florilegium.stages.{name}"),
        "libraries": {library: version_of(library) for library in stage.libraries},
    }


def _without(places: Set[str], options: Any) -> Any:
    """Options without the paths of files: these count by their hashes."""
    if isinstance(options, dict):
        return {
            key: _without(places, one) for key, one in options.items() if not (isinstance(one, str) and one in places)
        }
    return [_without(places, one) for one in options] if isinstance(options, list) else options


def frame_digest(*modules: str) -> dict[str, Any]:
    """What determines the frame's own part: code of the pass, library versions, Unicode version."""
    return {
        "code": code_digest(*modules),
        "libraries": {library: version(library) for library in ALWAYS},
        "unicode": unicodedata.unidata_version,
    }


@cache
def version_of(library: str) -> str:
    """The version of a library, by its distribution, or by whichever distribution brings the module of that name.

    (fastText's module is shipped by several: `fasttext`, `fasttext-community`.)
    """
    try:
        return version(library)
    except PackageNotFoundError:
        return ", ".join(f"{name} {version(name)}" for name in sorted(packages_distributions().get(library, [])))


@cache
def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a model or list."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


@cache
def _module(name: str) -> tuple[str, tuple[str, ...]]:
    """The digest of one module (empty if it is no Python source of florilegium) and the modules that it brings.

    The C core counts by `stages/_native_sources.py`, which a test holds to the sources.
    """
    try:
        spec = find_spec(name)
    except (ModuleNotFoundError, AttributeError):
        return "", ()
    path = Path(spec.origin) if spec and spec.origin else None
    if path is None:
        return "", ()
    if path.suffix != ".py":  # the C core: its bytes differ by compiler, the digest of its sources does not
        return "", (f"{name}_sources",)
    content = path.read_bytes()
    along = [f"{name}.{module}" for module in names("filters")] if name == "florilegium.filters" else []
    return blake2b(content, digest_size=16).hexdigest(), (*_imports(content.decode()), *along)


IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(florilegium[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)|import[ \t]+(florilegium[\w.]*))",
    re.M,
)
"""An import of ours, wherever it stands in a file; every build reads all our files, and `ast` is slow for that."""


def _imports(source: str) -> list[str]:
    """The florilegium modules that a source names in its imports, `from package import module` included."""
    found = []
    for package, listed, module in IMPORT.findall(source):
        found += [module] if module else [package, *(f"{package}.{name}" for name in re.findall(r"\w+", listed))]
    return found
