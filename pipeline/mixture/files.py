"""The files that trainers take a mixture by: Megatron-LM, titan-oellm, the OpenEuroLLM collection, SOOFI."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import yaml

from florilegium.pipeline import store
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.shards import Shard
from florilegium.pipeline.stage import find

PAIR = ("_text_document.bin", "_text_document.idx", ".info.json")


@dataclass(frozen=True)
class Part:
    """A part as it is handed over. shards: paths without endings, and tokens of each; counts: for the collection.

    there: tokens in one epoch; drawn: tokens that a run over the whole mixture sees; folder: its name as a path.
    """

    name: str
    folder: str
    there: int
    documents: int
    drawn: float
    weight: float
    shards: Sequence[tuple[Path, int]]
    counts: Mapping[str, int]

    @property
    def epochs(self) -> float:
        """How often it is drawn."""
        return self.drawn / self.there


def blend(parts: Sequence[Part]) -> list[tuple[float, str]]:
    """Weight and prefix of every pair; weights sum to 1 within 1e-9, each part's as its shards have tokens.

    Raises PipelineError for a path that Megatron-LM would split at a space.
    """
    found = []
    for part in parts:
        whole = sum(tokens for _, tokens in part.shards)
        found += [(part.weight * tokens / whole, f"{path}_text_document") for path, tokens in part.shards]
    for _, prefix in found:
        if any(one.isspace() for one in prefix):
            raise PipelineError(f"{prefix}: Megatron-LM splits paths at spaces", "move the build to a path without any")
    total = math.fsum(weight for weight, _ in found)
    return [(weight / total, prefix) for weight, prefix in found]


def megatron(to: Path, entries: Sequence[tuple[float, str]], validation: Sequence[tuple[float, str]]) -> None:
    """`data_path.txt` (one line, for --data-path), `data_args.txt` (--data-args-path) and `per_split.json`
    (--per-split-data-args-path; a split that there is not is null)."""
    flat, other = (
        [word for number, prefix in of for word in (f"{number:.17g}", prefix)] for of in (entries, validation)
    )
    splits = {"train": flat, "valid": other or None, "test": None}
    _put(to / "megatron/data_path.txt", " ".join(flat) + "\n")
    _put(to / "megatron/data_args.txt", "".join(f"{number:.17g} {prefix}\n" for number, prefix in entries))
    _put(to / "megatron/per_split.json", json.dumps(splits, indent=1) + "\n")


def titan(to: Path, parts: Sequence[Part], validation: Sequence[Shard], eos: int, seed: int) -> None:
    """`chunks/chunk_NNNN.bin/.idx` (links), `validation.bin/.idx` of all validation shards, and `titan.toml`.

    titan-oellm knows no weights: it takes all that is in the folder, as often as it stands there.
    """
    pairs = [path for part in parts for path, _ in part.shards]
    store.make_folder(str(to / "chunks"))
    for number, path in enumerate(pairs):
        for end in (".bin", ".idx"):
            store.copy(f"{path}_text_document{end}", str(to / f"chunks/chunk_{number:04}{end}"))
    if validation:
        _joined(to / "chunks/validation", validation)
    settings = {
        "dataloader": "BestFitPackedDataset",
        "chunks_dir": str((to / "chunks").resolve()),
        "eos_id": eos,
        "seed": seed,
    }
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items()]
    # The field of its `JobConfig` that holds a `SciData` is called `data`.
    _put(to / "titan.toml", "\n".join(["[data]", *lines]) + "\n")


def _joined(path: Path, shards: Sequence[Shard]) -> None:
    """Several pairs as one."""
    writer = find("stages.write", "megatron")

    def batches() -> Iterator[Any]:
        for shard in shards:
            yield from writer.scan(shard.path, 1 << 22)

    stored = store.put_all(str(path), lambda aside: writer.write(batches(), aside))
    for end in stored:
        store.copy(f"{path}{end}", f"{path}{end.removeprefix('_text_document')}")
        store.remove(f"{path}{end}")


def collection(to: Path, name: str, parts: Sequence[Part], tokenizer: str) -> None:
    """`openeurollm/`: a cycle folder of one dataset with `datamix.txt`, `metadata.yaml`, counts, sums and links."""
    cycle = to / "openeurollm"
    mix = "".join(f"{part.weight:.17g} {name}/megatron-lm/{part.folder}\n" for part in parts)
    _put(cycle / "datamix.txt", mix)
    told = {"name": name, "suffix": ".jsonl.zst", "text": "text", "id": "id"}
    release = {"default": {"input": "source", "sample": "full", "pack": "tree"}}
    _put(cycle / name / "metadata.yaml", yaml.safe_dump({**told, "release": release}, sort_keys=False))
    for part in parts:
        folder = cycle / name / "megatron-lm" / part.folder
        store.make_folder(str(folder))
        sums, size = [], 0
        for number, (path, _) in enumerate(part.shards):
            for end in PAIR:
                target = folder / f"shard_{number:04}{end}"
                store.copy(f"{path}{end}", str(target))
                size += target.stat().st_size if end != ".info.json" else 0
                with target.open("rb") as file:
                    sums.append((target.relative_to(cycle).as_posix(), file_digest(file, "md5").hexdigest()))
        lines = "".join(f"{one}  {path}\n" for path, one in sorted(sums))
        _put(cycle / name / "md5" / part.folder / "megatron-lm.md5", lines)
        counts = {
            "files": len(part.shards),
            "bytes": size,
            **part.counts,
            "time": 0,
            "errors": 0,
            "tokenizer": tokenizer,
            "keys": {"required": ["id", "text"], "optional": []},
        }
        _put(cycle / name / "counts" / part.folder / "release.json", json.dumps(counts, indent=1) + "\n")


AAS = "https://admin-shell.io/idta"


def submodel(to: Path, name: str, mark: str, parts: Sequence[Part]) -> None:
    """`aas-submodel.json`: the SOOFI submodel `AIDataset`, as the template of the Asset Administration Shell has it."""
    pairs = [f"{path}_text_document{end}" for part in parts for path, _ in part.shards for end in (".bin", ".idx")]
    size = sum(Path(one).stat().st_size for one in pairs)
    storage = to.resolve().as_uri() + "/"
    elements = [
        _property("Version", mark, "0173-1#02-AAS354#002"),
        _property("Storage", storage, f"{AAS}/AIDataset/Storage/1/0"),
        _collection(
            "SizeInformation",
            _property("CompleteSize", f"{size} bytes", f"{AAS}/AIDataset//SizeInformation/CompleteSize/1/0"),
        ),
        _collection("MetaData", _property("FileType", ".bin", f"{AAS}/AIDataset/MetaData/FileType/1/0")),
    ]
    told = {
        "modelType": "Submodel",
        "kind": "Instance",
        "id": f"urn:florilegium:{name}:{mark}",
        "idShort": "AIDataset",
        "semanticId": _reference(f"{AAS}/SubmodelTemplate/AIDataset/1/0"),
        "submodelElements": elements,
    }
    _put(to / "aas-submodel.json", json.dumps(told, indent=1) + "\n")


def _property(name: str, value: str, meaning: str) -> dict[str, Any]:
    kind = {"modelType": "Property", "idShort": name, "semanticId": _reference(meaning)}
    return {**kind, "valueType": "xs:string", "value": value}


def _collection(name: str, *elements: dict[str, Any]) -> dict[str, Any]:
    meaning = _reference(f"{AAS}/AIDataset/{name}/1/0")
    return {
        "modelType": "SubmodelElementCollection",
        "idShort": name,
        "semanticId": meaning,
        "value": list(elements),
    }


def _reference(meaning: str) -> dict[str, Any]:
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": meaning}]}


def _put(path: Path, text: str) -> None:
    store.make_folder(str(path.parent))
    store.put_bytes(str(path), text.encode("utf-8"))
