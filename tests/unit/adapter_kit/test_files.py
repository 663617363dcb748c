"""Files that people send. What breaks without this: a name or size harms the machine, or forgetting leaves a file."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagent_os.adapter_kit.files import KEEP_DAYS, Files, missing, safe_name


async def chunks(*parts: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if error is not None:
        raise error


def within(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_file_is_kept_with_its_bytes_and_only_for_its_owner(tmp_path: Path) -> None:
    kept = await Files(tmp_path / "files", 100).keep("U1", "e/1", "a.txt", "text/plain", chunks(b"one ", b"two"))
    (path,) = within(tmp_path)
    assert (str(path), path.read_bytes()) == (kept.path, b"one two")
    assert (kept.name, kept.size, kept.problem, kept.voice) == ("a.txt", 7, "", False)
    assert path.stat().st_mode & 0o077 == 0


async def test_one_that_never_ends_is_cut_off_and_leaves_nothing(tmp_path: Path) -> None:
    kept = await Files(tmp_path, 2_000_000).keep("U1", "e1", "big", "x/y", chunks(*[b"0" * 1_000_000] * 3))
    assert (kept.path, kept.problem) == ("", "larger than 2 MB")
    assert within(tmp_path) == []


async def test_a_broken_download_does_not_lose_the_message(tmp_path: Path) -> None:
    kept = await Files(tmp_path, 100).keep("U1", "e1", "a", "x/y", chunks(b"1", error=ConnectionError("cut")))
    assert (kept.path, kept.problem) == ("", "it could not be fetched")


async def test_a_full_or_forbidden_disk_does_not_lose_the_message(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    kept = await Files(tmp_path / "files", 100).keep("U1", "e1", "a", "x/y", chunks(b"1"))
    assert kept.problem == "it could not be fetched"


async def test_the_same_event_delivered_again_does_not_keep_the_file_twice(tmp_path: Path) -> None:
    files = Files(tmp_path, 100)
    first = await files.keep("U1", "e1", "a", "x/y", chunks(b"1"))
    assert await files.keep("U1", "e1", "a", "x/y", chunks(b"1")) == first
    assert len(within(tmp_path)) == 1


async def test_forgetting_somebody_erases_their_files_and_nobody_elses(tmp_path: Path) -> None:
    files = Files(tmp_path, 100)
    for person in ("U1", "U2", "../U1"):
        await files.keep(person, "e1", "a", "x/y", chunks(b"1"))
    assert await files.forget("U1") == 1
    assert await files.forget("U1") == 0
    assert len(within(tmp_path)) == 2


async def test_old_files_go(tmp_path: Path) -> None:
    files = Files(tmp_path, 100)
    old = Path((await files.keep("U1", "e1", "a", "x/y", chunks(b"1"))).path)
    new = Path((await files.keep("U1", "e2", "a", "x/y", chunks(b"1"))).path)
    stamp = time.time() - (KEEP_DAYS + 1) * 86_400
    os.utime(old.parent, (stamp, stamp))
    assert await files.prune() == 1
    assert within(tmp_path) == [new]


@given(st.text())
def test_no_name_leaves_its_folder(name: str) -> None:
    safe = safe_name(name)
    assert "/" not in safe
    assert "\\" not in safe
    assert not safe.startswith(".")
    assert 0 < len(safe.encode(errors="surrogatepass")) <= 255


@pytest.mark.parametrize("name", ["..", "/", "\x00", " . ", "..\\..\\", "\u202e"])
def test_a_name_of_nothing_gets_one(name: str) -> None:
    assert safe_name(name) == "file"


def test_what_is_missing_says_why() -> None:
    gone = missing("a/b.png", "image/png", "larger than 20 MB", size=30_000_000)
    assert (gone.name, gone.path, gone.problem, gone.size) == ("b.png", "", "larger than 20 MB", 30_000_000)
