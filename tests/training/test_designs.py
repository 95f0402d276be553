"""The pages that the block classifier learns from: the same for a seed, all designs and languages, true references."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import lxml.html
import pyarrow.parquet as pq

from training.designs.hand import BEGIN, END, reference
from training.designs.layouts import LAYOUTS
from training.designs.pages import KINDS, Page, designs, page, pages
from training.designs.voice import languages, voice

ROOT = Path(__file__).resolve().parents[2]
COUNT = 900
"""Pages, enough for each design and each language to occur."""

LEAST = {"news": 0.3, "portal": 0.1, "listing": 0.05, "forum": 0.04, "product": 0.04, "government": 0.03}
"""Shares of kinds that a set must have at least."""


@cache
def some() -> list[Page]:
    return list(pages(COUNT, 1))


def shown(html: bytes) -> str:
    """The text of a page with single spaces, as a parser of HTML sees it."""
    tree = lxml.html.fromstring(html)
    for silent in tree.xpath("//script|//style"):
        silent.drop_tree()
    return " ".join(tree.text_content().split())


def test_a_seed_is_a_set_of_pages() -> None:
    assert [page(number, 1) for number in (0, 7, 500)] == [some()[number] for number in (0, 7, 500)]
    assert page(0, 2).html != some()[0].html
    assert len({one.html for one in some()}) == len({one.id for one in some()}) == COUNT


def test_every_design_and_every_language_occurs() -> None:
    assert {one.design for one in some()} == {design.name for design in designs()}
    assert len(designs()) >= 60
    assert {one.language for one in some()} == set(languages())


def test_kinds_have_their_shares() -> None:
    found = {kind: sum(one.kind == kind for one in some()) / COUNT for kind in KINDS}
    assert all(found.values())
    for kind, least in LEAST.items():
        assert found[kind] >= least, kind


def test_lines_of_the_reference_stand_in_the_page() -> None:
    for one in some():
        text = shown(one.html)
        lines = one.reference.split("\n")
        assert lines and all(lines), one.id
        at = 0
        for line in lines:
            found = text.find(line, at)
            assert found >= 0, f"{one.id} ({one.design}): {line}"
            at = found


def test_the_main_text_is_not_all_of_the_page() -> None:
    for one in some():
        assert len(one.reference) < len(shown(one.html)), one.id
        assert BEGIN.encode() not in one.html and END.encode() not in one.html, one.id


def test_marks_tell_the_main_text() -> None:
    for one in some():
        html, lines = reference(one.marked.decode())
        assert (html.encode(), "\n".join(lines)) == (one.html, one.reference), one.id


def test_what_stands_outside_says_other_sentences() -> None:
    """Else labels by words in common would take a teaser for main text."""
    alike = 0
    for one in some():
        outside = re.sub(f"{BEGIN}.*?{END}", " ", one.marked.decode(), flags=re.DOTALL)
        text = shown(outside.encode())
        alike += sum(len(line) > 60 and line != one.headline and line in text for line in one.reference.split("\n"))
    assert alike < COUNT / 10


def test_the_main_text_has_no_fixed_place() -> None:
    """On some pages its longest line stands near the beginning, on others behind most of the page."""
    starts = []
    for one in some():
        text = shown(one.html)
        starts.append(text.find(max(one.reference.split("\n"), key=len)) / len(text))
    starts.sort()
    assert starts[COUNT // 20] < 0.1 and starts[-COUNT // 20] > 0.6


def test_designs_name_what_there_is() -> None:
    for design in designs():
        assert design.kind in KINDS and design.age in ("old", "new"), design.name
        assert set(design.layouts.split()) <= set(LAYOUTS), design.name
        assert set(design.languages.split()) <= set(languages()), design.name


def test_every_language_has_the_phrases_of_the_others() -> None:
    wanted = set(voice("eng_Latn").phrases)
    for language in languages():
        told = voice(language).phrases
        assert set(told) == wanted, language
        assert len(told["months"]) == 12 and len(told["shop"]) == 7 and len(told["sections"]) >= 20, language


def test_the_command_writes_the_set_and_pages_to_look_at(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training.designs", "--seed", "1", "--out", str(tmp_path)]
    subprocess.run([*command, "--count", "20"], cwd=ROOT, check=True)
    rows = pq.read_table(tmp_path / "designs.parquet").to_pylist()
    assert [(row["id"], row["html"], row["reference"]) for row in rows] == [
        (one.id, one.html, one.reference) for one in some()[:20]
    ]
    subprocess.run([*command, "--look", "3"], cwd=ROOT, check=True)
    assert len(list(tmp_path.glob("*.html"))) == len(list(tmp_path.glob("*.txt"))) == 3
