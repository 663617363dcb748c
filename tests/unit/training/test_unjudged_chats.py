"""Chats without a reaction: what is asked of a bot most of the time. Who said no is left out."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from llmagent_os.chat import ToolCall
from llmagent_os.identity import PersonId
from llmagent_os.training.unjudged_chats import UnjudgedChat, unjudged_chats
from tests.unit.agent_bench import Bench
from tests.unit.training.talk import Talk, talking

WRITE = ToolCall("write", {"what": "rain"})


@pytest.fixture
async def talk(bench: Bench) -> AsyncIterator[Talk]:
    async with talking(bench) as opened:
        yield opened


async def read(talk: Talk, person: str = "") -> list[UnjudgedChat]:
    consents = talk.agent.services.directory.consents
    return await unjudged_chats(talk.bench.ledger, consents, people=[PersonId(person)] if person else None)


def asked(chats: list[UnjudgedChat]) -> list[tuple[str, bool]]:
    said = [[turn["content"] for turn in each.messages if turn["role"] == "user"][-1] for each in chats]
    return [(text, each.has_calls) for text, each in zip(said, chats, strict=True)]


async def test_only_what_nobody_judged_is_read_with_its_tool_calls(talk: Talk) -> None:
    liked = await talk.say("hello", "Hi there.")
    await talk.react(liked, "👍")
    await talk.say("write rain down", WRITE, "It is written down.")
    await talk.say("what is up?", "Not much.", user="u2", channel="c2")
    found = await read(talk)
    assert asked(found) == [("write rain down", True), ("write rain down", False), ("what is up?", False)]
    assert found[0].messages[-1]["role"] == "user" and found[1].messages[-1]["role"] == "tool"
    assert found[0].tools == talk.bench.plugins.specs()
    assert asked(await read(talk, "memory::u2")) == [("what is up?", False)]


async def test_who_said_no_is_left_out(talk: Talk) -> None:
    await talk.say("hello", "Hi there.")
    profiles = talk.agent.services.profiles
    assert profiles is not None
    await profiles.update(PersonId("memory::u1"), preferences={"learning": "off"})
    assert await read(talk) == []


async def test_no_passage_of_a_document_is_learned(talk: Talk) -> None:
    """A workspace's handbook would speak out of weights that another workspace is answered by."""
    talk.agent.kb.add("The zeppelin is kept in hangar four.", title="Handbook")
    sent = await talk.say("where is the zeppelin kept?", "I do not know.", WRITE)
    assert "hangar four" in sent.reply.text
    kept = await talk.bench.ledger.completions_of("memory:e1")
    assert [("hangar four" in str(each.messages), bool(each.tool_calls)) for each in kept] == [
        (False, False),
        (True, True),
    ]
    assert "hangar" not in str(await read(talk))
    await talk.react(sent, "👎")
    assert "hangar" not in str((await talk.examples()).examples)
