"""What this process holds of memory, as Linux counts it, and a wall around it; elsewhere nothing is known."""

import ctypes
import re
import resource
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

STATUS = Path("/proc/self/status")
NUMBERS = re.compile(r"^(VmRSS|VmHWM|VmData):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Held:
    """Bytes. now: resident. peak: most resident so far. data: private writable, what RLIMIT_DATA counts.

    ever: most resident as a parent is told at the end; it may begin above `peak`, with what the parent itself held.
    """

    now: int
    peak: int
    data: int
    ever: int


def held() -> Held | None:
    """What is held; None where the system does not tell."""
    try:
        found = {name: int(size) << 10 for name, size in NUMBERS.findall(STATUS.read_text("ascii", "replace"))}
        ever = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        return Held(found["VmRSS"], found["VmHWM"], found["VmData"], ever)
    except (OSError, KeyError):
        return None


def given_back() -> Held | None:
    """What is held after what was freed has gone back to the system: 0.3 ms."""
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # a C library other than glibc
        ctypes.CDLL(None).malloc_trim(0)
    return held()


def wall(data: int | None) -> None:
    """Make allocations fail from so many bytes of private writable memory on; None takes the wall away."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    soft = hard if data is None or 0 <= hard < data else data
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
