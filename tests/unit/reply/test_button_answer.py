"""Buttons. What breaks without this: "yes" does nothing, or does something that nobody asked for."""

from __future__ import annotations

from llmagent_os.agent import Agent
from llmagent_os.chat import ToolCall
from llmagent_os.events import ButtonPress, Conversation, Sender
from llmagent_os.identity import PersonId
from llmagent_os.modules import BehaviorModule
from llmagent_os.people.profiles import Profiles
from llmagent_os.policy import FixedPolicy
from tests.unit.agent_bench import Bench, no_draft


async def test_yes_answers_the_question_that_was_asked(bench: Bench) -> None:
    agent = bench.agent(ToolCall("ask", {}), "Sure?", "unused")
    await bench.say(agent, "ask me")
    text, kept = await bench.say(agent, "yes")
    assert text == "You pressed yes."
    assert kept.said == "yes"
    assert kept.context["intent"] == "button"


async def test_a_pressed_button_reaches_its_plugin_and_a_made_up_one_does_not(bench: Bench) -> None:
    agent = bench.agent("unused")
    room = Conversation(platform="memory", channel="c1")

    async def press(value: str) -> str:
        bench.number += 1
        event = ButtonPress(
            event_id=str(bench.number), conversation=room, sender=Sender("u1"), message_id="m", value=value
        )
        outcome = await agent.handle(event, no_draft)
        assert outcome.reply is not None
        return outcome.reply.text

    assert await press("diary:yes") == "You pressed yes."
    assert "no longer open" in await press("nobody:yes")
    assert "no longer open" in await press("agent:nonsense")
    assert "no longer open" in await press("")


async def test_words_that_a_plugin_takes_for_a_button_press_it_and_no_model_is_asked(bench: Bench) -> None:
    agent = bench.agent("unused")
    text, kept = await bench.say(agent, "tear it up")
    assert text == "You pressed torn."
    assert kept.context["intent"] == "button"
    assert bench.llm.requests == []
    assert (await bench.say(agent, "tear it"))[0] == "unused"


async def test_a_question_stays_open_when_a_reminder_comes_in_between(bench: Bench) -> None:
    agent = bench.agent(ToolCall("ask", {}), "Sure?")
    await bench.say(agent, "do it")
    event = bench.timer("tea")
    outcome = await agent.handle(event, no_draft)
    await bench.ledger.accept(event, max_pending=9)
    await bench.ledger.prepare(event, outcome.reply, outcome.interaction)
    text, _ = await bench.say(bench.agent("unused"), "yes")
    assert text == "You pressed yes."
    text, _ = await bench.say(bench.agent("Hello."), "hello")
    assert "" not in [message["content"] for message in bench.llm.requests[0].messages if message["role"] == "user"]


async def test_an_undo_says_that_the_reply_did_the_wrong_thing(bench: Bench) -> None:
    """What a person takes back would teach nothing, or a reply that somebody agreed to would be blamed for it."""
    room = Conversation(platform="memory", channel="c1")

    async def press(value: str, agent: Agent) -> list[tuple[str, str]]:
        bench.number += 1
        event = ButtonPress(
            event_id=str(bench.number), conversation=room, sender=Sender("u1"), message_id="m", value=value
        )
        outcome = await agent.handle(event, no_draft)
        await bench.ledger.accept(event, max_pending=9)
        await bench.ledger.prepare(event, outcome.reply, outcome.interaction, rewards=outcome.rewards)
        return [(reward.kind, reward.interaction_id) for reward in outcome.rewards]

    agent = bench.agent(ToolCall("tear", {}), "Torn out.", behavior=BehaviorModule(FixedPolicy()))
    _, torn = await bench.say(agent, "tear the page out")
    assert await press("diary:other", agent) == []
    assert await press("diary:undo", agent) == [("correction", torn.interaction_id)]
    await Profiles(bench.folder / "profiles").update(PersonId("memory::u1"), preferences={"learning": "off"})
    assert await press("diary:undo", agent) == [], "nothing is learned from a person who opted out"
