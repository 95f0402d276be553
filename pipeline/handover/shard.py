"""The rules that one token shard is held to: every sequence, every id, every end of a document, and its sidecar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.handover.findings import Findings
from florilegium.pipeline.handover.text import Range, ranges
from florilegium.pipeline.passes.tokens import PORTION, SIDECAR
from florilegium.pipeline.stage import find

Numbers = NDArray[np.int64]

SHORT = 10
"""Tokens: titan-oellm's packing loaders leave shorter documents out (`min_doc_len`)."""

SAMPLED = 12
"""titan-oellm's validator looks at the first, the last and ten more sequences, S // 12 apart."""

FEW, MOST = 0.1, 0.8
"""Its warnings: distinct tokens of a sequence, at least, and the share of its most frequent one, at most."""


@dataclass(frozen=True)
class Shard:
    """A shard as the manifest and its info tell of it.

    path: local, without endings. stem: below the output folder. pack, format: of its layout. info: as stored.
    """

    path: Path
    stem: str
    layout: str
    split: str
    language: str
    format: str
    pack: Mapping[str, Any]
    info: Mapping[str, Any]


@dataclass
class Seen:
    """What was found of a shard. cut: pieces beyond the first of a document; drawn: ranges and their tokens."""

    beside: pa.Table
    documents: int = 0
    tokens: int = 0
    dtype: str = ""
    cut: int = 0
    longest_run: int = 0
    drawn: list[tuple[Range, NDArray[Any]]] = field(default_factory=list)


def check(
    found: Findings, shard: Shard, beside: pa.Table, samples: int, seed: int, *, once: bool = True
) -> Seen | None:
    """Hold one shard to the rules; None when its files or its sidecar are so wrong that nothing more can be said.

    once: each document stands in it once, in pieces or whole; else it may be repeated.
    """
    seen = Seen(beside)
    if not _adds_up(found, shard, beside):
        return None
    if once:
        _pieces(found, shard, seen)
    wanted = ranges(beside, samples, f"{seed} {shard.stem}")
    watch = _Watch(found, shard, beside, wanted)
    try:
        for batch in find("stages.write", shard.format).scan(shard.path, PORTION):
            watch.see(batch)
    except PipelineError as error:
        found.fault("format", *_said(error.message, shard))
        return None
    if not watch.done():
        return None
    seen.tokens, seen.dtype, seen.longest_run, seen.drawn = watch.at, watch.dtype, watch.longest_run, watch.drawn
    return seen


def _said(message: str, shard: Shard) -> tuple[str, str]:
    """File and sentence of what a format's reader says, the file from the output folder."""
    folder = str(shard.path).removesuffix(shard.stem)
    file, _, what = message.removeprefix(folder).partition(": ")
    return file, what


def _adds_up(found: Findings, shard: Shard, beside: pa.Table) -> bool:
    """Whether the rows of a sidecar are pieces back to back, in sequences that are numbered without gaps."""
    file = f"{shard.stem}.documents.parquet"
    if not beside.schema.equals(SIDECAR) or beside.num_rows == 0:
        found.fault("sidecar", file, "it has no rows, or other columns than a sidecar has")
        return False
    if any(beside[name].null_count for name in ("id", "sequence", "first_token", "tokens", "begin")):
        found.fault("sidecar", file, "a value is missing")
        return False
    first, tokens, sequence = (beside[name].to_numpy() for name in ("first_token", "tokens", "sequence"))
    steps = np.diff(sequence, prepend=-1)
    for wrong, what in (
        (tokens < 1, "a piece of no tokens"),
        (first != np.cumsum(tokens) - tokens, "first_token is not the sum of what stands before it"),
        ((steps < 0) | (steps > 1) | (sequence < 0), "sequences are not 0, 1, 2 ..."),
    ):
        found.looked["sidecar"] += len(first)
        if wrong.any():
            found.fault("sidecar", file, what + _more(wrong), f"row {int(np.argmax(wrong))}")
            return False
    return True


def _more(wrong: NDArray[Any]) -> str:
    count = int(np.count_nonzero(wrong))
    return f" (and {count - 1:,} more)" if count > 1 else ""


def halves(ids: Any) -> NDArray[np.uint64]:
    """Ids as two numbers each, upper half first."""
    joined: list[bytes] = ids.to_pylist()
    return np.frombuffer(b"".join(joined), ">u8").reshape(-1, 2).astype(np.uint64)


def _pieces(found: Findings, shard: Shard, seen: Seen) -> None:
    """Each document's pieces, put together, are all of it in order, and it was cut only as the layout may."""
    file = f"{shard.stem}.documents.parquet"
    tokens, begin = (seen.beside[name].to_numpy() for name in ("tokens", "begin"))
    ids = halves(seen.beside["id"])
    order = np.lexsort((begin, ids[:, 1], ids[:, 0]))
    tokens, begin = tokens[order], begin[order]
    new = np.append(True, (ids[order][1:] != ids[order][:-1]).any(axis=1))
    ends = begin + tokens
    meant = np.where(new, 0, np.append(0, ends[:-1]))
    seen.documents, seen.cut = int(new.sum()), len(new) - int(new.sum())
    found.looked["documents"] += seen.documents
    if (begin != meant).any():
        row = int(order[np.argmax(begin != meant)])
        found.fault("documents", file, "a part of its document is missing or stands twice" + _more(begin != meant),
                    f"row {row}, document {seen.beside['id'][row].as_py().hex()}")  # fmt: skip
    whole = np.add.reduceat(tokens, np.flatnonzero(new))
    parts = np.diff(np.append(np.flatnonzero(new), len(new)))
    length = shard.pack["length"]
    needless = (parts > 1) & ((whole <= length) if length is not None else True)
    if shard.pack["kind"] != "concat" and needless.any():
        row = int(order[np.flatnonzero(new)[np.argmax(needless)]])
        found.fault("documents", file, "it is cut, and would have fitted" + _more(needless), f"row {row}")
    if length is not None:
        of = np.bincount(seen.beside["sequence"].to_numpy(), seen.beside["tokens"].to_numpy()).astype(np.int64)
        if (of > length).any():
            found.fault("sidecar", file, f"it has more than {length} tokens" + _more(of > length),
                        f"sequence {int(np.argmax(of > length))}")  # fmt: skip
    if int((whole < SHORT).sum()):
        found.warn("documents", shard.stem, f"{int((whole < SHORT).sum()):,} documents are shorter than {SHORT} "
                   "tokens: titan-oellm's packing loaders leave them out")  # fmt: skip


class _Watch:
    """Holds the tokens of a shard, portion by portion, to all that can be said of tokens."""

    def __init__(self, found: Findings, shard: Shard, beside: pa.Table, wanted: Sequence[Range]) -> None:
        self.found, self.shard = found, shard
        self.at = self.sequence = self.longest_run = 0
        self.dtype = ""
        self.drawn: list[tuple[Range, NDArray[Any]]] = []
        self._wanted = wanted
        self._knows = find("stages.write", shard.format).KNOWS
        first, self._tokens, begin = (beside[name].to_numpy() for name in ("first_token", "tokens", "begin"))
        self._sequences = np.bincount(beside["sequence"].to_numpy(), self._tokens).astype(np.int64)
        self._total = int(self._tokens.sum())
        self._ends, self._begins = _edges(beside, first, begin)
        self._piece = 0
        self._sample = _sampled(len(self._sequences)) if "sequences" in self._knows else frozenset()
        self._inner = 0
        self._wrong: set[str] = set()

    def see(self, batch: Any) -> None:
        """The next portion."""
        tokens, last = batch.tokens, self.at + len(batch.tokens)
        self._lengths(batch)
        self._ids(tokens)
        self._runs(batch)
        self._edges(tokens)
        self.drawn += [
            (one, np.array(tokens[one.first - self.at : one.first - self.at + one.tokens]))
            for one in self._wanted
            if self.at <= one.first and one.first + one.tokens <= last
        ]
        self._titan(batch)
        self.dtype = str(tokens.dtype.newbyteorder("=")) if "dtype" in self._knows else ""
        self.at = last
        self.sequence += len(batch.lengths)

    def done(self) -> bool:
        """Behind the last portion; answers whether file and sidecar speak of the same tokens."""
        if self.at != self._total:
            self._fault("sidecar", f"its sidecar tells of {self._total:,} tokens, and it holds {self.at:,}")
        if self._inner:
            self.found.warn("ends", self.shard.stem, f"EOS stands inside documents {self._inner:,} times: "
                            "their text holds the token's own")  # fmt: skip
        return not self._wrong & {"sidecar"}

    def _titan(self, batch: Any) -> None:
        """What titan-oellm's validator will warn of, in the sequences that it draws."""
        starts = np.cumsum(batch.lengths) - batch.lengths
        last = self.sequence + len(batch.lengths)
        for number in sorted(one for one in self._sample if self.sequence <= one < last):
            begin, length = int(starts[number - self.sequence]), int(batch.lengths[number - self.sequence])
            counts = np.unique(batch.tokens[begin : begin + length], return_counts=True)[1]
            if len(counts) < FEW * length:
                self._warned(number, f"{len(counts):,} distinct of {length:,} tokens")
            if counts.max() > MOST * length:
                self._warned(number, f"one token is {counts.max() / length:.0%} of {length:,}")

    def _warned(self, number: int, what: str) -> None:
        said = f"titan-oellm's validator will warn: {what}"
        self.found.warn("vocabulary", self.shard.stem, said, f"sequence {number}")

    def _fault(self, check: str, what: str, place: str = "") -> None:
        """Each rule once a shard: what breaks it, breaks it everywhere."""
        if check + what not in self._wrong:
            self._wrong |= {check, check + what}
            self.found.fault(check, self.shard.stem, what, place)

    def _lengths(self, batch: Any) -> None:
        self.found.looked["format"] += len(batch.lengths)
        told = {"sequences": self._sequences, "pieces": self._tokens}
        for name, lengths, done in (
            ("sequences", batch.lengths, self.sequence),
            ("pieces", batch.piece_lengths, self._piece),
        ):
            if name in self._knows:
                meant = told[name][done : done + len(lengths)]
                wrong = meant != lengths if len(meant) == len(lengths) else np.ones(1, bool)
                if wrong.any():
                    self._fault("sidecar", f"{name} are not as long as the sidecar tells",
                                f"{name[:-1]} {done + int(np.argmax(wrong))}")  # fmt: skip
        self._piece += len(batch.piece_lengths)

    def _ids(self, tokens: NDArray[Any]) -> None:
        self.found.looked["vocabulary"] += len(tokens)
        vocabulary = self.shard.info["vocabulary"]
        if int(tokens.max()) >= vocabulary or int(tokens.min()) < 0:
            at = int(np.argmax((tokens >= vocabulary) | (tokens < 0)))
            self._fault("vocabulary", f"an id is not below {vocabulary:,}", f"token {self.at + at}: {int(tokens[at])}")

    def _runs(self, batch: Any) -> None:
        packing = find("stages", "pack")
        self.found.looked["runs"] += len(batch.lengths)
        runs = packing.longest_run(batch.tokens, np.append(0, np.cumsum(batch.lengths)))
        self.longest_run = max(self.longest_run, int(runs.max()))
        if (runs > packing.MOST_EQUAL).any():
            row = int(np.argmax(runs > packing.MOST_EQUAL))
            self._fault("runs", f"more than {packing.MOST_EQUAL} equal tokens in a row",
                        f"sequence {self.sequence + row}: {int(runs[row])} of them")  # fmt: skip

    def _edges(self, tokens: NDArray[Any]) -> None:
        """EOS and BOS where documents end and begin."""
        eos, bos, last = self.shard.info["eos"], self.shard.info["bos"], self.at + len(tokens)
        ends = self._ends[np.searchsorted(self._ends, self.at, "right") : np.searchsorted(self._ends, last, "right")]
        places = ends - self.at
        self.found.looked["ends"] += len(ends)
        wrong = tokens[places - 1] != eos
        if wrong.any():
            self._fault("ends", f"a document does not end with EOS ({eos}){_more(wrong)}",
                        f"token {int(ends[np.argmax(wrong)]) - 1}")  # fmt: skip
        before = places[places > 1]
        twice = (tokens[before - 1] == eos) & (tokens[before - 2] == eos) & ~np.isin(before - 1, places)
        if twice.any():
            self._fault("ends", f"a document ends with EOS twice{_more(twice)}",
                        f"token {int(before[np.argmax(twice)]) + self.at - 1}")  # fmt: skip
        self._inner += int(np.count_nonzero(tokens == eos) - np.count_nonzero(~wrong))
        if bos is not None:
            begins = self._begins[np.searchsorted(self._begins, self.at) : np.searchsorted(self._begins, last)]
            missing = tokens[begins - self.at] != bos
            if missing.any():
                self._fault("ends", f"a document does not begin with BOS ({bos}){_more(missing)}",
                            f"token {int(begins[np.argmax(missing)])}")  # fmt: skip


def _edges(beside: pa.Table, first: Numbers, begin: Numbers) -> tuple[Numbers, Numbers]:
    """Where documents end and where they begin in a shard, as the sidecar tells; both rising."""
    ids = halves(beside["id"])
    order = np.lexsort((begin, ids[:, 1], ids[:, 0]))
    last = np.append((ids[order][1:] != ids[order][:-1]).any(axis=1) | (begin[order][1:] == 0), True)
    ends = (first + beside["tokens"].to_numpy())[order][last]
    return np.sort(ends), first[begin == 0]


def _sampled(count: int) -> frozenset[int]:
    """The sequences that titan-oellm's validator looks at."""
    step = max(1, count // SAMPLED)
    return frozenset({0, count - 1, *range(step, count - 1, step)[: SAMPLED - 2]})


def of_corpus(found: Findings, shard: Shard, beside: pa.Table, corpus: pa.Table, share: float) -> NDArray[Any] | None:
    """The row of each piece's document in its corpus shard; None when one is not there.

    corpus: id, language, licence and source of that shard. share: of documents that are validation.
    """
    file = f"{shard.stem}.documents.parquet"
    ids: Any = corpus["id"].combine_chunks()
    rows = pc.index_in(beside["id"], value_set=ids if isinstance(ids, pa.Array) else ids.chunk(0))
    if rows.null_count:
        row = rows.to_pylist().index(None)
        found.fault("documents", file, f"its shard of the corpus has no document {beside['id'][row].as_py().hex()}",
                    f"row {row}")  # fmt: skip
        return None
    for name in ("language", "licence", "source"):
        there = corpus[name].cast(pa.string()).take(rows).to_pylist()
        wrong = [
            row for row, pair in enumerate(zip(beside[name].to_pylist(), there, strict=True)) if pair[0] != pair[1]
        ]
        if wrong:
            found.fault("sidecar", file, f"{name} is not that of the corpus", f"row {wrong[0]}")
    validation = halves(beside["id"])[:, 1] < np.uint64(int(share * 2**64))
    stray = validation != (shard.split == "validation")
    if stray.any():
        found.fault("documents", file, f"it is not of {shard.split}{_more(stray)}", f"row {int(np.argmax(stray))}")
    numbers: NDArray[Any] = rows.to_numpy()
    return numbers
