"""The registered domain of a host, by the public suffix list and its algorithm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from florilegium.filters.url import registered_domain, suffix_list

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
