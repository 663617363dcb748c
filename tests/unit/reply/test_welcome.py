"""What breaks without this: a person who opens the bot is met with an empty pane, or with what is another person's."""

from __future__ import annotations

import pytest

from llmagent_os.events import Conversation, Opened, Sender
from llmagent_os.identity import PersonId
from llmagent_os.reply.agent_settings import AgentSettings
from tests.unit.agent_bench import Bench, no_draft

SETTINGS = AgentSettings(title="Diary", about="I write down what you tell me.", examples=("Write rain", "a", "b", "c"))


@pytest.mark.parametrize(
    ("name", "greeting", "suggested"),
    [
        (None, "Hello! I am Diary. I write down what you tell me.", ("Write rain", "a", "b", "c")),
        (
            "Ana",
            "Hello Ana! I am Diary. I write down what you tell me.",
            ("Read me yesterday", "Tear it up", "Write rain", "a"),
        ),
        ("Fay", "Hello Fay! I am Diary. I write down what you tell me.", ("Write rain", "a", "b", "c")),
    ],
)
async def test_a_person_is_greeted_with_what_fits_them_and_what_the_bot_can_do(
    bench: Bench, name: str | None, greeting: str, suggested: tuple[str, ...]
) -> None:
    await bench.profiles.update(PersonId("memory::u1"), name=name)
    room = Conversation(platform="memory", channel="c1", thread="t1")
    outcome = await bench.agent(settings=SETTINGS).handle(
        Opened(event_id="o1", conversation=room, sender=Sender("u1")), no_draft
    )
    assert outcome.reply is not None
    assert (outcome.reply.text, outcome.reply.suggestions) == (greeting, suggested)
    assert outcome.interaction is None, "nothing was said that could be learned from"
