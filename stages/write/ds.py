"""datatrove's token files (.ds, .ds.index, .ds.metadata): what its datasets and nanotron read."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from florilegium.stages.write import Sequences, checked, portions, unsound

TAKES = "tokens"
SUFFIX = ".ds.metadata"
"""Ending of the file that is finished last: without it the others are no shard."""

KNOWS = ("pieces", "dtype")
"""What its files tell of a shard: where sequences end, where pieces of documents do, and how tokens were stored."""


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


def scan(path: Path, most: int) -> Iterator[Sequences]:
    """What `write` wrote at this path, in portions of at most `most` tokens or one piece, a piece to a sequence.

    Raises PipelineError that names the file and what does not hold.
    """
    data, index, about = (path.with_name(path.name + suffix) for suffix in (".ds", ".ds.index", SUFFIX))
    for file in (about, index, data):
        if not file.is_file():
            raise unsound(file, "there is no such file")
    said = about.read_text("utf-8", "replace")
    lines = said.split("\n")
    size = lines[0].rpartition("|")[2]
    if len(lines) != 3 or size not in ("2", "4") or not lines[1].isdecimal():
        raise unsound(about, "it does not tell the bytes of a token and the number of tokens")
    count = int(lines[1])
    if data.stat().st_size != count * int(size):
        raise unsound(data, f"it has {data.stat().st_size} bytes, and {about.name} speaks of {count * int(size)}")
    if count == 0 or index.stat().st_size == 0 or index.stat().st_size % 8:
        raise unsound(index, "it holds no ends of documents")
    ends = np.memmap(index, "<u8", "r").astype(np.int64)
    if (np.diff(ends, prepend=0) < 1).any() or int(ends[-1]) != count:
        raise unsound(index, f"its ends do not rise to {count}")
    return portions(np.memmap(data, "<u2" if size == "2" else "<i4", "r"), ends, most)


def _readable(count: int) -> str:
    """Three digits and a prefix: 1.50 kT, 200 MT."""
    exponent = len(str(count)) - 1
    while True:
        group, places = divmod(exponent, 3)
        text = f"{count / 1000**group:.{2 - places}f}"
        if float(text) < 10 ** (places + 1):
            return f"{text} {'kMGTP'[group - 1] if group else ''}T"
        exponent += 1  # it was rounded up to a digit more
