"""Draw a sample of text from a corpus, balanced over its languages: the same bytes however the corpus is cut in files.

A document is cut in pieces of PIECE bytes, and each piece has a key: a hash of the document's id (of its text where
there is none) and the piece's number. The pieces of a language are drawn in the order of their keys until its quota is
full; the last one is cut to fit. Two walks over the files: the first keeps keys and sizes alone, of each language no
more than could be drawn; the second takes the text.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from florilegium.pipeline import account, store
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.schema import Batch

PIECE = 1 << 16
"""Bytes of text that are drawn at once, so that one book is not the whole sample of its language."""

ROWS = 1024

NO_LANGUAGE = "und"
"""Where a row names no language."""

T = TypeVar("T")


class Walk(Protocol):
    """Goes through items and shows how far it is."""

    def __call__(self, items: Sequence[T], what: str) -> Iterator[T]:
        """The items, in order. what: the work in a word or two."""


def silent(items: Sequence[T], what: str) -> Iterator[T]:
    """A Walk that shows nothing."""
    del what
    return iter(items)


@dataclass(frozen=True)
class Sample:
    """Text by language, languages sorted. held: bytes of text of each language in the corpus; taken: in the sample."""

    texts: Mapping[str, Sequence[str]]
    held: Mapping[str, int]
    taken: Mapping[str, int]


def draw(corpus: str, megabytes: float, alpha: float = 0.0, *, backwards: bool = False, walk: Walk = silent) -> Sample:
    """A sample of at most so many megabytes (10^6 bytes of UTF-8). Raises PipelineError where there is no text.

    corpus: output folder of a build, a folder of Parquet files with `text` and `language`, or one such file.
    alpha: see `quotas`. backwards: by descending keys, so that two samples overlap only where text is short.
    """
    if megabytes <= 0:
        raise PipelineError(f"--megabytes {megabytes:g}: must be more than 0", "give a number such as 100")
    files, budget = parquet_files(corpus), int(megabytes * 1e6)
    keyed = _keyed(walk(files, "measuring"), budget, backwards)
    held = {language: keyed[language].bytes for language in sorted(keyed)}
    if not held:
        raise PipelineError(f"{corpus}: holds no text", "give a corpus that has rows with text")
    wanted = quotas(held, budget, alpha)
    lasts = {language: keyed[language].last(wanted[language]) for language in held}
    drawn: dict[str, list[tuple[int, bytes]]] = {language: [] for language in held}
    for language, key, piece in _pieces(walk(files, "drawing"), backwards):
        if key <= lasts[language]:
            drawn[language].append((key, piece))
    texts = {language: _filled(sorted(pieces), wanted[language]) for language, pieces in drawn.items()}
    taken = {language: sum(len(text.encode()) for text in found) for language, found in texts.items()}
    return Sample(texts, held, taken)


def quotas(held: Mapping[str, int], budget: int, alpha: float) -> dict[str, int]:
    """Bytes to take of each language: in proportion to its bytes to the power of alpha, never more than it has.

    alpha 1 leaves the corpus as it is, 0 gives every language the same (parity), 0.3 stands between (Conneau et al.
    2020, arXiv:1911.02116). A language that has less than its share gives all it has, once, and the rest is shared by
    the others. Quotas sum up to the budget, less one byte a language at most, or to all there is.
    """
    found: dict[str, int] = {}
    waiting, left = dict(sorted(held.items())), budget
    while waiting:
        weights = {language: size**alpha for language, size in waiting.items()}
        part = left / sum(weights.values())
        short = [language for language, size in waiting.items() if part * weights[language] >= size]
        if not short:
            return found | {language: int(part * weight) for language, weight in weights.items()}
        for language in short:
            found[language] = waiting.pop(language)
            left -= found[language]
    return found


def shared(one: Sample, other: Sample) -> list[str]:
    """The languages in which a sample and one drawn backwards may hold the same text."""
    return [
        language
        for language, held in one.held.items()
        if one.taken[language] + other.taken.get(language, 0) + PIECE > held
    ]


def parquet_files(corpus: str) -> list[str]:
    """The Parquet files of a corpus. Raises PipelineError when there are none, and for a build that is not finished."""
    if store.stat(corpus) is not None:
        return [corpus]
    if store.stat(store.join(corpus, "manifest.json")) is not None:
        return account.files(corpus, "corpus")
    if store.is_folder(store.join(corpus, "work")):
        raise PipelineError(
            f"{corpus}: holds a build that is not finished (no manifest.json)",
            "run the same `florilegium build` to its end, or give a folder of Parquet files",
        )
    found = [file.path for file in store.listing(corpus) if file.name.endswith(".parquet")]
    if not found:
        raise PipelineError(
            f"{corpus}: holds no Parquet file", "give the output folder of a build, or a folder of Parquet files"
        )
    return found


@dataclass
class _Keyed:
    """Keys and sizes of a language's pieces: those of the smallest keys, enough to fill the limit, and bytes of all."""

    limit: int
    bytes: int = 0
    waiting: list[tuple[int, int]] = field(default_factory=list)
    keys: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    sizes: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def add(self, key: int, size: int) -> None:
        self.bytes += size
        self.waiting.append((key, size))
        if len(self.waiting) > 10_000 + len(self.keys):
            self._settle()

    def last(self, quota: int) -> int:
        """The largest key that is drawn to fill a quota, which is above 0 and not above the limit."""
        self._settle()
        at = int(np.searchsorted(np.cumsum(self.sizes), quota))
        return int(self.keys[min(at, len(self.keys) - 1)]) if quota and len(self.keys) else -1

    def _settle(self) -> None:
        keys = np.concatenate([self.keys, np.array([key for key, _ in self.waiting], np.uint64)])
        sizes = np.concatenate([self.sizes, np.array([size for _, size in self.waiting], np.int64)])
        order = np.argsort(keys, kind="stable")
        enough = int(np.searchsorted(np.cumsum(sizes[order]), self.limit)) + 1
        self.keys, self.sizes, self.waiting = keys[order[:enough]], sizes[order[:enough]], []


def _keyed(files: Iterator[str], limit: int, backwards: bool) -> dict[str, _Keyed]:
    found: dict[str, _Keyed] = defaultdict(lambda: _Keyed(limit))
    for language, key, piece in _pieces(files, backwards):
        found[language].add(key, len(piece))
    return found


def _filled(pieces: Sequence[tuple[int, bytes]], quota: int) -> list[str]:
    """The texts of pieces, the last one cut so that there are no more bytes than the quota."""
    found: list[str] = []
    for _, piece in pieces:
        part = piece[: _boundary(piece, quota)]
        quota -= len(piece)
        if part:
            found.append(part.decode())
        if quota <= 0:
            break
    return found


def _pieces(files: Iterator[str], backwards: bool) -> Iterator[tuple[str, int, bytes]]:
    """Language, key and UTF-8 of each piece of text."""
    for path in files:
        for batch in _batches(path):
            texts: list[bytes | None] = batch["text"].cast(pa.large_binary()).to_pylist()
            ids = batch["id"].to_pylist() if "id" in batch.schema.names else texts
            for language, name, text in zip(batch["language"].to_pylist(), ids, texts, strict=True):
                if text:
                    yield from _of_document(language or NO_LANGUAGE, text if name is None else name, text, backwards)


def _of_document(language: str, name: Any, text: bytes, backwards: bool) -> Iterator[tuple[str, int, bytes]]:
    named = name if isinstance(name, bytes) else str(name).encode()
    at = number = 0
    while at < len(text):
        end = _boundary(text, at + PIECE)
        found = blake2b(number.to_bytes(8, "little") + named, digest_size=8, person=b"tokenizer").digest()
        key = int.from_bytes(found, "big")
        yield language, key ^ ((1 << 64) - 1) if backwards else key, text[at:end]
        at, number = end, number + 1


def _boundary(text: bytes, at: int) -> int:
    """The last place not behind `at` where a character begins, or the end of the text."""
    if at >= len(text):
        return len(text)
    while at > 0 and text[at] & 0xC0 == 0x80:
        at -= 1
    return at


def _batches(path: str) -> Iterator[Batch]:
    try:
        with store.reading(path) as file, pq.ParquetFile(file, pre_buffer=False) as opened:
            names = opened.schema_arrow.names
            for name in ("text", "language"):
                if name not in names:
                    raise PipelineError(
                        f"{path}: has no column {name!r}, only {', '.join(names)}", f"rename the column to {name!r}"
                    )
            columns = [name for name in ("id", "text", "language") if name in names]
            for batch in opened.iter_batches(batch_size=ROWS, columns=columns, use_threads=False):
                batch["text"].validate(full=True)
                yield batch
    except pa.ArrowException as error:
        raise PipelineError(
            f"{path}: is no Parquet file of UTF-8 text: {str(error).splitlines()[0]}",
            "write the file anew, or leave it out",
        ) from error
