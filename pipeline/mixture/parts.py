"""The shards of a layout, and the parts that a mixture is made of."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from florilegium.pipeline import account, store, tables
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.lineage import ENDING
from florilegium.pipeline.shards import Shard, home_of, homes

UNKNOWN = "none"
"""Stands for a licence that no source declares."""


@dataclass(frozen=True, slots=True)
class Supply:
    """What a mixture draws from: a Megatron pair, the Parquet shard that its documents stand in, its tokens by part."""

    shard: Shard
    corpus: str
    tokens: Mapping[str, int]

    def documents(self, part: str, by: str) -> pa.Table:
        """Its documents of a part: the sidecar's columns, and characters and segments (lines that hold text)."""
        beside = tables.read(f"{self.shard.path}{ENDING}")
        if by in ("licence", "source"):
            wanted = [part.partition("/")[2]] + [None] * part.endswith(f"/{UNKNOWN}")
            beside = beside.filter(pc.is_in(beside[by], value_set=pa.array(wanted, pa.string())))
        counted = [
            pa.table({"id": batch["id"], "characters": batch["characters"], "segments": _segments(batch["text"])})
            for batch in tables.scan(self.corpus, ["id", "characters", "text"])
        ]
        counts = pa.concat_tables(counted).combine_chunks()
        rows = pc.index_in(beside["id"], value_set=pa.concat_arrays(counts["id"].chunks))
        return beside.append_column("characters", counts["characters"].take(rows)).append_column(
            "segments", counts["segments"].take(rows)
        )


def _segments(texts: Any) -> Any:
    return pc.count_substring_regex(texts, r"(?m)^.*\S.*$").cast(pa.int64())


def supplies(out: str, layout: str, by: str) -> list[Supply]:
    """The shards of a layout, both splits. Raises PipelineError when there are none that trainers' files can name."""
    root = store.local_path(out)
    if root is None:
        raise PipelineError(f"{out}: trainers name shards by local paths", "copy the build to a local disk")
    manifest = account.manifest(out)
    layouts = {one["name"]: one for one in (manifest["recipe"].get("tokens") or {"layouts": []})["layouts"]}
    _usable(out, layout, layouts)
    corpus = homes(manifest["files"])
    found = []
    for file in manifest["files"]:
        if file.get("layout") == layout and file["path"].endswith(ENDING):
            stem = file["path"].removesuffix(ENDING)
            path = root.resolve() / stem
            info = json.loads(Path(f"{path}.info.json").read_text("utf-8"))
            home = store.join(out, corpus[home_of(stem, file["language"])])
            named = f"{file['language']}/{file['part']}" if by == "part" and "part" in file else file["language"]
            tokens = {named: info["tokens"]}
            if by in ("licence", "source"):
                beside = tables.read(f"{path}{ENDING}", [by, "tokens"])
                counted = beside.group_by(by).aggregate([("tokens", "sum")]).to_pylist()
                tokens = {f"{file['language']}/{one[by] or UNKNOWN}": one["tokens_sum"] for one in counted}
            pack = layouts[layout]["pack"]
            pair = Shard(path, stem, layout, file["split"], file["language"], "megatron", pack, info)
            found.append(Supply(pair, home, tokens))
    return found


def _usable(out: str, layout: str, layouts: Mapping[str, Any]) -> None:
    good = [name for name, one in layouts.items() if one["format"] == "megatron"]
    if layout not in good:
        what = "is in another format" if layout in layouts else "is not there"
        raise PipelineError(
            f"{out}: the layout {layout!r} {what}; the trainers' blends name Megatron pairs",
            f"use one of: {', '.join(good)}" if good else "add `tokens:` with a layout of format megatron, build again",
        )


def available(found: Sequence[Supply]) -> dict[str, int]:
    """Tokens of each part in the train split, by name."""
    total: dict[str, int] = {}
    for one in found:
        for part, tokens in one.tokens.items() if one.shard.split == "train" else ():
            total[part] = total.get(part, 0) + tokens
    return dict(sorted(total.items()))
