"""Lines of print put together again: running heads out, hyphens at line ends joined, lines joined to paragraphs.

Nothing here knows a language. Whether a line ends a paragraph is told by geometry: it does where the first word of the
next line would still have fitted in. Whether a hyphen stays is told by letters and by the words of the document itself.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median


@dataclass(frozen=True, slots=True)
class Line:
    """A line of print. Coordinates in points, y upwards. hyphen: it ended in one, which `text` is without."""

    page: int
    text: str
    left: float
    right: float
    bottom: float
    top: float
    hyphen: bool = False

    @property
    def height(self) -> float:
        return max(self.top - self.bottom, 0.1)


EDGE, MARGIN = 3, 0.15
"""Running heads and feet stand among so many outermost lines of a page, in this share of the height that is printed."""
SHIFT = 6.0
"""How far, in points, they may stand from their usual place."""
RECURRING = 3
"""On so many pages a line recurs; in a document of two pages, on both."""

NUMBER = re.compile(r"\d+")
ROMAN = re.compile(r"[ivxlc]{1,7}", re.IGNORECASE)
WORD = re.compile(r"\w+(?:-\w+)*")
BULLET = re.compile(r"[•‣▪▫■□●○◦⁃·–—*-]\s")
MARKER = re.compile(r"(?:[•‣▪▫■□●○◦⁃·–—*-]|\(?(?:\d{1,3}|[ivx]{1,4}|\w)[.)]|\(\w{1,4}\)|§+ ?\d+)\s")
ENDS = re.compile(r"[.!?:;…][\"'»«”“’)\]]*$")
LONGEST = 1000
"""Most lines of a paragraph."""
LEADERS = re.compile(r"(?:\s?[.·_…]){4,}\s*\w{0,6}$")
"""The end of a line in a table of contents."""
SPACING = 1.3
"""A line that stands more than this times the usual distance below the one before begins a paragraph."""

SUSPENDED = frozenset(
    ("und", "oder", "bzw", "sowie", "and", "och", "eller", "oraz", "lub", "nebo", "vagy", "sau", "vai", "или", "και")
)
"""Words after which a hyphen stands for a part left out (Ein- und Ausgang), where they are longer than two letters."""


def paragraphs(lines: Sequence[Line]) -> list[str]:
    """The paragraphs of a document, from its lines in reading order. Running heads and feet are left out."""
    kept = without_running(lines)
    known = Counter(word for line in kept for word in WORD.findall(line.text))
    found: list[str] = []
    for block in _blocks(kept):
        text = ""
        for before, line in zip([None, *block], block, strict=False):
            text = line.text if before is None else joined(text, line.text, before.hyphen, known)
        text = f"{text}-" if block[-1].hyphen else text
        found.append(" ".join(text.split()))
    return [text for text in found if text]


def without_running(lines: Sequence[Line]) -> list[Line]:
    """The lines without those that recur at the edge of pages at one height, digits apart, and page numbers."""
    pages: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        pages[line.page].append(line)
    needed = min(RECURRING, len(pages)) if len(pages) > 1 else RECURRING
    places: dict[str, list[Line]] = defaultdict(list)
    low, high = (end(line.bottom for line in lines) for end in (min, max)) if lines else (0.0, 0.0)
    margin = (high - low) * MARGIN
    for page in pages.values():
        for line in _at_edge(page, low + margin, high - margin):
            places[_pattern(line.text)].append(line)
    running = {id(line) for pattern, found in places.items() for line in _recurring(pattern, found, needed)}
    return [line for line in lines if id(line) not in running]


def joined(before: str, after: str, hyphen: bool, known: Counter[str]) -> str:
    """Two lines of a paragraph as one text. hyphen: `before` ended in one, which it is given without.

    The hyphen stays before capitals and digits, behind abbreviations (EU-weit), before what is left out of a compound,
    and where the document writes the word with it elsewhere, or knows both parts but not the whole.
    """
    if not hyphen:
        return f"{before} {after}" if before else after
    stem, rest = WORD.findall(before[-100:])[-1:], WORD.match(after)
    if not stem or not rest or not before.endswith(stem[0]):
        return f"{before}-{after}"
    first, second = stem[0], rest.group()
    if second in SUSPENDED or (len(second) == 1 and second.islower()):
        return f"{before}- {after}"
    return f"{before}-{after}" if _keeps_hyphen(first, second, known) else before + after


def _keeps_hyphen(first: str, second: str, known: Counter[str]) -> bool:
    capitals = len(first) > 1 and first.isupper()
    if not second[0].isalpha() or first[-1].isdigit() or (second[0].isupper() != capitals):
        return True
    whole, parted = known[first + second], known[f"{first}-{second}"]
    if whole or parted:
        return parted > whole
    both = known[first] and known[second] and min(len(first), len(second)) >= 4
    return bool(both) and first.islower()


def _at_edge(page: Sequence[Line], low: float, high: float) -> list[Line]:
    heights = sorted({round(line.bottom) for line in page})
    below, above = min(low, heights[:EDGE][-1]), max(high, heights[-EDGE:][0])
    return [line for line in page if round(line.bottom) <= below or round(line.bottom) >= above]


def _pattern(text: str) -> str:
    words = NUMBER.sub("#", " ".join(text.split()).lower())
    return "#" if ROMAN.fullmatch(words.strip("-–— .")) else words


def _recurring(pattern: str, found: Sequence[Line], needed: int) -> list[Line]:
    """Those of the lines with one pattern that stand where most do; page numbers must count the pages."""
    usual = median(line.bottom for line in found)
    near = [line for line in found if abs(line.bottom - usual) <= SHIFT]
    if not any(letter.isalpha() for letter in pattern):
        near = _counting(near)
    return near if len({line.page for line in near}) >= needed else []


def _counting(lines: Sequence[Line]) -> list[Line]:
    """Of lines that hold no words, those whose number is as far from the page's as that of most; all Roman ones."""
    numbers = [(line, NUMBER.findall(line.text)) for line in lines]
    offsets = Counter(int(found[0][-9:]) - line.page for line, found in numbers if found)
    usual = offsets.most_common(1)[0][0] if offsets else 0
    return [line for line, found in numbers if not found or int(found[0][-9:]) - line.page == usual]


def _blocks(lines: Sequence[Line]) -> Iterable[list[Line]]:
    """The lines of each paragraph."""
    spacing = _spacing(lines)
    held: list[Line] = []
    for run in _runs(lines, spacing):
        edge = max(line.right for line in run)
        for line in run:
            if held and _begins(held, line, edge, spacing):
                yield held
                held = []
            held.append(line)
    if held:
        yield held


def _spacing(lines: Sequence[Line]) -> float:
    """The usual distance of two lines, as a multiple of their height."""
    steps = [
        round((before.bottom - line.bottom) / line.height, 2)
        for before, line in pairwise(lines)
        if before.page == line.page and 0.5 < (before.bottom - line.bottom) / line.height < 3
    ]
    return median(steps) if steps else 1.2


def _follows(before: Line, line: Line, spacing: float) -> bool:
    """Whether a line stands right below the one before, or beside it in the same row, in letters of the same size."""
    step = (before.bottom - line.bottom) / line.height
    alike = 0.85 < before.height / line.height < 1.18
    beside = _beside(before, line)
    below = 0.3 <= step <= spacing * SPACING and line.left < before.right and before.left < line.right
    return before.page == line.page and (beside or (below and alike))


def _beside(before: Line, line: Line) -> bool:
    """Whether a line goes on where the one before ended: in the same row, or as its exponent or index."""
    shared = min(before.top, line.top) - max(before.bottom, line.bottom)
    return shared > 0.3 * min(before.height, line.height) and before.right - 1 <= line.left


def _runs(lines: Sequence[Line], spacing: float) -> Iterable[list[Line]]:
    held: list[Line] = []
    for line in lines:
        if held and not _follows(held[-1], line, spacing):
            yield held
            held = []
        held.append(line)
    if held:
        yield held


def _begins(held: Sequence[Line], line: Line, edge: float, spacing: float) -> bool:
    """Whether a line begins a paragraph. held: that of the line before. edge: how far right the lines around reach."""
    before = held[-1]
    if len(held) == LONGEST or LEADERS.search(before.text[-200:]):
        return True
    if not _follows(before, line, spacing):
        return not _goes_on(held, line)
    if _beside(before, line):
        return False
    em = line.height * 0.6
    hanging = MARKER.match(held[0].text) is not None
    if BULLET.match(line.text) or (line.left > before.left + em and not (hanging and len(held) == 1)):
        return not before.hyphen
    if line.left < before.left - em and (hanging or len(held) > 1):
        return True
    word = line.text.split(" ", 1)[0]
    width = (line.right - line.left) / max(len(line.text), 1) * (len(word) + 1)
    return not before.hyphen and edge - before.right > width


def _goes_on(held: Sequence[Line], line: Line) -> bool:
    """Whether a paragraph goes on in the next column or page: it was broken off in the middle of a sentence."""
    before = held[-1]
    alike = 0.95 < before.height / line.height < 1.05
    away = before.page != line.page or line.bottom > before.top
    if not (alike and away) or ENDS.search(before.text[-20:]) or MARKER.match(line.text):
        return False
    full = before.right >= max(one.right for one in held) - 2 * line.height
    return before.hyphen or (full and (line.text[:1].islower() or len(held) > 1))
