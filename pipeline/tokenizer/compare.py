"""Compare tokenizers on a corpus, by language: tokens a word, bytes a token, parity, tokens of a single byte."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from florilegium.pipeline.stage import find
from florilegium.pipeline.tokenizer.sample import Sample, Walk, silent

REFERENCE = "eng_Latn"
CHUNK = 1 << 20
"""Bytes of text that are encoded at once."""


@dataclass(frozen=True)
class Row:
    """One language, or all: pieces of text, bytes of UTF-8, words without punctuation; of each tokenizer its tokens,
    and how many of them stand for a single byte."""

    language: str
    texts: int
    bytes: int
    words: int
    tokens: tuple[int, ...]
    single: tuple[int, ...]

    def fertility(self, at: int) -> float | None:
        """Tokens a word of the tokenizer at that place; None without words."""
        return self.tokens[at] / self.words if self.words else None

    def density(self, at: int) -> float | None:
        """Bytes of text a token."""
        return self.bytes / self.tokens[at] if self.tokens[at] else None

    def single_share(self, at: int) -> float | None:
        """Share of the tokens that stand for a single byte: an ASCII character, or a part of another one."""
        return self.single[at] / self.tokens[at] if self.tokens[at] else None


@dataclass(frozen=True)
class Compared:
    """A comparison. files: the tokenizers' paths; vocabularies: ids of each are below; rows by language; all: the sum.

    reference: the language that parity is relative to.
    """

    files: tuple[str, ...]
    vocabularies: tuple[int, ...]
    rows: tuple[Row, ...]
    all: Row
    reference: str

    def parity(self, row: Row, at: int) -> float | None:
        """Tokens a word over those of the reference language; 1 is parity, 2 twice as dear. None without a reference.

        The texts are no translations of each other (as in Petrov et al. 2023, arXiv:2305.15425): a language of long
        words shows more than its share, for any tokenizer. Compare tokenizers by it, rather than languages.
        """
        base = next((one.fertility(at) for one in self.rows if one.language == self.reference), None)
        own = row.fertility(at)
        return own / base if own is not None and base else None


def openable(files: Sequence[str]) -> None:
    """Raises PipelineError for a file that is no tokenizer.json: before minutes of other work."""
    for path in files:
        find("stages", "tokenize").Encoder.from_file(path)


def compare(files: Sequence[str], sample: Sample, reference: str = REFERENCE, walk: Walk = silent) -> Compared:
    """Encode a sample with each tokenizer and count. Raises PipelineError for a file that is no tokenizer.json."""
    encoders = [find("stages", "tokenize").Encoder.from_file(path) for path in files]
    masks = [single_bytes(path, encoder.vocabulary) for path, encoder in zip(files, encoders, strict=True)]
    rows = tuple(
        _row(language, sample.texts[language], encoders, masks) for language in walk(list(sample.texts), "comparing")
    )
    both = [(sum(row.tokens[at] for row in rows), sum(row.single[at] for row in rows)) for at in range(len(files))]
    tokens, single = tuple(one for one, _ in both), tuple(one for _, one in both)
    counts = (sum(row.texts for row in rows), sum(row.bytes for row in rows), sum(row.words for row in rows))
    vocabularies = tuple(encoder.vocabulary for encoder in encoders)
    return Compared(tuple(files), vocabularies, rows, Row("all", *counts, tokens, single), reference)


def as_json(found: Compared) -> dict[str, Any]:
    """The comparison as plain values: by language a list with the figures of each tokenizer in the order of `files`."""

    def plain(row: Row) -> dict[str, Any]:
        each = [
            {
                "tokens": row.tokens[at],
                "tokens_a_word": row.fertility(at),
                "bytes_a_token": row.density(at),
                "parity": found.parity(row, at),
                "single_byte": row.single_share(at),
            }
            for at in range(len(found.files))
        ]
        return {"texts": row.texts, "bytes": row.bytes, "words": row.words, "tokenizers": each}

    named = zip(found.files, found.vocabularies, strict=True)
    return {
        "tokenizers": [{"file": file, "vocabulary": vocabulary} for file, vocabulary in named],
        "reference": found.reference,
        "languages": {row.language: plain(row) for row in found.rows},
        "all": plain(found.all),
    }


def single_bytes(path: str, vocabulary: int) -> NDArray[np.bool_]:
    """Which ids of a tokenizer.json stand for a single byte of text."""
    from tokenizers import Tokenizer

    text = Path(path).read_text("utf-8")
    tokenizer = json.loads(text)
    parts = {*_types(tokenizer.get("pre_tokenizer")), *_types(tokenizer.get("decoder"))}
    name_bytes: Callable[[str], int] = len if "ByteLevel" in parts else _piece_bytes
    mask = np.zeros(vocabulary, np.bool_)
    for name, number in Tokenizer.from_str(text).get_vocab(with_added_tokens=False).items():
        mask[number] = name_bytes(name) == 1
    return mask


def _piece_bytes(name: str) -> int:
    return 1 if len(name) == 6 and name.startswith("<0x") else len(name.replace("▁", " ").encode())


def _types(node: Any) -> Iterator[str]:
    """The types of a node and of all below it."""
    if isinstance(node, dict):
        yield str(node.get("type"))
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _types(below)


def _row(language: str, texts: Sequence[str], encoders: Sequence[Any], masks: Sequence[NDArray[np.bool_]]) -> Row:
    split, profile = find("filters", "text").Text, _profile(language)
    tokens, single = [0] * len(encoders), [0] * len(encoders)
    for chunk in _chunks(texts):
        for at, (encoder, mask) in enumerate(zip(encoders, masks, strict=True)):
            found, _ = encoder.encode(pa.array(chunk, pa.large_string()))
            tokens[at] += len(found)
            single[at] += int(mask[found].sum())
    size, words = (
        sum(len(text.encode()) for text in texts),
        sum(len(split(text, profile).plain_words) for text in texts),
    )
    return Row(language, len(texts), size, words, tuple(tokens), tuple(single))


def _chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for text in texts:
        chunk.append(text)
        size += len(text)
        if size > CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _profile(language: str) -> Any:
    """The profile of a language; of a code that is not ours the general one."""
    from florilegium.languages import UNDETERMINED, load

    try:
        return load(language)
    except ValueError:
        return load(UNDETERMINED)
