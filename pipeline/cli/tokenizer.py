"""Commands about tokenizers: tokenizer train, tokenizer compare."""

import json
from typing import Annotated

import typer

Corpus = Annotated[
    str,
    typer.Argument(
        metavar="CORPUS", help="Output folder of a finished build, or Parquet files with `text` and `language`."
    ),
]
Reference = Annotated[
    str, typer.Option(metavar="LANGUAGE", help="Parity is tokens a word over those of this language.")
]

COMPARED = 10.0
"""Megabytes that a comparison encodes unless told. Of help pages in 27 languages (19 MB) 10 MB give each language's
tokens a word to 2.3 % (on average 1 %) of those of the whole, 3 MB to 9 %."""


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(
        name="tokenizer",
        help="Train a tokenizer on a corpus; compare tokenizers by language.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command()(train)
    group.command()(compare)
    app.add_typer(group)


def train(
    corpus: Corpus,
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="The tokenizer.json to write.")],
    *,
    vocabulary: Annotated[int, typer.Option(help="Number of tokens, special ones included.")] = 32_000,
    kind: Annotated[
        str, typer.Option(metavar="llama3|gpt2|sentencepiece", help="How text is parted, and what the alphabet is.")
    ] = "llama3",
    balance: Annotated[
        str,
        typer.Option(
            metavar="parity|temperature:A|none",
            help="Bytes of each language: the same, in proportion to its size to the power of A, or to its size. "
            "What a language lacks of its share the others get.",
        ),
    ] = "parity",
    special: Annotated[
        list[str] | None,
        typer.Option(metavar="TOKEN", help="Special tokens, ids from 0 in this order. [default: <eos>]"),
    ] = None,
    megabytes: Annotated[float, typer.Option(metavar="MB", help="Text to learn from, at most.")] = 100.0,
    against: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Other tokenizers to compare it with.")
    ] = None,
    reference: Reference = "eng_Latn",
) -> None:
    """Train a tokenizer on a balanced sample of a corpus, and compare it. The same corpus gives the same file.

    The comparison is on text that the sample left out, as far as there is any.

    Examples:

      florilegium tokenizer train corpus --out tokenizer.json --vocabulary 64000

      florilegium tokenizer train corpus -o tokenizer.json --special "<bos>" --special "<eos>" --against other.json
    """
    import sys
    import time

    from florilegium.pipeline.cli import tables
    from florilegium.pipeline.cli.progress import walking
    from florilegium.pipeline.tokenizer.compare import compare as compared
    from florilegium.pipeline.tokenizer.compare import openable
    from florilegium.pipeline.tokenizer.sample import draw, shared
    from florilegium.pipeline.tokenizer.train import train as trained

    others = against or []
    openable(others)
    started = time.monotonic()
    made = trained(
        corpus,
        out,
        vocabulary=vocabulary,
        kind=kind,
        balance=balance,
        special=("<eos>",) if special is None else special,
        megabytes=megabytes,
        walk=walking,
        say=lambda line: typer.echo(line, err=True),
        bars=sys.stderr.isatty(),
    )
    seconds = time.monotonic() - started
    rest = draw(corpus, COMPARED, backwards=True, walk=walking)
    found = compared([out, *others], rest, reference, walking)
    tables.print_sample(made.sample)
    tables.print_compared(found)
    seen = shared(made.sample, rest)
    if seen:
        typer.echo(
            f"compared on text it was trained on, at least in part, in {len(seen)} of {len(rest.texts)} languages: "
            "they have too little; such figures flatter it"
        )
    typer.echo(f"{seconds:.1f} s; {vocabulary:,} tokens, sha256 {made.stored.sha256[:16]}\n  {out}")


def compare(
    files: Annotated[list[str], typer.Argument(metavar="TOKENIZER...", help="Files like tokenizer.json.")],
    on: Annotated[
        str,
        typer.Option(
            metavar="CORPUS", help="Output folder of a finished build, or Parquet files with `text` and `language`."
        ),
    ],
    *,
    megabytes: Annotated[
        float, typer.Option(metavar="MB", help="Text to encode, at most, the same of each language.")
    ] = COMPARED,
    reference: Reference = "eng_Latn",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write a page with bar charts, too.")] = None,
) -> None:
    """Compare tokenizers by language: tokens a word, bytes a token, parity, share of tokens of a single byte.

    Examples:

      florilegium tokenizer compare a.json b.json --on corpus

      florilegium tokenizer compare a.json --on corpus --json
    """
    from florilegium.pipeline import store
    from florilegium.pipeline.cli import tables
    from florilegium.pipeline.cli.progress import walking
    from florilegium.pipeline.tokenizer import page
    from florilegium.pipeline.tokenizer.compare import as_json as plain
    from florilegium.pipeline.tokenizer.compare import compare as compared
    from florilegium.pipeline.tokenizer.compare import openable
    from florilegium.pipeline.tokenizer.sample import draw

    openable(files)
    found = compared(files, draw(on, megabytes, backwards=True, walk=walking), reference, walking)
    if html is not None:
        store.put_bytes(html, page.render(found).encode())
    if as_json:
        typer.echo(json.dumps(plain(found), ensure_ascii=False))
        return
    tables.print_compared(found)
    if html is not None:
        typer.echo(html)
