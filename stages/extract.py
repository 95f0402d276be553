"""Turn a page into its main text: decode it, hold it to its budgets, let an engine choose, keep what it states."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic.dataclasses import dataclass

from florilegium.filters.charset import UndecodableError, recode
from florilegium.languages import files
from florilegium.pipeline.schema import Batch, put
from florilegium.pipeline.verdict import drop
from florilegium.stages import _blocks, _gate, _language, _native, _pdf, _resiliparse, _trafilatura
from florilegium.stages._page import Page
from florilegium.stages._stated import Stated, stated

BINARY = 0.02
"""Largest share of control and unreadable characters among the bytes of a page. Random bytes, read in the charset that
likes them best, have 0.05; of 3,998 real pages none had more than 0.0002."""

UNREADABLE = "\ufffd".encode()

SIGNATURES = (
    *(b"%PDF-", b"%!PS", b"{\\rtf", b"\xd0\xcf\x11\xe0"),
    *(b"\x89PNG\r\n", b"GIF87a", b"GIF89a", b"\xff\xd8\xff", b"OggS", b"ID3\2", b"ID3\3", b"ID3\4"),
    *(b"PK\3\4", b"PK\5\6", b"\x1f\x8b\x08", b"BZh91AY", b"\xfd7zXZ\0"),
    *(b"7z\xbc\xaf", b"Rar!\x1a", b"\x28\xb5\x2f\xfd"),
    *(b"\x7fELF", b"MZ\x90\0", b"\xca\xfe\xba\xbe", b"\0asm", b"wOFF", b"wOF2", b"\0\1\0\0", b"SQLite format 3\0"),
)
CONTAINERS = (b"WEBP", b"WAVE", b"AVI ", b"ftyp")
"""First bytes of media that are no text, however they were declared; CONTAINERS stand at byte 8 (RIFF) or 4 (MP4)."""

PAPER = {
    "title": "title", "declared_language": "language", "published": "published", "declared_licence": "licence",
    "facts": "facts", "text": "text",
}  # fmt: skip
"""Our column to what a PDF says."""

STATED = {
    "title": "title", "declared_language": "language", "published": "published", "declared_licence": "licence",
    "facts": "facts",
}  # fmt: skip
"""Our column to what a page says of itself."""
NOTHING_STATED = Stated()

TRAFILATURA = ("jusText", "lxml", "trafilatura")
LIBRARIES = {"trafilatura": TRAFILATURA, "trafilatura-fast": TRAFILATURA, "resiliparse": ("resiliparse",)}
"""Distributions that an engine is made of."""

DEEPEST = 600
"""trafilatura's text output recurses once a level; below Python's limit of 1,000 calls the frames above need theirs."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
class Extract:
    """Fills `charset`, `title` and `text` from `html`, and clears it. Rows that bring their text pass.

    All budgets but the last are counts of the page, so that they decide alike on every machine. `stages/native/scan.h`
    defines them; 2,500 help pages and 1,500 others reach 28,000 nodes, a depth of 195 (51 in the tree), 185 attributes.
    """

    engine: Literal["blocks", "trafilatura", "trafilatura-fast", "resiliparse"] = "blocks"
    """What chooses the main text: blocks (ours, in C; no comments), or a library: docs/extraction.md tells when."""
    favor: Literal["balanced", "precision", "recall"] = "balanced"
    """balanced, precision (less boilerplate) or recall (more text)."""
    markdown: bool = False
    """Text as Markdown: headings, quotes, code; of engine blocks."""
    gate: tuple[str, ...] = ()
    """Codes or named sets (`deu_Latn`, `eu-official`): pages that cannot be in them are not extracted; empty is off."""
    max_bytes: Annotated[int, Field(gt=0)] = 10 << 20
    """Largest page, or text that a source brings, in bytes of UTF-8."""
    max_nodes: Annotated[int, Field(gt=0)] = 200_000
    """Most start tags, comments and runs of text."""
    max_depth: Annotated[int, Field(gt=0, le=DEEPEST)] = 500
    """Most elements open at once, by the scan and in the tree."""
    max_attributes: Annotated[int, Field(gt=0)] = 1_000
    """Most attributes on one tag."""
    max_blocks: Annotated[int, Field(gt=0)] = 50_000
    """Most text blocks of a page."""
    max_pages: Annotated[int, Field(gt=0)] = 5_000
    """Most pages of a PDF; its text is held to max_bytes."""
    cpu_seconds: Annotated[int, Field(ge=0)] = 60
    """Far backstop against bugs: a worker that needs more CPU seconds for one page is killed; 0 is off."""
    memory_mb: Annotated[int, Field(ge=0)] = 2048
    """The same for memory: MiB that one page may take beside what the worker holds anyway; 0 is off."""

    writes: ClassVar[tuple[str, ...]] = (
        "html", "charset", "title", "declared_language", "published", "declared_licence", "facts", "text",
        "language", "language_score",
    )  # fmt: skip
    """The last two where the gate is closed: stage identify lets them stand."""
    reasons: ClassVar[Mapping[str, str]] = {
        "extract.binary": "a signature of another medium, or too many control and unreadable characters",
        "extract.undecodable": "no charset reads the payload",
        "extract.too_large": "more bytes of UTF-8 than max_bytes",
        "extract.too_many_nodes": "more start tags, comments and runs of text than max_nodes",
        "extract.too_deep": "more elements open at once than max_depth",
        "extract.too_many_attributes": "more attributes on one tag than max_attributes",
        "extract.too_many_blocks": "more text blocks than max_blocks",
        **_pdf.REASONS,
        "extract.gated": "cannot be in a language of the gate; the value is the score of the language that it is in",
        "extract.empty": "no main text was found",
        "extract.failed": "the extractor raised an error",
        "extract.cpu_limit": "the page took more than cpu_seconds",
        "extract.memory_limit": "the page took more memory than memory_mb",
        "extract.crashed": "the worker died in this page",
    }
    decides: ClassVar[frozenset[str]] = frozenset()

    @field_validator("gate")
    @classmethod
    def _told(cls, gate: tuple[str, ...]) -> tuple[str, ...]:
        _gate.near(gate)
        return gate

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.markdown and self.engine != "blocks":
            raise ValueError("markdown: only engine blocks gives it")
        if self.engine == "resiliparse" and find_spec("resiliparse") is None:
            raise ValueError("engine: resiliparse is not installed; pip install 'florilegium[resiliparse]'")
        return self

    @property
    def libraries(self) -> tuple[str, ...]:
        """Those of the engine, and of every engine: charsets, PDF."""
        engine = LIBRARIES.get(self.engine, ())
        return ("chardetng-py", *engine, *(("fasttext",) if self.gate else ()), "pypdfium2", "webencodings")

    def files(self) -> Mapping[str, Path]:
        """The model of engine blocks; of the gate, its model and what names its labels and neighbours."""
        blocks = {"blocks": _blocks.MODEL} if self.engine == "blocks" else {}
        tables = {name: files()[name] for name in ("labels.toml", "groups.toml")}
        return blocks | ({_language.MODEL: _language.shipped(), **tables} if self.gate else {})

    def __call__(self, batch: Batch) -> Batch:
        """The batch with its pages read. Each row depends on itself alone."""
        given: Any = batch["text"]
        size = pc.binary_length(given)
        batch = drop(batch, pc.greater(size, pa.scalar(self.max_bytes)), "extract.too_large", size, self.max_bytes)
        batch = put(batch, text=pc.if_else(pc.is_null(batch["reason"]), given, None))
        batch = self._papers(batch)
        batch, unreadable = _decoded(batch)
        batch = self._within_budgets(batch, unreadable)
        pages = pc.if_else(_unread(batch), batch["html"], None)
        read = _blocks.read(pages, self.favor, self.max_blocks, self.markdown, bool(self.gate))
        there = pages.is_valid().to_pylist()
        said = [stated(facts) if one else NOTHING_STATED for facts, one in zip(read.facts, there, strict=True)]
        batch = put(batch, html=[None] * batch.num_rows)
        for column, name in STATED.items():
            batch = put(batch, **{column: _kept(batch[column], [getattr(one, name) for one in said])})
        if self.gate:
            batch = self._gated(batch, read.visible)
            pages = pc.if_else(pc.is_null(batch["reason"]), pages, None)
        found = self._found(pages, read)
        batch = put(batch, text=_kept(batch["text"], [one.text for one in found]))
        batch = drop(batch, _given(found, "extract.too_deep"), "extract.too_deep", limit=self.max_depth)
        many = "extract.too_many_blocks"
        batch = drop(batch, _given(found, many), many, limit=self.max_blocks)
        for reason in ("extract.failed", "extract.empty"):
            batch = drop(batch, _given(found, reason), reason)
        return batch

    def _gated(self, batch: Batch, visible: Any) -> Batch:
        """The reasons that the gate gives, and the languages of what it keeps out. visible: what each page shows."""
        near = _gate.near(self.gate)
        model = str(_language.shipped())
        both = zip(visible.to_pylist(), batch["declared_language"].to_pylist(), strict=True)
        told = [_gate.elsewhere(text, declared, near, model) if text else None for text, declared in both]
        score = pa.array([one and one.score for one in told], pa.float64())
        batch = put(batch, language=[one and one.language for one in told], language_score=score)
        return drop(batch, score.is_valid(), "extract.gated", score)

    def _found(self, pages: Any, read: _blocks.Read) -> list[Page]:
        """The main text of each page by the engine chosen."""
        if self.engine == "blocks":
            texts = zip(pages.is_valid().to_pylist(), read.texts.to_pylist(), read.blocks, strict=True)
            return [_page(text, count) if there else NOTHING for there, text, count in texts]
        one = (
            _resiliparse.reader(self.favor)
            if self.engine == "resiliparse"
            else _trafilatura.reader(self.favor, self.max_depth, self.engine == "trafilatura-fast")
        )
        return [NOTHING if page is None else one(page) for page in pages.to_pylist()]

    def _papers(self, batch: Batch) -> Batch:
        """The batch with its PDF files read: their text, what they state, or the reason why they have none."""
        payloads = pc.if_else(_unread(batch), batch["html"], None).to_pylist()
        found = [
            self._paper(payload) if payload and _pdf.is_pdf(payload, mime) else None
            for payload, mime in zip(payloads, batch["mime"].to_pylist(), strict=True)
        ]
        if not any(found):
            return batch
        for column, name in PAPER.items():
            batch = put(batch, **{column: _kept(batch[column], [one and getattr(one, name) for one in found])})
        given: Any = [one.reason if one else None for one in found]
        value = pa.array([one.value if one else None for one in found], pa.float64())
        limits = {"extract.too_many_pages": self.max_pages, "extract.too_large": self.max_bytes}
        for reason in sorted({one for one in given if one}):
            of_it = pa.array([one == reason for one in given], pa.bool_())
            limit = limits.get(reason)
            batch = drop(batch, of_it, reason) if limit is None else drop(batch, of_it, reason, value, limit)
        return batch

    def _paper(self, payload: bytes) -> _pdf.Paper:
        try:
            return _pdf.read(payload, self.max_pages, self.max_bytes)
        except MemoryError:
            raise
        except Exception:
            return _pdf.Paper(reason="extract.failed")

    def _within_budgets(self, batch: Batch, unreadable: Any) -> Batch:
        """The reasons that the scan gives. The html column holds UTF-8, with so many unreadable characters each."""
        html: Any = batch["html"]
        nodes, depth, attributes, _, controls = scan(html).T
        size = pc.binary_length(html)
        unreadable = pc.add(pa.array(controls), unreadable)
        budgets = (
            ("extract.too_large", size, self.max_bytes),
            ("extract.binary", pc.divide(pc.cast(unreadable, pa.float64()), pc.max_element_wise(size, 1)), BINARY),
            ("extract.too_many_nodes", pa.array(nodes), self.max_nodes),
            ("extract.too_deep", pa.array(depth), self.max_depth),
            ("extract.too_many_attributes", pa.array(attributes), self.max_attributes),
        )
        for reason, value, limit in budgets:
            batch = drop(batch, pc.greater(value, pa.scalar(limit)), reason, value, limit)
        return batch


def explain(payload: bytes, declared: str | None, favor: str) -> list[_blocks.Block]:
    """All blocks of a page as it was fetched, with their scores by engine blocks; none where no charset reads it."""
    page = _decode(payload, declared, None).text
    return [] if page is None else _blocks.explain(page, favor)


def scan(pages: Any) -> NDArray[np.int64]:
    """Budgets of a large_binary array of pages: nodes, depth, attributes, links, controls (`stages/native/scan.h`).

    Shape (pages, 5). A null counts as the bytes that lie beneath it, usually none.
    """
    _, offsets, data = pages.buffers()
    if len(pages) == 0:
        return np.empty((0, 5), np.int64)
    at = pages.offset * 8
    counts = _native.scan(data or b"", offsets[at : at + (len(pages) + 1) * 8])
    return np.frombuffer(counts, np.int64).reshape(-1, 5)


def _unread(batch: Batch) -> pa.BooleanArray:
    return pc.and_(pc.is_null(batch["reason"]), pc.and_(pc.is_valid(batch["html"]), pc.is_null(batch["text"])))


def _decoded(batch: Batch) -> tuple[Batch, Any]:
    """The batch with `html` in UTF-8 and its charset, null where not to be read; numbers of unreadable characters."""
    payloads = pc.if_else(_unread(batch), batch["html"], None).to_pylist()
    beside = zip(payloads, batch["declared_charset"].to_pylist(), batch["host"].to_pylist(), strict=True)
    found = [_decode(payload, declared, host) for payload, declared, host in beside]
    batch = put(batch, html=[one.text for one in found], charset=[one.charset for one in found])
    for reason in ("extract.binary", "extract.undecodable"):
        batch = drop(batch, pa.array([one.reason == reason for one in found], pa.bool_()), reason)
    # A row with neither payload nor text breaks the contract of readers; it must not pass for a document.
    void = pc.and_(pc.is_null(batch["text"]), pa.array([payload is None for payload in payloads], pa.bool_()))
    return drop(batch, void, "extract.empty"), pa.array([one.unreadable for one in found], pa.int64())


class _Decoded(NamedTuple):
    """text: in UTF-8. unreadable: characters that are U+FFFD."""

    text: bytes | None = None
    charset: str | None = None
    unreadable: int = 0
    reason: str | None = None


def _decode(payload: bytes | None, declared: str | None, host: str | None) -> _Decoded:
    if payload is None:
        return _Decoded()
    if payload.startswith(SIGNATURES) or payload.startswith(CONTAINERS, 8 if payload.startswith(b"RIFF") else 4):
        return _Decoded(reason="extract.binary")
    try:
        text, charset = recode(payload, declared, host.rpartition(".")[2] if host else None)
    except UndecodableError:
        return _Decoded(reason="extract.undecodable")
    # Most pages have not one of its bytes, which is found out in a tenth of the time.
    return _Decoded(text, charset, text.count(UNREADABLE) if UNREADABLE[:1] in text else 0)


NOTHING = Page()


def _given(found: list[Page], reason: str) -> pa.BooleanArray:
    return pa.array([one.reason == reason for one in found], pa.bool_())


def _page(text: str, blocks: int) -> Page:
    if blocks < 0:
        return Page(reason="extract.too_many_blocks")
    return Page(text) if text else Page(reason="extract.empty")


def _kept(brought: Any, found: list[Any]) -> Any:
    return pc.coalesce(brought, pa.array(found, brought.type))
