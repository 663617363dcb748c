"""What breaks without this: a move to another database loses profiles, secrets, keys or the web chat's transcript."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmagent_os.adapter_kit.person_secrets import PersonSecrets
from llmagent_os.adapters.web.transcript import Transcript
from llmagent_os.adapters.web.transcript_items import Item
from llmagent_os.adapters.web.transcript_rows import TranscriptRows
from llmagent_os.admin import db_command
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.key_rows import KeyRows
from llmagent_os.ledger.location import with_schema
from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.people.profiles import Profiles
from llmagent_os.privacy.encryption import mount_data
from llmagent_os.sealing.key_ring import KeyRing
from llmagent_os.sealing.master_keys import new_master_key
from llmagent_os.sealing.mounts import unmount
from llmagent_os.storage.homes import HOMES
from llmagent_os.storage.open_ends import open_end

ANA = PersonId("slack:T1:U1")
LONG = PersonId("web:local:" + "ä" * 300)


@pytest.fixture(params=["plain", "sealed"])
def key(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The master key, or none."""
    yield new_master_key().as_text() if request.param == "sealed" else ""
    for name in "abc":
        unmount(tmp_path / name)


def settings_of(data: Path, key: str, url: str = "") -> Settings:
    return Settings.load(env_file=None, data=data, encryption_key=key, database_url=url)


def close_keys(ring: KeyRing | None) -> None:
    """Close the connections by which keys are read from a server."""
    if ring is not None and isinstance(ring.kept, KeyRows):
        ring.kept.close()


async def fill_folder(settings: Settings) -> None:
    """People tell the bot something, as they do."""
    mount_data(settings)
    ledger = await Ledger.open(settings.ledger_url)
    await ledger.records("calendar", Identity(ANA)).put("e", {"title": "lunch"})
    await ledger.close()
    profiles = Profiles(settings.data / "profiles")
    for person, name in ((ANA, "Ana"), (LONG, "Ypsilon"), (PersonId("a/b"), "\x00"), (PersonId("Ä"), "汉字")):
        await profiles.update(person, name=name)
    await PersonSecrets(settings.data / "secrets", ANA).put("caldav", "geheim")
    damaged = settings.data / "profiles" / "damaged"
    damaged.mkdir()
    (damaged / "slack%3AT1%3AU2.20260102T030405000006Z.json").write_bytes(b"{ half")


async def check(settings: Settings) -> None:
    """All of that is there."""
    mount_data(settings)
    profiles = Profiles(settings.data / "profiles")
    assert [(await profiles.get(each)).name for each in (ANA, LONG, PersonId("a/b"), PersonId("Ä"))] == [
        *("Ana", "Ypsilon", "\x00", "汉字")
    ]
    assert await PersonSecrets(settings.data / "secrets", ANA).get("caldav") == "geheim"
    assert b"half" in (await profiles.export(PersonId("slack:T1:U2")))["damaged"][0]["body"].encode()
    ledger = await Ledger.open(settings.ledger_url)
    assert await ledger.records("calendar", Identity(ANA)).get("e") == {"title": "lunch"}
    await ledger.close()


async def test_what_people_gave_goes_to_postgresql_and_back(tmp_path: Path, postgresql_url: str, key: str) -> None:
    """Also where it is encrypted: by the same keys, so that destroying one destroys all that it has sealed."""
    here = settings_of(tmp_path / "a", key)
    await fill_folder(here)
    said = db_command.copy(here, here.ledger_url, postgresql_url, verify_only=False, online=False, replace=False)
    assert "profiles" in said
    with open_end(postgresql_url, tmp_path / "a") as end:
        counts = {name: end.count(name) for name in ("profiles", "damaged_profiles", "secrets")}
        assert counts == {"profiles": 4, "damaged_profiles": 1, "secrets": 1}
        assert bool(end.count("account_keys")) == bool(key)
    db_command.copy(here, here.ledger_url, postgresql_url, verify_only=True, online=False, replace=False)
    unmount(tmp_path / "a")
    back = settings_of(tmp_path / "b", key)
    db_command.copy(back, postgresql_url, back.ledger_url, verify_only=False, online=False, replace=False)
    unmount(tmp_path / "b")
    await check(settings_of(tmp_path / "b", key))
    if key:
        assert b"Ypsilon" not in b"".join(each.read_bytes() for each in (tmp_path / "b").rglob("*") if each.is_file())


async def test_what_was_said_in_the_browser_moves_along(tmp_path: Path, postgresql_url: str, key: str) -> None:
    """With its place in the conversation, its actions and its files."""
    here = settings_of(tmp_path / "a", key)
    await fill_folder(here)
    file = Transcript(tmp_path / "a" / "web" / "web.db")
    await file.open()
    conversation = await file.begin("ana")
    for number in range(3):
        await file.add(conversation, Item(message_id=f"m{number}", author="bot", text=f"said {number}", at=now()))
    await file.change(conversation, "m1", act="act-1", reactions=("👍",))
    before = (await file.since(conversation, 0), await file.conversations("ana"))
    await file.close()
    db_command.copy(here, here.ledger_url, postgresql_url, verify_only=False, online=False, replace=False)
    unmount(tmp_path / "a")
    server = settings_of(tmp_path / "b", key, postgresql_url)
    ring = mount_data(server)
    shared = SharedRows(postgresql_url)
    rows = Transcript(TranscriptRows(shared, tmp_path / "b"))
    await rows.open()
    assert (await rows.since(conversation, 0), await rows.conversations("ana")) == before
    assert await rows.done(conversation, "act-1")
    await rows.close()
    shared.close()
    close_keys(ring)
    unmount(tmp_path / "b")
    back = settings_of(tmp_path / "c", key)
    db_command.copy(back, postgresql_url, back.ledger_url, verify_only=False, online=False, replace=False)
    unmount(tmp_path / "c")
    mount_data(back)
    again = Transcript(tmp_path / "c" / "web" / "web.db")
    await again.open()
    assert (await again.since(conversation, 0), await again.conversations("ana")) == before
    await again.close()


async def test_an_encrypted_backup_needs_its_keys(tmp_path: Path, postgresql_url: str) -> None:
    """And is restored with them, into either database."""
    key = new_master_key().as_text()
    here = settings_of(tmp_path / "a", key)
    await fill_folder(here)
    said = db_command.backup(here, tmp_path / "x.backup", with_keys=True, with_files=False)
    assert "is of use only with the master key" in said
    assert b"Ypsilon" not in (tmp_path / "x.backup").read_bytes()
    unmount(tmp_path / "a")
    there = settings_of(tmp_path / "b", key)
    db_command.restore_backup(there, tmp_path / "x.backup", replace=False)
    await check(there)
    unmount(tmp_path / "b")
    server = settings_of(tmp_path / "c", key, postgresql_url)
    db_command.restore_backup(server, tmp_path / "x.backup", replace=False)
    ring = mount_data(server)
    db_command.backup(server, tmp_path / "y.backup", with_keys=True, with_files=False)
    close_keys(ring)
    unmount(tmp_path / "c")
    again = settings_of(tmp_path / "d", key)
    db_command.restore_backup(again, tmp_path / "y.backup", replace=False)
    await check(again)
    unmount(tmp_path / "d")


async def test_a_backup_without_keys_is_opened_by_those_of_the_server(tmp_path: Path, postgresql_url: str) -> None:
    """It would take the keys away, and with them everything that is encrypted."""
    key = new_master_key().as_text()
    here, back = settings_of(tmp_path / "a", key), settings_of(tmp_path / "c", key)
    await fill_folder(here)
    db_command.copy(here, here.ledger_url, postgresql_url, verify_only=False, online=False, replace=False)
    unmount(tmp_path / "a")
    server = settings_of(tmp_path / "b", key, postgresql_url)
    ring = mount_data(server)
    db_command.backup(server, tmp_path / "x.backup", with_keys=False, with_files=False)
    close_keys(ring)
    unmount(tmp_path / "b")
    db_command.restore_backup(server, tmp_path / "x.backup", replace=True)
    db_command.copy(back, postgresql_url, back.ledger_url, verify_only=False, online=False, replace=False)
    await check(back)
    unmount(tmp_path / "c")
    empty = settings_of(tmp_path / "d", key, with_schema(postgresql_url, "empty"))
    with pytest.raises(ConfigError, match="was made without the keys of accounts"):
        db_command.restore_backup(empty, tmp_path / "x.backup", replace=False)
    await asyncio.to_thread(shutil.copytree, tmp_path / "c" / "keys", tmp_path / "d" / "keys")
    db_command.restore_backup(empty, tmp_path / "x.backup", replace=False)
    again = settings_of(tmp_path / "e", key)
    db_command.copy(again, empty.ledger_url, again.ledger_url, verify_only=False, online=False, replace=False)
    await check(again)
    unmount(tmp_path / "e")


def test_every_table_that_is_files_elsewhere_has_its_home() -> None:
    """A new one would be empty after a move."""
    from llmagent_os.ledger import shared_tables

    declared = {table.name for table in vars(shared_tables).values() if hasattr(table, "primary_key")}
    assert declared | {each.name for each in shared_tables.web_transcript} == set(HOMES)
