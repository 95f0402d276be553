"""Words and phrases that a user lists (adult, gambling, spam), and how much of a text they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from florilegium.filters.text import Text
from florilegium.languages import UNDETERMINED, load


@dataclass(frozen=True, slots=True)
class WordList:
    """Entries by their first word, each a row of folded words, the longest first."""

    entries: Mapping[str, Sequence[tuple[str, ...]]]


def read_list(path: Path) -> WordList:
    """The list of a UTF-8 file: a word or a phrase a line; blank lines and lines that begin with # say nothing.

    Entries are compared as `Text.folded_words` are: in composed form and lower case, without punctuation. So
    `Poker-Bonus` is `poker` followed by `bonus`. Raises ValueError with the line for one without a letter or
    digit or not in UTF-8, and for a file without entries; OSError as opening does.
    """
    entries: dict[str, set[tuple[str, ...]]] = {}
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if (entry := _entry(line, f"{path}, line {number}")) is not None:
            entries.setdefault(entry[0], set()).add(entry)
    if not entries:
        raise ValueError(f"{path}: there is no word in this list")
    return WordList({first: sorted(same, key=lambda one: (-len(one), one)) for first, same in entries.items()})


def share(text: Text, words: WordList) -> float:
    """Share of the plain words that belong to an entry of the list; no word counts twice. 0 for no words."""
    plain = len(text.folded_words)
    return sum(map(len, _hits(text, words))) / plain if plain else 0.0


def distinct(text: Text, words: WordList) -> float:
    """Different entries of the list that occur."""
    return float(len(set(_hits(text, words))))


def _entry(line: bytes, place: str) -> tuple[str, ...] | None:
    try:
        found = line.decode("utf-8").removeprefix("\ufeff").strip()
    except UnicodeDecodeError:
        raise ValueError(f"{place}: not in UTF-8") from None
    if not found or found.startswith("#"):
        return None
    words = tuple(Text(found, load(UNDETERMINED)).folded_words)
    if not words:
        raise ValueError(f"{place}: {found!r} has no letter and no digit")
    return words


def _hits(text: Text, words: WordList) -> Iterator[tuple[str, ...]]:
    """The entries that occur, from left to right: where several begin, the longest, and the next after its end."""
    plain = text.folded_words
    at = 0
    while at < len(plain):
        here = words.entries.get(plain[at], ())
        hit = next((entry for entry in here if tuple(plain[at : at + len(entry)]) == entry), None)
        if hit:
            yield hit
        at += len(hit) if hit else 1
