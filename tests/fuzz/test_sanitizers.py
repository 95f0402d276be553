"""The C core stays within its memory and within defined behaviour on thousands of torn inputs."""

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NATIVE = HERE.parents[1] / "stages" / "native"
DRIVERS = sorted(HERE.glob("*_main.c"))
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover")
FLAGS = ("-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", *SANITIZERS)
INPUTS = 20_000
BESIDE = {"bytelevel_main.c": ("bpe.c", "pretokenize.c", "utf8.c")}
"""Sources of drivers beside those that they are named after."""


def build(sources: list[Path], program: Path) -> subprocess.CompletedProcess[str]:
    command = ["gcc", *FLAGS, f"-I{NATIVE}", *map(str, sources), "-lpthread", "-o", str(program)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def _sanitizers(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("probe")
    (folder / "probe.c").write_text("int main(void) { return 0; }\n")
    if build([folder / "probe.c"], folder / "probe").returncode:
        pytest.skip("gcc has no sanitizer library")


@pytest.mark.usefixtures("_sanitizers")
@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_fuzzer_finds_nothing(driver: Path, tmp_path: Path) -> None:
    algorithm = sorted(NATIVE.glob(driver.name.replace("_main.c", "*.c")))
    algorithm += [NATIVE / part for part in BESIDE.get(driver.name, ())]
    built = build([driver, *algorithm], tmp_path / "fuzzer")
    assert built.returncode == 0, built.stderr
    run = subprocess.run([tmp_path / "fuzzer", str(INPUTS)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-4000:]
    assert run.stdout == f"{INPUTS} inputs\n"


def test_there_is_something_to_fuzz() -> None:
    assert [driver.name for driver in DRIVERS] != []
