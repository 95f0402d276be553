"""Which of two licences allows more."""

from itertools import pairwise

import pytest

from florilegium.filters.licences import permissiveness

RISING = [
    ("CC0-1.0", "CC-PDM-1.0", "PDDL-1.0", "public domain"),
    ("CC-BY-4.0", "DL-DE-BY-2.0", "etalab-2.0", "OGL-UK-3.0", "ODC-By-1.0"),
    ("CC-BY-SA-4.0", "ODbL-1.0", "EUPL-1.2", "GFDL-1.3-or-later"),
    ("CC-BY-NC-4.0", "CC-BY-ND-4.0", "CC-BY-NC-SA-3.0"),
    ("LicenseRef-own",),
    ("unknown", None),
]


@pytest.mark.parametrize("names", RISING)
def test_licences_of_a_kind_are_worth_the_same(names: tuple[str | None, ...]) -> None:
    assert len({permissiveness(name) for name in names}) == 1


def test_what_allows_more_goes_first() -> None:
    ranks = [permissiveness(names[0]) for names in RISING]
    assert all(one < other for one, other in pairwise(ranks))
