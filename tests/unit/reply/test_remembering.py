"""Facts about people through a whole agent: kept with consent, shown to nobody else, handed to the profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pytest

from llmagent_os.adapter import Button, Reply
from llmagent_os.agent import Agent
from llmagent_os.chat import ToolCall
from llmagent_os.commands.memory import forget_all
from llmagent_os.events import Command, Conversation, Message, Sender
from llmagent_os.handler import Outcome
from llmagent_os.identity import Identity, PersonId
from llmagent_os.plugins.profile import ProfilePlugin
from llmagent_os.privacy.consent import Consent
from llmagent_os.privacy.model_masking import KINDS, Placeholders
from llmagent_os.reply.agent_settings import AgentSettings, MemorySettings
from llmagent_os.reply.consent_question import with_consent_question
from llmagent_os.reply.model_proposals import checked
from llmagent_os.serving.model_card import ModelCard
from tests.unit.agent_bench import NOON, Bench, no_draft


class Talk:
    """People who talk to an agent that remembers them."""

    def __init__(
        self,
        bench: Bench,
        *,
        native: bool = False,
        script: Sequence[str | ToolCall] = ("Fine.",),
        remember: bool = True,
        propose: Literal["rules", "model"] = "rules",
        asks_consent: bool = False,
    ) -> None:
        self.bench = bench
        settings = AgentSettings(
            memory=MemorySettings(propose=propose), consent=Consent(remember=remember), asks_consent=asks_consent
        )
        self.agent: Agent = bench.agent(*script, settings=settings)
        if native:
            bench.llm.__dict__["card"] = ModelCard(native=True)
        self.number = 0

    async def say(
        self, text: str, *, user: str = "ana", channel: str = "dm", kind: Literal["direct", "group"] = "direct"
    ) -> Outcome:
        """Say something, or give a command."""
        self.number += 1
        room = Conversation(platform="memory", channel=channel, kind=kind)
        key, sender = str(self.number), Sender(user)
        event: Message | Command = Message(
            event_id=key, conversation=room, sender=sender, text=text, message_id=key, at=NOON
        )
        if text.startswith("/"):
            name, _, rest = text[1:].partition(" ")
            event = Command(event_id=key, conversation=room, sender=sender, name=name, arguments=rest, at=NOON)
        outcome = await self.agent.handle(event, no_draft)
        await self.bench.ledger.accept(event, max_pending=100)
        await self.bench.ledger.prepare(event, outcome.reply, outcome.interaction)
        await self.bench.ledger.finish(event, None)
        return outcome

    async def text(
        self, text: str, *, user: str = "ana", channel: str = "dm", kind: Literal["direct", "group"] = "direct"
    ) -> str:
        outcome = await self.say(text, user=user, channel=channel, kind=kind)
        return outcome.reply.text if outcome.reply else ""

    async def kept(self, user: str = "ana") -> list[str]:
        found = await self.bench.ledger.memories.of(Identity(f"memory::{user}"))
        return [one.text for one in found]

    @property
    def prompt(self) -> str:
        """The system message of the last prompt."""
        return str(self.bench.llm.requests[-1].messages[0]["content"])


async def test_a_question_that_yes_answers_gets_no_second_one(bench: Bench) -> None:
    """A press of Yes would say yes to both."""
    await Talk(bench).text("I'm an architect and what a day")
    services = Talk(bench, asks_consent=True).agent.services
    room = Conversation(platform="memory", channel="dm", kind="direct")
    event = Message(event_id="9", conversation=room, sender=Sender("ana"), text="go", message_id="9", at=NOON)
    asked = Outcome(Reply("Shall I do this?", buttons=(Button("Yes", "1"), Button("No", "2"))))
    assert await with_consent_question(services, event, asked) == asked
    done = (await with_consent_question(services, event, Outcome(Reply("Done.")))).reply
    assert done is not None and "Is that all right?" in done.text


async def test_a_fact_is_kept_once_with_its_source_and_the_person_is_asked_once(bench: Bench) -> None:
    talk = Talk(bench, asks_consent=True)
    assert await talk.text("hello") == "Fine."
    said = await talk.text("I'm an architect and what a day")
    assert said.startswith("Fine.\n\nBefore we go on: I remember what you tell me about yourself")
    assert "`/privacy` shows all three" in said and "`/memory` shows and deletes what I remember." in said
    (one,) = await bench.ledger.memories.of(Identity("memory::ana"))
    assert (one.text, one.said) == ("You work as an architect", "I'm an architect")
    assert (one.source, one.message_id) == ("memory:2", "2")
    assert one.said_at == NOON
    assert await talk.text("I love blues") == "Fine."  # asked once


async def test_only_relevant_memories_of_this_person_are_in_the_prompt(bench: Bench) -> None:
    talk = Talk(bench)
    await talk.say("I'm allergic to walnuts")
    await talk.say("I'm a drummer", user="ben")
    await talk.say("which dessert could I bake?")
    assert "- You are allergic to walnuts" in talk.prompt
    await talk.say("which dessert could I bake?", user="ben")
    assert "walnuts" not in talk.prompt
    await talk.say("how do I write a cv?", user="ben")
    assert "- You work as a drummer" in talk.prompt


async def test_in_a_group_only_what_was_said_there_is_used(bench: Bench) -> None:
    talk = Talk(bench, native=True)
    await talk.say("I'm allergic to walnuts")
    await talk.say("I love baking bread", channel="g", kind="group")
    await talk.say("which bread could I bake for dinner?", channel="g", kind="group")
    assert "walnuts" not in talk.prompt
    shown = await talk.say("what do you know about me?", channel="g", kind="group")
    assert shown.reply is not None
    assert shown.reply.only_for == "ana"
    assert shown.interaction is None  # the next prompt of the group would hold it
    said = await talk.text("I moved to Rome", channel="g", kind="group")
    await talk.say("I live in Turin")
    assert "Turin" not in await talk.text("I moved to Oslo", channel="g", kind="group"), said


async def test_nothing_is_kept_or_used_without_consent(bench: Bench) -> None:
    talk = Talk(bench)
    await talk.say("I'm allergic to walnuts")
    assert "still there" in await talk.text("/memory off")
    await talk.say("I love blues")
    assert await talk.kept() == ["You are allergic to walnuts"]
    assert "`/memory on` allows it" in await talk.text("remember that I park in row 7")
    await talk.say("which dessert could I bake?")
    assert "walnuts" not in talk.prompt
    quiet = Talk(bench, remember=False)
    await quiet.say("I love chess", user="cleo")
    assert await quiet.kept("cleo") == []
    await quiet.say("/memory on", user="cleo")
    await quiet.say("I love chess", user="cleo")
    assert await quiet.kept("cleo") == ["You like chess"]


async def test_memory_and_privacy_turn_the_same_switch_and_it_is_recorded(bench: Bench) -> None:
    talk = Talk(bench)
    await talk.say("/memory off")
    assert "**remember: off**" in (shown := await talk.text("/privacy"))
    assert "still there" not in shown
    await talk.say("/privacy remember on")
    await talk.say("I love blues")
    assert await talk.kept() == ["You like blues"]
    await talk.say("stop remembering things about me")
    assert "is still there: `/memory forget all` deletes it" in await talk.text("/privacy")
    record = (await bench.profiles.export(PersonId("memory::ana")))["consent"]
    assert [(each["switch"], each["value"]) for each in record] == [
        ("remember", "off"),
        ("remember", "on"),
        ("remember", "off"),
    ]


async def test_names_and_places_of_memories_are_masked_for_a_server_elsewhere(bench: Bench) -> None:
    talk = Talk(bench)
    await talk.say("my wife is called Ylva")
    await talk.say("I live in Utrecht")
    await talk.say("what gift could I buy for my wife in my home town?")
    request = bench.llm.requests[-1]
    assert {("name", "Ylva"), ("place", "Utrecht")} <= set(request.personal)
    placeholders = Placeholders(KINDS, request.personal)
    seen = "\n".join(placeholders.mask(str(turn["content"])) for turn in request.messages)
    assert "is called NAME_" in seen and "live in PLACE_" in seen
    assert "Ylva" not in seen and "Utrecht" not in seen


async def test_memories_are_corrected_and_deleted_one_by_one(bench: Bench) -> None:
    talk = Talk(bench)
    for said in ("I'm an architect", "I love blues", "I hate cabbage"):
        await talk.say(said)
    assert "you work as a sculptor" in await talk.text("/memory correct 1 I'm a sculptor")
    assert await talk.text("forget that I love blues") == "Forgotten: you like blues."
    assert await talk.text("/memory forget 3") == "Forgotten: you do not like cabbage."
    assert await talk.kept() == ["You work as a sculptor"]
    assert "no memory with the number 77" in await talk.text("/memory forget 77")
    assert "I don't know `/memory purge`" in await talk.text("/memory purge")


async def test_only_who_asked_may_confirm_that_all_is_deleted(bench: Bench) -> None:
    talk = Talk(bench)
    await talk.say("I love blues")
    await talk.say("I love chess", user="ben")
    asked = await talk.say("/memory forget all")
    assert asked.reply is not None
    value = asked.reply.buttons[0].value
    press = bench.message("x", user="ben")
    assert "not yours" in (await forget_all(talk.agent.services, press, value)).text
    assert await talk.kept("ben") == ["You like chess"]
    press = bench.message("x", user="ana")
    assert (await forget_all(talk.agent.services, press, value)).text.startswith("Done")
    assert await talk.kept() == []


async def test_secrets_and_addresses_are_no_memories(bench: Bench) -> None:
    talk = Talk(bench)
    await talk.say("remember that my email is ana@example.org")
    assert await talk.kept() == []


async def test_a_model_of_this_project_reads_no_memories_and_rules_answer(bench: Bench) -> None:
    talk = Talk(bench, native=True)
    assert (await talk.text("My birthday is on 3 May")).startswith("I'll remember that your birthday is 3 May.")
    assert await talk.text("when is my birthday?") == "Your birthday is 3 May."
    await talk.say("plan a birthday party")
    assert "3 May" not in talk.prompt


async def test_erasure_and_export_reach_memories(bench: Bench) -> None:
    talk = Talk(bench)
    await talk.say("I love blues")
    exported = await bench.ledger.export(Identity("memory::ana"))
    assert [one["text"] for one in exported["memories"]] == ["You like blues"]
    await bench.ledger.forget(Identity("memory::ana"))
    assert await talk.kept() == []


async def test_profile_shows_memories_and_says_that_clearing_leaves_them(bench: Bench) -> None:
    talk = Talk(bench)
    await talk.say("I love blues")
    assert "- You like blues" in await talk.text("/profile")
    assert "/memory forget all" in await talk.text("/profile clear")


@pytest.mark.parametrize(
    ("proposal", "kept"),
    [
        ({"words": "I breed alpacas near Cork", "value": "alpacas", "topic": "hobby"}, ["You breed alpacas near Cork"]),
        ({"words": "I breed llamas", "value": "llamas", "topic": "hobby"}, []),  # not in the message
        ({"words": "I should sell them", "value": "sell", "topic": "goal"}, []),  # only supposed
        ({"words": "my neighbour", "value": "Tom", "topic": "relation"}, []),  # the value is not in the words
    ],
)
def test_a_proposal_counts_only_where_it_stands_in_the_message(proposal: dict[str, str], kept: list[str]) -> None:
    text = "I breed alpacas near Cork, and my neighbour hates it. Maybe I should sell them."
    assert [each.text for each in checked(text, proposal)] == kept


async def test_a_general_model_proposes_what_no_rule_reads(bench: Bench) -> None:
    call = ToolCall("keep_fact", {"words": "Ich wohne in Graz", "value": "Graz", "topic": "home"})
    talk = Talk(bench, script=("Schön.", call, "Fine."), propose="model")
    await talk.say("Ich wohne in Graz.")
    assert await talk.kept() == ["You said: “Ich wohne in Graz”"]


async def test_a_place_is_handed_to_the_profile_and_kept_nowhere_else(bench: Bench) -> None:
    await bench.plugins.add(ProfilePlugin())
    talk = Talk(bench, native=True)
    said = await talk.text("I love blues and I moved to Berlin last year")
    assert said.startswith("Got it, you're in Berlin")
    assert "I'll remember that you like blues" in said
    assert await talk.kept() == ["You like blues"]
    assert "place Berlin" in await talk.text("what do you know about me?")
    other = Talk(bench)  # a general model that calls no tool
    said = await other.text("I moved to Oslo, what should I see there?", user="ben")
    assert said.startswith("Fine.")
    assert "you're in Oslo" in said
    assert await other.kept("ben") == []
