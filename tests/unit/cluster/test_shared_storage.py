"""A folder on shared storage. What breaks without this: a training is lost with its node, or read by strangers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import fsspec  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
import pytest

from llmagent_os.cluster import shared_storage
from llmagent_os.cluster.shared_storage import SharedFolder, folders_of
from llmagent_os.cluster.storage_errors import StorageUnavailableError
from llmagent_os.errors import ConfigError

KEY = bytes(range(32))
SECRET = b"what Ana said"


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a folder on a file system, and in a store of objects."""
    return f"file://{tmp_path}/storage/job" if request.param == "file" else f"memory://{uuid4().hex}/job"


def write(folder: Path, **files: bytes) -> Path:
    for name, content in files.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


def read(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def stored(url: str) -> dict[str, bytes]:
    files, root = cast("Any", fsspec).core.url_to_fs(url)
    return {str(path): files.cat_file(path) for path in files.find(root)}


def fetched(url: str, target: Path, key: bytes = KEY) -> dict[str, bytes] | None:
    target.mkdir()
    return read(target) if SharedFolder(url, key).fetch(target) else None


def test_another_machine_reads_what_was_saved_last(url: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "work", state=b"1", lora__weights=SECRET, empty=b"", gone=b"x")
    first = SharedFolder(url, KEY)
    assert not first.fetch(folder) and first.save(folder)
    write(folder, state=b"22")
    (folder / "gone").unlink()
    assert first.save(folder)
    assert fetched(url, tmp_path / "second") == {"state": b"22", "lora/weights": SECRET, "empty": b""}


def test_files_of_several_pieces_are_put_together(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_storage, "PIECE_BYTES", 1000)
    big = os.urandom(10_500)
    SharedFolder(url, KEY).save(write(tmp_path / "work", big=big))
    assert fetched(url, tmp_path / "second") == {"big": big}


def test_who_has_no_key_reads_nothing(url: str, tmp_path: Path) -> None:
    """The storage may be a cloud's. And the key is deleted with the job: then everything is."""
    SharedFolder(url, KEY).save(write(tmp_path / "work", words=SECRET))
    assert not any(
        SECRET in path.encode() or SECRET in content or b"words" in content for path, content in stored(url).items()
    )
    assert fetched(url, tmp_path / "second", bytes(32)) is None


def test_only_what_has_changed_is_written_again(url: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "work", big=os.urandom(5000), state=b"1")
    shared = SharedFolder(url, KEY)
    shared.save(folder)
    before = stored(url)
    write(folder, state=b"22")
    shared.save(folder)
    after = stored(url)
    assert len([path for path in after if path not in before]) == 2  # the state, and the list
    assert len([path for path in before if path not in after]) == 2
    shared.save(folder)
    assert stored(url) == after


class _Broken:
    """A file system whose ``n``-th write fails, as on a full disk."""

    def __init__(self, files: Any, writes: int) -> None:
        self._files = files
        self._left = writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def pipe_file(self, path: str, content: bytes) -> None:
        self._left -= 1
        if self._left < 0:
            raise OSError(28, "No space left on device")
        self._files.pipe_file(path, content)


@pytest.mark.parametrize("writes", range(4))
def test_a_save_that_fails_anywhere_leaves_the_one_before(url: str, tmp_path: Path, writes: int) -> None:
    folder = write(tmp_path / "work", one=b"1", two=b"1", three=b"1")
    shared: Any = SharedFolder(url, KEY)
    shared.save(folder)
    write(folder, one=b"22", two=b"22", three=b"22")
    whole, shared._files = shared._files, _Broken(shared._files, writes)
    with pytest.raises(StorageUnavailableError, match=r"No space left.*LLMAGENT_OS_SHARED_STORAGE"):
        shared.save(folder)
    assert fetched(url, tmp_path / "second") == {"one": b"1", "two": b"1", "three": b"1"}
    shared._files = whole
    assert shared.save(folder)  # and the next one, with room, is whole


def test_one_that_was_taken_for_dead_changes_nothing_for_its_successor(url: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "work", state=b"old")
    first = SharedFolder(url, KEY)
    first.save(folder)
    second, place = SharedFolder(url, KEY), tmp_path / "second"
    place.mkdir()
    assert second.fetch(place)
    write(folder, state=b"zombie")
    first.save(folder)
    third = tmp_path / "third"
    write(place, state=b"successor")
    second.save(place)
    write(folder, state=b"zombie again")
    first.save(folder)
    assert fetched(url, third) == {"state": b"successor"}


def test_two_that_go_on_at_one_moment_write_beside_each_other(url: str, tmp_path: Path) -> None:
    """Each would take the other's list for its own, and delete the other's pieces."""
    both = [SharedFolder(url, KEY) for _ in range(2)]
    folders = [write(tmp_path / name, state=name.encode()) for name in ("one", "other")]
    seen = both[1]._places()  # pyright: ignore[reportPrivateUsage]
    both[0].save(folders[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(both[1], "_places", lambda: seen)  # it has looked before the first one wrote
        both[1].save(folders[1])
    for at in (0, 1, 0, 1):
        write(folders[at], more=os.urandom(100 + at))
        both[at].save(folders[at])
    found = fetched(url, tmp_path / "third")
    assert found in [read(folder) for folder in folders]


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_damaged_save_leaves_nothing_behind(url: str, tmp_path: Path, damage: str) -> None:
    """A training that begins anew would find a state that does not belong to its files."""
    shared = SharedFolder(url, KEY)
    shared.save(write(tmp_path / "work", a=b"a" * 100, b=b"b" * 100, c=b"c" * 100))
    files, _ = cast("Any", fsspec).core.url_to_fs(url)
    last = [path for path in stored(url) if "/files-" not in path and not path.endswith("/begun")][-1]
    files.pipe_file(last, stored(url)[last][:-1] + b"!") if damage == "changed" else files.rm_file(last)
    target = tmp_path / "nodes" / "target"
    target.mkdir(parents=True)
    assert not SharedFolder(url, KEY).fetch(target)
    assert read(target.parent) == {}


def test_a_folder_that_never_stands_still_is_not_saved(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of two moments together are a state that the training never was in."""
    folder = write(tmp_path / "work", one=b"1", two=b"1")
    shared = SharedFolder(url, KEY)
    shared.save(folder)
    copy, count = shutil.copyfile, 0

    def copy_and_change(source: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        copy(source, target)
        write(folder, two=b"2" * (1 + count))
        return target

    monkeypatch.setattr(shutil, "copyfile", copy_and_change)
    write(folder, one=b"22")
    assert not shared.save(folder)
    assert fetched(url, tmp_path / "second") == {"one": b"1", "two": b"1"}


def test_what_is_deleted_is_gone(url: str, tmp_path: Path) -> None:
    shared = SharedFolder(url, KEY)
    shared.save(write(tmp_path / "work", state=b"1"))
    above = url.rpartition("/")[0]
    assert folders_of(above) == ["job"]
    shared.delete()
    shared.delete()
    assert stored(url) == {} and folders_of(above) == []


def test_who_names_no_storage_is_told_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="LLMAGENT_OS_SHARED_STORAGE = 'teleport://x' cannot be used"):
        SharedFolder("teleport://x", KEY)
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageUnavailableError, match="its rights and its space"):
        SharedFolder(f"file://{tmp_path}/file/job", KEY).save(write(tmp_path / "work", state=b"1"))
