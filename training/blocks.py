"""Trains the model of engine blocks: which text blocks of a page are its main text.

usage: python -m training.blocks --wcxb wcxb-dev.parquet [--designs designs.parquet] [--out stages/blocks.npz]
                                 [--evaluate scrapinghub-dev.parquet] [--evaluate segments-dev.parquet]

Data: the development split of WCXB (CC-BY-4.0: pages of seven kinds with their main text), and the pages of
`training.designs` and `training.bare`, which are ours. What is evaluated is never trained on, and its licence never
enters the weights. Needs catboost (`pip install catboost`), which no one else does.

A block of a WCXB page is main text if at least half of its word trigrams occur in the reference (of one or two words:
if it is a line of it); of a design, if at least half of its letters stand between the marks. A page weighs the same
however long it is, a block by its words^0.7; less where the label is in doubt (DOUBT, REPEATED). The headline of a
design says nothing: references disagree on it, and WCXB's own pages are to decide. Pages of a host are in one fold.
"""

import argparse
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from florilegium.filters.charset import decode
from florilegium.stages import _native
from training import bare
from training.aged import aged

FEATURES, DEPTH, SCALE = 164, 6, 8192
"""BLOCKS_FEATURES, TREES_DEPTH; sums of leaves are log-odds times SCALE: 16 bits hold every leaf."""
TREES, RATE = 500, 0.09
AGED, DESIGN, BARE, BARE_PAGES = 0.5, 0.5, 0.3, 600
"""Weights beside a page of WCXB: the same page aged, one of ours, one of hardly more than its text (how many of it)."""
DOUBT, SURE, REPEATED = 0.4, (0.25, 0.75), 0.1
"""Weight of a block whose share of trigrams in the reference is between these two, and of one that says again what a
block of main text before it has said: the reference has it once, and which of the two it means is chance."""
FOLDS = 5
WORD = re.compile(r"\w+")
BEGIN, END = "\ue000", "\ue001"


@dataclass(frozen=True)
class Example:
    """A page: the texts of its blocks, their features, which are main text, and what they weigh."""

    texts: Sequence[str]
    features: NDArray[np.float32]
    main: NDArray[np.int8]
    weight: NDArray[np.float32]
    reference: str
    row: dict[str, Any]


def blocks_of(page: str) -> tuple[list[str], NDArray[np.float32]]:
    """Texts and features, by a model without trees."""
    none, at = np.zeros(0, np.uint8), np.zeros(FEATURES + 1, np.uint32)
    model = _native.blocks_model(none.data, at.data, none.data, none.data, none.data, 0, 0, 0, 1 << 30)
    rows, features = _native.blocks_explain(model, page.encode())
    return [row[0] for row in rows], np.frombuffer(features, np.float32).reshape(-1, FEATURES)


def words(text: str) -> list[str]:
    """Words in lower case."""
    return WORD.findall(text.lower())


def weights(texts: Sequence[str], page: float) -> NDArray[np.float32]:
    """Of each block; all of a page weigh `page`."""
    found = np.array([min(len(words(text)), 80) ** 0.7 + 0.3 for text in texts], np.float32)
    return found * np.float32(50 * page / max(found.sum(), 1e-6))


def by_reference(texts: Sequence[str], reference: str) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Blocks whose words are those of the reference, and how far that can be trusted."""
    said = words(reference)
    trigrams = set(zip(said, said[1:], said[2:], strict=False))
    lines = {" ".join(line.split()).lower() for line in reference.split("\n")}
    found, trust = np.zeros(len(texts), np.int8), np.ones(len(texts), np.float32)
    told: set[object] = set()
    for i, text in enumerate(texts):
        own, line = words(text), " ".join(text.split()).lower()
        grams = list(zip(own, own[1:], own[2:], strict=False))
        share = sum(gram in trigrams for gram in grams) / len(grams) if grams else float(bool(own) and line in lines)
        found[i] = share >= 0.5
        trust[i] = DOUBT if SURE[0] <= share < SURE[1] else 1
        if found[i]:
            again = len(own) >= 6 and sum(gram in told for gram in grams) >= 0.8 * len(grams)
            trust[i] *= REPEATED if again or line in told else 1
            told.update([*grams, line] if len(line) >= 25 else grams)
    return found, trust


def by_marks(marked: Sequence[str]) -> NDArray[np.int8]:
    """Blocks of which half stands between marks."""
    found, inside = np.zeros(len(marked), np.int8), False
    for i, text in enumerate(marked):
        letters = held = 0
        for letter in text:
            if letter in (BEGIN, END):
                inside = letter == BEGIN
            elif not letter.isspace():
                letters += 1
                held += inside
        found[i] = letters > 0 and 2 * held >= letters
    return found


def bare_pages(count: int) -> Iterator[Example]:
    """The examples of training/bare.py."""
    for marked in bare.pages(count, 1):
        texts, features = blocks_of(marked.replace(BEGIN, "").replace(END, ""))
        yield Example(texts, features, by_marks(blocks_of(marked)[0]), weights(texts, BARE), "", {})


def pages(path: Path) -> Iterator[Example]:
    """The examples of a Parquet file with `html` and `reference`, or with `marked`."""
    for row in pq.read_table(path).to_pylist():
        if row.get("marked"):
            marked = row["marked"] if isinstance(row["marked"], str) else row["marked"].decode()
            texts, features = blocks_of(marked.replace(BEGIN, "").replace(END, ""))
            main = by_marks(blocks_of(marked)[0])
            headline = " ".join(row["headline"].split())
            trust = np.array([" ".join(text.split()) != headline for text in texts], np.float32)
        else:
            texts, features = blocks_of(decode(row["html"], None)[0])
            main, trust = by_reference(texts, row["reference"] or "")
        weight = weights(texts, DESIGN if row.get("marked") else 1.0) * trust
        yield Example(texts, features, main, weight, row["reference"] or "", row)


def in_an_older_hand(example: Example) -> Example:
    """A page of WCXB as training/aged.py writes it."""
    texts, features = blocks_of(aged(decode(example.row["html"], None)[0], int(example.row["id"])))
    main, trust = by_reference(texts, example.reference)
    return Example(texts, features, main, weights(texts, AGED) * trust, example.reference, example.row)


def fitted(examples: Sequence[Example]) -> Any:
    """The trees. The same examples give the same trees."""
    from catboost import CatBoostClassifier, Pool

    model = CatBoostClassifier(
        iterations=TREES, depth=DEPTH, learning_rate=RATE, border_count=64, loss_function="Logloss", random_seed=1,
        bootstrap_type="Bernoulli", subsample=0.7, rsm=0.5, l2_leaf_reg=3, leaf_estimation_iterations=1,
        allow_writing_files=False, verbose=0, thread_count=1,
    )  # fmt: skip
    parts = [np.concatenate([getattr(one, name) for one in examples]) for name in ("features", "main", "weight")]
    model.fit(Pool(parts[0], parts[1], weight=parts[2]))
    return model


def converted(model: Any, folder: Path) -> dict[str, Any]:
    """The trees as stages/native/trees.h takes them."""
    import json

    path = folder / "trees.json"
    model.save_model(str(path), format="json")
    saved = json.loads(path.read_text("utf-8"))
    path.unlink()
    floats = sorted(saved["features_info"]["float_features"], key=lambda one: one["feature_index"])
    borders = [np.array(one["borders"] or [], np.float32) for one in floats]
    at = np.zeros(FEATURES + 1, np.uint32)
    at[1:] = np.cumsum([len(one) for one in borders])
    trees = saved["oblivious_trees"]
    feature, border = np.zeros((len(trees), DEPTH), np.uint8), np.full((len(trees), DEPTH), 255, np.uint8)
    leaves = np.zeros((len(trees), 1 << DEPTH), np.int16)
    scale, (bias, *_) = saved["scale_and_bias"]
    for tree, one in enumerate(trees):
        for level, split in enumerate(one["splits"]):
            number = split["float_feature_index"]
            feature[tree, level] = number
            border[tree, level] = np.flatnonzero(borders[number] == np.float32(split["border"]))[0]
        values = np.rint(np.array(one["leaf_values"]) * scale * SCALE)
        leaves[tree, : len(values)] = values
    return {
        "borders": np.concatenate(borders), "borders_at": at, "feature": feature, "border": border, "leaves": leaves,
        "bias": np.int32(round(bias * SCALE)), "scale": np.int32(SCALE),
    }  # fmt: skip


def kept(model: Any, example: Example, threshold: float) -> str:
    """The text that the model chooses."""
    if not len(example.texts):
        return ""
    chances = model.predict_proba(example.features)[:, 1]
    least = threshold if chances.max() >= threshold else min(0.25, threshold)
    return "\n".join(text for text, chance in zip(example.texts, chances, strict=True) if chance >= least)


def word_f1(found: str, wanted: str) -> float:
    """F1 of two bags of words."""
    one, other = Counter(words(found)), Counter(words(wanted))
    if not other:
        return float(not one)
    same = (one & other).total()
    return 2 * same / (one.total() + other.total())


def shingle_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """F1 of the means of precision and recall over runs of four words."""

    def runs(text: str) -> Counter[tuple[str, ...]]:
        own = WORD.findall(text)
        return Counter(tuple(own[i : i + 4]) for i in range(max(1, len(own) - 3))) if own else Counter()

    precision, recall = [], []
    for found, wanted in pairs:
        one, other = runs(found), runs(wanted)
        same = (one & other).total()
        precision += [same / one.total()] if one else []
        recall += [same / other.total()] if other else []
    p, r = np.mean(precision), np.mean(recall)
    return float(2 * p * r / (p + r))


def segment_f1(found: Sequence[tuple[str, Sequence[str], Sequence[str]]]) -> float:
    """F1 over strings that must appear, and must not."""
    right = wrong = missing = 0
    for text, with_, without in found:
        flat = " ".join(text.split())
        hits = sum(" ".join(one.split()) in flat for one in with_)
        right, missing = right + hits, missing + len(with_) - hits
        wrong += sum(" ".join(one.split()) in flat for one in without)
    return 2 * right / (2 * right + wrong + missing)


def score(model: Any, examples: Sequence[Example], threshold: float) -> float:
    """By the metric that the data are made for (shared/reference/extraction.md, 1)."""
    texts = [kept(model, one, threshold) for one in examples]
    if all(one.row.get("reference") is None for one in examples):
        rows = [one.row for one in examples]
        return segment_f1([(text, row["with"], row["without"]) for text, row in zip(texts, rows, strict=True)])
    if examples[0].row.get("with"):
        return float(np.mean([word_f1(text, one.reference) for text, one in zip(texts, examples, strict=True)]))
    return shingle_f1([(text, one.reference) for text, one in zip(texts, examples, strict=True)])


def host_of(example: Example) -> str:
    """The site of a page, by its canonical link, or the page itself."""
    html = example.row["html"][:300_000].decode("utf-8", "replace")
    match = re.search(r"(?i)(?:canonical|og:url)[^>]{0,80}https?://(?:www\.)?([^/\"']+)", html)
    return match[1] if match else str(example.row["id"])


def main() -> None:
    """Train, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wcxb", type=Path, required=True)
    parser.add_argument("--designs", type=Path)
    parser.add_argument("--evaluate", type=Path, action="append", default=[])
    parser.add_argument("--folds", type=int, default=1, help="folds of WCXB to cross-validate on, of 5")
    parser.add_argument("--out", type=Path, default=Path("stages/blocks.npz"))
    chosen = parser.parse_args()
    wcxb = list(pages(chosen.wcxb))
    ours = [*(pages(chosen.designs) if chosen.designs else ()), *bare_pages(BARE_PAGES)]
    evaluated: dict[str, list[Example]] = {path.stem: list(pages(path)) for path in chosen.evaluate}
    aged_ones = [in_an_older_hand(one) for one in wcxb]
    folds = [zlib.crc32(host_of(one).encode()) % FOLDS for one in wcxb]
    for number in range(chosen.folds):
        pairs = zip(wcxb, aged_ones, folds, strict=True)
        model = fitted([one for *both, fold in pairs if fold != number for one in both] + ours)
        held = [one for one, fold in zip(wcxb, folds, strict=True) if fold == number]
        print(f"{chosen.wcxb.stem}, fold {number}:", *(f"{score(model, held, t):.4f} at {t}" for t in (0.4, 0.5, 0.6)))
    model = fitted(wcxb + aged_ones + ours)
    for name, examples in evaluated.items():
        print(f"{name}:", *(f"{score(model, examples, t):.4f} at {t}" for t in (0.4, 0.5, 0.6, 0.65)))
    np.savez_compressed(chosen.out, **converted(model, chosen.out.parent))
    print(f"{chosen.out}: {chosen.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
