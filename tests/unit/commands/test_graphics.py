"""``/graphics``. What breaks without this: people cannot say how they like their pictures."""

from __future__ import annotations

import pytest

from llmagent_os.commands import graphics
from llmagent_os.events import Command, Conversation, Sender
from llmagent_os.identity import PersonId
from tests.unit.agent_bench import Bench, no_draft

PERSON = PersonId("memory::u1")


async def say(bench: Bench, arguments: str) -> str:
    event = Command(
        event_id=f"graphics {arguments}",
        conversation=Conversation(platform="memory", channel="c1"),
        sender=Sender("u1"),
        name="graphics",
        arguments=arguments,
    )
    reply = (await bench.agent("unused").handle(event, no_draft)).reply
    assert reply is not None
    return reply.text


async def test_people_choose_pictures_and_their_colours(bench: Bench) -> None:
    assert "only where you ask for one" in await say(bench, "")
    assert "from now on" in await say(bench, "on")
    assert "are dark" in await say(bench, "DARK")
    assert (await bench.profiles.get(PERSON)).preferences == {"interface": "graphics", "theme": "dark"}
    assert "They are dark; `/graphics light` changes that." in await say(bench, "")
    assert "only where you ask" in await say(bench, "off")
    assert (await bench.profiles.get(PERSON)).preferences == {"interface": "text", "theme": "dark"}
    assert "I don't know `/graphics pink`" in await say(bench, "pink")


async def test_off_leaves_the_voice_on(bench: Bench) -> None:
    await bench.profiles.update(PERSON, interface="voice")
    await say(bench, "off")
    assert (await bench.profiles.get(PERSON)).preferences == {"interface": "voice"}


async def test_a_bot_that_cannot_draw_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphics, "can_draw", lambda: False)
    assert 'pip install "llmagent-os[graphics]"' in await say(bench, "on")
    assert "You get my answers as text" in await say(bench, "")
    assert (await bench.profiles.get(PERSON)).preferences == {}
