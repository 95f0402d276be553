"""The nodes of a byte-level pre_tokenizer as splitters of the C core, which `stages/native/pretokenize.h` defines.

Regular expressions are read by a small grammar, in which each item is a class of code points with a quantifier; what is
outside of it is refused. Classes are those of the `tokenizers` library, from the tables in the C core.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from florilegium.stages import _native
from florilegium.stages._engine import Unsupported
from florilegium.stages.native.unicode import CATEGORIES, LIMIT, NUMERIC, PUNCTUATION

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""The library's own, in ByteLevel."""
_AFTER_NUMBERS = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + _AFTER_NUMBERS
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + _AFTER_NUMBERS
_FAST = {GPT2: 1, LLAMA3: 2, QWEN2: 3}
"""Expressions that the C core knows by masks: enum fast_split."""

_CLASS, _POSSESSIVE, _NOT_BEFORE, _ENDING = range(4)
_ANY_CASE, _LOWER_CASE = "\ue000", "\ue001"
"""Stand for the endings 's 't 're 've 'm 'll 'd while an expression is read."""
_ENDINGS = {
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)": _ANY_CASE,
    "'(?i:[sdmt]|ll|ve|re)": _ANY_CASE,
    "'s|'t|'re|'ve|'m|'ll|'d": _LOWER_CASE,
}
_QUANTIFIER = re.compile(r"(?:\{(\d+)(?:,(\d+))?\}|([?*+])(\+?))?(?![?*+{])")
"""Not {1,3}+: in this dialect that repeats the whole, and ?+ is possessive."""
_COUNTS = {"": (1, 1), "?": (0, 1), "*": (0, -1), "+": (1, -1)}
_CONTROLS = {"r": 13, "n": 10, "t": 9}
_SPECIAL = frozenset(".^$|()[]{}?*+\\#\n\r\t")
_MOST_CLASSES = 15
_MOST_ALTERNATIVES = 32
"""As the C core has them."""
_UNITED = {"L": ("Lu", "Ll", "Lt", "Lm", "Lo")}

Codes = NDArray[np.bool_]
"""Whether each code point belongs to a class."""


@dataclass(frozen=True, slots=True)
class Splitter:
    """See struct splitter. items: kind, class, least and most of each."""

    classes: NDArray[np.uint16]
    items: list[tuple[int, int, int, int]]
    lengths: list[int]
    bytes: bool = False
    fast: int = 0

    def given(self) -> tuple[Any, ...]:
        """As the C core takes it."""
        numbers = np.array(self.items, np.int32).tobytes(), np.array(self.lengths, np.int32).tobytes()
        return (self.classes.data, *numbers, self.bytes, self.fast)


def splitters(node: Any) -> list[Splitter]:
    """The splitters of a pre_tokenizer with one ByteLevel in it. Raises Unsupported, naming the part."""
    found: list[Splitter] = []
    mapped = False
    for count, one in enumerate(_nodes(node)):
        kind = one.get("type")
        if kind == "ByteLevel":
            if mapped:
                raise Unsupported("pre_tokenizer: ByteLevel twice")
            fields(one, "pre_tokenizer ByteLevel", {"type", "add_prefix_space", "trim_offsets", "use_regex"})
            if flag(one, "add_prefix_space", "pre_tokenizer ByteLevel", True) and count:
                raise Unsupported("pre_tokenizer ByteLevel: add_prefix_space behind a splitter")
            if flag(one, "use_regex", "pre_tokenizer ByteLevel", True):
                found.append(expression(GPT2))
            mapped = True
        elif kind in _KINDS:
            found.append(_of_bytes(_KINDS[kind](one)) if mapped else _KINDS[kind](one))
        else:
            raise Unsupported(f"pre_tokenizer {kind}")
    if not mapped:
        raise Unsupported("pre_tokenizer: no ByteLevel")
    return found


def prefix_space(node: Any) -> bool:
    """Whether a pre_tokenizer that `splitters` knows puts a space before a text that begins with none."""
    first = next(_nodes(node), {})
    return first.get("type") == "ByteLevel" and bool(first.get("add_prefix_space", True))


def fields(node: dict[str, Any], name: str, known: set[str]) -> None:
    """Refuses a node with a field that nobody here has heard of."""
    for key in sorted(set(node) - known):
        raise Unsupported(f"{name}: unknown field {key}")


def flag(node: Mapping[str, Any], key: str, name: str, otherwise: bool) -> bool:
    """A field that is true or false."""
    value = node.get(key, otherwise)
    if not isinstance(value, bool):
        raise Unsupported(f"{name}: {key} is {value!r}")
    return value


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(node, dict):
        raise Unsupported("no pre_tokenizer" if node is None else f"pre_tokenizer {node!r}")
    if node.get("type") != "Sequence":
        yield node
        return
    fields(node, "pre_tokenizer Sequence", {"type", "pretokenizers"})
    for one in node.get("pretokenizers", []):
        yield from _nodes(one)


def _split(node: dict[str, Any]) -> Splitter:
    fields(node, "pre_tokenizer Split", {"type", "pattern", "behavior", "invert"})
    pattern, behavior = node.get("pattern"), node.get("behavior")
    invert = flag(node, "invert", "pre_tokenizer Split", False)
    if not isinstance(pattern, dict) or len(pattern) != 1:
        raise Unsupported(f"pre_tokenizer Split: pattern {pattern!r}")
    ((kind, text),) = pattern.items()
    if kind not in ("Regex", "String") or not isinstance(text, str) or not text:
        raise Unsupported(f"pre_tokenizer Split: pattern {pattern!r}")
    splitter = expression(text) if kind == "Regex" else _string(text)
    if (behavior, invert) == ("Isolated", False):
        return splitter
    if (behavior, invert) == ("Removed", True) and _matches_all(splitter):
        return splitter
    raise Unsupported(f"pre_tokenizer Split: behavior {behavior!r}, invert {invert}")


def _digits(node: dict[str, Any]) -> Splitter:
    fields(node, "pre_tokenizer Digits", {"type", "individual_digits"})
    alone = flag(node, "individual_digits", "pre_tokenizer Digits", False)
    return _one_class(_bits(1 << NUMERIC), 1 if alone else -1)


def _punctuation(node: dict[str, Any]) -> Splitter:
    fields(node, "pre_tokenizer Punctuation", {"type", "behavior"})
    behavior = node.get("behavior", "Isolated")
    if behavior not in ("Isolated", "Contiguous"):
        raise Unsupported(f"pre_tokenizer Punctuation: behavior {behavior!r}")
    return _one_class(_bits(1 << PUNCTUATION), 1 if behavior == "Isolated" else -1)


_KINDS = {"Split": _split, "Digits": _digits, "Punctuation": _punctuation}


def _one_class(codes: Codes, most: int) -> Splitter:
    return Splitter(codes.astype(np.uint16), [(_CLASS, 0, 1, most)], [1])


def _string(text: str) -> Splitter:
    reader = _Reader(text)
    items = [(_CLASS, reader.number(_codes(ord(one))), 1, 1) for one in text]
    return Splitter(reader.table(), items, [len(items)])


def _matches_all(splitter: Splitter) -> bool:
    """Whether any code point at any place is the whole match of an alternative, so that nothing is between matches."""
    found = np.zeros(len(splitter.classes), np.bool_)
    at = 0
    for length in splitter.lengths:
        needed = [item for item in splitter.items[at : at + length] if item[2] or item[0] == _NOT_BEFORE]
        if len(needed) == 1 and needed[0][0] == _CLASS and needed[0][2] == 1:
            found |= splitter.classes >> needed[0][1] & 1 == 1
        at += length
    return bool(np.delete(found, np.s_[0xD800:0xE000]).all())


def _of_bytes(splitter: Splitter) -> Splitter:
    """The same for text in the byte alphabet, which the core holds as bytes."""
    codes = [ord(one) for one in byte_alphabet()]
    return replace(splitter, classes=np.ascontiguousarray(splitter.classes[codes]), bytes=True, fast=0)


def byte_alphabet() -> str:
    """The character that stands for each byte: itself where it is printable Latin-1, else one from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return "".join(chr(byte if byte in printable else next(others)) for byte in range(256))


# ---- classes ----


@cache
def bits() -> NDArray[np.uint16]:
    """unicode.h: what `stages/native/unicode.py` found out about each code point."""
    return np.frombuffer(_native.unicode(), np.uint16)


def _bits(mask: int) -> Codes:
    found: Codes = bits() & np.uint16(mask) != 0
    return found


def _codes(first: int, last: int | None = None) -> Codes:
    found = np.zeros(LIMIT, np.bool_)
    found[first : (first if last is None else last) + 1] = True
    return found


def _category(name: str) -> Codes:
    mask = 0
    for one in _UNITED.get(name, (name,)):
        spelled = one if one == r"\s" else rf"\p{{{one}}}"
        if spelled not in CATEGORIES:
            raise Unsupported(rf"pre_tokenizer Split: \p{{{name}}}")
        mask |= 1 << CATEGORIES.index(spelled)
    return _bits(mask)


# ---- expressions ----


@dataclass(slots=True)
class _Reader:
    text: str
    at: int = 0
    classes: list[Codes] = field(default_factory=list)
    known: dict[bytes, int] = field(default_factory=dict)

    def refuse(self) -> Unsupported:
        return Unsupported(f"pre_tokenizer Split: {self.text[self.at :]!r} in an expression")

    def take(self, text: str) -> bool:
        found = self.text.startswith(text, self.at)
        self.at += len(text) if found else 0
        return found

    def number(self, codes: Codes) -> int:
        """The bit of a class in the table."""
        number = self.known.setdefault(np.packbits(codes).tobytes(), len(self.classes))
        if number == len(self.classes):
            self.classes.append(codes)
        if number >= _MOST_CLASSES:
            raise Unsupported(f"pre_tokenizer Split: more than {_MOST_CLASSES} classes in {self.text!r}")
        return number

    def table(self) -> NDArray[np.uint16]:
        table = np.zeros(LIMIT, np.uint16)
        for number, codes in enumerate(self.classes):
            table |= codes.astype(np.uint16) << np.uint16(number)
        return table

    def escape(self) -> Codes | int:
        """What follows a backslash: a class, or one code point."""
        if self.take("s"):
            return _category(r"\s")
        if self.take("S"):
            return ~_category(r"\s")
        if self.take("p{"):
            end = self.text.find("}", self.at)
            name = self.text[self.at : end]
            if end < 0:
                raise self.refuse()
            self.at = end + 1
            return _category(name)
        letter = self.text[self.at : self.at + 1]
        if letter not in _CONTROLS and not (letter.isascii() and letter.isprintable() and not letter.isalnum()):
            raise self.refuse()
        self.at += 1
        return _CONTROLS.get(letter, ord(letter or "\0"))

    def member(self) -> Codes | int:
        if self.take("\\"):
            return self.escape()
        letter = self.text[self.at : self.at + 1]
        if not letter or letter in "[]" or self.text.startswith(("&&", "--", "~~", "||"), self.at):
            raise self.refuse()
        self.at += 1
        return ord(letter)

    def brackets(self) -> Codes:
        negated, found = self.take("^"), np.zeros(LIMIT, np.bool_)
        while not self.take("]"):
            one = self.member()
            if not isinstance(one, int):
                found |= one
                if self.text.startswith("-", self.at):
                    raise self.refuse()
            elif self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
                self.at += 1
                last = self.member()
                if not isinstance(last, int) or last < one:
                    raise self.refuse()
                found |= _codes(one, last)
            else:
                found |= _codes(one)
        return ~found if negated else found

    def one(self) -> Codes:
        if self.take("["):
            return self.brackets()
        if self.take("\\"):
            found = self.escape()
            return _codes(found) if isinstance(found, int) else found
        letter = self.text[self.at : self.at + 1]
        if not letter or letter in _SPECIAL:
            raise self.refuse()
        self.at += 1
        return _codes(ord(letter))

    def item(self) -> tuple[int, int, int, int]:
        if self.take("(?!"):
            number = self.number(self.one())
            if not self.take(")"):
                raise self.refuse()
            return _NOT_BEFORE, number, 0, 0
        for ending in (_ANY_CASE, _LOWER_CASE):
            if self.take(ending):
                optional = self.take("?")
                if self.text[self.at : self.at + 1] in ("?", "*", "+", "{"):
                    raise self.refuse()
                return _ENDING, int(ending == _LOWER_CASE), int(not optional), 1
        number = self.number(self.one())
        found = _QUANTIFIER.match(self.text, self.at)
        if found is None:
            raise self.refuse()
        first, last, sign, possessive = found.groups(default="")
        least, most = (int(first), int(last or first)) if first else _COUNTS[sign]
        if 0 <= most < max(least, 1):
            raise self.refuse()
        self.at = found.end()
        return _POSSESSIVE if possessive else _CLASS, number, least, most

    def alternative(self) -> list[tuple[int, int, int, int]]:
        found = []
        while self.at < len(self.text) and self.text[self.at] != "|":
            found.append(self.item())
        if sum(least for kind, _, least, _ in found if kind != _NOT_BEFORE) == 0:
            raise Unsupported(f"pre_tokenizer Split: an alternative of {self.text!r} may match nothing")
        return found


@cache
def expression(text: str) -> Splitter:
    """A regular expression as a splitter. Raises Unsupported, naming where the grammar ends."""
    if _ANY_CASE in text or _LOWER_CASE in text:
        raise Unsupported(f"pre_tokenizer Split: {text!r}")
    short = text
    for spelled, letter in _ENDINGS.items():
        short = short.replace(spelled, letter)
    if re.search(f"[^|]{_LOWER_CASE}|{_LOWER_CASE}[^|]", short):
        raise Unsupported(f"pre_tokenizer Split: endings inside of {text!r}")
    reader = _Reader(short)
    items: list[tuple[int, int, int, int]] = []
    lengths: list[int] = []
    if text in _FAST:  # bits that enum fast_class wants
        for name in ("L", "N", r"\s"):
            reader.number(_category(name))
    while not lengths or reader.take("|"):
        found = reader.alternative()
        items += found
        lengths.append(len(found))
    if len(lengths) > _MOST_ALTERNATIVES:
        raise Unsupported(f"pre_tokenizer Split: more than {_MOST_ALTERNATIVES} alternatives in {text!r}")
    return Splitter(reader.table(), items, lengths, fast=_FAST.get(text, 0))
