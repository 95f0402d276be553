"""Mixture: parts of a finished build by weight, written as the files that trainers take a mixture by."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from florilegium.pipeline import account, store
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.fingerprint import file_hash
from florilegium.pipeline.mixture import files, physical, weights
from florilegium.pipeline.mixture.files import Part
from florilegium.pipeline.mixture.parts import Supply, available, supplies
from florilegium.pipeline.mixture.recipe import Mixture
from florilegium.pipeline.shards import Shard
from florilegium.pipeline.work import digest

PLAN = "mixture.json"
"""Written last: a folder without it holds no whole mixture."""


def make(out: str, to: str, mixture: Mixture) -> dict[str, Any]:
    """Write a mixture of the build in `out` into the folder `to`; answers what is written as `mixture.json`.

    The folder is new, empty, or holds an earlier mixture, which is replaced. Raises PipelineError when the build has no
    such layout or parts, when weights are below the level of its shards and `physical` is not set, and when the parts
    cannot give as many tokens as are asked for.
    """
    found = supplies(out, mixture.layout, mixture.by)
    there = available(found)
    amounts = weights.drawn(there, mixture.weights, mixture.tokens, mixture.epochs)
    if not mixture.physical:
        _whole(found, mixture)
    target = _cleared(to)
    parts = _parts(target, found, there, amounts, mixture)
    manifest = account.manifest(out)
    validation = [one.shard for one in found if one.shard.split == "validation" and one.tokens.keys() & amounts.keys()]
    told: dict[str, Any] = {
        "corpus": manifest["corpus"],
        "manifest": file_hash(Path(store.join(out, "manifest.json"))),
        "mixture": mixture.model_dump(mode="json"),
    }
    mark = digest(told)
    entries = files.blend(parts)
    files.megatron(target, entries, _naturally(validation))
    uneven = max(part.epochs for part in parts) - min(part.epochs for part in parts) > EVEN
    if mixture.physical or not (uneven or abs(parts[0].epochs - 1) > EVEN or len(parts) < len(there)):
        files.titan(target, parts, validation, found[0].shard.info["eos"], mixture.seed)
        told["titan"] = "titan.toml"
    else:
        told["titan"] = "none: titan-oellm knows no weights; physical shards need none"
    files.collection(target, manifest["corpus"], parts, found[0].shard.info["tokenizer"]["name"])
    files.submodel(target, manifest["corpus"], mark, parts)
    told["parts"] = [
        {"part": part.name, "available": part.there, "weight": part.weight, "drawn": round(part.drawn)}
        | {"epochs": part.epochs, "documents": part.documents, "shards": len(part.shards)}
        for part in parts
    ]
    told["tokens"] = round(sum(part.drawn for part in parts))
    told["left_out"] = sorted(there.keys() - amounts.keys())
    store.put_bytes(str(target / PLAN), (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())
    return told


EVEN = 1e-9
"""Epochs that differ by less are the same."""


def _whole(found: Sequence[Supply], mixture: Mixture) -> None:
    """Raises PipelineError when a shard holds several parts: a blend weighs whole shards."""
    for one in found:
        if one.shard.split == "train" and len(one.tokens) > 1:
            raise PipelineError(
                f"{one.shard.path}: holds {len(one.tokens)} parts ({', '.join(sorted(one.tokens))}), "
                f"and a blend weighs whole shards: --by {mixture.by} needs shards of its own",
                f"add --physical, which writes them, or build with `tokens.divide: {{by: {mixture.by}}}`",
            )


def _cleared(to: str) -> Path:
    """The folder, without an earlier mixture."""
    target = store.local_path(to)
    if target is None:
        raise PipelineError(f"{to}: trainers name shards by local paths", "give a local folder")
    if target.exists() and any(target.iterdir()) and not (target / PLAN).is_file():
        raise PipelineError(f"{to}: is not empty, and holds no mixture", "give another --out, or empty it")
    for name in (PLAN, "megatron", "titan.toml", "chunks", "openeurollm", "aas-submodel.json", "shards"):
        store.remove(str(target / name))
    store.make_folder(str(target))
    return target.resolve()


def _parts(
    target: Path, found: Sequence[Supply], there: Mapping[str, int], amounts: Mapping[str, float], mixture: Mixture
) -> list[Part]:
    """The parts with their shards, written anew if the mixture says so."""
    made = []
    folders = _folders(amounts)
    for name, amount in amounts.items():
        mine = [one for one in found if one.shard.split == "train" and name in one.tokens]
        sources = [one.shard for one in mine]
        tables = [one.documents(name, mixture.by) for one in mine]
        documents = pa.concat_tables(
            table.append_column("shard", pa.array(np.full(len(table), number))) for number, table in enumerate(tables)
        )
        if mixture.physical:
            tokens = documents["tokens"].to_numpy()
            rows = physical.order(tokens, amount, mixture.seed, name)
            folder = target / "shards" / folders[name]
            written = physical.write(folder, sources, documents, rows, mixture.shard_tokens)
            pairs = [(path, info["tokens"]) for path, info in written]
            documents, amount = documents.take(rows), float(tokens[rows].sum())  # noqa: PLW2901
        else:
            pairs = [(shard.path, shard.info["tokens"]) for shard in sources]
        sums = {one: int(pc.sum(documents[one]).as_py()) for one in ("segments", "tokens", "characters")}
        counts = {"documents": len(documents), **sums}
        once = len(documents["id"].unique())
        made.append(Part(name, folders[name], there[name], once, amount, 0.0, pairs, counts))
    total = sum(part.drawn for part in made)
    return [Part(**{**vars(part), "weight": part.drawn / total}) for part in made]


def _folders(names: Mapping[str, Any]) -> dict[str, str]:
    """A folder's name for each part. Raises PipelineError when two would be one."""
    found = {name: re.sub(r"[^A-Za-z0-9._-]+", "-", name.replace("/", ".")) for name in names}
    twice = [name for name in found if list(found.values()).count(found[name]) > 1]
    if twice:
        raise PipelineError(f"parts {', '.join(twice)} would be one folder", "give one of them another name")
    return found


def _naturally(validation: Sequence[Shard]) -> list[tuple[float, str]]:
    """The validation shards by their tokens."""
    total = sum(shard.info["tokens"] for shard in validation)
    return [(shard.info["tokens"] / total, shard.prefix) for shard in validation]
