"""Everything that keeps something about people is registered. What breaks without this: ``/forget`` leaves a trace.

A running bot on three platforms, with a person on it who does all that leaves something behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from llmagent_os.adapters.console import ConsoleAdapter
from llmagent_os.adapters.web import WebAdapter
from llmagent_os.admin import profile_command
from llmagent_os.bot import Bot
from llmagent_os.chat import ToolCall
from llmagent_os.config import Settings
from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import schema
from llmagent_os.ledger.sqlite_database import connect
from llmagent_os.privacy.ledger_store import LedgerStore, data_subject
from llmagent_os.privacy.stores import Stores
from llmagent_os.runtime import Runtime
from llmagent_os.testing import ScriptedLLM
from llmagent_os.tools.plugin_choice import PLUGINS_FOLDER
from llmagent_os.training.job_folders import job_folder, make_job_folder, make_work_folder
from llmagent_os.training.job_process import LEASE
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.lora_version import Level, Stage
from tests.platforms.telegram import TelegramServer
from tests.training_plans import candidate, write_lora
from tests.wire.page import FakePage

ANA_WEB = Identity("web:local:person-ana-ypsilon")
BEN = Identity("console:local:ben")
ANA_TELEGRAM = Identity(f"telegram::{TelegramServer.ana}")
#: What Ana says, and nobody else: none of it may be left anywhere.
SECRETS = ("zeppelin", "gugelhupf", "Ypsilanti")


def unheld_tables(metadata: sa.MetaData, stores: Iterable[Any]) -> set[str]:
    """Tables that no store holds."""
    return set(metadata.tables).difference(*(store.holds.tables for store in stores))


def unheld_paths(data: Path, stores: Stores) -> set[str]:
    """Files and empty folders below ``data`` that no store holds."""
    ends = [path for path in data.rglob("*") if not path.is_dir() or not any(path.iterdir())]
    found = [path.relative_to(data) for path in ends]
    found = [path for path in found if path.parts[0] != PLUGINS_FOLDER]  # what admins switched: about nobody
    return {str(path) for path in found if not any(store.holds.covers(path) for store in stores)}


def traces(data: Path, *texts: str) -> set[str]:
    """Files below ``data`` that hold any of ``texts`` in their name or their bytes."""
    return {
        str(path.relative_to(data))
        for path in data.rglob("*")
        if path.is_file()
        for text in texts
        if text in str(path.relative_to(data)) or text.encode() in path.read_bytes()
    }


def tables_that_name(file: Path, *texts: str) -> set[str]:
    """Tables of a ledger in which a row holds any of ``texts``, in whatever column."""
    database = connect(file, "FULL")
    found = {
        table.name
        for table in schema.metadata.sorted_tables
        for row in database.sql.execute(sa.select(table))
        for value in row
        for text in texts
        if text.encode() in (value if isinstance(value, bytes) else str(value).encode())
    }
    database.close()
    return found


class World:
    """The calendar bot on the web, on Telegram and in the terminal; its model's words are given."""

    def __init__(self, runtime: Runtime, server: TelegramServer, page: FakePage, type_in: Callable[[str], int]) -> None:
        self.runtime = runtime
        self.server = server
        self.page = page
        self.type_in = type_in
        self.count = 0

    async def act(self, kind: str, **fields: Any) -> None:
        """Ana does something on the web page, and the host has done with it."""
        self.count += 1
        assert (await self.page.act({"type": kind, "id": f"event-{self.count:03}"} | fields))["type"] == "ack"
        await self.settled()

    async def say(self, text: str) -> dict[str, Any]:
        """Ana says ``text`` on the web page; returns the answer."""
        before = len(self.page.listed("bot"))
        await self.act("message", text=text)
        await self.page.until(lambda: len(self.page.listed("bot")) > before)
        return self.page.listed("bot")[-1]

    async def tell(self, text: str, *, files: dict[str, bytes] | None = None) -> None:
        """Ana says ``text`` on Telegram, and is answered."""
        before = len(self.server.shown())
        await self.server.say(text, files=files)
        await self.server.until(lambda shown: len(shown) > before)
        await self.settled()

    async def settled(self) -> None:
        while await self.runtime.ledger.unfinished():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        if self.runtime.policy_worker is not None:
            await self.runtime.policy_worker.catch_up()

    async def live(self) -> None:
        """Ana does everything that leaves something behind. Ben, in the terminal, says a word."""
        await self.say("remind me to bake a gugelhupf every Sunday at 6pm")
        answer = await self.say("tell me about the zeppelin")
        await self.act("reaction", message_id=answer["message_id"], emoji="👍", on=True)
        await self.runtime.profiles.update(PersonId(ANA_WEB), name="Ypsilanti")
        await self.runtime.profiles.update(PersonId(ANA_WEB), place="Ypsilanti")
        await self.tell("hello")
        await self.tell("I love zeppelin rides")
        await self.tell("", files={"zeppelin.txt": b"a gugelhupf"})
        code = (await self.say("/link"))["text"].split("`/link ")[1].split("`")[0]
        await self.tell(f"/link {code}")
        assert "/pages/calendar/feed/" in (await self.say("/feed"))["text"]
        await self.say("/link")  # a code that nobody uses
        assert "Learned" in (await self.say("/learn The zeppelin brings the gugelhupf."))["text"]
        await self.train()
        self.type_in("good morning\n")
        while not (await self.runtime.ledger.export(BEN))["interactions"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await self.settled()

    async def train(self) -> None:
        """Ana has a LoRA of her own and a part in everybody's, and another training has begun."""
        training, queue = self.runtime.training, self.runtime.ledger.training_jobs
        for level, subject in ((Level.SHARED, ""), (Level.PERSONAL, ANA_WEB)):
            job = new_job("calendar", level, subject, f"trained {level}", "for a test", 0, now())
            made = candidate(write_lora(self.runtime.settings.data.parent / "made"), ANA_WEB, stage=Stage.ACTIVE)
            assert await training.registry.publish(made, await queue.add(job), leased=False)
        job = await queue.add(new_job("calendar", Level.SHARED, "", "begun", "for a test", 0, now()))
        assert await queue.claim(job.job_id, now(), LEASE, tries=3)
        folder = job_folder(self.runtime.settings.data, job.job_id)
        make_job_folder(folder, await self.runtime.ledger.tag())
        (make_work_folder(folder, 0) / "examples.json").write_text("a gugelhupf")


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    server = TelegramServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def settings(tmp_path: Path, server: TelegramServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    given = {"data": tmp_path / "data", "access": "everyone", "policy": "bayes", "web_port": 0, "time_zone": "UTC"}
    given |= {"public_url": "https://bot.example.org", "pages_port": 0}
    return Settings.load(env_file=None, **given)


@pytest.fixture
async def world(settings: Settings, server: TelegramServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    bake = ToolCall("create_event", {"title": "bake a gugelhupf", "time": "6pm", "repeat": "every Sunday"})

    def made(_settings: Settings, _bot: Bot, *, mark: str = "") -> ScriptedLLM:
        return ScriptedLLM(bake, "I do not know.")

    # What words a model finds is not what this is about, and the shipped one costs half a minute.
    monkeypatch.setattr("llmagent_os.runtime.make_llm", made)
    typed, terminal = os.pipe()
    with os.fdopen(typed, encoding="utf-8") as keyboard:
        console = ConsoleAdapter(stdin=keyboard, stdout=io.StringIO(), person="ben")
        async with Runtime.open(settings, Bot.load("calendar"), adapters=["web", "telegram", console]) as runtime:
            running = asyncio.create_task(runtime.run())
            web = next(adapter for adapter in runtime.adapters if isinstance(adapter, WebAdapter))
            page = FakePage(await web.started(), person="ana-ypsilon")
            await page.open()
            await server.connected()
            yield World(runtime, server, page, lambda line: os.write(terminal, line.encode()))
            await page.quit()
            os.close(terminal)
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


async def test_every_table_and_every_file_of_a_running_bot_has_a_store(world: World, settings: Settings) -> None:
    """What no store holds is neither exported nor erased."""
    await world.live()
    assert unheld_tables(schema.metadata, world.runtime.stores) == set()
    assert unheld_paths(settings.data, world.runtime.stores) == set()
    held = {table for store in world.runtime.stores for table in store.holds.tables}
    assert held <= set(schema.metadata.tables), "a store holds a table that there is no more"
    made = {path.name for path in settings.data.rglob("*")}
    assert {"profiles", "ledger.db", "web.db", "files", "zeppelin.txt", "loras", "jobs", "people"} <= made, (
        "or this test finds nothing"
    )


async def test_a_table_or_a_file_without_a_store_is_noticed(world: World, settings: Settings) -> None:
    """The test above must be able to fail."""
    await world.live()
    stores = world.runtime.stores
    grown = sa.MetaData()
    for table in schema.metadata.sorted_tables:
        table.to_metadata(grown)
    sa.Table("diaries", grown, sa.Column("identity", sa.Text, primary_key=True))
    assert unheld_tables(grown, stores) == {"diaries"}
    (settings.data / "diaries" / "ana").mkdir(parents=True)
    (settings.data / "web" / "drafts.txt").write_text("x")
    assert unheld_paths(settings.data, stores) == {"diaries/ana", "web/drafts.txt"}
    fewer = Stores(store for store in stores if store.name not in ("files", "ledger"))
    lost = unheld_paths(settings.data, fewer)
    assert {"ledger.db", "telegram/files/1001"} <= lost | {"/".join(Path(path).parts[:3]) for path in lost}
    assert "timers" in unheld_tables(schema.metadata, fewer)


async def test_nothing_is_left_of_a_person_who_was_erased(world: World, settings: Settings) -> None:
    """On whichever platform they were, in whatever file, and while the bot runs."""
    await world.live()
    file = settings.data / "ledger.db"
    before = tables_that_name(file, ANA_WEB, ANA_TELEGRAM)
    assert before >= {"lora_versions", "lora_contributors", "training_jobs"}
    assert before >= {"interactions", "rewards", "records", "timers", "identities", "link_codes", "policy_parts"}
    assert "memories" in before
    assert len(traces(settings.data, *SECRETS)) >= 4
    subject = await data_subject(ANA_TELEGRAM, (LedgerStore("ledger", ledger=world.runtime.ledger),))
    assert subject.identities == (ANA_WEB, ANA_TELEGRAM)
    erased = {each.store: each.count for each in await world.runtime.stores.erase(subject)}
    await world.runtime.ledger.wipe()
    assert erased == {
        "queue": 0,
        "outgoing files": 0,
        "secrets": 1,
        "knowledge": 1,
        "keys": 0,  # nothing is encrypted
        "web": 1,
        "other platforms": 0,
        "files": 1,
        "profiles": 2,  # of Telegram, too: the bot has asked there what it may do
        "loras": 2,
        "ledger": erased["ledger"],
        "trainings": 0,  # what they worked on went with the LoRAs
        "learned": 2,
        "computed": 1,  # what the model in this process has computed of what anybody said
    }
    assert erased["ledger"] >= 12
    await world.settled()
    leaves = {table for store in world.runtime.stores for table in store.holds.leaves}
    assert tables_that_name(file, ANA_WEB, ANA_TELEGRAM) - leaves == set()
    assert traces(settings.data, *SECRETS) == set()
    assert len((await world.runtime.ledger.export(BEN))["interactions"]) == 1, "nobody else was erased"


async def test_yes_to_forget_erases_the_same(world: World, settings: Settings) -> None:
    """The button of /forget, on one of two linked accounts."""
    await world.live()
    await world.tell("/forget")
    asked = [shown for shown in world.server.shown() if shown.buttons][-1]  # the file was asked about, too
    await world.server.press(asked.message_id, "Yes, forget me")
    await world.server.until(lambda shown: "forgotten" in shown[-1].text)
    await world.settled()
    assert tables_that_name(settings.data / "ledger.db", ANA_WEB, ANA_TELEGRAM) == set()
    assert traces(settings.data, *SECRETS) == set()
    assert len((await world.runtime.ledger.export(BEN))["interactions"]) == 1, "nobody else was erased"


async def test_the_command_line_exports_and_erases_the_same_beside_the_host(world: World, settings: Settings) -> None:
    """Also the transcript of the web chat, and the files."""
    await world.live()
    found = json.loads(await profile_command.export(settings, ANA_TELEGRAM))
    assert found["profile"]["profile"]["name"] == "Ypsilanti"
    assert [each["profile"]["user_id"] for each in found["profiles"]] == [ANA_TELEGRAM]
    (conversation,) = found["conversations"]
    assert (conversation["platform"], conversation["title"][:6]) == ("web", "remind")
    said = [each["text"] for each in conversation["messages"] if each["author"] == "person"]
    assert said[1] == "tell me about the zeppelin"
    assert [(each["platform"], each["bytes"]) for each in found["files"]] == [("telegram", 11)]
    assert (settings.data / found["files"][0]["path"]).read_bytes() == b"a gugelhupf"
    assert {each["user_id"] for each in found["interactions"]} == {ANA_WEB, ANA_TELEGRAM}
    assert len(found["rewards"]) >= 1
    assert [(each["level"], each["stage"]) for each in found["loras"]] == [("shared", "active"), ("personal", "active")]
    assert [each["subject"] for each in found["trainings"]] == [ANA_WEB]
    assert [each["plugin"] for each in found["timers"]] == ["calendar"]
    assert {each["plugin"] for each in found["records"]} == {"calendar"}
    assert [each["title"] for each in found["knowledge"]] == ["The zeppelin brings the gugelhupf."]
    words = await profile_command.forget(settings, ANA_TELEGRAM)
    assert "loras: 2 versions" in words
    assert "other platforms: 1 conversation, files: 1 message, outgoing files: 0 files, secrets: 1 secret, " in words
    assert "secrets: 1 secret, knowledge: 1 document, " in words
    assert "profiles: 2 files, " in words
    assert "chat ledger: 0 rows, ledger: " in words
    assert tables_that_name(settings.data / "ledger.db", ANA_WEB, ANA_TELEGRAM) == set()
    found = json.loads(await profile_command.export(settings, ANA_WEB))
    assert found["conversations"] == found["files"] == found["interactions"] == found["records"] == []
