"""``/learn`` and ``/knowledge``. What breaks without this: people teach what they may not, or cannot take it back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from llmagent_os.adapter import Button, Reply
from llmagent_os.agent import Agent
from llmagent_os.events import Attachment, ButtonPress, Command, Conversation, Event, Message, Sender
from llmagent_os.host.slash_commands import command_of
from llmagent_os.identity import Identity, file_name_of
from llmagent_os.knowledge.scopes import Scope, ScopedBases
from llmagent_os.modules import KnowledgeBase
from llmagent_os.people.access import Access
from llmagent_os.plugin import WebAccess
from llmagent_os.privacy.known_stores import known_stores
from llmagent_os.privacy.stores import DataSubject
from llmagent_os.reply.agent_settings import AgentSettings, LearnSetting
from llmagent_os.reply.services import Services
from llmagent_os.testing import ScriptedLLM
from tests.documents import write_html, write_pdf
from tests.unit.agent_bench import NOON, Bench, no_draft

BOSS, ANA, BEN = "boss", "ana", "ben"


class School:
    """An agent that can be taught, and the people who do."""

    def __init__(self, bench: Bench, learn: LearnSetting = "members", **parts: Any) -> None:
        self.bench, self.number = bench, 0
        self.taught = ScopedBases(bench.folder / "knowledge", max_person=3)
        self.llm = ScriptedLLM("I found it [1].")
        services = Services(
            settings=AgentSettings(learn=learn, web=WebAccess(allow_private=True)),
            ledger=bench.ledger,
            profiles=bench.profiles,
            access=Access(bench.ledger, access="everyone", admins="memory::boss"),
            clock=lambda: NOON,
            taught=self.taught,
            data=bench.folder,
            stores=known_stores(data=bench.folder, profiles=bench.profiles),
        )
        self.agent = Agent(llm=self.llm, services=services, **parts)

    def common(self, who: str, kind: str = "direct") -> dict[str, Any]:
        self.number += 1
        room = Conversation(platform="memory", channel=f"c-{who}", kind=kind)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        return {"event_id": f"e{self.number}", "conversation": room, "sender": Sender(who)}

    async def give(self, event: Event) -> Reply:
        outcome = await self.agent.handle(event, no_draft)
        assert outcome.reply is not None
        return outcome.reply

    async def command(self, who: str, line: str, kind: str = "direct") -> Reply:
        name, _, arguments = line.removeprefix("/").partition(" ")
        return await self.give(Command(name=name, arguments=arguments, **self.common(who, kind)))

    async def ask(self, who: str, text: str, kind: str = "direct") -> str:
        return (await self.give(Message(text=text, message_id="m", **self.common(who, kind)))).text

    async def send(self, who: str, text: str, *files: Path, event_id: str = "") -> Reply:
        common = self.common(who)
        if event_id:
            common["event_id"] = event_id
        attachments = tuple(Attachment(file.name, "", str(file), 1) for file in files)
        return await self.give(Message(text=text, message_id="m", attachments=attachments, **common))

    async def press(self, who: str, button: Button, kind: str = "direct") -> Reply:
        return await self.give(ButtonPress(message_id="m", value=button.value, **self.common(who, kind)))


@pytest.fixture
def school(bench: Bench) -> School:
    return School(bench)


async def test_words_are_learned_for_the_one_who_says_them(school: School) -> None:
    said = await school.command(ANA, "/learn The gate code is 4711.")
    assert said.text.startswith("Learned “The gate code is 4711.” for you alone")
    assert said.buttons == ()
    answer = await school.ask(ANA, "what is the gate code?")
    assert "Source: your note of 22 November" in answer
    assert "Source" not in await school.ask(ANA, "what is a note of november 22?"), "its date is no words of it"
    assert "Source" not in await school.ask(BEN, "what is the gate code?")
    assert "Source" not in await school.ask(ANA, "what is the gate code?", "group")


async def test_a_file_is_learned_with_words_and_with_a_button(school: School, tmp_path: Path) -> None:
    file = write_pdf(tmp_path / "rules.pdf", ["Dogs may come on Fridays."])
    assert "Learned “rules.pdf” (1 passage)" in (await school.send(ANA, "learn this", file)).text
    assert "Source: rules.pdf (page 1)" in await school.ask(ANA, "when may dogs come?")
    kept = tmp_path / "memory" / "files" / file_name_of(BEN) / file_name_of("e-ben")
    kept.mkdir(parents=True)
    offer = await school.send(BEN, "", write_pdf(kept / "rules.pdf", ["Dogs may come on Fridays."]), event_id="e-ben")
    assert "Shall I learn it" in offer.text
    assert "Please send it again" in (await school.press(ANA, offer.buttons[0])).text, "it is Ben's file"
    assert "Learned “rules.pdf”" in (await school.press(BEN, offer.buttons[0])).text
    assert "Source" in await school.ask(BEN, "when may dogs come?")


async def test_nothing_is_offered_to_people_of_whom_nothing_is_remembered(school: School, tmp_path: Path) -> None:
    """What they ask for in so many words is kept all the same."""
    await school.command(BEN, "/privacy remember off")
    file = write_pdf(tmp_path / "rules.pdf", ["Dogs may come on Fridays."])
    assert not (await school.send(BEN, "", file)).buttons
    assert "Learned “rules.pdf”" in (await school.send(BEN, "learn this", file)).text


async def test_a_file_learned_again_is_an_update(school: School, tmp_path: Path) -> None:
    await school.send(ANA, "learn this", write_pdf(tmp_path / "rules.pdf", ["Dogs may come on Fridays."]))
    said = await school.send(ANA, "/learn", write_pdf(tmp_path / "rules.pdf", ["Dogs may come on Mondays."]))
    assert said.text.startswith("Updated “rules.pdf”")
    listed = (await school.command(ANA, "/knowledge")).text
    assert listed.count("rules.pdf") == 1


async def test_files_that_cannot_be_learned_say_why(school: School, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"la")
    (tmp_path / "b.pdf").write_bytes(b"rubbish")
    said = (await school.send(ANA, "learn this", tmp_path / "a.mp3", tmp_path / "b.pdf")).text
    assert "I cannot learn a.mp3: I read PDF, Word" in said
    assert "I cannot learn b.pdf: it is damaged, or no PDF." in said
    lost = Attachment("c.pdf", "", "", problem="larger than 20 MB")
    message = Message(text="learn this", message_id="m", attachments=(lost,), **school.common(ANA))
    assert "could not fetch c.pdf: larger than 20 MB" in (await school.give(message)).text


def test_a_typed_command_keeps_its_files() -> None:
    """An adapter that makes a command of "/learn" would drop the file that came with it."""
    room = Conversation(platform="memory", channel="c")
    message = Message(event_id="e", conversation=room, sender=Sender("a"), text="/learn", message_id="m")
    assert command_of(message) is not None
    assert command_of(msgspec.structs.replace(message, attachments=(Attachment("a.pdf", "", "/a"),))) is None


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[str]:
    """A web site with a page, a PDF and a page that is not there."""
    write_html(tmp_path / "page.html")
    write_pdf(tmp_path / "rules.pdf", ["Dogs may come on Fridays."])

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=(tmp_path / "page.html").read_text(), content_type="text/html")

    async def pdf(_: web.Request) -> web.Response:
        return web.Response(body=(tmp_path / "rules.pdf").read_bytes(), content_type="application/pdf")

    app = web.Application()
    app.router.add_get("/shop", page)
    app.router.add_get("/rules", pdf)
    running = TestServer(app)
    await running.start_server()
    yield str(running.make_url("")).rstrip("/")
    await running.close()


async def test_a_link_is_read(school: School, site: str) -> None:
    assert "Learned “Shop” (2 passages)" in (await school.command(ANA, f"/learn {site}/shop")).text
    assert "Source: Shop (Parking)" in await school.ask(ANA, "where do guests park?")
    assert f"Learned “{site}/rules”" in (await school.command(BEN, f"/learn <{site}/rules>")).text
    assert "Source" in await school.ask(BEN, "when may dogs come?")
    assert "the server answers 404" in (await school.command(ANA, f"/learn {site}/nothing")).text
    assert "rules" in (await school.command(BEN, "/knowledge")).text


async def test_a_private_address_is_not_read(bench: Bench, site: str) -> None:
    """Else anybody could read the operator's router."""
    school = School(bench)
    settings = AgentSettings(learn="members")
    services = msgspec.structs.replace(school.agent.services, settings=settings)
    school.agent = Agent(llm=school.llm, services=services)
    assert "a private network or of this machine" in (await school.command(ANA, f"/learn {site}/shop")).text


async def test_the_owner_decides_who_teaches(bench: Bench) -> None:
    off, admins, members = School(bench, "off"), School(bench, "admins"), School(bench, "members")
    assert "Whoever runs me can allow it" in (await off.command(BOSS, "/learn Tea is at four.")).text
    assert "Only admins may teach me here" in (await admins.command(ANA, "/learn Tea is at four.")).text
    assert "Learned" in (await admins.command(BOSS, "/learn Tea is at four.")).text
    denied = await members.command(ANA, "/learn for everyone: Tea is at four.")
    assert "Only admins may teach me for everybody" in denied.text
    assert "Learned" in (await members.command(BOSS, "/learn for everyone: Coffee is at five.")).text
    assert "Source" in await members.ask(BEN, "when is coffee?", "group")


async def test_an_admin_shares_what_they_taught_themselves(school: School) -> None:
    said = await school.command(BOSS, "/learn The gate code is 4711.")
    (share,) = said.buttons
    assert "Source" not in await school.ask(BEN, "what is the gate code?")
    assert "Only admins" in (await school.press(BEN, share)).text
    assert "for everybody on Memory" in (await school.press(BOSS, share)).text
    assert "Source: a note of 22 November" in await school.ask(BEN, "what is the gate code?")
    assert "do not have that document" in (await school.press(BOSS, share)).text


async def test_the_list_shows_and_removes(school: School) -> None:
    assert "no documents yet" in (await school.command(ANA, "/knowledge")).text
    await school.command(BOSS, "/learn for everyone: Coffee is at five.")
    await school.command(ANA, "/learn The gate code is 4711.")
    listed = (await school.command(ANA, "/knowledge")).text
    assert "1. The gate code is 4711. — 1 passage, yours alone" in listed
    assert "2. Coffee is at five. — 1 passage, everybody's here" in listed
    assert "gate" not in (await school.command(ANA, "/knowledge", "group")).text, "others read along"
    assert "> The gate code is 4711." in (await school.command(ANA, "/knowledge show 1")).text
    assert "> Coffee is at five." in (await school.command(ANA, "/knowledge show coffee")).text
    assert "only admins can remove it" in (await school.command(ANA, "/knowledge remove 2")).text
    assert "no document 9" in (await school.command(ANA, "/knowledge remove 9")).text
    assert "don't know `/knowledge polish`" in (await school.command(ANA, "/knowledge polish")).text
    asked = await school.command(ANA, "/knowledge remove 1")
    assert asked.buttons[0].style == "danger"
    assert "do not have that document" in (await school.press(BEN, asked.buttons[0])).text
    assert "Source" in await school.ask(ANA, "what is the gate code?"), "another's press removes nothing"
    assert "Removed “The gate code" in (await school.press(ANA, asked.buttons[0])).text
    assert "Source" not in await school.ask(ANA, "what is the gate code?")


async def test_what_comes_with_the_bot_is_listed_and_stays(bench: Bench) -> None:
    kb = KnowledgeBase()
    kb.add("The gate code is 4711.", title="Handbook")
    kb.add("Type /help.")
    school = School(bench, "members", kb=kb)
    listed = (await school.command(BOSS, "/knowledge")).text
    assert "1. Handbook — 1 passage, part of me" in listed
    assert "/help" not in listed, "the bot's own words are no document"
    assert "only whoever runs me can remove it" in (await school.command(BOSS, "/knowledge remove 1")).text


async def test_a_person_has_room_for_so_many_passages(school: School) -> None:
    for at in range(3):
        await school.command(ANA, f"/learn Fact number {at} is short.")
    full = (await school.command(ANA, "/learn One more.")).text
    assert "4 passages, and I keep 3 at most" in full
    assert "Updated" in (await school.command(ANA, "/learn Fact number 1 is short.")).text


async def test_how_to_teach_is_said(school: School) -> None:
    assert "`/learn https://example.org/handbook`" in (await school.command(ANA, "/learn")).text
    assert "/learn" in (await school.command(ANA, "/help")).text


async def test_a_passage_is_shown_only_to_who_may_read_it(school: School) -> None:
    await school.command(ANA, "/learn The gate code is 4711.")
    reply = await school.give(Message(text="what is the gate code?", message_id="m", **school.common(ANA)))
    assert "4711" in (await school.press(ANA, reply.buttons[0])).text
    for who, kind in ((BEN, "direct"), (ANA, "group")):
        assert "4711" not in (await school.press(who, reply.buttons[0], kind)).text
    odd = Button("x", "agent:passage:bot:99999999999999999999999")
    assert "do not have that passage" in (await school.press(ANA, odd)).text


async def test_forget_and_export_reach_what_a_person_taught(school: School) -> None:
    await school.command(ANA, "/learn The gugelhupf is ready at noon.")
    await school.command(BOSS, "/learn for everyone: Coffee is at five.")
    await school.command(BOSS, "/learn My zeppelin leaves at noon.")
    stores = school.agent.services.stores
    assert stores is not None
    (kept,) = (await stores.export(DataSubject.of([Identity("memory::ana")])))["knowledge"]
    assert kept["passages"] == [{"place": "", "text": "The gugelhupf is ready at noon."}]
    own, shared = (await stores.export(DataSubject.of([Identity("memory::boss")])))["knowledge"]
    assert (own["title"], shared["shared"]) == ("My zeppelin leaves at noon.", True)
    erased = await stores.erase(DataSubject.of([Identity("memory::ana")]))
    assert [str(each) for each in erased if each.store == "knowledge"] == ["knowledge: 1 document"]
    assert "Source" not in await school.ask(ANA, "when is the gugelhupf ready?"), "the running bot has it open"
    await stores.erase(DataSubject.of([Identity("memory::boss")]))
    left = {path.name: path.read_bytes() for path in (school.bench.folder / "knowledge").rglob("*") if path.is_file()}
    for trace in (b"gugelhupf", b"zeppelin", b"memory::boss", b"memory::ana"):
        assert not [name for name, raw in left.items() if trace in raw], trace
    assert "Source" in await school.ask(BEN, "when is coffee?"), "a workspace keeps what it was taught"
    assert [each.added_by for each in school.taught.base(Scope("workspace", "memory:")).documents()] == [""]
