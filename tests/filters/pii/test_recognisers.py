"""What is an e-mail or a public IP address, and what only looks like one."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from florilegium.filters.pii import Span, email, ip, resolve

EMAILS: list[tuple[str, list[str]]] = [
    ("Schreiben Sie an anna.muster@example.info.", ["anna.muster@example.info"]),
    ("<anna@a.example>, (bob+x@b-c.co.uk) 'eve@d.eu'", ["anna@a.example", "bob+x@b-c.co.uk", "eve@d.eu"]),
    ("ANNA@EXAMPLE.DE", ["ANNA@EXAMPLE.DE"]),
    (
        "κώστας@παράδειγμα.ελ müller@bücher.de иван@пример.бг",
        ["κώστας@παράδειγμα.ελ", "müller@bücher.de", "иван@пример.бг"],
    ),
    ("mu\u0308ller@bu\u0308cher.de", ["mu\u0308ller@bu\u0308cher.de"]),
    ("an\u00adna@\u200bexam\u00adple.org", ["an\u00adna@\u200bexam\u00adple.org"]),
    ("x@xn--bcher-kva.xn--p1ai", ["x@xn--bcher-kva.xn--p1ai"]),
    ("anna＠example.org mailto:anna%40example.org", ["anna＠example.org", "anna%40example.org"]),
    ("anna (at) example (dot) org, bob[at]web.de", ["anna (at) example (dot) org", "bob[at]web.de"]),
    ("anna @ example.org", ["anna @ example.org"]),
    ("anna@example.org.1 b@c.de.", ["anna@example.org", "b@c.de"]),
    ("git@example.org wrote; git@example.org: hello", ["git@example.org", "git@example.org"]),
    ("https://example.net/p/j.b@web.eu/photos", ["j.b@web.eu"]),
    ("a@b.de@c.eu", ["a@b.de"]),
    ("b@anna@x.social", ["anna@x.social"]),
    ("a@b.de,c@d.eu", ["a@b.de", "c@d.eu"]),
    ("logo@2x.png icon@3x.min.svg getty@tty1.service", []),
    ("@anna@mastodon.social, follow @anna", []),
    ("git@github.com:user/repo.git ssh://git@github.com/user/repo", []),
    ("user@localhost @types/node@1.2.3 pkg@4.17.21 a@b.T", []),
    ("@ @@ a@ @b.de a@.de", []),
]

ADDRESSES: list[tuple[str, list[str]]] = [
    ("81.2.69.142 logged in from 81.2.69.142:8080.", ["81.2.69.142", "81.2.69.142"]),
    ("https://81.2.69.142/x 81.2.69.142/24 IP81.2.69.142", ["81.2.69.142"] * 3),
    ("081.002.069.142", ["081.002.069.142"]),
    ("10.2.0.1 192.168.1.1 172.31.0.1 127.0.0.1 169.254.1.1 100.64.0.1", []),
    ("192.0.2.1 198.51.100.7 203.0.113.9 255.255.255.0 0.0.0.0 224.0.0.1", []),
    ("172.32.0.1", ["172.32.0.1"]),
    ("Version 7.4.2.3, v7.4.2.3, verze: 7.4.2.3, wersja 7.4.2.3, έκδοση 7.4.2.3", []),
    ("The new version connects to 81.2.69.142", ["81.2.69.142"]),
    ("1.3.6.1.4.1 1.2.3 256.1.1.1 1.2.3.4.5 2.16.840.1.113883", []),
    ("§ 1.2.3.4, section 1.2.3.4, Sección 6.3.4.2, vezi Secțiune\xa06.3.9.2", []),
    ("Ende.\n12.6.2.1. Kompilieren\n12.6.2.1 GET /\n81.2.69.142. Dann", ["12.6.2.1", "81.2.69.142"]),
    ("2a00:1e76::94ab:ae40, 2A01:C46:B1D7:F500::1.", ["2a00:1e76::94ab:ae40", "2A01:C46:B1D7:F500::1"]),
    ("[2a00:1450:4001:81b::200e]:443 ip:2a00:1450::1 node:2a00:1450::1:",
     ["2a00:1450:4001:81b::200e", "2a00:1450::1", "2a00:1450::1"]),
    ("2001:db8::1 3fff::1 fe80::1%eth0 ::1 :: fd00::1 ff02::1", []),
    ("::ffff:10.0.0.1", []),
    ("12:30:45 aa:bb:cc:dd:ee:ff std::dec::abc a::b 1:2:3:4:5:6:7:8:9", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), EMAILS)
def test_emails(text: str, expected: list[str]) -> None:
    assert [text[span.start : span.end] for span in email.find(text)] == expected


@pytest.mark.parametrize(("text", "expected"), ADDRESSES)
def test_ip_addresses(text: str, expected: list[str]) -> None:
    assert [text[span.start : span.end] for span in ip.find(text)] == expected


def test_an_address_of_version_4_inside_one_of_version_6_is_one_span() -> None:
    assert resolve(ip.find("x ::ffff:81.2.69.142 y")) == [Span(2, 20, "ip")]


HOSTS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?){0,2}", fullmatch=True)


@given(
    local=st.from_regex(r"[a-z0-9äøčжλ]([a-z0-9äøčжλ.+_-]{0,12}[a-z0-9äøčжλ])?", fullmatch=True),
    host=HOSTS,
    top=st.sampled_from(["de", "info", "museum", "ελ", "бг", "xn--p1ai"]),
    around=st.sampled_from([("", ""), ("(", ")"), ("<", ">"), ("Mail: ", ". Danke"), ("„", "“"), ("\n", "\n")]),
)
def test_every_ordinary_address_is_found_whole(local: str, host: str, top: str, around: tuple[str, str]) -> None:
    address = f"{local}@{host}.{top}"
    text = around[0] + address + around[1]
    (span,) = email.find(text)
    assert text[span.start : span.end] == address


PUBLIC = ["1.0.0.0/8", "81.0.0.0/8", "172.32.0.0/11", "192.64.0.0/10", "198.32.0.0/11", "2400::/12", "2a00::/12"]


@given(address=st.sampled_from(PUBLIC).flatmap(lambda network: st.ip_addresses(network=network)))
def test_every_public_address_is_found(address: object) -> None:
    assert [span.end - span.start for span in ip.find(f"from {address}.")] == [len(str(address))]


@pytest.mark.parametrize(
    "piece", ["a@", "@a", "a%40", "a.b@c-", "1.2.3.", "1:", "::", "a.", "a (at) ", "a", "-", "git@b.cc:d "]
)
def test_no_text_is_too_long(piece: str) -> None:
    """Each at sign and each row of digits is looked at once: a megabyte of almost-addresses takes seconds, not days."""
    text = piece * (1_000_000 // len(piece))
    assert [span for find in (email.find, ip.find) for span in find(text)] == []


SPANS = st.lists(
    st.builds(lambda a, b, kind: Span(a, a + b, kind), st.integers(0, 20), st.integers(1, 6), st.sampled_from("xy"))
)


@given(spans=SPANS)
def test_resolved_spans_cover_the_same_and_do_not_overlap(spans: list[Span]) -> None:
    joined = resolve(spans)
    assert {at for span in joined for at in range(span.start, span.end)} == {
        at for span in spans for at in range(span.start, span.end)
    }
    assert all(before.end <= after.start for before, after in pairwise(joined))


@given(text=st.text() | st.text(alphabet="@.:ab1 %40-_/(at)"))
def test_spans_lie_within_any_text(text: str) -> None:
    for find in (email.find, ip.find):
        spans = find(text)
        assert spans == sorted(spans) == find(text)
        assert all(0 <= span.start < span.end <= len(text) for span in spans)
