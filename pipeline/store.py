"""Paths, listings and atomic writes on any fsspec file system; the only file that opens outputs.

Local: written aside in the same folder, synced, renamed, the folder synced. Object stores: a local file is finished and
hashed first, then stored by one put, never a stream, because closing a half-written upload publishes it.
"""

import errno
import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.utils import glob_translate

from florilegium.pipeline.errors import PipelineError, naming, trouble

ASIDE = ".aside-"
"""Prefix of files being written; a reader never lists them, `sweep` removes those that a killed process left."""


@dataclass(frozen=True, slots=True)
class Found:
    """One stored file. name: path below the listed base, with forward slashes. version: changes when the file does."""

    path: str
    name: str
    size: int
    version: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: SHA-256 (hex) and bytes."""

    sha256: str
    size: int


def join(base: str, *parts: str) -> str:
    """A path below a base, local or remote."""
    return "/".join([base.rstrip("/"), *parts])


def local_path(path: str) -> Path | None:
    """The local path, or None when the path lies on another file system."""
    fs, inner = fsspec.core.url_to_fs(path, use_listings_cache=False)  # others write to it too
    return Path(inner) if isinstance(fs, LocalFileSystem) else None


def open_input(path: str) -> BinaryIO:
    """A seekable binary file. Raises PipelineError when it cannot be opened."""
    fs, inner = _fs(path)
    with naming(path, "cannot be read"):
        local = isinstance(fs, LocalFileSystem)
        opened: BinaryIO = Path(inner).open("rb") if local else fs.open(inner, "rb")  # noqa: SIM115  (the caller closes it)
    return opened


@contextmanager
def reading(path: str) -> Iterator[BinaryIO]:
    """A seekable binary file, closed at the end. Raises PipelineError when the system cannot open or read it."""
    with open_input(path) as file, naming(path, "cannot be read"):
        yield file


def read(path: str) -> bytes | None:
    """The whole content of a small file; None when there is no such file."""
    fs, inner = _fs(path)
    with naming(path, "cannot be read"):
        try:
            content: bytes = fs.cat_file(inner)
        except FileNotFoundError:
            return None
    return content


def size(path: str) -> int | None:
    """Bytes of a stored file; None when there is no such file."""
    found = stat(path)
    return None if found is None else found.size


def put(path: str, write: Callable[[Path], Any]) -> tuple[Any, Stored]:
    """Let `write` fill a local file, then make it stand at `path` whole; answers what `write` did, and what stands.

    On an exception nothing appears at `path`. An existing file is replaced.
    """
    with _aside(path) as aside:
        with naming(_shown(aside, path), "cannot be written"):
            answer = write(aside)
            stored = Stored(sha256(str(aside)), aside.stat().st_size)
        with naming(path, "cannot be written"):
            _publish(aside, path)
    return answer, stored


def put_all(stem: str, write: Callable[[Path], Sequence[Path]]) -> dict[str, Stored]:
    """Let `write` fill local files that begin with a path, then make each stand behind `stem` by what follows there.

    Answers what stands, by that ending. On an exception, files of this call that stand already are left: nothing counts
    before a record names it.
    """
    with _aside(stem) as aside:
        try:
            with naming(_shown(aside, stem), "cannot be written"):
                files = {str(file)[len(str(aside)) :]: file for file in write(aside)}
                stored = {end: Stored(sha256(str(file)), file.stat().st_size) for end, file in sorted(files.items())}
            for end, file in sorted(files.items()):
                if "/" in end:
                    make_folder((stem + end).rpartition("/")[0])
                with naming(stem + end, "cannot be written"):
                    _publish(file, stem + end)
        finally:
            for left in aside.parent.glob(f"{aside.name}*"):
                _discard(left)
    return stored


def put_bytes(path: str, content: bytes) -> Stored:
    """Make this content stand at `path`, whole."""
    return put(path, lambda aside: aside.write_bytes(content))[1]


def create(path: str, content: bytes) -> bool:
    """Make this content stand at `path` unless something stands there already; answers whether it was written."""
    fs, inner = _fs(path)
    with naming(path, "cannot be written"):
        try:
            if not isinstance(fs, LocalFileSystem):
                fs.pipe_file(inner, content, mode="create")
                return True
            with _aside(path) as aside:
                aside.write_bytes(content)
                _sync(aside)
                os.link(aside, inner)
        except FileExistsError:
            return False
        _sync_folder(Path(inner).parent)
    return True


def copy(source: str, target: str) -> None:
    """Make a stored file stand at another path of its file system, whole; on a local disk without copying bytes."""
    fs, inner = _fs(target)
    _, origin = _fs(source)
    with naming(target, "cannot be written"):
        if not isinstance(fs, LocalFileSystem):
            fs.copy(origin, inner)
            return
        with _aside(target) as aside:
            try:
                os.link(origin, aside)
            except OSError:  # another disk, or a file system without hard links
                shutil.copyfile(origin, aside)
            _publish(aside, target)


def remove(path: str) -> None:
    """Remove a file or a folder with all it holds; nothing happens when there is none."""
    fs, inner = _fs(path)
    with naming(path, "cannot be removed"), suppress(FileNotFoundError):
        fs.rm(inner, recursive=True)


def listing(base: str, pattern: str = "**") -> list[Found]:
    """The files below a folder that match a glob, sorted by name; files being written are left out.

    Local links are followed. Raises PipelineError for a folder that cannot be looked into, a link that leads nowhere or
    in a circle, and what is no file at all (a pipe, a device).
    """
    fs, inner = _fs(base)
    root = inner.rstrip("/")
    if isinstance(fs, LocalFileSystem):
        found = _local_listing(Path(root or "/"), pattern)
    else:
        with naming(base, "cannot be listed"):
            infos = fs.glob(f"{root}/{pattern}", detail=True)
        found = [
            Found(fs.unstrip_protocol(path), path[len(root) + 1 :], info["size"], version(info))
            for path, info in infos.items()
            if info["type"] == "file"
        ]
    files = [file for file in found if not file.name.rsplit("/", 1)[-1].startswith(ASIDE)]
    return sorted(files, key=lambda file: file.name)


def _local_listing(root: Path, pattern: str) -> list[Found]:
    wanted = re.compile(glob_translate(pattern))
    depth = None if "**" in pattern else pattern.count("/") + 1
    found = []
    for name, path in _below(root, depth):
        if wanted.match(name):
            with naming(str(path), "cannot be read"):
                is_ = path.stat()
            if not S_ISREG(is_.st_mode):
                raise PipelineError(f"{path}: is no file", "take it away, or give a path that leaves it out")
            found.append(Found(str(path), name, is_.st_size, version({"mtime": is_.st_mtime})))
    return found


def _below(root: Path, depth: int | None) -> Iterator[tuple[str, Path]]:
    """What stands below a folder and is no folder: its name from there, and its path. depth: levels to go down."""
    waiting: list[tuple[str, Path, frozenset[tuple[int, int]]]] = [("", root, frozenset())]
    while waiting:
        prefix, folder, above = waiting.pop()
        with naming(str(folder), "cannot be looked into"):
            try:
                entries, is_ = sorted(os.scandir(folder), key=lambda one: one.name), folder.stat()
            except (FileNotFoundError, NotADirectoryError):  # nothing there, or removed meanwhile
                continue
        mark = (is_.st_dev, is_.st_ino)
        if mark in above:
            raise trouble(OSError(errno.ELOOP, ""), str(folder), "cannot be looked into")
        for entry in entries:
            if not _leads_to_folder(entry):
                yield prefix + entry.name, Path(entry.path)
            elif depth is None or (prefix + entry.name).count("/") + 1 < depth:
                waiting.append((f"{prefix}{entry.name}/", Path(entry.path), above | {mark}))


def _leads_to_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a circle: for `stat` to name, if it is wanted
        return False


def stat(path: str) -> Found | None:
    """One stored file by its own path, named by its last part; None when it is no file."""
    fs, inner = _fs(path)
    with naming(path, "cannot be read"):
        try:
            info = fs.info(inner)
        except (FileNotFoundError, NotADirectoryError):
            return None
    return Found(path, inner.rsplit("/", 1)[-1], info["size"], version(info)) if info["type"] == "file" else None


def is_folder(path: str) -> bool:
    """Whether the path is a folder (on object stores: a prefix that holds something)."""
    fs, inner = _fs(path)
    with naming(path, "cannot be looked into"):
        return bool(fs.isdir(inner))


def holds(path: str) -> bool:
    """Whether anything stands in a folder; false where there is none."""
    fs, inner = _fs(path)
    with naming(path, "cannot be looked into"):
        try:
            return bool(fs.ls(inner, detail=False))
        except FileNotFoundError:
            return False


def version(info: dict[str, Any]) -> str:
    """What changes when a file does: the entity tag of an object store, else the time of change."""
    for name in ("ETag", "etag", "mtime", "LastModified", "modified"):
        if info.get(name):
            return str(info[name])
    return ""


def make_folder(path: str, private: bool = False) -> None:
    """Make a folder and its parents; private: only the owner may look inside (local disks)."""
    fs, inner = _fs(path)
    with naming(path, "cannot be made"):
        fs.makedirs(inner, exist_ok=True)
        if private and isinstance(fs, LocalFileSystem):
            Path(inner).chmod(0o700)


@contextmanager
def locked(folder: str) -> Iterator[None]:
    """Hold a local folder for one build at a time; the lock ends with the process, however that ends.

    Raises PipelineError when another process holds it. Remote folders are not locked: records there are create-only.
    """
    root = local_path(folder)
    if root is None:
        yield
        return
    with ExitStack() as stack:
        with naming(str(root), "cannot be locked"):
            file = stack.enter_context((root / ".lock").open("w"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise PipelineError(
                    f"{root.parent}: another build is writing to this folder", "wait for it, or give another --out"
                ) from error
        yield


def sweep(folder: str) -> int:
    """Remove what killed processes left half-written below a local folder; answers how many files or folders."""
    root = local_path(folder)
    left = [] if root is None else [*root.rglob(f"{ASIDE}*")]
    with naming(folder, "cannot be cleaned"):
        for path in left:
            _discard(path)
    return len(left)


def _discard(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sha256(path: str) -> str:
    """SHA-256 of a stored file, hex."""
    with reading(path) as file:
        return file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # the stubs want readinto, BinaryIO lacks it


def _fs(path: str) -> tuple[Any, str]:
    try:
        fs, inner = fsspec.core.url_to_fs(path, use_listings_cache=False)  # others write to it too
    except (ImportError, ValueError) as error:
        raise PipelineError(
            f"{path}: {error}", "use a local path, or install the extra for this storage: pip install 'florilegium[s3]'"
        ) from error
    return fs, inner


@contextmanager
def _aside(path: str) -> Iterator[Path]:
    """A local path to write to, in the target's own folder if that is local; removed at the end if it still stands."""
    target = local_path(path)
    folder = Path(tempfile.gettempdir()) if target is None else target.parent
    aside = folder / f"{ASIDE}{os.getpid()}-{secrets.token_hex(6)}"
    try:
        yield aside
    finally:
        aside.unlink(missing_ok=True)


def _shown(aside: Path, path: str) -> str:
    """The place to name when a file cannot be written aside: its final one, or the temporary folder."""
    return path if local_path(path) is not None else str(aside.parent)


def _publish(aside: Path, path: str) -> None:
    fs, inner = _fs(path)
    if isinstance(fs, LocalFileSystem):
        _sync(aside)
        aside.replace(inner)
        _sync_folder(Path(inner).parent)
    else:
        fs.put_file(str(aside), inner)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
