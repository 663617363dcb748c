"""Replies that are read aloud. What breaks without this: people hear what they did not ask for, or hear nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from llmagent_os.adapter import Card, Reply
from llmagent_os.agent import Agent
from llmagent_os.errors import VoiceError
from llmagent_os.events import Command, Conversation, Sender
from llmagent_os.handler import Outcome
from llmagent_os.identity import Identity, PersonId
from llmagent_os.modules import InteractionModule
from llmagent_os.privacy.outgoing_store import OutgoingStore
from llmagent_os.privacy.stores import DataSubject
from llmagent_os.reply.services import Services
from llmagent_os.reply.spoken_reply import NOT_SPOKEN, spoken
from llmagent_os.testing import ScriptedLLM
from tests.unit.agent_bench import NOON, Bench, no_draft
from tests.unit.reply.fake_voice import FakeEngine, fake_voice

PERSON = PersonId("memory::u1")


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


def services_of(bench: Bench, engine: FakeEngine, interface: str = "text") -> Services:
    return Services(
        ledger=bench.ledger,
        profiles=bench.profiles,
        plugins=bench.plugins,
        clock=lambda: NOON,
        interaction=InteractionModule(interface),
        voice=fake_voice(engine),
        outgoing=bench.folder / "outgoing",
    )


async def answer(bench: Bench, engine: FakeEngine, *, interface: str = "text", user: str = "u1") -> Reply:
    agent = Agent(llm=ScriptedLLM("**At** noon."), services=services_of(bench, engine, interface))
    reply = (await agent.handle(bench.message("when is lunch?", user=user), no_draft)).reply
    assert reply is not None
    return reply


async def test_only_people_who_want_it_hear_replies(bench: Bench, engine: FakeEngine) -> None:
    assert (await answer(bench, engine)).speech == ""
    await bench.profiles.update(PERSON, interface="voice")
    heard = await answer(bench, engine)
    assert heard.text == "**At** noon."
    assert await asyncio.to_thread(Path(heard.speech).read_bytes) == b"OggSAt noon."
    assert (await answer(bench, engine, user="u2")).speech == "", "another person"


async def test_a_bot_that_speaks_can_be_silenced_by_a_person(bench: Bench, engine: FakeEngine) -> None:
    assert (await answer(bench, engine, interface="voice")).speech
    await bench.profiles.update(PERSON, interface="text")
    assert (await answer(bench, engine, interface="voice")).speech == ""
    await bench.profiles.update(PERSON, interface="graphics")
    assert (await answer(bench, engine, interface="voice")).speech == ""


async def test_cards_are_read_too_and_every_reply_has_a_file_of_its_own(bench: Bench, engine: FakeEngine) -> None:
    services = services_of(bench, engine, "voice")
    paths: set[str] = set()
    for _ in range(2):
        outcome = Outcome(Reply("Two things.", card=Card("Friday", (("10 AM", "gym"), ("noon", "lunch")))))
        reply = (await spoken(services, bench.message("?"), outcome)).reply
        assert reply is not None
        paths.add(reply.speech)
    assert engine.spoken[0] == "Two things. Friday. 10 AM: gym. noon: lunch."
    assert len(paths) == 2


async def test_a_reply_that_cannot_be_read_aloud_arrives_as_text(bench: Bench, engine: FakeEngine) -> None:
    engine.error = VoiceError("no sound")
    reply = await answer(bench, engine, interface="voice")
    assert (reply.text, reply.speech) == (f"**At** noon.\n\n{NOT_SPOKEN}", "")


async def test_a_reply_whose_sound_cannot_be_written_arrives_as_text(bench: Bench, engine: FakeEngine) -> None:
    await asyncio.to_thread((bench.folder / "outgoing").write_text, "a file where a folder should be")
    reply = await answer(bench, engine, interface="voice")
    assert (reply.text, reply.speech) == (f"**At** noon.\n\n{NOT_SPOKEN}", "")


async def test_spoken_replies_are_erased_with_the_person(bench: Bench, engine: FakeEngine) -> None:
    path = Path((await answer(bench, engine, interface="voice")).speech)
    assert await asyncio.to_thread(path.exists)
    assert await OutgoingStore(bench.folder).erase(DataSubject.of([Identity("memory::u1")])) == 1
    assert not await asyncio.to_thread(path.exists)


async def test_slash_commands_are_shown_and_not_read(bench: Bench, engine: FakeEngine) -> None:
    agent = Agent(llm=ScriptedLLM(), services=services_of(bench, engine, "voice"))

    async def voice(arguments: str) -> str:
        event = Command(
            event_id=f"voice {arguments}",
            conversation=Conversation(platform="memory", channel="c1"),
            sender=Sender("u1"),
            name="voice",
            arguments=arguments,
        )
        reply = (await agent.handle(event, no_draft)).reply
        assert reply is not None
        assert reply.speech == ""
        return reply.text

    assert "read my answers aloud" in await voice("")
    assert "as text only" in await voice("OFF")
    assert "You get my answers as text" in await voice("")
    assert (await bench.profiles.get(PERSON)).preferences == {"interface": "text"}
    assert "from now on" in await voice("on")
    assert (await bench.profiles.get(PERSON)).preferences == {"interface": "voice"}
    assert "I don't know `/voice louder`" in await voice("louder")
    assert engine.spoken == []


async def test_a_bot_without_a_voice_says_so(bench: Bench) -> None:
    event = Command(
        event_id="v",
        conversation=Conversation(platform="memory", channel="c1"),
        sender=Sender("u1"),
        name="voice",
        arguments="on",
    )
    reply = (await bench.agent("unused").handle(event, no_draft)).reply
    assert reply is not None
    assert "no voice" in reply.text
    assert "llmagent-os[voice]" in reply.text
