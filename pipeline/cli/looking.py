"""Commands that look into a finished build: ledger, explain, similar, report, fates."""

import json
from typing import Annotated

import typer

Folder = Annotated[str, typer.Argument(metavar="DIR", help="Output folder of a finished build.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(ledger)
    app.command()(explain)
    app.command()(similar)
    app.command()(report)
    app.command()(fates)


def ledger(
    folder: Folder,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMNS",
            help="Break down by these columns, comma-separated: "
            "stage, reason, language, source, host, licence, rights, mime, charset, tokens_refused.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the account: read, kept, dropped by stage and reason.

    Examples:

      florilegium ledger corpus

      florilegium ledger corpus --by language,stage --json
    """
    from florilegium.pipeline import account
    from florilegium.pipeline.cli import tables

    found = account.account(folder)
    if by is None:
        typer.echo(json.dumps(found, ensure_ascii=False)) if as_json else tables.print_account(found)
        return
    names = [name.strip() for name in by.split(",") if name.strip()]
    broken = account.broken_down(folder, names)
    if as_json:
        typer.echo(json.dumps({**found, "by": broken.to_dicts()}, ensure_ascii=False))
    else:
        tables.print_frame(broken)


def explain(
    folder: Folder,
    what: Annotated[str, typer.Argument(metavar="ID|URL", help="A document's id (32 hex digits), URL, or record.")],
    as_json: AsJson = False,
) -> None:
    """Print the whole trail of one document: where it came from, what was decided and why, where it stands now.

    Example:

      florilegium explain corpus https://rathaus.example/amtsblatt
    """
    from florilegium.pipeline.account import trails
    from florilegium.pipeline.cli import tables

    found = trails(folder, what)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, default=_plain, indent=1))
    else:
        tables.print_trails(found)


def similar(
    folder: Folder,
    what: Annotated[str, typer.Argument(metavar="ID|URL", help="A document's id (32 hex digits), URL, or record.")],
    least: Annotated[float, typer.Option(min=0, max=1, help="The lowest similarity to show.")] = 0.5,
    as_json: AsJson = False,
) -> None:
    """List the documents of a build that resemble one, kept or not, the most alike first.

    Examples:

      florilegium similar corpus https://www.example.eu/laws/17

      florilegium similar corpus https://www.example.eu/laws/17 --least 0.3 --json
    """
    from florilegium.pipeline import similar as finding
    from florilegium.pipeline.cli import tables

    found = finding.similar(folder, what, least)
    if as_json:
        typer.echo(json.dumps([{**row, "id": row["id"].hex()} for row in found], ensure_ascii=False, indent=1))
    else:
        tables.print_similar(found)


def report(
    folder: Folder,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write the page here instead of only naming the one that the build wrote.",
        ),
    ] = None,
) -> None:
    """Name the provenance report of a build, or render it anew from its ledger.

    Examples:

      florilegium report corpus

      florilegium report corpus --out provenance.html
    """
    from florilegium.pipeline import account, store
    from florilegium.pipeline.report import figures, page

    facts = account.manifest(folder)
    if out is None:
        typer.echo(store.join(folder, "reports/provenance.html"))
        return
    found = figures.gather(account.files(folder, "ledger"))
    store.put_bytes(out, page.render(facts["corpus"], facts, facts["account"], found).encode())
    typer.echo(out)


def fates(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Output folder of a finished build of the sample.")],
    every: Annotated[bool, typer.Option("--all", help="List each page of what is not reached yet.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hold a build of the sample to the fate written for each of its pages: what holds, what is not reached yet.

    Ends with status 1 if an expectation is broken.

    Examples:

      florilegium fates demo/corpus

      florilegium fates demo/corpus --all
    """
    from dataclasses import asdict

    from florilegium.pipeline.cli import tables
    from florilegium.pipeline.sample.fates import held

    checks = held(folder)
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], ensure_ascii=False, indent=1))
    else:
        tables.print_fates(checks, every)
    if any(check.state == "broken" for check in checks):
        raise typer.Exit(1)


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
