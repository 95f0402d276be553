"""Near duplicates: what share is found, what is removed wrongly, and what it costs beside datasketch and datatrove.

usage: python benchmarks/dedup.py recall --texts TEXTS.parquet [--documents 100000] [--seed 1] [--peers 5000]
                                  [--peer-python .venv-peers/bin/python] [--json OUT.json]

TEXTS has the columns `language` and `text`; its paragraphs are what documents are made of (injected.py). Similarity is
computed exactly for every pair of documents that were made from each other, by another way than the core's. A pair is
found when both end in one group; versions of a template are counted apart, since they find each other by way of others.
A removed document is wrong when no other of its group is at least .5 like it.

Costs are CPU seconds of a process (user and system): ours the median of three runs; the peers one run on every n-th
document, groups cut apart or not. datatrove: its four steps of MinHash at the same setting, words split at white space
(its own splitter takes ten times as long), one worker, both sides from the same Parquet file; imports are not counted.
datasketch: words split at white space, MinHash.bulk and MinHashLSH from strings in memory.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

BINS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Lower ends; the last is exactly 1."""
BANDS, ROWS, SHINGLE = 14, 8, 5
"""What the peers are run at."""


@dataclass(frozen=True)
class Setting:
    """bands x rows; threshold: None without verification."""

    bands: int
    rows: int
    threshold: float | None

    def __str__(self) -> str:
        return f"{self.bands} x {self.rows}" + (f", verified {self.threshold}" if self.threshold else "")


SETTINGS = (Setting(20, 5, 0.7), Setting(14, 8, None))


@dataclass(frozen=True)
class Found:
    """Groups, and CPU seconds of each part of the way."""

    labels: Any
    read_s: float
    signatures_s: float
    keys_s: float
    match_s: float

    @property
    def cpu_s(self) -> float:
        """All of it."""
        return self.read_s + self.signatures_s + self.keys_s + self.match_s


def find(path: Path, setting: Setting) -> Found:
    """Near duplicates among the texts of a Parquet file."""
    import numpy as np

    from florilegium.stages import _duplicates

    times = [time.process_time()]
    texts = pq.read_table(path, columns=["text"])["text"].chunks
    times.append(time.process_time())
    signatures = np.concatenate([_duplicates.signatures(one) for one in texts])
    times.append(time.process_time())
    wordy = np.flatnonzero((signatures != 0xFFFFFFFF).any(axis=1)).astype(np.uint32)
    keys = _duplicates.band_keys(signatures[wordy], setting.bands, setting.rows)
    blocks = [(0, _duplicates.small(signatures))]
    times.append(time.process_time())
    edges = []
    for band in keys.T:
        order = np.argsort(band, kind="stable")
        edges.append(_duplicates.matches(band[order], wordy[order], blocks, threshold=setting.threshold))
    labels = _duplicates.unite(len(signatures), edges)
    times.append(time.process_time())
    return Found(labels, *(end - begin for begin, end in itertools.pairwise(times)))


def recall(labels: Any, pairs: Sequence[tuple[int, int, float]]) -> dict[str, tuple[int, int]]:
    """Pairs found and pairs there are, by bin."""
    counts = {f"{low:g}": [0, 0] for low in BINS}
    for one, other, similarity in pairs:
        low = max((low for low in BINS if low <= similarity), default=None)
        if low is not None:
            counts[f"{low:g}"][0] += bool(labels[one] == labels[other])
            counts[f"{low:g}"][1] += 1
    return {low: (found, all_) for low, (found, all_) in counts.items()}


def wrong(labels: Any, sets: Sequence[Any]) -> tuple[int, int]:
    """Removed documents without one at least .5 like it in the group, and removed documents."""
    from injected import jaccard

    groups = defaultdict(list)
    for number, label in enumerate(labels.tolist()):
        groups[label].append(number)
    removed = [(number, group) for group in groups.values() for number in group[1:]]
    bad = sum(
        not any(other != number and jaccard(sets[number], sets[other]) >= BINS[0] for other in group)
        for number, group in removed
    )
    return bad, len(removed)


# ---- peers ----


def datasketch_cpu(path: Path) -> float:
    """CPU seconds of datasketch."""
    from datasketch import MinHash, MinHashLSH

    texts: list[str] = pq.read_table(path, columns=["text"])["text"].to_pylist()
    begin = time.process_time()
    shingles = []
    for text in texts:
        words = text.lower().split()
        runs = zip(*(words[i:] for i in range(SHINGLE)), strict=False)
        shingles.append([" ".join(run).encode() for run in runs])
    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    for number, signature in enumerate(MinHash.bulk(shingles, num_perm=BANDS * ROWS)):
        index.query(signature)
        index.insert(number, signature, check_duplication=False)
    return time.process_time() - begin


def datatrove_cpu(path: Path) -> float:
    """CPU seconds of datatrove's four steps; runs in its own environment."""
    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.pipeline.dedup import minhash
    from datatrove.pipeline.readers import ParquetReader

    class Spaces:
        """Words as datatrove wants them split."""

        def word_tokenize(self, text: str) -> list[str]:
            """At white space."""
            return text.split()

    def reader() -> Any:
        return ParquetReader(str(path.parent), glob_pattern=path.name, id_key="number")

    config = minhash.MinhashConfig(n_grams=SHINGLE, num_buckets=BANDS, hashes_per_bucket=ROWS)
    with tempfile.TemporaryDirectory() as folder:
        signatures = minhash.MinhashDedupSignature(f"{folder}/signatures", config)
        signatures.word_tokenizer = Spaces()
        steps = [
            [reader(), signatures],
            [minhash.MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config)],
            [minhash.MinhashDedupCluster(f"{folder}/buckets", f"{folder}/remove", config)],
            [reader(), minhash.MinhashDedupFilter(f"{folder}/remove")],
        ]
        begin = time.process_time()
        for at, step in enumerate(steps):
            tasks = BANDS if at == 1 else 1
            LocalPipelineExecutor(step, tasks=tasks, workers=1, logging_dir=f"{folder}/logs/{at}").run()
        return time.process_time() - begin


def peers_cpu(path: Path, python: str | None) -> dict[str, float]:
    """CPU seconds of each peer on a file."""
    found = {"datasketch": datasketch_cpu(path)}
    if python:
        command = [python, __file__, "datatrove", str(path)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            sys.exit(ran.stderr[-4000:])
        found["datatrove"] = float(ran.stdout.strip().splitlines()[-1])
    return found


# ---- the report ----


def write(path: Path, texts: Sequence[str]) -> None:
    """Texts as both sides read them."""
    numbers = [str(i) for i in range(len(texts))]
    pq.write_table(pa.table({"number": numbers, "text": pa.array(texts, pa.large_string())}), path)


def report_recall(options: argparse.Namespace) -> dict[str, Any]:
    """Make the corpus, find, compare; prints a table."""
    from injected import exact_pairs, exact_sets, inject

    paragraphs: dict[str, dict[str, None]] = defaultdict(dict)
    for row in pq.read_table(options.texts, columns=["language", "text"]).to_pylist():
        paragraphs[row["language"]].update({one: None for one in row["text"].split("\n") if len(one) >= 25})
    corpus = inject({language: list(own) for language, own in paragraphs.items()}, options.documents, options.seed)
    sets = exact_sets(corpus.texts)
    pairs: dict[bool, list[tuple[int, int, float]]] = {False: [], True: []}
    for one, other, similarity in exact_pairs(corpus, sets):
        pairs[corpus.kinds[one] == "template"].append((one, other, similarity))
    megabytes = sum(len(text.encode()) for text in corpus.texts) / 1e6
    count = len(corpus.texts)
    print(f"{count:,} documents, {len(paragraphs)} languages, {megabytes:.1f} MB")
    result: dict[str, Any] = {"documents": count, "megabytes": megabytes, "settings": {}}
    with tempfile.TemporaryDirectory() as folder:
        whole, part = Path(folder, "whole.parquet"), Path(folder, "part.parquet")
        write(whole, corpus.texts)
        for setting in SETTINGS:
            runs = [find(whole, setting) for _ in range(3)]
            labels = runs[0].labels
            costs = {name: statistics.median(getattr(run, name) for run in runs) for name in COSTS}
            shares = {"copies": recall(labels, pairs[False]), "templates": recall(labels, pairs[True])}
            found = {"recall": shares, "wrong": wrong(labels, sets), **costs}
            result["settings"][str(setting)] = found
            print_setting(setting, found, count, megabytes)
        every = max(1, count // options.peers)
        write(part, corpus.texts[::every])
        ours = {name: found["cpu_s"] / count for name, found in result["settings"].items()}
        for name, seconds in peers_cpu(part, options.peer_python).items():
            each = seconds / len(corpus.texts[::every])
            ratios = {setting: each / own for setting, own in ours.items()}
            result[name] = {"documents": len(corpus.texts[::every]), "microseconds": each * 1e6, "ratios": ratios}
            said = ", ".join(f"{ratio:.0f} times ours at {setting}" for setting, ratio in ratios.items())
            print(f"\n{name}: {each * 1e6:,.0f} µs a document, {said}")
    return result


COSTS = ("cpu_s", "read_s", "signatures_s", "keys_s", "match_s")


def print_setting(setting: Setting, found: dict[str, Any], count: int, megabytes: float) -> None:
    """A paragraph of the report."""
    each = ", ".join(f"{name[:-2]} {found[name] / count * 1e6:.1f}" for name in COSTS[1:])
    print(f"\n{setting}: {found['cpu_s'] / count * 1e6:.1f} µs a document: {each}")
    print(f"  MB/s: {megabytes / found['cpu_s']:.0f} in all, {megabytes / found['signatures_s']:.0f} of signatures")
    for kind, bins in found["recall"].items():
        cells = [f"{low} {hit / all_:.4f} of {all_:,}" for low, (hit, all_) in bins.items() if all_]
        print(f"  {kind} found, from similarity: {' · '.join(cells)}")
    print("  wrong {} of {:,} removed".format(*found["wrong"]), flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("recall")
    one.add_argument("--texts", type=Path, required=True)
    one.add_argument("--documents", type=int, default=100_000)
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--peers", type=int, default=5_000, help="documents that the peers get")
    one.add_argument("--peer-python")
    one.add_argument("--json", type=Path)
    commands.add_parser("datatrove").add_argument("path", type=Path)
    options = parser.parse_args()
    if options.command == "datatrove":
        print(datatrove_cpu(options.path))
        return
    result = report_recall(options)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
