"""Run a command and say what it cost: CPU of the whole process tree, wall time, and memory.

usage: python benchmarks/watch.py COMMAND [ARGUMENT ...]      prints one line of JSON after the command has ended

CPU is user and system time of the command and of every descendant, orphans too, as the kernel accounts for it when each
is reaped: nothing is sampled. Memory is the sum of proportional set sizes (PSS) over the tree, sampled twice a second:
pages that processes share count once, mapped files count as far as they are in memory. The largest single process is
the kernel's own high-water mark. Linux only.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

PERIOD = 0.5
"""Seconds between two samples of memory."""
PATIENCE = 10.0
"""Seconds that orphans of an ended command may still take before the watch gives up."""
SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2): orphaned descendants become ours, so that their CPU time is counted."""


@dataclass(frozen=True)
class Cost:
    """What one command cost."""

    code: int
    """Exit code; negative: the signal that ended it."""
    wall_s: float
    cpu_s: float
    """User and system time of all processes of the tree."""
    peak_pss_mb: float
    """Largest sum of PSS over the tree, in MiB, sampled."""
    largest_rss_mb: float
    """Largest resident set of any one process of the tree, in MiB."""
    others_cpu_s: float
    """CPU time of everything else on the machine meanwhile, the watch included: a quiet run has next to none."""


def watch(command: Sequence[str], log: IO[bytes] | None = None, env: Mapping[str, str] | None = None) -> Cost:
    """Run `command` to its end. Waits for every child of this process: it should have no other.

    log: takes what the command prints; None: it prints where we print.
    env: its whole environment; None: ours.
    Raises OSError when it cannot start, TimeoutError when a descendant outlives it by more than PATIENCE seconds.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    busy, start = machine_cpu(), time.perf_counter()
    child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT if log else None, env=env)
    ended, peaks = threading.Event(), [0]
    sampler = threading.Thread(target=sample, args=(os.getpid(), peaks, ended), daemon=True)
    sampler.start()
    try:
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)  # or Popen would wait for it a second time
        usages = [used, *reap_orphans()]
    except BaseException:
        for process in tree(os.getpid()):
            os.kill(process, signal.SIGKILL)
        raise
    finally:
        ended.set()
        sampler.join()
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    rss = max(usage.ru_maxrss for usage in usages) / 1024
    return Cost(child.returncode, wall, cpu, max(peaks) / 1024, rss, max(0.0, machine_cpu() - busy - cpu))


def reap_orphans() -> list[resource.struct_rusage]:
    """What the orphans of an ended command used, each with all that it had itself reaped."""
    usages, deadline = list[resource.struct_rusage](), time.monotonic() + PATIENCE
    while True:
        try:
            process, _, used = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return usages
        if process:
            usages.append(used)
        elif time.monotonic() > deadline:
            raise TimeoutError(f"processes left behind by the command still run: {tree(os.getpid())}")
        else:
            time.sleep(0.05)


def sample(root: int, peaks: list[int], ended: threading.Event) -> None:
    """Append the PSS of the tree below `root`, in KiB, at once and then twice a second until `ended`."""
    while True:
        peaks.append(sum(pss(process) for process in tree(root)))
        if ended.wait(PERIOD):
            return


def tree(root: int) -> list[int]:
    """The descendants of `root`, itself left out."""
    children: dict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and (stat := _read(folder / "stat")):
            # the name, in parentheses, may hold spaces and parentheses
            children[int(stat.rpartition(")")[2].split()[1])].append(int(folder.name))
    found, front = list[int](), [root]
    while front:
        below = children[front.pop()]
        found += below
        front += below
    return found


def pss(process: int) -> int:
    """Proportional set size in KiB; 0 when the process has gone."""
    lines = _read(Path(f"/proc/{process}/smaps_rollup")).splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def machine_cpu() -> float:
    """Seconds of CPU that the machine has spent since its start, idle and waiting time left out."""
    user, nice, system, _idle, _wait, irq, softirq, *_ = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(map(int, (user, nice, system, irq, softirq))) / os.sysconf("SC_CLK_TCK")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    cost = watch(sys.argv[1:])
    print(json.dumps(asdict(cost)))
    sys.exit(cost.code if cost.code >= 0 else 128 - cost.code)
