"""Commands that say what there is: sample, schema, validate, languages, version."""

import json
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(sample)
    app.command()(schema)
    app.command()(validate)
    app.command()(languages)
    app.command()(version)


def sample(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write it; made if it is not there.")],
) -> None:
    """Write the sample crawl: a small imaginary Europe as WARC files, a register, a recipe, and the fate of each page.

    Example:

      florilegium sample europe && florilegium build europe/recipe.yaml --out corpus
    """
    from florilegium.pipeline import store
    from florilegium.pipeline.sample import write_sample

    store.make_folder(str(folder))
    write_sample(folder)
    typer.echo(f"{folder / 'recipe.yaml'}")


def schema() -> None:
    """Print the JSON Schema of a recipe, for editors and checks.

    Example:

      florilegium schema > recipe.schema.json
    """
    from florilegium.pipeline.recipe import schema as found

    typer.echo(json.dumps(found(), indent=1, ensure_ascii=False))


def validate(recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe (.yaml).")]) -> None:
    """Check a recipe and its inputs; all mistakes at once, each with its place and a hint.

    Example:

      florilegium validate recipe.yaml
    """
    from florilegium.pipeline.cli import tables
    from florilegium.pipeline.inputs import input_files
    from florilegium.pipeline.passes.tokens import check
    from florilegium.pipeline.recipe import load

    loaded = load(recipe)
    files, unclaimed = input_files(loaded.sources)
    why = check(loaded)
    size = sum(file.size for file in files)
    typer.echo(f"{recipe}: good; {len(files)} input file{'s' * (len(files) != 1)}, {size / 1e6:,.1f} MB")
    if loaded.tokens is not None:
        tables.print_tokenizer(loaded.tokens.tokenizer, why)
    if unclaimed:
        typer.echo(
            f"{len(unclaimed)} files have an ending that no format claims and would not be read, "
            f"the first: {unclaimed[0]}"
        )


def languages() -> None:
    """List the languages that have a profile, and the named sets.

    Example:

      florilegium languages
    """
    from florilegium.pipeline.cli import tables

    tables.print_languages()


def version() -> None:
    """Print the version of florilegium and of the libraries that determine its bytes.

    Example:

      florilegium version
    """
    import platform
    from importlib.metadata import version as of

    typer.echo(f"florilegium {of('florilegium')}")
    for name in ("pyarrow", "trafilatura", "lxml", "fasttext", "ray"):
        typer.echo(f"{name} {of(name)}")
    typer.echo(f"python {platform.python_version()}")
