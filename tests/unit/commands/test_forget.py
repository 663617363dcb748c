"""``/forget``. What breaks without this: something about a person stays, or another person erases it."""

from __future__ import annotations

import msgspec

from llmagent_os.adapter import Reply
from llmagent_os.chat import ToolCall
from llmagent_os.events import ButtonPress, Command, Conversation, Event, Sender
from llmagent_os.identity import Identity, PersonId
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
    assert await keep(bench.message("yes")) == "Done: I have forgotten you."
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
