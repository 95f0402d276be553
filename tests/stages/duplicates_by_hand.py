"""The definitions of near duplicates that the C core is held to, in plain Python."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

HEADER = Path(__file__).resolve().parents[2] / "stages" / "native" / "fold.h"
LIMIT = 0x110000
SEPARATOR, DROPPED, ALONE, UNASSIGNED = "separator", "dropped", "alone", "unassigned"
BITS = (1 << 64) - 1
SIZE = 112
Fold = Callable[[str], tuple[str, str]]
"""Kind ("" for letters) and letters of a character."""
UNSPACED = re.compile(
    "(CJK (UNIFIED|COMPATIBILITY) IDEOGRAPH|(VERTICAL )?IDEOGRAPHIC (ITERATION|CLOSING|NUMBER)|HIRAGANA |"
    "(HALFWIDTH )?KATAKANA |KATAKANA-HIRAGANA |HENTAIGANA |THAI |LAO |KHMER |MYANMAR |TIBETAN )"
)


def fold(character: str) -> tuple[str, str]:
    """By the Unicode data of this Python."""
    if unicodedata.category(character) in ("Cn", "Cs"):
        return UNASSIGNED, character
    letters = character
    if not 0xAC00 <= ord(character) <= 0xD7A3:
        for lower in (False, True):
            letters = unicodedata.normalize("NFD", letters.casefold() if lower else letters)
            letters = "".join(one for one in letters if unicodedata.category(one) not in ("Mn", "Me", "Cf"))
    letters = letters.replace("ı", "i")
    kinds = {unicodedata.category(one) for one in letters}
    if not letters:
        return DROPPED, ""
    if kinds & {"Cc", "Zs", "Zl", "Zp", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"}:
        return SEPARATOR, ""
    if kinds == {"Nd"}:
        return "", "0"
    return (ALONE if UNSPACED.match(unicodedata.name(letters[0], "")) else ""), letters


def written_fold() -> list[tuple[str, str]]:
    """What fold.h says of each code point."""
    many, runs = HEADER.read_text("utf-8").split("fold_runs[] = {")
    sequences = ["".join(chr(int(code, 16)) for code in re.findall("0x[0-9A-F]+", one)) for one in _braces(many)]
    rows = [tuple(int(number, 0) for number in one.split(",")) for one in _braces(runs)]
    table: list[tuple[str, str]] = []
    for (first, value, rise), (end, *_) in zip(rows, [*rows[1:], (LIMIT,)], strict=True):
        for code in range(first, end):
            kind, low = divmod(value + rise * (code - first), 1 << 24)
            name = ("", SEPARATOR, DROPPED, ALONE, "", UNASSIGNED)[kind]
            table.append((name, sequences[low] if kind == 4 else chr(low) if kind in (0, 3, 5) else ""))
    return table


def _braces(text: str) -> list[str]:
    return re.findall(r"\{(0x[^{}]*)\}", text)


def words(text: str, rule: Fold = fold) -> Iterator[str]:
    word = ""
    for character in text:
        kind, letters = rule(character)
        if kind in (SEPARATOR, ALONE):
            if word:
                yield word
            word = ""
        if kind == ALONE:
            yield letters
        else:
            word += letters
    if word:
        yield word


# ---- hashes ----


def mix(x: int) -> int:
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & BITS
    x = (x ^ x >> 27) * 0x94D049BB133111EB & BITS
    return x ^ x >> 31


def word_hash(word: str) -> int:
    total, place = 0, 0
    for character in word:
        total = total + ord(character) * PLACES[place] & BITS
        place += 1
        if place == len(PLACES):
            total, place = mix(total), 1
    return mix(total)


def shingles(text: str, n: int, rule: Fold = fold) -> list[int]:
    hashes = [word_hash(word) for word in words(text, rule)]
    runs = [hashes[i : i + n] for i in range(max(1, len(hashes) - n + 1))]
    return [mix(_polynomial(run)) for run in runs if run]


def _polynomial(hashes: Sequence[int]) -> int:
    total = 0
    for one in hashes:
        total = total * 0xA0761D6478BD642B + one & BITS
    return total


def _drawn(seed: int, count: int) -> list[int]:
    """Splitmix64."""
    return [mix(seed + 0x9E3779B97F4A7C15 * (i + 1) & BITS) for i in range(count)]


SEED = int.from_bytes(b"florileg", "big")
XORS, FACTORS = [
    [number >> 32 | low for number in part]
    for low, part in ((0, _drawn(SEED, SIZE)), (1, _drawn(SEED, 2 * SIZE)[SIZE:]))
]
PLACES = [number | 1 for number in _drawn(0, 64)]


def signature(hashes: Sequence[int]) -> list[int]:
    """The MinHash of shingles."""
    none = [(1 << 32) - 1]
    return [
        min(none + [((one >> 32) ^ xor) * factor & 0xFFFFFFFF for one in hashes])
        for xor, factor in zip(XORS, FACTORS, strict=True)
    ]


def band_keys(signature: Sequence[int], bands: int, rows: int) -> list[int]:
    keys = []
    for band in range(bands):
        key = mix(SEED + band)
        for one in signature[band * rows : (band + 1) * rows]:
            key = mix(key ^ one)
        keys.append(key)
    return keys


def small(signature: Sequence[int]) -> bytes:
    found = bytearray()
    for number in signature:
        x = (number ^ number >> 16) * 0x85EBCA6B & 0xFFFFFFFF
        x = (x ^ x >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
        found.append((x ^ x >> 16) & 255)
    return bytes(found)


# ---- matches ----

Row = tuple[int, int]
"""Key and number."""


def equal(one: bytes, other: bytes) -> int:
    return sum(a == b for a, b in zip(one, other, strict=True))


def similarity(one: bytes, other: bytes) -> float:
    return max(0.0, (equal(one, other) / SIZE - 1 / 256) / (1 - 1 / 256))


def matching_pairs(
    rows: Sequence[Row], signatures: dict[int, bytes], threshold: float | None, most: int
) -> Iterator[tuple[int, int]]:
    """Pairs whose components are the answer."""
    for key in {key for key, _ in rows}:
        bucket = [number for other, number in rows if other == key]
        if threshold is None or threshold < 0:
            yield from combinations(bucket, 2)
        else:
            yield from _verified(bucket, signatures, threshold, most)


def _pairs(bucket: Sequence[int], holds: Callable[[int, int], bool]) -> Iterator[tuple[int, int]]:
    yield from (pair for pair in combinations(bucket, 2) if holds(*pair))


def _verified(
    bucket: Sequence[int], signatures: dict[int, bytes], threshold: float, most: int
) -> Iterator[tuple[int, int]]:
    yield from _pairs(bucket, lambda a, b: signatures[a] == signatures[b])
    one_of = {signatures[number]: number for number in bucket}
    distinct = [one_of[signature] for signature in sorted(one_of)]

    def alike(one: int, other: int) -> bool:
        return similarity(signatures[one], signatures[other]) >= threshold

    if len(distinct) <= most:
        yield from _pairs(distinct, alike)
        return
    leaders: list[int] = []
    for number in distinct:
        found = [leader for leader in leaders if alike(number, leader)]
        yield from ((number, leader) for leader in found)
        if not found and len(leaders) < most:
            leaders.append(number)


def components(nodes: Sequence[int], pairs: Sequence[tuple[int, int]]) -> dict[int, int]:
    """The smallest node of each one's component."""
    label = {node: node for node in nodes}
    changed = True
    while changed:
        changed = False
        for one, other in pairs:
            least = min(label[one], label[other])
            changed |= label[one] != least or label[other] != least
            label[one] = label[other] = least
    return label


def forest(nodes: Sequence[int], pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    return sorted([label, node] for node, label in components(nodes, pairs).items() if label != node)
