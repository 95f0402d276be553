"""What an address says: the registered domain of its host, and the form that its other spellings share."""

import re
from functools import lru_cache
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote, urlsplit

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


SESSION = re.compile(r"(?:;|%3b)jsessionid=[^/?#]*", re.I)
SESSIONS = frozenset({"phpsessid", "jsessionid", "sid", "sessionid", "session_id", "cfid", "cftoken", "aspsessionid"})
"""Parameters that name a visit, not a page (the custom of PHP, Java servlets, ColdFusion and ASP)."""
INDEX = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?|jsp)$", re.I)
SAFE = "!$&'()*+,;=:@/?%~"
"""What may stand in an address as it is (RFC 3986, 3.3 and 3.4), and the sign of what may not."""
ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")


def canonical_url(url: str) -> str:
    """The form that the other addresses of a page share: no scheme, fragment, visit, tracking or order of parameters.

    `courlan` takes trackers away and sorts parameters; RFC 3986 (6.2.2) makes case and percent signs one. By custom,
    not by rule: http and https, with and without `www.`, `/` at the end or `/index.html` are one page. An address that
    cannot be read stands for itself.
    """
    from courlan import normalize_url

    try:
        parts = urlsplit(normalize_url(SESSION.sub("", url.strip())))
        host = _ascii((parts.hostname or "").rstrip(".")).removeprefix("www.")
        port = "" if parts.port in (None, 80, 443) else f":{parts.port}"
    except ValueError:
        return url
    query = sorted(one for one in parts.query.split("&") if one and one.partition("=")[0].lower() not in SESSIONS)
    path = INDEX.sub("", parts.path).rstrip("/")
    return _percent(f"{host}{port}{path}" + (f"?{'&'.join(query)}" if query else ""))


def _percent(address: str) -> str:
    """What needs no percent sign has none, and hexadecimal digits are capitals."""
    escaped = quote(address, SAFE)
    return ESCAPE.sub(lambda found: _plain(found[0].upper()), escaped)


def _plain(escape: str) -> str:
    letter = chr(int(escape[1:], 16))
    return letter if letter.isascii() and (letter.isalnum() or letter in "-._~") else escape


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
