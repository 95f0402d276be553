"""What the tests of the frame share: the sample crawl, and how to run and compare builds."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from florilegium.pipeline.sample import write_sample
from tests.pipeline.prose import write_tokenizer
from tests.pipeline.tokenised import TOKENS, with_tokens


@pytest.fixture(scope="session")
def europe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sample crawl."""
    folder = tmp_path_factory.mktemp("europe")
    write_sample(folder)
    return folder


@pytest.fixture(scope="session")
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command as a user would, in a process of its own."""

    def ran(*arguments: str | Path, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "florilegium.pipeline", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return ran


@pytest.fixture(scope="session")
def digests() -> Callable[[Path], dict[str, str]]:
    """The SHA-256 of every file of an output folder but its work folder."""

    def of(out: Path) -> dict[str, str]:
        found = {
            path.relative_to(out).as_posix(): sha256(path.read_bytes()).hexdigest()
            for path in sorted(out.rglob("*"))
            if path.is_file() and path.relative_to(out).parts[0] != "work"
        }
        assert "manifest.json" in found
        return found

    return of


@pytest.fixture(scope="session")
def built(europe: Path, run: Callable[..., object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished build of the sample crawl: the undisturbed run that others are compared with."""
    out = tmp_path_factory.mktemp("built") / "corpus"
    run("build", europe / "recipe.yaml", "--out", out, "--workers", "2")
    return out


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small tokenizer that every language of the sample can be written with."""
    return write_tokenizer(tmp_path_factory.mktemp("tokenizer") / "tokenizer.json")


@pytest.fixture(scope="session")
def tokenised(
    europe: Path, tokenizer: Path, run: Callable[..., object], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A finished build of the sample crawl with token shards in every format."""
    folder = tmp_path_factory.mktemp("tokens")
    run("build", with_tokens(europe, folder, {**TOKENS, "tokenizer": str(tokenizer)}), "--out", folder / "corpus")
    return folder / "corpus"


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """A bucket on an S3 server that runs for the tests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    keys = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    before = {name: os.environ.get(name) for name in keys}
    os.environ.update(keys)
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        import s3fs

        s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True).mkdir("corpora")
        yield "s3://corpora"
    finally:
        server.kill()
        server.wait()
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
