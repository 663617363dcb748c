"""``/forget``. What breaks without this: something about a person stays, or another person erases it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from llmagent_os.adapter import Adapter, Reply
from llmagent_os.chat import ToolCall
from llmagent_os.errors import ConfigError
from llmagent_os.events import ButtonPress, Command, Conversation, Event, Sender
from llmagent_os.identity import Identity, PersonId
from llmagent_os.people.linking import Links
from llmagent_os.privacy.known_stores import known_stores
from llmagent_os.privacy.ledger_store import LedgerStore
from llmagent_os.privacy.retention import CONFIRMATIONS
from llmagent_os.reply.services import Services
from tests.unit.agent_bench import NOON, Bench, no_draft

if TYPE_CHECKING:
    from llmagent_os.agent import Agent

ACCOUNT = Identity("memory::u1")
PERSON = PersonId("memory::u1")


async def test_forget_me_erases_everything(bench: Bench) -> None:
    agent = bench.agent(ToolCall("write", {"what": "rain"}), "Done.")
    await bench.say(agent, "write down rain")
    await bench.profiles.update(PERSON, name="Sam")
    room = Conversation(platform="memory", channel="c1")
    ask = Command(event_id="f", conversation=room, sender=Sender("u1"), name="forget")
    asked = (await agent.handle(ask, no_draft)).reply
    assert asked is not None
    value = asked.buttons[0].value
    press = ButtonPress(event_id="p", conversation=room, sender=Sender("u2"), message_id="m", value=value)
    await agent.handle(press, no_draft)  # somebody else, who sees it too
    assert (await bench.profiles.get(PERSON)).name == "Sam"
    await agent.handle(msgspec.structs.replace(press, event_id="q", sender=Sender("u1")), no_draft)
    assert (await bench.profiles.get(PERSON)).name is None
    assert await bench.ledger.history(room.key, ACCOUNT, 10) == []
    assert await bench.ledger.records("diary", ACCOUNT).items() == []


async def test_yes_to_forget_me_does_not_answer_an_older_question(bench: Bench) -> None:
    """Else "yes" runs what was asked before the command: twelve events are gone, and the profile is still there."""
    agent = bench.agent(ToolCall("ask", {}), "Sure?")

    async def keep(event: Event) -> str:
        outcome = await agent.handle(event, no_draft)
        assert outcome.reply is not None
        if outcome.interaction is not None:
            await bench.ledger.accept(event, max_pending=100)
            await bench.ledger.prepare(event, outcome.reply, outcome.interaction)
            await bench.ledger.finish(event, None)
        return outcome.reply.text

    def command(name: str) -> Command:
        said = bench.message("")
        return Command(event_id=said.event_id, conversation=said.conversation, sender=said.sender, name=name)

    await keep(bench.message("delete everything"))
    await keep(command("forget"))
    assert await keep(bench.message("no")) == "Nothing was changed."
    assert await keep(bench.message("ok")) == "Sure?", "the question is closed: it is nothing but a word now"
    await keep(command("forget"))
    assert (await keep(bench.message("yes"))).startswith("I have done nothing yet"), "it is not the button's label"
    assert await keep(bench.message("Yes, forget me!")) == "Done: I have forgotten you."
    assert await bench.ledger.history(command("x").conversation.key, ACCOUNT, 10) == []


async def test_a_person_whose_profile_is_damaged_can_be_forgotten(bench: Bench) -> None:
    """The file that cannot be read any more is the one that they want to be rid of."""
    await bench.profiles.update(PERSON, name="Sam")
    (file,) = bench.folder.glob("profiles/*.json")
    file.write_text("half a fi")
    agent, room = bench.agent("unused"), bench.message("").conversation
    ask = Command(event_id="f", conversation=room, sender=Sender("u1"), name="forget")
    asked = (await agent.handle(ask, no_draft)).reply
    assert asked is not None
    press = ButtonPress(
        event_id="p", conversation=room, sender=Sender("u1"), message_id="m", value=asked.buttons[0].value
    )
    assert (await agent.handle(press, no_draft)).reply == Reply("Done: I have forgotten you.")
    assert not file.exists()


async def test_a_platform_that_cannot_be_opened_does_not_keep_the_rest(bench: Bench, tmp_path: Path) -> None:
    """Only those who run the bot can mend its settings. Until then the person's words would stay everywhere."""

    def make(platform: str) -> Adapter:
        raise ConfigError(f"{platform}: there is no token")

    links = Links(bench.ledger, bench.profiles)
    await links.join(Identity("pigeon:loft:7"), await links.issue(ACCOUNT))
    (tmp_path / "pigeon").mkdir()
    (tmp_path / "pigeon" / "letters.db").write_text("dear Ana")
    stores = known_stores(
        ledgers=[LedgerStore("ledger", ledger=bench.ledger)], profiles=bench.profiles, data=tmp_path, make=make
    )
    services = Services(ledger=bench.ledger, profiles=bench.profiles, plugins=bench.plugins, stores=stores)
    agent = bench.agent("Hello.", plugins=None, profiles=None, ledger=None, clock=services.clock, services=services)
    await bench.say(agent, "hello")
    await bench.profiles.update(PERSON, name="Sam")
    room = Conversation(platform="memory", channel="c1")
    asked = (
        await agent.handle(Command(event_id="f", conversation=room, sender=Sender("u1"), name="forget"), no_draft)
    ).reply
    assert asked is not None
    press = ButtonPress(
        event_id="p", conversation=room, sender=Sender("u1"), message_id="m", value=asked.buttons[0].value
    )
    reply = (await agent.handle(press, no_draft)).reply
    assert reply is not None and "except for a part that I cannot open" in reply.text
    assert (await bench.profiles.get(PERSON)).name is None
    assert await bench.ledger.history(room.key, ACCOUNT, 10) == []


# ── what cannot be taken back needs its own button, or its exact words in the very next turn ──────────────────────────


class Talk:
    """Ana's talk with an agent, kept as the host keeps it."""

    def __init__(self, bench: Bench, agent: Agent) -> None:
        self.bench, self.agent = bench, agent

    async def do(self, event: Event) -> Reply:
        outcome = await self.agent.handle(event, no_draft)
        assert outcome.reply is not None
        await self.bench.ledger.accept(event, max_pending=100)
        await self.bench.ledger.prepare(event, outcome.reply, outcome.interaction)
        await self.bench.ledger.finish(event, None)
        return outcome.reply

    async def command(self, name: str, arguments: str = "") -> Reply:
        said = self.bench.message("")
        event = Command(
            event_id=said.event_id,
            conversation=said.conversation,
            sender=said.sender,
            name=name,
            arguments=arguments,
        )
        return await self.do(event)

    async def say(self, text: str, channel: str = "c1") -> str:
        return (await self.do(self.bench.message(text, channel=channel))).text

    async def press(self, value: str, user: str = "u1") -> str:
        said = self.bench.message("", user=user)
        event = ButtonPress(
            event_id=said.event_id,
            conversation=said.conversation,
            sender=said.sender,
            message_id="m",
            value=value,
        )
        return (await self.do(event)).text

    async def is_there(self) -> bool:
        return (await self.bench.profiles.get(PERSON)).name == "Sam"


@pytest.fixture
async def talk(bench: Bench) -> Talk:
    await bench.profiles.update(PERSON, name="Sam")
    return Talk(bench, bench.agent("All right."))


@pytest.mark.parametrize("between", ["help", "profile", "link", "unlink"])
@pytest.mark.parametrize("word", ["ok", "yes", "Yes, forget me"])
async def test_words_after_another_command_erase_nobody(talk: Talk, between: str, word: str) -> None:
    await talk.command("forget")
    await talk.command(between)
    await talk.say(word)
    assert await talk.is_there()


@pytest.mark.parametrize("word", ["ok", "yes", "sure", "do it", "yes please"])
async def test_agreement_in_other_words_erases_nobody_and_is_asked_about(talk: Talk, word: str) -> None:
    await talk.command("forget")
    assert "write exactly “Yes, forget me”" in await talk.say(word)
    assert await talk.is_there()
    assert await talk.say("yes, forget me") == "Done: I have forgotten you."
    assert not await talk.is_there()


async def test_the_exact_words_count_in_the_very_next_turn_of_the_same_conversation_only(talk: Talk) -> None:
    await talk.command("forget")
    assert await talk.say("Yes, forget me", channel="c2") == "All right."
    await talk.say("what can you do?")
    assert await talk.say("Yes, forget me") == "All right."
    assert await talk.is_there()


async def test_the_button_works_once_for_whoever_asked_until_they_ask_again(talk: Talk) -> None:
    """An old button in the history is pressed by chance, months later."""
    first = (await talk.command("forget")).buttons[0].value
    second = (await talk.command("forget")).buttons[0].value
    assert first != second
    assert "no longer open" in await talk.press(first)
    assert "no longer open" in await talk.press(second, user="u2")
    assert "no longer open" in await talk.press("agent:forget:" + "0" * 16)
    assert await talk.is_there()
    await talk.say("something else")  # the button is still a button
    assert await talk.press(second) == "Done: I have forgotten you."
    await talk.bench.profiles.update(PERSON, name="Sam")
    await talk.say("hello again")
    assert "no longer open" in await talk.press(second)
    assert await talk.is_there()


async def test_no_ends_the_question_for_the_button_too(talk: Talk) -> None:
    value = (await talk.command("forget")).buttons[0].value
    assert await talk.say("no") == "Nothing was changed."
    assert "no longer open" in await talk.press(value)
    assert await talk.is_there()


async def test_the_button_of_an_old_question_erases_nobody(bench: Bench) -> None:
    await bench.profiles.update(PERSON, name="Sam")
    now = NOON
    talk = Talk(bench, bench.agent("All right.", clock=lambda: now))
    value = (await talk.command("forget")).buttons[0].value
    now += CONFIRMATIONS.time
    assert "no longer open" in await talk.press(value)
    assert await talk.is_there()
    value = (await talk.command("forget")).buttons[0].value
    now += CONFIRMATIONS.time - timedelta(seconds=1)
    assert await talk.press(value) == "Done: I have forgotten you."


async def test_the_press_run_again_after_a_crash_says_that_it_is_done(talk: Talk) -> None:
    value = (await talk.command("forget")).buttons[0].value
    press = talk.bench.message("")
    again = ButtonPress(event_id="p", conversation=press.conversation, sender=press.sender, message_id="m", value=value)
    for _ in range(2):
        assert (await talk.agent.handle(again, no_draft)).reply == Reply("Done: I have forgotten you.")
