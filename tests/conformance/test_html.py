"""The HTML tokenizer gives the tokens of the standard: cases of our own, and html5lib's where they lie beside."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
NATIVE = HERE.parents[1] / "stages" / "native"
SHARED = HERE.parents[2] / "shared" / "data" / "html5-tokenizer"
MODES = ("Data", "RCDATA", "RAWTEXT", "Script data", "PLAINTEXT", "CDATA section")
"""enum html_mode, as html5lib names the states."""

OWN: list[tuple[str, list[Any]]] = [
    ("a &amp; b", [["Character", "a & b"]]),
    ("<P Class='x' class=y ID>", [["StartTag", "p", {"class": "x", "id": ""}]]),
    ("<br/>", [["StartTag", "br", {}, True]]),
    ("<a href=?a=1&copy=2&amp;b>", [["StartTag", "a", {"href": "?a=1&copy=2&b"}]]),
    ("<!-- a -- b -->c", [["Comment", " a -- b "], ["Character", "c"]]),
    ("<!-->x", [["Comment", ""], ["Character", "x"]]),
    ("a<", [["Character", "a<"]]),
    ("a</>b", [["Character", "ab"]]),
    ("</p x=1>", [["EndTag", "p"]]),
    ("<div", []),
    ("&#x80;&#0;&#xD800;&notit;", [["Character", "\u20ac\ufffd\ufffd\u00acit;"]]),
    ("a\r\nb\rc", [["Character", "a\nb\nc"]]),
    ("<!doctype html>", [["DOCTYPE", "html", None, None, True]]),
    ("<?xml version='1.0'?>x", [["Comment", "?xml version='1.0'?"], ["Character", "x"]]),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver, compiled."""
    path = tmp_path_factory.mktemp("conformance") / "tokens"
    sources = [str(HERE / "html_tokens.c"), str(NATIVE / "html.c")]
    built = subprocess.run(
        ["gcc", "-std=c11", "-O1", f"-I{NATIVE}", *sources, "-o", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        pytest.skip("no gcc")
    return path


def tokens(program: Path, text: str, mode: int = 0, last: str = "") -> list[Any]:
    given = text.encode("utf-8", "surrogatepass")
    run = subprocess.run([program, str(mode), last], input=given, capture_output=True, check=True)
    found: list[Any] = []
    for line in run.stdout.decode().splitlines():
        kind, closing, quirks, name, *rest = line.split(" ")
        said = decoded(name)
        if kind == "1" and found and found[-1][0] == "Character":
            found[-1][1] += said
        elif kind == "1":
            found.append(["Character", said])
        elif kind == "2":
            attributes = {decoded(key): decoded(value) for key, value in (one.split("=") for one in rest)}
            found.append(["StartTag", said, attributes, *([True] if closing == "1" else [])])
        elif kind == "3":
            found.append(["EndTag", said])
        elif kind == "4":
            found.append(["Comment", said])
        else:
            ids = [decoded(one[1:]) if one[0] == "=" else None for one in rest]
            found.append(["DOCTYPE", said or None, *ids, quirks == "0"])
    return found


def decoded(text: str) -> str:
    return bytes.fromhex(text).decode("utf-8", "surrogatepass")


@pytest.mark.parametrize(("text", "wanted"), OWN, ids=[text for text, _ in OWN])
def test_tokens_are_those_of_the_standard(program: Path, text: str, wanted: list[Any]) -> None:
    assert tokens(program, text) == wanted


def unescaped(value: Any) -> Any:
    """Test files may escape twice, since not every JSON reader lets lone surrogates pass."""
    if isinstance(value, str):
        return re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), value)
    if isinstance(value, list):
        return [unescaped(one) for one in value]
    if isinstance(value, dict):
        return {unescaped(name): unescaped(one) for name, one in value.items()}
    return value


def cases(path: Path) -> Iterator[tuple[str, int, str, list[Any]]]:
    for written in json.loads(path.read_text("utf-8")).get("tests", []):
        case = unescaped(written) if written.get("doubleEscaped") else written
        wanted: list[Any] = []
        for token in case["output"]:
            if token[0] == "Character" and wanted and wanted[-1][0] == "Character":
                wanted[-1] = ["Character", wanted[-1][1] + token[1]]
            else:
                wanted.append(token)
        for state in case.get("initialStates", ["Data state"]):
            yield case["input"], MODES.index(state.removesuffix(" state")), case.get("lastStartTag", ""), wanted


@pytest.mark.skipif(not SHARED.is_dir(), reason="html5lib's tests do not lie beside the checkout")
def test_the_conformance_tests_pass(program: Path) -> None:
    files = sorted(SHARED.glob("*.test"))
    assert files
    count = 0
    for path in files:
        # Named references are one rule: each 20th of 4,210 is enough beside the tables of html5lib itself.
        step = 20 if path.name == "namedEntities.test" else 1
        for text, mode, last, wanted in list(cases(path))[::step]:
            assert tokens(program, text, mode, last) == wanted, (path.name, text)
            count += 1
    assert count > 2000
