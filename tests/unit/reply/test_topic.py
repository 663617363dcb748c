"""What breaks without this: a thread is named by a secret, or gets a new name with every message."""

from __future__ import annotations

import msgspec
import pytest

from llmagent_os.events import Conversation
from llmagent_os.reply.topic import TOPIC_CHARACTERS, topic_of
from tests.unit.agent_bench import Bench, no_draft


@pytest.mark.parametrize(
    ("said", "topic"),
    [
        ("  what do I\nhave tomorrow? ", "what do I have tomorrow?"),
        ("call me at +49 30 901820 or ana@example.org", "call me at [phone] or [email]"),
        ("my password is hunter22", ""),
        ("pay 4111 1111 1111 1111 today", ""),
        ("the IBAN is DE89 3704 0044 0532 0130 00", ""),
        ("[secret] again", ""),
    ],
)
def test_personal_data_is_masked_and_a_secret_gives_no_topic(said: str, topic: str) -> None:
    assert topic_of(said) == topic


def test_a_topic_is_short() -> None:
    assert len(topic_of("word " * 100)) == TOPIC_CHARACTERS


async def test_only_the_first_reply_of_a_thread_with_the_bot_alone_names_it(bench: Bench) -> None:
    agent = bench.agent("One.", "Two.", "Three.", "Four.")
    thread = Conversation(platform="memory", channel="c1", thread="t1")
    rooms = (
        thread,
        thread,
        Conversation(platform="memory", channel="c1"),
        msgspec.structs.replace(thread, kind="group"),
    )
    topics: list[str] = []
    for number, room in enumerate(rooms):
        message = msgspec.structs.replace(bench.message(f"request {number}"), conversation=room)
        outcome = await agent.handle(message, no_draft)
        assert outcome.reply is not None
        topics.append(outcome.reply.topic)
        await bench.ledger.accept(message, max_pending=9)
        await bench.ledger.prepare(message, outcome.reply, outcome.interaction)
    assert topics == ["request 0", "", "", ""]
