"""What a mixture is: a layout of a build, its parts, their weights, how much is drawn."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from florilegium.pipeline import store
from florilegium.pipeline.errors import PipelineError

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]
METHODS = "proportional, temperature:T (T >= 1) or unimax:EPOCHS"


class Mixture(BaseModel):
    """A mixture of token shards."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: Annotated[str, Field(description="a layout of the build in Megatron's format")] = "documents"
    by: Annotated[
        Literal["language", "licence", "source", "part"],
        Field(description="a part is a language, or a licence, source or part (tokens.divide) within a language"),
    ] = "language"
    weights: Annotated[
        dict[str, Weight] | str, Field(description=f"of parts by number (others are left out), or {METHODS}")
    ] = "proportional"
    tokens: Annotated[int | None, Field(ge=1, description="tokens to draw; by default as many as the parts have")] = (
        None
    )
    epochs: Annotated[float | None, Field(gt=0, description="how often a part may be drawn, at most")] = None
    physical: Annotated[bool, Field(description="write shards that hold what is drawn, in a seeded order")] = False
    shard_tokens: Annotated[int, Field(ge=1, description="tokens of a physical shard, about")] = 1 << 28
    seed: Annotated[int, Field(ge=0, lt=1 << 63, description="of the order of physical shards")] = 0

    @field_validator("weights")
    @classmethod
    def _known(cls, weights: dict[str, float] | str) -> dict[str, float] | str:
        if not isinstance(weights, str):
            if not weights:
                raise ValueError("weights: name at least one part")
            return weights
        kind, _, number = weights.partition(":")
        try:
            value = float(number or "nan")
        except ValueError:
            value = float("nan")
        good = weights == "proportional" or (kind, value >= 1) == ("temperature", True)
        if not good and not (kind == "unimax" and 0 < value < float("inf")):
            raise ValueError(f"{weights!r} is no way to weigh: {METHODS}")
        return weights


def parse(raw: Mapping[str, Any], path: str) -> Mixture:
    """A mixture from a mapping; path: for messages. Raises PipelineError that names every mistake and its place."""
    try:
        return Mixture.model_validate(raw)
    except ValidationError as error:
        raise PipelineError.of([_mistake(path, dict(one)) for one in error.errors()]) from error


def load(path: str) -> Mixture:
    """The mixture of a YAML file. Raises PipelineError as `parse`, and for what is no YAML."""
    content = store.read(path)
    if content is None:
        raise PipelineError(f"{path}: there is no such file", "give the path of a mixture (.yaml)")
    try:
        raw = yaml.safe_load(content.decode("utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise PipelineError(f"{path}: not valid YAML: {error}", "check indentation and quotes there") from error
    if not isinstance(raw, dict):
        raise PipelineError(f"{path}: expected keys and values", f"known keys: {', '.join(Mixture.model_fields)}")
    return parse(raw, path)


def _mistake(path: str, error: dict[str, Any]) -> tuple[str, str]:
    """One pydantic error as a sentence with its place, and a hint."""
    loc = [str(part) for part in error["loc"] if part not in ("str", "dict[str,constrained-float]")]
    loc = [part for part in loc if not part.startswith("dict[")]
    place = f"{path}: {'.'.join(loc)}"
    known = ", ".join(Mixture.model_fields)
    if error["type"] == "extra_forbidden":
        close = difflib.get_close_matches(loc[-1], Mixture.model_fields, 1)
        return f"{place}: unknown key", f"did you mean {close[0]!r}?" if close else f"known keys: {known}"
    sentence = str(error["msg"]).removeprefix("Value error, ")
    return f"{place}: {sentence[:1].lower()}{sentence[1:]}, got {error.get('input')!r}", f"known keys: {known}"
