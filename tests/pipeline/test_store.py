"""Nothing half-written ever stands under its final name: on a disk, and on a real S3 server on loopback."""

from pathlib import Path

import pytest

from florilegium.pipeline import store
from florilegium.pipeline.errors import PipelineError


@pytest.fixture(params=["disk", "s3"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder on each kind of storage."""
    if request.param == "disk":
        return str(tmp_path)
    return f"{request.getfixturevalue('s3')}/{tmp_path.name}"


def names(base: str) -> list[str]:
    return [found.name for found in store.listing(base)]


def test_what_is_put_stands_there_whole(base: str) -> None:
    path = store.join(base, "a/b.bin")
    store.make_folder(store.join(base, "a"))
    stored = store.put_bytes(path, b"x" * 100_000)
    assert (stored.size, store.size(path), store.read(path)) == (100_000, 100_000, b"x" * 100_000)
    assert stored.sha256 == store.sha256(path)
    store.put_bytes(path, b"new")
    assert store.read(path) == b"new"
    assert names(base) == ["a/b.bin"]


def test_an_exception_while_writing_publishes_nothing(base: str) -> None:
    def half(aside: Path) -> None:
        aside.write_bytes(b"half")
        raise RuntimeError("stopped here")

    path = store.join(base, "half.bin")
    with pytest.raises(RuntimeError, match="stopped here"):
        store.put(path, half)
    assert store.read(path) is None
    assert names(base) == []


def test_create_is_done_once(base: str) -> None:
    path = store.join(base, "record.json")
    assert store.create(path, b"first")
    assert not store.create(path, b"second")
    assert store.read(path) == b"first"


def test_copy_list_and_remove(base: str) -> None:
    for name in ("x/1.bin", "x/2.bin", "y/3.bin"):
        store.make_folder(store.join(base, name[0]))
        store.put_bytes(store.join(base, name), name.encode())
    store.copy(store.join(base, "x/1.bin"), store.join(base, "y/1.bin"))
    assert names(base) == ["x/1.bin", "x/2.bin", "y/1.bin", "y/3.bin"]
    assert [found.name for found in store.listing(base, "x/*.bin")] == ["x/1.bin", "x/2.bin"]
    assert store.read(store.join(base, "y/1.bin")) == b"x/1.bin"
    store.remove(store.join(base, "x"))
    store.remove(store.join(base, "nothing"))
    assert names(base) == ["y/1.bin", "y/3.bin"]
    assert store.is_folder(store.join(base, "y"))
    assert store.stat(store.join(base, "nothing")) is None


def test_a_file_killed_half_way_is_swept(tmp_path: Path) -> None:
    left = tmp_path / "deep" / f"{store.ASIDE}123-abc"
    left.parent.mkdir()
    left.write_bytes(b"half")
    (tmp_path / "deep/whole").write_bytes(b"whole")
    assert names(str(tmp_path)) == ["deep/whole"]
    assert store.sweep(str(tmp_path)) == 1
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["whole"]


def test_a_folder_is_held_by_one_build(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with (
        store.locked(str(tmp_path / "work")),
        pytest.raises(PipelineError, match="another build"),
        store.locked(str(tmp_path / "work")),
    ):
        pass
    with store.locked(str(tmp_path / "work")):
        pass


def test_work_is_private(tmp_path: Path) -> None:
    store.make_folder(str(tmp_path / "work"), private=True)
    assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("path", ["/nowhere/at/all", "nope://bucket/x"])
def test_a_path_that_cannot_be_used_is_named(path: str) -> None:
    with pytest.raises(PipelineError) as caught:
        store.open_input(path)
    assert path in caught.value.message
