"""Pages become their main text, hostile ones a reason, and neither depends on the pages beside them."""

import os
import pickle
import random
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from florilegium.pipeline.schema import Batch, batch
from florilegium.stages import _pdf
from florilegium.stages.extract import BINARY, Extract, scan
from florilegium.stages.read import COLUMNS

SENTENCES = (
    "The lighthouse keeper wrote down the weather every morning, and nobody ever read his notebooks.",
    "Years later a student found them in an attic, and with them the first account of the great storm.",
    "He had noted the wind, the height of the waves, and the names of the ships that did not come back.",
    "The notebooks are now kept in the museum of the town, where visitors may turn their pages.",
)
ARTICLE = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)
TEXT = "\n".join(SENTENCES)

ENGINES = ("blocks", "trafilatura", "trafilatura-fast", *(["resiliparse"] if find_spec("resiliparse") else []))
every_engine = pytest.mark.parametrize("engine", ENGINES)


def page(body: str, head: str = "<title>The keeper</title>") -> bytes:
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode()


def rows(*payloads: bytes | None, **columns: Any) -> Batch:
    ids = [number.to_bytes(16, "big") for number in range(len(payloads))]
    return batch({"id": ids, "html": list(payloads), **columns}, COLUMNS)


def outcome(result: Batch) -> list[tuple[Any, ...]]:
    names = ("charset", "title", "text", "reason", "reason_value", "reason_limit")
    return list(zip(*(result[name].to_pylist() for name in names), strict=True))


def reason(payload: bytes, stage: Extract | None = None) -> tuple[Any, Any, Any]:
    (_, _, text, *verdict) = outcome((stage or Extract())(rows(payload)))[0]
    assert (text is None) == (verdict[0] is not None)
    return tuple(verdict)


@every_engine
def test_main_text_and_title_without_what_surrounds_them(engine: Any) -> None:
    around = "<nav><a href=/>Home</a> <a href=/b>Basket</a></nav>", "<footer>Imprint</footer>"
    result = Extract(engine=engine)(rows(page(f"<main><h1>Notes</h1>{ARTICLE}</main>".join(around))))
    assert outcome(result) == [("utf-8", "The keeper", f"Notes\n{TEXT}", None, None, None)]
    assert result["html"].null_count == 1


TABLE = "<table><tr><td>Storm of 1872</td><td>seven ships</td></tr></table>"


@every_engine
def test_tables_are_kept_and_comments_are_not(engine: Any) -> None:
    """trafilatura and resiliparse keep any table; blocks one that stands in what it takes for the text."""
    comments = f"<div id=comments class=comments>{'<p>What a fine article this is, I liked it.</p>' * 3}</div>"
    bodies = [f"<main><h1>Notes</h1>{ARTICLE}{TABLE}</main>", *([] if engine == "blocks" else [f"{ARTICLE}{TABLE}"])]
    for body in bodies:
        text = Extract(engine=engine)(rows(page(body + comments)))["text"][0].as_py()
        assert "Storm of 1872" in text
        assert "seven ships" in text
        assert "fine article" not in text


XHTML = '<?xml version="1.0" encoding="{charset}"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><head><title>é</title></head>'


@every_engine
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "UTF-16", "iso-8859-2"])
def test_xhtml_with_an_xml_prolog(charset: str, engine: Any) -> None:
    """The prolog names a charset that the page is no longer in once it is parsed."""
    html = XHTML.format(charset=charset) + f"<body>{ARTICLE}<p>élan, été.</p></body></html>"
    (_, title, text, why, *_) = outcome(Extract(engine=engine)(rows(html.encode(charset))))[0]
    assert (title, text, why) == ("é", f"{TEXT}\nélan, été.", None)


@every_engine
def test_charset_comes_from_the_header_and_from_the_host(engine: Any) -> None:
    hungarian = "Az őszi szél fűzfákat hajlít a tó körül, és a hűvös esték után köd üli meg a völgyet."
    payload = page(f"<p>{hungarian}</p>").decode().encode("iso-8859-2")
    for beside in ({"declared_charset": ["latin2"]}, {"host": ["www.example.hu"]}):
        found = outcome(Extract(engine=engine)(rows(payload, **beside)))[0]
        assert found[:3] == ("iso-8859-2", "The keeper", hungarian)


BOMB = " ".join(f"a{number}=1" for number in range(200_000))

REASONS: dict[str, tuple[bytes, str | None]] = {
    "nested div": (page("<div>" * 100_000 + ARTICLE), "extract.too_deep"),
    "unclosed b": (page("<b>" * 100_000 + ARTICLE), "extract.too_deep"),
    "attributes": (page(f"<p {BOMB}>{ARTICLE}"), "extract.too_many_attributes"),
    "links": (page("".join(f"<a href={n}>{n}</a>" for n in range(150_000))), "extract.too_many_nodes"),
    "11 MiB": (page("<p>" + "many words, " * 1_000_000), "extract.too_large"),
    "10 MB in one attribute": (page(f"<img src='data:{'A' * 10_000_000}'>{ARTICLE}"), None),
    "open comment": (page(ARTICLE + "<!--" * 100_000), None),
    "open script": (page(ARTICLE + "<script>" * 100_000), None),
    "NULs": (page(ARTICLE + "\0" * 500), "extract.binary"),
    "random bytes": (random.Random(7).randbytes(100_000), "extract.binary"),
    "PDF": (b"%PDF-1.7\n" + page(ARTICLE), "extract.pdf_damaged"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + page(ARTICLE), "extract.binary"),
    "zip": (b"PK\3\4" + page(ARTICLE), "extract.binary"),
    "gzip": (b"\x1f\x8b\x08" + page(ARTICLE), "extract.binary"),
    "WebP": (b"RIFF\0\0\0\1WEBP" + page(ARTICLE), "extract.binary"),
    "MP4": (b"\0\0\0\x18ftypmp42" + page(ARTICLE), "extract.binary"),
    "no charset": (b"<p>" + bytes(range(256))[::7] * 3 + b"\x81\x8d\x8f\x90\x9d" * 3, "extract.undecodable"),
    "nothing": (b"", "extract.empty"),
    "spaces": (b" \n\t ", "extract.empty"),
    "a comment": (b"<!-- only this -->", "extract.empty"),
    "no text": (page("<img src=a.png>"), "extract.empty"),
    "an open title": (page("", "<title>") + ARTICLE.encode(), "extract.empty"),
}


@every_engine
@pytest.mark.parametrize("name", REASONS)
def test_hostile_pages(name: str, engine: Any) -> None:
    payload, expected = REASONS[name]
    assert reason(payload, Extract(engine=engine))[0] == expected


@every_engine
def test_a_page_that_is_deep_in_the_tree_alone(engine: Any) -> None:
    """Misnested tags: the scan counts few open elements, trafilatura's parser repairs them to many."""
    deep = page(ARTICLE + "<b><div></b>" * 700)
    expected = "extract.too_deep" if engine.startswith("trafilatura") else None
    assert reason(deep, Extract(engine=engine))[0] == expected
    assert expected or outcome(Extract(engine=engine)(rows(deep)))[0][2] == TEXT


MANY = "extract.too_many_blocks"


def test_every_reason_is_declared() -> None:
    given_elsewhere = {"extract.cpu_limit", "extract.memory_limit", "extract.crashed", "extract.gated"}
    seen = {expected for _, expected in REASONS.values() if expected} | {"extract.failed", MANY} | set(_pdf.REASONS)
    assert seen | given_elsewhere == set(Extract.reasons)


def test_budgets_are_exact_and_told() -> None:
    payload = page(f"<div a b c>{ARTICLE}</div>")
    ((nodes, depth, attributes, _, _),) = scan(pa.array([payload], pa.large_binary())).tolist()
    budgets = {
        "extract.too_large": ("max_bytes", len(payload)),
        "extract.too_many_nodes": ("max_nodes", nodes),
        "extract.too_deep": ("max_depth", depth),
        "extract.too_many_attributes": ("max_attributes", attributes),
    }
    for why, (option, value) in budgets.items():
        assert reason(payload, Extract(**{option: value})) == (None, None, None)
        assert reason(payload, Extract(**{option: value - 1})) == (why, value, value - 1)
    why, share, limit = reason(page(ARTICLE + "\0" * 500))
    assert (why, limit) == ("extract.binary", BINARY)
    assert BINARY < share < 1


ODD = ("\0", "\x01", "\x0b", "\x0c", "\x1f", "\ufffe", "\uffff", "&#0;", "&#12;", "&#x0b;", "&#x1F", "&#xD800;")


@every_engine
@pytest.mark.parametrize("odd", ODD)
def test_one_odd_character_does_not_cost_the_page(odd: str, engine: Any) -> None:
    payload = page(f"{ARTICLE}<p>before {odd} after</p>", f"<title>a {odd} b</title>")
    (_, title, text, why, *_) = outcome(Extract(engine=engine)(rows(payload)))[0]
    assert why is None
    assert TEXT in text
    assert "before" in text
    assert "after" in text
    assert title[0] + title[-1] == "ab"


@every_engine
def test_characters_that_look_like_odd_ones_stay(engine: Any) -> None:
    for reference, letter in {"&#x1d4a;": "ᵊ", "&#128;": "€", "&#318;": "ľ", "&#x10c;": "Č", "&#14000;": "㚰"}.items():
        found = Extract(engine=engine)(rows(page(f"{ARTICLE}<p>letter {reference} here</p>")))
        assert letter in found["text"][0].as_py()


@every_engine
def test_elements_with_names_that_xml_has_not(engine: Any) -> None:
    body = f"<blockquote><q>{ARTICLE}<o:p>Copied from a word processor.</o:p><a<b>torn</a<b></q></blockquote>"
    assert "Copied from a word processor." in Extract(engine=engine)(rows(page(body)))["text"][0].as_py()


def test_an_error_of_the_extractor_costs_the_page_and_no_other() -> None:
    """Where the calls above leave no room for trafilatura's recursion, it raises: a reason, never silence."""
    deep = page(ARTICLE + "<pre><code>" * 200 + "text" + "</code></pre>" * 200)
    both = rows(deep, page(ARTICLE))
    stage = Extract(engine="trafilatura")
    assert [row[3] for row in outcome(stage(both))] == [None, None]

    def beneath(calls: int) -> Batch:
        return beneath(calls - 1) if calls else stage(both)

    frames = 0
    frame = sys._getframe()
    while frame.f_back:
        frames, frame = frames + 1, frame.f_back
    assert [row[3] for row in outcome(beneath(sys.getrecursionlimit() - frames - 150))] == ["extract.failed", None]


def test_text_given_and_reasons_given_pass_through() -> None:
    given_ = rows(
        *(None, page(ARTICLE), None, page(ARTICLE)),
        text=["brought", None, None, "brought too"],
        title=["t", None, None, None],
        reason=[None, "read.damaged", None, None],
    )
    result = Extract()(given_)
    assert outcome(result) == [
        (None, "t", "brought", None, None, None),
        (None, None, None, "read.damaged", None, None),
        (None, None, None, "extract.empty", None, None),
        (None, None, "brought too", None, None, None),
    ]
    assert result["html"].null_count == 4
    untouched = [name for name in COLUMNS if name not in (*Extract.writes, "reason", "reason_value", "reason_limit")]
    assert result.select(untouched).equals(given_.select(untouched))
    assert Extract()(rows()).num_rows == 0


def test_a_text_that_is_brought_has_a_largest_size_too() -> None:
    result = Extract(max_bytes=8)(rows(None, None, text=["gr\u00f6\u00dfer!", "gr\u00f6\u00dfer"]))
    assert outcome(result) == [
        (None, None, None, "extract.too_large", 9.0, 8.0),
        (None, None, "gr\u00f6\u00dfer", None, None, None),
    ]


PAGES = [
    page(ARTICLE),
    page(f"<div><span>{SENTENCES[0]}</span></div><ul><li>{SENTENCES[1]}</li></ul>"),
    page("".join(f"<div class=post><b>{n}</b> {sentence}</div>" for n, sentence in enumerate(SENTENCES * 5))),
    page("<table>" + "".join(f"<tr><td>{n}<td>{sentence}" for n, sentence in enumerate(SENTENCES))),
    page("<p>" + "<br>".join(SENTENCES) + "<figure><img src=a.jpg></figure><aside>x</aside><footer>y</footer>"),
    page("<p>Übergröße, žluťoučký kůň.</p>").decode().encode("iso-8859-2"),
    page(ARTICLE.replace("<p>", "<p>&nbsp;&#13;")),
    page("<p>short</p>"),
    b"",
    b"\0\1\2",
    page("<div>" * 600),
]


@every_engine
@settings(max_examples=40, deadline=None)
@given(pages=st.lists(st.sampled_from(PAGES), max_size=12), size=st.integers(1, 5))
def test_neither_order_nor_batches_show_in_what_is_extracted(engine: Any, pages: list[bytes], size: int) -> None:
    """Each page alone, first in the process or after others, gives the same."""
    stage = Extract(engine=engine)
    alone = {payload: outcome(stage(rows(payload)))[0] for payload in reversed(PAGES)}
    together = stage(rows(*pages))
    assert outcome(together) == [alone[payload] for payload in pages]
    cut = [stage(rows(*pages[at : at + size])) for at in range(0, len(pages), size)]
    assert [row for part in cut for row in outcome(part)] == outcome(together)
    sliced = [stage(rows(*pages).slice(at, size)) for at in range(0, len(pages), size)]
    assert [row for part in sliced for row in outcome(part)] == outcome(together)


def test_hash_seeds_do_not_show() -> None:
    """Sets of another order, in trafilatura or in its word lists, leave the text alone."""
    program = (
        "import sys; from florilegium.stages._trafilatura import reader; read = reader('balanced', 500, False)\n"
        "print([read(page) for page in eval(sys.argv[1])])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program, repr(PAGES)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert SENTENCES[0].encode() in told.pop()


MARKUP = "<b> </b> <p> </p> <li> <td> <tr> <table> </table> <a> </a> <o:p> <h2> <div> <!-- --> &#1; &amp;"
PIECES = (*MARKUP.split(), "<div class=comments>", "\0", "\x0c", "\ufffe", "é", *SENTENCES)
SOUP = st.lists(st.sampled_from(PIECES), max_size=30).map(lambda parts: "".join(parts).encode())


@every_engine
@settings(max_examples=150, deadline=None)
@given(payload=SOUP | st.binary(max_size=200))
def test_any_page_gives_a_text_or_a_reason(engine: Any, payload: bytes) -> None:
    result = Extract(engine=engine)(rows(payload))
    ((_, title, text, why, *_),) = outcome(result)
    assert (text is None) != (why is None)
    assert why != "extract.failed"
    for written in filter(None, (title, text)):
        assert written == written.strip()
        assert not set(written) & {chr(code) for code in range(32) if chr(code) not in "\t\n"}


@every_engine
def test_every_favor_keeps_the_article_and_the_stage_pickles(engine: Any) -> None:
    related = "".join(f"<li><a href={number}>{sentence}</a></li>" for number, sentence in enumerate(SENTENCES))
    body = f"{ARTICLE}<ul class=related>{related}</ul>"
    for favor in ("balanced", "precision", "recall"):
        stage = Extract(engine=engine, favor=favor)
        again = pickle.loads(pickle.dumps(stage))
        assert again == stage
        assert outcome(again(rows(page(body)))) == outcome(stage(rows(page(body))))
        assert TEXT in stage(rows(page(body)))["text"][0].as_py()


def test_options_are_checked() -> None:
    assert Extract() == Extract(engine="blocks")
    wrong: list[dict[str, Any]] = [{"engine": "boilerpipe"}, {"max_depth": 5_000}, {"max_bytes": 0}, {"fast": True}]
    for options in wrong:
        with pytest.raises(ValidationError):
            Extract(**options)


def test_scan_reads_slices_and_nulls() -> None:
    pages = pa.array([b"<p>", None, b"<a><b>", b""], pa.large_binary())
    assert scan(pages)[:, 0].tolist() == [1, 0, 2, 0]
    assert scan(pages.slice(2)).tolist() == [[2, 2, 0, 1, 0], [0, 0, 0, 0, 0]]
    assert scan(pages.slice(4)).shape == (0, 5)
    assert scan(pa.array([None], pa.large_binary())).tolist() == [[0] * 5]
