"""What breaks without this: words or ids of an erased person are left in some file of a host that runs.

Ana does all that a person can do on the web and on Telegram. While two of her messages wait for an answer she presses
"Yes, forget me". Then every byte below the data folder and the temporary folder is read.
"""

from __future__ import annotations

import asyncio
import json
import stat
import tempfile
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from llmagent_os.admin import profile_command
from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.config import Settings
from llmagent_os.credentials.stored import StoredCredential
from llmagent_os.events import now
from tests.platforms.telegram import TelegramServer
from tests.stored_bytes import found
from tests.unit.privacy.test_known_stores import ANA_TELEGRAM, SECRETS, World, server, tables_that_name, world

__all__ = ["server", "world"]

#: Ana's words, names and ids, in whatever place they stood.
HERS = (*SECRETS, "heffalump", "ana-ypsilon", "telegram::1001", "1001:", ":1001", "/1001/", '"1001"', "Ana")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def settings(tmp_path: Path, temporary: Path, server: TelegramServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    given = {"data": tmp_path / "data", "access": "everyone", "policy": "bayes", "web_port": 0, "time_zone": "UTC"}
    given |= {"public_url": "https://bot.example.org", "pages_port": 0}
    return Settings.load(env_file=None, **given)


async def live_more(world: World) -> None:
    """Ana does what ``World.live`` leaves out."""
    await world.say("/export calendar")
    await world.say("/export")
    await world.say("/link 2222-2222")
    await world.say("/profile")
    await world.server.say("heffalump in the group", channel=world.server.group, mention=True)
    await world.server.until(lambda shown: len(shown) > 0, world.server.group)
    await world.settled()
    assert (await world.runtime.ledger.export(ANA_TELEGRAM))["guesses"][0]["count"] == 1
    await leave_the_rest(world)


async def leave_the_rest(world: World) -> None:
    """What she leaves where the bot rests, asks, and knows her as an admin; and a password."""
    ledger, said = world.runtime.ledger, _given_up("held")
    await ledger.held.hold(said, now() + timedelta(days=1), 9)
    await ledger.silences.begin(said, "asked", now() + timedelta(days=1))
    await ledger.platform_admins.confirm(ANA_TELEGRAM, "telegram::-1007", now())
    await ledger.open_questions.put(ANA_TELEGRAM, "telegram:1001:1", said.conversation, "1001:2")
    vault = world.runtime.agent.services.vault
    assert vault is not None
    await vault.put("calendar", "caldav", ANA_TELEGRAM, StoredCredential(secret="heffalump", given=now()))


async def wait_for(world: World, count: int) -> None:
    while len(await world.runtime.ledger.unfinished()) < count:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_every_byte_of_an_erased_person_is_gone_while_the_host_runs(
    world: World, settings: Settings, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.live()
    await live_more(world)
    folders = (settings.data, temporary)
    before = found(folders, HERS)
    assert {text for _, text in before} >= {*SECRETS, "heffalump", "ana-ypsilon", "Ana"}, "or this test finds nothing"
    assert {("calendar.ics", "gugelhupf"), ("your-data.zip", "gugelhupf")} & before
    named = tables_that_name(settings.data / "ledger.db", ANA_TELEGRAM, *HERS)
    assert named >= {"held", "silences", "platform_admins", "open_questions", "memories", "usage", "timers"}

    called, may_answer = asyncio.Event(), asyncio.Event()

    async def complete(request: ChatRequest, *_: Any) -> Completion:
        called.set()
        await may_answer.wait()
        return Completion(text="I saw the heffalump.")

    monkeypatch.setattr(world.runtime.llm, "complete", complete)
    await world.server.say("a heffalump is being answered")
    await called.wait()
    await world.server.say("another heffalump waits")
    await wait_for(world, 2)

    asked = await ask_to_be_forgotten(world)
    page = world.page
    value = next(button["value"] for button in asked["buttons"] if button["label"] == "Yes, forget me")
    await page.act({"type": "press", "id": "press-forget", "message_id": asked["message_id"], "value": value})
    await page.until(lambda: any("forgotten you" in item["text"] for item in page.listed("bot")))
    may_answer.set()
    await world.settled()
    assert found(folders, HERS) == set()
    assert not any("heffalump" in shown.text for shown in world.server.shown()[-2:]), "what waited is not answered"

    await world.server.redeliver()
    await world.settled()
    assert (await world.runtime.ledger.export(ANA_TELEGRAM))["interactions"] == [], "a redelivery is still recognised"


async def ask_to_be_forgotten(world: World) -> dict[str, Any]:
    before = len(world.page.listed("bot"))
    await world.page.act({"type": "message", "id": "event-forget", "text": "/forget"})
    await world.page.until(lambda: len(world.page.listed("bot")) > before)
    return world.page.listed("bot")[-1]


async def test_the_export_holds_the_transcript_and_everything_else(world: World, settings: Settings) -> None:
    """What is held about a person and not exported is what they cannot know of."""
    await world.live()
    await live_more(world)
    await world.runtime.ledger.accept(_given_up(), max_pending=9)
    await world.runtime.ledger.fail(_given_up(), "no model")
    exported = json.loads(await profile_command.export(settings, ANA_TELEGRAM))
    said = [item["text"] for chat in exported["conversations"] for item in chat["messages"]]
    assert "tell me about the zeppelin" in said
    assert [each["event"]["text"] for each in exported["inbox"]] == ["a heffalump that was given up"]
    assert [each["count"] for each in exported["guesses"]] == [1]
    assert {Path(each["path"]).name for each in exported["outgoing"]} == {"calendar.ics", "your-data.zip"}
    assert len(exported["link_codes"]) >= 1


async def test_the_archive_holds_everything_that_the_stores_keep(world: World, settings: Settings) -> None:
    """In the chat and from the command line: the files themselves, the calendar, and every kind of data."""
    await world.live()
    await live_more(world)
    shown = world.page.listed("bot")
    file, calendar = next(item["files"] for item in shown if "everything that I keep" in item["text"])
    assert (file["name"], calendar["name"]) == ("your-data.zip", "calendar.ics")
    in_chat = settings.data / "outgoing" / "web%3Alocal%3Aperson-ana-ypsilon" / file["name"]
    said = await profile_command.export_archive(settings, ANA_TELEGRAM, settings.data.parent / "all.zip")
    assert said.startswith(f"{settings.data.parent / 'all.zip'}: ")
    for path in (in_chat, settings.data.parent / "all.zip"):
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            assert "gugelhupf" in archive.read("calendar.ics").decode()
            (sent,) = (name for name in names if name.endswith("zeppelin.txt"))
            assert archive.read(sent) == b"a gugelhupf"
            assert "files/made/calendar.ics" not in names, "an export holds no earlier one"
            assert [each["text"] for each in json.loads(archive.read("data/memories.json"))] == [
                "You like zeppelin rides"
            ]
            kinds = set(json.loads(await profile_command.export(settings, ANA_TELEGRAM)))
            assert {f"data/{kind}.json" for kind in ("profile", "interactions", "records", "conversations")} <= names
            assert names - {"README.txt"} <= {f"data/{kind}.json" for kind in kinds} | {
                name for name in names if name.startswith("files/") or name == "calendar.ics"
            }
            for name in names - {"README.txt", "calendar.ics", sent}:
                assert name.startswith("files/") or json.loads(archive.read(name))
            assert "data/records.json: what plugins keep for you" in archive.read("README.txt").decode()


def _given_up(event_id: str = "given-up") -> Any:
    from llmagent_os.events import Conversation, Message, Sender

    room = Conversation(platform="telegram", channel=TelegramServer.ana)
    sender = Sender(TelegramServer.ana, "Ana")
    text = "a heffalump that was given up"
    return Message(event_id=event_id, conversation=room, sender=sender, text=text, message_id="m")


async def test_nobody_else_on_the_machine_can_read_the_data(world: World, settings: Settings) -> None:
    await world.live()
    await live_more(world)
    open_to_others = {
        str(path.relative_to(settings.data))
        for path in settings.data.rglob("*")
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    }
    assert open_to_others == set()
