"""What the frame expects of stages, readers and writers, and how it finds them by name."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, ClassVar, Protocol

from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.schema import Batch


class Stage(Protocol):
    """A pure function of a batch: fills its own columns or gives reasons; never removes or reorders rows.

    A stage is a frozen dataclass in `stages/<verb>.py`, named as the verb with a capital; its fields are its options.
    It may also have `decide(batch) -> batch`, which the decisions pass calls with numbers and evidence only, and
    `mistakes(stages)`, asked once when a recipe loads: what is wrong with its options beside those of the other stages,
    or shows when its files are opened, as (keys below the stage, sentence, hint).
    """

    writes: ClassVar[tuple[str, ...]]
    """The columns that it fills."""
    reasons: ClassVar[Mapping[str, str]]
    """Every `stage.rule` that it may give, and what it means."""
    decides: ClassVar[frozenset[str]]
    """Fields that only `decide` reads: changing one runs the decisions again, nothing before them."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """Distributions whose version may change what it writes."""

    def __call__(self, batch: Batch) -> Batch:
        """The same rows in the same order, with its own columns filled."""

    def files(self) -> Mapping[str, Path]:
        """Models and lists that it opens, by name; their hashes name the pass and stand in the manifest."""


class Reader(Protocol):
    """A module of `stages/read`: one input format."""

    SUFFIXES: tuple[str, ...]
    """File name endings of the format, longest first."""
    POSITIONS: str
    """What start and end of a piece count: "bytes" of the stored file (the whole is 0 to its size, or 1), or "rows"."""
    Options: type[Any]
    """A frozen pydantic dataclass: what a source may set under `options`."""

    def check(self, file: BinaryIO, options: Any) -> None:
        """Raises PipelineError when nothing can be read of the file: it is not of this format, or lacks the columns."""

    def cut(self, file: BinaryIO, size: int, target: int, options: Any) -> Iterator[tuple[int, int]]:
        """Where to cut a file into pieces of about `target` bytes: (start, end) in order, each from the last one's end.

        size: bytes of the file. What cannot be cut is one piece, and so is a file that is not of this format.
        """

    def read(self, file: BinaryIO, piece: Any, options: Any) -> Iterator[Any]:
        """The records of the piece, in order. Damage costs one record: it is given with the reason read.damaged.

        A file that `check` refuses gives read.wrong_format: one record without a position, or each of its rows. Only
        what the system raises (OSError) may leave this function.
        """


class Writer(Protocol):
    """A module of `stages/write`: one output format of documents."""

    TAKES: str
    """What it writes: "documents"."""
    SUFFIX: str
    """Ending of its files."""

    def write(self, batches: Iterator[Batch], path: Path) -> int:
        """Write one shard to a local path; answers the number of rows."""


class TokenWriter(Protocol):
    """A module of `stages/write`: one format of tokens, as trainers read it."""

    TAKES: str
    """What it writes: "tokens"."""
    SUFFIX: str
    """Ending of the file that it finishes last: without it the others are no shard."""
    KNOWS: tuple[str, ...]
    """What `scan` learns from its files: the lengths of "sequences", of "pieces", the "dtype" of tokens."""

    def write(self, sequences: Iterator[Any], path: Path) -> Sequence[Path]:
        """Write one shard of `stages.write.Sequences`; path has no ending. Answers the files, which begin with it."""

    def scan(self, path: Path, most: int) -> Iterator[Any]:
        """What `write` wrote at this path, strictly, in portions of at most so many tokens, if they can be smaller."""


FOLDERS = {"stages": "stage", "stages.read": "input format", "stages.write": "output format", "filters": "filter"}


def names(folder: str) -> Sequence[str]:
    """What a folder of the tree holds, by name: `names("stages.read")` is warc, html, ..."""
    here = files(f"florilegium.{folder}")
    return sorted(p.name[:-3] for p in here.iterdir() if p.name.endswith(".py") and not p.name.startswith("_"))


@cache
def find(folder: str, name: str) -> ModuleType:
    """The module `florilegium.<folder>.<name>`: `find("stages.read", "warc")`. Names are places; there is no registry.

    Raises PipelineError when there is no such file; the hint names those that there are.
    """
    known = names(folder)
    if name not in known:
        raise PipelineError(
            f"there is no {FOLDERS.get(folder, folder)} called {name!r}", f"use one of: {', '.join(known)}"
        )
    return import_module(f"florilegium.{folder}.{name}")


def writer(takes: str, name: str) -> str:
    """The name of a format that takes "documents", or "tokens". Raises ValueError when there is none."""
    known = [one for one in names("stages.write") if takes == find("stages.write", one).TAKES]
    if name in known:
        return name
    close = get_close_matches(name, known, 1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"{name!r} is no format of {takes}: there is {', '.join(known)}{meant}")


def stage_class(name: str) -> type[Any]:
    """The class of a stage: `stage_class("extract")` is `florilegium.stages.extract.Extract`."""
    found: type[Any] = getattr(find("stages", name), name.capitalize())
    return found
