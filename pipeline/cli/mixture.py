"""Commands that choose what a trainer sees: mixture."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(mixture)


def mixture(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Output folder of a finished build.")],
    *,
    out: Annotated[str, typer.Option("--out", "-o", metavar="FOLDER", help="Where to write the mixture.")],
    recipe: Annotated[
        str | None, typer.Option(metavar="FILE", help="A YAML file with the options below as its keys.")
    ] = None,
    layout: Annotated[str | None, typer.Option(help="A layout in Megatron's format; by default `documents`.")] = None,
    by: Annotated[str | None, typer.Option(help="language (by default), licence, source or part.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="proportional (by default), temperature:T or unimax:EPOCHS.")
    ] = None,
    weight: Annotated[
        list[str] | None, typer.Option(metavar="PART=NUMBER", help="Parts by number; others are left out.")
    ] = None,
    tokens: Annotated[int | None, typer.Option(help="Tokens to draw; by default as many as there are.")] = None,
    epochs: Annotated[float | None, typer.Option(help="How often a part may be drawn, at most.")] = None,
    physical: Annotated[bool, typer.Option("--physical", help="Write shards that hold what is drawn.")] = False,
    shard_tokens: Annotated[int | None, typer.Option(help="Tokens of a physical shard; by default 2^28.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the order of physical shards; by default 0.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Weigh the languages, licences or sources of a build, and write the blend files of the trainers.

    Examples:

      florilegium mixture corpus --out mixture --weights temperature:3

      florilegium mixture corpus --out mixture --weights unimax:4 --tokens 1000000000 --physical

      florilegium mixture corpus --out mixture --weight deu_Latn=2 --weight fra_Latn=1

      florilegium mixture corpus --out mixture --by licence --weight CC-BY-4.0=1 --physical
    """
    from florilegium.pipeline import mixture as mixing
    from florilegium.pipeline.errors import PipelineError
    from florilegium.pipeline.mixture import recipe as recipes

    told = {
        "layout": layout,
        "by": by,
        "weights": _numbers(weight) if weight else weights,
        "tokens": tokens,
        "epochs": epochs,
        "physical": physical or None,
        "shard_tokens": shard_tokens,
        "seed": seed,
    }
    given = {name: value for name, value in told.items() if value is not None}
    if weight and weights:
        raise PipelineError("mixture: --weights and --weight say the same", "give one of the two")
    if recipe is not None and given:
        raise PipelineError(f"mixture: --recipe and --{next(iter(given))} say the same", "write it into the recipe")
    wanted = recipes.load(recipe) if recipe is not None else recipes.parse(given, "command line")
    made = mixing.make(folder, out, wanted)
    if as_json:
        typer.echo(json.dumps(made, ensure_ascii=False, indent=1))
    else:
        _show(made, out)


def _numbers(pairs: list[str]) -> dict[str, Any]:
    return {name: number for name, _, number in (pair.rpartition("=") for pair in pairs)}


def _show(made: Mapping[str, Any], out: str) -> None:
    """A row a part, what is left out, where it stands."""
    from rich.table import Table

    from florilegium.pipeline.cli.tables import CONSOLE

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("part", "available", "weight", "drawn", "epochs"):
        table.add_column(column, justify="left" if column == "part" else "right", no_wrap=True)
    for part in made["parts"]:
        numbers = (f"{part['available']:,}", f"{part['weight']:.4%}", f"{part['drawn']:,}", f"{part['epochs']:.3f}")
        table.add_row(part["part"], *numbers)
    table.add_row("[bold]all", f"{sum(part['available'] for part in made['parts']):,}", "", f"{made['tokens']:,}", "")
    CONSOLE.print(table)
    if made["left_out"]:
        CONSOLE.print(f"left out: {', '.join(made['left_out'])}")
    CONSOLE.print(f"titan-oellm: {made['titan']}")
    CONSOLE.print(f"  {out}/mixture.json")
