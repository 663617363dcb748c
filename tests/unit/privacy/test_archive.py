"""The archive of ``/export``. What breaks without this: a person is not given all that is kept about them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from llmagent_os.identity import Identity
from llmagent_os.privacy.archive import ARCHIVE_NAME, Archive, make_archive
from llmagent_os.privacy.stores import DataSubject, EraseOrder, FileToExport, Holds, Stores

ANA = DataSubject.of([Identity("slack:T1:U7")])
NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)


class AlbumStore:
    """A store with files."""

    name, unit, order, holds = "albums", "album", EraseOrder.DISK, Holds()

    def __init__(self, **files: bytes | Callable[[], bytes]) -> None:
        self.kept = files

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        return {"albums": [{"title": "caf\u00e9", "of": subject.person_id}], "empty": []}

    async def files(self, subject: DataSubject) -> list[FileToExport]:
        return [
            FileToExport(f"albums/{name}", len(kept), lambda kept=kept: kept)  # type: ignore[misc]
            if isinstance(kept, bytes)
            else FileToExport(f"albums/{name}", 1, kept)
            for name, kept in self.kept.items()
        ]

    async def erase(self, subject: DataSubject) -> int:
        return 0

    async def prune(self) -> int:
        return 0


def opened(archive: Archive) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive.content)) as found:
        return {name: found.read(name) for name in found.namelist()}


async def test_an_archive_opens_and_can_be_read() -> None:
    archive = await make_archive(Stores([AlbumStore(**{"a.jpg": b"picture"})]), ANA, {"calendar.ics": b"ICS"}, NOW)
    found = opened(archive)
    assert set(found) == {"README.txt", "data/albums.json", "calendar.ics", "files/albums/a.jpg"}
    assert found["files/albums/a.jpg"] == b"picture"
    assert json.loads(found["data/albums.json"]) == [{"title": "caf\u00e9", "of": "slack:T1:U7"}]
    assert "caf\u00e9" in found["data/albums.json"].decode(), "words can be read, not only parsed"
    assert "as of 2026-12-01 09:30 UTC" in found["README.txt"].decode()


async def test_a_file_that_is_too_large_is_named_and_the_rest_is_there() -> None:
    """A chat takes no file of any size, and one film must not keep all the rest from a person."""
    stores = Stores([AlbumStore(film=bytes(range(256)) * 400, note=b"short")])
    archive = await make_archive(stores, ANA, {}, NOW, max_bytes=20_000)
    found = opened(archive)
    assert len(archive.content) < 20_000
    assert (archive.left_out, "files/albums/note" in found) == (("albums/film",), True)
    assert "  albums/film" in found["README.txt"].decode()


async def test_a_file_that_cannot_be_read_does_not_keep_the_rest() -> None:
    def gone() -> bytes:
        raise FileNotFoundError("it was deleted in between")

    archive = await make_archive(Stores([AlbumStore(gone=gone, note=b"short")]), ANA, {}, NOW)
    assert archive.left_out == ("albums/gone",)
    assert opened(archive)["files/albums/note"] == b"short"


async def test_an_archive_holds_no_earlier_archive() -> None:
    """Else each export would be twice as large as the one before."""
    found = opened(await make_archive(Stores([AlbumStore(**{ARCHIVE_NAME: b"older"})]), ANA, {}, NOW))
    assert not any(name.startswith("files/") for name in found)


async def test_two_files_of_one_name_are_both_there() -> None:
    stores = Stores([AlbumStore(note=b"one")])
    other = AlbumStore(note=b"two")
    other.name = "more albums"

    async def nothing(_: DataSubject) -> dict[str, Any]:
        return {}

    other.export = nothing  # type: ignore[assignment,method-assign]
    stores.register(other)
    found = opened(await make_archive(stores, ANA, {}, NOW))
    assert {found["files/albums/note"], found["files/albums/2-note"]} == {b"one", b"two"}
