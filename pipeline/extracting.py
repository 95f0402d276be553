"""Extraction without a build: what the reader and the extractor make of any file, record by record."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import webencodings

from florilegium.pipeline import inputs
from florilegium.pipeline.recipe import sources_of
from florilegium.pipeline.stage import find
from florilegium.stages.read import Piece, Record, batches, printable

UNIT = 64 << 20
"""Bytes of input that are cut off at a time."""

SHOWN = {
    "title": "title", "text": "text", "language": "declared_language", "charset": "charset", "date": "published",
    "licence": "declared_licence",
}  # fmt: skip
"""What is shown of a document, and the column that it stands in."""


def extracted(paths: Sequence[str], options: Mapping[str, Any], beside: Counter[str]) -> Iterator[dict[str, Any]]:
    """Each document of the files: path, what SHOWN names, facts, html (the payload, an Arrow scalar); of rows of
    Parquet their id.

    options: of stage extract. beside: counts up records that are no documents. Nothing is masked, identified or
    filtered. Raises PipelineError for files that cannot be read, pydantic's ValidationError for options.
    """
    stage = find("stages", "extract").Extract(**options)
    files, _ = inputs.input_files(sources_of(paths))
    places = {(file.source, printable(file.name)): file for file in files}

    def documents(share: inputs.Share) -> Iterator[tuple[Piece, Record]]:
        for piece, record in inputs.records(share):
            if record.beside is None:
                yield piece, record
            else:
                beside[record.beside] += 1

    for share in inputs.shares(files, UNIT):
        for batch in batches(documents(share)):
            for row, payload in zip(stage(batch).to_pylist(), batch["html"], strict=True):
                name, _, position = row["record"].partition("#")
                file = places.get((row["source"], name))
                path = file.path if file else name
                numbered = file is not None and file.format == "parquet" and row["record_id"] is not None
                yield {
                    "path": f"{path}#{position}" if position else path,
                    **({"id": row["record_id"]} if numbered else {}),
                    **{name: row[column] for name, column in SHOWN.items()},
                    "charset": _charset(row),
                    "reason": row["reason"],
                    "facts": dict(row["facts"] or ()),
                    "html": payload,
                    "declared_charset": row["declared_charset"],
                }


def _charset(row: Mapping[str, Any]) -> str | None:
    """What the page was decoded by; of a text what its reader found, or was told."""
    if row["charset"] is not None:
        return str(row["charset"])
    told: str | None = dict(row["facts"] or ()).get("encoding_overridden") or row["declared_charset"]
    known = webencodings.lookup(told) if told and told.isascii() else None
    return str(known.name) if known else told
