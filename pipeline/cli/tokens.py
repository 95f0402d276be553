"""Commands about tokens: tokenize, lineage."""

import json
from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(tokenize)
    app.command()(lineage)


def tokenize(
    inputs: Annotated[
        list[str],
        typer.Option("--in", metavar="FILE", help="A file or folder of .parquet or .jsonl; may be repeated."),
    ],
    *,
    tokenizer: Annotated[Path, typer.Option(metavar="T.json", help="A tokenizer.json.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where to write; made if it is not there.")],
    output_format: Annotated[
        str, typer.Option("--format", help="A token format: megatron, packed, mds, ds.")
    ] = "megatron",
    length: Annotated[
        int | None, typer.Option(min=1, help="Pack into sequences of this many tokens (best-fit); else one a document.")
    ] = None,
    eos: Annotated[str | None, typer.Option(help="The token that ends each document; else the usual one.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the encoder.")] = 1,
) -> None:
    """Encode texts and write token shards with their sidecars, without a build: nothing is filtered or masked.

    Examples:

      florilegium tokenize --tokenizer T.json --in corpus.parquet --out tokens

      florilegium tokenize --tokenizer T.json --in texts.jsonl --out tokens --format packed --length 4096
    """
    from florilegium.pipeline.cli import tables
    from florilegium.pipeline.standalone import tokenize as run

    found = run(inputs, tokenizer, out, output_format=output_format, length=length, eos=eos, threads=threads)
    for path, counts in found.shards.items():
        typer.echo(f"{path}: {counts['documents']:,} documents, {counts['tokens']:,} tokens")
    tables.print_left_out(found.refused, found.without["text"])
    tables.print_tokenizer(str(tokenizer), found.why)


def lineage(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Output folder of a finished build.")],
    token: Annotated[
        str | None, typer.Option(metavar="SHARD:POSITION", help="A token, counted from the start of its shard.")
    ] = None,
    sequence: Annotated[
        str | None, typer.Option(metavar="SHARD:NUMBER", help="A sequence, as a trainer counts samples of a shard.")
    ] = None,
    document: Annotated[str | None, typer.Option(metavar="ID|URL", help="A document: where are its tokens?")] = None,
    as_json: AsJson = False,
) -> None:
    """Walk from a token or a sequence to its documents, or from a document to all its tokens.

    Examples:

      florilegium lineage corpus --token tokens/documents/deu_Latn/deu_Latn_1f0c2a77_0000:12345

      florilegium lineage corpus --sequence tokens/packed/deu_Latn/deu_Latn_1f0c2a77_0000.packed.parquet:17

      florilegium lineage corpus --document https://rathaus.example/amtsblatt
    """
    from florilegium.pipeline import lineage as walk
    from florilegium.pipeline.cli import tables
    from florilegium.pipeline.errors import PipelineError

    given = [one for one in (token, sequence, document) if one is not None]
    if len(given) != 1:
        raise PipelineError("lineage: one of --token, --sequence, --document is needed", "see `florilegium lineage -h`")
    if document is not None:
        found = walk.of_document(folder, document)
    else:
        shard, _, number = given[0].rpartition(":")
        if not number.isdigit():
            raise PipelineError(f"{given[0]}: expected SHARD:NUMBER", "put a colon and a whole number behind the shard")
        of = walk.of_token if token is not None else walk.of_sequence
        answer = of(folder, shard, int(number))
        found = answer if isinstance(answer, list) else [answer]
    if as_json:
        typer.echo(
            json.dumps(found, ensure_ascii=False, default=lambda one: one.hex() if isinstance(one, bytes) else str(one))
        )
    else:
        tables.print_pieces(found)
