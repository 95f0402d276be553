"""The scan in C counts what its definition counts: the slow one below, written from `stages/native/scan.h`."""

import re
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from florilegium.stages import _native

SATURATION = 65_535


def words(text: str) -> set[str]:
    return set(text.split())


VOID = words("area base br col embed frame hr img input link meta param source track wbr")
RAW = words("script style textarea title xmp iframe noembed noframes")
BLOCK = words(
    "address article aside blockquote center details div dl fieldset figure footer form h1 h2 h3 h4 h5 h6 header "
    "hr main menu nav ol p pre section table ul"
)
ENDS = {name: {"p"} for name in BLOCK} | {
    "li": {"p", "li"},
    "dt": {"p", "dt", "dd"},
    "dd": {"p", "dt", "dd"},
    "td": {"p", "td", "th"},
    "th": {"p", "td", "th"},
    "tr": {"p", "td", "th", "tr", "caption", "colgroup"},
    "caption": {"p", "caption", "colgroup"},
    "colgroup": {"p", "caption", "colgroup"},
    "option": {"option"},
    "optgroup": {"option", "optgroup"},
    "rt": {"rt", "rp"},
    "rp": {"rt", "rp"},
    "a": {"a"},
    "body": {"head"},
}
for section in ("tbody", "thead", "tfoot"):
    ENDS[section] = {"p", "td", "th", "tr", "caption", "colgroup", "tbody", "thead", "tfoot"}

OTHER = words(
    "abbr acronym applet audio b bdi bdo bgsound big blink button canvas cite code data datalist del dfn dialog dir "
    "em fencedframe figcaption font frameset head hgroup html i image ins isindex kbd keygen label legend listing map "
    "mark marquee math menuitem meter multicol nextid nobr noscript object output picture progress q rb rtc ruby s "
    "samp search select selectedcontent slot small spacer span strike strong sub summary sup svg template time tt u "
    "var video"
)

SPACE = rb"[ \t\n\f\r]"
TEXT = re.compile(rb"(?:[^<]|<(?![A-Za-z/!?]))+", re.S)
COMMENT = re.compile(rb"<!--(?:>|->|.*?--!?>|.*)", re.S)
BOGUS = re.compile(rb"<(?:[!?]|/(?![A-Za-z>]))[^>]*>?", re.S)
NAME = re.compile(rb"<(/?)([A-Za-z][^ \t\n\f\r/>]*)", re.S)
BETWEEN = re.compile(rb"[ \t\n\f\r/]*")
QUOTED = rb"\"[^\"]*(?:\"|$)|'[^']*(?:'|$)"
VALUE = rb"(?:" + QUOTED + rb"|[^ \t\n\f\r>\"'][^ \t\n\f\r>]*|(?=>)|$)"
ATTRIBUTE = re.compile(rb"[^ \t\n\f\r/>][^ \t\n\f\r/>=]*(?:" + SPACE + rb"*=" + SPACE + rb"*" + VALUE + rb")?", re.S)


def definition(html: bytes) -> tuple[int, ...]:
    """Nodes, depth, attributes, links, controls of a page: the meaning of the scan, slowly."""
    nodes = attributes = links = depth = 0
    stack: list[str] = []
    at = 0
    while at < len(html):
        if html.startswith(b"</>", at):
            at += len(b"</>")
            continue
        if found := TEXT.match(html, at) or COMMENT.match(html, at) or BOGUS.match(html, at):
            nodes, at = nodes + 1, found.end()
            continue
        at, end, name, count = tag(html, at)
        attributes = max(attributes, count)
        if name is None:
            break
        if end:
            if name in stack:
                del stack[len(stack) - 1 - stack[::-1].index(name) :]
            continue
        nodes += 1
        links += name == "a"
        while stack and stack[-1] in ENDS.get(name, ()):
            stack.pop()
        if name not in VOID and len(stack) < SATURATION:
            stack.append(name)
        depth = max(depth, len(stack))
        start = at
        at = raw_end(html, at, name)
        nodes += at > start
    controls = sum(byte < 0x20 and byte not in b"\t\n\f\r" for byte in html)
    return nodes, depth, attributes, links, controls


def tag(html: bytes, at: int) -> tuple[int, bool, str | None, int]:
    """Where the tag at `at` ends, whether it is an end tag, its name (None if the input ends first), its attributes."""
    name = NAME.match(html, at)
    assert name
    at, count = name.end(), 0
    while True:
        between = BETWEEN.match(html, at)
        at = between.end() if between else at
        if at == len(html):
            return at, bool(name[1]), None, count
        if html[at : at + 1] == b">":
            return at + 1, bool(name[1]), name[2].lower().decode("latin-1"), count
        attribute = ATTRIBUTE.match(html, at)
        assert attribute, html[at:]
        at, count = attribute.end(), count + 1


def raw_end(html: bytes, at: int, name: str) -> int:
    """Where the raw text behind the start tag `name` ends: `at` itself for other elements."""
    if name == "plaintext":
        return len(html)
    if name not in RAW:
        return at
    found = re.compile(b"</" + name.encode() + rb"[ \t\n\f\r/>]", re.I).search(html, at)
    return found.start() if found else len(html)


def scan(pages: Sequence[bytes], before: bytes = b"", after: bytes = b"") -> list[tuple[int, ...]]:
    """The scan in C of pages that stand in one buffer, with other bytes before and behind them."""
    ends = [len(before)]
    for page in pages:
        ends.append(ends[-1] + len(page))
    out = _native.scan(before + b"".join(pages) + after, struct.pack(f"={len(ends)}q", *ends))
    return list(struct.iter_unpack("=5q", out))


NAMES = sorted(VOID | RAW | set(ENDS) | words("b span select plaintext x-y title-x A SCRIPT é"))
TORN = words(
    "< > / = ' \" ! - -- <!-- --> --!> <! <?xml <![CDATA[ ]]> </> /> => text é a=1 b='x>' c=\"y>\" <a <b/ </p </script"
)
SOUP = st.lists(
    st.sampled_from([f"<{name}>" for name in NAMES])
    | st.sampled_from([f"</{name}>" for name in NAMES])
    | st.sampled_from(sorted(TORN | {" ", "\n", "\t", "\f", "\0", "\x0b"})),
    max_size=40,
).map(lambda parts: "".join(parts).encode())

CASES: dict[bytes, tuple[int, ...]] = {
    b"": (0, 0, 0, 0, 0),
    b"text": (1, 0, 0, 0, 0),
    b"1 < 2 <3": (1, 0, 0, 0, 0),
    b"<html><head><title>t</title><body><p>one<p>two<br>three</html>": (11, 3, 0, 0, 0),
    b"<ul><li><p>a<li><p>b<li>c</ul>": (9, 3, 0, 0, 0),
    b"<table><tr><td>1<td>2<tr><td>3</table>": (9, 3, 0, 0, 0),
    b"<div><b></div>" * 100: (200, 2, 0, 0, 0),
    b"<a href=x>y</a><A name='>'>z": (4, 1, 1, 2, 0),
    b"<p a b=1 c='2' d=\"3\" e = f/>": (1, 1, 5, 0, 0),
    b"<script>if (a<b) '</p>'</script ><p>": (3, 1, 0, 0, 0),
    b"<title><b>bold</b></title>": (2, 1, 0, 0, 0),
    b"<!-- <p> --><!--><!---><p><!-- open <p>": (5, 1, 0, 0, 0),
    b"<!doctype html><?xml ?><![CDATA[<p>]]></>": (4, 0, 0, 0, 0),
    b"<plaintext></plaintext>": (2, 1, 0, 0, 0),
    b"<p><p a b c": (1, 1, 3, 0, 0),
    b"\0\1\t\n\f\r\x1f\x7f": (1, 0, 0, 0, 3),
    b"<b>" * 70_000: (70_000, SATURATION, 0, 0, 0),
}


@pytest.mark.parametrize("page", CASES, ids=lambda page: page[:24].decode("latin-1"))
def test_counts_are_those_worked_out_by_hand(page: bytes) -> None:
    assert scan([page]) == [CASES[page]]
    assert definition(page) == CASES[page]


@given(st.lists(st.binary(max_size=60) | SOUP, max_size=6), st.binary(max_size=9), st.binary(max_size=9))
def test_scan_equals_its_definition(pages: list[bytes], before: bytes, after: bytes) -> None:
    """Whatever the bytes, and whatever stands beside them in the buffer."""
    assert scan(pages, before, after) == [definition(page) for page in pages]


@given(SOUP)
def test_letter_case_of_markup_is_irrelevant(page: bytes) -> None:
    assert scan([page]) == scan([page.upper()]) == scan([page.lower()])


def test_no_two_names_of_html_share_a_hash() -> None:
    """Else one element would end another: `<x><y></x>` leaves nothing open exactly if x and y are told apart."""
    names = sorted((OTHER | BLOCK | set(ENDS)) - VOID)
    pages = [f"<{x}></{y}><i>".encode() for x in names for y in names if x != y]
    assert len(names) > 100
    assert {depth for _, depth, *_ in scan(pages)} == {2}


def test_offsets_are_checked() -> None:
    cases = {
        (0, 4): r"offsets\[1\] is 4, expected 0 to 3",
        (0, 2, 1): r"offsets\[2\] is 1, expected 2 to 3",
        (-1, 2): r"offsets\[0\] is -1",
        (2**62, 2**62): r"offsets\[0\]",
    }
    for offsets, message in cases.items():
        with pytest.raises(ValueError, match=message):
            _native.scan(b"abc", struct.pack(f"={len(offsets)}q", *offsets))
    for odd in (b"", b"\0" * 7, b"\0" * 9):
        with pytest.raises(ValueError, match="not one or more int64"):
            _native.scan(b"abc", odd)
    assert _native.scan(b"abc", struct.pack("=q", 3)) == b""
