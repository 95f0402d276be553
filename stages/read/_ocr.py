"""The text of an ALTO page: blocks in reading order, divided words whole, and how sure the engine was."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from florilegium.stages._print import WORD, joined
from florilegium.stages.read._xml import line, local

HYPHENS = "-\u00ad\u2010\u2e17\u00ac"
"""What ends the first part of a divided word: also the double oblique hyphen and the not sign of old prints."""


@dataclass(slots=True)
class Page:
    """What a page says. confidences: one a String that has one, blank ones too. counts: facts that pages add up."""

    blocks: list[str]
    language: str | None
    confidences: list[float]
    counts: Mapping[str, int]
    engine: str | None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Line:
    """A line of words. hyphen: the last word goes on in the next line, and is given without its hyphen."""

    words: list[str]
    hyphen: bool = False


def page_of(root: Any) -> Page:
    """The text of an `alto` element, of all pages in it."""
    reader = _Reader()
    blocks = [reader.block(one) for one in _ordered(root)]
    known = Counter(word for block in blocks for one in block for text in one.words for word in WORD.findall(text))
    texts = [reader.text(block, known) for block in blocks]
    engine = _engine(root)
    found = {
        "engine": engine,
        "processed": _text(root, "processingDateTime"),
        "image": _text(root, "fileName"),
        "document": _text(root, "documentIdentifier"),
        **{name: _attribute(root, key) for name, key in PAGE.items()},
    }
    return Page(
        [text for text in texts if text],
        reader.languages.most_common(1)[0][0] if reader.languages else None,
        reader.confidences,
        {"hyphens_joined": reader.joined, "hyphens_guessed": reader.guessed, "words": reader.words},
        engine or None,
        {name: value for name, value in found.items() if value},
    )


PAGE = {"page": "PHYSICAL_IMG_NR", "accuracy": "ACCURACY", "quality": "QUALITY"}
"""Facts that are attributes of the page."""


class _Reader:
    """Reads blocks one behind the other; a word may go on from one to the next."""

    def __init__(self) -> None:
        self.confidences: list[float] = []
        self.languages: Counter[str] = Counter()
        self.words = self.joined = self.guessed = 0
        self._whole: str | None = None

    def block(self, block: Any) -> list[_Line]:
        language = block.get("LANG") or block.get("language") or ""
        lines = [one for one in (self._line(one) for one in block.iterfind("{*}TextLine")) if one.words]
        if lines and language:
            self.languages[language] += 1
        return lines

    def text(self, lines: list[_Line], known: Counter[str]) -> str:
        """The lines of a block as one text."""
        text, hyphen = "", False
        for number, one in enumerate(lines):
            words = " ".join(one.words)
            text = joined(text, words, hyphen, known) if number else words
            self.guessed += hyphen
            hyphen = one.hyphen
        return line(f"{text}-" if hyphen else text)

    def _line(self, element: Any) -> _Line:
        found = _Line([])
        for one in element:
            name = local(one)
            if name == "String":
                found.words.extend(self._word(one))
                found.hyphen = False
            elif name == "HYP" and found.words and one.getprevious() is not None:
                found.hyphen = one.getprevious().get("SUBS_TYPE") != "HypPart1"
        last = found.words[-1] if found.words else ""
        if last[-1:] and last[-1] in HYPHENS and last[-2:-1].isalpha() and not self._whole:
            found.hyphen = True
        if found.hyphen:
            found.words[-1] = last.rstrip(HYPHENS) or last
        return found

    def _sure(self, stated: str) -> None:
        try:
            value = float(stated)
        except ValueError:
            return
        if 0 <= value <= 1:
            self.confidences.append(value)

    def _word(self, string: Any) -> Iterator[str]:
        content, whole = string.get("CONTENT", "").strip(), string.get("SUBS_CONTENT", "").strip()
        self._sure(string.get("WC", ""))
        if not content:
            return
        self.words += 1
        part, said = string.get("SUBS_TYPE"), self._whole
        self._whole = whole if part == "HypPart1" and whole else None
        if part == "HypPart2" and said and said == whole:
            return
        self.joined += self._whole is not None
        yield self._whole or content


def _ordered(root: Any) -> list[Any]:
    """The text blocks of the print space, or of the page where it has none, in reading order."""
    blocks = [
        block
        for page in root.iterfind("{*}Layout/{*}Page")
        for space in (page.findall("{*}PrintSpace") or [page])
        for block in space.iter("{*}TextBlock")
        if not any(local(above).endswith("Margin") for above in block.iterancestors())
    ]
    places = {one.get("REF"): at for at, one in enumerate(root.iterfind("{*}Layout//{*}ReadingOrder//{*}ElementRef"))}
    return sorted(blocks, key=lambda block: places.get(block.get("ID"), len(places))) if places else blocks


def _engine(root: Any) -> str:
    """Name and version of the engine; libraries also write it as the settings of a step."""
    name, version = _text(root, "softwareName"), _text(root, "softwareVersion")
    return f"{name} {version}".strip() if name else _text(root, "processingStepSettings")


def _text(root: Any, name: str) -> str:
    return line(root.findtext(f"{{*}}Description//{{*}}{name}") or "")[:200]


def _attribute(root: Any, name: str) -> str:
    page = root.find("{*}Layout/{*}Page")
    return "" if page is None else line(page.get(name) or "")[:200]
