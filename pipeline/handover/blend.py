"""A mixture held to its build: weights sum to 1, every prefix is a sound pair, sums and links hold."""

import json
import math
from collections.abc import Mapping, Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Any

from florilegium.pipeline import store, tables
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.fingerprint import file_hash
from florilegium.pipeline.handover import shard as shards
from florilegium.pipeline.handover.findings import Findings
from florilegium.pipeline.lineage import ENDING
from florilegium.pipeline.shards import Shard
from florilegium.pipeline.stage import find

NEAR = 1e-9
"""How far from 1 the weights of a blend may sum."""


def check(found: Findings, out: Path, files: Mapping[str, Any], folder: str) -> None:
    """Hold the mixture in a folder to the build in `out`, whose manifest names `files`.

    Raises PipelineError when the folder holds no mixture.
    """
    root = Path(folder).resolve()
    content = store.read(str(root / "mixture.json"))
    if content is None:
        raise PipelineError(f"{folder}: holds no mixture", "give the --out of `florilegium mixture`")
    told = json.loads(content)
    name = str(root / "mixture.json")
    found.same("blend", name, "manifest of its build", told["manifest"], file_hash(out / "manifest.json"))
    entries = _entries(found, root)
    named = {str(out.resolve() / path.removesuffix(".idx")) for path in files if path.endswith("_text_document.idx")}
    for _, prefix in entries:
        found.looked["blend"] += 1
        if Path(prefix).is_relative_to(root):
            _physical(found, Path(prefix.removesuffix("_text_document")))
        elif prefix not in named:
            found.fault("blend", str(root / "megatron/data_args.txt"), f"{prefix} is no pair of this build")
    _collection(found, root / "openeurollm")
    _chunks(found, root / "chunks")


def _entries(found: Findings, root: Path) -> list[tuple[float, str]]:
    """Weights and prefixes, once all three files of Megatron-LM tell the same."""
    path = root / "megatron/data_args.txt"
    words = _words(found, path)
    try:
        splits = json.loads((root / "megatron/per_split.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        found.fault("blend", str(root / "megatron/per_split.json"), f"cannot be read: {error}")
        splits = {"train": words}
    if splits["train"] != words or _words(found, root / "megatron/data_path.txt") != words:
        found.fault("blend", str(path), "data_path.txt, data_args.txt and per_split.json do not tell the same")
    if splits.get("valid"):
        _sum(found, str(root / "megatron/per_split.json"), splits["valid"][::2], "valid")
    _sum(found, str(path), words[::2])
    return list(zip([_number(word) for word in words[::2]], words[1::2], strict=False))


def _words(found: Findings, path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        found.fault("blend", str(path), f"cannot be read: {error}")
        return []


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan


def _sum(found: Findings, file: str, words: Sequence[str], place: str = "") -> None:
    """Whether weights are positive numbers that sum to 1."""
    found.looked["blend"] += 1
    numbers = [_number(word) for word in words]
    total = math.fsum(numbers)
    if not all(number > 0 for number in numbers) or not abs(total - 1) <= NEAR:
        found.fault("blend", file, f"weights sum to {total:.10f}, not to 1", place)


def _physical(found: Findings, path: Path) -> None:
    """The rules of tokens for a shard that the mixture wrote itself; documents may stand in it several times."""
    stem = str(path)
    try:
        info = json.loads(Path(f"{stem}.info.json").read_text("utf-8"))
        beside = tables.read(f"{stem}{ENDING}")
        for end, meant in info["sha256"].items():
            if not found.same("blend", f"{stem}{end}", "SHA-256", meant, file_hash(Path(f"{stem}{end}"))):
                return
    except (OSError, ValueError, LookupError, PipelineError) as error:
        found.fault("blend", stem, f"has no pair, info or sidecar that can be read: {error}")
        return
    pack = {"kind": "documents", "length": None}
    shard = Shard(path, stem, info["layout"], info["split"], info["language"], "megatron", pack, info)
    seen = shards.check(found, shard, beside, 0, 0, once=False)
    if seen is not None:
        for name in ("tokens", "longest_run"):
            found.same("blend", f"{stem}.info.json", name, info[name], getattr(seen, name))


def _collection(found: Findings, cycle: Path) -> None:
    """datamix.txt, and the md5 sums of what its folders hold."""
    mix = cycle / "datamix.txt"
    words = _words(found, mix)
    _sum(found, str(mix), words[::2])
    for folder in words[1::2]:
        here = cycle / folder
        dataset, _, part = folder.partition("/megatron-lm/")
        sums = _words(found, cycle / dataset / "md5" / part / "megatron-lm.md5")
        said = dict(zip(sums[1::2], sums[::2], strict=False))
        there = {path.relative_to(cycle).as_posix() for path in here.glob("*") if path.is_file()}
        if not there or there != said.keys():
            found.fault("blend", str(here), "its files are not those of its md5 sums")
        for name in sorted(there & said.keys()):
            found.looked["blend"] += 1
            with (cycle / name).open("rb") as file:
                if file_digest(file, "md5").hexdigest() != said[name]:
                    found.fault("blend", str(cycle / name), "its MD5 is not the one told")


def _chunks(found: Findings, folder: Path) -> None:
    """Every pair of titan-oellm's folder opens, and all are of one type."""
    types = set()
    for index in sorted(folder.glob("*.idx")):
        found.looked["blend"] += 1
        try:
            types.add(find("stages.write", "megatron").read(index.with_suffix("")).tokens.dtype)
        except PipelineError as error:
            found.fault("blend", str(index), error.message)
    if len(types) > 1:
        found.fault("blend", str(folder), f"pairs are of {len(types)} types: titan-oellm takes one")
