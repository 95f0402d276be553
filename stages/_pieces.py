"""SentencePiece-style BPE in C: from a tokenizer.json to an engine.

A tokenizer is this engine's if every part of it is known here, value by value; else it is Unsupported. Added tokens,
and normalizers that do not only make blanks, come before it (_added.py). Decoder, truncation and padding have no part
in the ids: they are not looked at. What each part does is written in stages/native/pieces.h.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from florilegium.stages import _added, _native
from florilegium.stages._engine import SMALL, Encoded, Engine, Known, Tables, Unsupported
from florilegium.stages._fronted import NORMAL, Fronted

BLANK = "\u2581"
LIMITS = {"ids": (1 << 20) - 1, "merges": (1 << 24) - 1, "characters of a piece": 512}
"""The packed tables of pieces.h, and how deep the trie is built by recursion."""
Part = Mapping[str, Any]
_Numbers = Any  # an ndarray: numpy's types do not say that it is a Buffer


class Prefix:
    """What stands before a text: enum pieces_prefix."""

    BARE, ALWAYS, UNLESS = range(3)


Prefixes = tuple[int, int, int]
"""Before a text that begins its document, before another, before one that the whole normalizer has been over."""
_SCHEMES: dict[str, Prefixes] = {
    "always": (Prefix.UNLESS, Prefix.UNLESS, Prefix.UNLESS),
    "first": (Prefix.UNLESS, Prefix.BARE, Prefix.BARE),
    "never": (Prefix.BARE, Prefix.BARE, Prefix.BARE),
}


class _Pieces:
    """A model in C with its caches."""

    def __init__(self, model: Any, vocabulary: int, unknown: int | None, fused: bool) -> None:
        """unknown: the token of an unknown character, where that is not its bytes; fused: of a run of such."""
        self._model = model
        self._unknown = unknown
        self._fused = fused
        self.vocabulary = vocabulary

    def encode(self, data: Any, offsets: Any, kinds: Any, threads: int) -> Encoded:
        """See Core."""
        found = _native.pieces_encode(self._model, data, offsets, kinds, threads)
        dtype = np.uint16 if self.vocabulary < SMALL else np.int32
        tokens: NDArray[Any] = np.frombuffer(found[0], dtype)
        ends, hard = (np.frombuffer(one, np.int64) for one in found[1:])
        if self._unknown is not None and tokens.max(initial=0) >= self.vocabulary:
            tokens, ends = _kept(tokens, ends, tokens != self.vocabulary + _REST)
            first = tokens == self.vocabulary + _FIRST
            if self._fused:
                again = np.append(False, first[1:] & first[:-1])
                again[ends[:-1][np.diff(ends) > 0]] = False  # the row before is another text
                tokens, ends = _kept(tokens, ends, ~again)
            tokens[tokens == self.vocabulary + _FIRST] = self._unknown
        return tokens, ends, hard

    def known(self, most: int) -> Known:
        """See Engine."""
        return cast(Known, _native.pieces_known(self._model, most))


_FIRST, _REST = range(2)
"""Behind the ids: of the first byte of an unknown character, and of its other bytes, where these are no tokens."""
_NO_TEXT = "\ue000\ue001"
"""Their pieces, which merges never make."""


def _kept(
    tokens: NDArray[Any], ends: NDArray[np.int64], kept: NDArray[np.bool_]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    return tokens[kept], np.append(0, np.cumsum(kept))[ends]


def tables(tokenizer: dict[str, Any]) -> Tables:
    """Pieces by id, and merges. Raises Unsupported, naming the part, for what the engine cannot reproduce exactly."""
    model = tokenizer.get("model") or {}
    _check_model(model)
    vocabulary: dict[str, int] = model["vocab"]
    if BLANK not in vocabulary:
        raise Unsupported(f"vocabulary: no piece for a blank ({BLANK})")
    if (longest := max(map(len, vocabulary))) > LIMITS["characters of a piece"]:
        raise Unsupported(f"vocabulary: a piece of {longest} characters")
    added = tokenizer.get("added_tokens") or []
    _added.check(added, vocabulary)
    size = 1 + max([*vocabulary.values(), *(token["id"] for token in added)])
    if size > LIMITS["ids"]:
        raise Unsupported(f"vocabulary: ids up to {size}")
    pieces = [""] * size
    for piece, number in vocabulary.items():
        pieces[number] = piece
    if model.get("byte_fallback"):
        singles = _bytes(vocabulary)
        never = singles
        unknown = np.empty(0, np.uint32)
    else:
        pieces += [_NO_TEXT, _NO_TEXT]
        singles = np.where(np.arange(256) & 0xC0 == 0x80, size + _REST, size + _FIRST).astype(np.uint32)
        never = unknown = _unknown(model.get("unk_token"), vocabulary)
    text, offsets = _strings(pieces)
    merges = _merges(model["merges"], text, offsets[: size + 1], never)
    found = {"text": np.frombuffer(text, np.uint8), "offsets": offsets, "bytes": singles, "merges": merges.ravel()}
    return found | {"unknown": unknown}


def engine(tokenizer: dict[str, Any], given: Tables, known: Known | None) -> Engine:
    """The engine of a tokenizer.json, whose vocabulary and merges may be left out: they come as `given`.

    known: what a warm start gives. Raises Unsupported, naming the part, for what it cannot reproduce exactly.
    """
    fields = {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor"}
    _only("tokenizer", tokenizer, fields | {"decoder", "model"})
    _expect("tokenizer", tokenizer, version=("1.0",))
    _check_post_processor(tokenizer.get("post_processor"))
    _check_model(tokenizer.get("model") or {})
    prefixes, split = _blanks(tokenizer.get("normalizer"), tokenizer.get("pre_tokenizer"))
    front = _added.front(tokenizer.get("added_tokens") or [], tokenizer.get("normalizer"), native=True)
    scheme = (tokenizer.get("pre_tokenizer") or {}).get("prepend_scheme")
    if scheme == "first" and (front.mask is None or front.candidates or (front.mask and front.normalized)):
        raise Unsupported("pre_tokenizer Metaspace: prepend_scheme 'first' behind a normalizer")
    unknown = int(given["unknown"][0]) if len(given["unknown"]) else None
    size = len(given["offsets"]) - (1 if unknown is None else 3)
    width = 2 if size < SMALL else 4
    pieces = given["text"].data, given["offsets"].data, given["merges"].data, given["bytes"].data
    model = tokenizer.get("model") or {}
    built = _native.pieces_build(*pieces, prefixes, split, width, known)
    core = _Pieces(built, size, unknown, bool(model.get("fuse_unk")))
    if model.get("ignore_merges"):
        if Prefix.BARE in (prefixes if front.mask is None or front.candidates else prefixes[:2]):
            raise Unsupported("model: ignore_merges, and texts that may begin without a blank")
        _check_whole(core, given)
    return Fronted(front, core)


def _check_whole(core: _Pieces, given: Tables) -> None:
    """ignore_merges changes nothing where merges make all pieces that may be a whole text: those behind a blank."""
    text, offsets = given["text"], given["offsets"]
    padded = np.append(text, np.zeros(3, np.uint8))
    ids = np.flatnonzero(np.diff(offsets) >= len(BLANK.encode()))
    for at, byte in enumerate(BLANK.encode()):
        ids = ids[padded[offsets[ids] + at] == byte]
    rows = [text[offsets[one] : offsets[one + 1]].tobytes() for one in ids.tolist()]
    ends = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows)), out=ends[1:])
    kinds = np.full(len(rows), NORMAL, np.int32)
    tokens, found, _ = core.encode(b"".join(rows), ends.data, kinds.data, 1)
    alone = np.diff(found) == 1
    alone[alone] = tokens[found[:-1][alone]] == ids[alone]
    if not alone.all():
        raise Unsupported(f"model: ignore_merges, and merges that do not make {rows[int(np.argmin(alone))].decode()!r}")


def _only(where: str, part: Part, known: Iterable[str]) -> None:
    for field in part:
        if field not in known:
            raise Unsupported(f"{where}: unknown field {field!r}")


def _expect(where: str, part: Part, **allowed: Sequence[Any]) -> None:
    """Each field, null if it is not there, has one of these values; the type counts, True is not 1."""
    for field, values in allowed.items():
        value = part.get(field)
        if not any(value == one and type(value) is type(one) for one in values):
            raise Unsupported(f"{where}: {field} {str(value)[:80]!r}")


def _check_post_processor(part: Part | None) -> None:
    """It adds special tokens, which an engine is not asked for; it must be of a kind that does nothing else."""
    if part is None:
        return
    _expect("post_processor", part, type=("TemplateProcessing", "Sequence"))
    for one in part.get("processors", []):
        _check_post_processor(one)


def _blanks(normalizer: Part | None, pre_tokenizer: Part | None) -> tuple[Prefixes, bool]:
    """What is put before texts, and whether they are split before blanks."""
    always, replaced = False, False
    for part in _added.nodes(normalizer):
        if part["type"] == "Prepend" and _added.is_native(part):
            if always:
                raise Unsupported("normalizer: Prepend twice")
            always = True
        else:  # any other may leave spaces behind
            replaced = part["type"] == "Replace" and _added.is_native(part)
    if pre_tokenizer is None or _is_idle(pre_tokenizer, replaced):
        if not replaced:
            raise Unsupported("normalizer, pre_tokenizer: none makes a blank of a space")
        before = Prefix.ALWAYS if always else Prefix.BARE
        return (before, before, Prefix.BARE), False
    prefixes, split = _metaspace(pre_tokenizer)
    return ((Prefix.ALWAYS, Prefix.ALWAYS, prefixes[2]) if always else prefixes), split


def _is_idle(part: Part, replaced: bool) -> bool:
    """Gemma's: it splits at spaces, of which the normalizer has left none."""
    idle = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    return replaced and dict(part) == idle


def _metaspace(part: Part) -> tuple[Prefixes, bool]:
    """The prefixes and the split of a Metaspace pre-tokenizer."""
    if part.get("type") != "Metaspace":
        raise Unsupported(f"pre_tokenizer: {part.get('type')}")
    where = "pre_tokenizer Metaspace"
    _only(where, part, ("type", "replacement", "add_prefix_space", "prepend_scheme", "split"))
    part = {"prepend_scheme": "always", **part}
    scheme = part["prepend_scheme"]
    _expect(where, part, replacement=(BLANK,), prepend_scheme=("always", "first", "never"), split=(True, False, None))
    _expect(where, part, add_prefix_space=(True, None) if scheme != "never" else (True, False, None))
    return _SCHEMES[scheme], part.get("split") is not False


def _check_model(model: Part) -> None:
    plain = ("dropout", "continuing_subword_prefix", "end_of_word_suffix")
    switches = ("byte_fallback", "fuse_unk", "ignore_merges")
    if model.get("type") != "BPE":
        raise Unsupported(f"model: {model.get('type')}")
    _only("model", model, ("type", "vocab", "merges", "unk_token", *plain, *switches))
    _expect("model", model, dropout=(None,), continuing_subword_prefix=(None, ""), end_of_word_suffix=(None, ""))
    _expect("model", model, byte_fallback=(True, False, None), fuse_unk=(True, False, None))
    _expect("model", model, ignore_merges=(True, False, None))


def _unknown(token: Any, vocabulary: Mapping[str, int]) -> _Numbers:
    """The token of each unknown character."""
    if not isinstance(token, str) or token not in vocabulary:
        raise Unsupported(f"model: no byte_fallback, and unk_token {str(token)[:80]!r} is no piece")
    return np.array([vocabulary[token]], np.uint32)


def _bytes(vocabulary: Mapping[str, int]) -> _Numbers:
    """The token of each byte."""
    names = [f"<0x{byte:02X}>" for byte in range(256)]
    if missing := next((name for name in names if name not in vocabulary), None):
        raise Unsupported(f"vocabulary: byte_fallback without {missing}")
    return np.array([vocabulary[name] for name in names], np.uint32)


def _merges(merges: Sequence[Any], text: bytes, offsets: _Numbers, never: _Numbers) -> _Numbers:
    """Three ids a merge, by rank; of pieces as `_strings` has them. `never` are ids that no merge may have."""
    if len(merges) >= LIMITS["merges"]:
        raise Unsupported(f"merges: {len(merges)}")
    if str in set(map(type, merges)):
        merges = [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]
    if not {2}.issuperset(map(len, merges)):
        raise Unsupported("merges: not all are pairs")
    parts = list(itertools.chain.from_iterable(merges))
    found: _Numbers = np.frombuffer(_native.pieces_ids(text, offsets, *_strings(parts)), np.uint32).reshape(-1, 3)
    if (highest := found.max(initial=0)) >= LIMITS["ids"]:
        rank, side = divmod(int(np.flatnonzero(found == highest)[0]), 3)
        raise Unsupported(f"merges: {[*merges[rank], ''.join(merges[rank])][side][:80]!r} is no piece")
    if len(clash := found[np.isin(found, never, kind="table")]):
        raise Unsupported(f"merges: one with the token of a byte or of what is unknown, {clash[0]}")
    return found


def _strings(texts: Sequence[str]) -> tuple[bytes, _Numbers]:
    """Strings back to back in UTF-8, and their n + 1 offsets."""
    try:
        text = "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise Unsupported("vocabulary, merges: a lone surrogate") from error
    leads = (np.frombuffer(text, np.uint8) & 0xC0) != 0x80
    starts = np.append(np.flatnonzero(leads), len(text))  # of characters, and the end
    counts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=counts[1:])
    return text, starts[counts]
