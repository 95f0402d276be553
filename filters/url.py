"""What an address says of its site: the registered domain of a host."""

from functools import lru_cache
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path

REMEMBERED = 1 << 16
"""Hosts; a unit of work seldom has more."""


@lru_cache(REMEMBERED)
def registered_domain(host: str) -> str:
    """The domain that a host's owner registered, in ASCII (IDNA): `example.co.uk` of `www.example.co.uk`.

    By the public suffix list (publicsuffix.org) that the library `tld` carries, private part included: each
    `name.github.io` is a site of its own. Below a top level that the list has not, the last two labels, as the list's
    own algorithm says. An address in numbers, and a host that is a suffix itself, stand for themselves.
    """
    from tld import get_fld

    name = _ascii(host.rstrip("."))
    if _is_number(name):
        return name
    found = get_fld(f"http://{name}", fail_silently=True, search_private=True)
    return str(found) if found else ".".join(name.split(".")[-2:])


def suffix_list() -> Path:
    """The file of the public suffix list."""
    spec = find_spec("tld")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "res" / "effective_tld_names.dat.txt"


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return host


def _is_number(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
