"""A corpus with known near duplicates: copies of every kind are put in, and exact similarity is computed afterwards."""

import math
import random
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

SHARES = {"unique": 0.387, "exact": 0.155, "surface": 0.013, "edited": 0.269, "boilerplate": 0.039, "template": 0.137}
"""Of the documents, by kind; sources count with their copies."""
TARGETS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Similarities that edited copies are brought to."""
SHINGLE = 5


@dataclass
class Corpus:
    """Documents in the order in which they were made; those of one group may be near duplicates."""

    languages: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    groups: list[list[int]] = field(default_factory=list)

    def add(self, language: str, kind: str, texts: Sequence[str]) -> None:
        """A group."""
        first = len(self.texts)
        self.groups.append(list(range(first, first + len(texts))))
        self.texts += texts
        self.languages += [language] * len(texts)
        self.kinds += [kind] * len(texts)


@dataclass(frozen=True)
class Source:
    """Where texts of a language come from."""

    paragraphs: Sequence[str]
    words: Sequence[str]
    numbers: random.Random

    def draw(self) -> str:
        """Paragraphs of 40 to 1,200 words in all, 240 on average (log-normal)."""
        wanted = min(max(self.numbers.lognormvariate(math.log(180), 0.75), 40), 1200)
        found: list[str] = []
        while wanted > 0:
            found.append(self.numbers.choice(self.paragraphs))
            wanted -= found[-1].count(" ") + 1
        return "\n".join(found)

    def edited(self, text: str, target: float) -> str:
        """Words replaced (60%), removed (20%) and inserted (20%) until the similarity is at most target + .02."""
        words = text.split(" ")
        before = _runs(words)
        while (now := _similarity(before, _runs(words))) > target + 0.02 and len(words) > SHINGLE:
            for _ in range(max(1, int((now - target) * len(words) / 14))):
                at, what = self.numbers.randrange(len(words)), self.numbers.random()
                new = [] if 0.6 <= what < 0.8 else [self.numbers.choice(self.words)]
                words[at : at + (what < 0.8)] = new
        return " ".join(words)


def _runs(words: Sequence[str]) -> set[tuple[str, ...]]:
    return set(zip(*(words[i:] for i in range(SHINGLE)), strict=False))


def _similarity(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    return len(one & other) / max(1, len(one | other))


def _unique(source: Source) -> list[str]:
    return [source.draw()]


def _exact(source: Source) -> list[str]:
    return [source.draw()] * source.numbers.randint(2, 5)


def _surface(source: Source) -> list[str]:
    text = source.draw()
    copies = [text.upper(), text.replace(" ", "  "), f"{text}!!"]
    return [text, *source.numbers.sample(copies, source.numbers.randint(1, 3))]


def _edited(source: Source) -> list[str]:
    text = source.draw()
    targets = source.numbers.sample(TARGETS, source.numbers.choice((1, 1, 2)))
    return [text, *(source.edited(text, target) for target in targets)]


def _boilerplate(source: Source) -> list[str]:
    """The same six lines stand above the texts of a group, each of which is another."""
    lines = "\n".join(source.paragraphs[i] for i in range(6))
    return [f"{lines}\n{source.draw()}" for _ in range(source.numbers.randint(2, 20))]


def _template(source: Source) -> list[str]:
    """One text in ten to thirty versions, of which one word in eight to forty is another."""
    words = source.draw().split(" ")
    slots = source.numbers.sample(range(len(words)), max(1, len(words) // source.numbers.randint(8, 40)))
    versions = []
    for _ in range(source.numbers.randint(10, 30)):
        for slot in slots:
            words[slot] = source.numbers.choice(source.words)
        versions.append(" ".join(words))
    return versions


KINDS: Mapping[str, Callable[[Source], list[str]]] = {
    "unique": _unique,
    "exact": _exact,
    "surface": _surface,
    "edited": _edited,
    "boilerplate": _boilerplate,
    "template": _template,
}


def inject(paragraphs: Mapping[str, Sequence[str]], documents: int, seed: int) -> Corpus:
    """A corpus of about so many documents, the languages in turns."""
    numbers = random.Random(seed)
    sources = [
        (language, Source(own, sorted({word for one in own for word in one.split()}), numbers))
        for language, own in sorted(paragraphs.items())
    ]
    corpus = Corpus()
    for kind, share in SHARES.items():
        until = len(corpus.texts) + share * documents
        while len(corpus.texts) < until:
            language, source = sources[len(corpus.groups) % len(sources)]
            corpus.add(language, kind, KINDS[kind](source))
    return corpus


# ---- exact similarity, by another way than the core's ----

_MARKS = {code: None for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in ("Mn", "Me", "Cf")}
_WORD = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"\d")
_BASE = np.uint64(0x9E3779B97F4A7C15)


def exact_sets(texts: Sequence[str]) -> list[NDArray[np.uint64]]:
    """The different runs of five words of each text, as sorted hashes: of all words where there are fewer.

    Words: letters and digits after case folding, without diacritics, each digit 0.
    """
    ids: dict[str, int] = {}
    return [_hashed([ids.setdefault(word, len(ids) + 1) for word in _words(text)]) for text in texts]


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFD", text.casefold()).translate(_MARKS).replace("ı", "i")
    return _WORD.findall(_DIGIT.sub("0", folded))


def _hashed(words: Sequence[int]) -> NDArray[np.uint64]:
    if not words:
        return np.zeros(0, np.uint64)
    all_words = np.array(words, np.uint64) * np.uint64(0xD6E8FEB86659FD93)
    all_words ^= all_words >> np.uint64(32)
    width = min(SHINGLE, len(words))
    total = np.zeros(len(words) - width + 1, np.uint64)
    for i in range(width):
        total = total * _BASE + all_words[i : len(words) - width + 1 + i]
    return np.unique(total)


def jaccard(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    """Of sorted hashes."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / max(1, len(one) + len(other) - shared)


def exact_pairs(corpus: Corpus, sets: Sequence[NDArray[np.uint64]]) -> Iterator[tuple[int, int, float]]:
    """All pairs of documents of one group, with their similarity."""
    for group in corpus.groups:
        for one, other in combinations(group, 2):
            yield one, other, jaccard(sets[one], sets[other])
