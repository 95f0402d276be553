"""Tables, lists and code of engine blocks: whole in the text, and as Markdown that says what they are."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from florilegium.pipeline.schema import batch
from florilegium.stages import _native
from florilegium.stages.extract import Extract
from florilegium.stages.read import COLUMNS
from tests.stages.test_blocks import FEATURES, FOOT, NAV, PROSE, page


def extracted(body: str, markdown: bool) -> Any:
    """What the model keeps."""
    stage = Extract(engine="blocks", markdown=markdown)
    return stage(batch({"id": [bytes(16)], "html": [page(body)]}, COLUMNS))["text"][0].as_py()


def joined(body: str, markdown: bool = True) -> str:
    """By a model without trees, which keeps everything."""
    none, at = np.zeros(0, np.uint8), np.zeros(FEATURES + 1, np.uint32)
    keep = _native.blocks_model(none.data, at.data, none.data, none.data, none.data, 1, 0, 0, 10_000)
    data = page(body)
    return _native.blocks_read(keep, data, np.array([0, len(data)], np.int64).data, markdown, False)[0].decode()


def rows(*lines: str) -> str:
    return "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in line.split("|")) + "</tr>" for line in lines)


GOODS = ("Roggenbrot|1 kg|4,20 €", "Dinkelsemmel|Stück|0,90 €", "Apfelstrudel|Stück|3,10 €", "Butter|250 g|2,75 €")
HOURS = ("06:15|06:40|Mo–Fr", "08:15|08:40|täglich", "10:15|10:40|täglich", "12:15|12:40|Sa, So", "16:15|16:40|")
PEOPLE = ("Unterwik|1 204|1 187|1 098", "Oberwik|845||902", "Sandhagen|2 310|2 405|2 511", "Moorende|311|298|276")
TOWER = ("Erbaut|1872 bis 1874", "Höhe|34 Meter", "Werkstoff|Backstein, weiß", "Kennung|zwei Blitze alle zehn Sekunden")
PAGES = {
    "prices": (
        "<h1>Preisliste</h1><p>Alle Preise gelten ab dem 1. Mai und verstehen sich mit Mehrwertsteuer.</p>"
        f"<table><thead><tr><th>Artikel</th><th>Menge</th><th>Preis</th></tr></thead><tbody>{rows(*GOODS)}</table>",
        "# Preisliste\n\nAlle Preise gelten ab dem 1. Mai und verstehen sich mit Mehrwertsteuer.",
        ("Artikel|Menge|Preis", *GOODS),
    ),
    "timetable": (
        f"<h1>Fähre Unterwik – Insel</h1><table><tr><th>Abfahrt<th>Ankunft<th>Tage{rows(*HOURS)}</table>",
        "# Fähre Unterwik – Insel",
        ("Abfahrt|Ankunft|Tage", *HOURS),
    ),
    "statistics": (
        "<h2>Bevölkerung der Gemeinden</h2><table class=wikitable><caption>Einwohner am 31. Dezember</caption>"
        f"<tr><th>Gemeinde<th>2001<th>2011<th>2021{rows(*PEOPLE).replace('<tr><td>', '<tr><th>')}</table>",
        "## Bevölkerung der Gemeinden\n\nEinwohner am 31. Dezember",
        ("Gemeinde|2001|2011|2021", *PEOPLE),
    ),
    "definitions": (
        "<h1>Leuchtturm Unterwik</h1><p>Der Turm steht am Ende der Mole, und von ihm sieht man bis zur Insel.</p>"
        f"<table class=infobox>{rows(*TOWER).replace('<tr><td>', '<tr><th scope=row>')}</table>",
        "# Leuchtturm Unterwik\n\nDer Turm steht am Ende der Mole, und von ihm sieht man bis zur Insel.",
        ("|", *TOWER),
    ),
}
"""Body, Markdown before the table, and its rows; a header of nothing where the page has none."""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_whose_content_is_a_table_has_all_of_it(name: str) -> None:
    body, before, table = PAGES[name]
    header, *lines = ["".join(f"| {cell} " if cell else "|  " for cell in row.split("|")) + "|" for row in table]
    rule = "|" + " --- |" * (table[0].count("|") + 1)
    whole = f"{NAV}<main>{body}</main>{FOOT}"
    assert extracted(whole, True) == "\n".join((f"{before}\n", header, rule, *lines))
    plain = [" | ".join(filter(None, row.split("|"))) for row in table if row != "|"]
    assert extracted(whole, False) == "\n".join((before.replace("#", "").replace("\n\n", "\n").strip(), *plain))


def test_a_table_that_only_places_an_article_is_none() -> None:
    prose = PROSE["de"] * 2
    article = f"<h1>Der Turm</h1>{''.join(f'<p>{one}</p>' for one in prose)}"
    body = f"<table><tr><td colspan=2>{NAV}<tr><td>{NAV}<td>{article}<tr><td colspan=2>{FOOT}</table>"
    assert extracted(body, False) == "\n".join(("Der Turm", *prose))
    assert extracted(body, True) == "\n\n".join(("# Der Turm", *prose))


def test_a_table_of_links_is_a_menu() -> None:
    links = "".join(f"<tr><td><a href=/{n}>Seite {n}</a><td><a href=/b{n}>Bild {n}</a>" for n in range(9))
    prose = "".join(f"<p>{one}</p>" for one in PROSE["de"] * 2)
    assert "Bild" not in extracted(f"<article>{prose}</article><table>{links}</table>", False)


CASES = [
    ("<table><tr><td>a|b<td>c<br>d<tr><td>e<td><p>f<p>g", "| a\\|b | c d |\n| --- | --- |\n| e | f g |"),
    ("<table><tr><td>a<td><td>c<tr><td><td>b", "| a |  | c |\n| --- | --- | --- |\n|  | b |  |"),
    ("<table><tr><td>a<td>b</table><table><tr><td>c<td>d", "| a | b |\n| --- | --- |\n\n| c | d |\n| --- | --- |"),
    ("<table><tr><td>one<tr><td>column", "one\n\ncolumn"),
    ("<table><tr><td>x<td>y<table><tr><td>a<td>b</table><tr><td>z<td>", "x\n\ny\n\n| a | b |\n| --- | --- |\n\nz"),
    ("<td>no table", "no table"),
    (f"<table><tr>{'<td>x' * 101}", "\n\n".join("x" * 101)),
    ("<ul><li>a<ul><li>b<ol><li>c</ol></ul><li>d", "- a\n  - b\n    1. c\n- d"),
    ("<ol><li>a<ul><li>b</ul><li><p>c<p>d<pre>e\nf</pre>", "1. a\n   - b\n2. c\n\n   d\n\n   ```\n   e\n   f\n   ```"),
    ("<ol><li>a</ol><p>x<ol><li>b</ol>", "1. a\n\nx\n\n1. b"),
    ("<ol>" + "<li>x" * 10 + "<ul><li>y", "\n".join(f"{n}. x" for n in range(1, 11)) + "\n    - y"),
    ("<ul><li>a<br>b<ul><li>c<br>d", "- a\n  b\n  - c\n    d"),
    ("<ul>" + "<li>x<ul>" * 12, "\n".join(" " * min(2 * n, 16) + "- x" for n in range(12))),
    ("<dl><dt>a<dd>b<ul><li>c</ul></dl>", "a\n\nb\n\n- c"),
    ("<pre>a```b\n\n  `c</pre>", "````\na```b\n\n  `c\n````"),
    ("<h2>a<br>b</h2><blockquote>c<br>d</blockquote>", "## a b\n\n> c\n> d"),
    ("<p>* 1. #a _b_ [c] \\ |", "* 1. #a _b_ [c] \\ |"),
]


@pytest.mark.parametrize(("body", "wanted"), CASES, ids=[body[:40] for body, _ in CASES])
def test_markdown(body: str, wanted: str) -> None:
    assert joined(body) == wanted


PARTS = st.sampled_from(
    [
        *"abc|`",
        *(f"<{name}>" for name in ("table", "/table", "tr", "td", "th", "ul", "ol", "li", "/ul", "p", "pre", "h3")),
    ]
)


@given(st.lists(PARTS, max_size=40).map("".join))
def test_no_letter_is_lost_and_none_is_doubled(body: str) -> None:
    letters = [one for one in joined(body, False) if one in "abc"]
    assert [one for one in joined(body) if one in "abc"] == letters
    assert len(joined(body)) < 200 + 40 * len(body)


def test_hostile_tables_and_lists_stay_small() -> None:
    """Whose text would grow by the product of rows and columns, of lines and depth, or which would be counted anew."""
    wide = f"<table><tr>{'<td>x' * 4000}{'<tr><td>y' * 4000}"
    deep = f"{'<ul><li>x' * 100}<pre>{'y<br>' * 4000}"
    beside = "<ul>" + "<li>x</li><ul><li>y</ul>" * 2500
    for body in (wide, deep, beside):
        assert len(joined(body)) < 20 * len(body)
