"""Units that misbehave, for tests of the killable worker: documents that fault, never end, swell, or are refused."""

import os
import signal
from pathlib import Path

from florilegium.pipeline import store
from florilegium.pipeline.work import Guard, Made, Unit


def run(unit: Unit, guard: Guard) -> Made:
    """Go through documents in batches of three, as the documents pass does; each name says what it does."""
    seen = []
    names = list(unit.given["documents"])
    for at in range(0, len(names), 3):
        batch = [name for name in names[at : at + 3] if name not in guard.struck]
        if f"batch {at}" in guard.careful:
            for name in batch:
                guard.enter(f"document {name}")
                seen.append(_do(name, unit))
        else:
            guard.enter(f"batch {at}")
            seen += [_do(name, unit) for name in batch]
        guard.leave()
    stored = store.put_bytes(unit.path(".txt"), "\n".join(seen).encode())
    return Made({".txt": stored}, {"rows": len(seen)}, {"cpu": 0.0})


def _do(name: str, unit: Unit) -> str:
    if name.startswith("fault"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if name.startswith("endless"):
        while True:
            pass
    _swell(name)
    if name.startswith("killed-once"):
        marker = Path(unit.folder) / f"{name}.was-here"
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("killed-always"):
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("bug"):
        raise ZeroDivisionError("a bug of ours")
    if name.startswith("full"):
        raise OSError(28, "No space left on device", "/somewhere/file")
    return name


SIZES = {"large": 48, "swelling": 96, "boundless": 1 << 20, "swallowed": 1 << 20, "aborted": 1 << 20}
"""MiB that a document holds for a moment."""


def _swell(name: str) -> None:
    try:
        _held = [b"x" * (1 << 20) for _ in range(SIZES.get(name.partition("-")[0], 0))]
    except MemoryError:
        if name.startswith("boundless"):
            raise
        if name.startswith("aborted"):
            os.abort()
