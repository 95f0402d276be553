"""How much a licence allows, as far as the choice between two copies of a text goes."""

import re

PERMISSIVENESS = (
    re.compile(r"^(CC0|CC-PDM|PDDL|Unlicense|public[- ]domain)", re.I),
    re.compile(r"^(CC-BY-\d|DL-DE-ZERO|DL-DE-BY|etalab|OGL|NLOD|IODL-2|MIT|BSD|Apache|ODC-By)", re.I),
    re.compile(r"^(CC-BY-SA|ODbL|EUPL|GFDL|GPL|LGPL|AGPL|IODL-1)", re.I),
    re.compile(r"^CC-BY-(ND|NC)", re.I),
)
"""From what asks for nothing to what forbids much: names as SPDX or a publisher has them, by how they begin."""


def permissiveness(licence: str | None) -> int:
    """0: asks for nothing; then attribution, share alike, no derivatives or commerce, other names; last, none known."""
    if licence is None or licence == "unknown":
        return len(PERMISSIVENESS) + 1
    ranks = (rank for rank, names in enumerate(PERMISSIVENESS) if names.match(licence))
    return next(ranks, len(PERMISSIVENESS))
