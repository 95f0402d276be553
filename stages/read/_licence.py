"""Licences by the addresses that documents name them with."""

import re

CREATIVE_COMMONS = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(?:licenses/(?P<kind>[a-z-]{2,10})|publicdomain/(?P<public>zero|mark))"
    r"/(?P<version>\d\.\d)(?:/(?P<port>[a-z]{2,3})\b)?",
    re.IGNORECASE,
)
PUBLIC = {"zero": "CC0", "mark": "CC-PDM"}


def licence_of(*stated: str | None) -> str | None:
    """The first statement that there is: a Creative Commons address by its SPDX identifier, all else as it is written.

    `CC-PDM-1.0` is the Public Domain Mark, for which SPDX has no identifier. A ported licence: CC-BY-3.0-DE.
    """
    words = [" ".join(one.split()) for one in stated if one and one.strip()]
    for one in words:
        if found := CREATIVE_COMMONS.search(one):
            name = PUBLIC[found["public"].lower()] if found["public"] else f"CC-{found['kind'].upper()}"
            return "-".join([name, found["version"], *([found["port"].upper()] if found["port"] else [])])
    return words[0] if words else None
