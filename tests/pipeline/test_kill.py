"""kill -9 of the driver or any worker at any moment, then the same command: the same bytes, no finished work again."""

import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

Run = Callable[..., subprocess.CompletedProcess[str]]
Digests = Callable[[Path], dict[str, str]]

KILLS = int(os.environ.get("FLORILEGIUM_KILLS", "6"))
"""Kills a test; `make chaos` may ask for more."""


@pytest.fixture(scope="module")
def cut(europe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample cut into many small units, so that a kill finds some done, some running, some waiting."""
    folder = tmp_path_factory.mktemp("cut") / "europe"
    shutil.copytree(europe, folder)
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text("utf-8"))
    (folder / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "unit_bytes": 8_000}), "utf-8")
    return folder / "recipe.yaml"


@pytest.fixture(scope="module")
def undisturbed(cut: Path, run: Run, digests: Digests, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the build gives when nothing is killed."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    run("build", cut, "--out", out, "--workers", 2)
    return digests(out)


def processes(mark: str) -> dict[int, str]:
    """Living processes that carry this mark in their environment, with their command lines."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if mark.encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (
                        (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                    )
            except OSError:
                continue
    return found


def build_command(recipe: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "florilegium.pipeline", "build", str(recipe), "--out", str(out), *more]


def finished_units(out: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in out.glob("work/documents-*/*.json")}


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["driver", "worker"])
@pytest.mark.parametrize("executor", ["local", "ray"])
def test_a_killed_build_resumes_to_the_same_bytes(
    cut: Path, undisturbed: dict[str, str], digests: Digests, tmp_path: Path, executor: str, victim: str
) -> None:
    chance = random.Random(f"{executor} {victim}")
    out = tmp_path / "out"
    command = build_command(cut, out, "--workers", "2", "--executor", executor)
    kills = 0
    for _ in range(10 * KILLS):
        before = finished_units(out)
        mark = f"FLORILEGIUM_MARK={secrets.token_hex(8)}"
        driver = subprocess.Popen(
            command,
            env={**os.environ, "FLORILEGIUM_MARK": mark.split("=")[1]},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        try:
            if executor == "ray":  # its cluster takes seconds to start; kills before that say little
                while driver.poll() is None and not any("pipeline.worker" in line for line in processes(mark).values()):
                    time.sleep(0.05)
            while kills < KILLS and driver.poll() is None:
                time.sleep(chance.uniform(0.1, 1.0) if executor == "ray" else chance.uniform(0.3, 2.0))
                workers = [
                    pid
                    for pid, line in processes(mark).items()
                    if "pipeline.worker" in line or (line.startswith("ray::") and "Agent" not in line)
                ]
                target = driver.pid if victim == "driver" else (chance.choice(sorted(workers)) if workers else None)
                if target is not None and driver.poll() is None:
                    try:
                        os.kill(target, signal.SIGKILL)
                    except ProcessLookupError:
                        continue
                    kills += 1
                if victim == "driver":
                    break
            _, errors = driver.communicate(timeout=300)
        finally:
            for pid in processes(mark):  # what a killed driver leaves of its Ray cluster
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        after = finished_units(out)
        assert all(after.get(path) == when for path, when in before.items()), "a finished unit was run again"
        if driver.returncode == 0:
            break
        if driver.returncode != -signal.SIGKILL:  # the local executor outlives its workers; Ray itself may give up
            shown = errors.decode()
            assert executor == "ray" and victim == "worker", shown
            assert driver.returncode == 2 and "run the same command: it resumes" in shown, shown
    assert driver.returncode == 0
    assert digests(out) == undisturbed
    assert [path for path in out.rglob("*") if path.name.startswith(".aside-")] == []


@pytest.mark.slow
def test_a_cluster_loses_a_node_and_gives_the_same_bytes(
    cut: Path, undisturbed: dict[str, str], digests: Digests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An existing cluster by address, of two nodes; one of them is killed while it works."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    from ray.cluster_utils import Cluster

    out = tmp_path / "out"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        lost = cluster.add_node(num_cpus=1)
        command = build_command(cut, out, "--executor", "ray", "--ray-address", cluster.address)
        driver = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        while driver.poll() is None and len(finished_units(out)) < 2:
            time.sleep(0.02)
        assert driver.poll() is None, "the build was over before a node could be lost"
        cluster.remove_node(lost, allow_graceful=False)
        shown, errors = driver.communicate(timeout=300)
        assert driver.returncode == 0, shown + errors
        assert "ray: ready with 2 workers" in errors
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]  # as Ray has it
    assert digests(out) == undisturbed


@pytest.mark.parametrize("executor", ["local", "ray"])
def test_ctrl_c_leaves_nothing_running_and_resumes(
    cut: Path, undisturbed: dict[str, str], run: Run, digests: Digests, tmp_path: Path, executor: str
) -> None:
    out = tmp_path / "out"
    mark = secrets.token_hex(8)
    command = build_command(cut, out, "--executor", executor)
    driver = subprocess.Popen(
        command,
        env={**os.environ, "FLORILEGIUM_MARK": mark},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    while driver.poll() is None and not finished_units(out):
        time.sleep(0.02)
    driver.send_signal(signal.SIGINT)
    _, errors = driver.communicate(timeout=60)
    assert driver.returncode == 130, errors
    said = "stopped; the same command resumes"
    assert said in errors if executor == "ray" else errors.strip().endswith(said), (
        errors
    )  # Ray's libraries may add lines
    for _ in range(100):
        if not processes(mark):
            break
        time.sleep(0.1)
    assert processes(mark) == {}
    run("build", cut, "--out", out)
    assert digests(out) == undisturbed
