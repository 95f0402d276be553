"""Pack: which documents, or parts of them, make up which sequence of a training shard; and their tokens."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass as plain
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, model_validator
from pydantic.dataclasses import dataclass

from florilegium.stages import _native
from florilegium.stages.write import Sequences

Numbers = NDArray[np.int64]
Kind = Literal["documents", "concat", "best-fit", "best-fit-decreasing"]

KINDS: tuple[Kind, ...] = ("documents", "concat", "best-fit", "best-fit-decreasing")
"""In the order of `enum pack_kind` in `stages/native/pack.h`, which tells what each does."""

LONGEST_DOCUMENT = 2**31 - 1
"""Tokens. Megatron's index stores lengths as int32."""

LONGEST_SEQUENCE = 2**24 - 1
"""Tokens, of the best-fit kinds: four levels of 64 bits."""

SMALLEST = 10
"""Tokens: titan-oellm leaves shorter documents out (`min_doc_len`)."""

MOST_EQUAL = 50
"""Equal tokens in a row that titan-oellm's validator accepts."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Options:
    """How documents become sequences."""

    kind: Kind = "best-fit"
    """documents: each is a sequence. concat: cut at `length`. best-fit: online, a few sequences open; nothing is cut
    that would have fitted. best-fit-decreasing: the same with the whole shard in view."""
    length: int | None = None
    """Tokens of a sequence at most. None, for `documents` alone: each document is one sequence, however long."""
    open_bins: int = 64
    """Sequences that best-fit keeps open. 16 fill 0.1 to 0.3% less, 256 at most 0.04% more."""
    smallest: int | None = None
    """Tokens that a cut leaves at least on either side, at most half of `length`. None: 10 or what `length` allows;
    1 for concat, whose sequences then all have `length` tokens, the last apart."""
    shuffle: bool = False
    """Documents before they are packed, and sequences after it. best-fit-decreasing shuffles sequences always."""
    seed: int = 0
    """Of the shuffles: the same seed and number of things give the same order, so let shards have different ones."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        longest = LONGEST_SEQUENCE if self.kind.startswith("best-fit") else LONGEST_DOCUMENT
        if self.length is None and self.kind != "documents":
            raise ValueError(f"length: {self.kind} needs one")
        if self.length is not None and not 1 <= self.length <= longest:
            raise ValueError(f"length is {self.length}, expected 1 to {longest}")
        if self.smallest is not None and not 1 <= self.smallest <= max(1, self.most // 2):
            raise ValueError(f"smallest is {self.smallest}, expected 1 to half of length ({self.most})")
        if not 1 <= self.open_bins < 2**31:
            raise ValueError(f"open_bins is {self.open_bins}, expected 1 or more")
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"seed is {self.seed}, expected 0 to 2^64 - 1")
        return self

    @property
    def most(self) -> int:
        """Tokens of a sequence at most."""
        return LONGEST_DOCUMENT if self.length is None else self.length

    @property
    def least(self) -> int:
        """Tokens of a piece that a cut leaves, at least."""
        if self.smallest is not None:
            return self.smallest
        return 1 if self.kind == "concat" else max(1, min(SMALLEST, self.most // 2))


@plain(frozen=True, slots=True)
class Plan:
    """The pieces of all sequences, sequence by sequence.

    document: row of the document. begin, end: its tokens [begin, end) that the piece is, counted as they are written
    (BOS included, if one was added). pieces: how many each sequence has, never 0. All int64, not to be written to.
    """

    document: Numbers
    begin: Numbers
    end: Numbers
    pieces: Numbers

    @property
    def sequence(self) -> Numbers:
        """Number of the sequence that each piece is in."""
        return np.repeat(np.arange(len(self.pieces)), self.pieces)

    @property
    def first_token(self) -> Numbers:
        """Place in the shard of the first token of each piece, all sequences back to back."""
        tokens = self.tokens
        return np.cumsum(tokens) - tokens

    @property
    def tokens(self) -> Numbers:
        """Tokens of each piece."""
        return self.end - self.begin

    @property
    def lengths(self) -> Numbers:
        """Tokens of each sequence."""
        ends = np.cumsum(self.tokens)[np.cumsum(self.pieces) - 1]
        return np.diff(ends, prepend=0)

    @property
    def cut(self) -> int:
        """Documents that are in more than one piece."""
        return len(np.unique(self.document[self.begin > 0]))

    def short(self, length: int) -> int:
        """Sequences that have fewer tokens: the last one of concat, most of the others."""
        return int(np.count_nonzero(self.lengths < length))

    def filled(self, length: int) -> float:
        """Share of the places of all sequences that hold a token; 1 if there is no sequence."""
        places = len(self.pieces) * length
        return int(self.tokens.sum()) / places if places else 1.0

    def portions(self, most: int) -> Iterator["Plan"]:
        """The plan in parts of whole sequences, in order: at most so many tokens, or one sequence that has more."""
        behind = np.cumsum(self.lengths)
        places = np.concatenate([[0], np.cumsum(self.pieces)])
        first = 0
        while first < len(behind):
            before = behind[first - 1] if first else 0
            last = max(first + 1, int(np.searchsorted(behind, before + most, side="right")))
            part = slice(int(places[first]), int(places[last]))
            yield Plan(self.document[part], self.begin[part], self.end[part], self.pieces[first:last])
            first = last


@plain(frozen=True, slots=True)
class Marks:
    """How good a cut is behind each token of some documents: 0 no boundary, 1 sentence or line end, 2 paragraph end.

    documents: rows, rising, int64. offsets: n + 1, int64, into qualities: uint8, one a token as it is written.
    """

    documents: Numbers
    offsets: Numbers
    qualities: NDArray[np.uint8]


@plain(frozen=True, slots=True)
class Documents:
    """The tokens of a shard, and what is added to each document when it is written.

    tokens: uint16 or int32, all documents back to back. offsets: n + 1, int64; document i is
    tokens[offsets[i]:offsets[i + 1]]. bos: token put before a document that does not begin with it; eos: token put
    behind one that does not end with it; None: none. A document of no tokens stays empty.
    """

    tokens: NDArray[Any]
    offsets: Numbers
    bos: int | None = None
    eos: int | None = None

    def _native(self) -> tuple[memoryview, int, memoryview, int, int]:
        if self.tokens.dtype not in (np.uint16, np.int32):
            raise ValueError(f"tokens are {self.tokens.dtype}, expected uint16 or int32")
        bos, eos = (-1 if token is None else token for token in (self.bos, self.eos))
        if min(bos, eos) < -1:
            raise ValueError(f"bos and eos are {self.bos} and {self.eos}, expected tokens")
        return _flat(self.tokens), self.tokens.dtype.itemsize, _flat(self.offsets, np.int64), bos, eos

    def lengths(self) -> Numbers:
        """Tokens of each document as it is written: what `pack` is to be given, so that BOS and EOS are counted."""
        return np.frombuffer(_native.pack_lengths(*self._native()), np.int64)

    def marks(self, lengths: Numbers, longer: int, endings: NDArray[np.uint8]) -> Marks:
        """Where documents of more than so many tokens may be cut. lengths: of `lengths()`; endings: of `endings()`."""
        rows = np.flatnonzero(lengths > longer)
        found = _native.pack_qualities(*self._native(), _flat(rows, np.int64), _flat(endings, np.uint8))
        return Marks(rows, np.concatenate([[0], np.cumsum(lengths[rows])]), np.frombuffer(found, np.uint8))


def pack(lengths: Numbers, how: Options, marks: Marks | None = None) -> Plan:
    """The sequences that documents of these lengths make, by the rules of `stages/native/pack.h`.

    lengths: tokens of each document; each token is in exactly one piece. marks: of documents longer than `how.length`,
    others are not looked at. The same arguments give the same plan on every machine. Raises ValueError for a length
    below 0 or above 2^31 - 1, naming its row.
    """
    none = np.empty(0, np.int64)
    marks = marks or Marks(none, np.zeros(1, np.int64), np.empty(0, np.uint8))
    found = _native.pack(
        _flat(lengths, np.int64),
        KINDS.index(how.kind),
        how.most,
        how.open_bins,
        how.least,
        how.shuffle,
        how.seed,
        _flat(marks.documents, np.int64),
        _flat(marks.offsets, np.int64),
        _flat(marks.qualities, np.uint8),
    )
    return Plan(*(np.frombuffer(numbers, np.int64) for numbers in found))


def parted(documents: Documents, plan: Plan) -> Plan:
    """The plan, with sequences parted where pieces meet in a run of more than MOST_EQUAL equal tokens.

    No piece has such a run by itself. Documents that were cut may end or begin with any token (a ruler of hyphens, a
    table's blanks), and a text may hold EOS by its own name. As few parts as can be; all pieces stay, in their order.
    """
    opens = np.cumsum(plan.pieces) - plan.pieces
    follows = np.ones(len(plan.document), bool)
    follows[opens] = False
    behind = np.flatnonzero(follows)
    meet = _tokens(documents, plan, behind - 1, -1) == _tokens(documents, plan, behind, 0)
    behind = behind[meet]
    ends, begins = _edge(documents, plan, behind - 1, -1), _edge(documents, plan, behind, 0)
    whole = begins == plan.tokens[behind]
    if not ((ends + begins > MOST_EQUAL) | whole).any():
        return plan
    more: list[int] = []
    before, run = -1, 0  # the piece that was last, and the run that it ends with, pieces before it included
    for piece, end, begin, all_of_it in zip(*(one.tolist() for one in (behind, ends, begins, whole)), strict=True):
        run = (run if before == piece - 1 else end) + begin
        if run > MOST_EQUAL:
            more.append(piece)
            run = begin
        if all_of_it:
            before = piece
    opens = np.union1d(opens, np.array(more, np.int64))
    return Plan(plan.document, plan.begin, plan.end, np.diff(opens, append=len(plan.document)))


def _tokens(documents: Documents, plan: Plan, pieces: Numbers, place: int) -> NDArray[Any]:
    """One token of each of these pieces; place: from its begin, or if below 0 from its end."""
    at = (plan.begin if place >= 0 else plan.end)[pieces] + place
    return _copied(documents, plan.document[pieces], at, at + 1)


def _edge(documents: Documents, plan: Plan, pieces: Numbers, place: int) -> Numbers:
    """The run that each of these pieces begins (place 0) or ends with (-1), in tokens."""
    runs, tokens = np.ones(len(pieces), np.int64), plan.tokens[pieces]
    step = -1 if place else 1
    live, edge = np.arange(len(pieces)), _tokens(documents, plan, pieces, place)
    while len(live := live[tokens[live] > runs[live]]):
        place += step
        live = live[_tokens(documents, plan, pieces[live], place) == edge[live]]
        runs[live] += 1
    return runs


def gather(documents: Documents, plan: Plan) -> Sequences:
    """The tokens of the plan's sequences, BOS and EOS added. The plan was made of `documents.lengths()`."""
    tokens = _copied(documents, plan.document, plan.begin, plan.end)
    return Sequences(tokens, plan.lengths, plan.pieces, plan.tokens)


def _copied(documents: Documents, rows: Numbers, begin: Numbers, end: Numbers) -> NDArray[Any]:
    """Tokens [begin, end) of these documents as they are written, back to back."""
    found = _native.pack_gather(*documents._native(), *(_flat(one, np.int64) for one in (rows, begin, end)))
    return np.frombuffer(found, documents.tokens.dtype)


def longest_run(tokens: NDArray[Any], offsets: Numbers) -> Numbers:
    """Most equal tokens in a row, of each row (document or sequence): MOST_EQUAL is what a row may have.

    tokens: uint16 or int32; offsets: n + 1; row i is tokens[offsets[i]:offsets[i + 1]].
    """
    data, width, places, _, _ = Documents(tokens, offsets)._native()
    return np.frombuffer(_native.pack_runs(data, width, places), np.int64)


def shuffled(count: int, seed: int) -> Numbers:
    """0 to count - 1 in an order that the seed (0 to 2^64 - 1) alone decides, on every machine: see `pack_shuffle`."""
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed is {seed}, expected 0 to 2^64 - 1")
    return np.frombuffer(_native.pack_shuffle(count, seed), np.uint32).astype(np.int64)


def endings(decode: Callable[[Sequence[int]], str], vocabulary: int) -> NDArray[np.uint8]:
    """What each token's text says of the places before and behind it: flags of `enum pack_ending`, one byte an id.

    decode: text of some tokens (`Encoder.decode`). A token is decoded behind a letter: decoders of SentencePiece style
    take the space from the front of a text.
    """
    letters = (token for token in range(vocabulary) if (text := decode([token])).isascii() and text.isalpha())
    before = next(letters, None)
    front = [] if before is None else [before]
    skipped = len(decode(front)) if front else 0
    return np.array([_ending(decode([*front, token])[skipped:]) for token in range(vocabulary)], np.uint8)


CLOSING = "\"'”’»«›‹“‘)]}*_"
"""Quotation marks of Europe's languages (some close with what others open with), brackets, marks of emphasis."""

SENTENCE_ENDS = (".", "!", "?", "…", ";", "·", "。", "！", "？")
"""The Greek question mark (written as a semicolon) and colon are among them."""


def _ending(text: str) -> int:
    sentence = text.rstrip(" \t").rstrip(CLOSING).endswith(SENTENCE_ENDS)
    behind = text[len(text.rstrip()) :].count("\n")
    front = text[: len(text) - len(text.lstrip())].count("\n")
    flags = (sentence, behind > 0, behind > 1, text[:1].isspace(), front > 0, front > 1)
    return sum(flag << place for place, flag in enumerate(flags))


def _flat(values: NDArray[Any], dtype: Any = None) -> memoryview:
    """In one piece, in their alignment."""
    return np.require(values, dtype, ("C", "A")).data
