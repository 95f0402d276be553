"""The command `florilegium`: one module a command group."""

import sys

import typer

from florilegium.pipeline.cli import (
    building,
    describing,
    extracting,
    filtering,
    handover,
    looking,
    mixture,
    tokenizer,
    tokens,
)
from florilegium.pipeline.errors import PipelineError

app = typer.Typer(
    name="florilegium",
    help="Curate European multilingual corpora: real WARC in, audited Parquet shards out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
for group in (building, looking, filtering, describing, extracting, tokenizer, tokens, mixture, handover):
    group.add_to(app)


def main() -> None:
    """Run the command line. A user's mistake ends with two lines and status 2."""
    try:
        app()
    except PipelineError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
