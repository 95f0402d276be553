"""The bad place: what cannot be read or written stops a build with one error and a hint; nothing written is lost."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from florilegium.pipeline import ledger
from tests.pipeline import bad_day
from tests.pipeline.bad_day import GOOD, refused

Run = Callable[..., subprocess.CompletedProcess[str]]
Digests = Callable[[Path], dict[str, str]]

EXECUTORS = ("local", "ray")


def dangling(place: Path) -> Path:
    (place / "gone.jsonl").symlink_to("nowhere")
    return place / "gone.jsonl"


def circle(place: Path) -> Path:
    (place / "one.jsonl").symlink_to("two.jsonl")
    (place / "two.jsonl").symlink_to("one.jsonl")
    return place / "one.jsonl"


def spiral(place: Path) -> Path:
    (place / "again").symlink_to(".")
    return place / "again"


def pipe(place: Path) -> Path:
    os.mkfifo(place / "pipe.jsonl")
    return place / "pipe.jsonl"


def broken_disk(place: Path) -> Path:
    """Linux answers EIO to whoever reads the first page of his memory."""
    (place / "memory.jsonl").symlink_to("/proc/self/mem")
    return place / "memory.jsonl"


def locked_file(place: Path) -> Path:
    (place / "locked.jsonl").write_bytes(GOOD)
    (place / "locked.jsonl").chmod(0)
    return place / "locked.jsonl"


def locked_folder(place: Path) -> Path:
    (place / "locked").mkdir(mode=0)
    return place / "locked"


UNREADABLE: dict[Callable[[Path], Path], str] = {
    dangling: "No such file or directory",
    circle: "Too many levels of symbolic links",
    spiral: "Too many levels of symbolic links",
    pipe: "is no file",
    broken_disk: "Input/output error",
    locked_file: "Permission denied",
    locked_folder: "Permission denied",
}


def bare(*command: str | Path) -> list[str]:
    """The command with no power over files beyond their permissions, though root may run the tests."""
    plain = [*map(str, command)]
    if os.geteuid():
        return plain
    if subprocess.run(["unshare", "-U", "true"], check=False, capture_output=True).returncode:
        pytest.skip("NOT TESTED: root reads what it must not, and `unshare -U` does not work here")
    return ["unshare", "-U", *plain]


@pytest.fixture(scope="module")
def mended(run: Run, digests: Digests, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a build gives where nothing happens: of the folder `in` with one good file."""
    folder = tmp_path_factory.mktemp("mended")
    (folder / "in").mkdir()
    (folder / "in/a.jsonl").write_bytes(GOOD)
    run("build", folder / "in", "--out", folder / "out")
    return digests(folder / "out")


MISHAPS = [(mishap, "local") for mishap in UNREADABLE] + [(broken_disk, "ray")]
"""All but the broken disk are met before an executor is asked; it stands for all that a worker meets."""


@pytest.mark.parametrize(("mishap", "executor"), MISHAPS, ids=lambda one: getattr(one, "__name__", one))
def test_an_unreadable_path_stops_the_build_and_loses_nothing(
    run: Run, digests: Digests, mended: dict[str, str], tmp_path: Path, mishap: Callable[[Path], Path], executor: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(GOOD)
    place = mishap(folder)
    build: list[str | Path] = ["build", folder, "--out", tmp_path / "out", "--executor", executor]
    done = subprocess.run(
        bare(sys.executable, "-m", "florilegium.pipeline", *build), check=False, capture_output=True, text=True
    )
    error, hint = done.stderr.strip().split("\n")[-2:]
    assert (done.returncode, error.startswith("error: "), hint.startswith("hint: ")) == (2, True, True), done.stderr
    assert str(place) in error and UNREADABLE[mishap] in error
    for other in folder.iterdir():
        if other.name != "a.jsonl":
            other.rmdir() if mishap is locked_folder else other.unlink()
    run("build", folder, "--out", tmp_path / "out")
    assert digests(tmp_path / "out") == mended


def test_a_link_is_read_like_what_it_leads_to(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "far/deep").mkdir(parents=True)
    (tmp_path / "far/deep/b.jsonl").write_bytes(GOOD)
    (tmp_path / "in/deep").symlink_to(tmp_path / "far/deep")
    (tmp_path / "in/c.jsonl").symlink_to(tmp_path / "far/deep/b.jsonl")
    run("build", tmp_path / "in", "--out", tmp_path / "out")
    assert ledger(str(tmp_path / "out"))["record"].to_list() == ["c.jsonl#0", "deep/b.jsonl#0"]


@pytest.mark.parametrize("path", ["nowhere.yaml", "nowhere.jsonl", "nowhere/*.jsonl", "a.jsonl/b.jsonl", "in.yaml"])
def test_a_path_that_holds_nothing_is_named(run: Run, tmp_path: Path, path: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(GOOD)
    (tmp_path / "in.yaml").mkdir()
    assert path in refused(run, "build", tmp_path / path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def recipe_of(folder: Path, name: str, *sources: str) -> Path:
    """A recipe of this name over one file, which each of the sources names."""
    (folder / "good.jsonl").write_bytes(GOOD)
    recipe = folder / f"{name}-{'-'.join(sources)}.yaml"
    listed = [{"name": one, "path": "good.jsonl"} for one in sources]
    recipe.write_text(yaml.safe_dump({"name": name, "sources": listed}), "utf-8")
    return recipe


def test_a_folder_belongs_to_one_corpus(run: Run, digests: Digests, tmp_path: Path) -> None:
    out, aside = tmp_path / "out", tmp_path / "aside"
    run("build", recipe_of(tmp_path, "town", "a", "b"), "--out", out)
    for forgotten in ("manifest.json", "work"):  # either tells whose it is
        (out / forgotten).rename(aside)
        before = sorted(out.rglob("*"))
        for command in ("build", "plan"):
            said = refused(run, command, recipe_of(tmp_path, "village", "a"), "--out", out)
            assert "holds the corpus 'town', and this recipe is called 'village'" in said and "name: town" in said
        said = refused(run, "build", recipe_of(tmp_path, "town", "c"), "--out", out)
        assert "holds 'town' of other sources: a, b; here: c" in said
        assert sorted(out.rglob("*")) == before
        aside.rename(out / forgotten)
    run("build", recipe_of(tmp_path, "town", "b", "c"), "--out", out)
    run("build", recipe_of(tmp_path, "town", "c"), "--out", out)
    run("build", recipe_of(tmp_path, "town", "c"), "--out", tmp_path / "other")
    assert digests(out) == digests(tmp_path / "other")


def test_a_folder_that_no_build_made_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "home/work").mkdir(parents=True)
    (tmp_path / "home/work/thesis.txt").write_text("ten years", "utf-8")
    recipe = recipe_of(tmp_path, "town", "a")
    for command in ("build", "plan"):
        assert "holds files that no build has made" in refused(run, command, recipe, "--out", tmp_path / "home")
    assert [path.name for path in (tmp_path / "home/work").iterdir()] == ["thesis.txt"]
    (tmp_path / "new").mkdir()
    run("build", recipe, "--out", tmp_path / "new")


def test_a_folder_of_a_corpus_on_s3(run: Run, s3: str, tmp_path: Path) -> None:
    out = f"{s3}/{tmp_path.name}"
    run("build", recipe_of(tmp_path, "town", "a"), "--out", out)
    assert "holds the corpus 'town'" in refused(run, "build", recipe_of(tmp_path, "village", "a"), "--out", out)
    run("build", recipe_of(tmp_path, "town", "a", "b"), "--out", out)


def test_a_store_that_does_not_answer_is_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # the discard port: nobody listens
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    recipe = recipe_of(tmp_path, "town", "a")
    for source, out in (("s3://nowhere/a.jsonl", tmp_path / "out"), (recipe, "s3://nowhere/out")):
        said = refused(run, "build", source, "--out", out)
        assert "error: s3://nowhere/" in said and "Could not connect" in said and "connection" in said


def test_a_second_build_in_the_same_folder_is_told_so(run: Run, digests: Digests, tmp_path: Path) -> None:
    """The first is stopped by SIGSTOP while it holds the folder, so that the second surely meets it."""
    recipe, out = recipe_of(tmp_path, "town", "a"), tmp_path / "out"
    command = [sys.executable, "-m", "florilegium.pipeline", "build", str(recipe), "--out", str(out)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        while not (out / "work/owner.json").exists() and first.poll() is None:
            time.sleep(0.005)
        first.send_signal(signal.SIGSTOP)
        assert first.poll() is None and not (out / "manifest.json").exists()
        said = refused(run, "build", recipe, "--out", out)
        assert f"{out}: another build is writing to this folder" in said and "wait for it" in said
    finally:
        first.send_signal(signal.SIGCONT)
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 0, errors
    run("build", recipe, "--out", tmp_path / "other")
    assert digests(out) == digests(tmp_path / "other")


class Disk:
    """A small disk of its own (tmpfs in a mount namespace), and commands that see it."""

    def __init__(self, holder: subprocess.Popen[str], at: Path) -> None:
        self._enter = [
            "nsenter",
            "-t",
            str(holder.pid),
            "-m",
            *(["-U", "--preserve-credentials"] if os.geteuid() else []),
        ]
        self._at = at
        self.seen = Path(f"/proc/{holder.pid}/root{at}")
        """Where the disk is seen from outside."""

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self._enter, *map(str, command)], check=False, capture_output=True, text=True)

    def size(self, options: str) -> None:
        done = self.run("mount", "-o", f"remount,{options}", self._at)
        assert done.returncode == 0, done.stderr

    def build(self, recipe: Path, executor: str = "local") -> subprocess.CompletedProcess[str]:
        out = self._at / "out"
        command: list[str | Path] = ["build", recipe, "--out", out, "--workers", "2", "--executor", executor]
        return self.run(sys.executable, "-m", "florilegium.pipeline", *command)

    def fill(self, left: int) -> None:
        """Leave so many bytes."""
        found = os.statvfs(self.seen)
        with (self.seen / "ballast").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - left)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    at = tmp_path / "disk"
    at.mkdir()
    mount = f"mount -t tmpfs -o size=100m,mode=755 tmpfs {at} && echo ready && exec sleep 1000"
    command = ["unshare", "-m" if not os.geteuid() else "-Urm", "sh", "-c", mount]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        if holder.stdout.readline().strip() != "ready":
            pytest.skip("NOT TESTED: no small disk can be mounted here, neither as root nor by `unshare -Urm`")
        yield Disk(holder, at)
    finally:
        holder.kill()
        holder.wait()


@pytest.fixture(scope="module")
def leaves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe whose build writes a few megabytes, in many units."""
    folder = tmp_path_factory.mktemp("leaves")
    chance = random.Random(5)
    words = " ".join(bad_day.SENTENCES).split()
    for number in range(12):  # so many sources make a manifest of more than a page of a disk
        texts = [f"{bad_day.prose()} {' '.join(chance.choices(words, k=400))}." for _ in range(100)]
        (folder / f"{number}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
    recipe = {
        "name": "leaves",
        "sources": [{"name": f"leaves-{number}", "path": f"{number}.jsonl"} for number in range(12)],
        "unit_bytes": 500_000,
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
    return folder / "recipe.yaml"


@pytest.fixture(scope="module")
def undisturbed(leaves: Path, run: Run, digests: Digests) -> dict[str, str]:
    run("build", leaves, "--out", leaves.parent / "out", "--workers", 2)
    return digests(leaves.parent / "out")


def stopped(done: subprocess.CompletedProcess[str], disk: Disk, what: str, hint: str) -> str:
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    *_, error, told = done.stderr.strip().split("\n")
    assert error.startswith("error: ") and "/disk/out" in error and what in error
    assert told.startswith("hint: ") and hint in told and "run the same command" in told
    assert not (disk.seen / "out/manifest.json").exists()
    return error


FULL = ("No space left on device", "make room there")


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_full_disk_stops_the_build_and_room_lets_it_go_on(
    disk: Disk, leaves: Path, undisturbed: dict[str, str], digests: Digests, executor: str
) -> None:
    needed = sum(path.stat().st_size for path in (leaves.parent / "out").rglob("*") if path.is_file())
    for part in (0.1, 0.4, 0.7) if executor == "local" else (0.4,):
        disk.size(f"size={int(needed * part)}")
        stopped(disk.build(leaves, executor), disk, *FULL)
    disk.size("size=100m")
    done = disk.build(leaves, executor)
    assert done.returncode == 0, done.stderr
    assert digests(disk.seen / "out") == undisturbed
    assert [path for path in disk.seen.rglob("*") if path.name.startswith(".aside-")] == []


DRIVER = {0: "work/planned.json", 4096: "manifest.json"}
"""Bytes left, and the file of the driver's own that they do not suffice for."""


@pytest.mark.parametrize("left", DRIVER)
def test_a_disk_that_is_full_when_the_driver_writes(
    disk: Disk, leaves: Path, undisturbed: dict[str, str], digests: Digests, left: int
) -> None:
    assert disk.build(leaves).returncode == 0
    (disk.seen / "out/manifest.json").unlink()
    disk.fill(left)
    assert DRIVER[left] in stopped(disk.build(leaves), disk, *FULL)
    (disk.seen / "ballast").unlink()
    assert disk.build(leaves).returncode == 0
    assert digests(disk.seen / "out") == undisturbed


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_disk_that_must_not_be_written(
    disk: Disk, leaves: Path, undisturbed: dict[str, str], digests: Digests, executor: str
) -> None:
    disk.size("ro")
    stopped(disk.build(leaves, executor), disk, "Read-only file system", "give another --out")
    disk.size("rw")
    if executor == "local":  # and once more, when all but the manifest is there
        assert disk.build(leaves).returncode == 0
        (disk.seen / "out/manifest.json").unlink()
        disk.size("ro")
        stopped(disk.build(leaves), disk, "Read-only file system", "give another --out")
        disk.size("rw")
    assert disk.build(leaves).returncode == 0
    assert digests(disk.seen / "out") == undisturbed
