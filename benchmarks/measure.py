"""Measures of texts in C, beside the same in Python and datatrove's filters: CPU time a document.

usage: python benchmarks/measure.py [--texts TEXTS.parquet] [--documents 2000] [--rounds 3]
           [--peer-python .venv-peers/bin/python] [--json OUT.json]

Sides, each in a process of its own, new in each round; what is timed begins when libraries, profiles and word splitters
are loaded and the first documents were seen:

  core              all native measures, batches of 256 documents, from the Arrow array to the columns
  stage             stage measure as a build runs it: also the lines removed, hash, sketch, compression
  by hand           the same measures as `core` by their definitions in filters/*.py
  datatrove         GopherRepetition, GopherQuality, C4, FineWeb one after the other as shipped: words by spaCy
  datatrove, regex  the same with words and sentences by a regular expression; words of a text are split once

Limits of datatrove are out of reach, so that every document pays for every rule, as in ours. Without --texts documents
are made of the sample's passages. A document has 163 words in the mean. Slow sides take every eighth document.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

WORDS = 163
"""In the mean: main texts of a crawl of help pages."""
ROWS = 256
"""As pass measures reads them."""
SPARSE = 8
WARM = 16
"""Documents seen before the clock starts."""

Document = tuple[str, str]
"""Language code and text."""


class Cost(NamedTuple):
    """What a side took."""

    seconds: float
    documents: int
    characters: int


def joined(paragraphs: Sequence[Document]) -> Iterator[Document]:
    """Documents of neighbouring paragraphs of one language."""
    held: list[str] = []
    words = made = 0
    for at, (code, text) in enumerate(paragraphs):
        held.append(text)
        words += len(text.split())
        last = at + 1 == len(paragraphs) or paragraphs[at + 1][0] != code
        if words >= WORDS * (made + 1) or last:
            yield code, "\n\n".join(held)
            held, made = [], made + 1


def documents(texts: str | None, wanted: int) -> list[Document]:
    """As many documents, evenly spread over all languages."""
    from florilegium.languages import codes, load

    if texts:
        import pyarrow.parquet as pq

        table = pq.read_table(texts)
        short = {load(code).iso639_1: code for code in codes()}
        languages: Any = table["language"].to_pylist() if "language" in table.schema.names else [""] * len(table)
        contents: Any = table["text"].to_pylist()
        coded = [short.get(language, language if "_" in language else "und") for language in languages]
        rows: list[Document] = sorted(zip(coded, contents, strict=True), key=lambda row: row[0])
    else:
        from florilegium.pipeline.sample.content import load as sample

        passages = sample().passages.values()
        rows = [(passage.language, text) for passage in passages for text in passage.paragraphs]
    made = list(joined(rows))
    return made[:: max(1, len(made) // wanted)][:wanted]


# ---- sides: each gets documents ready, and then goes through them ----


def core(given: Sequence[Document]) -> Callable[[], object]:
    """From Arrow arrays to columns."""
    import pyarrow as pa

    from florilegium.stages._measures import measured

    batches = [
        (pa.array([text for _, text in part], pa.large_string()), [code for code, _ in part]) for part in parts(given)
    ]
    return lambda: [measured(texts, codes).words for texts, codes in batches]


def stage(given: Sequence[Document]) -> Callable[[], object]:
    """From batches to batches."""
    from florilegium.pipeline.schema import batch
    from florilegium.stages.measure import Measure

    names = ("id", "text", "language", "reason", "reason_value", "reason_limit")
    batches = [
        batch(
            {"id": [bytes(16)] * len(part), "text": [text for _, text in part], "language": [code for code, _ in part]},
            names,
        )
        for part in parts(given)
    ]
    measure = Measure()
    return lambda: [measure(one).num_rows for one in batches]


def by_hand(given: Sequence[Document]) -> Callable[[], object]:
    """The definitions."""
    from florilegium.filters import every_filter
    from florilegium.filters.text import Text
    from florilegium.languages import load
    from florilegium.stages._measures import taken

    filters = [every_filter()[name] for name in taken()]

    def run() -> None:
        for code, content in given:
            text = Text(content, load(code))
            for measure in filters:
                measure(text)

    return run


def datatrove(given: Sequence[Document], splitter: Any = "eng") -> Callable[[], object]:
    """All four filters on each document; C4 may rewrite it for those behind."""
    from datatrove.data import Document as Peer
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    out = 9e9
    filters = [
        GopherRepetitionFilter(
            dup_line_frac=out,
            dup_para_frac=out,
            dup_line_char_frac=out,
            dup_para_char_frac=out,
            top_n_grams=tuple((n, out) for n in (2, 3, 4)),
            dup_n_grams=tuple((n, out) for n in range(5, 11)),
            language=splitter,
        ),
        GopherQualityFilter(
            min_doc_words=-1,
            max_doc_words=out,
            min_avg_word_length=-1,
            max_avg_word_length=out,
            max_symbol_word_ratio=out,
            max_bullet_lines_ratio=out,
            max_ellipsis_lines_ratio=out,
            max_non_alpha_words_ratio=-1,
            min_stop_words=-1,
            language=splitter,
        ),
        C4QualityFilter(filter_no_terminal_punct=False, min_num_sentences=0, language=splitter),
        FineWebQualityFilter(
            line_punct_thr=-1,
            short_line_thr=out,
            char_duplicates_ratio=out,
            new_line_ratio=out,
            language=splitter,
        ),
    ]

    def run() -> None:
        for at, (_, text) in enumerate(given):
            document = Peer(text=text, id=str(at))
            for one in filters:
                one.filter(document)

    return run


def datatrove_regex(given: Sequence[Document]) -> Callable[[], object]:
    """Its own cache remembers the words of the last five texts."""
    import re

    from datatrove.utils.word_tokenizers import WordTokenizer

    words, ends = re.compile(r"\w+|[^\w\s]"), re.compile(r"[.!?…]+(?:\s+|$)")

    class Splitter(WordTokenizer):  # type: ignore[misc]
        def word_tokenize(self, text: str) -> list[str]:
            return words.findall(text)

        def sent_tokenize(self, text: str) -> list[str]:
            return [part for part in ends.split(text) if part]

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            cuts = [0, *(end.end() for end in ends.finditer(text))]
            cuts += [len(text)] if cuts[-1] < len(text) else []
            return list(pairwise(cuts))

    return datatrove(given, Splitter())


def parts(given: Sequence[Document]) -> list[Sequence[Document]]:
    """The documents by batches."""
    return [given[at : at + ROWS] for at in range(0, len(given), ROWS)]


SIDES: dict[str, Callable[[Sequence[Document]], Callable[[], object]]] = {
    "core": core,
    "stage": stage,
    "by hand": by_hand,
    "datatrove": datatrove,
    "datatrove, regex": datatrove_regex,
}
SLOW = ("by hand", "datatrove", "datatrove, regex")


def serve(side: str, path: str) -> None:
    """A side: its cost, as JSON on standard output."""
    given: list[Document] = [(code, text) for code, text in json.loads(Path(path).read_text("utf-8"))]
    given = given[::SPARSE] if side in SLOW else given
    SIDES[side](list({code: (code, text) for code, text in given}.values()) + given[:WARM])()
    run = SIDES[side](given)
    start = time.process_time()
    run()
    seconds = time.process_time() - start
    print(json.dumps(Cost(seconds, len(given), sum(len(text) for _, text in given))))


def one(side: str, path: str, peer_python: str) -> Cost:
    """A side, in a new process with one thread."""
    python = peer_python if side.startswith("datatrove") else sys.executable
    command = ["env", "OPENBLAS_NUM_THREADS=1", python, __file__, "--serve", side, path]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if ran.returncode:
        sys.exit(f"error: side {side!r} failed; its message is above")
    return Cost(*json.loads(ran.stdout.splitlines()[-1]))


def table(rounds: Sequence[dict[str, Cost]]) -> dict[str, dict[str, float]]:
    """Medians over the rounds; ratios are medians of each round's."""

    def micros(cost: Cost) -> float:
        return cost.seconds / cost.documents * 1e6

    return {
        side: {
            "us a document": statistics.median(micros(found[side]) for found in rounds),
            "million characters a second": statistics.median(
                found[side].characters / found[side].seconds / 1e6 for found in rounds
            ),
            "x core": statistics.median(micros(found[side]) / micros(found["core"]) for found in rounds),
            "x stage": statistics.median(micros(found[side]) / micros(found["stage"]) for found in rounds),
        }
        for side in rounds[0]
    }


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--texts", metavar="TEXTS.parquet", help="columns text and, if there is one, language")
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-python", default=".venv-peers/bin/python")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(*chosen.serve)
        return
    given = documents(chosen.texts, chosen.documents)
    words = sum(len(text.split()) for _, text in given)
    size = sum(len(text.encode()) for _, text in given)
    print(f"{len(given):,} documents of {words / len(given):.0f} words and {size / len(given):,.0f} bytes in the mean")
    sides = [side for side in SIDES if Path(chosen.peer_python).exists() or not side.startswith("datatrove")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "documents.json"
        path.write_text(json.dumps(given), "utf-8")
        rounds = [{side: one(side, str(path), chosen.peer_python) for side in sides} for _ in range(chosen.rounds)]
    found = table(rounds)
    kinds = list(found["core"])
    print(f"{'':18}" + "".join(f"{kind:>30}" for kind in kinds))
    for side, row in found.items():
        print(f"{side:18}" + "".join(f"{row[kind]:30,.1f}" for kind in kinds))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
