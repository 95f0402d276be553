"""Which pages cannot be in the languages wanted, by their visible text: those are not extracted."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from florilegium.languages import expand, labels, load
from florilegium.languages.scripts import letters
from florilegium.stages._language import LONGEST, candidates, one_line

PIECES = 8
"""Parts of the page that are looked at, spread evenly: a page may begin in one language and go on in another."""

FEWEST_LETTERS = 300
"""Letters that they must have together: what is shorter passes."""

MIGHT = 0.1
"""Score of a wanted language, or of one it is mistaken for, in any piece that lets the page pass."""

SURE, MOST = 0.8, 0.5
"""Score from which a piece is in another language for sure, and share of the letters that must be in such pieces.

With these a gate on German and French kept out 1,354 of 2,321 help pages in other languages, and none in these two;
eight other gates of one to three languages kept out 46 to 63 %, and none that was theirs."""


class Told(NamedTuple):
    """What a page is in: the code, and the mean score of its pieces in it, by letters."""

    language: str
    score: float


def near(names: Collection[str]) -> frozenset[str]:
    """These languages (codes or named sets) and all that are mistaken for them.

    Raises ValueError for a name that is neither. The model knows all that there are: a page in a language that it did
    not know would be kept out as some other one.
    """
    codes = {code for name in names for code in expand(name)}
    return frozenset(codes) | {other for code in codes for other in load(code).confusable}


def elsewhere(text: str, declared: str | None, close: frozenset[str], model: str) -> Told | None:
    """The language of a page that cannot be in one of `close` (of `near`); None where it may be.

    text: all that the page shows, a block a line. declared: what the page says it is in (BCP 47).
    """
    if declared and close & _declared(declared):
        return None
    found: Counter[str] = Counter()
    scores: defaultdict[str, float] = defaultdict(float)
    sure = total = 0
    for piece in pieces(text):
        line = one_line(piece)
        size = letters(line).total()
        total += size
        likely = list(candidates(line, model))
        if any(code in close and score >= MIGHT for code, score in likely):
            return None
        if likely:
            code, score = likely[0]
            found[code] += size
            scores[code] += size * score
            sure += size * (score >= SURE)
    if total < FEWEST_LETTERS or sure < total * MOST:
        return None
    code = max(found, key=lambda one: (found[one], one))
    return Told(code, scores[code] / found[code])


def pieces(text: str) -> Sequence[str]:
    """PIECES parts of the text, or all there are. A part is whole lines (a line is in one language), or of a line."""
    size = LONGEST // PIECES
    found: list[str] = []
    for line in text.split("\n"):
        for part in (line[at : at + size] for at in range(0, len(line), size)):
            if found and len(found[-1]) + len(part) < size:
                found[-1] += f"\n{part}"
            else:
                found.append(part)
    step = max((len(found) - 1) / (PIECES - 1), 1)
    return [found[round(at * step)] for at in range(min(PIECES, len(found)))]


def _declared(tag: str) -> frozenset[str]:
    """Our codes for the first subtag of a language tag: `de-AT`, `deu`."""
    first = tag.partition("-")[0].lower()
    return frozenset(labels().get(first) or (code for fits in labels().values() for code in fits if code[:3] == first))
