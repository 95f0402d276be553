"""Byte-level BPE (GPT-2, Llama-3, Qwen, Tekken ...) in C: from a tokenizer.json to an engine.

Every field of the file is looked at; what is not known here is refused, never ignored.
"""

from itertools import chain
from typing import Any, cast

import numpy as np

from florilegium.stages import _added, _native
from florilegium.stages._engine import SMALL, Encoded, Engine, Known, Tables, Unsupported
from florilegium.stages._fronted import Fronted
from florilegium.stages._splits import fields, flag, prefix_space, splitters

TABLES = 96 << 20
"""Bytes that the tables of known pretokens may take, of all threads together: 2 million short and 260,000 long ones."""
SPARE = 64
"""BYTELEVEL_SPARE."""

_WHOLE = {
    "version",
    "truncation",
    "padding",
    "added_tokens",
    "normalizer",
    "pre_tokenizer",
    "post_processor",
    "decoder",
}
_MODEL = {
    "type",
    "dropout",
    "unk_token",
    "continuing_subword_prefix",
    "end_of_word_suffix",
    "fuse_unk",
    "byte_fallback",
}
_PAIRS = {
    "BertProcessing": ("sep", "cls"),
    "RobertaProcessing": ("sep", "cls", "trim_offsets", "add_prefix_space"),
}


def tables(tokenizer: dict[str, Any]) -> Tables:
    """Vocabulary and merges. Raises Unsupported, naming the part, for what the engine cannot reproduce exactly."""
    model = tokenizer.get("model")
    kind = model.get("type") if isinstance(model, dict) else model
    if not isinstance(model, dict) or kind != "BPE":
        raise Unsupported(f"model {kind}")
    if not isinstance(model.get("vocab"), dict) or not isinstance(model.get("merges"), list):
        raise Unsupported("model BPE: no vocab and merges")
    vocabulary, merges = model["vocab"], _merges(model["merges"])
    _added.check(tokenizer.get("added_tokens") or [], vocabulary)
    return {
        "vocabulary": np.frombuffer(_strings(vocabulary), np.uint8),
        "ids": np.fromiter(vocabulary.values(), np.int32, len(vocabulary)),
        "merges": np.frombuffer(_strings(merges), np.uint8),
    }


def engine(tokenizer: dict[str, Any], given: Tables, known: Known | None) -> Engine:
    """The engine of a tokenizer.json, whose vocabulary and merges may be left out: they come as `given`.

    known: what a warm start gives. Raises Unsupported, naming the part, for what it cannot reproduce exactly.
    """
    fields(tokenizer, "tokenizer.json", _WHOLE | {"model"})
    if tokenizer.get("version") != "1.0":
        raise Unsupported(f"version {tokenizer.get('version')!r}")
    whole = _check_model(tokenizer["model"])
    _check_post_processor(tokenizer.get("post_processor"))
    parts = [one.given() for one in splitters(tokenizer.get("pre_tokenizer"))]
    space = prefix_space(tokenizer.get("pre_tokenizer"))
    added = tokenizer.get("added_tokens") or []
    front = _added.front(added, tokenizer.get("normalizer"), native=False, space=space)
    size = 1 + max([int(given["ids"].max(initial=0)), *(one["id"] for one in added)])
    try:
        core = _native.bytelevel(
            given["vocabulary"].data,
            given["ids"].data,
            given["merges"].data,
            int(np.count_nonzero(given["merges"] == 0)) // 2,
            whole,
            tuple(parts),
            TABLES,
            size < SMALL,
            known,
        )
    except LookupError as error:
        raise Unsupported(f"model BPE: {error.args[0]}") from error
    return Fronted(front, _ByteLevel(core, size))


class _ByteLevel:
    """A model in C. Its tables of known pretokens live as long as it does."""

    def __init__(self, core: object, vocabulary: int) -> None:
        self._core = core
        self.vocabulary = vocabulary

    def encode(self, data: Any, offsets: Any, kinds: Any, threads: int) -> Encoded:
        """See Core."""
        threads = max(1, min(threads, 64))
        at = np.frombuffer(offsets, np.int64)
        tokens = np.empty(int(at[-1]) + SPARE * threads, np.uint16 if self.vocabulary < SMALL else np.int32)
        ends, hard = np.zeros(len(at), np.int64), np.zeros(len(at) - 1, np.uint8)
        _native.bytelevel_encode(self._core, data, at.data, kinds, tokens.data, ends.data, hard.data, threads)
        return tokens[: ends[-1]], ends, np.flatnonzero(hard)

    def known(self, most: int) -> Known:
        """See Engine."""
        return cast(Known, _native.bytelevel_known(self._core, most))


def _strings(many: Any) -> bytes:
    """Each ended by a zero byte."""
    try:
        text = ("\0".join(many) + "\0").encode() if len(many) else b""
    except UnicodeEncodeError as error:
        raise Unsupported("model BPE: a token with half a surrogate") from error
    if text.count(0) != len(many):
        raise Unsupported("model BPE: a token has a zero byte in it")
    return text


def _check_model(model: dict[str, Any]) -> bool:
    """Refuses what changes the ids; answers ignore_merges."""
    fields(model, "model BPE", _MODEL | {"ignore_merges", "vocab", "merges"})
    if model.get("dropout"):
        raise Unsupported("model BPE: dropout")
    for key in ("continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(key):
            raise Unsupported(f"model BPE: {key}")
    for key in ("fuse_unk", "byte_fallback"):  # of no effect, since every byte is a token
        flag(model, key, "model BPE", False)
    if not isinstance(model.get("unk_token"), str | None):
        raise Unsupported("model BPE: unk_token")
    return flag(model, "ignore_merges", "model BPE", False)


def _merges(merges: list[Any]) -> list[str]:
    """Left and right parts by turns."""
    if merges and isinstance(merges[0], str):
        merges = [one.split(" ") for one in merges]
    if set(map(len, merges)) - {2}:
        raise Unsupported("model BPE: a merge that is no pair")
    return list(chain.from_iterable(merges))


def _check_post_processor(node: Any) -> None:
    """Refuses what changes ids even where no special tokens are asked for."""
    if node is None:
        return
    kind = node.get("type")
    if kind == "Sequence":
        fields(node, "post_processor Sequence", {"type", "processors"})
        for one in node.get("processors", []):
            _check_post_processor(one)
    elif kind == "ByteLevel":
        fields(node, "post_processor ByteLevel", {"type", "add_prefix_space", "trim_offsets", "use_regex"})
    elif kind in _PAIRS:  # these only put special tokens around
        fields(node, f"post_processor {kind}", {"type", *_PAIRS[kind]})
    elif kind == "TemplateProcessing":
        fields(node, "post_processor TemplateProcessing", {"type", "single", "pair", "special_tokens"})
        pieces = [one["Sequence"] for one in node.get("single", []) if "Sequence" in one]
        if [one.get("id") for one in pieces] != ["A"]:
            raise Unsupported("post_processor TemplateProcessing: the text stands not once in single")
    else:
        raise Unsupported(f"post_processor {kind}")
