"""Added tokens and normalizers: from a tokenizer.json to what an engine's `Front` does with texts."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from florilegium.stages._engine import Unsupported
from florilegium.stages._splits import fields, flag
from florilegium.stages.native.unicode import LOWER, NFC, NFKC

BLANK = "\u2581"
MASKS = {"NFC": 1 << NFC, "NFKC": 1 << NFKC, "Lowercase": 1 << LOWER}
"""Normalizers of which it is known what they leave alone: texts without a code point that has the bit."""
_NORMALIZERS = {
    **{kind: {"type"} for kind in (*MASKS, "NFD", "NFKD", "StripAccents", "Nmt")},
    "Strip": {"type", "strip_left", "strip_right"},
    "Prepend": {"type", "prepend"},
    "Replace": {"type", "pattern", "content"},
    "Precompiled": {"type", "precompiled_charsmap"},
    "BertNormalizer": {"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"},
}
_ADDED = {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"}
FLAGS = {"single_word": 1, "lstrip": 2, "rstrip": 4}
"""enum added_flag."""
_LONGEST = 2000
"""Characters of an added token: the core makes its trie by recursion."""
_VARIANTS = 64
"""Spellings of added tokens, blanks being spaces or U+2581, that are looked for one by one."""

Token = tuple[bytes, int, int]
"""Text, id, flags."""


@dataclass(frozen=True)
class Front:
    """What is done to documents before an engine, in plain values.

    tokens: added tokens looked for in the text as it stands. normalized: those looked for behind the normalizer, as it
    leaves them. normalizer: its JSON, for the library; without what the core does, where there is a mask and there are
    no candidates. mask: bits of the code points that it may change, or None: it goes over every text. candidates: where
    one of these stands, it goes over the whole text.
    """

    tokens: tuple[Token, ...] = ()
    normalized: tuple[Token, ...] = ()
    normalizer: str | None = None
    mask: int | None = 0
    candidates: tuple[bytes, ...] = ()
    space: bool = False
    """Before each text that does not begin with a space, one is put."""


def library(normalizer: str | None) -> Any:
    """The library's normalizer of this JSON. Raises Unsupported for what it does not read."""
    from tokenizers import Tokenizer

    model = {"type": "BPE", "vocab": {}, "merges": []}
    file = {"version": "1.0", "added_tokens": [], "model": model, "normalizer": json.loads(normalizer or "null")}
    try:
        return Tokenizer.from_str(json.dumps(file)).normalizer
    except Exception as error:  # the library raises bare exceptions
        raise Unsupported(f"normalizer: {error}") from error


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """The normalizers in order, sequences opened, all of them known. Raises Unsupported, naming the part."""
    if node is None:
        return
    kind = node.get("type") if isinstance(node, dict) else node
    if kind == "Sequence":
        fields(node, "normalizer Sequence", {"type", "normalizers"})
        for one in node.get("normalizers", []):
            yield from nodes(one)
    elif kind in _NORMALIZERS:
        fields(node, f"normalizer {kind}", _NORMALIZERS[kind])
        yield node
    else:
        raise Unsupported(f"normalizer {kind}")


def front(tokens: Sequence[dict[str, Any]], normalizer: Any, *, native: bool, space: bool = False) -> Front:
    """What comes before an engine. Raises Unsupported, naming the part. tokens: as `check` has found them to be.

    native: putting a blank before a text and making blanks of spaces, where the normalizer does so, is the core's work
    in all texts that the normalizer need not go over.
    """
    rest = [node for node in nodes(normalizer) if not (native and is_native(node))]
    mask = _mask(rest)
    spelled = json.dumps(normalizer) if normalizer is not None else None
    given = [_flags(token) | {"content": token["content"], "id": token["id"]} for token in tokens]
    whole = library(spelled) if spelled and (mask is None or any(one["normalized"] for one in given)) else None
    found: dict[bool, dict[bytes, Token]] = {True: {}, False: {}}
    candidates: set[str] = set()
    for one in sorted(given, key=lambda one: not one["special"]):  # of two that become alike the first counts
        text = whole.normalize_str(one["content"]) if whole and one["normalized"] else one["content"]
        if not text:
            raise Unsupported(f"added token {one['content']!r}: nothing of it is left by the normalizer")
        flags = sum(bit for name, bit in FLAGS.items() if one[name])
        found[one["normalized"]].setdefault(text.encode(), (text.encode(), one["id"], flags))
        if one["normalized"] and any(is_native(node) for node in nodes(normalizer)):
            candidates.update(_spellings(text))
    if len(candidates) > _VARIANTS * max(1, len(found[True])) or "" in candidates:
        mask, candidates = None, set()
    texts = tuple(sorted(text.encode() for text in candidates)) if mask is not None else ()
    if mask is not None and not texts:
        spelled = json.dumps({"type": "Sequence", "normalizers": rest}) if mask else None
    return Front(tuple(found[False].values()), tuple(found[True].values()), spelled, mask, texts, space)


def is_native(node: Mapping[str, Any]) -> bool:
    """Whether the core for pieces can do what this normalizer does."""
    if node["type"] == "Prepend":
        return bool(node.get("prepend") == BLANK)
    return bool(node["type"] == "Replace" and (node.get("pattern"), node.get("content")) == ({"String": " "}, BLANK))


def _mask(parts: Sequence[dict[str, Any]]) -> int | None:
    mask = 0
    for node in parts:
        if node["type"] not in MASKS:
            return None
        mask |= MASKS[node["type"]]
    return mask


def _spellings(text: str) -> Iterator[str]:
    """How what is `text` behind the normalizer may stand in a document, without the blank that it may put before."""
    text = text.removeprefix(BLANK)
    if text.count(BLANK) > _VARIANTS.bit_length() - 1:
        return iter([""])
    return map("".join, itertools.product(*((" ", BLANK) if one == BLANK else (one,) for one in text)))


def check(tokens: Sequence[dict[str, Any]], vocabulary: Mapping[str, int]) -> None:
    """Raises Unsupported for added tokens with what is not known here, or with ids that are not the library's."""
    numbers: dict[str, int] = {}
    last = -1
    for token in tokens:
        fields(token, "added token", _ADDED)
        _flags(token)
        text = token.get("content")
        if not isinstance(text, str) or not text or len(text) > _LONGEST:
            raise Unsupported(f"added token {str(text)[:80]!r}")
        number = numbers.get(text, vocabulary.get(text, max(last + 1, len(vocabulary))))
        if token.get("id") != number:
            raise Unsupported(f"added token {text!r}: its id is {token.get('id')}, the library gives it {number}")
        numbers[text] = number
        last = max(last, number)
    if len(set(numbers.values())) < len(tokens):
        raise Unsupported("added tokens: two of them have the same id")


def _flags(token: Mapping[str, Any]) -> dict[str, Any]:
    return {name: flag(token, name, "added token", name == "normalized") for name in sorted(_ADDED - {"id", "content"})}
