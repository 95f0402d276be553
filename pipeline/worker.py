"""A worker process that may be killed: it runs units, its parent learns which document killed it.

Parser bugs and endless loops in C libraries cannot be caught inside a process. So units run in a child; before each
batch the child says where it is. When it dies by its CPU or memory limit or by a fault, the parent runs the unit again,
one document at a time in that batch, learns the document, and runs the unit without it: the document's reason is
recorded with the unit and replayed on resume. A kill from outside (SIGKILL, SIGTERM: a person, a test) is nobody's
fault: the unit is simply run again. The same child serves the local executor and Ray.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from florilegium.pipeline.errors import PipelineError, refused, trouble
from florilegium.pipeline.memory import Held
from florilegium.pipeline.work import OVER, Guard, Say, Unit, perform

MEMORY = "extract.memory_limit"

STRIKES = {
    OVER: MEMORY,
    signal.SIGXCPU: "extract.cpu_limit",
    signal.SIGSEGV: "extract.crashed",
    signal.SIGBUS: "extract.crashed",
    signal.SIGABRT: "extract.crashed",
    signal.SIGFPE: "extract.crashed",
    signal.SIGILL: "extract.crashed",
}
"""Deaths that are the document's fault, and the reason it gets."""

PATIENCE = 30
"""How often one unit may die of kills from outside before the build stops and names it."""


@dataclass(frozen=True)
class Death:
    """The end of a child. status: as of subprocess. place: where it was. grown: bytes that its memory grew there."""

    status: int
    place: str | None
    grown: int

    def reason(self, unit: Unit) -> str | None:
        """The reason that the document of this place gets; None if it is not to blame.

        Libraries abort when there is no memory, and the kernel kills: a death beyond the limit is the limit's.
        """
        if self.status >= 0 or self.place is None:
            return None
        if unit.memory_mb and self.grown > unit.memory_mb << 20 and -self.status != signal.SIGXCPU:
            return MEMORY
        return STRIKES.get(signal.Signals(-self.status))


class Killable:
    """A child process that runs one unit at a time, and is started again when it dies."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None
        self._closed = False

    def run(self, unit: Unit, say: Say) -> Mapping[str, float]:
        """Run a unit to its end, whatever kills the child meanwhile; answers its costs.

        Raises what the unit raised, PipelineError when the child was killed from outside too often, and CancelledError
        when this worker was closed meanwhile.
        """
        kills = 0
        careful: set[str] = set()
        while True:
            died = self._attempt(unit, careful, say)
            if not isinstance(died, Death):
                return died
            if self._closed:
                raise CancelledError(unit.name)
            if died.status > 0:
                raise RuntimeError(f"{unit.name}: the worker ended with status {died.status}; what it printed says why")
            reason = died.reason(unit)
            if reason is None or died.place is None:
                kills += 1
                if kills >= PATIENCE:
                    last = f"last at {died.place or 'its start'}, exit status {died.status}"
                    raise PipelineError(
                        f"{unit.name}: the worker was killed {kills} times ({last})",
                        "give the workers more memory or use fewer (--workers), then run the same command: it resumes",
                    )
            elif died.place in careful:
                unit = replace(unit, struck={**unit.struck, died.place.removeprefix("document "): reason})
            else:
                careful.add(died.place)
            say("died", {"status": died.status, "place": died.place})

    def close(self) -> None:
        """End the child for good; whoever waits for it in `run` is told."""
        self._closed = True
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        if self._line is not None:
            self._line.close()
        self._child = self._line = None

    def _attempt(self, unit: Unit, careful: set[str], say: Say) -> Mapping[str, float] | Death:
        """Costs, or how the child died."""
        child, line = self._started()
        place: str | None = None
        began: Held | None = None
        try:
            line.send_bytes(pickle.dumps((unit, frozenset(careful))))
            while True:
                kind, content = pickle.loads(line.recv_bytes())
                if kind == "at":
                    place, began = content, None
                    if place is not None and place.startswith("document "):
                        careful.add(place)
                elif kind == "held":
                    began = content
                elif kind == "done":
                    costs: Mapping[str, float] = content
                    return costs
                elif kind == "error":
                    raise content
                else:
                    say(kind, content)
        except (EOFError, ConnectionError, BrokenPipeError):
            ever = _ended(child)
            grown = ever - began.now if began and ever > began.ever else 0
            status = child.wait()
            self._end()
            return Death(status, place, grown)

    def _started(self) -> tuple[subprocess.Popen[bytes], Connection]:
        if self._child is None or self._line is None or self._child.poll() is not None:
            self._end()
            ours, theirs = Pipe()
            self._child = subprocess.Popen(
                [sys.executable, "-m", "florilegium.pipeline.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
            theirs.close()
            self._line = ours
        return self._child, self._line


def _ended(child: subprocess.Popen[bytes]) -> int:
    """Wait for a child's end; answers the bytes of memory that it held at its peak, 0 if another waited for it."""
    with suppress(ChildProcessError):
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_maxrss << 10
    return 0


def serve(handle: int) -> None:
    """The child's life: units in, messages out, until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(OVER, signal.SIG_DFL)
    _die_with_parent()
    line = Connection(handle)
    lock = threading.Lock()

    def say(kind: str, content: Any) -> None:
        with lock:
            line.send_bytes(pickle.dumps((kind, content)))

    while True:
        try:
            unit, careful = pickle.loads(line.recv_bytes())
        except EOFError:
            return
        guard = Guard(unit.cpu_seconds, careful, unit.struck, say, unit.memory_mb)
        try:
            say("done", perform(unit, guard))
        except Exception as error:
            guard.failed(error)
            say("error", _carried(error, unit))


def _carried(error: Exception, unit: Unit) -> Exception:
    """The error in a form that crosses the process border, with its traceback as a note when it is a bug."""
    if isinstance(error, PipelineError):
        return error
    if refused(error):
        return trouble(error, str(getattr(error, "filename", None) or unit.folder), f"stops {unit.name}")
    from traceback import format_exception

    return RuntimeError(f"{unit.name} failed:\n{''.join(format_exception(error))}")


def _die_with_parent() -> None:
    """Ask the kernel to end this process when its parent dies; where there is no prctl(2), the closed line does.

    PR_SET_PDEATHSIG is 1 in Linux's sys/prctl.h.
    """
    with suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
