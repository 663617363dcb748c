"""What breaks without this: an exported calendar stays on the disk, or another person gets it."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from llmagent_os.adapter_kit import outgoing_files
from llmagent_os.adapter_kit.outgoing_files import KEEP_DAYS, OutgoingFiles
from llmagent_os.identity import PersonId


def files_in(folder: Path) -> list[Path]:
    """All files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def content_of(path: str) -> bytes | None:
    """The bytes of a file; None: there is none."""
    return Path(path).read_bytes() if Path(path).exists() else None


ANA, BEN = PersonId("web::ana"), PersonId("web::ben")


async def test_a_new_file_takes_the_place_of_the_old_one_and_people_have_their_own(tmp_path: Path) -> None:
    first = await OutgoingFiles(tmp_path, ANA).write("calendar.ics", b"old")
    second = await OutgoingFiles(tmp_path, ANA).write("calendar.ics", b"new")
    other = await OutgoingFiles(tmp_path, BEN).write("calendar.ics", b"of ben")
    assert first == second != other
    assert content_of(first) == b"new"
    assert outgoing_files.erase(tmp_path, ANA) == 1
    assert content_of(first) is None
    assert content_of(other) == b"of ben"


async def test_files_go_after_a_week_with_what_a_crash_left_of_them(tmp_path: Path) -> None:
    path = await OutgoingFiles(tmp_path, ANA).write("calendar.ics", b"x")
    half = Path(path).with_name(".half.part")
    half.write_bytes(b"x")
    assert outgoing_files.prune(tmp_path) == 0
    old = time.time() - KEEP_DAYS * 86_400 - 60
    for each in (path, half):
        os.utime(each, (old, old))
    assert outgoing_files.prune(tmp_path) == 2
    assert content_of(path) is None


async def test_a_name_stays_inside_the_folder(tmp_path: Path) -> None:
    path = await OutgoingFiles(tmp_path, ANA).write("../../etc/passwd", b"x")
    assert path.startswith(str(tmp_path)) and ".." not in path


async def test_a_file_whose_call_is_cancelled_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person is erased while the thread writes: the file would outlive them by a week."""
    begun, may_write = threading.Event(), threading.Event()
    write = OutgoingFiles._write  # pyright: ignore[reportPrivateUsage]

    def slow(files: OutgoingFiles, name: str, content: bytes) -> Path:
        begun.set()
        may_write.wait(10.0)
        return write(files, name, content)

    monkeypatch.setattr(OutgoingFiles, "_write", slow)
    task = asyncio.create_task(OutgoingFiles(tmp_path, PersonId("web::ana")).write("a.ics", b"x"))
    await asyncio.to_thread(begun.wait, 10.0)
    task.cancel()
    await asyncio.sleep(0)
    may_write.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files_in(tmp_path) == []


async def test_a_kept_file_stays_until_it_is_dropped_or_its_person_is_erased(tmp_path: Path) -> None:
    """What people attach to a note must not go after a week, and must not outlive them."""
    files = OutgoingFiles(tmp_path, ANA)
    keys = [await files.keep("../plan.pdf", content) for content in (b"one", b"two")]
    assert [content_of(files.kept_path(key)) for key in keys] == [b"one", b"two"]
    old = time.time() - KEEP_DAYS * 86_400 - 60
    os.utime(files.kept_path(keys[0]), (old, old))
    assert outgoing_files.prune(tmp_path) == 0
    await files.drop(keys[0])
    await files.drop(keys[0])
    assert len(files_in(tmp_path)) == len(outgoing_files.listed(tmp_path, ANA)) == 1
    assert outgoing_files.erase(tmp_path, ANA) == 1
    for made_up in ("../kept/00000000-x", "a/kept/../../x", "a/b/00000000-x", "a/kept/00000000-x/y", ""):
        with pytest.raises(ValueError, match="no kept file"):
            files.kept_path(made_up)
