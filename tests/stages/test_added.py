"""Added tokens and normalizers before both engines: the ids of the `tokenizers` library, and few rows left to it."""

import itertools
import json
import random
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from florilegium.stages import _added, _bytelevel, _fronted, _native, _pieces
from florilegium.stages._engine import Engine, Known, Unsupported
from florilegium.stages._splits import LLAMA3, bits
from florilegium.stages.native.unicode import WORD
from florilegium.stages.tokenize import Encoder

Json = dict[str, Any]
BLANK = "\u2581"
CORPUS = [
    json.loads(line)["text"]
    for path in sorted((Path(__file__).parents[1] / "golden/languages").glob("*.jsonl"))
    for line in path.read_text("utf-8").splitlines()[:4]
]
SPACES = " \t\n\r\x0b\x0c\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000"

# ---- the definition ----

Token = tuple[str, int, int]


def define(tokens: Sequence[Token], text: str) -> list[tuple[str, int | None]] | None:
    """A text cut into texts and tokens, as AddedVocabulary.find_matches does it; None where matches overlap."""
    found: list[tuple[str, int | None]] = []
    at = covered = 0
    while at < len(text):
        here = max((one for one in tokens if text.startswith(one[0], at)), key=lambda one: len(one[0]), default=None)
        if here is None:
            at += 1
            continue
        start = at
        stop = at = at + len(here[0])
        if here[2] & 1 and (is_word(text[:start][-1:]) or is_word(text[stop : stop + 1])):
            continue
        if here[2] & 2:
            start = max(covered, len(text[:start].rstrip(SPACES)))
        if here[2] & 4:
            stop = len(text) - len(text[stop:].lstrip(SPACES))
        if start < covered or start >= stop:
            return None
        found += [(text[covered:start], None)] if start > covered else []
        found.append((text[start:stop], here[1]))
        covered = stop
    return found + ([(text[covered:], None)] if covered < len(text) else [])


def is_word(one: str) -> bool:
    return one != "" and bool(bits()[ord(one)] >> WORD & 1)


def split(tokens: Sequence[Token], texts: Sequence[str]) -> list[list[tuple[str, int | None]] | None]:
    """The same by the core."""
    words = np.packbits(bits() >> np.uint16(WORD) & 1 == 1, bitorder="little").data
    searched = _native.added(tuple((text.encode(), number, flags) for text, number, flags in tokens), words)
    data, offsets = joined(texts)
    answer = _native.added_split(searched, data, offsets.data, None)
    if answer is None:
        return [[(text, None)] if text else [] for text in texts]
    at, kinds, firsts = (np.frombuffer(part, kind) for part, kind in zip(answer, ("i8", "i4", "i8"), strict=True))
    assert at[0] == 0
    assert at[-1] == len(data)
    assert (at[firsts] == offsets).all()
    found: list[list[tuple[str, int | None]] | None] = []
    for row, (first, last) in enumerate(itertools.pairwise(firsts.tolist())):
        parts = [(data[at[i] : at[i + 1]].decode(), int(kinds[i])) for i in range(first, last)]
        assert all(
            kind == (_fronted.LATER if i else _fronted.TEXT) for i, (_, kind) in enumerate(parts) if -3 < kind < 0
        )
        is_hard = parts == [(texts[row], _fronted.HARD)]
        found.append(None if is_hard else [(text, kind if kind >= 0 else None) for text, kind in parts if text])
    return found


def joined(texts: Sequence[str]) -> tuple[bytes, Any]:
    rows = [text.encode() for text in texts]
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    return b"".join(rows), offsets


LETTERS = st.sampled_from(
    ["a", "b", "ab", "<", ">", "<a", " ", "  ", "\n", "\t", "\u00a0", "\u2003", "é", "_", "\u0301", "中"]
)
CONTENTS = st.lists(LETTERS, min_size=1, max_size=4).map("".join)
TOKENS = st.dictionaries(CONTENTS, st.integers(0, 7), max_size=12).map(
    lambda found: [(text, number, flags) for number, (text, flags) in enumerate(found.items())]
)


@settings(max_examples=300, deadline=None)
@given(tokens=TOKENS, texts=st.data())
def test_rows_are_cut_as_the_definition_says(tokens: list[Token], texts: st.DataObject) -> None:
    known = [text for text, _, _ in tokens] or ["a"]
    parts = st.lists(st.one_of(LETTERS, st.sampled_from(known)), max_size=24).map("".join)
    rows = texts.draw(st.lists(parts, min_size=1, max_size=6))
    assert split(tokens, rows) == [define(tokens, row) for row in rows]


def test_tokens_at_every_shift_of_a_block() -> None:
    tokens = [("<x>", 0, 0), ("\n", 1, 0), ("\n\n", 2, 0), ("é", 3, 2), ("<x>y", 4, 4)]
    cases = ["<x>", "\n", "\n\n", "\n\n\n", " é", "<x>y ", "<x", "<", "<x><x>y\n"]
    texts = [" " * 0 + "a" * shift + case + after for shift in range(70) for case in cases for after in ("", "b" * 40)]
    assert split(tokens, texts) == [define(tokens, text) for text in texts]


def test_what_is_a_space_and_what_a_word_is_for_the_library_so() -> None:
    """Every code point beside a token."""
    tokenizer = Tokenizer(models.BPE(unk_token="?", vocab={"?": 0}, merges=[]))
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    file = json.loads(tokenizer.to_str())
    file["added_tokens"] = [flags | {"id": 1, "content": "<s>", "single_word": True}]
    file["added_tokens"] += [flags | {"id": 2, "content": "<l>", "lstrip": True}]
    file["added_tokens"] += [flags | {"id": 3, "content": "<r>", "rstrip": True}]
    tokenizer = Tokenizer.from_str(json.dumps(file))
    tokens = [("<s>", 1, 1), ("<l>", 2, 2), ("<r>", 3, 4)]
    for first in range(0, 0x110000, 0x4000):
        codes = [chr(code) for code in range(first, first + 0x4000) if not 0xD800 <= code < 0xE000]
        text = "".join(f".{one}<s>.<s>{one}.{one}<l>.<r>{one}" for one in codes)
        if not text:
            continue
        found = tokenizer.encode(text)
        wanted = [text[begin:end] for number, (begin, end) in zip(found.ids, found.offsets, strict=True) if number]
        (parts,) = split(tokens, [text])
        assert parts is not None
        assert [part for part, number in parts if number is not None] == wanted


# ---- whole tokenizers ----

_NAMES = ("single_word", "lstrip", "rstrip", "normalized", "special")


def with_tokens(tokenizer: Tokenizer, many: Sequence[tuple[str, str]]) -> Json:
    """Its JSON with added tokens: contents, and the names of flags that are set."""
    file: Json = json.loads(tokenizer.to_str())
    last = len(file["model"]["vocab"])
    for content, flags in many:
        number = file["model"]["vocab"].get(content, last)
        last += number == last
        token = {name: name in flags.split() for name in _NAMES}
        file["added_tokens"].append({"id": number, "content": content, **token})
    return file


def byte_level(pre_tokenizer: Any, normalizer: Any = None) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def pieces(pre_tokenizer: Any, normalizer: Any = None) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True))
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    numbers = [BLANK, *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=numbers, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    file = json.loads(tokenizer.to_str())
    file["added_tokens"] = []
    return Tokenizer.from_str(json.dumps(file))


LLAMA = pre_tokenizers.Sequence(
    [pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
)
GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
SPACED = pre_tokenizers.ByteLevel(add_prefix_space=True)
OF_BLANKS = normalizers.Replace(" ", BLANK)
PREPEND = normalizers.Prepend(BLANK)
METASPACE = pre_tokenizers.Metaspace()
NFD, NFKD = normalizers.NFD(), normalizers.NFKD()
NFC, NFKC, LOWER = normalizers.NFC(), normalizers.NFKC(), normalizers.Lowercase()


def chain(*many: Any) -> Any:
    return normalizers.Sequence(list(many))


def precompiled() -> Any:
    """As sentencepiece has it: a trie (darts-clone) and what its values stand for; this one makes xy of A."""
    units = [0] * 512
    units[0] = 256 << 10  # children of the root are at 256 ^ byte
    at = 256 ^ ord("A")
    units[at] = ord("A") | 1 << 8 | (at ^ 300) << 10  # it has a value, at 300
    units[300] = 1 << 31
    return normalizers.Precompiled(struct.pack("<I512I", 4 * len(units), *units) + b"xy\0")


BYTE_LEVEL: dict[str, tuple[Any, Any]] = {
    "llama3": (LLAMA, None),
    "gpt2, space": (SPACED, None),
    "gpt2, no expression, space": (pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False), None),
    "nfc": (LLAMA, NFC),
    "nfkc, lower case": (GPT2, chain(NFKC, LOWER)),
    "nfd, space": (SPACED, normalizers.NFD()),
    "strip, accents": (GPT2, chain(normalizers.Strip(), normalizers.NFD(), normalizers.StripAccents())),
    "replaced": (LLAMA, normalizers.Replace(Regex("a+|<"), "")),
    "bert": (GPT2, normalizers.BertNormalizer()),
    "precompiled": (GPT2, precompiled()),
    "prepended": (GPT2, normalizers.Prepend("x")),
}
PIECES: dict[str, tuple[Any, Any]] = {
    "llama2": (None, chain(PREPEND, OF_BLANKS)),
    "gemma": (pre_tokenizers.Split(" ", "merged_with_previous"), OF_BLANKS),
    "metaspace": (METASPACE, None),
    "metaspace, whole": (pre_tokenizers.Metaspace(split=False), None),
    "metaspace, first": (pre_tokenizers.Metaspace(prepend_scheme="first"), None),
    "metaspace, first, blanks": (pre_tokenizers.Metaspace(prepend_scheme="first"), OF_BLANKS),
    "metaspace, never": (pre_tokenizers.Metaspace(prepend_scheme="never"), None),
    "both": (METASPACE, chain(PREPEND, OF_BLANKS)),
    "both, first": (pre_tokenizers.Metaspace(prepend_scheme="first"), chain(PREPEND, OF_BLANKS)),
    "prepended, metaspace": (METASPACE, PREPEND),
    "nfc, llama2": (None, chain(NFC, PREPEND, OF_BLANKS)),
    "llama2, lower case": (METASPACE, chain(PREPEND, OF_BLANKS, LOWER)),
    "nfkc, metaspace": (METASPACE, NFKC),
    "nfkc, never": (pre_tokenizers.Metaspace(prepend_scheme="never"), NFKC),
    "t5": (METASPACE, chain(normalizers.Nmt(), NFKC, normalizers.Replace(Regex(" {2,}"), BLANK), normalizers.Strip())),
    "strip, gemma": (None, chain(normalizers.Strip(), normalizers.Replace(Regex("[ae]"), ""), OF_BLANKS)),
    "precompiled": (METASPACE, chain(precompiled(), normalizers.Replace(Regex(" {2,}"), " "))),
    "late": (None, chain(OF_BLANKS, normalizers.Replace("``", '"'), OF_BLANKS, PREPEND)),
}
FIRST = ("metaspace, first, blanks", "both, first")
"""Which text is the first is not known any more where a normalizer has been over it."""
PLAIN = [
    ("<s>", "special"),
    ("\n", ""),
    ("\n\n", ""),
    ("  ", ""),
    ("   ", ""),
    ("<b>", ""),
    ("<bb>", ""),
    ("e\u0301", ""),
]
EDGES = [
    ("<l>", "lstrip"),
    ("<r>", "rstrip"),
    ("<w>", "single_word"),
    ("<a>", "lstrip rstrip special"),
    ("is", "single_word"),
]
NORMALIZED = [
    ("Ab", "normalized"), ("<N>", "normalized special"), ("x y", "normalized"), ("é", "normalized"),
    (".", "normalized"), (f"{BLANK}q", "normalized"), ("ﬁ", "normalized lstrip"),
    ("zz", "normalized rstrip single_word"), ("<s>n", "normalized"),
]  # fmt: skip
SETS = {
    "plain": PLAIN,
    "edges": [*PLAIN, *EDGES],
    "normalized": NORMALIZED,
    "all": [*PLAIN, *EDGES, *NORMALIZED],
    "none": [],
}
ALL = [
    *((_bytelevel, byte_level, name, *parts) for name, parts in BYTE_LEVEL.items()),
    *((_pieces, pieces, name, *parts) for name, parts in PIECES.items()),
]
Pair = tuple[Tokenizer, Engine]


def of(module: Any, file: Json) -> Pair:
    return Tokenizer.from_str(json.dumps(file)), load(module, file)


def load(module: Any, file: Json) -> Engine:
    engine: Engine = module.engine(file, module.tables(file), None)
    return engine


@pytest.fixture(scope="module", params=ALL, ids=lambda one: f"{one[1].__name__} {one[2]}")
def pairs(request: pytest.FixtureRequest) -> list[Pair]:
    """One tokenizer with each set of added tokens that the engine takes."""
    module, make, name, pre_tokenizer, normalizer = request.param
    tokenizer = make(pre_tokenizer, normalizer)
    found = []
    for tokens in SETS.values():
        file = with_tokens(tokenizer, tokens)
        if name in FIRST and any("normalized" in flags for _, flags in tokens):
            with pytest.raises(Unsupported, match="'first' behind a normalizer"):
                load(module, file)
            continue
        found.append(of(module, file))
    return found


def assert_same(pair: Pair, texts: list[str], threads: int = 1) -> list[int]:
    """All rows that the engine takes. Answers the others."""
    data, offsets = joined(texts)
    tokens, ends, hard = pair[1].encode(data, offsets.data, threads)
    assert len(tokens) == ends[-1]
    left: list[int] = hard.tolist()
    taken = [row for row in range(len(texts)) if row not in left]
    wanted = pair[0].encode_batch_fast([texts[row] for row in taken], add_special_tokens=False)
    for row, one in zip(taken, wanted, strict=True):
        assert tokens[ends[row] : ends[row + 1]].tolist() == one.ids, texts[row]
    for row in left:
        assert ends[row] == ends[row + 1]
    return left


PARTS = st.one_of(
    st.sampled_from([content for content, _ in [*PLAIN, *EDGES, *NORMALIZED]]),
    st.sampled_from([" ", "  ", "\n", "\t", "a", "Ab", "ab", "é", "e\u0301", "\u0301", "x\u00a0y", "ﬁ", "fi", "İ", "ß",
                     BLANK, "ſ", "1", ".", "q", " q", "ﬀ", "\u200b", "\u2003", "\u00a8", "<", "中", "``", "\x00",
                     "zz"]),
    st.sampled_from(sorted({word for text in CORPUS for word in text.split()})),
    st.text(st.characters(codec="utf-8"), max_size=3),
)  # fmt: skip
TEXTS = st.lists(st.lists(PARTS, max_size=16).map("".join), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(texts=TEXTS)
def test_any_text(pairs: list[Pair], texts: list[str]) -> None:
    for pair in pairs:
        assert_same(pair, texts)


def test_languages_and_traps(pairs: list[Pair]) -> None:
    every = [content for content, _ in [*PLAIN, *EDGES, *NORMALIZED]]
    couples = [left + between + right for left in every for right in every for between in ("", " ", "a", "\n \n")]
    texts = ["", " ", *CORPUS, "\n".join(CORPUS), *every, *couples, *(f" {one}" for one in couples)]
    for pair in pairs:
        for threads in (1, 3):
            left = assert_same(pair, texts, threads)
            assert all(any(one in texts[row] for one in ("<r>", "<a>", "<l>", "zz", "ﬁ", "fi")) for row in left)
            assert len(left) < len(texts) / 8


# ---- what is left to the library, and what is refused ----


def test_tokens_that_take_the_same_space_are_left_to_the_library(tmp_path: Path) -> None:
    for make, parts, module in ((byte_level, BYTE_LEVEL["nfc"], _bytelevel), (pieces, PIECES["llama2"], _pieces)):
        file = with_tokens(make(*parts), [("<r>", "rstrip"), (" ", ""), ("<n>", "normalized")])
        (tmp_path / "tokenizer.json").write_text(json.dumps(file), "utf-8")
        texts = ["a<n>", "<r>a", "<r> a", "b <n>", "<r>  a<n><r> e\u0301", "", "e\u0301"]
        pair = of(module, file)
        assert assert_same(pair, texts) == [2, 4]
        encoder = Encoder.from_file(tmp_path / "tokenizer.json")
        assert encoder.why is None
        tokens, ends = encoder.encode(pa.array(texts))
        wanted = [one.ids for one in pair[0].encode_batch(texts, add_special_tokens=False)]
        assert [tokens[ends[row] : ends[row + 1]].tolist() for row in range(len(texts))] == wanted


def test_what_is_no_utf8_is_named_with_its_document() -> None:
    """Though tokens before it were cut off, and texts before it have other bytes by then."""
    for make, parts, module in ((byte_level, BYTE_LEVEL["nfc"], _bytelevel), (pieces, PIECES["nfc, llama2"], _pieces)):
        engine = load(module, with_tokens(make(*parts), SETS["all"]))
        for bad in (b"\xff", b"\xe2\x96", b"\xcc", b"\xed\xa0\x80"):
            for front in ("", "<s>", "\n", "e\u0301<s>", "<r> ", "<r> \n"):
                for end in (b"", b"<s>", b"<w>", b" <l>", b"\n\n"):
                    rows = ["e\u0301".encode(), b"<s><s>", front.encode() + bad + end, b"\xff"]
                    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
                    byte = len(front.encode())
                    with pytest.raises(ValueError, match=f"row 2( is no UTF-8 at|: byte| at) (byte )?{byte}"):
                        engine.encode(b"".join(rows), offsets.data, 1)


REFUSED: list[tuple[str, Any, str]] = [
    ("added_tokens", [{"id": 700, "content": "<x>", "colour": 1}], "unknown field colour"),
    ("added_tokens", [{"id": 999, "content": "<x>"}], "the library gives it"),
    ("added_tokens", [{"id": -1, "content": "<x>"}], "the library gives it"),
    ("added_tokens", [{"id": 700, "content": ""}], "added token ''"),
    ("added_tokens", [{"id": 700, "content": "x" * 2001}], "added token"),
    ("added_tokens", [{"id": 700, "content": "<x>", "lstrip": 1}], "lstrip is 1"),
    ("added_tokens", [{"id": 700, "content": "<x>"}, {"id": 700, "content": "<x>"}], "two of them have the same"),
    ("normalizer", {"type": "Odd"}, "normalizer Odd"),
    ("normalizer", {"type": "NFC", "colour": 1}, "unknown field colour"),
    ("normalizer", {"type": "Strip", "colour": 1}, "unknown field colour"),
    ("normalizer", {"type": "Sequence", "normalizers": [{"type": "Odd"}]}, "normalizer Odd"),
    ("normalizer", {"type": "Sequence", "normalizers": [], "colour": 1}, "unknown field colour"),
    ("normalizer", "NFC", "normalizer NFC"),
    ("normalizer", {"type": "Strip"}, "normalizer: "),
]


@pytest.mark.parametrize(("part", "value", "named"), REFUSED)
def test_what_is_not_known_is_refused_and_named(part: str, value: Any, named: str) -> None:
    for make, parts, module in ((byte_level, BYTE_LEVEL["llama3"], _bytelevel), (pieces, PIECES["metaspace"], _pieces)):
        file = with_tokens(make(*parts), [])
        file[part] = value
        if part == "added_tokens":
            last = len(file["model"]["vocab"])
            file[part] = [one | {"id": last if one["id"] == 700 else one["id"]} for one in value]
        with pytest.raises(Unsupported, match=named):
            load(module, file)


def test_a_token_of_which_the_normalizer_leaves_nothing_is_refused() -> None:
    file = with_tokens(byte_level(GPT2, normalizers.Strip()), [(" ", "normalized")])
    with pytest.raises(Unsupported, match="nothing of it is left"):
        load(_bytelevel, file)


CHAINS = (["NFC"], ["NFKC"], ["Lowercase"], ["NFKC", "Lowercase"], ["Lowercase", "NFKC"], ["Lowercase", "NFC", "NFKC"])


class Kept:
    """A core that keeps what it is given."""

    vocabulary = 1

    def encode(self, data: Any, offsets: Any, kinds: Any, threads: int) -> Any:
        assert (kinds, threads) == (None, 1)
        at = np.frombuffer(offsets, np.int64).tolist()
        self.texts = [bytes(data[begin:end]).decode() for begin, end in itertools.pairwise(at)]
        return np.empty(0, np.int32), np.zeros(len(at), np.int64), np.empty(0, np.int64)

    def known(self, most: int) -> Known:
        raise AssertionError(f"{most} units are not asked for here")


@pytest.mark.parametrize("chain", CHAINS, ids="-".join)
def test_a_text_is_what_its_normalized_places_make_of_it(chain: list[str]) -> None:
    """Texts of code points that change, of those that they become, and of those that join what is before them."""
    changing = [chr(code) for code in np.flatnonzero(bits() & np.uint16(sum(_added.MASKS.values()))).tolist()]
    taken_apart = [one for text in changing for form in (NFD, NFKD) for one in form.normalize_str(text)]
    pool = sorted({*changing, *taken_apart})
    chance = random.Random(3)
    near = "aA \n\u1100\u1161\u11a8\uac00\u0301\u0345\u0334\u0327\u30d0\u3099\u09c7\u09be"
    texts = ["".join(chance.choices(pool, k=3) + chance.choices(near, k=3)) for _ in range(20_000)]
    texts = ["".join(chance.sample(text, chance.randrange(7))) for text in texts]
    normalizer = {"type": "Sequence", "normalizers": [{"type": kind} for kind in chain]}
    core = Kept()
    _fronted.Fronted(_added.front([], normalizer, native=False), core).encode(*joined(texts), 1)
    whole = _added.library(json.dumps(normalizer))
    assert core.texts == [whole.normalize_str(text) for text in texts]
    assert core.texts != texts
