"""Commands about measures and their limits: what-if, contamination, limits fit, filters, filters train."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from florilegium.pipeline.cli.looking import AsJson, Folder

Texts = "A folder, file or pattern of texts: .txt, or .jsonl and .parquet with `text`."


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(name="what-if")(what_if)
    app.command()(contamination)
    group = typer.Typer(name="limits", help="Limits from reference texts.", no_args_is_help=True, rich_markup_mode=None)
    group.callback()(_limits)
    group.command()(fit)
    app.add_typer(group)
    group = typer.Typer(name="filters", rich_markup_mode=None, invoke_without_command=True)
    group.callback()(filters)
    group.command()(train)
    app.add_typer(group)


def _limits() -> None:
    """Limits from reference texts."""


def what_if(
    folder: Folder,
    settings: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="LANGUAGE.MEASURE[.low|.high]=NUMBER|off",
            help="A limit to change, of a language or of `every`; may be repeated.",
        ),
    ],
    *,
    examples: Annotated[int, typer.Option(min=0, help="Documents shown on each side of each limit.")] = 3,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE", help="Draw how the values spread around each limit (.svg).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what other limits would keep and drop, from the measures that a build stored: nothing is built or written.

    For filter the figures are those that a build with these limits would give. Of documents that come in, duplicates by
    equal text are counted; near duplicates are found by a build.

    Examples:

      florilegium what-if corpus --set deu_Latn.lines.bullets=0.5

      florilegium what-if corpus --set every.length.words.low=100 --set every.lines.short.high=off --json

      florilegium what-if corpus --set every.stop_words.distinct.low=5 --plot limit.svg
    """
    from dataclasses import asdict

    from florilegium.pipeline import store
    from florilegium.pipeline.cli import tables
    from florilegium.pipeline.cli.progress import walking
    from florilegium.pipeline.report.spread import draw
    from florilegium.pipeline.whatif import Values, spreads
    from florilegium.pipeline.whatif import what_if as asked

    values: list[Values] = []
    found = asked(folder, settings, examples, walking, None if plot is None else values)
    if plot is not None:
        store.put_bytes(plot, draw(spreads(found, values)).encode())
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False, indent=1))
    else:
        tables.print_what_if(found)


def contamination(
    folder: Folder,
    benchmarks: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Benchmarks: an item a line (.txt, .jsonl) or a row (.parquet)."),
    ],
    *,
    least: Annotated[float, typer.Option(min=0, max=1, help="The share of an item that counts as the item.")] = 0.7,
    examples: Annotated[int, typer.Option(min=0, help="Items shown of each benchmark, with where they stand.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Report which items of benchmarks stand in the texts that a build kept. `stages.measure.benchmarks` drops them.

    Examples:

      florilegium contamination corpus mmlu.jsonl squad.parquet

      florilegium contamination corpus exam.txt --least 0.5 --json
    """
    from dataclasses import asdict

    from florilegium.pipeline.cli import tables
    from florilegium.pipeline.cli.progress import walking
    from florilegium.pipeline.contamination import contamination as found_in

    found = found_in(folder, benchmarks, least, walking)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1))
    else:
        tables.print_contamination(found, examples)


def fit(
    language: Annotated[str, typer.Argument(metavar="CODE", help="The language of the texts: deu_Latn.")],
    good: Annotated[str, typer.Option("--good", metavar="TEXTS", help=f"{Texts} Such as are to be kept.")],
    *,
    method: Annotated[
        Literal["quantile", "mad"], typer.Option(help="By the rarest values, or by distance from the median.")
    ] = "quantile",
    share: Annotated[
        float, typer.Option(min=0, max=0.5, help="Of quantile: the share of the texts beyond each limit.")
    ] = 0.01,
    distance: Annotated[
        float, typer.Option(min=0, help="Of mad: from the median, in robust standard deviations (1.4826 MAD).")
    ] = 4.0,
    measure: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A measure; may be repeated. By default all that have a limit."),
    ] = None,
    as_toml: Annotated[bool, typer.Option("--toml", help="Print the limits as a profile has them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Derive limits of a language from reference texts, beside those that hold now. docs/filters.md says how.

    Examples:

      florilegium limits fit deu_Latn --good reference/german

      florilegium limits fit mlt_Latn --good maltese.parquet --method mad --toml
    """
    from dataclasses import asdict

    from florilegium.pipeline.cli import tables
    from florilegium.pipeline.fitting import fit as fitted
    from florilegium.pipeline.fitting import toml

    found = fitted(language, good, method=method, share=share, distance=distance, measures=measure or ())
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False, indent=1))
    elif as_toml:
        typer.echo(toml(found), nl=False)
    else:
        tables.print_fitted(found)


def filters(
    context: typer.Context,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="Show the limits of this language: deu_Latn.")
    ] = None,
    limits_from: Annotated[
        Literal["profile", "fineweb2"], typer.Option(help="Which limits of that language.")
    ] = "profile",
    as_json: AsJson = False,
) -> None:
    """List the measures with their limits; train a quality classifier (filters train).

    Examples:

      florilegium filters

      florilegium filters --language deu_Latn

      florilegium filters --language mlt_Latn --limits-from fineweb2
    """
    if context.invoked_subcommand is not None:
        return
    from florilegium.pipeline.cli import tables
    from florilegium.pipeline.limits import listed

    found = listed(language, limits_from)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        tables.print_filters(found)


def train(
    keep: Annotated[str, typer.Option(metavar="TEXTS", help=f"{Texts} Such as are to be kept.")],
    drop: Annotated[str, typer.Option(metavar="TEXTS", help="Such as are to be dropped.")],
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="The fastText model to write: model.bin.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Train a fastText quality classifier on two folders of texts. The same texts give the same model.

    One text in ten is held out, by a hash of it; what the model makes of those is shown, and the lines of a recipe that
    use it.

    Example:

      florilegium filters train --keep good --drop bad --out model.bin
    """
    from dataclasses import asdict

    from florilegium.pipeline.cli import tables
    from florilegium.pipeline.quality import recipe_lines
    from florilegium.pipeline.quality import train as trained

    found: Any = trained(keep, drop, out)
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False, indent=1))
    else:
        tables.print_trained(found, recipe_lines(found))
