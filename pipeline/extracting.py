"""Extraction without a build: what the reader and the extractor make of any file, record by record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from florilegium.pipeline import inputs
from florilegium.pipeline.recipe import sources_of
from florilegium.pipeline.stage import find
from florilegium.stages.read import batches

UNIT = 64 << 20
"""Bytes of input that are cut off at a time."""

SHOWN = {
    "title": "title", "text": "text", "language": "declared_language", "charset": "charset", "date": "published",
    "licence": "declared_licence", "reason": "reason",
}  # fmt: skip
"""What is shown of a document, and the column that it stands in."""


def extracted(paths: Sequence[str], options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each document of the files: path, id where the record has one, what SHOWN names, facts, html (the payload).

    options: of stage extract. Nothing is masked, identified or filtered. Raises PipelineError for files that cannot be
    read, pydantic's ValidationError for options.
    """
    stage = find("stages", "extract").Extract(**options)
    files, _ = inputs.input_files(sources_of(paths))
    places = {(file.source, file.name): file.path for file in files}
    for share in inputs.shares(files, UNIT):
        documents = (pair for pair in inputs.records(share) if pair[1].beside is None)
        for batch in batches(documents):
            payloads = batch["html"].to_pylist()
            for row, payload in zip(stage(batch).to_pylist(), payloads, strict=True):
                name, _, position = row["record"].partition("#")
                path = places.get((row["source"], name), name)
                yield {
                    "path": f"{path}#{position}" if position else path,
                    **({"id": row["record_id"]} if row["record_id"] is not None else {}),
                    **{name: row[column] for name, column in SHOWN.items()},
                    "facts": dict(row["facts"] or ()),
                    "html": payload,
                    "declared_charset": row["declared_charset"],
                }
