"""Writes pages to train on: python -m training.designs --count 4000 --seed 1 --out DIR [--look N]"""

import argparse
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from training.designs.pages import Page, page, pages

FIELDS = ("id", "reference", "headline", "kind", "language", "design")
SCHEMA = pa.schema(
    [pa.field(name, pa.large_binary()) for name in ("html", "marked")]
    + [pa.field(name, pa.string()) for name in FIELDS]
)
BATCH = 500
"""Pages that are held at a time."""


def main() -> None:
    """Write designs.parquet, and pages to look at."""
    parser = argparse.ArgumentParser(prog="training.designs", description=__doc__)
    parser.add_argument("--count", type=int, default=3000, help="pages of the set")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other pages")
    parser.add_argument("--out", type=Path, required=True, help="folder")
    parser.add_argument(
        "--look", type=int, default=0, help="write this many pages as files, main text marked, instead of the set"
    )
    told = parser.parse_args()
    told.out.mkdir(parents=True, exist_ok=True)
    if told.look:
        for number in range(told.look):
            _show(page(number, told.seed), told.out)
        return
    with pq.ParquetWriter(told.out / "designs.parquet", SCHEMA, compression="zstd") as writer:
        held: list[Page] = []
        for one in pages(told.count, told.seed):
            held.append(one)
            if len(held) == BATCH:
                _write(writer, held)
                held = []
        _write(writer, held)


def _write(writer: pq.ParquetWriter, held: list[Page]) -> None:
    if held:
        writer.write_table(pa.Table.from_pylist([asdict(one) for one in held], schema=SCHEMA))


def _show(one: Page, folder: Path) -> None:
    """The page as it is, and its main text beside it."""
    name = f"{one.id}-{one.design}"
    (folder / f"{name}.html").write_bytes(one.html)
    (folder / f"{name}.txt").write_text(one.reference + "\n", "utf-8")


if __name__ == "__main__":
    main()
