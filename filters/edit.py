"""Which lines of a text are not its own: templates of its site, phrases of navigation at its ends, what C4 removes.

Only U+000A parts lines. Lines are counted from 0, blank ones included; blank lines are never told of, they go with what
goes before them, or at the ends of a text with what goes there.
"""

import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["template", "furniture", "c4_few_words", "c4_long_word", "c4_javascript", "c4_policy"]
"""template: the line stands on many pages of its site. furniture: a phrase of the language profile. c4_*: by `c4`."""

LONGEST_PHRASE = 200
"""Characters of a line: a longer one is no phrase, whatever stands around it. The profiles' phrases have at most 90."""

FEWEST_WORDS = 3
LONGEST_WORD = 1000
"""C4 (arXiv:1910.10683, 2.2, and its code) removes lines of fewer words, or with a longer one in characters."""


@dataclass(frozen=True)
class Removal:
    """What goes of a text: the numbers of its lines, in order; lines that are not blank, and code points, by kind.

    A line's code points include its line break, as far as the text gets shorter by it.
    """

    numbers: Sequence[int] = ()
    lines: Mapping[Kind, int] = field(default_factory=dict)
    characters: Mapping[Kind, int] = field(default_factory=dict)


NOTHING = Removal()


def folded(line: str) -> str:
    """The line as templates are known by: each run of white space as one blank, none at the ends. Digits stay."""
    return " ".join(line.split())


def phrase(line: str) -> str:
    """The line as phrases are written in the profiles: folded, case folded, from its first to its last letter or digit.

    So `» Skip to content` and `Accept all!` are phrases too.
    """
    line = folded(line).casefold()
    first = next((at for at, character in enumerate(line) if character.isalnum()), len(line))
    behind = next((at for at in range(len(line), first, -1) if line[at - 1].isalnum()), first)
    return line[first:behind]


def c4(line: str, policy: Collection[str]) -> Kind | None:
    """Why C4 (arXiv:1910.10683) removes a line that is not blank; the first reason in this order. None where it stays.

    A word of more than 1,000 characters; fewer than three words; "javascript"; one of these phrases of policies, which
    stand in lower case and composed form. Words are what white space parts, and case does not matter, as in C4.
    """
    words = line.split()
    if max(map(len, words), default=0) > LONGEST_WORD:
        return "c4_long_word"
    if len(words) < FEWEST_WORDS:
        return "c4_few_words"
    lower = unicodedata.normalize("NFC", line).lower()
    if "javascript" in lower:
        return "c4_javascript"
    return "c4_policy" if any(phrase in lower for phrase in policy) else None


def removal(
    text: str,
    templates: Collection[int],
    phrases: Collection[str],
    rule: Callable[[str], Kind | None] | None = None,
) -> Removal:
    """What goes: these template lines wherever they stand; of the others those that the rule names; and then, from both
    ends inwards, lines that are a phrase.
    """
    lines = text.split("\n")
    filled = [at for at, line in enumerate(lines) if line and not line.isspace()]
    chosen = set(templates)
    going: dict[int, Kind] = {at: "template" for at in filled if at in chosen}
    if rule:
        going |= {at: kind for at in filled if at not in going and (kind := rule(lines[at]))}
    left = [at for at in filled if at not in going]
    for ends in (left, left[::-1]) if phrases else ():
        for at in ends:
            if len(lines[at]) > LONGEST_PHRASE or phrase(lines[at]) not in phrases:
                break
            going[at] = "furniture"
    if not going:
        return NOTHING
    return _counted(lines, filled, going)


def without(text: str, numbers: Collection[int]) -> str:
    """The text without these lines. Without the numbers of a Removal it is the final text, empty if nothing is left."""
    gone = set(numbers)
    return "\n".join(line for at, line in enumerate(text.split("\n")) if at not in gone)


def _counted(lines: Sequence[str], filled: Sequence[int], going: Mapping[int, Kind]) -> Removal:
    kept = [at for at in filled if at not in going]
    kinds = _with_blanks(len(lines), set(filled), going, kept)
    counts: dict[Kind, int] = {}
    characters: dict[Kind, int] = {}
    for at, kind in kinds.items():
        counts[kind] = counts.get(kind, 0) + (at in going)
        characters[kind] = characters.get(kind, 0) + len(lines[at]) + 1
    if len(kinds) == len(lines):  # a text of n lines has n - 1 line breaks
        characters[kinds[len(lines) - 1]] -= 1
    return Removal(list(kinds), counts, characters)


def _with_blanks(
    lines: int, filled: Collection[int], going: Mapping[int, Kind], kept: Sequence[int]
) -> dict[int, Kind]:
    """The lines that go and the blank ones that go with them, in order, each with its kind."""
    first, last = (kept[0], kept[-1]) if kept else (lines, -1)
    before, after = next((at for at in going if at < first), None), next((at for at in going if at > last), None)
    found: dict[int, Kind] = {}
    carried: Kind | None = None
    for at in range(lines):
        if at in filled:
            carried = going.get(at)
        elif carried is None and at < first and before is not None:
            carried = going[before]
        elif carried is None and at > last and after is not None:
            carried = going[after]
        if carried is not None:
            found[at] = carried
    return found
