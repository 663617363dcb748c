"""Sealed files. What breaks without this: a file is lost, can be read by others, or is cut without anybody noticing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmagent_os.sealing.key_ring import KeyRing, SealedError
from llmagent_os.sealing.master_keys import new_master_key
from llmagent_os.sealing.mounts import mount, mount_all, mounted, ring_of, unmount
from llmagent_os.sealing.sealed_files import FILE_MARK, PART_BYTES, content_size, create_file, read_file, write_file

ANA = "telegram::1001"


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    mount(tmp_path / "data", [new_master_key()])
    yield tmp_path / "data"
    unmount(tmp_path / "data")


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 7])
def test_a_file_of_any_size_is_read_as_it_was_written(data: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    write_file(data / "a" / "b.bin", ANA, content[:size])
    assert read_file(data / "a" / "b.bin") == content[:size]
    assert content_size(data / "a" / "b.bin") == size
    assert (data / "a" / "b.bin").stat().st_mode & 0o077 == 0


def test_a_file_that_comes_in_pieces_is_never_on_the_disk_as_it_is(data: Path) -> None:
    file = create_file(data / "film", ANA)
    for _ in range(40):
        file.write(b"zeppelin" * 2000)
        assert b"zeppelin" not in (data / "film").read_bytes()
    file.close()
    file.close()
    assert read_file(data / "film") == b"zeppelin" * 80_000


def test_parts_cannot_be_left_out_or_exchanged(data: Path) -> None:
    for name in ("a", "b"):
        write_file(data / name, ANA, name.encode() * (2 * PART_BYTES + 5))
    raw, other = (data / "a").read_bytes(), (data / "b").read_bytes()
    size = 4 + int.from_bytes(raw[3:7])
    parts = [raw[3 : 3 + size], raw[3 + size : 3 + 2 * size], raw[3 + 2 * size :]]
    theirs = other[3 + size : 3 + 2 * size]
    for wrong in (parts[:2], parts[1:], [parts[1], parts[0], parts[2]], [parts[0], theirs, parts[2]], [*parts, b"x"]):
        (data / "a").write_bytes(FILE_MARK + b"".join(wrong))
        with pytest.raises(SealedError):
            read_file(data / "a")
    (data / "a").write_bytes(FILE_MARK + b"".join(parts))
    assert read_file(data / "a") == b"a" * (2 * PART_BYTES + 5)


def test_a_file_that_was_there_before_is_still_read(data: Path) -> None:
    data.mkdir(exist_ok=True)
    (data / "old").write_bytes(b"from before")
    assert read_file(data / "old") == b"from before"


def test_where_nothing_is_mounted_files_are_as_they_are(tmp_path: Path) -> None:
    write_file(tmp_path / "other" / "a", ANA, b"hello")
    assert (tmp_path / "other" / "a").read_bytes() == b"hello"


def test_another_process_mounts_the_same(data: Path) -> None:
    write_file(data / "a", ANA, b"hello")
    mounts = mounted()
    unmount(data)
    assert ring_of(data / "a") is None
    mount_all(mounts)
    assert isinstance(ring_of(data / "a"), KeyRing)
    assert read_file(data / "a") == b"hello"
