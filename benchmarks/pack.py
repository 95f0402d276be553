"""Packing: documents a second and how full sequences are, beside the way that TRL packs.

usage: python benchmarks/pack.py [--documents 1000000] [--rounds 5] [--json OUT.json]

Log-normal lengths (mean 916 and 1,850 tokens), one thread, CPU time, all kinds in turn within a round; the best round
counts. `gather` and the check for runs are timed on the same plan, in tokens. The peer is TRL's best-fit decreasing
(a segment tree over free space, in Python), its algorithm written anew here and given a tenth of the documents.
"""

import argparse
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from florilegium.stages.pack import KINDS, Documents, Options, gather, longest_run, pack, shuffled

CASES = ((2048, 500, 1.1), (4096, 900, 1.2), (8192, 500, 1.1))
"""Tokens of a sequence; median and sigma of the documents' lengths."""


class Tree:
    """Free spaces, each node the largest below it: finds the least that suffices in log(most) steps."""

    def __init__(self, most: int) -> None:
        self.leaves = 1 << (most - 1).bit_length()
        self.nodes = [0] * (2 * self.leaves)

    def change(self, space: int, present: bool) -> None:
        """Add or remove a free space, 1 or more."""
        nodes = self.nodes
        at = self.leaves + space - 1
        nodes[at] = space if present else 0
        while at := at >> 1:
            near, far = nodes[2 * at], nodes[2 * at + 1]
            nodes[at] = far if far > near else near

    def search(self, tokens: int) -> int:
        """The least free space for so many."""
        nodes, at = self.nodes, 1
        while at < self.leaves:
            at *= 2
            if nodes[at] < tokens:
                at += 1
        return nodes[at]


def peer(lengths: NDArray[np.int64], length: int) -> int:
    """TRL's bins of pieces, as many as it makes; documents above the length are cut every `length`."""
    whole = np.repeat(length, int((lengths // length).sum()))
    pieces = np.concatenate([whole, lengths % length])
    pieces = pieces[pieces > 0]
    tree = Tree(length)
    tree.change(length, True)
    by_room: dict[int, deque[dict[str, Any]]] = defaultdict(deque)
    bins = 0
    for i in np.argsort(-pieces, kind="stable").tolist():
        tokens = int(pieces[i])
        space = tree.search(tokens)
        if space < length:
            found = by_room[space].popleft()
            if not by_room[space]:
                tree.change(space, False)
        else:
            found = {"ids": [], "length": 0}
            bins += 1
        found["ids"].append(i)
        found["length"] += tokens
        left = length - found["length"]
        by_room[left].append(found)
        if left > 0:
            tree.change(left, True)
    return bins


def cpu(work: Callable[[], object], rounds: int) -> float:
    """CPU seconds of the best round."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def compared(case: tuple[int, int, float], documents: int, rounds: int) -> dict[str, Any]:
    """One row of the table."""
    length, median, sigma = case
    lengths = np.random.default_rng(0).lognormal(np.log(median), sigma, documents).astype(np.int64) + 1
    row: dict[str, Any] = {"length": length, "mean": float(lengths.mean())}
    for kind in KINDS:
        how = Options(kind, length)
        seconds = cpu(lambda how=how: pack(lengths, how), rounds)  # type: ignore[misc]
        plan = pack(lengths, how)
        row[kind] = {"M/s": documents / seconds / 1e6, "filled": plan.filled(length), "cut": plan.cut / documents}
    row["cut, best-fit, though it fits"] = int(np.count_nonzero(lengths[pieces_cut(lengths, length)] <= length))
    few = lengths[: documents // 10]
    bins = peer(few, length)
    seconds = cpu(lambda: peer(few, length), 1)
    row["peer"] = {"M/s": len(few) / seconds / 1e6, "filled": int(few.sum()) / (bins * length)}
    return row


def pieces_cut(lengths: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Documents that best-fit cuts."""
    plan = pack(lengths, Options("best-fit", length))
    return np.unique(plan.document[plan.begin > 0])


def moved(documents: int, rounds: int) -> dict[str, float]:
    """Million tokens a second of what goes over tokens, and million numbers a second of the permutation."""
    lengths = np.random.default_rng(0).lognormal(np.log(500), 1.1, documents // 20).astype(np.int64) + 1
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = np.random.default_rng(1).integers(3, 2**17, offsets[-1], np.int32)
    shard = Documents(tokens, offsets, eos=2)
    written = shard.lengths()
    plan = pack(written, Options("best-fit-decreasing", 4096))
    flags = np.zeros(2**17, np.uint8)
    count = len(tokens) / 1e6
    return {
        "gather": count / cpu(lambda: gather(shard, plan), rounds),
        "longest_run": count / cpu(lambda: longest_run(tokens, offsets), rounds),
        "marks, of all documents": count / cpu(lambda: shard.marks(written, 0, flags), rounds),
        "shuffled": documents / 1e6 / cpu(lambda: shuffled(documents, 1), rounds),
    }


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = [compared(case, given.documents, given.rounds) for case in CASES]
    for row in rows:
        print(f"L {row['length']}, mean {row['mean']:.0f}; cut though it fits: {row['cut, best-fit, though it fits']}")
        for kind in (*KINDS, "peer"):
            found = row[kind]
            cut = f", {found['cut']:6.1%} of documents cut" if "cut" in found else ""
            print(f"  {kind:20} {found['M/s']:7.2f} M documents/s, filled {found['filled']:8.3%}{cut}")
        print(f"  best-fit-decreasing beside the peer: {row['best-fit-decreasing']['M/s'] / row['peer']['M/s']:.0f} x")
    rates = moved(given.documents, given.rounds)
    for name, rate in rates.items():
        print(f"{name:24} {rate:8.0f} M/s")
    if given.json:
        given.json.write_text(json.dumps({"packing": rows, "tokens": rates}, indent=1))


if __name__ == "__main__":
    main()
