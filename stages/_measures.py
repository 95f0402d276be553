"""The measures that the C core takes of texts, all in one pass (`stages/native/measure.h`), as Arrow columns."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from florilegium.filters.vocabulary import UNKNOWN
from florilegium.languages import load, scripts
from florilegium.stages import _native
from florilegium.stages.native.letters import SCRIPTS

LOREM_IPSUM = "lorem ipsum"
"""The first phrase of a profile of the core, which counts for itself (`filters/tells.py`)."""
NO_LOG = 1.0
"""In the place of a logarithm: the word is in no list of frequencies."""


class Measured(NamedTuple):
    """Measures (float32) by their names, words and characters (int64) of texts; null where there is no text."""

    measures: dict[str, Any]
    words: Any
    characters: Any


def measured(texts: Any, codes: Sequence[str]) -> Measured:
    """Measures of an Arrow array of large strings, each by the profile of its language."""
    rows = len(texts)
    profiles = {code: number for number, code in enumerate(dict.fromkeys(codes))}
    chosen = np.fromiter((profiles[code] for code in codes), np.int32, rows)
    valid = np.ones(rows, bool) if not texts.null_count else np.asarray(texts.is_valid())
    chosen[~valid] = -1
    matrix, counts = _native.measure(*_buffers(texts), chosen.data, tuple(map(_profile, profiles)))
    mask = None if valid.all() else pa.array(valid).buffers()[1]
    whole, both = pa.py_buffer(matrix), np.frombuffer(counts, np.int64).reshape(rows, 2)
    columns = {
        name: pa.Array.from_buffers(pa.float32(), rows, [mask, whole[4 * rows * number : 4 * rows * (number + 1)]])
        for number, name in enumerate(taken())
    }
    return Measured(columns, pa.array(both[:, 0], mask=~valid), pa.array(both[:, 1], mask=~valid))


def hashes(texts: Any, by_hand: Callable[[str], bytes]) -> Any:
    """The hashes of an Arrow array of large strings, null where there is no text; by hand where the core leaves it."""
    found, left = _native.measure_hashes(*_buffers(texts))
    for row in np.flatnonzero(np.frombuffer(left, np.uint8)).tolist():
        found[16 * row : 16 * (row + 1)] = by_hand(texts[row].as_py() or "")
    mask = pa.array(np.asarray(texts.is_valid())).buffers()[1] if texts.null_count else None
    return pa.Array.from_buffers(pa.binary(16), len(texts), [mask, pa.py_buffer(found)])


def _buffers(texts: Any) -> tuple[Any, Any]:
    """Data and offsets as the core takes them."""
    _, offsets, data = texts.buffers()
    return data or b"", offsets[8 * texts.offset : 8 * (texts.offset + len(texts) + 1)] if len(texts) else bytes(8)


@cache
def taken() -> tuple[str, ...]:
    """The measures that the core takes."""
    return _native.measure_names()


@cache
def _profile(code: str) -> object:
    """What the core has to know of a language."""
    language = load(code)
    phrases = [phrase.split(" ") for phrase in (LOREM_IPSUM, *language.tells)]
    known = language.frequencies
    words = sorted({*language.stop_words, *known, *(word for phrase in phrases for word in phrase)})
    numbers = {word: number for number, word in enumerate(words)}
    texts = [word.encode() for word in words]
    script = language.script
    own = scripts.MIXED.get(script, (script,) if script in scripts.NAMES.values() else ())
    return _native.measure_profile(
        np.array([ord(end) for end in language.sentence_ends], np.uint32).data,
        sum(1 << SCRIPTS.index(one) for one in own),
        b"".join(texts),
        _offsets(texts),
        np.array([math.log(known[word]) if word in known else NO_LOG for word in words], np.float64).data,
        np.array([word in language.stop_words for word in words], np.uint8).data,
        math.log(UNKNOWN),
        bool(known),
        np.array([numbers[word] for phrase in phrases for word in phrase], np.uint32).data,
        _offsets(phrases),
    )


def _offsets(parts: Sequence[Sequence[object]]) -> Any:
    return np.array(list(accumulate(map(len, parts), initial=0)), np.int64).data
