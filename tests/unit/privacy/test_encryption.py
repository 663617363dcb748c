"""Encryption at rest. What breaks without this: whoever gets the disk or a backup reads what people said.

A bot that runs with a key, and one that ran without it before.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.adapters.web.transcript import Transcript
from llmagent_os.adapters.web.transcript_items import Item
from llmagent_os.admin import keys_command, profile_command
from llmagent_os.admin.encryption_check import check_encryption
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles
from llmagent_os.privacy.encryption import mount_data, seal_files
from llmagent_os.sealing.key_ring import KeyRing, SealedError
from llmagent_os.sealing.master_keys import MasterKey, new_master_key
from llmagent_os.sealing.mounts import ring_of, unmount
from llmagent_os.sealing.sealed_files import read_file
from tests.platforms.telegram import TelegramServer
from tests.stored_bytes import found
from tests.unit.ledger.samples import interaction, message, reward
from tests.unit.privacy.test_every_byte import HERS, ask_to_be_forgotten, live_more, temporary
from tests.unit.privacy.test_known_stores import ANA_TELEGRAM, ANA_WEB, SECRETS, World, server, world

__all__ = ["server", "temporary", "world"]

#: What Ana and the bot say, whatever kind of store has it.
SAID = (*SECRETS, "heffalump", "good morning", "I do not know", "forgotten you")
#: What an erasure must remove, but for three letters: these stand in sealed text by chance.
HERS_FOR_SURE = tuple(text for text in HERS if len(text) > 4)


@pytest.fixture
def master() -> MasterKey:
    return new_master_key()


@pytest.fixture
def settings(
    tmp_path: Path, temporary: Path, server: TelegramServer, master: MasterKey, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    given: dict[str, Any] = {"data": tmp_path / "data", "access": "everyone", "policy": "bayes", "web_port": 0}
    given |= {"public_url": "https://bot.example.org", "pages_port": 0, "time_zone": "UTC"}
    yield Settings.load(env_file=None, encryption_key=master.as_text(), **given)
    unmount(tmp_path / "data")


async def test_no_word_of_a_running_bot_is_on_the_disk_and_an_erasure_destroys_the_key(
    world: World, settings: Settings, temporary: Path, master: MasterKey
) -> None:
    await world.live()
    await live_more(world)
    # What a training works on is not encrypted: it is deleted at its end.
    shutil.rmtree(settings.data / "jobs")
    assert found((settings.data, temporary), SAID) == {
        (name, text) for name, text in found((settings.data, temporary), SAID) if name == "zeppelin.txt"
    }, "only in the name of a file"
    assert "gugelhupf" not in all_texts(settings.data)
    exported = json.loads(await profile_command.export(settings, ANA_TELEGRAM))
    assert exported["profile"]["profile"]["name"] == "Ypsilanti"
    assert any("zeppelin" in each["said"] for each in exported["interactions"])
    assert any("zeppelin" in item["text"] for chat in exported["conversations"] for item in chat["messages"])

    ring = ring_of(settings.data)
    assert (
        ring is not None and ring.has_key(ANA_WEB) and ring.has_key(ANA_TELEGRAM) and ring.has_key("console:local:ben")
    )
    backup = settings.data.parent / "backup"
    shutil.copytree(settings.data, backup)  # of everything but the keys
    shutil.rmtree(backup / "keys")
    old = bytes_of_sealed(settings.data / "profiles" / "web%3Alocal%3Aperson-ana-ypsilon.json")
    asked = await ask_to_be_forgotten(world)
    value = next(button["value"] for button in asked["buttons"] if button["label"] == "Yes, forget me")
    await world.page.act({"type": "press", "id": "press-forget", "message_id": asked["message_id"], "value": value})
    await world.page.until(lambda: any("forgotten you" in item["text"] for item in world.page.listed("bot")))
    await world.settled()
    assert found((settings.data, temporary), HERS_FOR_SURE) == set()
    assert not ring.has_key(ANA_TELEGRAM)
    with pytest.raises(SealedError):
        ring.open(old)
    again = KeyRing(settings.data / "keys", [master])
    with pytest.raises(SealedError):
        again.open(old)


def all_texts(data: Path) -> str:
    """Every byte below ``data``, without the names of files."""
    return "".join(path.read_bytes().decode("latin-1") for path in data.rglob("*") if path.is_file())


def bytes_of_sealed(file: Path) -> bytes:
    """The first part of a sealed file."""
    raw = file.read_bytes()
    return raw[7 : 7 + int.from_bytes(raw[3:7])]


async def fill(ledger: Ledger) -> None:
    said = message("1", user="ana", text="the zeppelin")
    await ledger.accept(said, max_pending=9)
    await ledger.prepare(said, Reply("kept zeppelin"), interaction(said, "told zeppelin"))
    await ledger.finish(said, Receipt(("r1",)))
    await ledger.add_reward(reward("1", "web:1", rater="web::ana", user="web::ana"))
    await ledger.records("calendar", Identity("web::ana")).put("e", {"title": "zeppelin"})
    await ledger.accept(message("2", user="ana", text="a zeppelin that waits"), max_pending=9)


async def test_what_was_kept_before_is_encrypted_when_a_key_is_set(tmp_path: Path, master: MasterKey) -> None:
    """Old words must not stay readable for ever, and nobody may lose what they had."""
    data = tmp_path / "data"
    plain = Settings.load(env_file=None, data=data)
    ledger = await Ledger.open(plain.ledger_url)
    await fill(ledger)
    before = await ledger.export(Identity("web::ana"))
    await ledger.close()
    await Profiles(data / "profiles").update(PersonId("web::ana"), name="Zeppelin")
    sent = data / "telegram" / "files" / "1001" / "ev" / "a.txt"
    sent.parent.mkdir(parents=True)
    sent.write_bytes(b"a zeppelin")
    transcript = Transcript(data / "web" / "web.db")
    chat = await transcript.begin("ana")
    await transcript.hold(chat, Item(message_id="m", author="person", text="zeppelin", at=now()))
    await transcript.show(chat, "m")
    await transcript.close()

    settings = Settings.load(env_file=None, data=data, encryption_key=master.as_text())
    assert [each.text[:12] for each in check_encryption(settings)] == ["a key is set"]
    ring = mount_data(settings)
    assert ring is not None
    assert (seal_files(data, ring), seal_files(data, ring)) == (2, 0)
    ledger = await Ledger.open(settings.ledger_url)
    await transcript.open()
    for word in (b"zeppelin", b"Zeppelin"):
        assert not any(word in path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert await ledger.export(Identity("web::ana")) == before
    assert [each.event.event_id for each in await ledger.unfinished()] == ["2"]
    assert (await Profiles(data / "profiles").get(PersonId("web::ana"))).name == "Zeppelin"
    assert read_file(sent) == b"a zeppelin"
    assert [title for _, title, _ in await transcript.conversations("ana")] == ["zeppelin"]
    assert [item["text"] for each in await transcript.export("ana") for item in each["messages"]] == ["zeppelin"]
    await ledger.close()
    await transcript.close()
    assert [each.state for each in check_encryption(settings)] == ["ok"]

    unmount(data)
    with pytest.raises(LedgerError, match="is encrypted: set LLMAGENT_OS_ENCRYPTION_KEY"):
        await Ledger.open(settings.ledger_url)
    with pytest.raises(ConfigError, match="is encrypted"):
        await Transcript(data / "web" / "web.db").open()
    with pytest.raises(ConfigError, match="set LLMAGENT_OS_ENCRYPTION_KEY"):
        mount_data(plain)
    assert [each.state for each in check_encryption(plain)] == ["problem"]
    with pytest.raises(ConfigError, match="another than the one"):
        mount_data(Settings.load(env_file=None, data=data, encryption_key=new_master_key().as_text()))


async def test_opinions_are_found_in_an_encrypted_ledger(tmp_path: Path, master: MasterKey) -> None:
    """The query looks into JSON that is encrypted: without that, /profile would say that nothing was learned."""
    settings = Settings.load(env_file=None, data=tmp_path, encryption_key=master.as_text())
    mount_data(settings)
    ledger = await Ledger.open(settings.ledger_url)
    said = message("1", user="ana", text="hello")
    kept = interaction(said)
    kept.context["features"] = {"hour": "9"}
    await ledger.accept(said, max_pending=9)
    await ledger.prepare(said, Reply("hi"), kept)
    await ledger.add_reward(reward("1", "web:1", rater="web::ana", user="web::ana"))
    assert await ledger.opinions(PersonId("web::ana"), ()) == [({"mode": "task_oriented"}, True)]
    await ledger.close()
    reader = Ledger.open_to_read(f"sqlite:///{tmp_path}/ledger.db")
    assert [turn.said for turn in await reader.history(kept.conversation_key, kept.user_id, 9)] == ["hello"]
    await reader.close()
    unmount(tmp_path)


async def test_an_event_of_a_person_whose_key_was_destroyed_does_not_stop_the_start(
    tmp_path: Path, master: MasterKey
) -> None:
    """A crash between the last step of an erasure and its answer: nothing of the person may stay in the inbox."""
    settings = Settings.load(env_file=None, data=tmp_path, encryption_key=master.as_text())
    ring = mount_data(settings)
    assert ring is not None
    ledger = await Ledger.open(settings.ledger_url)
    await ledger.accept(message("1", user="heffalump"), max_pending=9)
    await ledger.close()
    ring.destroy("web::heffalump")
    ledger = await Ledger.open(settings.ledger_url)
    assert await ledger.claim() == []
    assert await ledger.failed() == []
    await ledger.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as database:
        assert database.execute("SELECT user_id, body FROM inbox").fetchall() == [("", None)]
    unmount(tmp_path)


async def test_a_damaged_sealed_profile_teaches_nothing(tmp_path: Path, master: MasterKey) -> None:
    """Whether the person opted out of learning is not known: the bot must not learn from them."""
    mount_data(Settings.load(env_file=None, data=tmp_path, encryption_key=master.as_text()))
    profiles = Profiles(tmp_path / "profiles")
    await profiles.update(PersonId("web::ana"), learning="off")
    (file,) = (tmp_path / "profiles").glob("*.json")
    assert b"learning" not in file.read_bytes()
    file.write_bytes(file.read_bytes()[:-3])
    assert (await profiles.get(PersonId("web::ana"))).preferences == {"learning": "off"}
    unmount(tmp_path)


async def test_keys_are_rotated_under_a_bot_that_runs(tmp_path: Path) -> None:
    file = tmp_path / "master"
    assert "holds a new key" in keys_command.new(file)
    with pytest.raises(ConfigError, match="is there already"):
        keys_command.new(file)
    settings = Settings.load(env_file=None, data=tmp_path / "data", encryption_key_file=file)
    mount_data(settings)
    ledger = await Ledger.open(settings.ledger_url)
    await fill(ledger)
    text = file.read_text()
    assert keys_command.rotate(settings).startswith("2 keys are wrapped")
    assert file.read_text() != text
    assert len((await ledger.export(Identity("web::ana")))["interactions"]) == 1
    await ledger.accept(message("3", user="ben", text="new"), max_pending=9)
    await ledger.close()
    unmount(settings.data)
    mount_data(settings)
    ledger = await Ledger.open(settings.ledger_url)
    assert len(await ledger.unfinished()) == 2
    await ledger.close()
    unmount(settings.data)


def test_a_key_and_a_key_file_are_one_too_many(tmp_path: Path, master: MasterKey) -> None:
    both = Settings.load(env_file=None, data=tmp_path, encryption_key=master.as_text(), encryption_key_file=tmp_path)
    with pytest.raises(ConfigError, match="not both"):
        mount_data(both)
    with pytest.raises(ConfigError, match="nothing is encrypted here"):
        keys_command.rotate(Settings.load(env_file=None, data=tmp_path))
