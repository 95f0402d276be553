"""What a recipe says about tokens: the tokenizer, how documents are packed, the formats that are written."""

from functools import cache
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, create_model

from florilegium.pipeline.stage import find

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


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
    seed: Annotated[int, Field(ge=0, description="of the order of packs")] = 0
    layouts: Annotated[
        tuple[Any, ...], Field(min_length=1, description="what is written of one encoding; by default `documents`")
    ] = ()


@cache
def layout_model() -> type[BaseModel]:
    """One way to pack and write: its `pack` holds the options of `stages/pack.py`."""
    options = find("stages", "pack").Options
    model: type[BaseModel] = create_model(
        "Layout",
        __config__=ConfigDict(frozen=True, extra="forbid"),
        **cast(
            Any,
            {
                "name": (Annotated[str, Field(pattern=NAME, description="names its folder")], "documents"),
                "format": (Annotated[str, Field(description="a token format")], "megatron"),
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
    layout = layout_model()
    return create_model(
        "Tokens",
        __base__=Tokens,
        layouts=(
            Annotated[
                tuple[cast(Any, layout), ...], Field(min_length=1, description="what is written of one encoding")
            ],
            (layout(),),
        ),
    )
