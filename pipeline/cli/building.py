"""Commands that run or prepare a build: build, plan, status, clean."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Inputs = Annotated[
    list[str],
    typer.Argument(metavar="RECIPE|INPUT...", help="A recipe (.yaml), or inputs to run the default recipe on."),
]
Out = Annotated[
    str, typer.Option("--out", "-o", metavar="DIR", help="Output folder: a local path or any fsspec path (s3://...).")
]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Only the first N records in input order, whatever the workers.")
]
Workers = Annotated[int | None, typer.Option("--workers", "-w", help="Processes; by default one for each CPU.")]

INTERRUPTED = 130
"""Exit status of a command that Ctrl-C ended: 128 and the signal's number, as shells have it."""


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(build)
    app.command()(plan)
    app.command()(status)
    app.command()(clean)


def build(
    inputs: Inputs,
    out: Out,
    *,
    executor: Annotated[Literal["local", "ray"], typer.Option(help="Where units of work run.")] = "local",
    workers: Workers = None,
    limit: Limit = None,
    ray_address: Annotated[
        str | None,
        typer.Option(help="An existing Ray cluster (host:port, or auto); without it one is started for this run."),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Hash what was done before instead of trusting sizes.")
    ] = False,
) -> None:
    """Build a corpus; the same command again resumes or does nothing.

    Examples:

      florilegium build recipe.yaml --out corpus

      florilegium build crawl.warc.gz --out corpus --limit 1000

      florilegium build recipe.yaml --out s3://bucket/corpus --executor ray
    """
    import time

    from florilegium.pipeline import recipe as recipes
    from florilegium.pipeline.cli import tables
    from florilegium.pipeline.cli.progress import watching
    from florilegium.pipeline.executor import opened
    from florilegium.pipeline.run import build as run

    recipe = recipes.of_path(*inputs)
    started = time.monotonic()
    try:
        with opened(executor, workers, ray_address) as running, watching() as watch:
            if executor == "ray":
                seconds = time.monotonic() - started
                typer.echo(f"ray: ready with {running.workers} workers after {seconds:.1f} s", err=True)
            built = run(recipe, out, running, watch, limit=limit, verify=verify)
    except KeyboardInterrupt:
        typer.echo("stopped; the same command resumes", err=True)
        raise typer.Exit(INTERRUPTED) from None
    tables.print_built(built, time.monotonic() - started)


def plan(
    inputs: Inputs,
    out: Out,
    limit: Limit = None,
    workers: Workers = None,
    sample: Annotated[bool, typer.Option(help="Run some records of one unit to estimate time and disk.")] = True,
) -> None:
    """Show what a build would do, without doing it: passes, units of work, what is cached, time and disk.

    Example:

      florilegium plan recipe.yaml --out corpus
    """
    import os

    from florilegium.pipeline import recipe as recipes
    from florilegium.pipeline.cli import tables
    from florilegium.pipeline.plan import plan as planned

    found = planned(recipes.of_path(*inputs), out, limit, sample=sample)
    tables.print_plan(found, workers or len(os.sched_getaffinity(0)))


def status(folder: Annotated[str, typer.Argument(metavar="DIR", help="Output folder of a build.")]) -> None:
    """Show how far a build has come, or the account of a finished one.

    Example:

      florilegium status corpus
    """
    from florilegium.pipeline.cli import tables
    from florilegium.pipeline.plan import status as found

    tables.print_status(found(folder))


def clean(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Output folder of a build.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Remove the whole work folder: the next build starts anew.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove pass folders in DIR/work that the finished build does not use, after asking.

    Example:

      florilegium clean corpus
    """
    from florilegium.pipeline import store
    from florilegium.pipeline.plan import stale

    found = stale(folder, everything)
    if not found:
        typer.echo("nothing to remove")
        return
    for path, size in found:
        typer.echo(f"{size / 1e6:10,.1f} MB  {Path(path).name}")
    if not yes:
        typer.confirm(f"Remove {len(found)} folder{'s' * (len(found) > 1)}?", abort=True)
    for path, _ in found:
        store.remove(path)
