"""What a page says about itself: the facts that the C core finds in its head and marks, and the choice among them.

Of several that say the same thing JSON-LD counts first (it is written for machines), then Open Graph, then other metas,
then marks in the text. Sources: the HTML standard (4.2.4, 4.2.5, 4.6.6), schema.org, the Open Graph protocol, DCMI
metadata terms, TDMRep (W3C community group).
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from florilegium.stages.read._licence import licence_of

PART, END = "\x1f", "\x1e"
"""FACT_PART and FACT_END of stages/native/blocks.h."""

DATES = (
    *(
        "article:published_time",
        "og:published_time",
        "datepublished",
        "date",
        "dc.date",
        "dc.date.issued",
        "dcterms.date",
    ),
    *("dcterms.issued", "dcterms.created", "dc.date.created", "citation_publication_date", "citation_date", "pubdate"),
    *(
        "publishdate",
        "publish-date",
        "publication_date",
        "published",
        "sailthru.date",
        "parsely-pub-date",
        "cxenseparse:recs:publishtime",
    ),
)
"""Names of metas that hold a date of publication, in order."""
LICENCES = ("dcterms.license", "dc.rights.license", "license", "dcterms.rights", "dc.rights")
RIGHTS = ("robots", "googlebot", "tdm-reservation", "tdm-policy", "x-robots-tag", "copyright", "rights")
"""Metas that say what may be done with a page: kept as they stand, for the evidence of rights."""
DATE = re.compile(r"\s*(\d{4})-?(\d{2})-?(\d{2})(?!\d)")
LANGUAGES = ("content-language", "dc.language", "dcterms.language", "language", "og:locale")
AUTHORS = ("author", "article:author", "dc.creator", "dcterms.creator")
SITES = ("og:site_name", "application-name")
METAS = tuple(
    dict.fromkeys((*DATES, *LICENCES, *RIGHTS, *LANGUAGES, *AUTHORS, *SITES, "og:title", "og:url", "og:type"))
)
"""All metas that are looked at: the core hands out no others."""
YEARS = range(1990, 2101)
"""Of dates that are believed: there were no pages before."""
DEEPEST = 12
"""Levels of JSON-LD that are looked at."""


class Stated(NamedTuple):
    """What a page says about itself; None where it does not. facts: author, site_name, canonical, robots ..."""

    title: str | None = None
    language: str | None = None
    published: date | None = None
    licence: str | None = None
    facts: Mapping[str, str] | None = None


def stated(raw: bytes) -> Stated:
    """The choice among the facts of one page."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in raw.decode("utf-8", "replace").split(END):
        kind, _, rest = one.partition(PART)
        name, _, value = rest.partition(PART)
        if value:
            found.setdefault(kind, []).append((name.strip().lower(), value))
    metas: dict[str, str] = {}
    for name, value in found.get("meta", ()):
        metas.setdefault(name, " ".join(value.split()))
    links: dict[str, str] = {}
    for name, value in found.get("link", ()):
        for rel in name.split():
            links.setdefault(rel, value.strip())
    things = [thing for _, text in found.get("ld", ()) for thing in _things(text)]
    licence = _ld(things, "license") or links.get("license") or _first(metas, *LICENCES)
    expression = licence_of(licence)
    facts = {
        "author": _ld(things, "author", "name") or _first(metas, *AUTHORS),
        "site_name": _first(metas, *SITES) or _ld(things, "publisher", "name"),
        "canonical": links.get("canonical") or metas.get("og:url"),
        "kind": _kind(things) or metas.get("og:type"),
        **{name: metas.get(name) for name in RIGHTS},
        "licence_link": licence if licence != expression else None,
    }
    return Stated(
        title=_title(found) or metas.get("og:title") or _ld(things, "headline"),
        language=_language(found, metas, things),
        published=_published(found, metas, things),
        licence=expression,
        facts={name: value[:FACT] for name, value in facts.items() if value},
    )


FACT = 500
"""Characters of a fact that are kept."""


def _title(found: Mapping[str, Sequence[tuple[str, str]]]) -> str | None:
    titles = [" ".join(value.split()) for _, value in found.get("title", ())]
    return next(filter(None, titles), None)


def _first(metas: Mapping[str, str], *names: str) -> str | None:
    return next((metas[name] for name in names if metas.get(name)), None)


def _language(
    found: Mapping[str, Sequence[tuple[str, str]]], metas: Mapping[str, str], things: Sequence[Mapping[str, Any]]
) -> str | None:
    said = next((value for _, value in found.get("lang", ())), None) or _ld(things, "inLanguage")
    said = said or _first(metas, *LANGUAGES)
    said = said.strip().replace("_", "-") if said else ""
    return said if re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", said) else None


def _published(
    found: Mapping[str, Sequence[tuple[str, str]]], metas: Mapping[str, str], things: Sequence[Mapping[str, Any]]
) -> date | None:
    times = found.get("time", ())
    said = itertools.chain(
        (_ld(things, "datePublished"),),
        (metas[name] for name in DATES if name in metas),
        (value for name, value in times if name == "datepublished"),
        (value for _, value in times[:1]),
        (_ld(things, "dateCreated"),),
    )
    return next(filter(None, map(_date, filter(None, said))), None)


def _date(said: str) -> date | None:
    """The day of an ISO 8601 date or time."""
    match = DATE.match(said)
    if match is None or int(match[1]) not in YEARS:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def _things(text: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a script of JSON-LD, outer ones first."""
    try:
        waiting = [(json.loads(text, strict=False), 0)]
    except (ValueError, RecursionError):
        return
    while waiting:
        thing, depth = waiting.pop(0)
        if isinstance(thing, list):
            waiting[:0] = [(one, depth + 1) for one in thing] if depth < DEEPEST else []
        elif isinstance(thing, dict):
            yield thing
            if depth < DEEPEST:
                waiting += [
                    (thing[name], depth + 1) for name in ("@graph", "mainEntity", "mainEntityOfPage") if name in thing
                ]


def _ld(things: Sequence[Mapping[str, Any]], name: str, inner: str = "@id") -> str | None:
    """The first value of a property that is text, or has text as its `inner` (a name, an address)."""
    for thing in things:
        value = thing.get(name)
        for one in value if isinstance(value, list) else [value]:
            said = (one.get(inner) or one.get("url") or one.get("name")) if isinstance(one, dict) else one
            if isinstance(said, str) and said.strip():
                return " ".join(said.split())
    return None


def _kind(things: Sequence[Mapping[str, Any]]) -> str | None:
    for thing in things:
        kind = thing.get("@type")
        kind = kind[0] if isinstance(kind, list) and kind else kind
        if isinstance(kind, str) and kind not in (
            "WebSite",
            "Organization",
            "BreadcrumbList",
            "WebPage",
            "ImageObject",
            "Person",
        ):
            return kind
    return None
