"""Make fineweb2.toml, the limits that FineWeb2 published, from its configuration files.

    python languages/fineweb2.py fineweb2-thresholds.json

The JSON file holds `configs/*.yml` of GitHub huggingface/fineweb-2 (d0defb2) as they are, by code under `languages`,
with n-gram limits as objects keyed by n, and under `english_defaults` what the filters have by default.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HEAD = """\
# Thresholds and stop words from FineWeb2 (Penedo et al., 2025), Apache-2.0
# (arXiv:2506.20920, GitHub huggingface/fineweb-2, commit d0defb2).
# Changed: put under our names of the measures; what is off there (0, -1) is left out here; stop words, which hold with
# its own word splitter only, are those of our profiles. No value was altered. What differs: docs/measures.md.
# Made by fineweb2.py.

# What FineWeb2 has in every language, over which stands what follows by language.
[every]
"characters.ellipses" = { high = 0.1 }
"characters.hashes" = { high = 0.1 }
"length.words" = { low = 50, high = 100000 }
"lines.bullets" = { high = 0.9 }
"lines.ellipsis" = { high = 0.3 }
"repetition.duplicate_characters" = { high = 0.1 }
"stop_words.distinct" = { low = 2 }
"""

OFF = (None, 0, -1)
HIGH = {
    "dup_line_frac": "repetition.duplicate_lines",
    "dup_line_char_frac": "repetition.duplicate_line_characters",
    "dup_para_frac": "repetition.duplicate_paragraphs",
    "dup_para_char_frac": "repetition.duplicate_paragraph_characters",
    "char_duplicates_ratio": "repetition.duplicate_characters",
    "new_line_ratio": "lines.line_breaks",
    "short_line_thr": "lines.short",
    "max_avg_word_length": "length.mean_word",
}
LOW = {
    "line_punct_thr": "lines.terminal_punctuation",
    "max_non_alpha_words_ratio": "characters.alphabetic_of_all",  # a minimum, whatever its name says
    "min_avg_word_length": "length.mean_word",
}


def limits(config: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The limits of a language by our measures, sorted, only those that are not off."""
    found: dict[str, dict[str, float]] = {}
    for name, end, value in _given(config):
        if value not in OFF:
            found.setdefault(name, {})[end] = value
    return {name: found[name] for name in sorted(found)}


def _given(config: Mapping[str, Any]) -> Iterator[tuple[str, str, float | None]]:
    for key, name in LOW.items():
        yield name, "low", config.get(key)
    for key, name in HIGH.items():
        yield name, "high", config.get(key)
    for key, name in (("top_n_grams", "top"), ("dup_n_grams", "duplicate")):
        for n, value in config[key].items():
            yield f"repetition.{name}_{n}gram", "high", value


def table(code: str, config: Mapping[str, Any], note: str = "") -> str:
    """The part of the file for one language."""
    rows = [f'"{name}" = {{ {_inline(ends)} }}\n' for name, ends in limits(config).items()]
    return f"\n{note}[{code}]\n" + "".join(rows)


def _inline(ends: Mapping[str, float]) -> str:
    return ", ".join(f"{end} = {value}" for end, value in ends.items())


def main(source: str) -> None:
    """Write fineweb2.toml beside this file."""
    read = json.loads(Path(source).read_text("utf-8"))
    english = "# English has no configuration in FineWeb2: the defaults of the filters, as FineWeb used them.\n"
    parts = {"eng_Latn": table("eng_Latn", read["english_defaults"], english)}
    parts |= {code: table(code, config) for code, config in read["languages"].items()}
    text = HEAD + "".join(parts[code] for code in sorted(parts))
    Path(__file__).with_suffix(".toml").write_text(text, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
