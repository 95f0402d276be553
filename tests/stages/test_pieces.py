"""SentencePiece-style BPE in C gives the ids of `tokenizers`, and those of the slow definition below."""

import copy
import itertools
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from florilegium.stages import _pieces
from florilegium.stages._engine import Engine, Unsupported


def load(file: dict[str, Any]) -> Engine:
    return _pieces.engine(file, _pieces.tables(file), None)


Json = dict[str, Any]
BLANK = "\u2581"
CORPUS = [
    json.loads(line)["text"]
    for path in sorted((Path(__file__).parents[1] / "golden/languages").glob("*.jsonl"))
    for line in path.read_text("utf-8").splitlines()
]


# ---- the definition ----


def define(tokenizer: Json, text: str) -> list[int]:
    """The ids of a text, step by step."""
    return [one for part in split(tokenizer, before(tokenizer, text)) for one in merge(tokenizer["model"], part)]


def before(tokenizer: Json, text: str) -> str:
    """The text with blanks for spaces, and perhaps one more in front."""
    always = "Prepend" in json.dumps(tokenizer["normalizer"])
    scheme = (tokenizer["pre_tokenizer"] or {}).get("prepend_scheme", "never")
    text = BLANK + text if always and text else text
    text = text.replace(" ", BLANK)
    return BLANK + text if scheme != "never" and text and not text.startswith(BLANK) else text


def split(tokenizer: Json, text: str) -> list[str]:
    """The parts that are encoded alone."""
    if not (tokenizer["pre_tokenizer"] or {}).get("split"):
        return [text]
    first, *more = text.split(BLANK)
    return [first, *(BLANK + one for one in more)]


def merge(model: Json, text: str) -> list[int]:
    """BPE: the pair of lowest rank, the leftmost of equals, until none is left; unknown characters are bytes."""
    vocabulary = model["vocab"]
    ranks = {(left, right): rank for rank, (left, right) in enumerate(model["merges"])}
    symbols: list[str] = []
    for one in text:
        symbols += [one] if one in vocabulary else [f"<0x{byte:02X}>" for byte in one.encode()]
    while pairs := [(ranks[pair], at) for at, pair in enumerate(itertools.pairwise(symbols)) if pair in ranks]:
        _, at = min(pairs)
        symbols[at : at + 2] = [symbols[at] + symbols[at + 1]]
    return [vocabulary[one] for one in symbols]


# ---- tokenizers ----


def trained(normalizer: Any, pre_tokenizer: Any, size: int = 900) -> Json:
    """A tokenizer.json with three special tokens and all bytes."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    special = ["<unk>", "<s>", "</s>"]
    numbers = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special + numbers, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    found: Json = json.loads(tokenizer.to_str())
    found["added_tokens"] = [token for token in found["added_tokens"] if token["content"] in special]
    return found


def blanks(*more: Any) -> Any:
    return normalizers.Sequence([*more, normalizers.Replace(" ", BLANK)])


def converted(tokenizer: Json) -> Json:
    """As converters of sentencepiece models do: every pair that makes a piece is a merge, by the rank of the piece."""
    vocabulary = tokenizer["model"]["vocab"]
    made = dict.fromkeys(left + right for left, right in tokenizer["model"]["merges"])
    pairs = [[piece[:at], piece[at:]] for piece in made for at in range(1, len(piece))]
    tokenizer["model"]["merges"] = [pair for pair in pairs if pair[0] in vocabulary and pair[1] in vocabulary]
    return tokenizer


def shuffled(tokenizer: Json) -> Json:
    """Ranks without sense: derivations do not rise, and many pieces do not encode to themselves."""
    random.Random(5).shuffle(tokenizer["model"]["merges"])
    return tokenizer


def widened(tokenizer: Json, by: int) -> Json:
    """The same with all ids moved up: what is below them is no text."""
    model = tokenizer["model"]
    numbers = {piece: number + by for piece, number in model["vocab"].items()}
    model["vocab"] = {f"\ue000\ue001{number}": number for number in range(by)} | numbers
    for token in tokenizer["added_tokens"]:
        token["id"] += by
    return tokenizer


KINDS: dict[str, Callable[[], Json]] = {
    "llama": lambda: trained(blanks(normalizers.Prepend(BLANK)), None),
    "gemma": lambda: trained(blanks(), pre_tokenizers.Split(" ", "merged_with_previous")),
    "metaspace": lambda: trained(None, pre_tokenizers.Metaspace()),
    "metaspace, never": lambda: trained(None, pre_tokenizers.Metaspace(prepend_scheme="never")),
    "metaspace, first, whole": lambda: trained(None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False)),
    "both": lambda: trained(blanks(normalizers.Prepend(BLANK)), pre_tokenizers.Metaspace()),
    "converted": lambda: converted(trained(None, pre_tokenizers.Metaspace())),
    "converted, whole": lambda: converted(trained(blanks(normalizers.Prepend(BLANK)), None, 2000)),
    "shuffled": lambda: shuffled(trained(blanks(normalizers.Prepend(BLANK)), None)),
    "32 bits": lambda: widened(trained(None, pre_tokenizers.Metaspace()), 64_600),
    "wide": lambda: widened(trained(blanks(normalizers.Prepend(BLANK)), None), 70_000),
}


class Case:
    """A tokenizer: its JSON, the library's, ours."""

    def __init__(self, tokenizer: Json) -> None:
        self.json = tokenizer
        self.reference = Tokenizer.from_str(json.dumps(tokenizer))
        self.engine = load(tokenizer)

    def ours(self, texts: Sequence[str | bytes], threads: int = 1) -> tuple[list[list[int]], list[int]]:
        rows = [text.encode() if isinstance(text, str) else text for text in texts]
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
        tokens, ends, hard = self.engine.encode(b"".join(rows), offsets, threads)
        return [tokens[ends[row] : ends[row + 1]].tolist() for row in range(len(rows))], hard.tolist()

    def theirs(self, texts: list[str]) -> list[list[int]]:
        return [one.ids for one in self.reference.encode_batch(texts, add_special_tokens=False)]


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return {}


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest, cases: dict[str, Case]) -> Case:
    if request.param not in cases:
        cases[request.param] = Case(KINDS[request.param]())
    return cases[request.param]


ANY = st.text(st.characters(codec="utf-8"), max_size=6)
KNOWN = st.sampled_from(sorted({word for text in CORPUS for word in text.split()})).flatmap(
    lambda word: st.integers(0, len(word)).map(lambda at: word[at:])
)
BETWEEN = st.sampled_from(
    [" ", "  ", BLANK, BLANK * 2, "\n", "\r\n", "\t", ".", ", ", "", "e\u0301", "\x00", "\u00a0", "12"]
)
ODD = st.lists(st.one_of(KNOWN, BETWEEN, ANY), max_size=30).map("".join)


# ---- tests ----


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(ODD, min_size=1, max_size=6))
def test_any_text_is_encoded_as_tokenizers_and_the_definition_do(case: Case, texts: list[str]) -> None:
    found, hard = case.ours(texts)
    assert hard == []
    theirs = case.theirs(texts)
    for row, text in enumerate(texts):
        assert found[row] == theirs[row]
        assert any(one in text for one in ("<unk>", "<s>", "</s>")) or found[row] == define(case.json, text)


def test_every_text_of_the_corpus_and_every_piece(case: Case) -> None:
    texts = ["", " ", "  ", BLANK, " a", "a ", *CORPUS, "\n".join(CORPUS)]
    texts += [piece for piece in case.json["model"]["vocab"] if "\ue000" not in piece][3:]
    for _ in range(2):  # from the model, then from the cache
        found, hard = case.ours(texts)
        assert (found, hard) == (case.theirs(texts), [])


def test_runs_of_any_length(case: Case) -> None:
    letters = "".join(CORPUS).replace(" ", "").replace("\n", "")
    runs = ["a" * 100_000, letters[:1000] * 100, " " * 100_000, "\u6f22" * 30_000, "ee\u0301" * 30_000, "\n" * 100_000]
    found, hard = case.ours([*runs, "end"])
    assert (found, hard) == (case.theirs([*runs, "end"]), [])


def test_threads_change_nothing(case: Case) -> None:
    texts = [*CORPUS, "", "<s>", *CORPUS[:3], "</s> x", ""]
    alone = case.ours(texts, 1)
    assert alone == (case.theirs(texts), [])
    for threads in (2, 3, 64, 1000):
        assert case.ours(texts, threads) == alone
    assert case.ours([], 3) == ([], [])


def test_tokens_are_as_narrow_as_the_encoder_stores_them(cases: dict[str, Case]) -> None:
    for name, dtype in (("llama", np.uint16), ("32 bits", np.int32), ("wide", np.int32)):
        engine = cases.setdefault(name, Case(KINDS[name]())).engine
        tokens, ends, hard = engine.encode(b"abc", np.array([0, 3]), 1)
        assert [one.dtype for one in (tokens, ends, hard)] == [np.dtype(one) for one in (dtype, np.int64, np.int64)]


BROKEN = [
    b"\xff",
    b"\xc3",
    b"a\xc3b",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc0\x80",
    b"\xe2\x96",
    b"\x81",
    b"ab \xe2\x28\xa1",
]


def test_invalid_utf8_is_named_with_row_and_byte(case: Case) -> None:
    fronts = ["", "word. ", "<s> ", f"{BLANK} ", "\u00e9" * 9000]
    for front, bad, threads in itertools.product(fronts, BROKEN, (1, 3)):
        row = front.encode() + bad + b" end"
        with pytest.raises(UnicodeDecodeError) as expected:
            row.decode()
        with pytest.raises(ValueError, match=rf"^row 2: byte {expected.value.start} is no UTF-8$"):
            case.ours(["fine", "<s>", row, "fine \u00e9", b"\xff"], threads)
    assert case.ours(["fine \u00e9"])[0] == case.theirs(["fine \u00e9"])


def test_halves_of_a_character_do_not_meet_across_rows(case: Case) -> None:
    with pytest.raises(ValueError, match="row 0: byte 1 "):
        case.ours([b"a\xe2", b"\x96\x81 b"])


def changed(path: str, value: Any) -> Callable[[Json], Json]:
    """A change of one place, keys divided by dots."""

    def change(tokenizer: Json) -> Json:
        *way, last = path.split(".")
        part = tokenizer
        for key in way:
            part = part[int(key)] if isinstance(part, list) else part[key]
        part[last] = value
        return tokenizer

    return change


METASPACE = {"type": "Metaspace", "replacement": BLANK, "prepend_scheme": "always", "split": True}
REFUSED: list[tuple[str, Any, str]] = [
    ("nobody_heard_of", 1, "nobody_heard_of"),
    ("version", "2.0", "version"),
    ("model.type", "Unigram", "Unigram"),
    ("model.nobody_heard_of", None, "nobody_heard_of"),
    ("model.dropout", 0.1, "dropout"),
    ("model.unk_token", "nobody", "nobody"),
    ("model.unk_token", None, "None"),
    ("model.byte_fallback", 1, "byte_fallback"),
    ("model.continuing_subword_prefix", "##", "continuing_subword_prefix"),
    ("model.end_of_word_suffix", "</w>", "end_of_word_suffix"),
    ("model.ignore_merges", 1, "ignore_merges"),
    ("model.merges", [["a", "qqq"]], "qqq"),
    ("model.merges", [["<0x41>", "<0x42>"]], "<0x41><0x42>"),
    ("model.vocab.<0x41><0x42>", 7, "<0x41><0x42>"),
    ("pre_tokenizer", {"type": "Whitespace"}, "Whitespace"),
    ("pre_tokenizer", {"type": "Sequence", "pretokenizers": [METASPACE]}, "Sequence"),
    ("pre_tokenizer", None, "blank of a space"),
    ("pre_tokenizer.nobody_heard_of", True, "nobody_heard_of"),
    ("pre_tokenizer.replacement", "_", "replacement"),
    ("pre_tokenizer.prepend_scheme", "last", "last"),
    ("pre_tokenizer.split", "yes", "split"),
    ("normalizer", {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": BLANK}] * 2}, "Prepend twice"),
    ("post_processor", {"type": "Roberta"}, "Roberta"),
    ("added_tokens.0.nobody_heard_of", True, "nobody_heard_of"),
]


@pytest.mark.parametrize(("path", "value", "named"), REFUSED, ids=lambda one: str(one)[:30])
def test_what_is_not_known_is_refused_and_named(cases: dict[str, Case], path: str, value: Any, named: str) -> None:
    case = cases.setdefault("metaspace", Case(KINDS["metaspace"]()))
    tokenizer = copy.deepcopy(case.json)
    if path == "model.vocab.<0x41><0x42>":
        tokenizer["model"]["merges"].append(["<0x41>", "<0x42>"])
        named = "token of a byte"
    if path == "model.unk_token":
        tokenizer["model"]["byte_fallback"] = False
    with pytest.raises(Unsupported, match=named):
        load(changed(path, value)(tokenizer))


def test_a_normalizer_that_may_leave_spaces_is_refused_where_nothing_makes_blanks_of_them(
    cases: dict[str, Case],
) -> None:
    for last in (
        {"type": "NFKC"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "_"},
        {"type": "Replace", "pattern": {"Regex": " "}, "content": BLANK},
    ):
        tokenizer = copy.deepcopy(cases.setdefault("llama", Case(KINDS["llama"]())).json)
        tokenizer["normalizer"]["normalizers"].append(last)
        with pytest.raises(Unsupported, match="blank of a space"):
            load(tokenizer)


def without_bytes(name: str, fused: bool) -> Json:
    """Unknown characters are <unk>; letters of several scripts are unknown."""
    tokenizer = KINDS[name]()
    model = tokenizer["model"]
    unknown = [piece for piece in model["vocab"] if any(one in "aeoλж.0\n\u0301" for one in piece) and piece != "<unk>"]
    for number, piece in enumerate(unknown):
        model["vocab"][f"\ue000\ue002{number}"] = model["vocab"].pop(piece)
    model["merges"] = [pair for pair in model["merges"] if {*pair, "".join(pair)} <= model["vocab"].keys()]
    model |= {"byte_fallback": False, "fuse_unk": fused}
    return tokenizer


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(ODD, min_size=1, max_size=6))
def test_unknown_characters_without_byte_fallback(cases: dict[str, Case], texts: list[str]) -> None:
    for name in ("llama", "metaspace", "metaspace, never", "shuffled", "32 bits"):
        for fused in (True, False):
            key = f"{name}, no bytes, {fused}"
            case = cases[key] if key in cases else cases.setdefault(key, Case(without_bytes(name, fused)))
            more = [*texts, "aa<s>a", "", "a", "\u6f22\u6f22 aa\u6f22", "<unk>a<unk>", *CORPUS[:2]]
            assert case.ours(more) == (case.theirs(more), [])
            assert case.ours(more, 3) == case.ours(more)


def test_whole_pieces_before_merges_where_merges_make_them_too(cases: dict[str, Case]) -> None:
    for name in ("llama", "metaspace", "both"):
        case = cases.setdefault(name, Case(KINDS[name]()))
        tokenizer = changed("model.ignore_merges", True)(copy.deepcopy(case.json))
        texts = [*CORPUS, *(piece.replace(BLANK, " ") for piece in case.json["model"]["vocab"])]
        whole = Case(tokenizer)
        assert whole.ours(texts) == (whole.theirs(texts), [])
        tokenizer["model"]["vocab"][f"{BLANK}qxqx"] = len(tokenizer["model"]["vocab"])
        with pytest.raises(Unsupported, match="merges that do not make '▁qxqx'"):
            load(tokenizer)
    for name in ("gemma", "metaspace, never"):
        case = cases.setdefault(name, Case(KINDS[name]()))
        with pytest.raises(Unsupported, match="begin without a blank"):
            load(changed("model.ignore_merges", True)(copy.deepcopy(case.json)))


def test_a_missing_byte_and_a_missing_blank_are_refused(cases: dict[str, Case]) -> None:
    case = cases.setdefault("metaspace", Case(KINDS["metaspace"]()))
    for piece in ("<0x7F>", BLANK):
        tokenizer = copy.deepcopy(case.json)
        del tokenizer["model"]["vocab"][piece]
        with pytest.raises(Unsupported, match=piece):
            load(tokenizer)


def test_older_spellings_are_known(cases: dict[str, Case]) -> None:
    """Merges as strings; Metaspace with add_prefix_space and without split; a template: it adds special tokens only."""
    case = cases.setdefault("metaspace", Case(KINDS["metaspace"]()))
    tokenizer = copy.deepcopy(case.json)
    tokenizer["model"]["merges"] = [" ".join(pair) for pair in case.json["model"]["merges"]]
    tokenizer["pre_tokenizer"] = {"type": "Metaspace", "replacement": BLANK, "add_prefix_space": True}
    tokenizer["post_processor"] = {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}}
    del tokenizer["model"]["dropout"]
    assert Case(tokenizer).ours(list(CORPUS)) == case.ours(CORPUS)


def test_of_two_merges_of_one_pair_the_last_counts(cases: dict[str, Case]) -> None:
    case = cases.setdefault("llama", Case(KINDS["llama"]()))
    tokenizer = copy.deepcopy(case.json)
    merges = tokenizer["model"]["merges"]
    tokenizer["model"]["merges"] = [*merges, merges[0], merges[5], merges[0]]
    again = Case(tokenizer)
    assert again.ours(list(CORPUS))[0] == again.theirs(CORPUS) != case.theirs(CORPUS)
