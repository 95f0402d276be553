"""Inputs: from the sources of a recipe to files, and from files to pieces and units of work."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

from pydantic import TypeAdapter, ValidationError

from florilegium.pipeline import store
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.recipe import MiB, Source, format_of
from florilegium.pipeline.stage import find, names
from florilegium.stages.read import Piece, Record, printable

SMALLEST, LARGEST, MOST = 4 * MiB, 256 * MiB, 2_000
"""Bounds of a unit of work: at least 5 s of extraction, at most what a worker holds; about how many there may be."""


@dataclass(frozen=True)
class InputFile:
    """One file of a source, its format and its reader's options (JSON)."""

    source: str
    name: str
    path: str
    size: int
    version: str
    format: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Share:
    """What a unit of the documents pass reads: pieces of files, in input order. most: records at most; None is all."""

    pieces: tuple[tuple[InputFile, int, int], ...]
    most: int | None = None

    @property
    def load(self) -> int:
        """Bytes of input, for ordering and progress."""
        return sum(min(file.size, max(end - start, 1)) for file, start, end in self.pieces)

    def given(self) -> list[dict[str, Any]]:
        """What determines the unit, as JSON: names, sizes and ranges; not paths, not times."""
        return [
            {
                "source": file.source, "name": file.name, "size": file.size, "format": file.format,
                "options": dict(file.options), "start": start, "end": end,
            }
            for file, start, end in self.pieces
        ]  # fmt: skip


def input_files(sources: Sequence[Source]) -> tuple[list[InputFile], list[str]]:
    """The files of these sources in input order, and the files below them that no format claims.

    Raises PipelineError for a source that holds nothing to read, none of whose files is of its format, or one of whose
    files lacks what the source's options name; files are opened, in order, until one of the source is as it should be.
    """
    files: list[InputFile] = []
    unclaimed: list[str] = []
    for source in sources:
        there = found(source)
        for one in there:
            kind = source.format or format_of(one.name)
            if kind is None:
                unclaimed.append(printable(f"{source.name}: {one.name}"))
                continue
            options = _options(source, kind, one.path)
            files.append(InputFile(source.name, one.name, one.path, one.size, one.version, kind, options))
        mine = [file for file in files if file.source == source.name]
        if not mine:
            what = f"none of its {len(there)} files has a known ending" if there else "no file matches"
            raise PipelineError(
                f"source {source.name}: {source.path}: {what}",
                f"check the path, or set `format:` to one of: {', '.join(names('stages.read'))}",
            )
        _check(mine)
    return files, unclaimed


def _options(source: Source, kind: str, path: str) -> dict[str, Any]:
    """The source's options as the reader of this format has them, as JSON."""
    reader = find("stages.read", kind)
    adapter = TypeAdapter(reader.Options)
    try:
        found: dict[str, Any] = adapter.dump_python(adapter.validate_python(source.options), mode="json")
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, one["loc"])) for one in error.errors())
        raise PipelineError(
            f"source {source.name}: {path}: options: {wrong}: not for a file of format {kind}",
            "give each format a source of its own",
        ) from error
    return found


def _check(files: Sequence[InputFile]) -> None:
    """Raises PipelineError, about the first file, when none of a source's files can be read as what it should be."""
    mistakes: list[PipelineError] = []
    for file in files:
        reader = find("stages.read", file.format)
        options = TypeAdapter(reader.Options).validate_python(dict(file.options))
        with store.reading(file.path) as opened:
            try:
                reader.check(opened, options)
            except PipelineError as error:
                mistakes.append(error)
            else:
                return
    others = f", and none of the source's {len(files)} files is better" if len(files) > 1 else ""
    raise PipelineError(f"source {files[0].source}: {mistakes[0].message}{others}", mistakes[0].hint)


def shares(files: list[InputFile], unit_bytes: int | None) -> Iterator[Share]:
    """Cut large files into pieces and put small ones together: one unit of work each, in input order."""
    target = unit_bytes or default_unit_bytes(sum(file.size for file in files))
    held: list[tuple[InputFile, int, int]] = []
    weight = 0
    for file in files:
        reader = find("stages.read", file.format)
        options = TypeAdapter(reader.Options).validate_python(dict(file.options))
        if file.size <= target and reader.POSITIONS == "bytes":  # nothing to cut: many small files need not be opened
            cuts = [(0, max(file.size, 1))]
        else:
            with store.reading(file.path) as opened:
                cuts = list(reader.cut(opened, file.size, target, options))
        part = file.size // max(len(cuts), 1)
        for start, end in cuts:
            if held and weight + part > target:
                yield Share(tuple(held))
                held, weight = [], 0
            held.append((file, start, end))
            weight += part
    if held:
        yield Share(tuple(held))


def limited(all_shares: list[Share], limit: int) -> list[Share]:
    """The shares that hold the first `limit` records in input order. Reads just those records, to count them."""
    chosen: list[Share] = []
    left = limit
    for share in all_shares:
        if left <= 0:
            break
        count = 0
        for _, record in records(share):
            count += record.beside is None
            if count == left:
                break
        chosen.append(Share(share.pieces, most=count if count == left else None))
        left -= count
    return chosen


def records(share: Share) -> Iterator[tuple[Piece, Record]]:
    """The records of a share, each with its piece; those beside documents included; at most `most` documents."""
    count = 0
    for file, start, end in share.pieces:
        reader = find("stages.read", file.format)
        options = TypeAdapter(reader.Options).validate_python(dict(file.options))
        piece = Piece(file.source, file.name, start, end)
        with store.reading(file.path) as opened:
            for record in reader.read(opened, piece, options):
                yield piece, record
                count += record.beside is None
                if count == share.most:
                    return


def seen(share: Share) -> list[dict[str, str]]:
    """What a finished unit remembers of its inputs: version of each file, digest of its bytes if they are local."""
    return [{"version": file.version, "digest": _range_digest(file, start, end)} for file, start, end in share.pieces]


def unchanged(share: Share, before: list[dict[str, str]]) -> bool:
    """Whether the inputs are what a finished unit has read: equal versions are believed, else bytes are compared."""
    if len(before) != len(share.pieces):
        return False
    return all(
        old["version"] == file.version or (old["digest"] != "" and old["digest"] == _range_digest(file, start, end))
        for old, (file, start, end) in zip(before, share.pieces, strict=True)
    )


def default_unit_bytes(total: int) -> int:
    """A power of two, so that a growing input seldom moves the cuts."""
    target = SMALLEST
    while target < LARGEST and total / target > MOST:
        target *= 2
    return target


def to_json(share: Share) -> dict[str, Any]:
    """A share as JSON, for a unit's givens."""
    return {"pieces": [[asdict(file), start, end] for file, start, end in share.pieces], "most": share.most}


def of_json(content: Mapping[str, Any]) -> Share:
    """The inverse of to_json."""
    return Share(tuple((InputFile(**f), start, end) for f, start, end in content["pieces"]), content["most"])


def _range_digest(file: InputFile, start: int, end: int) -> str:
    """BLAKE2b of the bytes of a range (of the whole file where positions are no bytes); empty for remote files."""
    local = store.local_path(file.path)
    if local is None:
        return ""
    by_bytes = find("stages.read", file.format).POSITIONS == "bytes"
    first, last = (start, min(end, file.size)) if by_bytes else (0, file.size)
    total = blake2b(digest_size=16)
    with store.reading(file.path) as opened:
        opened.seek(first)
        while first < last and (block := opened.read(min(1 << 20, last - first))):
            total.update(block)
            first += len(block)
    return total.hexdigest()


def found(source: Source) -> list[store.Found]:
    """The files that a source's path names: a file, a folder, or a glob."""
    path = source.path
    if any(c in path for c in "*?["):
        base, pattern = _glob_base(path)
        return store.listing(base, pattern)
    if store.is_folder(path):
        return store.listing(path)
    one = store.stat(path)
    if one is None:
        raise PipelineError(
            f"source {source.name}: {path}: there is no such file or folder, or its link leads nowhere",
            "check the path; a relative one starts at the recipe's folder",
        )
    return [one]


def _glob_base(path: str) -> tuple[str, str]:
    """The folder before the first wildcard, and the pattern below it."""
    parts = path.split("/")
    at = next(i for i, part in enumerate(parts) if any(c in part for c in "*?["))
    return "/".join(parts[:at]) or ("/" if path.startswith("/") else "."), "/".join(parts[at:])
