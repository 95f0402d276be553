"""Scrub: masked once and for all, counted by kind, nothing else touched."""

import pickle

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from florilegium.pipeline.schema import Batch, batch
from florilegium.stages.scrub import PLACEHOLDERS, Scrub, mask

COLUMNS = ("id", "title", "facts", "text", "pii", "reason", "reason_value", "reason_limit")
PIECES = [*"@.:v _-/<>1\u00ad\nü", *("anna", "example.org", "git", "@2x.png", "81.2.69.142", "2a00:1450::1", "%40")]
PIECES += [" (at) ", " (dot) ", "Version "]
TANGLED = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
TEXTS = st.text() | TANGLED


def documents(rows: list[tuple[str | None, str | None]]) -> Batch:
    ids = [bytes([number]) * 16 for number in range(len(rows))]
    return batch({"id": ids, "title": [row[0] for row in rows], "text": [row[1] for row in rows]}, COLUMNS)


def test_masks_text_and_title_and_counts() -> None:
    rows = [
        ("Mail an anna@firma.de", "Von 81.2.69.142: bob@web.eu, eve@web.eu."),
        (None, "Nichts."),
        (None, None),
    ]
    after = Scrub()(documents(rows))
    assert after["title"].to_pylist() == ["Mail an <EMAIL>", None, None]
    assert after["text"].to_pylist() == ["Von <IP_ADDRESS>: <EMAIL>, <EMAIL>.", "Nichts.", None]
    assert after["pii"].to_pylist() == [[("email", 3), ("ip", 1)], [], []]


@given(text=TEXTS)
def test_masking_twice_is_masking_once(text: str) -> None:
    once, counts = mask(text)
    assert mask(once) == (once, {})
    assert (once == text) == (not counts)


@given(text=TANGLED)
def test_only_spans_are_replaced(text: str) -> None:
    """What is left beside placeholders stood in the text in this order; counts are the placeholders that are new."""
    once, counts = mask(text)
    assert once is not None
    rest = once
    for placeholder in PLACEHOLDERS.values():
        rest = rest.replace(placeholder, "\x00")
    at = 0
    for part in rest.split("\x00"):
        at = text.index(part, at) + len(part)
    assert sum(counts.values()) >= rest.count("\x00")


@given(rows=st.lists(st.tuples(st.none() | TEXTS, st.none() | TEXTS), min_size=1, max_size=5))
def test_one_row_at_a_time_is_the_whole_batch(rows: list[tuple[str | None, str | None]]) -> None:
    before = documents(rows)
    whole = Scrub()(before)
    single = [Scrub()(before.slice(at, 1)) for at in range(len(rows))]
    assert pa.Table.from_batches([whole]).equals(pa.Table.from_batches(single).combine_chunks())
    unchanged = [name for name in COLUMNS if name not in Scrub.writes]
    assert whole.select(unchanged).equals(before.select(unchanged))
    assert whole["text"].is_null().equals(before["text"].is_null())


def test_pickles() -> None:
    assert pickle.loads(pickle.dumps(Scrub())) == Scrub()
