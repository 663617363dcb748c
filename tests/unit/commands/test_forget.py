"""``/forget``. What breaks without this: something about a person stays, or another person erases it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from llmagent_os.adapter import Adapter, Reply
from llmagent_os.chat import ToolCall
from llmagent_os.errors import ConfigError
from llmagent_os.events import ButtonPress, Command, Conversation, Event, Sender
from llmagent_os.identity import Identity, PersonId
from llmagent_os.people.linking import Links
from llmagent_os.privacy.known_stores import known_stores
from llmagent_os.privacy.ledger_store import LedgerStore
from llmagent_os.reply.services import Services
from tests.unit.agent_bench import Bench, no_draft

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
    assert reply is not None and "except for a conversation on a platform that I cannot open" in reply.text
    assert (await bench.profiles.get(PERSON)).name is None
    assert await bench.ledger.history(room.key, ACCOUNT, 10) == []
