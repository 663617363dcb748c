"""What breaks without this: thumbs stand under lists that teach nothing, or where the owner does not want them."""

from __future__ import annotations

from llmagent_os.agent import Agent
from llmagent_os.events import Command, Conversation, Event, Sender
from llmagent_os.identity import PersonId
from llmagent_os.reply.agent_settings import AgentSettings
from llmagent_os.reply.services import Services
from llmagent_os.testing import ScriptedLLM
from tests.unit.agent_bench import NOON, Bench, no_draft

ROOM = Conversation(platform="memory", channel="c1")


async def asks(bench: Bench, event: Event, *platforms: str) -> bool:
    services = Services(
        ledger=bench.ledger,
        profiles=bench.profiles,
        plugins=bench.plugins,
        clock=lambda: NOON,
        settings=AgentSettings(feedback_buttons=platforms),
    )
    reply = (await Agent(llm=ScriptedLLM("At noon."), services=services).handle(event, no_draft)).reply
    assert reply is not None
    return reply.asks_feedback


async def test_only_replies_that_can_teach_ask_for_feedback_and_only_where_the_bot_does(bench: Bench) -> None:
    said = bench.message("when is lunch?")
    assert await asks(bench, said, "memory")
    assert not await asks(bench, said, "slack"), "another platform"
    await bench.profiles.update(PersonId("memory::u1"), learning="off")
    assert not await asks(bench, bench.message("and dinner?"), "memory"), "a person whom the bot may not learn from"
    command = Command(event_id="2", conversation=ROOM, sender=Sender("u1"), name="help")
    assert not await asks(bench, command, "memory"), "a command's list"
