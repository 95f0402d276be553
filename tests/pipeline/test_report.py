"""The provenance report can be believed: its figures are the ledger's, and nothing in a corpus can break or bend it."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from html.parser import HTMLParser
from pathlib import Path
from statistics import median_low
from typing import Any
from xml.etree import ElementTree

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from florilegium.pipeline import account as ledgers
from florilegium.pipeline.encoding import REFUSED
from florilegium.pipeline.recipe import LINE
from florilegium.pipeline.report import figures, page
from florilegium.pipeline.report.charts import TALL, Step, flow
from florilegium.pipeline.stage import stage_class
from florilegium.stages.read import REASONS

VOID = {"meta", "br", "wbr", "img", "link", "hr", "input"}
Row = dict[str, Any]


def identity(*parts: object) -> bytes:
    return blake2b(repr(parts).encode(), digest_size=16).digest()


def row(number: int, **columns: Any) -> Row:
    """A document kept, but for what the columns say."""
    plain = {
        "id": identity(number),
        "source": "crawl",
        "url": f"https://one.example/{number}",
        "host": "one.example",
        "record": f"a.warc.gz#{number}",
        "rights": "unknown",
        "language": "deu_Latn",
        "language_score": 0.9,
        "words": 100,
        "bytes_out": None if columns.get("reason") else 700,
        "pii": [],
    }
    return plain | columns


def written(rows: Sequence[Row], folder: Path, files: int = 1) -> list[str]:
    paths = []
    for at in range(files):
        part = rows[at * len(rows) // files : (at + 1) * len(rows) // files]
        path = folder / f"{files}-{at}.parquet"
        pq.write_table(pa.Table.from_pylist(list(part), schema=ledgers.SCHEMA), path)
        paths.append(str(path))
    return paths


def account_of(rows: Sequence[Row]) -> dict[str, Any]:
    dropped = Counter(one["reason"] for one in rows if one.get("reason"))
    return {"read": len(rows), "kept": len(rows) - dropped.total(), "dropped": dict(sorted(dropped.items()))}


def rendered(rows: Sequence[Row], folder: Path, files: int = 1, name: str = "corpus", **facts: Any) -> str:
    return page.render(name, facts, account_of(rows), figures.gather(written(rows, folder, files)))


class Reader(HTMLParser):
    """The tables of a page as lists of cells, by section; complains about tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[list[str]]]] = {}
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.captions = 0
        self._open: list[str] = []
        self._section = ""
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "section":
            self._section = str(dict(attrs)["id"])
        if tag == "table":
            self.tables.setdefault(self._section, []).append([])
        if tag == "caption":
            self.captions += 1
        if tag == "tr":
            self.tables[self._section][-1].append([])
        if tag in ("td", "th"):
            self.tables[self._section][-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self._open):
            self.tables[self._section][-1][-1][-1] += data

    def table(self, section: str, at: int = 0) -> dict[str, list[str]]:
        """Rows by their first cell, white space joined."""
        rows = [[" ".join(cell.split()) for cell in one] for one in self.tables[section][at]]
        return {one[0]: one[1:] for one in rows[1:]}


ROWS = [
    row(0, pii=[("email", 2), ("phone", 1)], cluster=identity("c"), cluster_size=3, url="https://one.example/kept"),
    row(1, pii=[("email", 3)], fetched=datetime(2024, 2, 1, tzinfo=UTC), language="fra_Latn", language_score=0.7),
    row(2, reason="deduplicate.exact", cluster=identity("c"), cluster_size=3, pii=[("email", 50)]),
    row(3, reason="deduplicate.exact", cluster=identity("c"), cluster_size=3),
    row(4, reason="filter.length.words", value=12, limit=50, host="two.example"),
    row(5, reason="filter.length.words", value=14, limit=40, host="two.example"),
    row(6, reason="filter.length.words", value=49, limit=50, host="two.example", language="ell_Grek"),
    row(7, reason="filter.length.mean_word", value=1.23456, limit=3),
    row(8, reason="filter.length.mean_word", value=31.0, limit=15),
    row(9, reason="read.not_text", value=301, language=None, language_score=None, host=None, url=None, words=None),
    row(10, source="register", licence="CC-BY-4.0", fetched=datetime(2024, 1, 1, tzinfo=UTC), host=None, url=None),
]
INPUTS = [
    {
        "source": "crawl",
        "category": "web",
        "licence": None,
        "files": 2,
        "bytes": 14_234_567,
        "blake2b_of_pieces": "ab" * 16,
    },
    {
        "source": "register",
        "category": None,
        "licence": "CC-BY-4.0",
        "files": 1,
        "bytes": 999,
        "blake2b_of_pieces": "cd" * 16,
    },
]


def test_figures_are_the_ledgers(tmp_path: Path) -> None:
    passes = {"documents": "documents-00ff", "tokens": None}
    text = rendered(
        ROWS, tmp_path, inputs=INPUTS, beside={"request": 1234}, unclaimed=["crawl: notes.docx"], passes=passes
    )
    found = Reader(text)
    assert "Of 11 documents read, 3 were kept (27.3 %) and 8 were dropped, for 4 different reasons" in " ".join(
        text.split()
    )
    assert found.table("flow")["filter"][1:4] == ["10", "5", "50.0 %"]
    assert found.table("flow")["kept"][1] == "3"
    reasons = found.table("reasons")
    assert reasons["filter.length.words"] == [
        stage_class("filter").reasons["filter.length.words"],
        "14 below 40 to 50",
        "3",
        "27.3 %",
    ]
    assert reasons["filter.length.mean_word"][1] == "1.23 below 3 (1); 31 above 15 (1)"
    assert reasons["read.not_text"][:3] == [REASONS["read.not_text"], "–", "1"]
    languages = found.table("languages")
    assert languages["German"] == ["deu_Latn", "8", "2", "25.0 %", "200", "1.4 kB", "0.900"]
    assert languages["French"] == ["fra_Latn", "1", "1", "100 %", "100", "700 bytes", "0.700"]
    assert languages["dropped before identification"][1:3] == ["1", "0"]
    assert found.table("hosts")["two.example"] == ["3", "0", "0 %", "filter.length.words", "3"]
    assert found.table("hosts")["no host known"][:2] == ["2", "1"]
    assert found.table("rights") == {
        "unknown": ["unknown", "10", "2", "66.7 %", "200"],
        "CC-BY-4.0": ["unknown", "1", "1", "33.3 %", "100"],
    }
    assert found.table("sources") == {
        "crawl": ["web", "unknown", "2024-02-01", "2", "14.2 MB", "10", "2", "ab" * 16],
        "register": ["–", "CC-BY-4.0", "2024-01-01", "1", "999 bytes", "1", "1", "cd" * 16],
    }
    assert found.table("personal") == {"email": ["5", "2", "66.7 %"], "phone": ["1", "1", "33.3 %"]}
    assert found.table("duplicates") == {"3 to 9": ["1", "100 %"]}
    assert found.table("duplicates", 1) == {"https://one.example/kept": ["crawl", "deu_Latn", identity(0).hex(), "3"]}
    assert found.table("made") == {"documents": ["documents-00ff"], "tokens": ["did not run"]}
    assert found.table("made", 1) == {"request": ["1,234"]}
    assert "notes.docx" in text


def test_tokens_are_told_by_layout_language_licence_and_reason(tmp_path: Path) -> None:
    rows = [
        row(0, tokens=150, licence="CC0-1.0"),
        row(1, tokens=50),
        row(2, tokens=100, language="fra_Latn"),
        row(3, tokens_refused="tokens.repeated"),
        row(4, reason="filter.length.words", value=1, limit=2),
    ]
    split = {"documents": 3, "sequences": 4, "tokens": 300}
    tokenizer: dict[str, Any] = {
        "name": "t.json",
        "vocabulary": 65_000,
        "dtype": "uint16",
        "why": "model <b>Unigram</b>",
    }
    facts: dict[str, Any] = {
        "tokenizer": tokenizer,
        "tokens": {"documents": {"train": split}, "packed": {"train": split | {"room": 400}}},
    }
    text = rendered(rows, tmp_path, **facts)
    found = Reader(text)
    assert found.table("tokens") == {
        "documents": ["train", "3", "4", "300", "one document each"],
        "packed": ["train", "3", "4", "300", "75.0 %"],
    }
    assert found.table("tokens", 1) == {
        "German": ["deu_Latn", "2", "200", "66.7 %", "1.00", "7.00"],
        "French": ["fra_Latn", "1", "100", "33.3 %", "1.00", "7.00"],
    }
    assert found.table("tokens", 2) == {"unknown": ["2", "150", "50.0 %"], "CC0-1.0": ["1", "150", "50.0 %"]}
    assert found.table("tokens", 3) == {"tokens.repeated": [REFUSED["tokens.repeated"], "1", "25.0 %"]}
    assert "4 kept = 3 with tokens + 1 in no token shard" in text and "its tokens were not counted" not in text
    assert "does not take this tokenizer: model &lt;b&gt;Unigram" in text
    tokenizer["why"] = None
    text = rendered(rows[:3], tmp_path, **facts)
    assert "by the C core" in text and "None: every document kept" in text
    assert 'id="tokens"' not in rendered(rows[:3], tmp_path)


def test_the_same_build_gives_the_same_page_however_the_ledger_is_cut(tmp_path: Path) -> None:
    rows = [one | {"id": identity(n, one["id"])} for n in range(9) for one in ROWS]
    pages = {rendered(rows, tmp_path, files) for files in (1, 2, 7)}
    assert len(pages) == 1
    assert str(tmp_path) not in pages.pop()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "No document was read."),
        (
            [row(0, reason="read.empty", language=None)],
            "Of 1 document read, none was kept (0 %) and 1 was dropped, for 1 reason.",
        ),
        ([row(0)], "Of 1 document read, 1 was kept (100 %) and none was dropped; what was kept is in 1 language."),
        ([row(0, language="und")], "what was kept is in no known language."),
        (
            [row(0, language="not a code"), row(1, language=None, host=None, pii=None)],
            "what was kept is in 1 language.",
        ),
        ([row(0, reason="gone.some_rule")], "Of 1 document read, none was kept"),
    ],
)
def test_odd_corpora_have_a_page(rows: list[Row], says: str, tmp_path: Path) -> None:
    text = rendered(rows, tmp_path)
    assert says in " ".join(text.split())
    assert ("No document was dropped." in text) == (not account_of(rows)["dropped"])
    assert set(Reader(text).table("flow")) >= {"read", "kept"}
    assert not re.search(r"\b(nan|inf|None)\b", re.sub("<style>.*?</style>", "", text, flags=re.DOTALL))


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "evil\u202egpj.example",
    "a\x00b\x1b[31m",
    "{{ 7 * 7 }}",
    "x" * 5000,
]


@pytest.mark.parametrize("what", HOSTILE)
def test_text_from_outside_is_only_text(what: str, tmp_path: Path) -> None:
    columns = dict.fromkeys(("source", "url", "host", "record", "licence", "rights", "language"), what)
    rows = [
        row(0, cluster=identity(0), cluster_size=2, pii=[(what, 1)], **columns),
        row(1, reason=f"filter.{what}", **columns),
    ]
    facts: dict[str, Any] = {
        "inputs": [INPUTS[0] | {"source": what}],
        "unclaimed": [what + "\udcff"],
        "beside": {what: 1},
        "passes": {what: what},
    }
    text = rendered(rows, tmp_path, name=what, **facts)
    text.encode()
    found = Reader(text)
    assert not {"script", "img", "iframe"} & {tag for tag, _ in found.attributes}
    assert not [name for _, given in found.attributes for name in given if name.startswith("on")]
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", text)
    assert "49" not in found.table("sources")


def test_page_needs_nothing_and_can_be_read_by_all(tmp_path: Path) -> None:
    text = rendered(ROWS, tmp_path, inputs=INPUTS, beside={"request": 1}, passes={"documents": "d"})
    found = Reader(text)
    for tag, attributes in found.attributes:
        assert tag != "script" and "src" not in attributes
        assert str(attributes.get("href", "#")).startswith("#")
        assert tag != "th" or attributes.get("scope") in ("col", "row", "rowgroup")
    assert "url(" not in text and "@import" not in text
    assert found.captions == sum(len(tables) for tables in found.tables.values())
    ids = {str(attributes["id"]) for _, attributes in found.attributes if "id" in attributes}
    links = {str(attributes["href"])[1:] for tag, attributes in found.attributes if tag == "a"}
    assert links == ids


def test_a_trial_says_so(tmp_path: Path) -> None:
    assert "only the first 1,000 records of the inputs were read" in rendered(ROWS, tmp_path, limit=1000)
    assert "records of the inputs" not in rendered(ROWS, tmp_path, limit=None)


def test_only_the_hosts_of_most_documents_are_shown_and_the_rest_is_counted(tmp_path: Path) -> None:
    rows = [row(n * 100 + i, host=f"h{n:03}.example") for n in range(page.HOSTS + 7) for i in range(1 + (n > 6))]
    found = rendered([*rows, row(10**6, host=None)], tmp_path)
    shown = Reader(found).table("hosts")
    assert list(shown) == [f"h{n:03}.example" for n in range(7, page.HOSTS + 7)] + ["no host known"]
    assert "And 7 more hosts with 7 documents" in found


def test_the_largest_clusters_are_shown_largest_first(tmp_path: Path) -> None:
    rows = [row(n, cluster=identity(n), cluster_size=2 + n) for n in range(figures.LARGEST + 9)]
    shown = Reader(rendered(rows, tmp_path, files=3)).table("duplicates", 1)
    assert [cells[-1] for cells in shown.values()] == [str(10 + n) for n in reversed(range(1, figures.LARGEST + 1))]


def test_every_language_kept_is_shown(tmp_path: Path) -> None:
    codes = [f"{a}{b}x_Latn" for a in "abcdefgh" for b in "abcdefgh"]
    kept = [row(n, language=code) for n, code in enumerate(codes[:40])]
    others = [row(100 + n, language=code, reason="identify.unwanted") for n, code in enumerate(codes[40:])]
    found = Reader(rendered(kept + others, tmp_path)).tables["languages"][0]
    text = " ".join(" ".join(cells) for cells in found)
    assert all(code in text for code in codes[:40])
    assert f"{len(others) - page.OTHER_LANGUAGES} further codes, nothing kept" in text


def test_every_reason_of_the_tree_has_its_meaning_on_the_page(tmp_path: Path) -> None:
    known = dict(REASONS)
    for name in (name for stages in LINE.values() for name in stages):
        known |= stage_class(name).reasons
    shown = Reader(rendered([row(n, reason=reason) for n, reason in enumerate(known)], tmp_path)).table("reasons")
    for reason, meaning in known.items():
        assert shown[reason][0] == " ".join(meaning.replace("`", "").split())


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=60))
def test_median_is_exact_to_the_digits_shown(values: list[float]) -> None:
    table = pa.Table.from_pylist(
        [row(n, reason="filter.x", value=v, limit=2e9) for n, v in enumerate(values)], schema=ledgers.SCHEMA
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    fsspec.filesystem("memory").pipe_file("/median.parquet", sink.getvalue().to_pybytes())
    (found,) = figures.broken(figures.gather(["memory://median.parquet"]))["filter.x"]
    assert found["median"] == pytest.approx(median_low(values), rel=6e-3)
    assert found["documents"] == len(values) and found["below"]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=12), st.integers(0, 10**9))
def test_flow_draws_heights_in_proportion(drops: list[int], kept: int) -> None:
    left = sum(drops) + kept
    steps = []
    for n, dropped in enumerate(drops):
        steps.append(Step(f"s<{n}>", left, dropped))
        left -= dropped
    drawing = flow(steps, "kept", 'said "so"')
    if not steps[0].entered:
        assert drawing == ""
        return
    root = ElementTree.fromstring(drawing)
    assert root.get("aria-label") == 'said "so"'
    rects = [one for one in root.iter() if one.tag.endswith("rect")]
    branches = [float(str(one.get("height"))) for one in rects if one.get("class") == "drops"]
    scale = TALL / steps[0].entered
    assert branches == [pytest.approx(max(1.0, step.dropped * scale), abs=0.06) for step in steps if step.dropped]
    columns = [float(str(one.get("height"))) for one in rects if one.get("class") == "keeps"]
    assert len(columns) == sum(1 for step in steps if step.entered) + (kept > 0)
    texts = [one.text for one in root.iter() if one.tag.endswith("text")]
    assert f"{kept:,}" in texts and all(f"−{step.dropped:,}" in texts for step in steps if step.dropped)
    _, _, width, height = (float(x) for x in str(root.get("viewBox")).split())
    assert all(
        0 <= float(str(one.get("x"))) <= width and 0 <= float(str(one.get("y"))) <= height
        for one in root.iter()
        if one.get("x")
    )


def test_numbers_have_one_style() -> None:
    assert [page.count(n) for n in (0, 999, 1000, 1234567, None)] == ["0", "999", "1,000", "1,234,567", "–"]
    assert [page.quantity(n) for n in (0, 0.15, 0.12345, 12.0, 1234567, 1e-7, 99.99, None)] == [
        "0", "0.15", "0.123", "12", "1,230,000", "0.0000001", "100", "–",
    ]  # fmt: skip
    assert [page.size(n) for n in (0, 999, 1000, 999_999, 14_234_567, 3 * 10**18)] == [
        "0 bytes", "999 bytes", "1 kB", "1 MB", "14.2 MB", "3,000 PB",
    ]  # fmt: skip


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_share_never_says_none_or_all_when_it_is_not(part: int, more: int) -> None:
    said = page.share(part, part + more).replace("\u202f", " ")
    assert (said == "0 %") == (part == 0 and more > 0)
    assert (said == "100 %") == (more == 0 and part > 0)
    assert (said == "–") == (part + more == 0)
    assert said not in ("0.0 %", "100.0 %")
