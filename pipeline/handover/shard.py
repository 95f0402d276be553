"""One token shard held to the rules: first its sidecar, then every token, by what its format's reader gives."""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from florilegium.pipeline.encoding import PORTION
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.handover import sidecar
from florilegium.pipeline.handover.findings import Findings
from florilegium.pipeline.handover.text import Range, ranges
from florilegium.pipeline.handover.watch import Watch
from florilegium.pipeline.shards import Shard
from florilegium.pipeline.stage import find


@dataclass
class Seen:
    """What was found of a shard. cut: pieces beyond the first of a document; drawn: ranges and their tokens."""

    beside: pa.Table
    documents: int = 0
    tokens: int = 0
    dtype: str = ""
    cut: int = 0
    longest_run: int = 0
    drawn: list[tuple[Range, NDArray[Any]]] = field(default_factory=list)


def check(
    found: Findings, shard: Shard, beside: pa.Table, samples: int, seed: int, *, once: bool = True
) -> Seen | None:
    """Hold one shard to the rules; None when its files or its sidecar are so wrong that nothing more can be said.

    once: each document stands in it once, in pieces or whole; else it may be repeated.
    """
    seen = Seen(beside)
    if not sidecar.adds_up(found, shard, beside):
        return None
    if once:
        seen.documents, seen.cut = sidecar.pieces(found, shard, beside)
    wanted = ranges(beside, samples, f"{seed} {shard.stem}")
    watch = Watch(found, shard, beside, wanted)
    try:
        for batch in find("stages.write", shard.format).scan(shard.path, PORTION):
            watch.see(batch)
    except PipelineError as error:
        found.fault("format", *_said(error.message, shard))
        return None
    if not watch.done():
        return None
    seen.tokens, seen.dtype, seen.longest_run, seen.drawn = watch.at, watch.dtype, watch.longest_run, watch.drawn
    return seen


def _said(message: str, shard: Shard) -> tuple[str, str]:
    """File and sentence of what a format's reader says, the file from the output folder."""
    folder = str(shard.path).removesuffix(shard.stem)
    file, _, what = message.removeprefix(folder).partition(": ")
    return file, what
