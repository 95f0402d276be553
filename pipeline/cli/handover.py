"""Commands before the corpus leaves the house: handover."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from florilegium.pipeline.handover.findings import Findings

SHOWN = 50
"""Faults and warnings that are shown; the rest are counted."""


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(handover)


def handover(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Output folder of a finished build, on a local disk.")],
    samples: Annotated[
        int, typer.Option(min=0, help="Random ranges of each shard that are held against the Parquet text.")
    ] = 16,
    *,
    seed: Annotated[int, typer.Option(help="Which ranges: the same seed draws the same.")] = 0,
    mixture: Annotated[
        list[str] | None, typer.Option(metavar="FOLDER", help="A mixture of this build, to be checked as well.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hold every token shard to the rules of the trainers, and random ranges to the text. Status 1 if a rule is broken.

    Examples:

      florilegium handover corpus

      florilegium handover corpus --samples 200 --seed 7 --json

      florilegium handover corpus --mixture mixture
    """
    from florilegium.pipeline.handover import check

    found = check(folder, samples, seed, mixture or ())
    if as_json:
        typer.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=1))
    else:
        _show(found)
    if not found.good:
        raise typer.Exit(1)


def _show(found: "Findings") -> None:
    """A row a rule, then what was found, then the verdict."""
    from rich.table import Table

    from florilegium.pipeline.cli.tables import CONSOLE
    from florilegium.pipeline.handover.findings import CHECKS

    counts = found.as_json()["checks"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("rule", "looked at", "faults", "asks"):
        table.add_column(column, justify="right" if column in ("looked at", "faults") else "left")
    for name, asks in CHECKS.items():
        one = counts[name]
        colour = "[bold red]" if one["faults"] else ""
        table.add_row(f"{colour}{name}", f"{one['looked_at']:,}", f"{colour}{one['faults']:,}", f"[dim]{asks}")
    CONSOLE.print(table)
    for kind, told in (("warning", found.warnings), ("fault", found.faults)):
        for one in told[:SHOWN]:
            typer.echo(f"{kind}: {one}", err=kind == "fault")
        if len(told) > SHOWN:
            typer.echo(f"and {len(told) - SHOWN:,} more {kind}s: --json has them all", err=kind == "fault")
    verdict = "ready to be handed over" if found.good else f"NOT ready: {len(found.faults):,} faults"
    CONSOLE.print(f"[bold {'green' if found.good else 'red'}]{verdict}", end="")
    CONSOLE.print(f", {len(found.warnings):,} warnings")
