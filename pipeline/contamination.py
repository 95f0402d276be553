"""Which items of benchmarks stand in the kept texts of a build, and where."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from florilegium.pipeline import account, tables
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.stage import find

Walk = Callable[[Sequence[Any], str], Iterator[Any]]


@dataclass(frozen=True)
class Item:
    """An item that a document holds: its number in the file, from 1; its start; the document; how much of it (0-1)."""

    item: int
    text: str
    id: str
    url: str | None
    language: str
    share: float


@dataclass(frozen=True)
class Benchmark:
    """A benchmark: its items, those long enough to be told, those found, the documents that hold them.

    dropped: documents that the build itself dropped for it. found: one document for each item, that which holds most.
    """

    name: str
    items: int
    tellable: int
    contaminated: int
    documents: int
    dropped: int
    found: Sequence[Item]


def contamination(out: str, files: Sequence[Path], least: float, walk: Walk) -> list[Benchmark]:
    """What the corpus of a finished build holds of benchmarks, from `least` of an item on.

    Raises PipelineError for a folder without a build, and for a file that cannot be read.
    """
    benchmarks = _named(files)
    held = find("stages", "measure").held
    best: dict[str, dict[int, Item]] = {name: {} for name in benchmarks}
    documents: dict[str, int] = dict.fromkeys(benchmarks, 0)
    columns = ["id", "url", "language", "text"]
    for shard in walk(account.files(out, "corpus"), "shards"):
        for batch in tables.scan(shard, columns, rows=256):
            rows = batch.drop_columns(["text"]).to_pylist()
            for name, (row, item, share) in held(batch["text"], benchmarks).items():
                enough = share >= least
                documents[name] += len(set(row[enough].tolist()))
                for at, number, part in zip(*(one[enough].tolist() for one in (row, item, share)), strict=True):
                    _keep(best[name], number, part, rows[at])
    dropped = account.account(out)["dropped"]
    return [_benchmark(name, path, best[name], documents[name], dropped) for name, path in benchmarks.items()]


def _named(files: Sequence[Path]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for path in files:
        if path.stem in named:
            raise PipelineError(
                f"{path}: a benchmark is called {path.stem} already", "give each file a name of its own"
            )
        if not path.is_file():
            raise PipelineError(
                f"{path}: there is no such file", "give a file of a benchmark: .txt, .jsonl or .parquet"
            )
        try:
            find("stages", "measure").index(path)
        except ValueError as error:
            raise PipelineError(str(error), "an item a line (.txt, .jsonl in UTF-8) or a row (.parquet)") from error
        named[path.stem] = path
    return named


def _keep(best: dict[int, Item], number: int, share: float, row: Mapping[str, Any]) -> None:
    one = Item(number + 1, "", row["id"].hex(), row["url"], row["language"], round(share, 4))
    if number not in best or (-one.share, one.id) < (-best[number].share, best[number].id):
        best[number] = one


def _benchmark(
    name: str, path: Path, best: Mapping[int, Item], documents: int, dropped: Mapping[str, int]
) -> Benchmark:
    index = find("stages", "measure").index(path)
    found = [replace(one, text=index.texts[number]) for number, one in sorted(best.items())]
    tellable = int((index.sizes > 0).sum())
    gone = dropped.get(f"filter.contamination.{name}", 0)
    return Benchmark(name, len(index.sizes), tellable, len(found), documents, gone, found)
