"""Added tokens and normalizers before an engine in C: rows of documents to the texts that it encodes, and back.

The library looks for some added tokens in the text as it stands, normalizes each text between them, and looks for the
others there. The C core finds tokens (`stages/native/added.h`). It also finds the texts that a normalizer may change;
these go through the library's own normalizer, all others are never touched.
"""

import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from florilegium.stages import _native
from florilegium.stages._engine import Encoded, Known, Unsupported
from florilegium.stages._splits import bits, fields, flag
from florilegium.stages.native.unicode import LOWER, NFC, NFKC, WORD

TEXT, LATER, HARD, NORMAL = range(-1, -5, -1)
"""enum added_kind."""
BLANK = "\u2581"
MASKS = {"NFC": 1 << NFC, "NFKC": 1 << NFKC, "Lowercase": 1 << LOWER}
"""Normalizers of which it is known what they leave alone: texts without a code point that has the bit."""
_NORMALIZERS = {
    **{kind: {"type"} for kind in (*MASKS, "NFD", "NFKD", "StripAccents", "Nmt")},
    "Strip": {"type", "strip_left", "strip_right"},
    "Prepend": {"type", "prepend"},
    "Replace": {"type", "pattern", "content"},
    "Precompiled": {"type", "precompiled_charsmap"},
    "BertNormalizer": {"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"},
}
_ADDED = {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"}
_FLAGS = {"single_word": 1, "lstrip": 2, "rstrip": 4}
"""enum added_flag."""
_LONGEST = 2000
"""Characters of an added token: the core makes its trie by recursion."""
_VARIANTS = 64
"""Spellings of added tokens, blanks being spaces or U+2581, that are looked for one by one."""

_MOST_KNOWN = 100_000
"""Normalized places in texts that are remembered."""

Token = tuple[bytes, int, int]
"""Text, id, flags."""


@dataclass(frozen=True)
class Front:
    """What is done to documents before an engine, in plain values.

    tokens: added tokens looked for in the text as it stands. normalized: those looked for behind the normalizer, as it
    leaves them. normalizer: its JSON, for the library; without what the core does, where there is a mask and there are
    no candidates. mask: bits of the code points that it may change, or None: it goes over every text. candidates: where
    one of these stands, it goes over the whole text.
    """

    tokens: tuple[Token, ...] = ()
    normalized: tuple[Token, ...] = ()
    normalizer: str | None = None
    mask: int | None = 0
    candidates: tuple[bytes, ...] = ()
    space: bool = False
    """Before each text that does not begin with a space, one is put."""


class Core(Protocol):
    """A model in C, and what it takes: see added_split."""

    @property
    def vocabulary(self) -> int:
        """See `Engine`."""

    def encode(self, data: Any, offsets: Any, kinds: Any, threads: int) -> Encoded:
        """As `Engine.encode`; kinds: int32 a row, or None."""

    def known(self, most: int) -> Known:
        """See `Engine`."""


@dataclass(frozen=True)
class _Rows:
    data: Any
    offsets: NDArray[np.int64]
    kinds: Any = None
    firsts: NDArray[np.int64] | None = None
    """The first row of each document, and the end; None: a row is a document."""


class Fronted:
    """An engine: a core, and what comes before it."""

    def __init__(self, front: Front, core: Core) -> None:
        self._front = front
        self._core = core
        self._tokens = _searched(front.tokens)
        self._normalized = _searched(front.normalized)
        self._candidates = _searched([(text, 0, 0) for text in front.candidates])

    @property
    def vocabulary(self) -> int:
        """See `Engine`."""
        return self._core.vocabulary

    def known(self, most: int) -> Known:
        """See `Engine`."""
        return self._core.known(most)

    def encode(self, data: Any, offsets: Any, threads: int) -> Encoded:
        """See `Engine`."""
        rows = _Rows(data, np.frombuffer(offsets, np.int64))
        try:
            rows = self._spaced(_split(self._normalized, self._normal(_split(self._tokens, rows))))
            found = self._core.encode(rows.data, rows.offsets.data, rows.kinds, threads)
        except ValueError:  # of some row: the core finds it again, in the document
            self._core.encode(data, offsets, None, threads)
            raise
        return _documents(rows, *found)

    def _normal(self, rows: _Rows) -> _Rows:
        """The rows behind the normalizer."""
        if self._front.normalizer is None:
            return rows
        if self._front.mask is None:
            texts = np.ones(len(rows.offsets) - 1, np.bool_) if rows.kinds is None else _are_texts(rows.kinds)
            return self._wholly(rows, np.flatnonzero(texts & (np.diff(rows.offsets) > 0)))
        runs = self._runs(rows)
        if self._candidates is None:
            return self._in_runs(rows, runs)
        return self._wholly(rows, np.union1d(_rows_at(rows, runs[::2]), self._with_candidates(rows)))

    def _runs(self, rows: _Rows) -> NDArray[np.int64]:
        """What the normalizer may change: begin and end in turns."""
        mask = self._front.mask
        if not mask:
            return np.empty(0, np.int64)
        found = _native.added_runs(rows.data, rows.offsets.data, rows.kinds, bits().data, mask, self._leads)
        return np.frombuffer(found, np.int64)

    def _with_candidates(self, rows: _Rows) -> NDArray[np.int64]:
        """Rows with the text of one."""
        found = _native.added_split(self._candidates, rows.data, rows.offsets.data, rows.kinds)
        if found is None:
            return np.empty(0, np.int64)
        firsts = np.frombuffer(found[2], np.int64)
        there = (np.diff(firsts) > 1) | (np.frombuffer(found[1], np.int32)[firsts[:-1]] >= 0)
        return np.flatnonzero(there if rows.kinds is None else there & _are_texts(rows.kinds))

    def _wholly(self, rows: _Rows, marked: NDArray[np.int64]) -> _Rows:
        """These rows behind the whole normalizer."""
        if not len(marked):
            return rows
        places = np.stack([rows.offsets[marked], rows.offsets[marked + 1]], axis=1).ravel()
        kinds = np.full(len(rows.offsets) - 1, TEXT, np.int32) if rows.kinds is None else rows.kinds.copy()
        kinds[marked] = NORMAL
        return dataclasses.replace(self._replaced(rows, places, {}), kinds=kinds)

    def _in_runs(self, rows: _Rows, places: NDArray[np.int64]) -> _Rows:
        """Rows of which only these places are changed. They are short, and few different ones."""
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        return self._replaced(rows, places, self._known) if len(places) else rows

    def _replaced(self, rows: _Rows, places: NDArray[np.int64], known: dict[bytes, bytes]) -> _Rows:
        """What is at these places (begin and end in turns) normalized."""
        data = bytes(rows.data)
        begins, ends = places[::2].tolist(), places[1::2].tolist()
        olds = [data[begin:end] for begin, end in zip(begins, ends, strict=True)]
        for old in set(olds).difference(known):
            known[old] = self._library.normalize_str(old.decode()).encode()
        news = [known[old] for old in olds]
        parts = [b""] * (2 * len(news) + 1)
        parts[::2] = [data[begin:end] for begin, end in zip([0, *ends], [*begins, len(data)], strict=True)]
        parts[1::2] = news
        more = np.fromiter(map(len, news), np.int64, len(news)) - (places[1::2] - places[::2])
        at = np.zeros(len(rows.offsets), np.int64)
        np.add.at(at, _rows_at(rows, places[::2]) + 1, more)
        return dataclasses.replace(rows, data=b"".join(parts), offsets=rows.offsets + np.cumsum(at))

    @cached_property
    def _library(self) -> Any:
        return library(self._front.normalizer)

    @cached_property
    def _known(self) -> dict[bytes, bytes]:
        """What the normalizer made of places in texts."""
        return {}

    @cached_property
    def _leads(self) -> bytes:
        """Whether a code point that may change begins with this byte."""
        leads = bytearray(256)
        for code in np.flatnonzero(bits() & np.uint16(self._front.mask or 0)).tolist():
            leads[chr(code).encode()[0]] = 1
        return bytes(leads)

    def _spaced(self, rows: _Rows) -> _Rows:
        """A space before each text that begins with none."""
        if not self._front.space or not len(rows.data):
            return rows
        data, sizes = np.frombuffer(rows.data, np.uint8), np.diff(rows.offsets)
        wanting = sizes > 0
        wanting[wanting] = data[rows.offsets[:-1][wanting]] != ord(" ")
        if rows.kinds is not None:
            wanting &= _are_texts(rows.kinds)
        more = np.insert(data, rows.offsets[:-1][wanting], ord(" "))
        offsets = np.zeros(len(rows.offsets), np.int64)
        np.cumsum(sizes + wanting, out=offsets[1:])
        return _Rows(more.data, offsets, rows.kinds, rows.firsts)


def _searched(tokens: Sequence[Token]) -> object | None:
    if not tokens:
        return None
    single = any(flags & _FLAGS["single_word"] for _, _, flags in tokens)
    words = np.packbits(bits() >> np.uint16(WORD) & 1 == 1, bitorder="little").data if single else None
    return _native.added(tuple(tokens), words)


def _split(searched: object | None, rows: _Rows) -> _Rows:
    """The rows with their tokens split off."""
    found = None
    if searched is not None:
        found = _native.added_split(searched, rows.data, rows.offsets.data, rows.kinds)
    if found is None:
        return rows
    firsts = np.frombuffer(found[2], np.int64)
    firsts = firsts if rows.firsts is None else firsts[rows.firsts]
    return _Rows(rows.data, np.frombuffer(found[0], np.int64), np.frombuffer(found[1], np.int32), firsts)


def _rows_at(rows: _Rows, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows in which these bytes are."""
    return np.searchsorted(rows.offsets, places, "right") - 1


def _are_texts(kinds: NDArray[np.int32]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (kinds < 0) & (kinds != HARD)
    return found


def _documents(rows: _Rows, tokens: NDArray[Any], ends: NDArray[np.int64], hard: NDArray[np.int64]) -> Encoded:
    """Tokens of rows as tokens of documents. A document with a hard row is hard, and has none."""
    if rows.firsts is None:
        return tokens, ends, hard
    ends = ends[rows.firsts]
    if not len(hard):
        return tokens, ends, hard
    documents = np.unique(np.searchsorted(rows.firsts, hard, "right") - 1)
    counts, kept = np.diff(ends), np.ones(len(ends) - 1, np.bool_)
    kept[documents] = False
    tokens = tokens[np.repeat(kept, counts)]
    np.cumsum(counts * kept, out=ends[1:])
    return tokens, ends, documents


# ---- from a tokenizer.json ----


def library(normalizer: str | None) -> Any:
    """The library's normalizer of this JSON. Raises Unsupported for what it does not read."""
    from tokenizers import Tokenizer

    model = {"type": "BPE", "vocab": {}, "merges": []}
    file = {"version": "1.0", "added_tokens": [], "model": model, "normalizer": json.loads(normalizer or "null")}
    try:
        return Tokenizer.from_str(json.dumps(file)).normalizer
    except Exception as error:  # the library raises bare exceptions
        raise Unsupported(f"normalizer: {error}") from error


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """The normalizers in order, sequences opened, all of them known. Raises Unsupported, naming the part."""
    if node is None:
        return
    kind = node.get("type") if isinstance(node, dict) else node
    if kind == "Sequence":
        fields(node, "normalizer Sequence", {"type", "normalizers"})
        for one in node.get("normalizers", []):
            yield from nodes(one)
    elif kind in _NORMALIZERS:
        fields(node, f"normalizer {kind}", _NORMALIZERS[kind])
        yield node
    else:
        raise Unsupported(f"normalizer {kind}")


def front(tokens: Sequence[dict[str, Any]], normalizer: Any, *, native: bool, space: bool = False) -> Front:
    """What comes before an engine. Raises Unsupported, naming the part. tokens: as `check` has found them to be.

    native: putting a blank before a text and making blanks of spaces, where the normalizer does so, is the core's work
    in all texts that the normalizer need not go over.
    """
    rest = [node for node in nodes(normalizer) if not (native and is_native(node))]
    mask = _mask(rest)
    spelled = json.dumps(normalizer) if normalizer is not None else None
    given = [_flags(token) | {"content": token["content"], "id": token["id"]} for token in tokens]
    whole = library(spelled) if spelled and any(one["normalized"] for one in given) else None
    found: dict[bool, dict[bytes, Token]] = {True: {}, False: {}}
    candidates: set[str] = set()
    for one in sorted(given, key=lambda one: not one["special"]):  # of two that become alike the first counts
        text = whole.normalize_str(one["content"]) if whole and one["normalized"] else one["content"]
        if not text:
            raise Unsupported(f"added token {one['content']!r}: nothing of it is left by the normalizer")
        flags = sum(bit for name, bit in _FLAGS.items() if one[name])
        found[one["normalized"]].setdefault(text.encode(), (text.encode(), one["id"], flags))
        if one["normalized"] and any(is_native(node) for node in nodes(normalizer)):
            candidates.update(_spellings(text))
    if len(candidates) > _VARIANTS * max(1, len(found[True])) or "" in candidates:
        mask, candidates = None, set()
    texts = tuple(sorted(text.encode() for text in candidates)) if mask is not None else ()
    if mask is not None and not texts:
        spelled = json.dumps({"type": "Sequence", "normalizers": rest}) if mask else None
    return Front(tuple(found[False].values()), tuple(found[True].values()), spelled, mask, texts, space)


def is_native(node: Mapping[str, Any]) -> bool:
    """Whether the core for pieces can do what this normalizer does."""
    if node["type"] == "Prepend":
        return bool(node.get("prepend") == BLANK)
    return bool(node["type"] == "Replace" and (node.get("pattern"), node.get("content")) == ({"String": " "}, BLANK))


def _mask(parts: Sequence[dict[str, Any]]) -> int | None:
    mask = 0
    for node in parts:
        if node["type"] not in MASKS:
            return None
        mask |= MASKS[node["type"]]
    return mask


def _spellings(text: str) -> Iterator[str]:
    """How what is `text` behind the normalizer may stand in a document, without the blank that it may put before."""
    text = text.removeprefix(BLANK)
    if text.count(BLANK) > _VARIANTS.bit_length() - 1:
        return iter([""])
    return map("".join, itertools.product(*((" ", BLANK) if one == BLANK else (one,) for one in text)))


def check(tokens: Sequence[dict[str, Any]], vocabulary: Mapping[str, int]) -> None:
    """Raises Unsupported for added tokens with what is not known here, or with ids that are not the library's."""
    numbers: dict[str, int] = {}
    last = -1
    for token in tokens:
        fields(token, "added token", _ADDED)
        _flags(token)
        text = token.get("content")
        if not isinstance(text, str) or not text or len(text) > _LONGEST:
            raise Unsupported(f"added token {str(text)[:80]!r}")
        number = numbers.get(text, vocabulary.get(text, max(last + 1, len(vocabulary))))
        if token.get("id") != number:
            raise Unsupported(f"added token {text!r}: its id is {token.get('id')}, the library gives it {number}")
        numbers[text] = number
        last = max(last, number)
    if len(set(numbers.values())) < len(tokens):
        raise Unsupported("added tokens: two of them have the same id")


def _flags(token: Mapping[str, Any]) -> dict[str, Any]:
    return {name: flag(token, name, "added token", name == "normalized") for name in sorted(_ADDED - {"id", "content"})}
