"""The byte-level engine in C gives the ids of the `tokenizers` library, or says that it does not."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from florilegium.stages import _bytelevel, _splits
from florilegium.stages._engine import Engine, Unsupported
from florilegium.stages.native import unicode


def load(file: dict[str, Any]) -> Engine:
    return _bytelevel.engine(file, _bytelevel.tables(file), None)


ROOT = Path(__file__).resolve().parents[2]
O200K = "|".join(
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ]
)
TEKKEN = O200K.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "").replace("{1,3}", "")
DEEPSEEK = (
    r"\p{N}{1,3}",
    r"[一-龥぀-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
)
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s*[\r\n]|\s+(?!\S)|\s+"
)


def split(pattern: str, behavior: str = "isolated", invert: bool = False) -> Any:
    return pre_tokenizers.Split(Regex(pattern), behavior, invert=invert)


def bytes_only() -> Any:
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def sequence(*nodes: Any) -> Any:
    return pre_tokenizers.Sequence(list(nodes))


GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
CONFIGURATIONS: dict[str, tuple[Any, Any, bool]] = {
    "gpt2": (GPT2, None, False),
    "llama3": (sequence(split(_splits.LLAMA3), bytes_only()), None, True),
    "llama3 removed": (sequence(split(_splits.LLAMA3, "removed", True), bytes_only()), None, False),
    "qwen2": (sequence(split(_splits.QWEN2), bytes_only()), normalizers.NFC(), False),
    "cl100k": (sequence(split(CL100K), bytes_only()), None, True),
    "o200k": (sequence(split(O200K), bytes_only()), None, True),
    "tekken": (sequence(split(TEKKEN), bytes_only()), None, True),
    "deepseek": (sequence(*map(split, DEEPSEEK), bytes_only()), None, False),
    "starcoder": (sequence(pre_tokenizers.Digits(individual_digits=True), GPT2), None, False),
    "split, digits": (sequence(split(_splits.LLAMA3), pre_tokenizers.Digits(), bytes_only()), None, True),
    "punctuation, split": (sequence(pre_tokenizers.Punctuation(), split(_splits.QWEN2), bytes_only()), None, False),
    "falcon": (
        sequence(
            pre_tokenizers.Punctuation("contiguous"), GPT2, pre_tokenizers.Digits(False), split("[0-9][0-9][0-9]")
        ),
        None,
        False,
    ),
    "words": (sequence(pre_tokenizers.Split("en", "isolated"), split(r" ?\p{L}{2,4}"), bytes_only()), None, False),
    "whole": (bytes_only(), None, False),
    "nfkc, lower case": (GPT2, normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]), False),
}


def corpus() -> list[str]:
    """The small gold samples of the languages: real sentences in Latin, Greek and Cyrillic script."""
    lines = [
        json.loads(line)["text"]
        for path in sorted((ROOT / "tests" / "golden" / "languages").glob("*.jsonl"))
        for line in path.read_text("utf-8").splitlines()[:12]
    ]
    return [*lines, "It's 12345 O'Neill's DON'T we've ½²³ 𝟙𝟚𝟛𝟜\n\n\t x  \r\n", "中文字符日本語テキスト한국어 " * 3]


def trained(name: str) -> Tokenizer:
    pre_tokenizer, normalizer, ignore_merges = CONFIGURATIONS[name]
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=1500, special_tokens=["<eos>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


@pytest.fixture(scope="module", params=list(CONFIGURATIONS))
def pair(request: pytest.FixtureRequest) -> tuple[Tokenizer, Engine]:
    tokenizer = trained(request.param)
    return tokenizer, load(json.loads(tokenizer.to_str()))


def encode(engine: Engine, rows: list[bytes], threads: int = 1) -> tuple[Any, Any, list[int]]:
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    tokens, ends, hard = engine.encode(b"".join(rows), offsets, threads)
    return tokens, ends, hard.tolist()


def assert_same(pair: tuple[Tokenizer, Engine], texts: list[str]) -> int:
    """All rows that the engine takes. Answers how many it did not."""
    tokens, ends, hard = encode(pair[1], [text.encode() for text in texts])
    wanted = pair[0].encode_batch_fast(texts, add_special_tokens=False)
    for row, text in enumerate(texts):
        found = tokens[ends[row] : ends[row + 1]].tolist()
        assert found == ([] if row in hard else wanted[row].ids), text
    return len(hard)


CASES = [
    "'s'S'ſ'sam'SAM'ſam 's ''s 't're've'm'll'd'RE'Ve'LL'lL'D'x'rx'vx'lx'r'v'l' 're a's a'sa1's.'s\t's\u00a0's",
    "don't we’ve it''s rock'n'roll '\n's '2's 'é 'ſé 'st 'ﬆ 'ﬀ 'ß 'K 'ı 'İ",
    "a b  c   d\t\te \t f\u00a0g\u00a0\u00a0h\u2003i\u2003\u2003j \u3000k\u1680\u0085l\u2028m \u202f",
    "a\nb\n\nc \n d\r\ne \n\n f\n\n  g.\nh!\n\n i?! \n j;  \n  \n   k-\r\n\r\nl\u2028\n\u2029\n m",
    "1 12 123 1234 12345 123456 1234567890123 ½½½½ ²³¹ x²y 1²3³4 ٣٤٥٦ 𝟙𝟚𝟛𝟜𝟝 1,234.56 a1b22c333d4444",
    "(a) (1) ((a (.a ..a .a .1 . a - b — c —d — –e„Zitat“ «mot» …x …… x… →a ⚽a 🚢b 🚢🚢c \ue000d",
    "e\u0301te\u0301 n\u0303 \u0301a \u0301\u0301a a\u0345\u0301 ᾳ΄ ×a÷b a×b ΄a ΅ ·α Ά·Ά \u03a2a \u0380b ϶c җҲ҂҃д",
    "Straße ÇÀ ÆŒ žluťoučký kůň Ελλάδα Ύδωρ ЁЖИК привет Їжак Ђорђе İstanbul ıŋ Ǆ ǅ ǆ ǈ ª º µ",
    "中文字符 日本語テキスト 한국어 العربية עברית हिन्दी ไทย ქართული ᏣᎳᎩ 𐍈𐌰 𝒳𝓎 a中b 中a1中",
    "HELLO World helloWORLD hELLO iPhone's LaTeX's McDonald'S XMLHttp //path/to\n/x\n//\r\n/ a/\n",
    "\u200b \ufeff \u180e a\u200db 👩\u200d👩\u200d👧 \u202ea\u202c \u061c\x00a\x00\x00 \x1c\x1da\x1f\x7f",
    "   ", "\n", " \n", "\n ", " a", "a ", "\t", "'", "''", "' ", "", "<eo", "> <", "Ġ Ċ ĉ",
]  # fmt: skip


def test_traps_at_every_shift_of_a_block(pair: tuple[Tokenizer, Engine]) -> None:
    """State goes from one block of 64 bytes to the next: each case begins at each place of one, behind each kind."""
    texts = [before[-1:] * shift + case for case in CASES for before in "ax .\n" for shift in range(64)]
    assert_same(pair, texts)


SHORT = "  |\n|\r\n|\t|'|'s|'ſ|'LL|a|B|é|ß|ж|Ж|λ|1|23|½|.|—|\u00a0|\u2003|\u0301|\u200d|\u202e|中|🚢|𝟙|/|×|\u0380|ǅ|ʰ|𐐀"
PIECES = st.one_of(
    st.sampled_from([" ", *SHORT.split("|")]), st.text(max_size=4), st.characters(exclude_categories=["Cs"])
)
TEXTS = st.lists(PIECES, max_size=120).map("".join)


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_any_unicode(pair: tuple[Tokenizer, Engine], texts: list[str]) -> None:
    assert_same(pair, texts)


def test_every_code_point(pair: tuple[Tokenizer, Engine]) -> None:
    """Between letters, behind an apostrophe, behind a blank, and in runs of its neighbours."""
    texts = []
    for first in range(0, 0x110000, 0x800):
        codes = [chr(code) for code in range(first, first + 0x800) if code not in unicode.SURROGATES]
        sparse = codes if first < 0x4000 or first in range(0xF800, 0x11000) else codes[:: 0x100 - 1]
        texts += ["".join(f"a{one}b" for one in sparse), "".join(f"'{one} .{one}" for one in sparse), "".join(sparse)]
    assert assert_same(pair, texts) == 0


def test_languages(pair: tuple[Tokenizer, Engine]) -> None:
    assert assert_same(pair, corpus()) == 0


# ---- the definition ----


def merged(symbols: list[str], ranks: dict[tuple[str, str], int]) -> list[str]:
    """BPE as it is defined: the lowest rank first, the leftmost of equals."""
    while True:
        found = [(ranks[two], at) for at in range(len(symbols) - 1) if (two := (symbols[at], symbols[at + 1])) in ranks]
        if not found:
            return symbols
        _, at = min(found)
        symbols = [*symbols[:at], symbols[at] + symbols[at + 1], *symbols[at + 2 :]]


def test_merging_is_what_its_definition_says() -> None:
    """On pretokens short and long, those with many equal merges among them; the library agrees with both."""
    tokenizer = trained("whole")
    file = json.loads(tokenizer.to_str())
    ranks = {(left, right): rank for rank, (left, right) in enumerate(file["model"]["merges"])}
    vocabulary, alphabet = file["model"]["vocab"], _splits.byte_alphabet()
    chance = random.Random(4)
    texts = ["a" * n for n in range(1, 70)] + ["".join(chance.choices("aeinst ", k=n)) for n in range(1, 300, 7)]
    texts += [text[: 3 * n] for n, text in enumerate(corpus())]
    tokens, ends, hard = encode(load(file), [text.encode() for text in texts])
    assert hard == []
    for row, text in enumerate(texts):
        wanted = [vocabulary[one] for one in merged([alphabet[byte] for byte in text.encode()], ranks)]
        assert tokens[ends[row] : ends[row + 1]].tolist() == wanted == tokenizer.encode(text).ids


def test_merges_in_any_order() -> None:
    """Merges that no training gives: parts ranked behind what is made of them, several ways to one token."""
    alphabet = _splits.byte_alphabet()
    chance = random.Random(9)
    for _ in range(60):
        letters = [alphabet[byte] for byte in chance.choice(["abc", "aж", "abcdeж", "жяλ "]).encode()]
        made = list(letters)
        ranks: dict[tuple[str, str], int] = {}
        for _ in range(chance.randrange(3, 60)):
            two = chance.choice(made), chance.choice(made)
            if len(two[0] + two[1]) < 12 and two not in ranks:
                ranks[two] = 0
                made.append(two[0] + two[1])
        merges = list(ranks)
        chance.shuffle(merges)
        file = json.loads(trained("whole").to_str())
        names = dict.fromkeys([*alphabet, *made])
        file["model"] |= {"merges": merges, "vocab": {name: i for i, name in enumerate(names)}}
        file["added_tokens"] = []
        ranks = {two: rank for rank, two in enumerate(merges)}
        pool = bytes(alphabet.index(one) for one in letters).decode()
        texts = ["".join(chance.choices(pool, k=chance.randrange(1, 34))) for _ in range(150)]
        tokens, ends, _ = encode(load(file), [text.encode() for text in texts])
        for row, text in enumerate(texts):
            wanted = [file["model"]["vocab"][one] for one in merged([alphabet[byte] for byte in text.encode()], ranks)]
            assert tokens[ends[row] : ends[row + 1]].tolist() == wanted


def test_a_whole_token_comes_before_its_merges(monkeypatch: pytest.MonkeyPatch) -> None:
    """ignore_merges: a token that no merge makes is found where it is the whole pretoken, long ones too.

    Also where the tables are so small that words have driven the vocabulary out of them.
    """
    file = json.loads(trained("llama3").to_str())
    for text in ("Ġxqzjk", "Ġ" + "ab" * 10, "Ġ" + "qx" * 40):
        file["model"]["vocab"][text] = len(file["model"]["vocab"])
    tokenizer = Tokenizer.from_str(json.dumps(file))
    texts = [" xqzjk xqzj xqzjkk", " " + "ab" * 10, " " + "qx" * 40 + " " + "qx" * 41]
    assert assert_same((tokenizer, load(file)), texts * 2) == 0
    assert len(tokenizer.encode(texts[1]).ids) == 1
    monkeypatch.setattr(_bytelevel, "TABLES", 1 << 10)
    chance = random.Random(3)
    flood = [" ".join("".join(chance.choices("aeinst", k=9)) for _ in range(9)) for _ in range(900)]
    names = [one.replace("Ġ", " ") for one in file["model"]["vocab"] if one.replace("Ġ", "").isascii()]
    assert_same((tokenizer, load(file)), [*flood, *texts, *names, *flood, *texts, *names])
    monkeypatch.undo()
    file["model"]["ignore_merges"] = False
    tokenizer = Tokenizer.from_str(json.dumps(file))
    assert assert_same((tokenizer, load(file)), texts * 2) == 0
    assert len(tokenizer.encode(texts[1]).ids) > 1


@pytest.mark.timeout(60)
def test_long_runs_are_no_trouble() -> None:
    """A megabyte of letters, of blanks, of digits, of line breaks: merging and matching stay near linear."""
    for name in ("llama3", "gpt2", "o200k"):
        engine = load(json.loads(trained(name).to_str()))
        rows = [one * (1 << 20) for one in (b"e", b"en", b" ", b"1", b"\n", b" \n", b"-", b"Aa")]
        _, ends, _ = encode(engine, rows)
        assert (np.diff(ends) > 0).all()
    pair = trained("llama3"), load(json.loads(trained("llama3").to_str()))
    assert_same(pair, [one * 3000 for one in ("e", "en", " ", "1", "\n", " \n", "-", "Aa", "λ", "\u00a0", "½", "🚢")])


def test_tables_that_overflow_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = trained("llama3")
    monkeypatch.setattr(_bytelevel, "TABLES", 1 << 10)
    engine = load(json.loads(tokenizer.to_str()))
    chance = random.Random(7)
    words = ["".join(chance.choices("aeinstжλ", k=chance.randrange(1, 30))) for _ in range(30_000)]
    texts = [" ".join(words[at : at + 50]) for at in range(0, len(words), 50)]
    assert_same((tokenizer, engine), texts + texts[::-1] + texts[:20] * 20)


def test_threads_give_the_same() -> None:
    file = json.loads(trained("llama3").to_str())
    rows = [text.encode() for text in [*corpus(), "<eos>", "", *corpus(), "x<eos>"]]
    wanted = [part if isinstance(part, list) else part.tolist() for part in encode(load(file), rows)]
    engine = load(file)
    for threads in (1, 2, 3, 7, 64, 100):
        found = encode(engine, rows, threads)
        assert [part if isinstance(part, list) else part.tolist() for part in found] == wanted
        assert encode(engine, [], threads)[1].tolist() == [0]


def test_ids_of_large_vocabularies() -> None:
    """Ids from 65,500 on take 32 bits, and tables that are laid out otherwise; ids need no order and may have gaps."""
    for name in ("llama3", "gpt2"):
        file = json.loads(trained(name).to_str())
        vocabulary = file["model"]["vocab"]
        chance = random.Random(11)
        ids = chance.sample(range(1_048_575), len(vocabulary))
        file["model"]["vocab"] = dict(zip(vocabulary, ids, strict=True))
        file["added_tokens"][0]["id"] = file["model"]["vocab"]["<eos>"]
        pair = Tokenizer.from_str(json.dumps(file)), load(file)
        assert encode(pair[1], [b"a"])[0].dtype == np.int32
        words = ["".join(chance.choices("aeinstжλ한", k=chance.randrange(1, 40))) for _ in range(4000)]
        for _ in range(2):
            assert_same(pair, [*corpus(), *CASES, " ".join(words), *words])


MEMORY = """
import json, os, sys
import numpy as np
from florilegium.stages import _bytelevel
file = json.load(open(sys.argv[1], encoding="utf-8"))
engine = _bytelevel.engine(file, _bytelevel.tables(file), None)
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")
chance, before = np.random.default_rng(5), resident()
for size in [1 << 20] * 24:
    letters = chance.integers(97, 123, size, np.uint8)
    letters[np.cumsum(chance.integers(4, 30, size // 17)) % size] = 32
    engine.encode(letters.tobytes(), np.array([0, size]), 1)
print(resident() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux")
def test_memory_has_a_bound(tmp_path: Path) -> None:
    """24 MB of words that never come again: the tables fill up to their bound and no further."""
    path = tmp_path / "tokenizer.json"
    path.write_text(trained("llama3").to_str(), "utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True, env=environment
    )
    assert _bytelevel.TABLES / 2 < int(run.stdout) < _bytelevel.TABLES * 1.2


# ---- what is left to the library, and what is refused ----


def test_rows_that_are_no_utf8_are_named() -> None:
    engine = load(json.loads(trained("gpt2").to_str()))
    for bad in (
        b"\x80",
        b"\xc3",
        b"\xc0\x80",
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf0\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xff",
    ):
        for shift in range(70):
            for after in (b"", b"a" * 40):
                rows = [b"fine", b"", b"a" * shift + bad + after, b"\xff"]
                with pytest.raises(ValueError, match=f"^row 2 is no UTF-8 at byte {shift}$"):
                    encode(engine, rows)
    with pytest.raises(ValueError, match="row 0 is no UTF-8 at byte 1"):
        encode(engine, [b"a\xc3", b"\xa9"])
    with pytest.raises(ValueError, match="offsets"):
        engine.encode(b"abc", np.array([0, 2, 1, 3]), 1)


Change = Callable[[dict[str, Any]], object]
SPLIT = {"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Isolated", "invert": False}
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def nodes(*many: dict[str, Any]) -> Change:
    return lambda file: file.update(pre_tokenizer={"type": "Sequence", "pretokenizers": list(many)})


def pattern(text: str) -> Change:
    return nodes({**SPLIT, "pattern": {"Regex": text}}, BYTE_LEVEL)


REFUSED: list[tuple[str, Change]] = [
    ("unknown field colour", lambda file: file.update(colour=1)),
    ("version", lambda file: file.update(version="2.0")),
    ("model None", lambda file: file.update(model={})),
    ("model Unigram", lambda file: file["model"].update(type="Unigram")),
    ("unknown field colour", lambda file: file["model"].update(colour=None)),
    ("dropout", lambda file: file["model"].update(dropout=0.1)),
    ("end_of_word_suffix", lambda file: file["model"].update(end_of_word_suffix="</w>")),
    ("continuing_subword_prefix", lambda file: file["model"].update(continuing_subword_prefix="##")),
    ("ignore_merges is 1", lambda file: file["model"].update(ignore_merges=1)),
    ("a byte has no token", lambda file: file["model"]["vocab"].pop("Ā")),
    ("there twice", lambda file: file["model"]["merges"].append(file["model"]["merges"][0])),
    ("byte alphabet", lambda file: file["model"]["merges"].append(["xq", "zz"])),
    ("id is below", lambda file: file["model"]["vocab"].update(a=-1)),
    ("zero byte", lambda file: file["model"]["vocab"].update({"a\0b": 99_999})),
    ("no pair", lambda file: file["model"]["merges"].append(["a", "b", "c"])),
    ("unknown field colour", lambda file: file["added_tokens"][0].update(colour=1)),
    ("unknown field colour", lambda file: file.update(normalizer={"type": "NFC", "colour": 1})),
    ("normalizer Odd", lambda file: file.update(normalizer={"type": "Sequence", "normalizers": [{"type": "Odd"}]})),
    ("post_processor Odd", lambda file: file.update(post_processor={"type": "Odd"})),
    ("not once", lambda file: file.update(post_processor={"type": "TemplateProcessing", "single": []})),
    ("no pre_tokenizer", lambda file: file.update(pre_tokenizer=None)),
    ("no ByteLevel", nodes(SPLIT)),
    ("ByteLevel twice", nodes(BYTE_LEVEL, BYTE_LEVEL)),
    ("pre_tokenizer Metaspace", nodes({"type": "Metaspace"}, BYTE_LEVEL)),
    ("unknown field colour", nodes({**SPLIT, "colour": 1}, BYTE_LEVEL)),
    ("unknown field colour", nodes({**BYTE_LEVEL, "colour": 1})),
    ("add_prefix_space behind a splitter", nodes(SPLIT, {**BYTE_LEVEL, "add_prefix_space": True})),
    ("add_prefix_space is 1", nodes({**BYTE_LEVEL, "add_prefix_space": 1})),
    ("MergedWithNext", nodes({**SPLIT, "behavior": "MergedWithNext"}, BYTE_LEVEL)),
    ("invert True", nodes({**SPLIT, "behavior": "Removed", "invert": True}, BYTE_LEVEL)),
    ("behavior 'Removed'", nodes({"type": "Punctuation", "behavior": "Removed"}, BYTE_LEVEL)),
    ("unknown field colour", nodes({"type": "Digits", "individual_digits": True, "colour": 1}, BYTE_LEVEL)),
    *[(r"in an expression", pattern(text)) for text in (
        "a+?", "(a)", "a{1,3}+", "a{2,}", "^a", "a$", ".", r"\d", r"\w", "[a[b]]", "[a&&b]", "a**", "[z-a]", "(?=a)",
        "[a",
        "(?!a", "a{0}", "a{3,2}", r"\b", "a)", r"[\p{L}-z]", "(?i:a)", "#", "a\n",
    )],
    (r"p\{Greek\}", pattern(r"\p{Greek}")),
    ("may match nothing", pattern("a*|b")),
    ("may match nothing", pattern("a|")),
    ("more than 15 classes", pattern("abcdefghijklmnop")),
    ("more than 32 alternatives", pattern("a|" * 32 + "a")),
    ("endings inside", pattern(r"x's|'t|'re|'ve|'m|'ll|'d")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change"), REFUSED)
def test_what_is_not_known_is_refused(name: str, change: Change) -> None:
    file = json.loads(REFERENCE)
    change(file)
    with pytest.raises(Unsupported, match=name):
        load(file)


def test_post_processors_change_nothing_without_special_tokens() -> None:
    tokenizer = Tokenizer.from_str(REFERENCE)
    eos = ("<eos>", 0)
    for processor in (
        processors.BertProcessing(eos, eos),
        processors.RobertaProcessing(eos, eos),
        processors.ByteLevel(),
        processors.TemplateProcessing(single="<eos> $A <eos>", special_tokens=[eos]),
        processors.Sequence(
            [processors.ByteLevel(), processors.TemplateProcessing(single="<eos> $A", special_tokens=[eos])]
        ),
    ):
        tokenizer.post_processor = processor
        assert_same((tokenizer, load(json.loads(tokenizer.to_str()))), corpus())


def test_what_is_of_no_effect_is_not_refused() -> None:
    file = json.loads(REFERENCE)
    file["model"]["merges"] = [" ".join(one) for one in file["model"]["merges"]]
    file["model"].update(unk_token="<eos>", fuse_unk=True, continuing_subword_prefix="", end_of_word_suffix="")
    template = {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}], "pair": []}
    file["post_processor"] = {"type": "Sequence", "processors": [BYTE_LEVEL, {**template, "special_tokens": {}}]}
    load(file)


REFERENCE = trained("gpt2").to_str()


def test_tables_are_those_of_the_installed_library() -> None:
    """Generate unicode.h anew where this fails: `python -m florilegium.stages.native.unicode`."""
    assert (ROOT / "stages" / "native" / "unicode.h").read_text("utf-8") == unicode.header()
