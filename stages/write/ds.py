"""datatrove's token files (.ds, .ds.index, .ds.metadata): what its datasets and nanotron read."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from florilegium.stages.write import Sequences, checked

TAKES = "tokens"
SUFFIX = ".ds.metadata"
"""Ending of the file that is finished last: without it the others are no shard."""


def write(sequences: Iterator[Sequences], path: Path, *, tokenizer: str = "Unknown Tokenizer") -> Sequence[Path]:
    """Write `<path>.ds`, `.ds.index` and `.ds.metadata`; answers the three files.

    Tokens without any frame, the end of each document as uint64 (a packed sequence has several), and three lines of
    text, as datatrove 0.10's `TokenizedFile` writes them. tokenizer: its name, for people; the default is datatrove's.
    """
    data, ends, about = (path.with_name(path.name + suffix) for suffix in (".ds", ".ds.index", SUFFIX))
    about.unlink(missing_ok=True)
    count = 0
    with data.open("wb") as out, ends.open("wb") as index:
        for batch in checked(sequences, path):
            size = batch.tokens.itemsize
            out.write(np.ascontiguousarray(batch.tokens, batch.tokens.dtype.newbyteorder("<")).data)
            index.write((count + np.cumsum(batch.piece_lengths)).astype("<u8").data)
            count += len(batch.tokens)
    about.write_text(f"{tokenizer}|{size}\n{count}\n{_readable(count)}", "utf-8")
    return data, ends, about


def _readable(count: int) -> str:
    """Three digits and a prefix: 1.50 kT, 200 MT."""
    exponent = len(str(count)) - 1
    while True:
        group, places = divmod(exponent, 3)
        text = f"{count / 1000**group:.{2 - places}f}"
        if float(text) < 10 ** (places + 1):
            return f"{text} {'kMGTP'[group - 1] if group else ''}T"
        exponent += 1  # it was rounded up to a digit more
