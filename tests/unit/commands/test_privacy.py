"""``/privacy`` and the question that is asked once. What breaks without this: people cannot say what they allow."""

from __future__ import annotations

from llmagent_os.adapter import Reply
from llmagent_os.agent import Agent
from llmagent_os.chat import ToolCall
from llmagent_os.events import ButtonPress, Command, Conversation, Sender
from llmagent_os.identity import PersonId
from llmagent_os.privacy.consent import Consent
from llmagent_os.reply.agent_settings import AgentSettings
from tests.unit.agent_bench import Bench, no_draft

PERSON = PersonId("memory::u1")
OWNER = AgentSettings(consent=Consent(training=False), asks_consent=True)


async def ask(agent: Agent, arguments: str = "", name: str = "privacy") -> Reply:
    room = Conversation(platform="memory", channel="c1")
    command = Command(event_id="p", conversation=room, sender=Sender("u1"), name=name, arguments=arguments)
    reply = (await agent.handle(command, no_draft)).reply
    assert reply is not None
    return reply


async def say(bench: Bench, agent: Agent, text: str) -> str:
    message = bench.message(text)
    outcome = await agent.handle(message, no_draft)
    assert outcome.reply is not None
    await bench.ledger.accept(message, max_pending=100)
    await bench.ledger.prepare(message, outcome.reply, outcome.interaction, rewards=outcome.rewards)
    await bench.ledger.finish(message, None)
    return outcome.reply.text


async def test_a_person_is_asked_once_when_something_is_first_learned(bench: Bench) -> None:
    """Not at a greeting, of which nothing is kept, and not with every message after."""
    agent = bench.agent("Hello.", ToolCall("rename", {"name": "Sam"}), "Hello Sam.", "Good.", settings=OWNER)
    assert "/privacy" not in await say(bench, agent, "hello")
    await say(bench, agent, "call me Sam")
    assert (await bench.profiles.get(PERSON)).name == "Sam"
    told = (await bench.profiles.get(PERSON)).told_at
    assert told is not None
    said = [turn.context["reply"] for turn in await bench.ledger.history("memory::c1", PERSON, 9)]  # type: ignore[arg-type]
    assert not any("/privacy" in each for each in said), "a model must not learn to ask"
    assert "/privacy" not in await say(bench, agent, "thanks")


async def test_the_question_says_what_the_owner_has_decided(bench: Bench) -> None:
    await bench.profiles.update(PERSON, name="Sam")
    agent = bench.agent("Hello.", settings=OWNER)
    text = await say(bench, agent, "hello")
    assert "I remember what you tell me about yourself. I learn from your reactions." in text
    assert "I do not train models on our conversations. Is that all right? `/privacy` shows all three" in text


async def test_a_switch_is_turned_by_word_and_by_button(bench: Bench) -> None:
    agent = bench.agent("unused", settings=OWNER)
    shown = await ask(agent)
    assert "**training: off**: I do not use our conversations to train models" in shown.text
    assert [button.label for button in shown.buttons] == [
        "Remember: turn off",
        "Learning: turn off",
        "Training: turn on",
    ]
    room = Conversation(platform="memory", channel="c1")
    press = ButtonPress(
        event_id="q", conversation=room, sender=Sender("u1"), message_id="m", value=shown.buttons[2].value
    )
    reply = (await agent.handle(press, no_draft)).reply
    assert reply is not None and "**training: on**" in reply.text
    directory = agent.services.directory
    assert await directory.consents_to_training(PERSON)
    assert "**learning: off**" in (await ask(agent, "learning off")).text
    assert not await directory.consents(PERSON) and not await directory.consents_to_training(PERSON)
    for wrong in ("everything off", "learning maybe", "learning"):
        assert "I don't know `/privacy" in (await ask(agent, wrong)).text
    record = (await bench.profiles.export(PERSON))["consent"]
    assert [(each["switch"], each["value"]) for each in record] == [("training", "on"), ("learning", "off")]


async def test_who_does_not_want_to_be_remembered_is_not(bench: Bench) -> None:
    agent = bench.agent(ToolCall("rename", {"name": "Sam"}), "Hello Sam.", settings=OWNER)
    await ask(agent, "remember off")
    text = await say(bench, agent, "call me Sam")
    assert (await bench.profiles.get(PERSON)).name is None
    assert "I keep nothing about you" in text


async def test_clearing_a_profile_turns_nothing_on(bench: Bench) -> None:
    agent = bench.agent("unused", settings=OWNER)
    await ask(agent, "learning off")
    await ask(agent, "training on")
    await ask(agent, "clear", name="profile")
    assert (await bench.profiles.get(PERSON)).preferences == {"learning": "off", "training": "on"}
