"""Deduplicate: what is joined and who stays is what the definition says, however documents and keys were parted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from florilegium.pipeline.schema import COLUMNS, Batch, batch, put
from florilegium.stages import _duplicates as native
from florilegium.stages.deduplicate import CANDIDATES, ELECTED, SIGNATURE, Deduplicate, Near, Sketch, members, unite
from florilegium.stages.measure import text_hash

READS = ("id", "source", "url", "fetched", "licence", "characters", "text_hash", "sketch")
PHRASE = "the committee met in spring and wrote a report on bridges roads rivers and the towns that lie between"
WORDS = tuple(PHRASE.split(" "))


@dataclass(frozen=True)
class Page:
    name: str
    text: str
    url: str | None = None
    source: str = "a"
    licence: str | None = None
    day: int = 1
    quality: float = 0.5

    @property
    def id(self) -> bytes:
        return blake2b(self.name.encode(), digest_size=16).digest()


def documents(pages: Sequence[Page]) -> Batch:
    signatures = native.signatures(pa.array([page.text for page in pages], pa.large_string()))
    found = batch(
        {
            "id": [page.id for page in pages],
            "source": [page.source for page in pages],
            "url": [page.url for page in pages],
            "licence": [page.licence for page in pages],
            "fetched": [datetime(2026, 1, page.day, tzinfo=UTC) for page in pages],
            "characters": [len(page.text) for page in pages],
            "text_hash": [text_hash(page.text) for page in pages],
            "sketch": [row.astype("<u4").tobytes() for row in signatures],
        },
        READS,
    )
    kind = pa.struct([pa.field("lines.sentences", pa.float32())])
    return put(found, measures=pa.array([{"lines.sentences": page.quality} for page in pages], kind))


def elections(stage: Deduplicate, parts: list[list[Page]], edges: list[int], kept: list[set[str]]) -> dict[str, Any]:
    """As the passes do it: parts sketched apart, keys matched in ranges; what is elected, by name.

    kept: of the last parts, which are of earlier builds, what these have published.
    """
    sketches: list[Sketch] = []
    firsts = [0]
    for part in parts:
        numbers = pa.array(range(firsts[-1], firsts[-1] + len(part)), pa.int64())
        sketches.append(stage.sketch(documents(part), numbers))
        firsts.append(firsts[-1] + len(part))
    records = np.concatenate([one.records for one in sketches])
    keys = np.concatenate([one.bands["key"].to_numpy() for one in sketches])
    local = [one.bands["local"].to_numpy() + np.uint32(at) for one, at in zip(sketches, firsts, strict=False)]
    numbers_of = np.concatenate(local)
    bounds = np.searchsorted(np.array(sorted(edges), np.uint64), keys, "right")
    joined = [one.edges + np.uint32(at) for one, at in zip(sketches, firsts, strict=False)]
    for at in range(len(edges) + 1):
        chosen = bounds == at
        joined.append(stage.match(keys[chosen], numbers_of[chosen], lambda wanted: records[wanted]))
    groups = unite(firsts[-1], joined)
    own = len(parts) - len(kept)
    addresses: list[pa.Table] = []
    found: list[pa.Table] = []
    for at, (one, first) in enumerate(zip(sketches, firsts, strict=False)):
        published = gone = None
        if at >= own:
            flags = [page.name in kept[at - own] for page in parts[at]]
            published, gone = pa.array(flags, pa.bool_()), pa.array([not flag for flag in flags], pa.bool_())
        addresses.append(
            members(pa.table({"local": one.urls["local"], "group": one.urls["key"]}), one.candidates, published, gone)
        )
        found.append(pa.table({"first": [first], "at": [at]}))
    by_url = stage.elect(pa.concat_tables(addresses), "deduplicate.url")
    losers = by_url.filter(pa.compute.is_valid(by_url["reason"]))["number"].to_pylist()
    of_groups: list[pa.Table] = []
    for at, (one, first) in enumerate(zip(sketches, firsts, strict=False)):
        numbered: list[int] = groups["number"].to_numpy().tolist()
        inside = [number for number in numbered if first <= number < firsts[at + 1]]
        names = dict(zip(numbered, groups["group"].to_pylist(), strict=True))
        rows = pa.table(
            {
                "local": pa.array([number - first for number in inside], pa.uint32()),
                "group": pa.array([names[number] for number in inside], pa.uint32()),
            }
        )
        published = None
        gone = pa.array([number in losers for number in range(first, firsts[at + 1])], pa.bool_())
        if at >= own:
            flags = [page.name in kept[at - own] for page in parts[at]]
            published, gone = pa.array(flags, pa.bool_()), pa.array([not flag for flag in flags], pa.bool_())
        of_groups.append(members(rows, one.candidates, published, gone))
    of_text = stage.elect(pa.concat_tables(of_groups))
    names_of = [page.name for part in parts for page in part]
    ids = {page.id: page.name for part in parts for page in part}
    answers: dict[str, Any] = {}
    for row in [*by_url.to_pylist(), *of_text.to_pylist()]:
        if row["number"] < firsts[own]:
            kept_one = ids.get(row["duplicate_of"] or b"")
            answers[names_of[row["number"]]] = (ids[row["cluster"]], row["cluster_size"], kept_one, row["reason"])
    return answers


def same_text(one: Page, other: Page) -> bool:
    return text_hash(one.text) == text_hash(other.text)


def joined_by_hand(stage: Deduplicate, pages: Sequence[Page]) -> list[set[str]]:
    """Groups of at least two, from the definition: same text, or a band and the estimate."""
    signatures = native.signatures(pa.array([page.text for page in pages], pa.large_string()))
    small = native.small(signatures)
    groups = [{page.name} for page in pages]
    for at, one in enumerate(pages):
        for to in range(at):
            match = same_text(one, pages[to])
            if stage.near is not None and (signatures[at] != 0xFFFFFFFF).any() and not match:
                width = stage.near.rows
                bands = range(0, stage.near.bands * width, width)
                shares = any((signatures[at][b : b + width] == signatures[to][b : b + width]).all() for b in bands)
                alike = native.estimate(int((small[at] == small[to]).sum()))
                match = shares and (stage.near.threshold is None or alike >= stage.near.threshold)
            if match:
                whole = next(g for g in groups if one.name in g) | next(g for g in groups if pages[to].name in g)
                groups = [g for g in groups if not g & whole] + [whole]
    return [group for group in groups if len(group) > 1]


@st.composite
def corpora(draw: st.DrawFn) -> list[Page]:
    """Texts of 0 to 60 words, and copies of them with some words changed: near, far and equal ones."""
    pages: list[Page] = []
    for number in range(draw(st.integers(1, 9))):
        copied = draw(st.booleans())
        if pages and copied:
            words = pages[draw(st.integers(0, len(pages) - 1))].text.split()
            for _ in range(draw(st.integers(0, 4))):
                if words:
                    words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(["new", "old", "odd"]))
            text = draw(st.sampled_from([" ", "  "])).join(words)
        else:
            seed = draw(st.integers(0, 1 << 16))
            text = " ".join(WORDS[(seed * at * at + seed + at) % len(WORDS)] for at in range(draw(st.integers(0, 60))))
        licence = draw(st.sampled_from([None, "CC-BY-4.0", "CC0-1.0"]))
        day, quality = draw(st.integers(1, 2)), draw(st.sampled_from([0.25, 0.5]))
        pages.append(Page(f"p{number}", text, None, draw(st.sampled_from("abc")), licence, day, quality))
    return pages


STAGES = [
    Deduplicate(sources=("b", "a", "c")),
    Deduplicate(near=Near(14, 8, None), sources=("b", "a", "c")),
    Deduplicate(near=None, keep=("longest",)),
    Deduplicate(near=Near(28, 4, 0.5), keep=("oldest", "source"), sources=("c",)),
]


@settings(deadline=None, max_examples=60)
@given(corpora(), st.sampled_from(STAGES), st.integers(0, 9), st.lists(st.integers(0, (1 << 64) - 1), max_size=3))
def test_groups_and_survivors_are_those_of_the_definition(
    pages: list[Page], stage: Deduplicate, at: int, edges: list[int]
) -> None:
    groups = joined_by_hand(stage, pages)
    found = elections(stage, [pages[:at], pages[at:]], edges, [])
    assert {frozenset(group) for group in groups} == {
        frozenset(name for name, one in found.items() if one[0] == cluster)
        for cluster in {one[0] for one in found.values()}
    }
    by_name = {page.name: page for page in pages}
    for group in groups:
        assert {found[name][1] for name in group} == {len(group)}
        assert {found[name][0] for name in group} == {min(group, key=lambda name: by_name[name].id)}
        ((winner, _),) = [(name, found[name]) for name in group if found[name][3] is None]
        for name in group - {winner}:
            exact = same_text(by_name[name], by_name[winner])
            assert found[name][2:] == (winner, "deduplicate.exact" if exact else "deduplicate.near")
    assert elections(stage, [pages[at:], pages[:at]], [], []) == found
    assert elections(stage, [[page] for page in reversed(pages)], edges, []) == found


@settings(deadline=None, max_examples=40)
@given(corpora(), st.sampled_from(STAGES), st.integers(0, 9), st.integers(0, 9))
def test_three_builds_keep_of_the_same_groups_as_one(pages: list[Page], stage: Deduplicate, one: int, two: int) -> None:
    """Each group of the whole has a survivor, no survivor of a step goes in a later one, and no group has one too many:
    a second survivor is there only where the document that joins two groups came after both had been published."""
    steps = [pages[: min(one, two)], pages[min(one, two) : max(one, two)], pages[max(one, two) :]]
    kept: list[set[str]] = []
    for number, step in enumerate(steps):
        found = elections(stage, [step, *steps[:number]], [], kept)
        kept.append({page.name for page in step} - {name for name, answer in found.items() if answer[3] is not None})
    survivors = set().union(*kept)
    groups = joined_by_hand(stage, pages)
    alone = {page.name for page in pages} - set().union(*groups, set())
    assert alone <= survivors
    for group in groups:
        assert survivors & group
        seen: list[set[str]] = []
        for number in range(3):
            before = [page for step in steps[: number + 1] for page in step]
            seen += [g for g in joined_by_hand(stage, before) if g <= group] if number == 0 else []
        if len(survivors & group) > 1:
            first_two = {page.name for step in steps[:2] for page in step}
            assert survivors & group <= first_two  # a document of the last step never becomes a second survivor


LONG = " ".join(f"{word}{at % 7}" for at, word in enumerate(WORDS * 4))


@pytest.mark.parametrize(
    ("keep", "winner"),
    [
        (("licence",), "free"),
        (("source", "longest"), "first"),
        (("quality",), "good"),
        (("newest",), "young"),
        (("oldest",), "old"),
        (("longest",), "long"),
        (("licence", "newest"), "free"),
    ],
)
def test_each_rule_chooses_who_stays(keep: tuple[str, ...], winner: str) -> None:
    pages = [
        Page("free", LONG, licence="CC0-1.0", source="b", day=4),
        Page("first", LONG, source="a", day=4),
        Page("good", LONG, source="b", quality=0.9, day=4),
        Page("young", LONG, source="b", licence="CC-BY-4.0", day=9),
        Page("old", LONG, source="b", licence="CC-BY-4.0", day=2),
        Page("long", f"{LONG} and more", source="b", licence="CC-BY-4.0", day=4),
    ]
    found = elections(Deduplicate(keep=keep, sources=("a", "b")), [pages], [], [])
    assert {name for name, answer in found.items() if answer[3] is None} == {winner}
    assert {answer[2] for name, answer in found.items() if name != winner} == {winner}


def test_of_an_address_one_stays_and_what_resembles_the_others_stays_too() -> None:
    other = LONG[::-1]
    pages = [
        Page("new", other, "https://www.one.example/a?b=1&utm_source=x", day=9),
        Page("old", LONG, "http://one.example/a?b=1#top", day=1),
        Page("copy", f"{LONG} with a word", "https://two.example/"),
        Page("nowhere", LONG.upper() + " and some more words at its end that are new here", None, quality=0.1),
    ]
    found = elections(Deduplicate(url=True, keep=("newest",)), [pages], [], [])
    assert found["old"] == (found["old"][0], 2, "new", "deduplicate.url")
    assert found["new"][3] is None
    survivors = {name for name in found if found[name][3] is None}
    assert (
        "copy" in survivors or "nowhere" in survivors
    )  # what is near a document that went for its address is not lost


def test_texts_without_words_are_no_duplicates() -> None:
    pages = [Page("dots", "..."), Page("dashes", "---"), Page("marks", "!!!")]
    assert elections(Deduplicate(), [pages], [], []) == {}
    same = [Page("dots", "..."), Page("again", "...")]
    assert {answer[3] for answer in elections(Deduplicate(), [same], [], []).values()} == {None, "deduplicate.exact"}


def test_repeats_go_by_the_least_size() -> None:
    stage = Deduplicate(repeat={1: 1, 2: 2, 5: 4, 100: 1})
    sizes = pa.array([None, 2, 4, 5, 99, 100, 7], pa.int32())
    kept = pa.array([True] * 6 + [False])
    assert stage.repeats(sizes, kept).to_pylist() == [1, 2, 2, 4, 4, 1, None]
    assert Deduplicate().repeats(sizes, kept).null_count == 7


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"near": {"bands": 20, "rows": 6}}, "20 bands of 6 rows need 120 hashes, there are 112"),
        ({"keep": ["newest", "best"]}, "there is no rule 'best'"),
        ({"keep": ["newest", "newest"]}, "two rules go by the same"),
        ({"keep": ["newest", "longest", "oldest"]}, "two rules go by the same"),
        ({"repeat": {2: 2}}, "what holds for clusters of 1 document"),
        ({"near": {"threshold": 0}}, "greater than 0"),
        ({"nearly": {}}, "Unexpected keyword argument"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Deduplicate(**options)


def test_what_is_stored_has_the_promised_form() -> None:
    pages = [Page("one", LONG), Page("two", LONG), Page("three", LONG[::-1], "https://one.example/")]
    sketch = Deduplicate(url=True).sketch(documents(pages), pa.array([7, 8, 9], pa.int64()))
    assert sketch.bands.num_rows == 2 * 21  # equal texts share their rows
    assert sketch.edges.tolist() == [[0, 1], [0, 1]]  # by text, and by signature
    assert sketch.records.shape == (3, SIGNATURE + 16)
    assert sketch.candidates.schema == CANDIDATES and sketch.candidates["number"].to_pylist() == [7, 8, 9]
    assert sketch.urls["local"].to_pylist() == [2]
    assert COLUMNS["sketch"].type.byte_width == 4 * SIGNATURE
    assert (
        Deduplicate()
        .elect(
            pa.concat_tables(
                [
                    members(
                        pa.table({"local": pa.array([], pa.uint32()), "group": pa.array([], pa.uint64())}),
                        sketch.candidates,
                    )
                ]
            )
        )
        .schema
        == ELECTED
    )
