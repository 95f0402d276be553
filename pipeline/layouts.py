"""What a recipe says about tokens: the tokenizer, how documents are packed, the formats that are written."""

from functools import cache, partial
from typing import Annotated, Any, Self, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model, model_validator

from florilegium.pipeline.stage import find, names, writer

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class Divide(BaseModel):
    """How the documents of a language are divided into shards of their own, so that a mixture can weigh them apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Annotated[str, Field(min_length=1, description="licence, source, or a measure (length.words)")]
    edges: Annotated[
        tuple[float, ...], Field(description="of a measure: where one part ends and the next begins, rising")
    ] = ()

    @model_validator(mode="after")
    def _edges_for_measures(self) -> Self:
        if (self.by in DIVIDES) != (not self.edges):
            raise ValueError(f"edges: {'not for' if self.edges else 'are needed for the measure'} {self.by}")
        if self.by not in DIVIDES:
            _measure(self.by)
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError("edges: expected rising numbers")
        return self


DIVIDES = ("licence", "source")
"""Columns that shards may be divided by; anything else is a measure."""


def _measure(name: str) -> None:
    topic, _, function = name.partition(".")
    if find("filters", "model").kind_of(name) is not None:
        return  # the recipe adds it, or does not: `recipe.parse` looks
    if topic not in names("filters") or not hasattr(find("filters", topic), function):
        raise ValueError(f"by: there is no measure called {name!r}")


class Tokens(BaseModel):
    """Token shards of the corpus. Without this key none are written."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    tokenizer: Annotated[str, Field(min_length=1, description="a tokenizer.json; relative to the recipe")]
    eos: Annotated[
        str | None,
        Field(description="the token that ends each document; by default the first of the tokenizer's usual ones"),
    ] = None
    bos: Annotated[str | None, Field(description="a token before each document; none by default")] = None
    validation: Annotated[
        float, Field(ge=0, le=0.5, description="share of documents that are set apart, by a hash of their id")
    ] = 0.0
    divide: Annotated[Divide | None, Field(description="shards of their own by licence, source or quality")] = None
    layouts: Annotated[
        tuple[Any, ...], Field(min_length=1, description="what is written of one encoding; by default `documents`")
    ] = ()

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        named = [layout.name for layout in self.layouts]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"layouts: the name {twice[0]!r} is used twice")
        return self


@cache
def layout_model() -> type[BaseModel]:
    """One way to pack and write: its `pack` holds the options of `stages/pack.py`."""
    options = find("stages", "pack").Options
    takes = partial(writer, "tokens")
    model: type[BaseModel] = create_model(
        "Layout",
        __config__=ConfigDict(frozen=True, extra="forbid"),
        **cast(
            Any,
            {
                "name": (Annotated[str, Field(pattern=NAME, description="names its folder")], "documents"),
                "format": (Annotated[str, AfterValidator(takes), Field(description="a token format")], "megatron"),
                "pack": (
                    options,
                    Field(
                        default_factory=lambda: options(kind="documents"), description="how documents become sequences"
                    ),
                ),
            },
        ),
    )
    model.__doc__ = "One way to pack tokens and write them."
    return model


@cache
def tokens_model() -> type[Tokens]:
    """Tokens with the model of a layout in place."""
    layout: Any = layout_model()
    layouts: Any = (
        Annotated[tuple[layout, ...], Field(min_length=1, description="what one encoding becomes")],
        (layout(),),
    )
    return create_model("Tokens", __base__=Tokens, layouts=layouts)
