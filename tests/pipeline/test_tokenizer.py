"""A tokenizer is trained on a balanced sample, is the same file every time, and its figures can be checked by hand."""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from florilegium.pipeline import account
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.tokenizer import page
from florilegium.pipeline.tokenizer.compare import compare
from florilegium.pipeline.tokenizer.sample import PIECE, Sample, draw, quotas, shared
from florilegium.pipeline.tokenizer.train import KINDS, LLAMA3, characters, exponent, train
from florilegium.stages.tokenize import Encoder

Run = Callable[..., subprocess.CompletedProcess[str]]
SPECIAL = ("<bos>", "<eos>")
VOCABULARY = 4000


def corpus(path: Path, rows: Mapping[str, Sequence[str | None]]) -> Path:
    """A Parquet file of these texts by language."""
    pairs = [(language, text) for language, texts in rows.items() for text in texts]
    columns = {"language": [one for one, _ in pairs], "text": pa.array([text for _, text in pairs], pa.string())}
    pq.write_table(pa.table(columns), path)
    return path


def whole(built: Path) -> pa.Table:
    """All documents of a build."""
    return pa.concat_tables([pq.read_table(path) for path in account.files(str(built), "corpus")])


@pytest.fixture(scope="session")
def trained(built: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A tokenizer of each kind, trained on the sample build as a user would."""
    folder = tmp_path_factory.mktemp("trained")
    for kind in KINDS:
        options = ["--kind", kind, "--vocabulary", VOCABULARY, "--special", SPECIAL[0], "--special", SPECIAL[1]]
        done = run("tokenizer", "train", built, "--out", folder / f"{kind}.json", *map(str, options))
        assert str(folder / f"{kind}.json") in done.stdout and "mlt_Latn" in done.stdout
    return {kind: folder / f"{kind}.json" for kind in KINDS}


def test_a_trained_file_loads_and_gives_every_language_back(built: Path, trained: Mapping[str, Path]) -> None:
    table = whole(built)
    assert len(set(table["language"].to_pylist())) > 30
    for kind, path in trained.items():
        encoder = Encoder.from_file(path)
        assert encoder.vocabulary == VOCABULARY, kind
        assert encoder.warm, kind
        tokens, offsets = encoder.encode(table["text"].combine_chunks())
        for row, text in enumerate(table["text"].to_pylist()):
            assert encoder.decode(tokens[offsets[row] : offsets[row + 1]]) == text, kind
        assert len(tokens) < table["text"].combine_chunks().nbytes / 2, kind


def test_a_trained_file_is_plain(trained: Mapping[str, Path]) -> None:
    """Special tokens first, and nothing that an engine would have to refuse."""
    for kind, path in trained.items():
        found = json.loads(path.read_text("utf-8"))
        model = found["model"]
        ids = [model["vocab"][name] for name in SPECIAL]
        assert ids == [0, 1] == [one["id"] for one in found["added_tokens"]][:2], kind
        assert sorted(model["vocab"].values()) == list(range(VOCABULARY)), kind
        assert found["normalizer"] is found["post_processor"] is found["truncation"] is found["padding"] is None
        assert model["type"] == "BPE" and model["dropout"] is None and model["ignore_merges"] == (kind == "llama3")
    found = json.loads(trained["llama3"].read_text("utf-8"))
    split, level = found["pre_tokenizer"]["pretokenizers"]
    assert split == {"type": "Split", "pattern": {"Regex": LLAMA3}, "behavior": "Isolated", "invert": False}
    assert (level["type"], level["use_regex"], level["add_prefix_space"]) == ("ByteLevel", False, False)
    assert found["decoder"]["type"] == "ByteLevel" and len(found["added_tokens"]) == len(SPECIAL)


def test_pieces_cross_neither_spaces_nor_lines_and_every_byte_has_a_token(trained: Mapping[str, Path]) -> None:
    found = json.loads(trained["sentencepiece"].read_text("utf-8"))
    assert found["model"]["byte_fallback"] and found["model"]["unk_token"] == "<unk>"
    assert [one["content"] for one in found["added_tokens"]] == [*SPECIAL, "<unk>"]
    assert not [name for name in found["model"]["vocab"] if "▁" in name[1:] or set(name) & set(" \r\n")]
    odd = "Zażółć\t𐍈 ‰\r\n\n\U0001f6a2"
    encoder = Encoder.from_file(trained["sentencepiece"])
    assert encoder.decode(encoder.encode(pa.array([odd]))[0]) == odd


def test_the_file_depends_neither_on_threads_nor_on_how_the_corpus_is_cut(
    built: Path, trained: Mapping[str, Path], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = whole(built).select(["text", "language", "id"]).sort_by([("text", "descending")])
    for at in range(0, table.num_rows, 100):
        (tmp_path / "cut" / str(at)).mkdir(parents=True)
        pq.write_table(table.slice(at, 100), tmp_path / "cut" / str(at) / f"{999 - at}.parquet")
    monkeypatch.setenv("RAYON_NUM_THREADS", "1")
    for source, name in ((tmp_path / "cut", "one.json"), (built, "two.json")):
        options = ["--vocabulary", "600", "--megabytes", "0.1", "--out", tmp_path / name]
        run("tokenizer", "train", source, *options)
        monkeypatch.setenv("RAYON_NUM_THREADS", "3")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    for kind, path in trained.items():
        train(str(tmp_path / "cut"), str(tmp_path / "x"), kind=kind, vocabulary=VOCABULARY, special=SPECIAL)
        assert (tmp_path / "x").read_bytes() == path.read_bytes(), kind


@given(
    st.dictionaries(st.text("abc", min_size=1), st.integers(1, 10**9), min_size=1),
    st.integers(1, 10**9),
    st.floats(0, 1),
)
def test_quotas_fill_the_budget_and_follow_the_sizes(held: dict[str, int], budget: int, alpha: float) -> None:
    found = quotas(held, budget, alpha)
    assert set(found) == set(held) and all(0 <= found[one] <= held[one] for one in held)
    full = min(budget, sum(held.values()))
    assert full - len(held) - 1e-6 * full <= sum(found.values()) <= full + 1e-6 * full
    order = sorted(held, key=lambda one: held[one])
    for less, more in pairwise(order):
        assert found[less] <= found[more] + 1
    if alpha == 0:
        open_ = [found[one] for one in held if found[one] < held[one]]
        assert not open_ or max(open_) - min(open_) <= 1


def test_languages_are_balanced_as_asked(tmp_path: Path) -> None:
    rows = {"deu_Latn": ["ä" * 500] * 400, "ell_Grek": ["ω" * 50] * 400, "mlt_Latn": ["ħħ"] * 100}
    path = str(corpus(tmp_path / "one.parquet", rows))
    held = {"deu_Latn": 400_000, "ell_Grek": 40_000, "mlt_Latn": 400}
    wanted = {
        "parity": {"deu_Latn": 4_800, "ell_Grek": 4_800, "mlt_Latn": 400},
        "temperature:0.5": {"deu_Latn": 7_418, "ell_Grek": 2_346, "mlt_Latn": 234},  # as 632 to 200 to 20
        "none": {"deu_Latn": 9_082, "ell_Grek": 908, "mlt_Latn": 9},
    }
    for balance, bytes_ in wanted.items():
        found = draw(path, 0.01, exponent(balance))
        assert found.held == held
        counted = {language: sum(len(text.encode()) for text in texts) for language, texts in found.texts.items()}
        assert counted == found.taken
        for language, size in bytes_.items():
            assert size - 1 <= found.taken[language] <= size, (balance, language)  # letters of two bytes


def test_a_book_is_drawn_in_pieces_and_two_ends_do_not_meet(tmp_path: Path) -> None:
    books = [chr(0x3B1 + at) * 2 * PIECE for at in range(8)]  # twice as many bytes as letters: four pieces each
    path = str(corpus(tmp_path / "one.parquet", {"ell_Grek": books}))
    some, rest = draw(path, 3 * PIECE / 1e6), draw(path, 3 * PIECE / 1e6, backwards=True)
    assert len({text[0] for text in some.texts["ell_Grek"]}) > 1
    assert shared(some, rest) == []
    everything = draw(path, 3)
    assert sorted("".join(everything.texts["ell_Grek"])) == sorted("".join(books))
    assert shared(everything, rest) == ["ell_Grek"]


def test_what_is_drawn_goes_by_the_id(tmp_path: Path) -> None:
    texts = [f"{at:04} " * 20 for at in range(200)]
    table = pa.table({"language": ["deu_Latn"] * 200, "text": texts, "id": [f"{at}" for at in range(200)]})
    drawn = []
    for name, rows in (("one", table), ("two", table.take(list(range(199, -1, -1)))), ("three", table.drop(["id"]))):
        pq.write_table(rows, tmp_path / f"{name}.parquet")
        drawn.append(draw(str(tmp_path / f"{name}.parquet"), 0.002).texts)
    assert drawn[0] == drawn[1] != drawn[2]


def test_letters_of_a_small_language_get_a_token() -> None:
    texts = {"deu_Latn": ["abc" * 100_000 + "漢"], "mlt_Latn": ["ħġż"]}
    found = characters(Sample(texts, {}, {}))
    assert found == set("abcħġż")


def test_names_of_special_tokens_in_the_text_are_not_learned(tmp_path: Path) -> None:
    path = str(corpus(tmp_path / "one.parquet", {"eng_Latn": ["the cat <eos><0x0A> sat " * 40, "on the mat " * 40]}))
    for kind in KINDS:
        train(path, str(tmp_path / "t.json"), kind=kind, vocabulary=276 if kind == "sentencepiece" else 266)
        model = json.loads((tmp_path / "t.json").read_text("utf-8"))["model"]
        assert "<eos>" not in {left + right for left, right in model["merges"]}, kind
        assert not [name for name in model["vocab"] if "<e" in name and name != "<eos>"], kind


@pytest.fixture
def by_hand(tmp_path: Path) -> tuple[str, str]:
    """A tokenizer whose one merge is a+b, and one of characters with a piece for the space before a word."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    level = Tokenizer(models.BPE({name: at for at, name in enumerate([*alphabet, "ab"])}, [("a", "b")]))
    level.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    level.decoder = decoders.ByteLevel()
    names = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "a", "b", "α", "▁a"]
    vocabulary = {name: at for at, name in enumerate(names)}
    pieces = Tokenizer(models.BPE(vocabulary, [("▁", "a")], unk_token="<unk>", byte_fallback=True))
    pieces.pre_tokenizer = pre_tokenizers.Metaspace()
    level.save(str(tmp_path / "level.json"))
    pieces.save(str(tmp_path / "pieces.json"))
    return str(tmp_path / "level.json"), str(tmp_path / "pieces.json")


def test_figures_checked_by_hand(tmp_path: Path, by_hand: tuple[str, str], run: Run) -> None:
    path = corpus(tmp_path / "one.parquet", {"eng_Latn": ["ab ab a."], "ell_Grek": ["ααβ", None]})
    done = run("tokenizer", "compare", *by_hand, "--on", path, "--html", tmp_path / "page.html", "--json")
    found = json.loads(done.stdout)
    assert [one["vocabulary"] for one in found["tokenizers"]] == [257, 262]
    english, greek, both = found["languages"]["eng_Latn"], found["languages"]["ell_Grek"], found["all"]
    assert [(one["texts"], one["bytes"], one["words"]) for one in (english, greek, both)] == [
        (1, 8, 3),
        (1, 6, 1),
        (2, 14, 4),
    ]

    def figures(tokens: int, single: int, size: int, words: int, base: float) -> dict[str, Any]:
        fertility = tokens / words
        return {
            "tokens": tokens,
            "tokens_a_word": fertility,
            "bytes_a_token": size / tokens,
            "parity": fertility / base,
            "single_byte": single / tokens,
        }

    # ab|␣|ab|␣|a|.  and  ▁a|b|▁a|b|▁a|<0x2E>
    assert english["tokenizers"] == [figures(6, 4, 8, 3, 2.0), figures(6, 3, 8, 3, 2.0)]
    # six bytes  and  ▁|α|α|<0xCE>|<0xB2>
    assert greek["tokenizers"] == [figures(6, 6, 6, 1, 2.0), figures(5, 3, 6, 1, 2.0)]
    assert both["tokenizers"] == [figures(12, 10, 14, 4, 2.0), figures(11, 6, 14, 4, 2.0)]
    html = (tmp_path / "page.html").read_text("utf-8")
    assert (
        "http:" not in html
        and "https:" not in html
        and "<script" not in html
        and "level.json" in html
        and ">66.7 %<" in html
    )
    shown = run("tokenizer", "compare", *by_hand, "--on", path, "--reference", "deu_Latn").stdout
    assert "of which the corpus holds no text" in shown
    many = run("tokenizer", "compare", *by_hand * 3, "--on", path).stdout
    assert "…" not in many and "ell_Grek" in many, "nothing is cut, however many tokenizers there are"
    assert ["ell_Grek", "1", "6.00", "5.00", "1.00", "1.20", "–", "–", "100.0%", "60.0%"] in [
        line.split() for line in shown.splitlines()
    ]


def test_a_page_escapes_what_comes_from_outside(by_hand: tuple[str, str]) -> None:
    html = page.render(compare(by_hand, Sample({"<b>x": ["ab"]}, {"<b>x": 2}, {"<b>x": 2})))
    assert "&lt;b&gt;x" in html and "<b>x" not in html


MISTAKES = [
    (["train", "{text}", "--kind", "bert"], "--kind bert"),
    (["train", "{text}", "--balance", "temperature:2"], "--balance temperature:2"),
    (["train", "{text}", "--special", "<a>", "--special", "<a>"], "--special <a>: is given 2 times"),
    (["train", "{text}", "--special", ""], "cannot be a special token"),
    (["train", "{text}", "--vocabulary", "257"], "--vocabulary 257: leaves no room"),
    (["train", "{text}", "--vocabulary", "9000"], "give no more than"),
    (["train", "{text}", "--vocabulary", "262", "--kind", "sentencepiece"], "the characters of the corpus alone need"),
    (["train", "{text}", "--special", "Ġthe", "--vocabulary", "262"], "--special Ġthe: is also a piece of the text"),
    (["train", "{text}", "--megabytes", "0"], "--megabytes 0"),
    (["train", "{text}", "--against", "nowhere.json"], "nowhere.json: cannot be read"),
    (["train", "{text}", "--out", "{folder}"], "is a folder"),
    (["train", "{text}", "--out", "{folder}/no/t.json"], "there is no folder"),
    (["train", "{none}"], "holds no text"),
    (["train", "{other}"], "has no column 'text'"),
    (["train", "{broken}"], "is no Parquet file"),
    (["train", "{folder}/nowhere"], "holds no Parquet file"),
    (["train", "{folder}/begun"], "holds a build that is not finished"),
    (["compare", "{other}", "--on", "{text}"], "is no tokenizer.json"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_is_two_lines_and_status_2(run: Run, tmp_path: Path, arguments: list[str], message: str) -> None:
    places = {name: tmp_path / f"{name}.parquet" for name in ("text", "none", "other", "broken")}
    corpus(places["text"], {"eng_Latn": ["the cat sat on the mat " * 9, "the hat"]})
    corpus(places["none"], {"eng_Latn": [None, ""]})
    pq.write_table(pa.table({"language": ["eng_Latn"]}), places["other"])
    places["broken"].write_bytes(b"PAR1, or not")
    (tmp_path / "begun/work").mkdir(parents=True)
    corpus(tmp_path / "begun/work/0.parquet", {"eng_Latn": ["the cat sat on the mat"]})
    filled = [argument.format(**places, folder=tmp_path) for argument in arguments]
    if filled[0] == "train" and "--out" not in filled:
        filled += ["--out", str(tmp_path / "t.json")]
    failed = run("tokenizer", *filled, status=2)
    error, hint = failed.stderr.strip().splitlines()[-2:]
    assert error.startswith("error: ") and message in error and hint.startswith("hint: ")
    assert "Traceback" not in failed.stderr and not (tmp_path / "t.json").exists()


def test_a_vocabulary_that_trainers_store_differently_is_warned_of(run: Run, tmp_path: Path) -> None:
    corpus(tmp_path / "a.parquet", {"eng_Latn": ["the cat sat on the mat"]})
    for size, warned in ((65_499, False), (65_500, True), (65_536, True), (65_537, False)):
        command = (
            "tokenizer",
            "train",
            tmp_path / "a.parquet",
            "--out",
            tmp_path / "t.json",
            "--vocabulary",
            str(size),
        )
        said = run(*command, status=2).stderr  # so little text gives no such vocabulary
        assert (f"warning: --vocabulary {size}: {size:,} tokens are stored as int32" in said) == warned
        assert "65,408" in said or not warned


def test_text_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff")]
    )
    pq.write_table(pa.table({"language": ["eng_Latn"], "text": bad}), tmp_path / "bad.parquet")
    with pytest.raises(PipelineError, match=r"bad\.parquet"):
        draw(str(tmp_path / "bad.parquet"), 1)
