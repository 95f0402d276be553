"""What pages say in one language: prose of the sample cut and joined anew, phrases of the margins, invented names."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from florilegium.pipeline.sample.content import load
from training.designs.chance import Chance

Phrases = Mapping[str, Sequence[str]]

SENTENCES = re.compile(r"(?<=[.!?…])[\"»”’)]*\s+(?=[^\W\d_])")
YEARS = (2008, 2026)


@dataclass(frozen=True)
class Story:
    """A text that a page points to."""

    headline: str
    summary: str
    section: str
    author: str
    date: str
    time: str


@dataclass(frozen=True)
class Voice:
    """A language. words: its longer ones. letters: which follow two others in them, for invented names."""

    language: str
    html: str
    sentences: Sequence[str]
    titles: Sequence[str]
    phrases: Phrases
    letters: Mapping[str, str]
    starts: Sequence[str]
    words: Sequence[str]

    def halves(self, chance: Chance) -> "tuple[Voice, Voice]":
        """Two voices without a sentence in common: five sentences of eight for the first."""
        told, titles = chance.shuffled(self.sentences), chance.shuffled(self.titles)
        cut, half = len(told) * 5 // 8, len(titles) // 2
        first = replace(self, sentences=told[:cut], titles=titles[:half])
        return first, replace(self, sentences=told[cut:], titles=titles[half:])

    def sentence(self, chance: Chance) -> str:
        """A sentence of the sample, or the beginning of one and the end of another; some words and numbers change."""
        text = chance.pick(self.sentences)
        if chance.maybe(0.6):
            other = chance.pick(self.sentences)
            head, comma, _ = text.partition(", ")
            _, found, tail = other.rpartition(", ")
            text = f"{head}, {tail}" if comma and found else text
        text = re.sub(r"\d", lambda found: found[0] if chance.maybe(0.3) else str(chance.between(1, 9)), text)
        return " ".join(self._other(word, chance) for word in text.split(" "))

    def _other(self, word: str, chance: Chance) -> str:
        if len(word) < 5 or not word.isalpha() or not word.islower() or not chance.maybe(0.18):
            return word
        return chance.pick(self.words)

    def paragraph(self, chance: Chance, low: int = 1, high: int = 5) -> str:
        """Sentences, none twice; now and then one names somebody."""
        told = list(dict.fromkeys(self.sentence(chance) for _ in range(chance.between(low, high))))
        if chance.maybe(0.12):
            mark = chance.pick(("– ", "„", '"', "«", "- "))
            told.append(f"{mark}{self.sentence(chance)} ({self.person(chance)}).")
        return " ".join(told)

    def headline(self, chance: Chance) -> str:
        """A title of the sample, or a clause of a sentence as editors shorten it."""
        if chance.maybe(0.1):
            return chance.pick(self.titles)
        words = self.sentence(chance).rstrip(".!?…").split()
        cut = words[: chance.between(4, 13)]
        text = " ".join(cut).rstrip(",;:–-")
        text = text[0].upper() + text[1:]
        if chance.maybe(0.2):
            text = f"{self.name(chance)}: {text}" if chance.maybe(0.5) else f"{text}. {self.title_end(chance)}"
        return text + chance.pick(("", "", "", "", "", "?", "!", "…"))

    def title_end(self, chance: Chance) -> str:
        """A few words more for a title."""
        words = chance.pick(self.sentences).split()[: chance.between(2, 5)]
        return " ".join(words).rstrip(",;:.!?")

    def summary(self, chance: Chance) -> str:
        """One to three sentences, or a beginning that is cut with dots."""
        text = self.paragraph(chance, 1, chance.pick((1, 1, 2, 3)))
        if chance.maybe(0.3):
            text = " ".join(text.split()[: chance.between(9, 35)]) + chance.pick(("…", "...", " [...]", " …", ""))
        return text

    def story(self, chance: Chance) -> Story:
        """All that a teaser may show."""
        return Story(
            self.headline(chance), self.summary(chance), self.say("sections", chance), self.person(chance),
            self.date(chance), self.clock(chance),
        )  # fmt: skip

    def say(self, key: str, chance: Chance) -> str:
        """A phrase of this kind."""
        return chance.pick(self.phrases[key])

    def says(self, key: str, count: int, chance: Chance) -> list[str]:
        """That many different phrases of this kind; where there are too few, invented words after them."""
        told = chance.some(self.phrases[key], count)
        return told + [self.name(chance) for _ in range(count - len(told))]

    def word(self, chance: Chance) -> str:
        """An invented word of this language's letters."""
        text = chance.pick(self.starts)
        size = chance.between(4, 9)
        while len(text) < size and text[-2:] in self.letters:
            text += chance.pick(self.letters[text[-2:]])
        return text

    def name(self, chance: Chance) -> str:
        """A name of a place, a club, a brand."""
        return " ".join(self.word(chance).capitalize() for _ in range(chance.pick((1, 1, 1, 2))))

    def person(self, chance: Chance) -> str:
        """First and last name."""
        return f"{self.word(chance).capitalize()} {self.word(chance).capitalize()}"

    def date(self, chance: Chance) -> str:
        """A date in one of the ways that pages write it."""
        day, month, year = chance.between(1, 28), chance.between(1, 12), chance.between(*YEARS)
        named = self.phrases["months"][month - 1]
        return chance.pick(
            (
                f"{day:02}.{month:02}.{year}", f"{day}.{month}.{year}", f"{year}-{month:02}-{day:02}",
                f"{day}/{month}/{year}",
                f"{day} {named} {year}", f"{named} {day}, {year}", f"{day}. {named} {year}", f"{day} {named}",
                f"{chance.between(2, 23)} {self.say('ago', chance)}",
            )
        )  # fmt: skip

    def clock(self, chance: Chance) -> str:
        """A time of the day."""
        return f"{chance.between(0, 23):02}:{chance.between(0, 59):02}"


@cache
def languages() -> Sequence[str]:
    """All languages of the sample, and those of `prose/`."""
    return sorted({passage.language for passage in load().passages.values()} | set(_added()))


@cache
def voice(language: str) -> Voice:
    """The voice of a language of the sample or of `prose/`."""
    texts, labels = _told(language)
    sentences = [sentence for _, paragraphs in texts for text in paragraphs for sentence in _sentences(text)]
    titles = [title for title, _ in texts]
    words = sorted(
        {word.lower() for sentence in sentences for word in sentence.split() if word.isalpha() and len(word) > 4}
    )
    letters: dict[str, str] = {}
    for word in words:
        for at in range(len(word) - 2):
            letters[word[at : at + 2]] = letters.get(word[at : at + 2], "") + word[at + 2]
    return Voice(
        language=language,
        html=str(labels["html"]),
        sentences=sentences,
        titles=titles,
        phrases=_phrases(language, titles, labels),
        letters=letters,
        starts=[word[:2] for word in words],
        words=words,
    )


def _told(language: str) -> tuple[Sequence[tuple[str, Sequence[str]]], Mapping[str, object]]:
    """Titles with their paragraphs, and what pages say around them."""
    if language in _added():
        one = _added()[language]
        return [(row["title"], row["text"].strip().split("\n\n")) for row in one["passages"]], one["labels"]
    sample = load()
    own = [passage for passage in sample.passages.values() if passage.language == language]
    return [(passage.title, passage.paragraphs) for passage in own], sample.labels[language]


@cache
def _added() -> Mapping[str, Any]:
    """Languages that the sample has no prose in."""
    folder = files(__package__) / "prose"
    return {path.name.removesuffix(".toml"): tomllib.loads(path.read_text("utf-8")) for path in folder.iterdir()}


def _sentences(text: str) -> list[str]:
    """Cut after full stops; what is too short to be a sentence stays with the one before."""
    told: list[str] = []
    for piece in SENTENCES.split(" ".join(text.split())):
        if told and (len(piece.split()) < 6 or piece[0].islower()):
            told[-1] += " " + piece
        else:
            told.append(piece)
    return told


def _phrases(language: str, titles: Sequence[str], labels: Mapping[str, object]) -> Phrases:
    """Our own phrases, joined with what the sample's pages say around their texts.

    A language without a table of its own speaks in its margins as the one named under `like`: sites of small languages
    often do.
    """
    told = _tables()
    near = told["like"].get(language, language)
    phrases = {key: str(value).split("|") for key, value in told[near].items()}
    for key, value in labels.items():
        more = [str(one) for one in value] if isinstance(value, list) else [str(value)]
        phrases[key] = list(dict.fromkeys([*phrases.get(key, []), *more]))
    phrases["topics"] = list(titles)
    return phrases


@cache
def _tables() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((files(__package__) / "phrases.toml").read_text("utf-8"))
