"""Hand-over: token shards of a finished build held to the rules of those who will train on them."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from florilegium.pipeline import account, store, tables
from florilegium.pipeline.encoding import UNSAFE
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.handover import blend, sidecar, text
from florilegium.pipeline.handover import shard as shards
from florilegium.pipeline.handover.findings import Findings
from florilegium.pipeline.handover.shard import Seen
from florilegium.pipeline.layouts import DIVIDES
from florilegium.pipeline.lineage import ENDING
from florilegium.pipeline.passes.release import TOKENIZER
from florilegium.pipeline.shards import Home, Shard, home_of, homes
from florilegium.pipeline.stage import find
from florilegium.pipeline.tokenizer import widths
from florilegium.pipeline.work import digest

STEM = re.compile(r"(tokens/.*_\d{4,})([._].*)")
"""The stem of a token shard and the ending of one of its files."""


@dataclass
class Build:
    """A build under check. seen: documents and tokens of each layout by corpus shard; broken: what cannot be summed."""

    out: str
    root: Path
    manifest: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]
    reader: text.Reader
    totals: dict[str, Any] = field(default_factory=dict)
    seen: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    broken: set[str] = field(default_factory=set)

    @cached_property
    def corpus(self) -> dict[Home, str]:
        """The corpus shards by language and number."""
        return homes(self.files.values())

    @cached_property
    def hashes(self) -> dict[str, dict[str, str]]:
        """The hashes that the manifest tells of each token shard, by stem and ending."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for path, file in self.files.items():
            parts = STEM.fullmatch(path)
            if parts and parts[2] != ".info.json":
                found[parts[1]][parts[2]] = file["sha256"]
        return found


def check(out: str, samples: int = 16, seed: int = 0, mixtures: Sequence[str] = ()) -> Findings:
    """Hold all token shards that the manifest names to every rule of `findings.CHECKS`.

    samples: random ranges of each shard that are held against the Parquet text; the same seed draws the same.
    mixtures: folders of mixtures of this build. Memory is that of one sidecar and some million tokens.
    Raises PipelineError when there is no build, it has no token shards, or its files do not lie on a local file system,
    where they can be mapped.
    """
    root = store.local_path(out)
    if root is None:
        raise PipelineError(f"{out}: token shards are mapped, so they must lie on a local disk", "copy the build there")
    manifest = account.manifest(out)
    files = {file["path"]: file for file in manifest["files"]}
    stems = [path.removesuffix(ENDING) for path in files if path.startswith("tokens/") and path.endswith(ENDING)]
    if not stems:
        raise PipelineError(f"{out}: holds no token shards", "add `tokens:` to the recipe and build again")
    found = Findings()
    for path in _stand(found, out, files):
        if path == TOKENIZER:
            raise PipelineError(f"{out}/{path}: is missing", "run the same build again")
    build = Build(out, root, manifest, files, text.Reader(root / TOKENIZER))
    if (warning := widths.clash(build.reader.vocabulary)) is not None:
        found.warn("dtype", TOKENIZER, warning)
    for stem in stems:
        _shard(found, build, stem, samples, seed)
    _indices(found, build)
    _totals(found, build)
    _ledger(found, build)
    for folder in mixtures:
        blend.check(found, root, files, folder)
    return found


def _stand(found: Findings, out: str, files: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Whether every file is what the manifest says, and stands alone; answers those that are not there."""
    for path, file in files.items():
        found.looked["files"] += 1
        size = store.size(store.join(out, path))
        if size is None:
            found.fault("files", path, "is missing")
            yield path
        elif size != file["bytes"]:
            found.fault("files", path, f"has {size:,} bytes, not the {file['bytes']:,} of the manifest")
        elif store.sha256(store.join(out, path)) != file["sha256"]:
            found.fault("files", path, "its SHA-256 is not that of the manifest")
    for top in ("tokens", "corpus"):
        for stray in store.listing(store.join(out, top)):
            if f"{top}/{stray.name}" not in files:
                found.fault("files", f"{top}/{stray.name}", "is not of this build: a trainer would find it")


def _shard(found: Findings, build: Build, stem: str, samples: int, seed: int) -> None:
    """One shard, its info and its documents in the corpus."""
    file = build.files[stem + ENDING]
    layouts = {one["name"]: one for one in build.manifest["recipe"]["tokens"]["layouts"]}
    home = build.corpus.get(home_of(stem, file["language"]))
    info = _info(found, build, stem)
    beside = _table(found, build.out, stem + ENDING)
    corpus = None if home is None else _table(found, build.out, home, ("id", "language", "licence", "source"))
    layout = layouts.get(file["layout"])
    if home is None or layout is None:
        found.fault("documents", stem, "no shard of the corpus, or no layout of the recipe, is its own")
    if home is None or layout is None or info is None or beside is None or corpus is None:
        build.broken |= {home or "", file["layout"]}
        return
    shard = Shard(
        build.root / stem, stem, file["layout"], file["split"], file["language"], layout["format"], layout["pack"], info
    )
    seen = shards.check(found, shard, beside, samples, seed)
    if seen is None:
        build.broken |= {home, shard.layout}
        return
    divide = build.manifest["recipe"]["tokens"].get("divide")
    if divide is not None and divide["by"] in DIVIDES:
        names = {UNSAFE.sub("-", one or "none") for one in beside[divide["by"]].unique().to_pylist()}
        found.same("documents", stem + ENDING, divide["by"], [file.get("part")], sorted(names))
    _count(build, shard, seen, home)
    _said(found, build, shard, seen)
    rows = sidecar.of_corpus(found, shard, beside, corpus, build.manifest["recipe"]["tokens"]["validation"])
    if rows is not None:
        drawn = [
            text.Drawn(of, tokens, beside["id"][of.row].as_py().hex(), int(rows[of.row])) for of, tokens in seen.drawn
        ]
        written = text.Written(build.reader, info["bos"], info["eos"])
        text.check(found, stem, drawn, store.join(build.out, home), written)


def _table(found: Findings, out: str, path: str, columns: tuple[str, ...] | None = None) -> pa.Table | None:
    if store.size(store.join(out, path)) is None:
        return None  # told already
    try:
        return tables.read(store.join(out, path), columns)
    except (pa.ArrowException, OSError) as error:
        found.fault("files", path, f"is no Parquet file that can be read: {str(error).splitlines()[0]}")
        return None


NUMBERS = ("vocabulary", "eos", "documents", "sequences", "tokens", "longest", "longest_run", "cut")


def _info(found: Findings, build: Build, stem: str) -> dict[str, Any] | None:
    """The info of a shard, once what it must hold is there."""
    path = f"{stem}.info.json"
    content = store.read(store.join(build.out, path))
    try:
        info: dict[str, Any] = json.loads(content or b"")
        if all(isinstance(info[name], int) for name in NUMBERS) and {"bos", "dtype", "sha256"} <= info.keys():
            return info
        what = "a count is no number"
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        what = f"is no info of a token shard: {error}"
    found.fault("info", path, what)
    return None


def _said(found: Findings, build: Build, shard: Shard, seen: Seen) -> None:
    """What an info tells against what was found, and the rules that hold for a whole build."""
    path, info = f"{shard.stem}.info.json", shard.info
    sequences = np.bincount(seen.beside["sequence"].to_numpy(), seen.beside["tokens"].to_numpy())
    there = {
        "documents": seen.documents,
        "sequences": len(sequences),
        "tokens": seen.tokens,
        "longest": int(sequences.max()),
        "longest_run": seen.longest_run,
        "cut": seen.cut,
        "layout": shard.layout,
        "split": shard.split,
        "language": shard.language,
        "vocabulary": build.reader.vocabulary,
        "recipe": digest(build.manifest["recipe"]),
        "sha256": build.hashes[shard.stem],
    }
    for name, value in there.items():
        found.same("info", path, name, info.get(name), value)
    tokenizer = info.get("tokenizer")
    said = tokenizer.get("sha256") if isinstance(tokenizer, dict) else None
    found.same("info", path, "tokenizer", said, build.manifest["models"]["tokenizer"])
    found.same("files", TOKENIZER, "sha256", build.files[TOKENIZER]["sha256"], build.manifest["models"]["tokenizer"])
    if not 0 <= info["eos"] < info["vocabulary"]:
        found.fault("ends", path, f"EOS ({info['eos']}) is not in the vocabulary of {info['vocabulary']:,}")
    meant = widths.dtype(build.reader.vocabulary)
    found.same("dtype", path, "dtype", info["dtype"], meant)
    if seen.dtype:
        found.same("dtype", shard.stem, "a vocabulary of this size", meant, seen.dtype)


def _indices(found: Findings, build: Build) -> None:
    """Formats that are opened by a folder: its index is that of the shards in it, and of no other."""
    layouts = {one["name"]: one["format"] for one in build.manifest["recipe"]["tokens"]["layouts"]}
    folders: dict[tuple[str, str], dict[str, bytes]] = defaultdict(dict)
    for path, file in build.files.items():
        form = layouts.get(file.get("layout", ""))
        writer = None if form is None else find("stages.write", form)
        if form is not None and writer is not None and hasattr(writer, "index") and path.endswith(writer.SUFFIX):
            folder, name, _ = path.rsplit("/", 2)
            folders[folder, form][name] = store.read(store.join(build.out, path)) or b""
    for (folder, form), parts in folders.items():
        found.looked["format"] += 1
        try:
            meant = find("stages.write", form).index(parts)
        except (ValueError, LookupError, TypeError):  # one of them is broken, and told already
            continue
        if store.read(store.join(build.out, f"{folder}/index.json")) != meant:
            found.fault("format", f"{folder}/index.json", "is not the index of the shards beside it")


def _count(build: Build, shard: Shard, seen: Seen, home: str) -> None:
    """Add a shard to what the manifest totals, and to what its corpus shard became."""
    into = build.totals.setdefault(shard.layout, {}).setdefault(
        shard.split, {"documents": 0, "sequences": 0, "tokens": 0}
    )
    into["documents"] += seen.documents
    into["sequences"] += 1 + seen.beside["sequence"][-1].as_py()
    into["tokens"] += seen.tokens
    if shard.pack["length"] is not None:
        into["room"] = into.get("room", 0) + (1 + seen.beside["sequence"][-1].as_py()) * shard.pack["length"]
    for kind in ("language", "licence", "source"):
        by = into.setdefault(f"tokens_by_{kind}", {})
        for one in seen.beside.group_by(kind).aggregate([("tokens", "sum")]).to_pylist():
            by[one[kind] or ""] = by.get(one[kind] or "", 0) + one["tokens_sum"]
    build.seen[(shard.layout, home)][0] += seen.documents
    build.seen[(shard.layout, home)][1] += seen.tokens


def _totals(found: Findings, build: Build) -> None:
    """The manifest's totals of each layout and split."""
    told = build.manifest["tokens"]
    for layout in sorted({*told, *build.totals} - build.broken):
        splits = build.totals.get(layout, {})
        for split in sorted({*told.get(layout, {}), *splits}):
            said = told.get(layout, {}).get(split, {})
            for name, value in splits.get(split, {}).items():
                found.same("totals", "manifest.json", f"tokens.{layout}.{split}.{name}", said.get(name), value)
            if split not in splits:
                found.fault("totals", "manifest.json", "tells of a split that no shard holds", f"{layout}.{split}")


def _ledger(found: Findings, build: Build) -> None:
    """A document that the ledger gives tokens is in every layout, with as many; each other has a reason, counted."""
    import polars as pl

    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    refused: Counter[str] = Counter()
    for frame in account.frames(build.out, ["shard", "tokens", "tokens_refused"]):
        without = frame.filter(pl.col("shard").is_not_null() & pl.col("tokens").is_null())
        refused.update(reason or "for no reason" for reason in without["tokens_refused"])
        kept = frame.filter(pl.col("shard").is_not_null()).group_by("shard")
        of = kept.agg(documents=pl.col("tokens").count(), tokens=pl.col("tokens").sum())
        for row in of.iter_rows(named=True):
            for at, name in enumerate(("documents", "tokens")):
                counts[row["shard"]][at] += row[name]
    for layout in build.totals:
        for home, (documents, tokens) in sorted(counts.items()):
            if not build.broken & {home, layout}:
                found.same("totals", home, f"ledger, layout {layout}: documents, tokens", [documents, tokens],
                           build.seen[(layout, home)])  # fmt: skip
    told = build.manifest["account"].get("tokens_refused", {})
    found.same("totals", "manifest.json", "account.tokens_refused", told, dict(sorted(refused.items())))
