"""Main text of pages: our engine beside trafilatura and resiliparse, CPU time and F1, page by page in one run.

usage: python benchmarks/extract.py PAGES.parquet [MORE.parquet] [--most 300] [--json OUT.json]

A file has `id`, `html` (bytes) and `reference`, or `with` and `without`; the metric is the one that it is made for
(training/blocks.py). All engines get the page decoded, and take turns on each page in an order drawn from its number.
Ours is timed with what pages state (title, date, licence ...), the others without; and once more as a build runs it:
in batches, without another extractor in between whose code drives ours out of the processor each time.
"""

import argparse
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from florilegium.filters.charset import decode
from florilegium.stages import _blocks, _trafilatura
from florilegium.stages._stated import stated
from training.blocks import segment_f1, shingle_f1, word_f1

Engine = Callable[[bytes], str]


def ours(page: bytes) -> str:
    """Engine blocks, with what the page states."""
    read = _blocks.read(pa.array([page], pa.large_binary()), "balanced", 50_000)
    stated(read.facts[0])
    return str(read.texts[0].as_py())


def engines() -> dict[str, Engine]:
    """Those that can be imported."""
    slow, fast = (_trafilatura.reader("balanced", 500, quick) for quick in (False, True))
    found: dict[str, Engine] = {
        "blocks": ours,
        "trafilatura": lambda page: slow(page).text or "",
        "trafilatura-fast": lambda page: fast(page).text or "",
    }
    try:
        from florilegium.stages import _resiliparse

        quick = _resiliparse.reader("balanced")
        quick(b"<p>a")
        found["resiliparse"] = lambda page: quick(page).text or ""
    except ImportError:
        print("resiliparse takes no part: it is not installed")
    return found


BATCH = 64


def in_batches(pages: list[bytes]) -> float:
    """CPU seconds of engine blocks for all pages, with what they state."""
    start = time.process_time()
    for first in range(0, len(pages), BATCH):
        read = _blocks.read(pa.array(pages[first : first + BATCH], pa.large_binary()), "balanced", 50_000)
        for facts in read.facts:
            stated(facts)
    return time.process_time() - start


def scored(rows: list[dict[str, Any]], texts: list[str]) -> float:
    """By the metric of the data."""
    if all(row["reference"] is None for row in rows):
        return segment_f1([(text, row["with"], row["without"]) for text, row in zip(texts, rows, strict=True)])
    if rows[0]["with"]:
        return sum(word_f1(text, row["reference"]) for text, row in zip(texts, rows, strict=True)) / len(rows)
    return shingle_f1([(text, row["reference"]) for text, row in zip(texts, rows, strict=True)])


def measured(path: Path, most: int) -> dict[str, dict[str, float]]:
    """ms of CPU a page, MB/s and F1 of each engine."""
    rows = pq.read_table(path).to_pylist()[:most]
    sides = engines()
    pages = [decode(row["html"], None)[0].encode() for row in rows]
    for engine in sides.values():
        engine(pages[0])  # what is loaded once is not the page's
    spent, texts = dict.fromkeys(sides, 0.0), {name: [""] * len(pages) for name in sides}
    for number, page in enumerate(pages):
        for name in random.Random(number).sample(sorted(sides), len(sides)):
            start = time.process_time()
            texts[name][number] = sides[name](page)
            spent[name] += time.process_time() - start
    sides["blocks in batches"] = sides["blocks"]
    spent["blocks in batches"], texts["blocks in batches"] = in_batches(pages), texts["blocks"]
    size = sum(map(len, pages)) / 1e6
    return {
        name: {"ms a page": 1e3 * spent[name] / len(pages), "MB/s": size / spent[name], "F1": scored(rows, texts[name])}
        for name in sides
    }


def main() -> None:
    """Measure all files."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pages", type=Path, nargs="+")
    parser.add_argument("--most", type=int, default=300)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    found = {}
    for path in chosen.pages:
        found[path.stem] = result = measured(path, chosen.most)
        print(f"{path.stem:24}{'ms a page':>10}{'MB/s':>9}{'F1':>8}   times trafilatura's speed")
        for name, row in result.items():
            ratio = result["trafilatura"]["ms a page"] / row["ms a page"]
            print(f"  {name:22}{row['ms a page']:>10.2f}{row['MB/s']:>9.1f}{row['F1']:>8.4f}{ratio:>8.1f}", flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
