"""What leaves a text: exactly the lines that were named, the phrases at its ends, and nothing uncounted."""

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from florilegium.filters.edit import NOTHING, Kind, c4, folded, phrase, removal, without

PHRASES = frozenset({"home", "skip to content", "accept all cookies"})
WORDS = (
    "",
    " ",
    "\t\u00a0",
    "Home",
    "» Skip  to content",
    "Accept all cookies!",
    "Menu | News",
    "Prose that stays.",
    "12",
)
TEXTS = st.lists(st.sampled_from(WORDS) | st.text(max_size=6), max_size=14).map("\n".join)

CASES = [
    ("a\nb\nc", {1}, "a\nc", {"template": 1}, {"template": 2}),
    ("a\n\nb\n\nc", {2}, "a\n\nc", {"template": 1}, {"template": 3}),
    ("\n\na\n\nb\n", {2}, "b\n", {"template": 1}, {"template": 5}),
    ("a\n\n\nb", {3}, "a", {"template": 1}, {"template": 4}),
    ("a\nb", {0, 1}, "", {"template": 2}, {"template": 3}),
    ("Home\na\nHome\nb\n\nHome", set(), "a\nHome\nb", {"furniture": 2}, {"furniture": 11}),
    ("x\nHome\na\nx", {0, 3}, "a", {"template": 2, "furniture": 1}, {"template": 4, "furniture": 5}),
    ("Home\n\nAccept all cookies", set(), "", {"furniture": 2}, {"furniture": 24}),
    ("Homes\na", set(), "Homes\na", {}, {}),
    ("Home" + "!" * 196 + "\na", set(), "a", {"furniture": 1}, {"furniture": 201}),
    ("Home" + "!" * 197 + "\na", set(), "Home" + "!" * 197 + "\na", {}, {}),
]


@pytest.mark.parametrize(("text", "templates", "expected", "lines", "characters"), CASES)
def test_what_goes(
    text: str, templates: set[int], expected: str, lines: dict[str, int], characters: dict[str, int]
) -> None:
    found = removal(text, templates, PHRASES)
    assert without(text, found.numbers) == expected
    assert (dict(found.lines), dict(found.characters)) == (lines, characters)


C4 = partial(c4, policy=("privacy policy", "condições de uso"))

C4_LINES = [
    ("Prose of three", None),
    ("two words", "c4_few_words"),
    (" a\u2028b ", "c4_few_words"),
    ("one two - ", None),
    ("x" * 1000 + " is short enough", None),
    ("x" * 1001 + " is not", "c4_long_word"),
    ("x" * 1001, "c4_long_word"),
    ("Please enable JavaScript now.", "c4_javascript"),
    ("JavaScript required", "c4_few_words"),
    ("read our Privacy Policy here", "c4_policy"),
    ("privacy  policy of ours", None),
    ("As Condic\u0327o\u0303es de Uso mudam", "c4_policy"),
]


@pytest.mark.parametrize(("line", "kind"), C4_LINES)
def test_what_c4_removes(line: str, kind: str | None) -> None:
    assert C4(line) == kind


def test_c4_goes_after_templates_and_before_phrases() -> None:
    text = "Menu here\n\nSkip to content\nProse of three.\nShort one\n\nProse that follows.\nOur privacy policy\nHome"
    found = removal(text, {0}, PHRASES, C4)
    assert without(text, found.numbers) == "Prose of three.\nProse that follows."
    assert found.lines == {"template": 1, "furniture": 1, "c4_few_words": 2, "c4_policy": 1}
    assert removal("Two words\n\n", (), (), C4).characters == {"c4_few_words": 11}


@pytest.mark.parametrize("rule", [None, C4])
@given(TEXTS, st.sets(st.integers(0, 13)))
def test_every_line_and_character_is_accounted_for(
    rule: Callable[[str], Kind | None] | None, text: str, templates: set[int]
) -> None:
    found = removal(text, templates, PHRASES, rule)
    final = without(text, found.numbers)
    assert len(text) == len(final) + sum(found.characters.values())
    lines = text.split("\n")
    filled = [at for at, line in enumerate(lines) if folded(line)]
    stays = [at for at in filled if at not in set(found.numbers)]
    assert [line for line in final.split("\n") if folded(line)] == [lines[at] for at in stays]
    assert len(filled) == len(stays) + sum(found.lines.values())
    assert {at for at in filled if at in templates} <= set(found.numbers)
    assert list(found.numbers) == sorted(set(found.numbers))


@given(TEXTS, st.sets(st.integers(0, 13)))
def test_phrases_go_at_the_ends_only(text: str, templates: set[int]) -> None:
    found = removal(text, templates, PHRASES)
    lines = text.split("\n")
    filled = [at for at, line in enumerate(lines) if folded(line) and at not in templates]
    left = [at for at in filled if at not in set(found.numbers)]
    assert [at for at in filled if left and left[0] <= at <= left[-1]] == left
    assert not left or not {phrase(lines[left[0]]), phrase(lines[left[-1]])} & PHRASES


@given(TEXTS, st.sets(st.integers(0, 13)))
def test_nothing_named_is_nothing_changed_and_twice_is_once(text: str, templates: set[int]) -> None:
    assert removal(text, (), ()) is NOTHING
    assert without(text, ()) == text
    final = without(text, removal(text, templates, PHRASES).numbers)
    assert removal(final, (), PHRASES) is NOTHING


@given(st.text())
def test_a_phrase_of_a_phrase_is_itself(line: str) -> None:
    assert phrase(phrase(line)) == phrase(line)
    assert folded(folded(line)) == folded(line) and "\n" not in folded(line)
