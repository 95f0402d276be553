"""Random ranges of a shard, decoded and encoded anew, held against the text of their document."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from florilegium.pipeline import store
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.handover.findings import Findings

LONGEST = 256
"""Tokens of a range: some sentences, and as many places where a text may have been taken for another."""

SPACE = re.compile(r"[\s▁]+")
"""What decoders add and take as they like; SentencePiece's mark is a space."""


@dataclass(frozen=True, slots=True)
class Range:
    """Some tokens of a piece. first: place in the shard; row: of the sidecar; begin: token of the document."""

    first: int
    tokens: int
    row: int
    begin: int


def ranges(beside: pa.Table, count: int, seed: str) -> list[Range]:
    """Places drawn by a seed from all tokens of a shard, in order, each within one piece."""
    starts, lengths, begins = (beside[name].to_numpy() for name in ("first_token", "tokens", "begin"))
    chance = random.Random(seed)
    places = sorted(chance.randrange(int(starts[-1] + lengths[-1])) for _ in range(count))
    rows = np.searchsorted(starts, places, "right") - 1
    return [
        Range(
            at, min(LONGEST, int(starts[row] + lengths[row]) - at), int(row), int(begins[row]) + at - int(starts[row])
        )
        for at, row in zip(places, rows, strict=True)
    ]


class Reader:
    """The tokenizer by the library that trainers load it with: the C core has no part in this check."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer: Any = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare exceptions
            raise PipelineError(f"{path}: is no tokenizer.json: {error}", "run the same build again") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.vocabulary = 1 + max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=0)
        """Ids are below this."""
        self._decodes = self._tokenizer.decoder is not None
        unknown = getattr(self._tokenizer.model, "unk_token", None)
        self._unknown = None if unknown is None else self._tokenizer.token_to_id(unknown)

    def written(self, text: str, bos: int | None, eos: int | None) -> list[int]:
        """A text as a document is written: BOS before and EOS behind, unless they stand there already."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        front = [] if bos is None or ids[:1] == [bos] else [bos]
        return [*front, *ids, *([] if eos is None or ids[-1:] == [eos] else [eos])]

    def reads(self, tokens: Sequence[int], text: str) -> bool:
        """Whether tokens, decoded, stand in a text; spaces and a character cut at either edge are not looked at."""
        if not self._decodes or self._unknown in tokens:
            return True
        found: str = self._tokenizer.decode(list(tokens), skip_special_tokens=False)
        normalizer = self._tokenizer.normalizer
        wanted = text if normalizer is None else normalizer.normalize_str(text)
        return SPACE.sub("", found.strip().strip("\ufffd")) in SPACE.sub("", wanted)


def texts(path: str, rows: Sequence[int]) -> dict[int, str]:
    """The texts of some rows of a corpus shard, by row; reads only the row groups that hold them."""
    found: dict[int, str] = {}
    wanted = sorted(set(rows))
    with store.reading(path) as file, pq.ParquetFile(file, pre_buffer=False) as opened:
        first = 0
        for group in range(opened.num_row_groups):
            last = first + opened.metadata.row_group(group).num_rows
            inside = [row for row in wanted if first <= row < last]
            if inside:
                column = opened.read_row_group(group, columns=["text"], use_threads=False)["text"]
                found |= {row: column[row - first].as_py() for row in inside}
            first = last
    return found


@dataclass(frozen=True, slots=True)
class Drawn:
    """A range with its tokens, and the row of its document in the corpus shard."""

    of: Range
    tokens: NDArray[Any]
    document: str
    row: int


@dataclass(frozen=True, slots=True)
class Written:
    """How documents were written: the tokenizer, BOS and EOS."""

    reader: Reader
    bos: int | None
    eos: int | None


def check(found: Findings, stem: str, drawn: Sequence[Drawn], corpus: str, how: Written) -> None:
    """Hold ranges of one shard against the corpus."""
    by_row = texts(corpus, [one.row for one in drawn])
    for row, ranges_ in groupby(sorted(drawn, key=lambda one: one.row), lambda one: one.row):
        meant = how.reader.written(by_row[row], how.bos, how.eos)
        for one in ranges_:
            found.looked["text"] += 1
            wrong = _wrong(one, by_row[row], meant, how)
            if wrong:
                place = f"tokens {one.of.first} to {one.of.first + one.of.tokens - 1}, document {one.document}"
                found.fault("text", stem, wrong, place)


def _wrong(one: Drawn, text: str, meant: Sequence[int], how: Written) -> str | None:
    """What is wrong with a range, in words. meant: the tokens that its whole document should have."""
    tokens, begin = one.tokens.tolist(), one.of.begin
    part = meant[begin : begin + one.of.tokens]
    if tokens != part:
        pairs = enumerate(zip_longest(tokens, part))
        at = next(place for place, (is_, should) in pairs if is_ != should)
        return f"token {one.of.first + at} is not the one that its text gives there"
    first = 1 if begin == 0 and tokens[0] == how.bos else 0
    last = len(tokens) - (begin + len(tokens) == len(meant) and tokens[-1] == how.eos)
    return None if how.reader.reads(tokens[first:last], text) else "decoded, they do not stand in the text"
