"""A quality classifier from two folders of texts: a fastText model, and how well it tells held-out texts apart.

fastText with one thread gives only a tenth of its vectors a beginning; the rest is what stood in memory, so that the
same input makes another model each time (0.9.3, `DenseMatrix::uniform`). Here each word's vector begins as a hash of
the word, by way of `pretrainedVectors`, and there are no rows without a word (no buckets, so no word n-grams): the same
input makes the same bytes.
"""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import shake_128
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from florilegium.pipeline import store
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.stage import find
from florilegium.pipeline.texts import texts

KEEP, DROP = "__label__keep", "__label__drop"
HELD_OUT = 10
"""One text in ten, by its hash, is held out."""
WIDTH = 32
"""Numbers a word: 16 and 64 gave the same AUC within 0.001 in the comparison below."""
EPOCHS, RATE = 5, 0.25
"""Passes over the texts, and the first learning rate. On help pages in six languages (1,612 long paragraphs to keep,
2,060 short ones to drop) AUC was 0.974, with fastText's own 5 and 0.1 0.970, with 10 and 0.5 0.826: it learned the
texts by heart."""
RAREST = 2
"""Words that stand in the texts once say nothing that could be learned."""
MOST_WORDS = 200_000
"""So the model has at most 26 MB, and training holds few words beside the texts."""
BINS = 10

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Bin:
    """Held-out texts whose score is from low to high: how many, their mean score, and the share that is to be kept."""

    low: float
    high: float
    texts: int
    score: float
    keep: float


@dataclass(frozen=True)
class Trained:
    """A model and what held-out texts say of it.

    texts: to learn from and held out, of each folder; duplicates: texts that were met before; in_both: texts that stand
    in both folders, which were left out. limit: the suggested lowest score that is kept. confusion: held-out texts by
    folder and by what becomes of them with that limit.
    """

    path: str
    sha256: str
    bytes: int
    words: int
    texts: dict[str, int]
    duplicates: int
    in_both: int
    auc: float
    average_precision: float
    calibration: Sequence[Bin]
    expected_calibration_error: float
    limit: float
    confusion: dict[str, int]


def train(keep: str, drop: str, out: str) -> Trained:
    """Learn from two folders of texts (`texts`) what to keep, and store the model at `out`. All texts are held at once.

    Texts whose normalised form is equal (stage measure's `text_hash`) count once, on one side of the split. Raises
    PipelineError for folders that hold too little.
    """
    sides, duplicates, in_both = _split(keep, drop)
    learn, held = (sides[at] for at in ("learn", "held"))
    for what, lines in sides.items():
        for label, folder in ((KEEP, keep), (DROP, drop)):
            if all(one != label for one, _ in lines):
                for_what = "be held out" if what == "held" else "learn from"
                other = f" ({in_both:,} stand in the other folder, too, and count nowhere)" if in_both else ""
                raise PipelineError(
                    f"{folder}: too few texts: there is none to {for_what}{other}",
                    f"give at least some fifty different texts; one in {HELD_OUT} is held out",
                )
    truth = np.array([label == KEEP for label, _ in held])

    def write(aside: Path) -> tuple[int, Floats]:
        words = _train(learn, aside)
        scorer = find("filters", "model").FastText(fasttext=aside, label=KEEP)
        return words, np.array(scorer.numbers([line for _, line in held], ["und"] * len(held)))

    (words, scores), stored = store.put(out, write)
    limit = suggested(truth, scores)
    bins = calibration(truth, scores)
    counts = Counter(f"{name}.{label.removeprefix('__label__')}" for name, lines in sides.items() for label, _ in lines)
    return Trained(
        path=out,
        sha256=stored.sha256,
        bytes=stored.size,
        words=words,
        texts=dict(sorted(counts.items())),
        duplicates=duplicates,
        in_both=in_both,
        auc=auc(truth, scores),
        average_precision=average_precision(truth, scores),
        calibration=bins,
        expected_calibration_error=sum(one.texts * abs(one.score - one.keep) for one in bins) / len(truth),
        limit=limit,
        confusion=confusion(truth, scores, limit),
    )


def auc(truth: Bools, scores: Floats) -> float:
    """Area under the ROC curve: how likely a text to keep scores above one to drop, ties counting half (by ranks)."""
    _, at, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[at]
    keep = int(truth.sum())
    return float((ranks[truth].sum() - keep * (keep + 1) / 2) / (keep * (len(truth) - keep)))


def average_precision(truth: Bools, scores: Floats) -> float:
    """Precision at each score, weighted by the recall that it adds; equal scores are one step."""
    kept, counts = _from_above(truth, scores)
    return float((np.diff(kept, prepend=0) * kept / counts).sum() / truth.sum())


def calibration(truth: Bools, scores: Floats) -> list[Bin]:
    """Ten bins of equal width (a reliability table, Guo et al., arXiv:1706.04599); empty ones are left out."""
    at = np.minimum((scores * BINS).astype(int), BINS - 1)
    return [
        Bin(one / BINS, (one + 1) / BINS, int(here.sum()), float(scores[here].mean()), float(truth[here].mean()))
        for one in range(BINS)
        if (here := at == one).any()
    ]


def suggested(truth: Bools, scores: Floats) -> float:
    """The limit with the largest difference of rates: texts to keep that are kept, texts to drop that are kept.

    (Youden's J, 1950.) Half-way to the next lower score, down to four digits; of equally good ones the lowest.
    """
    kept, counts = _from_above(truth, scores)
    gain = kept / truth.sum() - (counts - kept) / (~truth).sum()
    distinct = np.unique(scores)[::-1]
    best = len(gain) - 1 - int(np.argmax(np.round(gain[::-1], 12)))
    below = distinct[best + 1] if best + 1 < len(distinct) else 0.0
    return float(np.floor((distinct[best] + below) / 2 * 1e4) / 1e4)


def confusion(truth: Bools, scores: Floats, limit: float) -> dict[str, int]:
    """How many texts of each folder are kept and dropped by a lowest score."""
    kept = scores >= limit
    named = {"keep.kept": truth & kept, "keep.dropped": truth & ~kept}
    named |= {"drop.kept": ~truth & kept, "drop.dropped": ~truth & ~kept}
    return {name: int(there.sum()) for name, there in named.items()}


def _from_above(truth: Bools, scores: Floats) -> tuple[Floats, Floats]:
    """For each distinct score, highest first: texts to keep, and all texts, that have at least that score."""
    _, at, counts = np.unique(-scores, return_inverse=True, return_counts=True)
    return np.cumsum(np.bincount(at, truth)), np.cumsum(counts).astype(float)


Lines = list[tuple[str, str]]


def _split(keep: str, drop: str) -> tuple[dict[str, Lines], int, int]:
    """Labelled lines to learn from and held out, in the order of their hashes; duplicates; texts in both folders."""
    text_hash: Callable[[str], bytes] = find("stages", "measure").text_hash
    one_line: Callable[[str], str] = find("filters", "model").one_line
    found: dict[bytes, tuple[str, str]] = {}
    both: set[bytes] = set()
    read = 0
    for label, folder in ((KEEP, keep), (DROP, drop)):
        for text in texts(folder):
            read += 1
            before = found.setdefault(key := text_hash(text), (label, one_line(text)))
            if before[0] != label:
                both.add(key)
    duplicates = read - len(found) - len(both)
    sides: dict[str, Lines] = {"learn": [], "held": []}
    for key in sorted(found.keys() - both):
        sides["held" if int.from_bytes(key[:8], "big") % HELD_OUT == 0 else "learn"].append(found[key])
    return sides, duplicates, len(both)


def _train(lines: Lines, to: Path) -> int:
    """Train on labelled lines and save the model; answers how many words it knows."""
    import fasttext

    to.touch()  # where it cannot be written, the system says why, before anything is learned
    named = [(label, line.replace("__label__", "__ label__")) for label, line in lines]
    rarest, words = _vocabulary(line for _, line in named)
    with tempfile.TemporaryDirectory() as folder:
        train, vectors = Path(folder, "train.txt"), Path(folder, "words.vec")
        with train.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{label} {line}\n" for label, line in named)
        _write_vectors(words, vectors)
        model = fasttext.train_supervised(
            input=str(train), pretrainedVectors=str(vectors), dim=WIDTH, epoch=EPOCHS, lr=RATE,
            minCount=rarest, wordNgrams=1, bucket=0, minn=0, maxn=0, thread=1, seed=0, verbose=0,
        )  # fmt: skip
        model.save_model(str(to))
    return len(words)


END = "</s>"
"""fastText's word at the end of each line."""
BLANKS = dict.fromkeys(map(ord, "\t\v\f\r\0"), " ")
"""What parts words for fastText, beside blanks and line breaks."""


def _vocabulary(lines: Iterable[str]) -> tuple[int, list[str]]:
    """How often a word must stand there to be learned, so that there are at most MOST_WORDS; and these words."""
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(word for word in line.translate(BLANKS).split(" ") if word)
        counts[END] += 1
    often = sorted(counts.values(), reverse=True)
    rarest = max(RAREST, often[MOST_WORDS] + 1 if len(often) > MOST_WORDS else RAREST)
    return rarest, sorted(word for word, count in counts.items() if count >= rarest)


def _write_vectors(words: Sequence[str], to: Path) -> None:
    """A vector a word, in fastText's text form: bytes of SHAKE-128 of the word, spread over -1/WIDTH to 1/WIDTH."""
    shown = [f"{(byte - 127.5) / 127.5 / WIDTH:.6f}" for byte in range(256)]
    with to.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{len(words)} {WIDTH}\n")
        for word in words:
            file.write(f"{word} {' '.join(shown[byte] for byte in shake_128(word.encode()).digest(WIDTH))}\n")


def recipe_lines(found: Trained) -> str:
    """The lines of a recipe that use a model, with the suggested limit."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(found.path).name.split(".")[0]).strip("-") or "quality"
    return (
        "stages:\n"
        "  measure:\n"
        "    models:\n"
        f"      {name}: {{fasttext: {json.dumps(found.path, ensure_ascii=False)}, label: {KEEP}}}\n"
        "  filter:\n"
        "    limits:\n"
        f"      every: {{model.{name}: {{low: {found.limit}}}}}\n"
    )
