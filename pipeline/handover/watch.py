"""What is asked of the tokens of a shard: lengths, ids, runs, the ends of documents, what a trainer would warn of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from florilegium.pipeline.handover.findings import Findings
from florilegium.pipeline.handover.sidecar import edges, more
from florilegium.pipeline.handover.text import Range
from florilegium.pipeline.shards import Shard
from florilegium.pipeline.stage import find

SAMPLED = 12
"""titan-oellm's validator looks at the first, the last and ten more sequences, S // 12 apart."""

FEW, MOST = 0.1, 0.8
"""Its warnings: distinct tokens of a sequence, at least, and the share of its most frequent one, at most."""


class Watch:
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
        self._ends, self._begins = edges(beside, first, begin)
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
            self._fault("ends", f"a document does not end with EOS ({eos}){more(wrong)}",
                        f"token {int(ends[np.argmax(wrong)]) - 1}")  # fmt: skip
        before = places[places > 1]
        twice = (tokens[before - 1] == eos) & (tokens[before - 2] == eos) & ~np.isin(before - 1, places)
        if twice.any():
            self._fault("ends", f"a document ends with EOS twice{more(twice)}",
                        f"token {int(before[np.argmax(twice)]) + self.at - 1}")  # fmt: skip
        self._inner += int(np.count_nonzero(tokens == eos) - np.count_nonzero(~wrong))
        if bos is not None:
            begins = self._begins[np.searchsorted(self._begins, self.at) : np.searchsorted(self._begins, last)]
            missing = tokens[begins - self.at] != bos
            if missing.any():
                self._fault("ends", f"a document does not begin with BOS ({bos}){more(missing)}",
                            f"token {int(begins[np.argmax(missing)])}")  # fmt: skip


def _sampled(count: int) -> frozenset[int]:
    """The sequences that titan-oellm's validator looks at."""
    step = max(1, count // SAMPLED)
    return frozenset({0, count - 1, *range(step, count - 1, step)[: SAMPLED - 2]})
