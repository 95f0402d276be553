"""A build from and to an S3 server (a real one, on loopback) gives the bytes of a local build, resumes, and answers."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import fsspec

Run = Callable[..., subprocess.CompletedProcess[str]]
Digests = Callable[[Path], dict[str, str]]


def test_a_build_on_s3_has_the_bytes_of_a_local_one(
    europe: Path, built: Path, s3: str, run: Run, digests: Digests, tmp_path: Path
) -> None:
    fs = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)
    fs.put(str(europe) + "/", s3.removeprefix("s3://") + "/europe/", recursive=True)
    out = f"{s3}/out"
    run("build", f"{s3}/europe/recipe.yaml", "--out", out, "--workers", 2)
    fs.get(s3.removeprefix("s3://") + "/out/", str(tmp_path / "copy") + "/", recursive=True)
    here, there = digests(built), digests(tmp_path / "copy")
    differing = {name for name in here | there if here.get(name) != there.get(name)}
    assert differing <= {"manifest.json", "reports/provenance.html"}, "only the digest of local inputs may be missing"

    again = run("build", f"{s3}/europe/recipe.yaml", "--out", out)
    assert "everything was done before" in again.stdout
    found = json.loads(run("ledger", out, "--json").stdout)
    assert found["read"] == found["kept"] + sum(found["dropped"].values()) > 20
    assert "documents-" in run("status", out).stdout
