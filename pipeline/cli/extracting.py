"""The command extract: what becomes of a file, page or archive, shown."""

import json
from collections import Counter
from typing import Annotated, Any

import typer

DIM, KEPT = "bright_black", "green"


def add_to(app: typer.Typer) -> None:
    """Add this group's command."""
    app.command()(extract)


def extract(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Files or folders of any kind that can be read.")
    ],
    *,
    engine: Annotated[
        str | None,
        typer.Option(metavar="E", help="blocks (by default), trafilatura, trafilatura-fast or resiliparse."),
    ] = None,
    favor: Annotated[str | None, typer.Option(metavar="F", help="balanced, precision or recall.")] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Headings, quotes and code marked (engine blocks).")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One object a line: path, title, text, language, charset, date, licence.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show all blocks of a page with their scores: kept ones in colour.")
    ] = False,
) -> None:
    """Show the text of each document, as a build would read it: nothing is masked, filtered or written.

    Parquet files with columns `id` and `html` are read too; their objects have an `id`. Why a document has no text is
    said on standard error.

    Examples:

      florilegium extract page.html

      florilegium extract crawl.warc.gz --engine trafilatura --json

      florilegium extract page.html --explain
    """
    from pydantic import ValidationError

    from florilegium.pipeline.errors import PipelineError
    from florilegium.pipeline.extracting import extracted

    given: dict[str, Any] = {"engine": engine, "favor": favor}
    options = {name: value for name, value in given.items() if value is not None}
    if markdown:
        options |= {"markdown": True}
    found = 0
    beside: Counter[str] = Counter()
    try:
        for document in extracted(files, options, beside):
            found += 1
            _show(document, favor or "balanced", as_json, explain)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise PipelineError(first["msg"].removeprefix("Value error, "), "choose another --engine") from error
        raise PipelineError(
            f"--{first['loc'][0]} {first['input']}: {first['msg']}", "see `florilegium extract -h`"
        ) from error
    if not found:
        only = ", ".join(f"{number} {name}" for name, number in sorted(beside.items()))
        typer.echo(f"no document: {only or 'the files are empty'}", err=True)


LINE_ENDS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""JSON lets these stand in a string, but many programs end a line at them."""


def _show(document: dict[str, Any], favor: str, as_json: bool, explain: bool) -> None:
    payload, declared = document.pop("html"), document.pop("declared_charset")
    reason = document.pop("reason")
    del document["facts"]
    if reason is not None:
        typer.echo(f"{document['path']}: {reason}", err=True)
    if as_json:
        line = json.dumps(document, ensure_ascii=False, default=str)
        for end, escaped in LINE_ENDS.items():
            line = line.replace(end, escaped)
        typer.echo(line)
        return
    typer.secho(document["path"], bold=True)
    for name in ("title", "language", "charset", "date", "licence"):
        if document[name] is not None:
            typer.secho(f"{name}: {document[name]}", fg=DIM)
    if explain and payload.is_valid:
        _explain(payload.as_py(), declared, favor)
    elif document["text"]:
        typer.echo(f"\n{document['text']}\n")


def _explain(payload: bytes, declared: str | None, favor: str) -> None:
    from florilegium.pipeline.stage import find

    for block in find("stages", "extract").explain(payload, declared, favor):
        kind = f"heading {block.level}" if block.kind == "heading" else block.kind
        typer.secho(f"{block.score:5.2f} {kind:10} ", fg=DIM, nl=False)
        typer.secho(block.text, fg=KEPT if block.kept else DIM)
