"""Near duplicates in C are what plain Python says, similarity is estimated as well as it can be, and nothing depends on
numbers, order or how rows are cut."""

import itertools
import random
import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from florilegium.stages import _duplicates, _native
from florilegium.stages.native import fold as generator
from tests.stages import duplicates_by_hand as by_hand

SIZE = by_hand.SIZE
NONE = 0xFFFFFFFF


def strings(texts: Sequence[str | None]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


@cache
def written() -> list[tuple[str, str]]:
    return by_hand.written_fold()


def rule(character: str) -> tuple[str, str]:
    return written()[ord(character)]


def words(text: str) -> list[str]:
    return list(by_hand.words(text))


def spelled(number: int) -> str:
    """A word for a number, since digits are all alike."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


# ---- words ----


def test_fold_is_what_unicode_says() -> None:
    """Other versions of Python know other versions of Unicode: newer characters, and a few that have changed."""
    pinned = unicodedata.unidata_version == generator.PINNED
    different = []
    for code, found in enumerate(written()):
        said = by_hand.fold(chr(code))
        if pinned or by_hand.UNASSIGNED not in (found[0], said[0]):
            different += [code] * (found != said)
        elif said[0] == by_hand.UNASSIGNED:
            assert found[0] == said[0], f"U+{code:04X} was assigned"
    assert len(different) <= (0 if pinned else 100), [f"U+{code:04X}" for code in different]


@pytest.mark.skipif(unicodedata.unidata_version != generator.PINNED, reason="written from other Unicode data")
def test_fold_is_written_by_its_script() -> None:
    """Generate fold.h anew where this fails: `python -m florilegium.stages.native.fold`."""
    assert by_hand.HEADER.read_text("utf-8") == generator.header()


def test_the_core_folds_every_code_point_so() -> None:
    """Each stands between two letters: joined, parted, a word itself, or gone."""
    codes = [code for code in range(by_hand.LIMIT) if not 0xD800 <= code < 0xE000]
    hashes, ends = _duplicates.shingles(strings([f"a{chr(code)}b" for code in codes]), 1)
    outcomes: dict[tuple[str, str], list[int]] = {}
    for at, code in enumerate(codes):
        found = hashes[ends[at] : ends[at + 1]].tolist()
        if written()[code] not in outcomes:
            outcomes[written()[code]] = by_hand.shingles(f"a{chr(code)}b", 1, rule)
        assert found == outcomes[written()[code]], f"U+{code:04X}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ο Σίσυφος", "Ο ΣΊΣΥΦΟΣ"),  # ς and σ
        ("straße GROẞ", "STRASSE gross"),
        ("ﬁnden oﬃce", "FINDEN Office"),
        ("İstanbul ISPARTA", "istanbul ısparta"),
        ("Ægir", "ægir"),
        ("й ё č Ł", "и е c ł"),
        ("й", "й"),  # composed, decomposed
        ("Wör\u00adter\ufeff", "worter"),
        ("12.5 ٣٤", "99 0-00"),
        ("L’été – «oui»!!", "L'ete oui"),
        ("각 나", "각  나"),
        ("ᾼδης", "Άδης"),
        ("և", "եւ"),
    ],
)
def test_the_same_words(one: str, other: str) -> None:
    assert words(one) == words(other) != []
    found = [_duplicates.shingles(strings([text]), 1)[0].tolist() for text in (one, other)]
    assert found[0] == found[1]


def test_other_words() -> None:
    for one, other in [
        ("각", "갂"),
        ("æ", "ae"),
        ("o", "ø"),
        ("\U00030000", "\U00030001"),
        ("\U000f0000", "\U000f0001"),
        ("ab", "a b"),
        ("漢字", "字漢"),
        ("a", "α"),
        ("²", "2"),
    ]:
        found = [_duplicates.shingles(strings([text]), 1)[0].tolist() for text in (one, other)]
        assert found[0] != found[1], (one, other)


def test_scripts_without_spaces_have_a_word_a_character() -> None:
    for text, expected in [
        ("漢字かなカナー", "漢 字 か な カ ナ ー"),
        ("ภาษาไทย", "ภ า ษ า ไ ท ย"),
        ("ພາສາ", "ພ າ ສ າ"),
        ("a漢b1", "a 漢 b0"),
        ("が", "か"),
    ]:
        assert words(text) == expected.split()


# ---- shingles and signatures ----

LETTERS = "aZéß ﬁςΣй0½. -\u0301\u00ad漢ไ각\U00030000\U0001f600\n"
TEXTS = st.one_of(
    st.text(LETTERS, max_size=60), st.text(st.characters(codec="utf-8"), max_size=40), st.text("ab ", max_size=200)
)


@given(st.lists(st.one_of(st.none(), TEXTS), max_size=6), st.integers(1, 7), st.integers(0, 3), st.data())
@settings(max_examples=300, deadline=None)
def test_shingles_and_signatures_are_the_plain_ones(
    texts: list[str | None], n: int, skipped: int, data: st.DataObject
) -> None:
    given_ = strings([None, "x", *texts, "é"])[skipped : data.draw(st.integers(skipped, len(texts) + 3))]
    hashes, ends = _duplicates.shingles(given_, n)
    signatures = _duplicates.signatures(given_, n)
    assert ends[0] == 0
    assert ends[-1] == len(hashes)
    for at, text in enumerate(given_.to_pylist()):
        plain = by_hand.shingles(text or "", n, rule)
        assert hashes[ends[at] : ends[at + 1]].tolist() == plain
        assert signatures[at].tolist() == by_hand.signature(plain)


def test_long_texts_go_through_windows() -> None:
    """513 words and more; a character that is a word ends a window; long words; whatever n."""
    for n in (1, 2, 5, 64):
        for count in (63, 64, 511, 512, 513, 514, 575, 576, 1024, 1025, 2000):
            text = " ".join(spelled(i * i % 1009) for i in range(count))
            long = "".join(map(spelled, range(count)))
            for one in (text, text + " ", "漢" * count, "a漢" * (count // 2) + "b", "a" + "漢" * count, long):
                hashes, _ = _duplicates.shingles(strings([one]), n)
                assert hashes.tolist() == by_hand.shingles(one, n, rule), (n, count, one[:5])


def test_few_words_are_one_shingle_and_none_have_none() -> None:
    _, ends = _duplicates.shingles(strings(["", None, " .!", "a", "a b c d", "a b c d e", "a b c d e f"]), 5)
    assert np.diff(ends).tolist() == [0, 0, 0, 1, 1, 1, 2]
    signatures = _duplicates.signatures(strings(["", None, "!?", "a"]))
    assert (signatures == NONE).all(axis=1).tolist() == [True, True, True, False]
    assert _duplicates.signatures(strings([])).shape == (0, SIZE)
    assert [len(part) for part in _duplicates.shingles(strings([]), 5)] == [0, 1]


@given(st.lists(st.lists(st.integers(0, NONE), min_size=SIZE, max_size=SIZE), max_size=3), st.integers(1, 112))
@settings(max_examples=50, deadline=None)
def test_keys_and_bytes_are_the_plain_ones(rows: list[list[int]], bands: int) -> None:
    signatures = np.array(rows, np.uint32).reshape(-1, SIZE)
    keys = _duplicates.band_keys(signatures, bands, SIZE // bands)
    assert keys.tolist() == [by_hand.band_keys(row, bands, SIZE // bands) for row in rows]
    assert [row.tobytes() for row in _duplicates.small(signatures)] == [by_hand.small(row) for row in rows]


def test_what_does_not_fit_is_said() -> None:
    signatures = np.zeros((1, SIZE), np.uint32)
    for bands, rows in [(15, 8), (0, 8), (8, 0), (-1, 5), (113, 1)]:
        with pytest.raises(ValueError, match=f"{bands} bands of {rows} hashes"):
            _duplicates.band_keys(signatures, bands, rows)
    with pytest.raises(ValueError, match="n is 65, expected 1 to 64"):
        _duplicates.shingles(strings(["a"]), 65)
    with pytest.raises(ValueError, match="not rows of 112"):
        _duplicates.small(signatures[:, :100])
    offsets = np.array([0, 1, 3], np.int64)
    with pytest.raises(ValueError, match="row 1, byte 1: not UTF-8"):
        _native.signatures(_native.shingles_table(), b"ab\xff", offsets.data, 5, np.zeros((2, SIZE), np.uint32).data)
    with pytest.raises(ValueError, match="signatures: 112 numbers, expected 224"):
        _native.signatures(_native.shingles_table(), b"abc", offsets.data, 5, signatures.data)


# ---- the estimate ----


def pairs_of_texts(count: int) -> list[tuple[str, str]]:
    """Texts and copies with words replaced, of any similarity."""
    numbers = random.Random(1)
    pairs = []
    for _ in range(count):
        one = [spelled(numbers.randrange(5000)) for _ in range(numbers.randrange(30, 300))]
        rate = numbers.random() ** 2
        other = ["v" + spelled(numbers.randrange(5000)) if numbers.random() < rate / 4 else word for word in one]
        pairs.append((" ".join(one), " ".join(other)))
    return pairs


def test_the_estimate_is_as_good_as_112_hashes_allow() -> None:
    """Errors are held to the theory, sqrt(J (1 - J) / 112), and to datasketch's on the same texts."""
    from datasketch import MinHash

    pairs = pairs_of_texts(1500)
    texts = strings([text for pair in pairs for text in pair])
    hashes, ends = _duplicates.shingles(texts, 5)
    sets = [set(hashes[begin:end].tolist()) for begin, end in itertools.pairwise(ends)]
    true = np.array([len(a & b) / len(a | b) for a, b in zip(sets[::2], sets[1::2], strict=True)])
    signatures = _duplicates.signatures(texts)
    small = _duplicates.small(signatures)
    peers = [MinHash(SIZE, hashfunc=lambda number: number >> 32) for _ in sets]
    for peer, one in zip(peers, sets, strict=True):
        peer.update_batch(one)
    theory = np.sqrt(np.mean(true * (1 - true) / SIZE))
    estimates = {
        "32 bits": (signatures[::2] == signatures[1::2]).mean(axis=1),
        "bytes": [_duplicates.estimate(int(equal)) for equal in (small[::2] == small[1::2]).sum(axis=1)],
        "datasketch": [a.jaccard(b) for a, b in zip(peers[::2], peers[1::2], strict=True)],
    }
    errors = {name: float(np.sqrt(np.mean((found - true) ** 2))) for name, found in estimates.items()}
    biases = {name: abs(float(np.mean(found - true))) for name, found in estimates.items()}
    assert theory < 0.05
    for name in ("32 bits", "bytes"):
        assert errors[name] < theory * 1.1, errors
        assert errors[name] < errors["datasketch"] * 1.1, errors
        assert biases[name] < 0.005, biases


def test_texts_that_share_nothing_are_estimated_so() -> None:
    """Short texts, of which all hashes are those of one shingle."""
    texts = strings([f"a {spelled(i)} b c" for i in range(2000)])
    small = _duplicates.small(_duplicates.signatures(texts))
    equal = (small[:1000] == small[1000:2000]).sum(axis=1)
    assert equal.max() <= 8
    assert abs(equal.mean() / SIZE - 1 / 256) < 0.0005


# ---- matches ----


def make_signatures(count: int, kinds: int, numbers: random.Random) -> NDArray[np.uint8]:
    """Copies of a few signatures with some bytes changed."""
    bases = [numbers.randbytes(SIZE) for _ in range(kinds)]
    rows = []
    for _ in range(count):
        row = bytearray(numbers.choice(bases))
        for _ in range(numbers.choice([0, 0, 5, 20, 33, 34, 35, 60])):
            row[numbers.randrange(SIZE)] = numbers.randrange(256)
        rows.append(bytes(row))
    return np.frombuffer(b"".join(rows), np.uint8).reshape(count, SIZE)


def cut(signatures: NDArray[np.uint8], numbers: random.Random, first: int) -> list[tuple[int, NDArray[np.uint8]]]:
    """Blocks that hold all rows."""
    ends = sorted({0, len(signatures), *(numbers.randrange(len(signatures) + 1) for _ in range(3))})
    return [(first + begin, signatures[begin:end]) for begin, end in itertools.pairwise(ends)]


@given(
    st.integers(1, 40),
    st.sampled_from([None, -1.0, 0.0, 0.3, 0.7, 0.95, 1.0]),
    st.integers(1, 12),
    st.randoms(use_true_random=False),
)
@settings(max_examples=300, deadline=None)
def test_matches_are_the_plain_ones(count: int, threshold: float | None, most: int, numbers: random.Random) -> None:
    first = numbers.choice([0, 7, (1 << 32) - count])
    signatures = make_signatures(count, 3, numbers)
    rows = sorted({(numbers.randrange(5), first + numbers.randrange(count)) for _ in range(2 * count)})
    found = _duplicates.matches(
        np.array([key for key, _ in rows], np.uint64),
        np.array([number for _, number in rows], np.uint32),
        cut(signatures, numbers, first),
        threshold=threshold,
        most=most,
    )
    by_number = {first + i: signatures[i].tobytes() for i in range(count)}
    pairs = list(by_hand.matching_pairs(rows, by_number, threshold, most))
    assert found.tolist() == by_hand.forest(sorted(by_number), pairs)


@given(st.integers(2, 60), st.integers(1, 8), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_groups_depend_on_contents_alone(count: int, most: int, numbers: random.Random) -> None:
    """Other numbers, other blocks, keys in ranges: the same groups."""
    signatures = make_signatures(count, 4, numbers)
    rows = sorted({(numbers.randrange(6), numbers.randrange(count)) for _ in range(3 * count)})

    def groups(order: list[int], ranges: list[tuple[int, int]]) -> set[frozenset[int]]:
        """order: the new number of each document."""
        moved = np.empty_like(signatures)
        moved[order] = signatures
        edges = []
        for low, high in ranges:
            part = sorted((key, order[number]) for key, number in rows if low <= key < high)
            keys = np.array([key for key, _ in part], np.uint64)
            named = np.array([number for _, number in part], np.uint32)
            blocks = cut(moved, numbers, 0)
            edges.append(_duplicates.matches(keys, named, blocks, threshold=0.7, most=most))
        labels = _duplicates.unite(count, edges)
        found: dict[int, set[int]] = {}
        for number in range(count):
            found.setdefault(int(labels[order[number]]), set()).add(number)
        return {frozenset(group) for group in found.values()}

    plain = groups(list(range(count)), [(0, 6)])
    order = list(range(count))
    numbers.shuffle(order)
    assert groups(order, [(0, 6)]) == plain
    assert groups(order, [(3, 6), (0, 1), (1, 3)]) == plain


def test_skewed_buckets_end() -> None:
    """A million copies of one signature and 20,000 different ones: minutes if pairs were compared."""
    copies, different = 1_000_000, 20_000
    numbers = np.random.default_rng(1)
    one = numbers.integers(0, 256, (1, SIZE), np.uint8)
    others = numbers.integers(0, 256, (different, SIZE), np.uint8)
    others[different // 2 :] = others[: different // 2]
    others[different // 2 :, 0] ^= 1
    total = copies + different
    blocks = [(0, np.broadcast_to(one, (copies, SIZE))), (copies, others)]
    found = _duplicates.matches(np.zeros(total, np.uint64), np.arange(total, dtype=np.uint32), blocks, most=64)
    labels = _duplicates.unite(total, [found])
    assert (labels[:copies] == 0).all()
    joined = labels[copies + different // 2 :] == np.arange(copies, copies + different // 2)
    assert 0 < joined.sum() <= 64
    assert len(np.unique(labels)) == 1 + different - joined.sum()


def test_threshold_is_at_least() -> None:
    base = np.arange(SIZE, dtype=np.uint8)
    reached = next(equal for equal in range(SIZE + 1) if _duplicates.estimate(equal) >= 0.7)
    assert reached == 79
    for equal, edges in [(reached, [[4, 9]]), (reached - 1, [])]:
        other = base.copy()
        other[equal:] += 100
        blocks = [(4, base[None]), (9, other[None])]
        found = _duplicates.matches(np.array([5, 5], np.uint64), np.array([4, 9], np.uint32), blocks)
        assert found.tolist() == edges


def test_numbers_without_a_signature_are_said() -> None:
    block = np.zeros((2, SIZE), np.uint8)
    keys = np.array([3, 3], np.uint64)
    for number, blocks in [(5, [(3, block)]), (9, [(3, block), (7, block)]), (1, [(3, block)]), (1, [])]:
        rows = np.array(sorted([3, number]), np.uint32)
        with pytest.raises(ValueError, match=r"document \d+: its signature is in none of the blocks"):
            _duplicates.matches(keys, rows, blocks)
        assert _duplicates.matches(keys, rows, blocks, threshold=None).tolist() == [rows.tolist()]
    with pytest.raises(ValueError, match="row 1: expected rows that rise"):
        _duplicates.matches(keys, np.array([4, 3], np.uint32), [(3, block)])
    with pytest.raises(ValueError, match="row 1: expected rows that rise"):
        _duplicates.matches(keys[::1] - np.array([0, 1], np.uint64), np.array([3, 4], np.uint32), [(3, block)])
    for blocks in ([(3, block), (4, block)], [((1 << 32) - 1, block)], [(0, block[:, :100])], [(1 << 33, block)]):
        with pytest.raises(ValueError, match="expected rows of 112 bytes"):
            _duplicates.matches(keys, np.array([3, 4], np.uint32), blocks)
    with pytest.raises(ValueError, match=r"threshold is 1\.5"):
        _duplicates.matches(keys, np.array([3, 4], np.uint32), [(3, block)], threshold=1.5)
    with pytest.raises(ValueError, match="most 0"):
        _duplicates.matches(keys, np.array([3, 4], np.uint32), [(3, block)], most=0)


def test_blocks_may_be_memory_maps(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "signatures"
    path.write_bytes(bytes(3 * SIZE))
    block = np.memmap(path, np.uint8, "r", shape=(3, SIZE))
    keys, numbers = np.zeros(3, np.uint64), np.arange(3, dtype=np.uint32)
    assert _duplicates.matches(keys, numbers, [(0, block)]).tolist() == [[0, 1], [0, 2]]


# ---- components ----


@given(st.integers(1, 40), st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=60), st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_components_are_the_plain_ones(count: int, pairs: list[tuple[int, int]], at: int) -> None:
    pairs = [(a % count, b % count) for a, b in pairs]
    labels = by_hand.components(range(count), pairs)
    given_ = [np.array(part, np.uint32).reshape(-1, 2) for part in (pairs[:at], pairs[at:])]
    for edges in (given_, given_[::-1], [given_[0][::-1, ::-1], given_[1]]):
        assert _duplicates.unite(count, edges).tolist() == [labels[node] for node in range(count)]


def test_edges_to_nowhere_are_said() -> None:
    with pytest.raises(ValueError, match="edge 1: expected nodes below 3"):
        _duplicates.unite(3, [np.array([[0, 1], [2, 3]], np.uint32)])
    with pytest.raises(ValueError, match=r"two nodes each, got an array of shape \(3,\)"):
        _duplicates.unite(3, [np.array([0, 1, 2], np.uint32)])
    with pytest.raises(ValueError, match="3 numbers are not pairs"):
        _native.unite(3, [np.array([0, 1, 2], np.uint32).data])
    for count in (-1, 1 << 32):
        with pytest.raises(ValueError, match="nodes: expected 0 to"):
            _duplicates.unite(count, [])
    assert _duplicates.unite(0, []).tolist() == []
    assert _duplicates.unite(2, iter(())).tolist() == [0, 1]
