"""Output formats: each file of this folder writes one shard, of documents or of tokens (`TAKES`)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from florilegium.pipeline.errors import PipelineError

LONGEST = (1 << 31) - 1
"""Tokens that one sequence may hold: lengths are int32 in the index of Megatron-LM, and it is the strictest reader."""


@dataclass(frozen=True, slots=True)
class Sequences:
    """Some sequences of a token shard, in order: what a trainer reads as one row each.

    tokens: uint16 or int32, all sequences back to back. lengths: tokens of each sequence, int64. pieces: how many
    documents, or parts of one, each sequence holds, int64. piece_lengths: tokens of each piece, all sequences back to
    back, int64; their sum is the sum of lengths.
    """

    tokens: NDArray[Any]
    lengths: NDArray[np.int64]
    pieces: NDArray[np.int64]
    piece_lengths: NDArray[np.int64]

    def rows(self, begin: int, end: int) -> "Sequences":
        """The sequences from `begin` to before `end`, without a copy."""
        first = [int(of[:begin].sum()) for of in (self.lengths, self.pieces)]
        last = [at + int(of[begin:end].sum()) for at, of in zip(first, (self.lengths, self.pieces), strict=True)]
        return Sequences(
            self.tokens[first[0] : last[0]],
            self.lengths[begin:end],
            self.pieces[begin:end],
            self.piece_lengths[first[1] : last[1]],
        )


def checked(sequences: Iterator[Sequences], path: Path) -> Iterator[Sequences]:
    """The same sequences, once they are what every token format takes; batches of none are left out.

    Raises ValueError, naming the shard and what does not hold, and when there is no sequence at all: a trainer refuses
    an empty shard.
    """
    dtype = None
    for batch in sequences:
        wrong = _wrong(batch, dtype)
        if wrong:
            raise ValueError(f"{path}: {wrong}")
        if len(batch.lengths):
            dtype = batch.tokens.dtype
            yield batch
    if dtype is None:
        raise ValueError(f"{path}: a shard holds at least one sequence")


def _wrong(batch: Sequences, dtype: "np.dtype[Any] | None") -> str | None:
    """What is wrong with a batch, in words. dtype: of the tokens before it."""
    found = batch.tokens.dtype
    whole, parts = batch.lengths, batch.piece_lengths
    if found not in (np.uint16, np.int32) or dtype not in (None, found):
        return f"tokens are all uint16 or all int32, and these are {found}"
    if any((counts < 1).any() for counts in (whole, batch.pieces, parts)):
        return "a sequence, or a piece of one, has no token"
    if (whole > LONGEST).any():
        return f"a sequence has more than {LONGEST} tokens"
    sums = (len(batch.tokens), len(parts), len(whole)) == (whole.sum(), batch.pieces.sum(), len(batch.pieces))
    if not sums or (len(whole) and (np.add.reduceat(parts, _starts(batch.pieces)) != whole).any()):
        return "tokens, lengths and pieces do not add up"
    return "a token is negative" if len(whole) and batch.tokens.min() < 0 else None


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.cumsum(counts) - counts


def grouped(
    sequences: Iterator[Sequences], sizes: Callable[[Sequences], NDArray[np.int64]], limit: int
) -> Iterator[Sequences]:
    """The sequences in groups of at most `limit` bytes, however they were divided before.

    sizes: the bytes of each sequence. A group is closed before the sequence that does not fit; one that is larger than
    the limit is a group of its own. Holds one group and one batch.
    """
    held: list[Sequences] = []
    used = 0
    for batch in sequences:
        ends = np.cumsum(sizes(batch))
        begin = 0
        while begin < len(ends):
            before = int(ends[begin - 1]) if begin else 0
            end = max(begin, int(np.searchsorted(ends, limit - used + before, "right")))
            if end == begin and not held:
                end += 1
            if end > begin:
                held.append(batch.rows(begin, end))
                used += int(ends[end - 1]) - before
            if end < len(ends):
                yield joined(held)
                held, used = [], 0
            begin = end
    if held:
        yield joined(held)


def joined(parts: Sequence[Sequences]) -> Sequences:
    """Several as one."""
    return Sequences(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        np.concatenate([part.pieces for part in parts]),
        np.concatenate([part.piece_lengths for part in parts]),
    )


def portions(tokens: NDArray[Any], ends: NDArray[np.int64], most: int) -> Iterator[Sequences]:
    """Tokens that stand back to back, in portions of whole sequences: at most so many tokens, or one that has more.

    ends: tokens up to each sequence's end. A sequence is one piece. Copies nothing, so mapped tokens stay mapped.
    """
    first = begin = 0
    while first < len(ends):
        last = max(first + 1, int(np.searchsorted(ends, begin + most, "right")))
        lengths = np.diff(ends[first:last], prepend=begin)
        yield Sequences(tokens[begin : int(ends[last - 1])], lengths, np.ones(last - first, np.int64), lengths)
        first, begin = last, int(ends[last - 1])


def unsound(path: Path, what: str) -> PipelineError:
    """A shard that no trainer should open."""
    return PipelineError(f"{path}: {what}", "write the shard anew: run the same build again")


def spans(counts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Begin and end of each of some runs that stand back to back."""
    return pairwise([0, *np.cumsum(counts).tolist()])
