"""PDF files become paragraphs: running heads out, hyphens joined, what the metadata state beside them."""

import random
import zlib
from collections import Counter
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from florilegium.pipeline.schema import batch
from florilegium.stages import _pdf
from florilegium.stages._pdf_forms import overdraws
from florilegium.stages._print import Line, joined, paragraphs
from florilegium.stages.extract import Extract
from florilegium.stages.read import COLUMNS
from tests.stages.printed import XMP, Place, forms, pdf

BODY = [
    "Der Fluss entspringt in den Bergen des Nordens, und sein Lauf ist länger, als die Karten zei-",
    "gen. Wer ihm folgt, kommt durch Wälder, die keinen Namen haben, an das Meer. Seine EU-",
    "weite Bedeutung ist oft beschrieben worden.",
]


def column(lines: list[str], left: float, top: float, size: float = 10) -> list[Place]:
    return [(left, top - 12 * number, size, line) for number, line in enumerate(lines)]


def book(pages: int) -> list[list[Place]]:
    """Pages with a running head that changes sides, a number below, a heading and two paragraphs, the last broken."""
    return [
        [
            (60 if number % 2 else 400, 800, 9, "Flüsse des Nordens"),
            (290, 30, 9, f"– {number + 7} –"),
            (60, 760, 16, f"{number + 1}. Abschnitt {'ABCDEFGH'[number]}"),
            *column([f"{'ABCDEFGH'[number]}: {BODY[0]}", *BODY[1:]], 60, 735),
            *column(
                ["Danach wird er breit; seine Ufer sind flach, und das Wasser steht dort im Sommer, bis die"], 60, 680
            ),
        ]
        for number in range(pages)
    ]


WHOLE = (
    "Der Fluss entspringt in den Bergen des Nordens, und sein Lauf ist länger, als die Karten zeigen. Wer ihm folgt, "
    "kommt durch Wälder, die keinen Namen haben, an das Meer. Seine EU-weite Bedeutung ist oft beschrieben worden."
)


def text(data: bytes) -> list[str]:
    return (_pdf.read(data, 100, 1 << 20).text or "").split("\n")


@pytest.mark.parametrize("pages", [2, 5])
def test_running_heads_and_page_numbers_go_and_paragraphs_are_whole(pages: int) -> None:
    found = text(pdf(book(pages)))
    assert not any("Flüsse des" in line or line.strip("– ").isdigit() for line in found)
    assert found[:2] == ["1. Abschnitt A", f"A: {WHOLE}"]
    assert sum(line.endswith(WHOLE) for line in found) == pages
    assert len(found) == 3 * pages


def test_a_single_page_keeps_its_lines_at_the_edge() -> None:
    found = text(pdf(book(1)))
    assert found[:2] == ["Flüsse des Nordens", "– 7 –"] and f"A: {WHOLE}" in found


def test_numbers_at_the_edge_that_count_no_pages_stay() -> None:
    tables = [[(60, 30, 9, str(value)), *column(BODY, 60, 735)] for value in (431, 17, 902, 64)]
    assert {"431", "17", "902", "64"} <= set(text(pdf(tables)))


def test_a_paragraph_goes_on_in_the_next_column_and_page() -> None:
    left = column(["Zwei Spalten hat diese Seite, und ein", "Satz beginnt hier unten und wird oben"], 60, 100)
    right = column(["in der zweiten Spalte zu Ende geführt,", "wo dann wieder einer beginnt, der erst"], 320, 780)
    after = column(["auf der nächsten Seite endet. So ist es."], 60, 780)
    assert text(pdf([left + right, after])) == [
        "Zwei Spalten hat diese Seite, und ein Satz beginnt hier unten und wird oben in der zweiten Spalte zu Ende "
        "geführt, wo dann wieder einer beginnt, der erst auf der nächsten Seite endet. So ist es."
    ]


def test_items_and_contents_are_lines_of_their_own() -> None:
    items = ["• erster Punkt der Liste, kurz", "• zweiter Punkt, und dieser hier ist länger als", "  der erste war"]
    contents = ["1 Anfang . . . . . . . . . . . . . . . . . . . 3", "2 Schluss . . . . . . . . . . . . . . . . . . 12"]
    assert text(pdf([column([*items, *contents], 60, 700)])) == [
        items[0], "• zweiter Punkt, und dieser hier ist länger als der erste war", *contents,
    ]  # fmt: skip


JOINED = [
    ("zei", "gen", "zeigen"),
    ("Baden", "Württemberg", "Baden-Württemberg"),
    ("EU", "weit", "EU-weit"),
    ("REGU", "LATION", "REGULATION"),
    ("Ein", "und Ausgang", "Ein- und Ausgang"),
    ("bezpečnostně", "politický", "bezpečnostně-politický"),
    ("well", "known", "well-known"),
    ("Haupt", "verfahren", "Hauptverfahren"),
    ("2014", "2020", "2014-2020"),
    ("COVID", "19", "COVID-19"),
    ("(", "x", "(-x"),
]


@pytest.mark.parametrize(("before", "after", "expected"), JOINED)
def test_a_hyphen_stays_where_the_word_has_one(before: str, after: str, expected: str) -> None:
    known = Counter(["bezpečnostně-politický", "well", "known", "Haupt", "verfahren"])
    assert joined(before, after, True, known) == expected
    assert joined(before, after, False, known) == f"{before} {after}"


def test_metadata_become_columns_and_facts() -> None:
    info = {"Title": "Other", "Author": "X", "CreationDate": "D:20310203040506+01'00'"}
    for packet, packing in ((XMP.encode(), ""), (zlib.compress(XMP.encode()), "/Filter/FlateDecode")):
        found = _pdf.read(pdf(book(2), info, packet, packing), 100, 1 << 20)
        assert (found.title, found.language, found.published) == ("Über Flüsse", "de", date(2030, 4, 5))
        assert found.licence == "CC-BY-SA-4.0"
        assert found.facts == {
            "pages": "2", "author": "A. Nobody, B. Noone", "rights": "(c) 2030 Nobody", "tdm_reservation": "1",
            "tdm_policy": "https://a.example/policy.json",
            "web_statement": "https://creativecommons.org/licenses/by-sa/4.0/",
        }  # fmt: skip
    plain = _pdf.read(pdf(book(1), info, b"<x:xmpmeta><broken></x:xmpmeta>"), 100, 1 << 20)
    assert (plain.title, plain.published, plain.licence) == ("Other", date(2031, 2, 3), None)
    assert plain.facts == {"pages": "1", "author": "X"}
    bomb = XMP.replace("<x:xmpmeta", '<!DOCTYPE x [<!ENTITY a "b">]><x:xmpmeta').replace("(c)", "&a;").encode()
    assert _pdf.read(pdf(book(1), info, bomb), 100, 1 << 20).title == "Other"


BOOK = pdf(book(2))
IMAGES: list[list[Place]] = [[], []]
STAMPED: list[list[Place]] = [[(60, 20, 8, "Digitised by Nobody")] for _ in range(4)]
SYMBOLS: list[list[Place]] = [[(60, 700, 10, "1 2 3 + 4")]]
LOCKED = pdf(book(1)).replace(
    b"/Info 4 0 R",
    b"/Info 4 0 R/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<" + b"11" * 32 + b">/U<" + b"22" * 32 + b">>>",
)


def packed(content: bytes, layers: int) -> bytes:
    for _ in range(layers):
        content = zlib.compress(content, 9)
    entry = b"/Filter[" + b"/FlateDecode" * layers + b"]"
    return pdf([[]]).replace(
        b"<</Length 5>>\nstream\nBT ET", b"<<%s/Length %d>>\nstream\n%s" % (entry, len(content), content)
    )


VERDICTS = [
    (packed(b"BT /F 9 Tf (a) Tj ET " * 2_000_000, 1), "extract.pdf_swells", None, None),
    (packed(b"BT /F 9 Tf (a) Tj ET " * 2_000_000, 2), "extract.pdf_swells", None, None),
    (packed(b"BT /F 9 Tf 1 0 0 1 9 9 Tm (a) Tj ET", 2), None, None, None),
    (forms(7, 8), "extract.pdf_swells", None, None),
    (forms(3, 5), None, None, None),
    (pdf(IMAGES), "extract.no_text_layer", None, None),
    (pdf(STAMPED), "extract.no_text_layer", None, None),
    (pdf(SYMBOLS), "extract.no_text_layer", None, None),
    (pdf(book(5)), "extract.too_many_pages", 5.0, 4.0),
    (pdf([column(["länger als erlaubt"] * 60, 60, 800)] * 2), "extract.too_large", None, 1500.0),
    (LOCKED, "extract.pdf_locked", None, None),
    (b"%PDF-1.4\nnothing", "extract.pdf_damaged", None, None),
    (BOOK, None, None, None),
]


@pytest.mark.parametrize(("payload", "reason", "value", "limit"), VERDICTS, ids=[str(one[1]) for one in VERDICTS])
def test_extract_reads_pdf_by_its_signature(
    payload: bytes, reason: str | None, value: float | None, limit: float | None
) -> None:
    page = f"<p>{WHOLE}</p>".encode()
    rows = batch(
        {"id": [bytes([n]) * 16 for n in range(3)], "html": [page, payload, None], "text": [None, None, "given"]},
        COLUMNS,
    )
    found = Extract(max_pages=4, max_bytes=1500)(rows)
    assert found.column("text").to_pylist()[::2] == [WHOLE, "given"]
    assert found["html"].null_count == 3
    one: Any = {
        name: found[name].to_pylist()[1] for name in ("text", "reason", "reason_value", "reason_limit", "facts")
    }
    assert (one["reason"], one["reason_limit"]) == (reason, limit) and (value is None or one["reason_value"] == value)
    assert (one["text"] is None) == (reason is not None)
    if payload == BOOK:
        assert one["facts"] == [("pages", "2")] and one["text"].count(WHOLE) == 2
    declared = batch({"id": [bytes(16)], "html": [b"\n\n" + payload], "mime": ["application/pdf"]}, COLUMNS)
    assert Extract(max_pages=4, max_bytes=1500)(declared)["reason"].to_pylist() == [reason]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_forms_are_counted_before_they_are_drawn(apart: bool, packed: bool) -> None:
    """So many, not more: 1 + 8 + 64 + 512 + 4,096 and 1 + ... + 32,768; and so many letters."""
    for depth, times, letters, over in ((5, 8, "abc", False), (6, 8, "abc", True), (2, 40, "x" * 30_000, True)):
        assert overdraws(forms(depth, times, letters, apart, packed)) == over
    assert not overdraws(forms(2, 30, "x" * 30_000, apart, packed))
    assert _pdf.read(forms(3, 5, "abc", apart, packed), 9, 1 << 20).text == "abc", "drawn on one another"


def test_forms_that_draw_themselves_and_long_chains_end() -> None:
    for to in (b"/X 08 0 R", b"/X 09 0 R"):
        assert overdraws(forms(3, 1).replace(b"/X 10 0 R", to))
    assert not overdraws(forms(3000, 1)) and overdraws(forms(3000, 2))


@pytest.mark.parametrize(
    "content", [rb"(\\(", b"(", b"<a", b"/X Do ", b"/", b"1 0 obj ", b"/XObject<<", b"/Resources 1 "]
)
def test_any_content_is_counted_in_linear_time(content: bytes) -> None:
    """A quadratic step would not end within the test's limit."""
    many = content * (1_000_000 // len(content))
    assert not overdraws(b"1 0 obj<</Subtype/Form>>\nstream\n" + many + b"\nendstream\n2 0 obj" + many)


SAMPLE = pdf(book(3), {"Title": "T"}, XMP.encode())


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 1 << 30), st.integers(1, 60), st.floats(0, 1))
def test_damage_gives_a_text_or_a_reason(seed: int, changes: int, share: float) -> None:
    choice = random.Random(seed)
    data = bytearray(SAMPLE)
    for _ in range(changes):
        data[choice.randrange(5, len(data))] = choice.randrange(256)
    broken = bytes(data[: max(int(share * 2 * len(data)), 5)])
    found = _pdf.read(broken, 100, 1 << 20)
    assert (found.text is None) == (found.reason in Extract.reasons)
    assert found == _pdf.read(broken, 100, 1 << 20)


NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)
LINES = st.builds(
    Line, st.integers(0, 5), st.text(min_size=1, max_size=30), NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.booleans()
)


@given(st.lists(LINES, max_size=30))
def test_any_geometry_is_read_and_no_letter_is_invented(lines: list[Line]) -> None:
    found = "".join(paragraphs(lines))
    assert Counter(c for c in found if c.isalnum()) <= Counter(c for line in lines for c in line.text if c.isalnum())
