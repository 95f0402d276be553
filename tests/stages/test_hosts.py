"""Template lines: what is elected is what counting pages in plain sight finds, however pages and hashes were parted."""

import pickle
from fractions import Fraction

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from florilegium.filters.edit import folded
from florilegium.filters.url import registered_domain
from florilegium.pipeline.schema import Batch, batch
from florilegium.stages.hosts import LINES, PAGES, SIZES, TEMPLATES, Hosts, marker

COLUMNS = ("url", "host", "text", "reason")
Page = tuple[str | None, str | None, str | None, str | None]

ADDRESSES = st.sampled_from(
    ["https://a.example/1", "https://a.example/2", "https://www.a.example/3", "https://b.example/1"]
)
LINE = st.sampled_from(["Menu", " Menu ", "Imprint 12", "one", "two  words", "two words", ""])
TEXTS = st.lists(LINE, max_size=4).map("\n".join)
PAGES_FOUND = st.lists(
    st.tuples(ADDRESSES, TEXTS, st.sampled_from([None, None, None, "read.damaged"])).map(
        lambda found: (found[0], found[0].split("/")[2], found[1], found[2])
    )
    | st.just((None, None, "Menu", None)),
    max_size=12,
)


def documents(pages: list[Page]) -> Batch:
    return batch({name: [page[at] for page in pages] for at, name in enumerate(COLUMNS)}, COLUMNS)


def elected(stage: Hosts, parts: list[list[Page]], cut: int) -> pa.Table:
    """As the pass does it: parts sketched apart, counted and elected in two ranges of hashes parted at `cut`."""
    sketches = [stage.sketch(documents(part)) for part in parts]
    lines = pa.concat_tables([LINES.empty_table(), *(one for one, _ in sketches)])
    pages = pa.concat_tables([PAGES.empty_table(), *(one for _, one in sketches)])
    edge = pa.scalar(cut, pa.uint64())
    both = (pc.less, pc.greater_equal)
    sizes = pa.concat_tables(
        [SIZES.empty_table(), *(stage.count(pages.filter(half(pages["domain"], edge))) for half in both)]
    )
    ranges = [stage.candidates(lines.filter(half(lines["place"], edge))) for half in both]
    return pa.concat_tables([stage.elect(found, sizes) for found in ranges])


def expected(pages: list[Page], least: int, share: str) -> set[tuple[str, str]]:
    """Domain and folded line of each template, from the definition."""
    seen: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for url, host, text, reason in pages:
        if url is not None and host is not None and text is not None and reason is None:
            for line in {"", *map(folded, text.split("\n"))}:  # "" stands for the domain as a whole
                seen.setdefault((registered_domain(host), line), set()).add((url, text))
    size = {
        place: min(len({url for url, _ in found}), len({text for _, text in found})) for place, found in seen.items()
    }
    return {
        (domain, line)
        for (domain, line), pages_with in size.items()
        if line and pages_with >= least and pages_with >= Fraction(share) * size[domain, ""]
    }


@settings(deadline=None)  # the first call loads polars
@given(
    PAGES_FOUND,
    st.integers(2, 4),
    st.sampled_from(["0.1", "0.5", "0.75", "1.0"]),
    st.integers(0, 12),
    st.integers(0, 2**64 - 1),
)
def test_what_is_elected_is_what_the_definition_says(
    pages: list[Page], least: int, share: str, at: int, cut: int
) -> None:
    stage = Hosts(min_pages=least, min_share=float(share))
    found = elected(stage, [pages[:at], pages[at:]], cut)
    marked = marker(found)(documents(pages))["template_lines"].to_pylist()
    wanted = expected(pages, least, share)
    for (_, host, text, reason), numbers in zip(pages, marked, strict=True):
        if reason is None:
            domain = "" if host is None else registered_domain(host)
            lines = enumerate(map(folded, (text or "").split("\n")))
            assert (numbers or []) == [number for number, line in lines if (domain, line) in wanted]
    assert found.num_rows == len(wanted)
    assert elected(stage, [[page] for page in reversed(pages)], cut).sort_by("place") == found.sort_by("place")


def copies(number: int, url: str, text: str) -> list[Page]:
    return [(url.format(at), "one.example", text.format(at), None) for at in range(number)]


@pytest.mark.parametrize(
    ("pages", "found"),
    [
        (copies(10, "https://one.example/{}", "Menu\n{}"), 1),
        (copies(9, "https://one.example/{}", "Menu\n{}"), 0),
        (copies(12, "https://one.example/same", "Menu\n{}"), 0),  # one page, fetched twelve times
        (copies(12, "https://one.example/{}", "Menu\nprose"), 0),  # one text at twelve addresses
        (copies(10, "https://one.example/{}", "Menu\n{}") + copies(90, "https://one.example/x{}", "x{}"), 1),
        (copies(10, "https://one.example/{}", "Menu\n{}") + copies(91, "https://one.example/x{}", "x{}"), 0),
    ],
)
def test_ten_pages_and_a_tenth_of_them(pages: list[Page], found: int) -> None:
    assert elected(Hosts(), [pages], 1 << 63).num_rows == found
    assert elected(Hosts(min_pages=None), [pages], 1 << 63).num_rows == 0


def test_digits_are_part_of_a_line() -> None:
    assert elected(Hosts(), [copies(30, "https://one.example/{}", "Page {}")], 0).num_rows == 0


def test_options() -> None:
    assert pickle.loads(pickle.dumps(Hosts(min_share=0.2))) == Hosts(min_share=0.2)
    for wrong in ({"min_share": 0}, {"min_share": 1.5}, {"min_pages": 1}):
        with pytest.raises(ValidationError):
            Hosts(**wrong)
    assert marker(TEMPLATES.empty_table())(documents([(None, None, None, None)]))["template_lines"].null_count == 1
