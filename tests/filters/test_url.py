"""The registered domain of a host, by the public suffix list and its algorithm; the one form of an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from florilegium.filters.url import canonical_url, registered_domain, suffix_list

CASES = {
    "www.example.de": "example.de",
    "a.b.example.co.uk": "example.co.uk",
    "example.co.uk": "example.co.uk",
    "co.uk": "co.uk",
    "one.github.io": "one.github.io",
    "www.one.github.io": "one.github.io",
    "www.city.kawasaki.jp": "city.kawasaki.jp",
    "www.müller.de": "xn--mller-kva.de",
    "www.xn--mller-kva.de": "xn--mller-kva.de",
    "www.rathaus-lindenbruck.example": "rathaus-lindenbruck.example",
    "localhost": "localhost",
    "127.0.0.1": "127.0.0.1",
    "2001:db8::1": "2001:db8::1",
    "www.example.com.": "example.com",
}


@pytest.mark.parametrize("host", CASES)
def test_domains(host: str) -> None:
    assert registered_domain(host) == CASES[host]


@given(st.text(max_size=80))
def test_any_host_has_one(host: str) -> None:
    assert registered_domain(host) == registered_domain(host)


def test_the_list_is_a_file_here() -> None:
    assert b"BEGIN PRIVATE DOMAINS" in suffix_list().read_bytes()


ONE_PAGE = [
    [
        "HTTP://www.Example.org:80/a/b/index.html?utm_source=x&b=2&a=1#part",
        "https://example.org/a/b?a=1&b=2",
        "https://example.org/a/b/?b=2&a=1&PHPSESSID=12",
        "http://example.org/a;jsessionid=1A2B/b?a=1&b=2&gclid=3",
    ],
    [
        "https://example.org",
        "https://example.org/",
        "http://www.example.org/default.aspx",
        "https://example.org:443/#top",
    ],
    ["http://münchen.de/%7efoo/%c3%a4/", "https://xn--mnchen-3ya.de/~foo/ä"],
    ["https://example.org/a%2Fb"],
    ["https://example.org/a/b"],
    ["https://example.org/A/b"],
    ["http://example.org:8080/a/b"],
    ["https://example.org/a/b?page=2"],
    ["https://de.example.org/a/b"],
    ["http://[bad"],
    ["urn:doc:7"],
]


def test_addresses_of_one_page_have_one_form_and_others_have_others() -> None:
    forms = [{canonical_url(url) for url in urls} for urls in ONE_PAGE]
    assert [len(form) for form in forms] == [1] * len(ONE_PAGE)
    assert len(set().union(*forms)) == len(ONE_PAGE)


@given(st.text(max_size=40) | st.from_regex(r"https?://[a-z%:\[\]@.]{0,8}(/[^\s]{0,12})?", fullmatch=True))
def test_any_text_has_a_form(url: str) -> None:
    assert canonical_url(url) == canonical_url(url)
