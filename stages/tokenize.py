"""Tokenize: texts to the ids of a tokenizer.json, the same ids as the `tokenizers` library gives."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from florilegium.pipeline.errors import PipelineError
from florilegium.stages import _bytelevel, _pieces, _warm
from florilegium.stages._engine import SMALL, Engine, Known, Unsupported

MOST_UNITS = 400_000
"""In a warm start: some 12 MB, and 5 ms to read. A text of 16 MB in all European languages has about as many."""

_ENGINES = {"bytelevel": _bytelevel, "pieces": _pieces}


class Encoder:
    """A tokenizer.json. What the C engines cannot do exactly is done by `tokenizers`, and `why` says so.

    Beside the file there may be a warm start (`save_warm_start`): it is found by itself, and never changes a token.
    """

    def __init__(self, path: Path, raw: bytes, threads: int) -> None:
        self._path = path
        self._raw = raw
        self._threads = threads
        start = _warm.read(path, raw)
        self.warm = start is not None
        """Whether it began with a warm start."""
        with _panics_named(path):
            self._start, self._engine, self.why = _begun(start) if start else _cold(_read(path, raw))
        """why: None, or a sentence: what keeps the engines from this tokenizer."""
        self.vocabulary = (
            self._engine.vocabulary if self._engine else 1 + max(self._reference.get_vocab().values(), default=0)
        )
        """Ids are below this."""
        self.dtype: type[np.uint16] | type[np.int32] = np.uint16 if self.vocabulary < SMALL else np.int32
        """How tokens are stored."""

    @classmethod
    def from_file(cls, path: str | Path, threads: int = 1) -> "Encoder":
        """The tokenizer of a file. Raises PipelineError when it cannot be read or is no tokenizer."""
        try:
            return cls(Path(path), Path(path).read_bytes(), threads)
        except OSError as error:
            raise PipelineError(
                f"{path}: cannot be read: {error.strerror}", "give the path of a tokenizer.json"
            ) from error

    def save_warm_start(self) -> Path | None:
        """Put a warm start beside the file: what it took to load, and the units of text that were met since.

        Answers its path, or None where `tokenizers` does the work, which has none. Raises OSError where it cannot be
        written.
        """
        if self._engine is None or self._start is None:
            return None
        known = self._engine.known(MOST_UNITS)
        return _warm.write(self._path, self._raw, dataclasses.replace(self._start, known=known))

    @cached_property
    def _reference(self) -> Any:
        """The library's tokenizer. It takes longer to load than many texts take to encode: only where it is asked."""
        from tokenizers import Tokenizer

        try:
            reference = Tokenizer.from_str(self._raw.decode())
        except Exception as error:  # the library raises bare exceptions
            raise PipelineError(
                f"{self._path}: is no tokenizer.json: {error}", "save it anew with `tokenizers`"
            ) from error
        reference.no_truncation()
        reference.no_padding()
        return reference

    def encode(self, texts: "pa.Array[Any]", special_tokens: bool = False) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Tokens of all texts back to back, and n + 1 offsets into them. A null is a text of no tokens.

        special_tokens: with those that the post-processor adds (BOS, EOS). Raises ValueError for invalid UTF-8.
        """
        with _panics_named(self._path):
            return self._encode(texts, special_tokens)

    def _encode(self, texts: "pa.Array[Any]", special_tokens: bool) -> tuple[NDArray[Any], NDArray[np.int64]]:
        data, offsets = _buffers(texts)
        if self._engine is None or special_tokens:
            return self._by_reference(texts.to_pylist(), special_tokens)
        tokens, ends, hard = self._engine.encode(data, offsets, self._threads)
        tokens = tokens.astype(self.dtype, copy=False)
        if not len(hard):
            return tokens, ends
        found, at = self._by_reference(texts.take(pa.array(hard, pa.int64())).to_pylist(), special_tokens)
        return _spliced(tokens, ends, hard, found, at)

    def token(self, name: str) -> int | None:
        """The id of a token by its text (`<eos>`); None if there is none."""
        added = self._start.skeleton.get("added_tokens") if self._start else None
        for one in added or []:
            if one["content"] == name:
                number: int = one["id"]
                return number
        found: int | None = self._reference.token_to_id(name)
        return found

    @property
    def special(self) -> list[str]:
        """The special tokens, by their ids."""
        added = self._reference.get_added_tokens_decoder()
        return [added[number].content for number in sorted(added) if added[number].special]

    def count(self, texts: "pa.Array[Any]") -> NDArray[np.int64]:
        """Tokens of each text, without special ones."""
        return np.diff(self.encode(texts)[1])

    def decode(self, tokens: Sequence[int] | NDArray[Any]) -> str:
        """The text of these tokens, special ones included."""
        text: str = self._reference.decode([int(one) for one in tokens], skip_special_tokens=False)
        return text

    def _by_reference(self, texts: list[str | None], special_tokens: bool) -> tuple[NDArray[Any], NDArray[np.int64]]:
        found = self._reference.encode_batch_fast([text or "" for text in texts], add_special_tokens=special_tokens)
        ids = [np.array([] if text is None else one.ids, self.dtype) for text, one in zip(texts, found, strict=True)]
        offsets = np.zeros(len(ids) + 1, np.int64)
        np.cumsum([len(one) for one in ids], out=offsets[1:])
        return (np.concatenate(ids) if ids else np.empty(0, self.dtype)), offsets


@contextmanager
def _panics_named(path: Path) -> Iterator[None]:
    """The library falls over some files that are not whole, and what Rust raises then is no Exception."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise PipelineError(
            f"{path}: is no tokenizer.json that the `tokenizers` library can use: {error}", "fetch or save it anew"
        ) from error


def _read(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        file = json.loads(raw.decode())
    except UnicodeDecodeError as error:
        raise PipelineError(
            f"{path}: is no tokenizer.json: not UTF-8 at byte {error.start}", "give the path of a tokenizer.json"
        ) from error
    except json.JSONDecodeError as error:
        raise PipelineError(f"{path}: is no tokenizer.json: {error}", "give the path of a tokenizer.json") from error
    return file if isinstance(file, dict) else {}


_Begun = tuple[_warm.Start | None, Engine | None, str | None]

NOTHING: Known = (b"", np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(1, np.int64))
"""No units."""


def _begun(start: _warm.Start) -> _Begun:
    """The engine of a warm start."""
    return start, _ENGINES[start.engine].engine(start.skeleton, start.tables, start.known), None


def _cold(file: dict[str, Any]) -> _Begun:
    """The engine that reproduces this tokenizer, or why there is none."""
    reasons = []
    for name, module in _ENGINES.items():
        try:
            tables = module.tables(file)
            engine = module.engine(file, tables, None)
            return _warm.Start(name, _warm.skeleton(file), tables, NOTHING), engine, None
        except Unsupported as error:
            reasons.append(str(error))
    return None, None, "; ".join(reasons)


def _buffers(texts: "pa.Array[Any]") -> tuple[Any, NDArray[np.int64]]:
    """The bytes of a string array, and offsets that start at 0. A null may have bytes, which are nobody's text."""
    whole: Any = texts.cast(pa.large_string())
    whole = whole.fill_null("") if whole.null_count else whole
    _, offsets, data = whole.buffers()
    if len(whole) == 0:
        return b"", np.zeros(1, np.int64)
    at = np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + len(whole) + 1]
    return (data or pa.py_buffer(b""))[int(at[0]) : int(at[-1])], at - at[0]


def _spliced(
    tokens: NDArray[Any], ends: NDArray[np.int64], rows: NDArray[np.int64], found: NDArray[Any], at: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The tokens with those of some rows, empty until now, put in."""
    counts = np.diff(ends)
    counts[rows] = np.diff(at)
    offsets = np.zeros(len(ends), np.int64)
    np.cumsum(counts, out=offsets[1:])
    return np.insert(tokens, np.repeat(ends[rows], np.diff(at)), found), offsets
