"""Slash commands. What breaks without this: a command that ``/help`` lists is not answered, or teaches a behaviour."""

from __future__ import annotations

from llmagent_os.events import Command, Conversation, Sender
from llmagent_os.identity import PersonId
from tests.unit.agent_bench import Bench, no_draft


async def test_commands(bench: Bench) -> None:
    agent = bench.agent("unused")
    await bench.profiles.update(PersonId("memory::u1"), name="Sam", preferences={"verbosity": "brief"})

    async def command(name: str, arguments: str = "") -> str:
        room = Conversation(platform="memory", channel="c1")
        event = Command(
            event_id=name + arguments, conversation=room, sender=Sender("u1"), name=name, arguments=arguments
        )
        outcome = await agent.handle(event, no_draft)
        assert outcome.reply is not None
        return outcome.reply.text

    assert "/diary" in await command("help")
    assert "Sam" in await command("profile")
    assert "Name" not in await command("profile", "clear name")
    assert "Sam" in await command("profile", "undo")
    assert "has no 'height'" in await command("profile", "clear height")
    assert "/profile undo" in await command("profile", "nonsense")
    assert await command("diary") == "An empty diary."
    assert "/help" in await command("dance")
    assert "Sure" in await command("forget") or "sure" in await command("forget")


async def test_a_reply_to_a_command_can_be_rated_and_teaches_no_behaviour(bench: Bench) -> None:
    said = bench.message("")
    command = Command(event_id="c", conversation=said.conversation, sender=said.sender, name="profile")
    kept = (await bench.agent("unused").handle(command, no_draft)).interaction
    assert kept is not None
    assert (kept.action, kept.completions, kept.model) == ({}, (), "")
