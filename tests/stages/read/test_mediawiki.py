"""MediaWiki dumps: every article once whatever the cut and the packing; wikitext to text in linear time."""

import bz2
import gzip
import io
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.read import Piece, Record, _wikitext, mediawiki

HERE = Path(__file__).with_suffix("").parent / "mediawiki"
DUMP = (HERE / "dump.xml").read_bytes()
OPTIONS = mediawiki.Options()


def read(data: bytes, target: int = 1 << 40, options: mediawiki.Options = OPTIONS) -> list[Record]:
    file = io.BytesIO(data)
    return [
        record
        for start, end in mediawiki.cut(file, len(data), target, options)
        for record in mediawiki.read(file, Piece("wiki", "a.xml.bz2", start, end), options)
    ]


def verdicts(records: list[Record]) -> list[str | None]:
    return [one.beside or one.reason or one.title for one in records]


EXPECTED = ["Řeka písku", "read.redirect", "other_namespace", "read.not_text", "Dvě verze", "read.empty"]


def test_an_article_becomes_plain_text_with_what_the_dump_says_of_it() -> None:
    whole = read(DUMP)
    assert verdicts(whole) == EXPECTED
    one = whole[0]
    assert (one.text or "").split("\n") == (HERE / "7.txt").read_text("utf-8").splitlines()
    assert one.url == "https://cs.wikipedia.org/wiki/%C5%98eka_p%C3%ADsku"
    assert (one.declared_language, one.published, one.record_id) == ("cs", date(2024, 2, 29), "7")
    assert one.declared_licence == "CC-BY-SA-4.0"
    assert one.facts == {
        "page": "7", "revision": "101", "version": "2024-02-29T10:11:12Z", "site": "cswiki",
        "licence_basis": mediawiki.BASIS,
    }  # fmt: skip
    assert "Vymyšlený" not in repr(whole), "contributors are not read"
    assert whole[4].text == "nová verze" and whole[4].facts and whole[4].facts["revision"] == "106"
    elsewhere = read(DUMP.replace(b"cs.wikipedia.org", b"wikipedia.org.example"))
    assert elsewhere[0].declared_licence is None and elsewhere[0].url
    assert "licence_basis" not in (elsewhere[0].facts or {}), "another wiki's licence is not known"


def streams(*cuts: int) -> bytes:
    """The dump in bzip2 streams that are cut there, an empty one between each two."""
    edges = [0, *sorted(cuts), len(DUMP)]
    parts = [DUMP[a:b] for a, b in pairwise(edges)]
    return bz2.compress(b"").join(bz2.compress(part) for part in parts)


def test_any_packing_gives_the_same_documents() -> None:
    plain = read(DUMP)
    for packed in (streams(), streams(700, 2245, 2252, 2253, 3000), gzip.compress(DUMP)):
        found = read(packed)
        assert [one.text for one in found] == [one.text for one in plain]
        assert verdicts(found) == EXPECTED
        assert len({one.position for one in found}) == len(found)
        mediawiki.check(io.BytesIO(packed), OPTIONS)
        if packed[:2] == b"\x1f\x8b":
            assert list(mediawiki.cut(io.BytesIO(packed), len(packed), 10, OPTIONS)) == [(0, len(packed))]


@settings(deadline=None)
@given(st.lists(st.integers(0, len(DUMP)), max_size=5), st.integers(50, 5000), st.booleans())
def test_any_cut_gives_the_same_records(cuts: list[int], target: int, plain: bool) -> None:
    data = DUMP if plain else streams(*cuts)
    assert read(data, target) == read(data)


@settings(deadline=None)
@given(st.lists(st.integers(0, len(DUMP)), max_size=5), st.data())
def test_damage_is_counted_and_costs_no_other_stream(cuts: list[int], choice: st.DataObject) -> None:
    data = bytearray(DUMP if choice.draw(st.booleans()) else streams(*cuts))
    for _ in range(choice.draw(st.integers(1, 3))):
        data[choice.draw(st.integers(0, len(data) - 1))] ^= 1 << choice.draw(st.integers(0, 7))
    broken = bytes(data[: choice.draw(st.integers(0, len(data)))])
    whole = read(broken)
    assert read(broken, choice.draw(st.integers(1, 5000))) == whole
    assert len({one.position for one in whole}) == len(whole)
    assert all(one.text or one.reason or one.beside for one in whole)


def test_a_damaged_stream_is_one_record_and_the_next_is_read() -> None:
    one, two = bz2.compress(DUMP[:2245]), bz2.compress(DUMP[2245:])
    for broken in (one[:-20] + bytes(20) + two, one + b"junk" + two, one[:40] + b"\xff" * 9 + one[49:] + two):
        found = read(broken)
        assert verdicts(found)[-5:] == EXPECTED[1:] and "read.damaged" in verdicts(found)[:2]
    assert verdicts(read(one + two[:-30]))[-1] == "read.damaged"
    assert verdicts(read(DUMP.replace(b"<id>8</id>", b"<id>8</idd>")))[1] == "read.damaged"
    assert verdicts(read(DUMP.replace(b"</page>", b"", 1)))[:2] == ["read.damaged", "read.redirect"]


def test_a_large_page_is_not_held() -> None:
    large = DUMP.replace("stará".encode(), b"x" * (5 << 20))
    (one,) = [one for one in read(large, options=mediawiki.Options(max_bytes=1 << 20)) if one.reason_limit]
    assert (one.reason, one.bytes_in, one.reason_limit) == ("read.too_large", (5 << 20) + 280, float(1 << 20))
    assert verdicts(read(large, options=mediawiki.Options(max_bytes=1 << 20)))[-1] == "read.empty"
    assert verdicts(read(large)) == EXPECTED


@pytest.mark.parametrize("data", [b"", b"<html>", bz2.compress(b"1:2:Title\n" * 9), gzip.compress(b"<act/>")])
def test_another_format_is_a_mistake_to_the_check(data: bytes) -> None:
    with pytest.raises(PipelineError, match="not a MediaWiki XML dump"):
        mediawiki.check(io.BytesIO(data), OPTIONS)
    assert [(one.position, one.reason) for one in read(data, 1)] == [("", "read.wrong_format")]


WIKITEXT = [
    ("a [[b]]s [[c|d]] [[e|]] [[#f]] [[g (h)|g]]", "a bs d e #f g"),
    ("[[Category:X]] [[File:a.png|thumb|b [[c]]]] [[:Category:X]] [[Bild:a.JPG]]", "Category:X"),
    ("[[de:Stadt]] [[wikt:slovo]] [[en:a|b]]", "wikt:slovo b"),
    ("{{a|{{b}}|c={{d|[[e]]}}}} f {{{g|h}}}", "f"),
    ("{{lang|fr|l'été}} {{Lang|la|[[urbs]]}} {{lang}}", "l'été urbs"),
    ("das {{lang|de|Wort}}, {{lang-fr|le mot}}, {{enS|the word|links=no}}", "das Wort, le mot, the word"),
    ("{{convert|5|km|mi|abbr=on}} {{cvt|5|to|6|km}} {{Convert|1,000.5|-|2|m2}}", "5 km 5 to 6 km 1,000.5 - 2 m2"),
    ("{{unité|5|km}}, {{date|1|mai|2000|en France}}, {{XIXe siècle}} {{1er}}", "5 km, 1 mai 2000, XIXe siècle 1er"),
    ("{{nowrap|a b}}{{snd}}{{formatnum:5000}} {{Zitat|Text=x|1=a = b}} {{nowrap|E = m}}", "a b – 5000 a = b"),
    ("{{quote|{{lang|la|[[urbs|Urbs]]}} aeterna|Author}} {{#if:a|b}} {{XVI}} {{small}}", "Urbs aeterna XVI"),
    ("{{Infobox|name=a|b}} {{fr}} {{cite web|title=a}} {{" + "lang|la|" + "x" * 5000 + "}}", ""),
    ("a (b; {{c}}) d ({{e}}) f ({{g}}, h) printf()", "a (b; ) d f (h) printf()"),
    ("''a'' '''b''' '''''c''''' l'''d'' e'''f'''", "a b c l'd ef"),
    ("l'''Italia'' è", "l'Italia è"),
    ("a<ref>b</ref>c<ref name=d/>e<ref>f", "acef"),
    ("a<!-- b\n\n-->c\n<!-- d", "ac"),
    ("a\nb\n\nc", "a b\nc"),
    ("== A ==\n=== B ===\nc\n== D ==\n=== E ===", "A\nB\nc"),
    ("* a\n** b\n# c\n: d\n; e", "- a\n- b\n- c\nd\ne"),
    ("a\n{|\n| b\n{|\n| c\n|}\n|}\nd", "a\nd"),
    ("{|\n| never closed\n\nb", "b"),
    ("a {{never closed\nb", "a never closed b"),
    ("a ]] }} |} b", "a ]] |} b"),
    ("<p>a</p>b<br>c<ul><li>d</ul><table><tr><td>e</table>", "a\nb\nc\n- d"),
    ("<nowiki>''a'' [[b]] &lt;</nowiki>", "a [[b]] <"),
    ("<pre>\na  b\n [[c]]</pre>", "a b\n[[c]]"),
    ("-{sr-ec:а; sr-el:a}- -{б}-", "а б"),
    ("__TOC__ __init__ &copy; &nosuch; &amp AT&T 3 < 4", "__init__ © &nosuch; &amp AT&T 3 < 4"),
    ("[http://a.example b [[c]]] [http://a.example] [//a.example d] [e]", "b c d [e]"),
    ("", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WIKITEXT)
def test_wikitext_to_plain_text(text: str, expected: str) -> None:
    assert _wikitext.plain(text, mediawiki.MEDIA) == expected


MARKS = ["{{", "}}", "[[", "]]", "{|\n", "|}", "|", "\n", "'''", "''", "<ref>", "</ref>", "<br>", "<table>", "=", "*",
         "[http://a ", "]", "-{", "}-", "&amp;", "(", ")", "a", " ", "<nowiki>", "<!--", "<b a=\""]  # fmt: skip


@given(st.lists(st.sampled_from(MARKS), max_size=60).map("".join))
def test_any_wikitext_is_read(text: str) -> None:
    plain = _wikitext.plain(text, mediawiki.MEDIA)
    assert _wikitext.BREAK not in plain and "\n\n" not in plain
    for line in plain.split("\n"):
        assert line == line.strip() and (line or not plain)


def test_hostile_wikitext_takes_linear_time() -> None:
    """Each of these takes mwparserfromhell minutes or more; a quadratic step would not end within the test's limit."""
    repeated = [
        "{{a|b={{c|",
        '<b a="',
        "{{{a|",
        "{{a|[[b|<i>",
        "[http://a ",
        "[[",
        "(,",
        "<ref>",
        "''[[a|'''{{b|",
        "=",
        "-{",
    ]
    for part in repeated:
        _wikitext.plain(part * (500_000 // len(part)), mediawiki.MEDIA)
