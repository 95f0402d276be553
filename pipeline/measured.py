"""Which files hold documents, measures and decisions of a finished build: noted by the build, found for what-if."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from florilegium.pipeline import store
from florilegium.pipeline.errors import PipelineError

if TYPE_CHECKING:
    from florilegium.pipeline.passes.decisions import Shard
    from florilegium.pipeline.work import Record, Unit

INDEX = "shards.jsonl"
"""In the folder of the decisions: a line a shard, with paths below `work`."""


@dataclass(frozen=True)
class Files:
    """The files of one shard, row for row beside one another: of the documents, measures and decisions passes."""

    documents: str
    measures: str
    decisions: str


def note(work: str, corpus: "Sequence[Shard]", settled: "Sequence[tuple[Unit, Record]]") -> None:
    """Store which files belong together, beside the decisions."""
    shards = [
        Files(
            *(path.removeprefix(work).lstrip("/") for path in (shard.documents, shard.measures, unit.path(".parquet")))
        )
        for shard, (unit, _) in zip(corpus, settled, strict=True)
    ]
    content = "".join(f"{json.dumps(asdict(one))}\n" for one in shards)
    store.put_bytes(store.join(settled[0][0].folder, INDEX), content.encode())


def shards(out: str, manifest: Mapping[str, Any]) -> list[Files]:
    """The files of the build that a manifest tells of, in input order. Raises PipelineError when they are gone."""
    work = store.join(out, "work")
    content = store.read(store.join(work, manifest["passes"]["decisions"], INDEX))
    lines = [] if content is None else content.decode().splitlines()
    found = [Files(**{name: store.join(work, path) for name, path in json.loads(line).items()}) for line in lines]
    paths = [path for one in found for path in (one.documents, one.measures, one.decisions)]
    gone = next((path for path in paths if store.size(path) is None), None)
    if gone is not None or not found:
        raise PipelineError(
            f"{gone or work}: the measures of the finished build are not there any more",
            "run the same `florilegium build` command: what was removed is made again",
        )
    return found
