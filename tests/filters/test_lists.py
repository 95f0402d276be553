"""Lists of a user: what a file says, what of a text is listed, and what is wrong with a file, by its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from florilegium.filters.lists import WordList, distinct, read_list, share
from florilegium.filters.text import Text
from florilegium.languages import load

CASINO = "\ufeff# chance\r\nCasino\r\n\n  Poker-Bonus  \npoker\nJeux d’argent\nFu\u0308nf\nfree spins\nfree spins now\n"

CASES = [
    ("Das CASINO ist zu.", 1 / 4, 1),
    ("Poker, bonus: poker!", 1, 2),
    ("Pokern im Casinohaus", 0, 0),
    ("les jeux d'argent", 3 / 4, 1),
    ("fünf Fünf", 1, 1),
    ("free spins now, free spins later", 5 / 6, 2),
    ("free free spins", 2 / 3, 1),
    (". . . 😀", 0, 0),
    ("", 0, 0),
    ("casino " * 2000, 1, 1),
]


@pytest.fixture
def casino(tmp_path: Path) -> WordList:
    path = tmp_path / "casino.txt"
    path.write_bytes(CASINO.encode())
    return read_list(path)


@pytest.mark.parametrize(("content", "part", "different"), CASES)
def test_what_is_listed(casino: WordList, content: str, part: float, different: int) -> None:
    text = Text(content, load("deu_Latn"))
    assert share(text, casino) == pytest.approx(part)
    assert distinct(text, casino) == different


FAULTS = [
    (b"casino\n...\n", "line 2: '...' has no letter"),
    (b"casino\n\nb\xf6se\n", "line 3: not in UTF-8"),
    (b"", "no word"),
    (b"# nothing\n\n \n", "no word"),
]


@pytest.mark.parametrize(("raw", "said"), FAULTS)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, raw: bytes, said: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=said) as told:
        read_list(path)
    assert str(path) in str(told.value)


WORDS = st.lists(st.sampled_from(["a", "b", "c", "A!"]), max_size=12)


@given(
    content=WORDS, entries=st.sets(st.tuples(st.sampled_from("ab")) | st.tuples(*map(st.sampled_from, ("ab", "bc"))))
)
def test_as_defined_word_by_word(content: list[str], entries: set[tuple[str, ...]]) -> None:
    """From left to right, the longest entry that begins at a word."""
    by_first = {word: sorted((one for one in entries if one[0] == word), key=len, reverse=True) for word in "ab"}
    words = [word.strip("!").lower() for word in content]
    at = hits = 0
    found = set()
    while at < len(words):
        fitting = [one for one in entries if tuple(words[at : at + len(one)]) == one]
        hit = max(fitting, key=len, default=())
        found |= {hit} if hit else set()
        hits += len(hit)
        at += len(hit) or 1
    text = Text(" ".join(content), load("und"))
    assert share(text, WordList(by_first)) == (hits / len(words) if words else 0)
    assert distinct(text, WordList(by_first)) == len(found)
