"""Measures that a recipe adds: scores of models, shares of listed words, verdicts of other tools."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from florilegium.filters.lists import WordList, read_list, share
from florilegium.filters.model import Datatrove, Scorer, scores
from florilegium.filters.text import Text
from florilegium.languages import load
from florilegium.pipeline.errors import PipelineError


def scorers(models: Mapping[str, Scorer], filters: Sequence[Datatrove]) -> dict[str, Scorer]:
    """By the name of its measure what gives each text a number: `model.<name>`, `datatrove.<class>`."""
    named = {f"model.{name}": model for name, model in models.items()}
    return named | {f"datatrove.{one.datatrove}": one for one in filters}


def added(
    scoring: Mapping[str, Scorer], lists: Mapping[str, Path], contents: Sequence[str | None], codes: Sequence[str]
) -> dict[str, list[float | None]]:
    """A number for each content by the name of its measure; None where there is no content, or no number for it.

    codes: the languages of the contents. Raises PipelineError when a model does not do what it should.
    """
    there = [at for at, content in enumerate(contents) if content is not None]
    texts, spoken = [str(contents[at]) for at in there], [codes[at] for at in there]
    found: dict[str, list[float | None]] = {}
    try:
        for name, scorer in scoring.items():
            found[name] = _spread(scores(name, scorer, texts, spoken), there, len(contents))
    except ValueError as error:
        raise PipelineError(
            f"stages.measure: {error}", "mend it, or take it out of the recipe; what was measured before stands"
        ) from error
    for name, path in lists.items():
        words = _list(str(path))
        shares = [share(Text(text, load(code)), words) for text, code in zip(texts, spoken, strict=True)]
        found[f"list.{name}"] = _spread(shares, there, len(contents))
    return found


def _spread(numbers: Sequence[float | None], at: Sequence[int], rows: int) -> list[float | None]:
    """The numbers at their rows, None elsewhere."""
    found: list[float | None] = [None] * rows
    for row, number in zip(at, numbers, strict=True):
        found[row] = number
    return found


@cache
def _list(path: str) -> WordList:
    return read_list(Path(path))
