"""Writes unicode.h: the classes of every code point as the `tokenizers` library itself sees them.

usage: python -m florilegium.stages.native.unicode > stages/native/unicode.h

Python's own tables are of another version of Unicode (its letters differ in thousands of places), so nothing here asks
Python: each class is what the library's own Split, Digits, Punctuation and normalizers do to each code point. A test
runs this anew and compares, so that an upgrade of the library is noticed.
"""

import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

LIMIT = 0x110000
SURROGATES = range(0xD800, 0xE000)
CATEGORIES = (r"\p{Lu}", r"\p{Ll}", r"\p{Lt}", r"\p{Lm}", r"\p{Lo}", r"\p{M}", r"\p{N}", r"\s", r"\p{P}", r"\p{S}")
"""Bits 0 to 9: what these match in the regular expressions of the library."""
NUMERIC, PUNCTUATION, NFC, NFKC, LOWER, WORD = range(10, 16)
"""Bits 10 to 15: split off by Digits, by Punctuation; may change, or change what is beside it, under a normalizer; is
in words, so that no added token that must be a single word is found beside it."""
STEP = 0x4000
"""Code points looked at in one call."""


def _steps() -> Iterator[list[int]]:
    for first in range(0, LIMIT, STEP):
        yield [code for code in range(first, first + STEP) if code not in SURROGATES]


def _matched(pattern: str) -> Iterator[int]:
    split = pre_tokenizers.Split(Regex(f"{pattern}+"), "removed", invert=True)
    for codes in _steps():
        for _, (begin, end) in split.pre_tokenize_str("".join(map(chr, codes))) if codes else ():
            yield from codes[begin:end]


def _split_off(splitter: pre_tokenizers.PreTokenizer) -> Iterator[int]:
    """Each stands between two letters: what comes out alone is split off."""
    for codes in _steps():
        text = "a" + "".join(f"{chr(code)}a" for code in codes)
        for _, (begin, end) in splitter.pre_tokenize_str(text):
            if end - begin == 1 and begin % 2:
                yield codes[begin // 2]


def _changed(normalizer: normalizers.Normalizer, before: str = "", after: str = "") -> Iterator[int]:
    """Code points that do not stay as they are between two others. Lines keep them apart from each other."""
    for codes in _steps():
        texts = [before + chr(code) + after for code in codes if code != 0x0A]
        found = normalizer.normalize_str("\n".join(texts)).split("\n")
        for code, text, new in zip([code for code in codes if code != 0x0A], texts, found, strict=True):
            if text != new:
                yield code


def _unstable(compose: normalizers.Normalizer) -> set[int]:
    """Code points that a normal form changes, moves or joins to the one before; text without any is in that form.

    Moved are those of a combining class that is not 0: they go before U+0345 (class 240) or behind U+0334 (class 1).
    Joined are those that stand behind the first in some canonical decomposition: what a compatible one takes apart is
    never put together again.
    """
    found = set(_changed(compose))
    found.update(_changed(compose, before="x\u0345"))
    found.update(_changed(compose, after="\u0334"))
    for codes in _steps():
        texts = normalizers.NFD().normalize_str("\n".join(chr(code) for code in codes if code != 0x0A)).split("\n")
        found.update(ord(one) for text in texts for one in text[1:])
    return found


def _in_words() -> Iterator[int]:
    """Each stands before an added token, which is not found there if the two are one word."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.add_tokens([AddedToken("<>", single_word=True, normalized=False)])
    for codes in _steps():
        text = "".join(f"{chr(code)}<>." for code in codes)
        alone = {begin for begin, _ in tokenizer.encode(text).offsets}
        yield from (code for at, code in enumerate(codes) if 4 * at + 1 not in alone)


def table() -> NDArray[np.uint16]:
    """The bits of each code point; surrogates have none."""
    bits = np.zeros(LIMIT, np.uint16)
    sets: dict[int, Iterator[int] | set[int]] = {bit: _matched(pattern) for bit, pattern in enumerate(CATEGORIES)}
    sets[NUMERIC] = _split_off(pre_tokenizers.Digits(individual_digits=True))
    sets[PUNCTUATION] = _split_off(pre_tokenizers.Punctuation("isolated"))
    sets[NFC] = _unstable(normalizers.NFC())
    sets[NFKC] = _unstable(normalizers.NFKC())
    sets[LOWER] = set(_changed(normalizers.Lowercase()))
    sets[WORD] = _in_words()
    for bit, codes in sets.items():
        bits[np.fromiter(codes, np.int64)] |= np.uint16(1 << bit)
    return bits


def header() -> str:
    """unicode.h: runs of code points of the same bits."""
    bits = table()
    first = np.flatnonzero(np.diff(bits, prepend=bits[0] ^ 1))
    runs = [f"{{0x{code:X}, 0x{bits[code]:X}}}," for code in first]
    lines, line = [], "   "
    for run in runs:
        if len(line) + len(run) >= 118:
            lines.append(line)
            line = "   "
        line += " " + run
    body = "\n".join([*lines, line])
    return f"""\
/* Generated by unicode.py from the tokenizers library; do not edit. What the bits mean: CATEGORIES and below there.
 * A run goes from its first code point to the next run's. */
#ifndef FLORILEGIUM_UNICODE_H
#define FLORILEGIUM_UNICODE_H

#include <stdint.h>

#define UNICODE_LIMIT 0x110000

static const struct unicode_run {{
    uint32_t first;
    uint16_t bits;
}} unicode_runs[] = {{
{body}
}};

#endif
"""


if __name__ == "__main__":
    sys.stdout.write(header())
