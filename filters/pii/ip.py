"""IP addresses of the public internet, versions 4 and 6."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from florilegium.filters.pii import Span

KIND = "ip"

V4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)", re.ASCII)
"""Four numbers; not part of a longer row of numbers (1.3.6.1.4.1)."""

V6 = re.compile(r"(?:[0-9A-Fa-f]{0,4}:){2}[0-9A-Fa-f:.]*", re.ASCII)
"""Hexadecimal digits with at least two colons: candidates, judged by their form afterwards."""

INNER_V4 = re.compile(r"\.\d{1,3}\.\d{1,3}\.\d", re.ASCII)
INNER_V6 = re.compile(r":[0-9A-Fa-f]{0,4}:", re.ASCII)
"""What every hit of V4 and of V6 holds: where a text has none, it is told twenty times as fast."""

VERSION = re.compile(
    r"(?:\bv|\bver|version\w*|versión|versão|versiune\w*|verze|verzi\w+|verzió\w*|wersj\w+|versio\w*|верси\w+|вэрсі\w+|"
    r"верзиј\w+|έκδοση\w*|versj\w+|build|release|revision|firmware|oid)[.:=\s]{0,3}$",
    re.IGNORECASE,
)
"""Words that make the four numbers next to them a version."""

SECTION = re.compile(
    r"(?:§{1,2}|\b(?:se[cç]\w*|sekc\w*|sezion\w*|abschnitt\w*|avsnitt\w*|afsnit\w*|oddíl\w*|раздел\w*|розділ\w*|"
    r"ενότητα\w*|chap\w*|cap[ií]t\w*|kap\w*|hoofdstuk\w*|paragra\w*|rozdz\w*|глав\w*|luku|luvu\w*|jaotis\w*|"
    r"art\w{0,5}|clause))[.:\s]{0,3}$",
    re.IGNORECASE,
)
"""Words that make the four numbers next to them a section."""

HEADING = re.compile(r"\.[ \u00a0]\w")
"""What follows the number of a heading at the beginning of a line: `6.2.4.1. Installation`."""
HIGHEST_SECTION = 40

KEPT_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
            "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
"""Ranges that name nobody: private (RFC 1918, 6598), local (1122, 3927), documentation (5737), tests (2544), multicast
(1112), reserved and netmasks (1112). Written out, as Python's own lists differ between its versions."""

GLOBAL_V6 = IPv6Network("2000::/3")
"""The only range in public use (RFC 4291, 2.4)."""
KEPT_V6 = (IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))
"""Documentation (RFC 3849, 9637)."""
EMBEDDING_V6 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
"""Addresses whose last 32 bits are one of version 4 (RFC 4291, 6052)."""


def find(text: str) -> list[Span]:
    """Public IP addresses, in order; an address of version 4 inside one of version 6 may be given as well."""
    found: list[Span] = []
    if INNER_V4.search(text):
        found += [Span(hit.start(), hit.end(), KIND) for hit in V4.finditer(text) if _is_public_v4(text, hit)]
    if INNER_V6.search(text):
        found += [span for hit in V6.finditer(text) if (span := _public_v6(text, hit))]
    return sorted(found)


def _is_public_v4(text: str, hit: re.Match[str]) -> bool:
    numbers = [int(part) for part in hit[0].split(".")]
    if max(numbers) > 255:
        return False
    address = IPv4Address(bytes(numbers))
    return not any(address in kept for kept in KEPT_V4) and not _numbers_something(text, hit, max(numbers))


def _numbers_something(text: str, hit: re.Match[str], highest: int) -> bool:
    """Whether these are the numbers of a version or a section."""
    before = text[max(0, hit.start() - 24) : hit.start()]
    heads = highest <= HIGHEST_SECTION and before[-1:] in ("", "\n") and HEADING.match(text, hit.end())
    return bool(heads or VERSION.search(before) or SECTION.search(before))


def _public_v6(text: str, hit: re.Match[str]) -> Span | None:
    start, end = hit.span()
    if start and (text[start - 1].isalnum() or text[start - 1] == "_"):  # the end of a word: node:2a00::1
        start = text.index(":", start)
    while end - start > 2 and (text[end - 1] == "." or (text[end - 1] == ":" and text[end - 2] != ":")):
        end -= 1
    if text[start] == ":" and text[start : start + 2] != "::":
        start += 1
    try:
        address = IPv6Address(text[start:end])
    except ValueError:
        return None
    return Span(start, end, KIND) if _names_somebody(address) else None


def _names_somebody(address: IPv6Address) -> bool:
    if any(address in network for network in EMBEDDING_V6):
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
        return not any(inner in kept for kept in KEPT_V4)
    return address in GLOBAL_V6 and not any(address in kept for kept in KEPT_V6)
