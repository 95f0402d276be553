"""The C core stays within its memory and within defined behaviour on thousands of torn inputs."""

import os
import subprocess
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NATIVE = HERE.parents[1] / "stages" / "native"
DRIVERS = sorted(HERE.glob("*_main.c"))
WAYS: list[tuple[Path, tuple[str, ...]]] = [
    *((driver, ()) for driver in DRIVERS),
    (HERE / "bytelevel_main.c", ("-DPLAIN_C",)),
    (HERE / "added_main.c", ("-DPLAIN_C",)),
    (HERE / "blocks_main.c", ("-DPLAIN_C",)),
    (HERE / "measure_main.c", ("-DPLAIN_C",)),
    (HERE / "match_main.c", ("-DPLAIN_C",)),
    (HERE / "minhash_main.c", ("-DPLAIN_C",)),
]
"""Drivers with flags; without vectors is what other processors run."""
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover")
FLAGS = ("-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", *SANITIZERS)
INPUTS = 20_000
SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
"""For all drivers together; without it each sees INPUTS once. `make fuzz` gives an hour."""
BESIDE = {
    "blocks_main.c": ("html.c", "trees.c"),
    "bytelevel_main.c": (
        *("bpe.c", "bpe_merge.c", "bpe_model.c", "bpe_tables.c", "bpe_warm.c"),
        *("pretokenize.c", "units.c", "utf8.c"),
    ),
    "match_main.c": ("unite.c",),
    "minhash_main.c": ("shingles.c", "utf8.c"),
    "measure_main.c": ("utf8.c",),
    "pieces_main.c": ("units.c", "utf8.c"),
}
"""Sources of drivers beside those that they are named after."""


def build(sources: list[Path], program: Path, flags: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = ["gcc", *FLAGS, *flags, f"-I{NATIVE}", *map(str, sources), "-lpthread", "-lm", "-o", str(program)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def _sanitizers(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("probe")
    (folder / "probe.c").write_text("int main(void) { return 0; }\n")
    if build([folder / "probe.c"], folder / "probe").returncode:
        pytest.skip("gcc has no sanitizer library")


@pytest.mark.usefixtures("_sanitizers")
@pytest.mark.parametrize(("driver", "flags"), WAYS, ids=[" ".join((driver.name, *flags)) for driver, flags in WAYS])
def test_fuzzer_finds_nothing(driver: Path, flags: tuple[str, ...], tmp_path: Path) -> None:
    algorithm = sorted(NATIVE.glob(driver.name.replace("_main.c", "*.c")))
    algorithm += [NATIVE / part for part in BESIDE.get(driver.name, ())]
    built = build([driver, *algorithm], tmp_path / "fuzzer", flags)
    assert built.returncode == 0, built.stderr
    seeds = 0
    until = time.monotonic() + SECONDS / len(WAYS)
    while seeds == 0 or time.monotonic() < until:
        command = [str(tmp_path / "fuzzer"), str(INPUTS), str(seeds)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"seed {seeds}: {run.stderr[-4000:]}"
        assert run.stdout == f"{INPUTS} inputs\n"
        seeds += 1
    print(f"{driver.name} {' '.join(flags)}: {seeds * INPUTS:,} inputs, no finding")


def test_there_is_something_to_fuzz() -> None:
    assert [driver.name for driver in DRIVERS] != []
