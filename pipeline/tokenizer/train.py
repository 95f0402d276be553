"""Train a tokenizer on a balanced sample of a corpus: byte-level or SentencePiece-style BPE, a clean tokenizer.json.

The trainer is that of the `tokenizers` library: given the counts of words it has no choice left (equal pairs go by
their ids), so neither threads nor the order of the texts show in the file.
"""

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from florilegium.pipeline import store
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.store import Stored
from florilegium.pipeline.tokenizer import warm, widths
from florilegium.pipeline.tokenizer.sample import Sample, Walk, draw, silent

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How Llama 3 parts a text in words (tokenizer.json of Meta-Llama-3)."""

SEEN = 2
"""A pair that stands only once in the sample is not merged: it says nothing about other texts."""

UNKNOWN = "<unk>"
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
BLANK = "▁"
"""SentencePiece's names for what is in no piece, for single bytes, and for a space."""

COVERAGE = 0.9995
"""Share of the characters of each language that get a token of their own; the rest is bytes. The default of
SentencePiece's `character_coverage`, there for all languages together, which costs small ones their letters."""


@dataclass(frozen=True)
class Trained:
    """A tokenizer that was written, and what it was trained on."""

    sample: Sample
    stored: Stored


def train(
    corpus: str,
    out: str,
    *,
    vocabulary: int = 32_000,
    kind: str = "llama3",
    balance: str = "parity",
    special: Sequence[str] = ("<eos>",),
    megabytes: float = 100.0,
    walk: Walk = silent,
    say: Callable[[str], None] | None = None,
    bars: bool = False,
) -> Trained:
    """Draw a sample, learn a vocabulary of exactly that size, and write it. For options see the command.

    The same corpus and options give the same file. say: takes a line before the longest work.
    bars: the trainer's own, on standard error.
    Raises PipelineError for a mistake in an option, for too little text, and when the file cannot be written.
    """
    alpha = exponent(balance)
    if kind not in KINDS:
        raise PipelineError(f"--kind {kind}: there is no such kind of tokenizer", f"use one of: {', '.join(KINDS)}")
    _check(special, vocabulary)
    _check_place(out)
    sample = draw(corpus, megabytes, alpha, walk=walk)
    if say is not None:
        if (warning := widths.clash(vocabulary)) is not None:
            say(f"warning: --vocabulary {vocabulary}: {warning}")
        say(f"learning {vocabulary:,} tokens from {sum(sample.taken.values()) / 1e6:,.1f} MB")
    tokenizer = KINDS[kind](sample, vocabulary, list(special), bars)
    _check_learned(tokenizer, vocabulary, special, sum(sample.taken.values()))
    stored = store.put_bytes(out, (json.dumps(tokenizer, ensure_ascii=False, indent=2) + "\n").encode())
    local = store.local_path(out)
    if local is not None:
        warm.from_texts(str(local), _batches(sample))
    return Trained(sample, stored)


def _batches(sample: Sample) -> "Iterator[pa.Array[Any]]":
    """The sample as Arrow has it, a part of MOST bytes of it spread over all languages."""
    part = warm.MOST // len(sample.texts)
    for texts in sample.texts.values():
        taken = itertools.accumulate(map(len, texts), initial=0)
        yield pa.array([text for text, before in zip(texts, taken, strict=False) if before < part], pa.large_string())


def exponent(balance: str) -> float:
    """What the size of a language is raised to: parity 0, none 1, temperature:0.3 that number."""
    named = {"parity": 0.0, "none": 1.0}
    if balance in named:
        return named[balance]
    try:
        word, _, number = balance.partition(":")
        found = float(number)
    except ValueError:
        found = -1.0
    if word != "temperature" or not 0 <= found <= 1:
        raise PipelineError(
            f"--balance {balance}: is no way to balance languages",
            "use parity, none, or temperature:A with A from 0 (as parity) to 1 (as none), such as temperature:0.3",
        )
    return found


def byte_level(pre_tokenizer: Callable[[], Any], ignore_merges: bool) -> "Callable[..., dict[str, Any]]":
    """A kind whose alphabet is the 256 bytes. ignore_merges: a word that is a token is taken whole (Llama 3)."""

    def learn(sample: Sample, vocabulary: int, special: list[str], bars: bool) -> dict[str, Any]:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers

        tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
        tokenizer.pre_tokenizer = pre_tokenizer()
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        texts = _parted(sample, re.compile(_any_of(special)))
        return _learned(tokenizer, texts, vocabulary, special, alphabet=alphabet, bars=bars)

    return learn


def sentencepiece(sample: Sample, vocabulary: int, special: list[str], bars: bool) -> dict[str, Any]:
    """Pieces of characters, bytes where there is none; no piece crosses a space or a line."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN, fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=BLANK, prepend_scheme="always", split=True)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(BLANK, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    named = [*special, *(() if UNKNOWN in special else (UNKNOWN,))]
    letters = characters(sample)
    alphabet = sorted(letters | {BLANK})
    rare = f"[^{re.escape(''.join(sorted(letters)))} ]+"
    texts = _parted(sample, re.compile(f"{_any_of([*named, *BYTES])}|{rare}"))
    found = _learned(tokenizer, texts, vocabulary, [*named, *BYTES], alphabet=alphabet, bars=bars)
    found["added_tokens"] = [one for one in found["added_tokens"] if one["content"] not in BYTES]
    return found


def characters(sample: Sample) -> set[str]:
    """The characters that get a token of their own: the most frequent of each language up to COVERAGE of its text."""
    found: set[str] = set()
    for texts in sample.texts.values():
        counted: Counter[str] = Counter()
        for text in texts:
            counted.update(text)
        for one in " \r\n":
            del counted[one]
        left = COVERAGE * counted.total()
        for letter, times in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
            if left <= 0:
                break
            found.add(letter)
            left -= times
    return found


def _split_llama3() -> Any:
    from tokenizers import Regex, pre_tokenizers

    split = pre_tokenizers.Split(Regex(LLAMA3), "isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def _split_gpt2() -> Any:
    from tokenizers import pre_tokenizers

    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


KINDS: Mapping[str, "Callable[[Sample, int, list[str], bool], dict[str, Any]]"] = {
    "llama3": byte_level(_split_llama3, ignore_merges=True),
    "gpt2": byte_level(_split_gpt2, ignore_merges=False),
    "sentencepiece": sentencepiece,
}
"""How each kind of tokenizer is learned."""


def _learned(
    tokenizer: Any, texts: Iterator[str], vocabulary: int, special: list[str], *, alphabet: list[str], bars: bool
) -> dict[str, Any]:
    from tokenizers import trainers

    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=SEEN,
        show_progress=bars,
        special_tokens=special,
        initial_alphabet=alphabet,
    )
    tokenizer.train_from_iterator(texts, trainer)
    found: dict[str, Any] = json.loads(tokenizer.to_str())
    return found


def _parted(sample: Sample, at: re.Pattern[str]) -> Iterator[str]:
    """The texts without what is no text to the tokenizer: names of its special tokens, characters left to bytes."""
    for texts in sample.texts.values():
        for text in texts:
            yield from filter(None, at.split(text))


def _any_of(names: Sequence[str]) -> str:
    """A pattern for each of these names, the longest first; of none, one that never fits."""
    return "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name))) or "(?!)"


def _check(special: Sequence[str], vocabulary: int) -> None:
    for token, times in Counter(special).items():
        if times > 1:
            raise PipelineError(f"--special {token}: is given {times} times", "give each special token once")
        if not token.strip() or token in BYTES:
            raise PipelineError(
                f"--special {token!r}: cannot be a special token", "use a name that no text holds, such as <eos>"
            )
    least = len(special) + len(BYTES) + 1
    if vocabulary <= least:
        raise PipelineError(
            f"--vocabulary {vocabulary}: leaves no room beside {len(special)} special tokens and the 256 bytes",
            f"give more than {least}; 32000 is usual",
        )


def _check_place(out: str) -> None:
    if store.is_folder(out):
        raise PipelineError(f"--out {out}: is a folder", f"give a file, such as {store.join(out, 'tokenizer.json')}")
    local = store.local_path(out)
    if local is not None and not local.parent.is_dir():
        raise PipelineError(f"--out {out}: there is no folder {local.parent}", f"mkdir -p {local.parent}")


def _check_learned(tokenizer: dict[str, Any], vocabulary: int, special: Sequence[str], size: int) -> None:
    pieces = tokenizer["model"]["vocab"]
    made = {left + right for left, right in tokenizer["model"]["merges"]}
    for token in special:
        if token in made or len(token) == 1:
            raise PipelineError(
                f"--special {token}: is also a piece of the text", "use a name that no text holds, such as <eos>"
            )
    if len(pieces) > vocabulary:
        raise PipelineError(
            f"--vocabulary {vocabulary}: the characters of the corpus alone need {len(pieces):,}",
            f"give more than {len(pieces)}, or a byte-level kind",
        )
    if len(pieces) < vocabulary:
        raise PipelineError(
            f"--vocabulary {vocabulary}: {size / 1e6:,.1f} MB of text give no more than {len(pieces):,} tokens",
            f"give --vocabulary {len(pieces)} or less, or more text (--megabytes, or a larger corpus)",
        )
