"""kill -9 of the driver or any worker at any moment, then the same command: the same bytes, no finished work again."""

import secrets
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.chaos import EXECUTORS, VICTIMS, Running, build_command, campaign, cut_sample, finished_units

Run = Callable[..., subprocess.CompletedProcess[str]]
Digests = Callable[[Path], dict[str, str]]

KILLS = 4
"""Kills a test; `make chaos` is the long form."""


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample cut into many small units, so that a kill finds some done, some running, some waiting."""
    return cut_sample(tmp_path_factory.mktemp("cut") / "europe")


@pytest.fixture(scope="module")
def undisturbed(cut: Path, run: Run, digests: Digests, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the build gives when nothing is killed."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    run("build", cut, "--out", out, "--workers", 2)
    return digests(out)


@pytest.mark.slow
@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_killed_build_resumes_to_the_same_bytes(
    cut: Path, undisturbed: dict[str, str], tmp_path: Path, executor: str, victim: str
) -> None:
    tally = campaign(cut, tmp_path, undisturbed, executor, victim, KILLS, seed=0)
    assert tally.kills.total() >= KILLS and tally.builds


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
    running = Running(build_command(cut, out, "--executor", executor))
    while not running.over and not finished_units(out):
        time.sleep(0.02)
    running.driver.send_signal(signal.SIGINT)
    errors = running.driver.communicate(timeout=60)[1].decode()
    assert running.driver.returncode == 130, errors
    said = "stopped; the same command resumes"
    assert said in errors if executor == "ray" else errors.strip().endswith(said), (
        errors
    )  # Ray's libraries may add lines
    for _ in range(100):
        if not running.processes():
            break
        time.sleep(0.1)
    assert running.processes() == {}
    run("build", cut, "--out", out)
    assert digests(out) == undisturbed
