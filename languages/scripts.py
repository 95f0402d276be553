"""Which scripts a text is written in, by counting its letters."""

import unicodedata
from collections import Counter
from functools import cache

import numpy as np

NAMES = {
    "ARABIC": "Arab", "ARMENIAN": "Armn", "BENGALI": "Beng", "CJK": "Hani", "CYRILLIC": "Cyrl", "DEVANAGARI": "Deva",
    "ETHIOPIC": "Ethi", "GEORGIAN": "Geor", "GREEK": "Grek", "GUJARATI": "Gujr", "GURMUKHI": "Guru", "HANGUL": "Hang",
    "HEBREW": "Hebr", "HIRAGANA": "Hira", "KANNADA": "Knda", "KATAKANA": "Kana", "KHMER": "Khmr", "LAO": "Laoo",
    "LATIN": "Latn", "MALAYALAM": "Mlym", "MYANMAR": "Mymr", "ORIYA": "Orya", "SINHALA": "Sinh", "SYRIAC": "Syrc",
    "TAMIL": "Taml", "TELUGU": "Telu", "THAANA": "Thaa", "THAI": "Thai", "TIBETAN": "Tibt",
}  # fmt: skip
"""First word of a letter's Unicode name -> ISO 15924. Letters of other scripts are `Zyyy`."""

MIXED = {"Jpan": ("Hani", "Hira", "Kana"), "Kore": ("Hang", "Hani"), "Hans": ("Hani",), "Hant": ("Hani",)}
"""ISO 15924 codes for writing systems that use several scripts, or one variant."""

AT_ONCE = 1 << 16
"""Characters counted in one array, so that a long text needs no copy of four times its size."""


def letters(text: str) -> Counter[str]:
    """How many letters of each script a text has: {'Grek': 120, 'Latn': 7}."""
    found: Counter[str] = Counter()
    for start in range(0, len(text), AT_ONCE):
        points = np.frombuffer(text[start : start + AT_ONCE].encode("utf-32-le", "surrogatepass"), np.uint32)
        counts = np.bincount(points)
        codes = np.flatnonzero(counts)
        for code, count in zip(codes.tolist(), counts[codes].tolist(), strict=True):
            script = _script(code)
            if script is not None:
                found[script] += count
    return found


def share(counted: Counter[str], script: str) -> float:
    """The part of the counted letters that this script (or writing system) has; 0 for no letters."""
    total = counted.total()
    return sum(counted[one] for one in MIXED.get(script, (script,))) / total if total else 0.0


@cache
def _script(code: int) -> str | None:
    """Of a code point; null where it is no letter."""
    letter = chr(code)
    return NAMES.get(unicodedata.name(letter, "").partition(" ")[0], "Zyyy") if letter.isalpha() else None
