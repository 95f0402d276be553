"""Before an engine in C: rows of documents to the texts and added tokens that it takes, and its tokens to documents.

The library looks for some added tokens in the text as it stands, normalizes each text between them, and looks for the
others there. The C core finds tokens (`stages/native/added.h`). It also finds the places that a normalizer may change;
these go through the library's own normalizer, all others are never touched.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from florilegium.stages import _native
from florilegium.stages._added import FLAGS, Front, Token, library
from florilegium.stages._engine import Encoded, Known
from florilegium.stages._splits import bits
from florilegium.stages.native.unicode import WORD

TEXT, LATER, HARD, NORMAL = range(-1, -5, -1)
"""enum added_kind."""
_MOST_KNOWN = 100_000
_LONGEST_KNOWN = 64
"""Normalized places in texts that are remembered, and their bytes."""


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
        unknown = set(olds).difference(known)
        for old in unknown:
            known[old] = self._library.normalize_str(old.decode()).encode()
        news = [known[old] for old in olds]
        for old in unknown:
            if len(old) > _LONGEST_KNOWN:
                del known[old]
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
    single = any(flags & FLAGS["single_word"] for _, _, flags in tokens)
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
