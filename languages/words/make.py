"""Make the word lists of this folder from the package wordfreq, which must be installed: see README.md.

    python languages/words/make.py deu_Latn fra_Latn ...

A list has the most frequent words of a language, lower case and in composed form, with their occurrences per million
words. What the pipeline splits (`dell'arte`) gives its count to its parts; what holds no letter is left out.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

WORDS = 3000
"""Length of a list."""
READ = 50_000
"""Words read of wordfreq's list, so that the parts of split words add up."""

SHARP = (
    "anschließend", "ausschließlich", "außen", "außer", "außerdem", "außerhalb", "bloß", "draußen", "fuß",
    "fußball", "gemäß", "genießen", "groß", "großartig", "großbritannien", "große", "großen", "großer", "großes",
    "größe", "größer", "größere", "größeren", "größerer", "größte", "größten", "heiß", "heiße", "heißen", "heißt",
    "hieß", "ließ", "ließen", "maß", "maßnahmen", "regelmäßig", "saß", "scheiß", "scheiße", "schließen",
    "schließlich", "schließt", "spaß", "straße", "straßen", "süß", "weiß", "weiße", "weißen", "weißt", "äußerst",
)  # fmt: skip
"""German words with ß, which wordfreq writes as ss. Where both are words (Masse, Maße), the list keeps ss."""


def unfolded(word: str, code: str) -> str:
    """A word of wordfreq, which is case folded, as lower case writes it: `της` for `τησ`, `groß` for `gross`."""
    if code == "deu_Latn":
        return next((sharp for sharp in SHARP if sharp.replace("ß", "ss") == word), word)
    return re.sub("σ$", "ς", word) if code == "ell_Grek" else word


def top(frequencies: Mapping[str, float], count: int = WORDS) -> dict[str, float]:
    """The most frequent words by occurrences per million, the most frequent first, equals in the order of letters.

    frequencies: relative frequency by word, as wordfreq has it.
    """
    found: dict[str, float] = {}
    for word, frequency in frequencies.items():
        for part in re.findall(r"\w+", unicodedata.normalize("NFC", word).lower()):
            if any(map(str.isalpha, part)):
                found[part] = found.get(part, 0.0) + frequency * 1e6
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0]))[:count])


def main(codes: Iterable[str]) -> None:
    """Write `<code>.txt` for each language that wordfreq has."""
    from wordfreq import available_languages, top_n_list, word_frequency  # type: ignore[import-not-found]

    from florilegium.languages import load

    for code in codes:
        name = load(code).iso639_1 or code[:3]
        if name not in available_languages("best"):
            print(f"{code}: wordfreq has no list")
            continue
        words = {unfolded(word, code): word_frequency(word, name) for word in top_n_list(name, READ)}
        lines = [f"{word}\t{per_million:.1f}\n" for word, per_million in top(words).items()]
        Path(__file__).with_name(f"{code}.txt").write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
