"""What stands in the four folders is listed, installed and importable under its florilegium name."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from florilegium.stages import _native

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("pipeline", "stages", "filters", "languages")
NEVER_INSTALLED = {".c", ".h", ".o", ".pyc"}


def setuptools() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    return table


def test_every_package_folder_is_listed() -> None:
    """A folder that is not listed is missing from the wheel without a word."""
    tree = {
        "florilegium." + ".".join(module.parent.relative_to(ROOT).parts)
        for folder in FOLDERS
        for module in (ROOT / folder).rglob("*.py")
    }
    assert tree == set(setuptools()["packages"])


def test_every_package_folder_has_an_init() -> None:
    """Without one, tools see a namespace where a package is meant. `florilegium` itself is such a namespace."""
    for package in setuptools()["packages"]:
        assert ROOT.joinpath(*package.split(".")[1:], "__init__.py").is_file(), package


def test_every_source_file_is_installed() -> None:
    """Means something against an installed wheel: modules and data files that stand in the tree are found beside it."""
    found = 0
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            inside = path.relative_to(ROOT / folder)
            if path.is_dir() or "__pycache__" in inside.parts or path.suffix in NEVER_INSTALLED:
                continue
            if path.name.startswith("_native") and path.suffix == ".so":
                continue
            assert files(f"florilegium.{folder}").joinpath(*inside.parts).is_file(), path
            found += 1
    assert found > 2 * len(FOLDERS)


def test_every_c_file_is_built_and_every_header_travels() -> None:
    """Sources alone do not carry headers into the sdist: `depends` does."""
    (native,) = setuptools()["ext-modules"]
    assert set(native["sources"]) == {str(path.relative_to(ROOT)) for path in (ROOT / "stages").rglob("*.c")}
    assert set(native["depends"]) == {str(path.relative_to(ROOT)) for path in (ROOT / "stages").rglob("*.h")}


def test_the_c_core_is_one_binary_for_every_python() -> None:
    (native,) = setuptools()["ext-modules"]
    assert ["Py_LIMITED_API", "0x030B0000"] in native["define-macros"]
    assert _native.__file__ is not None
    assert ".cpython-" not in Path(_native.__file__).name
