"""A kill campaign: builds of the sample are killed at seeded moments, resumed by the same command, and compared.

    python tests/pipeline/chaos.py --kills 210

Victims: the driver, a worker, or whichever process is just writing a file: the name of a file being written holds the
process id, and inotify(7) tells when it appears. Every build must end in the bytes of an undisturbed one, run no
finished unit again, and leave no file half-written. Needs Linux (/proc, inotify).
"""

import argparse
import ctypes
import os
import random
import secrets
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import yaml

from florilegium.pipeline.sample import write_sample
from florilegium.pipeline.store import ASIDE
from tests.pipeline.prose import write_tokenizer

UNIT_BYTES = 30_000
"""The sample in units of this size is some tens of units: a kill finds some done, some running, some waiting."""

VICTIMS = ("driver", "worker", "writer")
EXECUTORS = ("local", "ray")

KILLS_A_BUILD = 12
"""Then a build is left alone, so that a campaign is of many builds."""


@dataclass
class Tally:
    """What a campaign did. half_written: kills that left a file half-written. gave_up: starts that Ray itself ended."""

    kills: Counter[str] = field(default_factory=Counter)
    half_written: int = 0
    builds: int = 0
    starts: int = 0
    gave_up: int = 0


def cut_sample(folder: Path) -> Path:
    """Write the sample into `folder`; answers its recipe, with small units of work and token shards."""
    write_sample(folder)
    write_tokenizer(folder / "tokenizer.json")
    recipe = folder / "tokens.yaml"
    told = yaml.safe_load(recipe.read_text("utf-8"))
    recipe.write_text(yaml.safe_dump({**told, "unit_bytes": UNIT_BYTES}), "utf-8")
    return recipe


def build_command(recipe: Path, out: Path, *more: str) -> list[str]:
    """The command of a build."""
    return [sys.executable, "-m", "florilegium.pipeline", "build", str(recipe), "--out", str(out), *more]


def digests(out: Path) -> dict[str, str]:
    """The SHA-256 of every file of an output folder but its work folder."""
    return {
        path.relative_to(out).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.relative_to(out).parts[0] != "work"
    }


def finished_units(out: Path) -> dict[Path, int]:
    """The records of the units of the first pass that are done, and when they were written."""
    return {path: path.stat().st_mtime_ns for path in out.glob("work/documents-*/*.json")}


def kill(pid: int) -> bool:
    """Kill a process as the kernel would; answers whether it was still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


IN_CREATE, IN_ISDIR, IN_NONBLOCK = 0x100, 0x40000000, 0o4000
"""Of <sys/inotify.h>."""


class Writes:
    """Files being written below a folder, told as they appear."""

    def __init__(self, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._handle = self._libc.inotify_init1(IN_NONBLOCK)
        self._folders: dict[int, Path] = {}
        self._watch(folder)

    def close(self) -> None:
        os.close(self._handle)

    def appeared(self) -> list[Path]:
        """Those that have appeared since the last call."""
        try:
            events = os.read(self._handle, 1 << 16)
        except BlockingIOError:
            return []
        found = []
        while events:
            watch, mask, _, length = struct.unpack_from("iIII", events)
            path = self._folders[watch] / events[16 : 16 + length].rstrip(b"\0").decode()
            events = events[16 + length :]
            if mask & IN_ISDIR:
                self._watch(path)
            elif path.name.startswith(ASIDE):
                found.append(path)
        return found

    def _watch(self, folder: Path) -> None:
        watch = self._libc.inotify_add_watch(self._handle, os.fsencode(folder), IN_CREATE)
        if watch < 0:
            raise OSError(ctypes.get_errno(), f"inotify: {folder}")
        self._folders[watch] = folder
        for below in folder.iterdir():
            if below.is_dir():
                self._watch(below)


class Running:
    """One start of the build: its driver, and all processes that came of it."""

    def __init__(self, command: list[str]) -> None:
        mark = secrets.token_hex(8)
        self._mark = f"FLORILEGIUM_MARK={mark}".encode()
        self.driver = subprocess.Popen(
            command,
            env={**os.environ, "FLORILEGIUM_MARK": mark},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )

    @property
    def over(self) -> bool:
        return self.driver.poll() is not None

    def processes(self) -> dict[int, str]:
        """Those that are living, with their command lines."""
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    if self._mark in (folder / "environ").read_bytes():
                        line = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                        found[int(folder.name)] = line.decode("utf-8", "replace")
                except OSError:
                    continue
        return found

    def workers(self) -> list[int]:
        """Processes that run units, and Ray's that hold them."""
        return sorted(
            pid
            for pid, line in self.processes().items()
            if "pipeline.worker" in line or (line.startswith("ray::") and "Agent" not in line)
        )

    def wait(self) -> tuple[int, str]:
        """Exit status and what was printed; nothing of this start lives on."""
        try:
            _, errors = self.driver.communicate(timeout=300)
        finally:
            for pid in self.processes():  # what a killed driver leaves of its Ray cluster
                kill(pid)
        return self.driver.returncode, errors.decode("utf-8", "replace")


def strike(running: Running, out: Path, victim: str, executor: str, chance: random.Random) -> tuple[bool, bool]:
    """Wait for a moment and kill; answers whether something was killed, and whether it left a file half-written."""
    if victim == "writer":
        return _strike_writer(running, out, chance)
    if executor == "ray":  # its cluster takes seconds to start; kills before that say little
        while not running.over and not running.workers():
            time.sleep(0.05)
    before = set(out.rglob(f"{ASIDE}*"))
    until = time.monotonic() + chance.uniform(0.05, 1.5)
    while not running.over and time.monotonic() < until:
        time.sleep(0.01)
    targets = [running.driver.pid] if victim == "driver" else running.workers()
    killed = not running.over and bool(targets) and kill(chance.choice(targets))
    return killed, killed and bool(set(out.rglob(f"{ASIDE}*")) - before)


def _strike_writer(running: Running, out: Path, chance: random.Random) -> tuple[bool, bool]:
    writes = Writes(out)
    left, delay = chance.randrange(1, 60), chance.choice([0, 0, 0.0005, 0.002])
    try:
        while not running.over:
            for path in writes.appeared():
                left -= 1
                if left <= 0:
                    time.sleep(delay)
                    killed = kill(int(path.name.removeprefix(ASIDE).partition("-")[0]))
                    return killed, killed and path.exists()
            time.sleep(0.0002)
    finally:
        writes.close()
    return False, False


def build_through(
    command: list[str], out: Path, executor: str, victim: str, kills: int, chance: random.Random, tally: Tally
) -> None:
    """One build, killed up to `kills` times and started again until it ends well.

    Raises AssertionError when a finished unit is run again, or a start ends otherwise than well or killed; Ray may also
    give up, if it says that the same command resumes.
    """
    out.mkdir()
    left = kills
    for _ in range(10 * kills + 10):
        before = finished_units(out)
        running = Running(command)
        tally.starts += 1
        while left and not running.over:
            killed, half = strike(running, out, victim, executor, chance)
            left -= killed
            tally.kills[f"{executor} {victim}"] += killed
            tally.half_written += half
            if victim == "driver":
                break
        status, errors = running.wait()
        after = finished_units(out)
        assert all(after.get(path) == when for path, when in before.items()), "a finished unit was run again"
        if status == 0:
            tally.builds += 1
            return
        if status != -signal.SIGKILL:  # the local executor outlives its workers; Ray itself may give up
            assert executor == "ray" and victim != "driver", errors
            assert status == 2 and "run the same command: it resumes" in errors, errors
            tally.gave_up += 1
    raise AssertionError(f"{executor} {victim}: no end after {tally.starts} starts")


def campaign(
    recipe: Path, folder: Path, expected: dict[str, str], executor: str, victim: str, kills: int, seed: int
) -> Tally:
    """Builds into `folder`, one behind the other, until that many kills have hit. Raises AssertionError as above, and
    when a build ends in other bytes or leaves a file half-written.
    """
    chance = random.Random(f"{seed} {executor} {victim}")
    tally = Tally()
    while (done := tally.kills.total()) < kills:
        out = folder / f"{executor}-{victim}-{tally.builds}"
        command = build_command(recipe, out, "--workers", "2", "--executor", executor)
        build_through(command, out, executor, victim, min(kills - done, KILLS_A_BUILD), chance, tally)
        other = {path for path, _ in set(digests(out).items()) ^ set(expected.items())}
        assert not other, f"{out.name}: other bytes than an undisturbed build: {sorted(other)}"
        assert [*out.rglob(f"{ASIDE}*")] == [], f"{out}: half-written files were left"
        shutil.rmtree(out)
    return tally


def main() -> None:
    """Run all six campaigns and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=210, help="in all; the six campaigns share them (default 210)")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    started = time.monotonic()
    total = Tally()
    with tempfile.TemporaryDirectory(prefix="florilegium-chaos-") as name:
        folder = Path(name)
        recipe = cut_sample(folder / "europe")
        out = folder / "undisturbed"
        subprocess.run(build_command(recipe, out), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        expected = digests(out)
        share = -(-chosen.kills // (len(EXECUTORS) * len(VICTIMS)))
        for executor, victim in ((one, other) for one in EXECUTORS for other in VICTIMS):
            tally = campaign(recipe, folder, expected, executor, victim, share, chosen.seed)
            print(f"{time.monotonic() - started:6.0f} s  {_line(f'{executor} {victim}', tally)}", flush=True)
            total = _sum(total, tally)
    print(
        f"{time.monotonic() - started:6.0f} s  {_line('all', total)}; every build gave the same {len(expected)} files"
    )


def _line(name: str, tally: Tally) -> str:
    gave_up = f", Ray gave up {tally.gave_up} times" if tally.gave_up else ""
    return (
        f"{name:<13} {tally.kills.total():>4} kills ({tally.half_written} left a file half-written), "
        f"{tally.starts} starts, {tally.builds} builds{gave_up}"
    )


def _sum(one: Tally, other: Tally) -> Tally:
    return Tally(
        one.kills + other.kills,
        one.half_written + other.half_written,
        one.builds + other.builds,
        one.starts + other.starts,
        one.gave_up + other.gave_up,
    )


if __name__ == "__main__":
    main()
