"""Contamination: the share of an item is what counting its runs of words in plain sight gives."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from florilegium.pipeline import recipe
from florilegium.pipeline.errors import PipelineError
from florilegium.stages._benchmarks import WORDS, contamination, index

LETTERS = "abcdef"
TEXT = st.lists(st.sampled_from(LETTERS), max_size=30)


def expected(text: list[str], items: list[list[str]]) -> float:
    runs = {tuple(text[at : at + WORDS]) for at in range(len(text) - WORDS + 1)}
    best = 0.0
    for item in items:
        own = {tuple(item[at : at + WORDS]) for at in range(len(item) - WORDS + 1)}
        best = max(best, len(own & runs) / len(own) if own else 0.0)
    return best


@settings(deadline=None)
@given(st.lists(TEXT, max_size=4), st.lists(TEXT, min_size=1, max_size=4), st.integers(0, 20))
def test_shares_are_those_of_the_definition(
    tmp_path_factory: pytest.TempPathFactory, texts: list[list[str]], items: list[list[str]], at: int
) -> None:
    items = [*items, list(LETTERS * 2)]
    texts = [*texts, items[0][at:] + items[-1]]
    file = tmp_path_factory.mktemp("items") / "own.txt"
    file.write_text("\n".join(map(" ".join, items)), "utf-8")
    rows: list[str | None] = [" ".join(text) for text in texts]
    found = contamination(pa.array([*rows, None], pa.large_string()), {"own": file})["contamination.own"].to_pylist()
    assert found == [*(pytest.approx(expected(text, items)) for text in texts), None]


QUESTION = "Which river flows through the old town of the northern province? A the Aller B the Bober C the Cher"


@pytest.mark.parametrize("ending", ["txt", "jsonl", "parquet"])
def test_every_form_of_file_tells_the_same(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"items.{ending}"
    first, second = QUESTION.split("? ")
    row = {"question": first, "answers": {"all": [second]}, "key": 3}
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist([row]), file)
    else:
        file.write_text(QUESTION if ending == "txt" else json.dumps(row) + "\n\n", "utf-8")
    page = f"He wrote to us: {QUESTION.upper()}. Then he left for home without another word."
    found = contamination(pa.array([page, first], pa.large_string()), {"items": file})["contamination.items"]
    assert found.to_pylist() == [1.0, pytest.approx(4 / 13)]
    assert index(file).sizes.tolist() == [13]


@pytest.mark.parametrize(
    ("content", "ending", "sentence"),
    [
        (b"too short\n", "txt", "no item has 8 words"),
        (b"fine one two three four five six seven\n\xff\n", "txt", "line 2: not in UTF-8"),
        (b'{"question": "x"\n', "jsonl", "line 1: not in JSON"),
        (b"PAR", "parquet", "not a Parquet file"),
        (b'[{"question": "one two three four five six seven eight"}]', "json", "ends in none of"),
    ],
)
def test_what_cannot_be_read_is_said_when_the_recipe_loads(
    tmp_path: Path, content: bytes, ending: str, sentence: str
) -> None:
    (tmp_path / f"items.{ending}").write_bytes(content)
    (tmp_path / "pages.jsonl").write_text("", "utf-8")
    raw = {
        "sources": [{"name": "pages", "path": "pages.jsonl"}],
        "stages": {"measure": {"benchmarks": {"own": f"items.{ending}"}}},
    }
    with pytest.raises(PipelineError, match=sentence) as found:
        recipe.parse(raw, "recipe.yaml", str(tmp_path))
    assert "stages.measure.benchmarks.own" in str(found.value)
