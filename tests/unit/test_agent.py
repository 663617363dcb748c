"""What breaks without this: the personalisation layer forgets a person, believes a wrong tool result, or leaks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from llmagent_os.adapter import Button
from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.chat import ToolCall
from llmagent_os.errors import ModelUnavailableError, PromptTooLongError
from llmagent_os.events import ButtonPress, Command, Conversation, Edit, Event, Message, Sender, Timer
from llmagent_os.feedback.emoji_table import verdict
from llmagent_os.handler import Outcome
from llmagent_os.ledger import Interaction, Ledger, RewardEvent
from llmagent_os.modules import BehaviorModule, KnowledgeBase, PrivacyModule
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugin import Plugin, Span, ToolContext, ToolResult, tool
from llmagent_os.policy import Context, Decision, FixedPolicy, Kind
from llmagent_os.policy.contract import NOTHING_ASKED
from llmagent_os.policy_worker import decision_of
from llmagent_os.reply.timer_answer import TIMER_TRIES
from llmagent_os.reply.tool_loop import Answer
from llmagent_os.testing import ScriptedLLM
from llmagent_os.tools.registry import Plugins

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Diary(Plugin):
    """A plugin small enough to see through."""

    name = "diary"
    commands: ClassVar[dict[str, str]] = {"diary": "show it"}

    def __init__(self) -> None:
        self.contexts: list[ToolContext] = []

    @tool(permission="diary.write")
    async def write(self, context: ToolContext, what: Span) -> ToolResult:
        """Write something down."""
        self.contexts.append(context)
        await context.records.put(what, {"what": what})
        await context.timers.set(what, context.now)
        return ToolResult({"status": "written", "what": what}, f"Written: {what}.")

    @tool(permission="profile.write")
    async def rename(self, context: ToolContext, name: Span) -> ToolResult:
        """Learn a name."""
        return ToolResult(
            {"status": "set", "name": name}, f"Hello {name}.", profile_changes={"name": name, "verbosity": "brief"}
        )

    @tool()
    async def choose(self, context: ToolContext) -> ToolResult:
        """Offer what there is."""
        return ToolResult({"status": "ambiguous"}, "Which one?", buttons=(Button("Mail ana@example.org", "1"),))

    @tool()
    async def ask(self, context: ToolContext) -> ToolResult:
        """Ask before doing."""
        return ToolResult({"status": "confirm"}, "Sure?", buttons=(Button("Yes", "yes"), Button("No", "no")))

    @tool()
    async def fail(self, context: ToolContext) -> ToolResult:
        """Fail."""
        raise ValueError("out of ink")

    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        self.contexts.append(context)
        return ToolResult({"status": "pressed"}, f"You pressed {value}.")

    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        if key == "fail":
            raise ValueError("out of ink")
        text = f"{key}, due at {at.hour}."
        return None if key == "nothing" else ToolResult({"status": "due"}, text, buttons=(Button("Done", "done"),))

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        return ToolResult({"status": "shown"}, "An empty diary.")


class Bench:
    """An agent with real storage, and what it was given."""

    def __init__(self, ledger: Ledger, profiles: Profiles, plugins: Plugins, diary: Diary) -> None:
        self.ledger, self.profiles, self.plugins, self.diary = ledger, profiles, plugins, diary
        self.number = 0

    def agent(self, *script: str | ToolCall | Exception, **parts: object) -> Agent:
        self.llm = ScriptedLLM(*script)
        values: dict[str, object] = {
            "llm": self.llm,
            "plugins": self.plugins,
            "profiles": self.profiles,
            "ledger": self.ledger,
            "clock": lambda: NOON,
        }
        return Agent(**(values | parts))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    def message(self, text: str, *, user: str = "u1", channel: str = "c1") -> Message:
        self.number += 1
        room = Conversation(platform="memory", channel=channel)
        key = str(self.number)
        return Message(event_id=key, conversation=room, sender=Sender(user), text=text, message_id=key)

    def timer(self, key: str) -> Timer:
        room = Conversation(platform="memory", channel="c1")
        return Timer(event_id=f"timer-{key}", conversation=room, sender=Sender("u1"), at=NOON, plugin="diary", key=key)

    async def say(self, agent: Agent, text: str, *, user: str = "u1", channel: str = "c1") -> tuple[str, Interaction]:
        """Deliver a message as the host does; the reply and what was kept."""
        message = self.message(text, user=user, channel=channel)
        outcome = await agent.respond(message)
        assert outcome.reply is not None
        assert outcome.interaction is not None
        await self.ledger.accept(message, max_pending=100)
        await self.ledger.prepare(message, outcome.reply, outcome.interaction)
        await self.ledger.finish(message, None)
        return outcome.reply.text, outcome.interaction


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    diary = Diary()
    async with Plugins(installed=(), records=ledger.records, timers=ledger.timers) as plugins:
        await plugins.add(diary)
        yield Bench(ledger, Profiles(tmp_path / "profiles"), plugins, diary)
    await ledger.close()


async def test_a_tool_is_called_and_its_result_phrased(bench: Bench) -> None:
    agent = bench.agent(ToolCall("write", {"what": "rain"}), "I wrote rain down.")
    text, kept = await bench.say(agent, "write down rain")
    assert text == "I wrote rain down."
    assert kept.tool_calls == [
        {"name": "write", "arguments": {"what": "rain"}, "result": {"status": "written", "what": "rain"}}
    ]
    assert kept.context["intent"] == "write"
    assert bench.llm.requests[1].messages[-1]["role"] == "tool"


async def test_words_that_do_not_fit_the_result_are_replaced_by_the_tools_own(bench: Bench) -> None:
    agent = bench.agent(ToolCall("write", {"what": "rain"}), "I wrote Raisins down at 5 PM.")
    text, kept = await bench.say(agent, "write down rain")
    assert text == "Written: rain."
    assert kept.completion == "I wrote Raisins down at 5 PM."
    assert kept.context["reply"] == "Written: rain."


def test_a_small_model_must_name_what_was_done() -> None:
    """It can be true in every word, and still say that nothing was there."""
    result = ToolResult({"status": "listed", "title": "lunch", "when": "today"}, "You have lunch today.")
    answer = Answer(own=frozenset("you have nothing".split()), results=[result])
    answer.text = "You have nothing today."
    assert answer.is_true(answer.text)
    assert answer.reply(PrivacyModule()).text == "You have lunch today."
    answer.text = "You have lunch."
    assert answer.reply(PrivacyModule()).text == "You have lunch."
    answer.results = [ToolResult(result.data | {"repeat": "every day"}, "You have lunch every day.")]
    assert answer.reply(PrivacyModule()).text == "You have lunch every day."


async def test_untrue_words_are_not_even_streamed(bench: Bench) -> None:
    shown: list[str] = []

    async def draft(text: str) -> None:
        shown.append(text)

    agent = bench.agent(ToolCall("write", {"what": "rain"}), "I wrote Raisins down today.")
    await agent.respond(bench.message("write down rain"), draft)
    assert not any("Raisins down" in text for text in shown)


async def test_true_words_are_streamed(bench: Bench) -> None:
    shown: list[str] = []

    async def draft(text: str) -> None:
        shown.append(text)

    await bench.agent("Hello you there").respond(bench.message("hi"), draft)
    assert shown[-1] == "Hello you there"
    assert len(shown) > 1


async def test_what_a_tool_learned_about_the_person_is_used_from_then_on(bench: Bench) -> None:
    agent = bench.agent(ToolCall("rename", {"name": "Sam"}), "Hello Sam.", "Hi!")
    await bench.say(agent, "call me Sam")
    profile = await bench.profiles.get("memory::u1")
    assert profile.name == "Sam"
    assert profile.preferences == {"verbosity": "brief"}
    _, kept = await bench.say(agent, "hi")
    assert kept.action["verbosity"] == "brief"
    assert "Name: Sam" in bench.llm.requests[-1].messages[0]["content"]


async def test_nobody_sees_what_another_said_or_is_called(bench: Bench) -> None:
    agent = bench.agent(ToolCall("rename", {"name": "Sam"}), "Hello Sam.", "Hi!")
    await bench.say(agent, "call me Sam")
    await bench.say(agent, "hi", user="u2")
    asked = str(bench.llm.requests[-1].messages)
    assert "Sam" not in asked


async def test_tools_get_the_same_call_id_when_a_crashed_turn_runs_again(bench: Bench) -> None:
    """Otherwise an event would be stored twice after a crash between the tool and the reply."""
    message = bench.message("write down rain")
    for _ in range(2):
        await bench.agent(ToolCall("write", {"what": "rain"}), "Done.").respond(message)
    first, second = bench.diary.contexts
    assert first.call_id == second.call_id


async def test_tools_know_the_persons_own_clock(bench: Bench) -> None:
    await bench.profiles.update("memory::u1", time_zone="Asia/Tokyo")
    await bench.say(bench.agent(ToolCall("write", {"what": "rain"}), "Done."), "write down rain")
    assert bench.diary.contexts[0].now.hour == 21


async def test_a_model_that_calls_tools_for_ever_is_stopped(bench: Bench) -> None:
    agent = bench.agent(ToolCall("write", {"what": "rain"}), settings=AgentSettings(tool_rounds=2))
    text, kept = await bench.say(agent, "write down rain")
    assert len(bench.diary.contexts) <= 3
    assert bench.llm.requests[-1].tools == ()
    assert text == "Written: rain."
    assert kept.completion == ""


async def test_a_model_that_is_down_says_so_and_nothing_is_lost(bench: Bench) -> None:
    text, _ = await bench.say(bench.agent(ModelUnavailableError("no server at :1")), "hi")
    assert "not available" in text


async def test_a_model_that_dies_after_the_tool_leaves_the_tools_own_words(bench: Bench) -> None:
    agent = bench.agent(ToolCall("write", {"what": "rain"}), ModelUnavailableError("gone"))
    assert (await bench.say(agent, "write down rain"))[0] == "Written: rain."


async def test_what_is_asked_before_acting_is_asked_in_the_tools_words(bench: Bench) -> None:
    """ "Add it?" of a model, above the button that deletes it, would have people delete what they meant to keep."""
    text, _ = await bench.say(bench.agent(ToolCall("ask", {}), "Sure, add?"), "delete it")
    assert text == "Sure?"


async def test_one_long_message_does_not_silence_the_conversation(bench: Bench) -> None:
    """The person is told what is wrong, and what follows is answered without the message that was too long."""
    too_long = PromptTooLongError("the prompt is 9000 tokens")
    agent = bench.agent("Hello.", *[too_long] * 4, "Hello again.")
    await bench.say(agent, "hi")
    text, _ = await bench.say(agent, "word " * 3000)
    assert "fewer words" in text
    text, _ = await bench.say(agent, "hi again")
    assert text == "Hello again."
    shown = [message["content"] for message in bench.llm.requests[-1].messages if message["role"] == "user"]
    assert shown == ["hi again"]


async def test_a_tool_that_fails_is_said_plainly(bench: Bench) -> None:
    text, kept = await bench.say(bench.agent(ToolCall("fail", {}), "All done!"), "fail")
    assert kept.tool_calls[0]["result"] == {"status": "failed"}
    assert "did not work" in text


async def test_permissions_decide_what_the_model_sees(bench: Bench) -> None:
    agent = bench.agent("Hi.", settings=AgentSettings(permissions=("diary.*",)))
    await bench.say(agent, "hi")
    assert {spec.name for spec in bench.llm.requests[0].tools} == {"write", "ask", "choose", "fail"}


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
        outcome = await agent.handle(event, _no_draft)
        assert outcome.reply is not None
        return outcome.reply.text

    assert await press("diary:yes") == "You pressed yes."
    assert "no longer open" in await press("nobody:yes")
    assert "no longer open" in await press("agent:nonsense")
    assert "no longer open" in await press("")


async def test_facts_reach_the_model_where_they_answer(bench: Bench) -> None:
    kb = KnowledgeBase()
    kb.add("The office opens at 8 AM.")
    agent = bench.agent("At 8.", kb=kb)
    await bench.say(agent, "when does the office open?")
    await bench.say(agent, "thanks a lot my friend")
    first, second = (request.messages[0]["content"] for request in bench.llm.requests)
    assert "Fact: The office opens at 8 AM." in first
    assert "Fact" not in second


async def test_what_is_kept_for_training_holds_no_contact_data(bench: Bench) -> None:
    agent = bench.agent("I noted ana@example.org.")
    _, kept = await bench.say(agent, "my address is ana@example.org")
    assert "ana@example.org" not in str(kept)
    _, offered = await bench.say(bench.agent(ToolCall("choose", {}), "Which one?"), "which mail?")
    assert offered.context["buttons"] == [["Mail [email]", "diary:1"]]
    assert kept.token_ids == []


async def test_the_propensity_of_a_learned_policy_is_logged_and_rewards_reach_it(bench: Bench) -> None:
    class Coin(FixedPolicy):
        """Half the time brief."""

        version = "coin-1"

        def __init__(self) -> None:
            super().__init__()
            self.seen: list[tuple[Decision, float | None]] = []

        def decide(
            self,
            user_id: str,
            context: Context,
            explicit: Mapping[str, str] = NOTHING_ASKED,
            *,
            decision_id: str = "",
            episode_id: str = "",
        ) -> Decision:
            sure = super().decide(user_id, context, explicit)
            return Decision(action=sure.action, pscore=0.5, policy_version="coin-1", action_dist={"a": 0.5, "b": 0.5})

        def observe(
            self, decision: Decision, reward: float | None, *, kind: Kind = "reaction", weight: float = 1.0
        ) -> None:
            self.seen.append((decision, reward))

    coin = Coin()
    agent = bench.agent("Hi.", behavior=BehaviorModule(coin))
    _, kept = await bench.say(agent, "hello")
    assert (kept.pscore, kept.policy_version) == (0.5, "coin-1")
    reward = RewardEvent(
        reward_id="r1", event_id="r1", interaction_id=kept.interaction_id, rater_id="memory::u1", user_id=kept.user_id,
        op="add", raw_value="👍", reward=1.0, mapping_version="1",
    )  # fmt: skip
    decision = decision_of(kept, "memory::u1")
    assert decision is not None
    for given in (reward, msgspec.structs.replace(reward, reward_id="r2", raw_value="🦑", reward=0.0)):
        await bench.ledger.add_reward(given)
        stands = verdict(await bench.ledger.rewards_of(kept.interaction_id), ("memory::u1",), {})
        agent.behavior.observe(decision, stands.reward, weight=stands.weight)
    assert [value for _, value in coin.seen] == [1.0, 1.0], "a squid is no failure"
    assert coin.seen[0][0].decision_id == kept.interaction_id
    assert coin.seen[0][0].context["intent"] == "talk"


async def test_tools_behave_as_the_one_choice_that_is_kept_says(bench: Bench) -> None:
    """A policy that explores would choose anew for the tool, and learn from a choice that nobody saw."""

    class Turns(FixedPolicy):
        """Never the same twice."""

        def __init__(self) -> None:
            super().__init__()
            self.ways: list[str] = []

        def decide(
            self,
            user_id: str,
            context: Context,
            explicit: Mapping[str, str] = NOTHING_ASKED,
            *,
            decision_id: str = "",
            episode_id: str = "",
        ) -> Decision:
            self.ways.append("act" if self.ways[-1:] == ["ask_first"] else "ask_first")
            action = super().decide(user_id, context, explicit).action | {"initiative": self.ways[-1]}
            return Decision(action=action, pscore=0.5, policy_version="turns")

    turns = Turns()
    agent = bench.agent(ToolCall("write", {"what": "rain"}), "Written: rain.", behavior=BehaviorModule(turns))
    _, kept = await bench.say(agent, "write rain")
    assert [context.initiative for context in bench.diary.contexts] == [kept.action["initiative"]]
    press = ButtonPress(
        event_id="p",
        conversation=bench.message("").conversation,
        sender=Sender("u1"),
        message_id="m",
        value="diary:yes",
    )
    pressed = await agent.handle(press, _no_draft)
    assert pressed.interaction is not None
    assert pressed.interaction.action["initiative"] == bench.diary.contexts[-1].initiative
    assert turns.ways == ["ask_first", "act"]


async def test_a_tool_is_told_what_can_be_asked_for_of_the_bot(bench: Bench) -> None:
    tone = {"tone": {"formal": "Write formally.", "playful": "Write playfully."}}
    agent = bench.agent(ToolCall("write", {"what": "rain"}), "Written.", behavior=BehaviorModule(dimensions=tone))
    await bench.say(agent, "write rain")
    assert [context.dimensions for context in bench.diary.contexts] == [tone]


async def test_words_that_were_not_sent_are_not_learned_from(bench: Bench) -> None:
    """A thumb up under the tool's own words must not teach the model the wrong words that they stand for."""
    call = ToolCall("write", {"what": "rain"})
    _, wrong = await bench.say(bench.agent(call, "I wrote Raisins down at 5 PM."), "write down rain")
    assert wrong.completion == "I wrote Raisins down at 5 PM."
    assert (wrong.token_ids, wrong.behavior_logprobs) == ([], [])
    _, right = await bench.say(bench.agent(call, "I wrote rain down."), "write down rain")
    assert right.context["reply"] == right.completion
    assert len(right.token_ids) == len(right.behavior_logprobs) > 0


async def test_an_empty_knowledge_base_may_be_filled_later(bench: Bench) -> None:
    kb = KnowledgeBase()
    agent = bench.agent("At 8.", kb=kb)
    kb.add("The office opens at 8 AM.")
    await bench.say(agent, "when does the office open?")
    assert "Fact: The office opens at 8 AM." in bench.llm.requests[0].messages[0]["content"]


async def test_commands(bench: Bench) -> None:
    agent = bench.agent("unused")
    await bench.profiles.update("memory::u1", name="Sam", preferences={"verbosity": "brief"})

    async def command(name: str, arguments: str = "") -> str:
        room = Conversation(platform="memory", channel="c1")
        event = Command(
            event_id=name + arguments, conversation=room, sender=Sender("u1"), name=name, arguments=arguments
        )
        outcome = await agent.handle(event, _no_draft)
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


async def test_forget_me_erases_everything(bench: Bench) -> None:
    agent = bench.agent(ToolCall("write", {"what": "rain"}), "Done.")
    await bench.say(agent, "write down rain")
    await bench.profiles.update("memory::u1", name="Sam")
    room = Conversation(platform="memory", channel="c1")
    ask = Command(event_id="f", conversation=room, sender=Sender("u1"), name="forget")
    asked = (await agent.handle(ask, _no_draft)).reply
    assert asked is not None
    value = asked.buttons[0].value
    press = ButtonPress(event_id="p", conversation=room, sender=Sender("u2"), message_id="m", value=value)
    await agent.handle(press, _no_draft)  # somebody else, who sees it too
    assert (await bench.profiles.get("memory::u1")).name == "Sam"
    await agent.handle(msgspec.structs.replace(press, event_id="q", sender=Sender("u1")), _no_draft)
    assert (await bench.profiles.get("memory::u1")).name is None
    assert await bench.ledger.history(room.key, "memory::u1", 10) == []
    assert await bench.ledger.records("diary", "memory::u1").items() == []


async def test_empty_messages_and_edits_are_not_answered(bench: Bench) -> None:
    agent = bench.agent("unused")
    room = Conversation(platform="memory", channel="c1")
    edit = Edit(event_id="e", conversation=room, sender=Sender("u1"), message_id="1", text="new")
    assert (await agent.handle(edit, _no_draft)).reply is None
    assert (await agent.handle(bench.message(" \x00 "), _no_draft)).reply is None
    assert bench.llm.requests == []


async def test_bots_are_not_answered(bench: Bench) -> None:
    """Two bots in one channel would thank each other for ever."""
    said = msgspec.structs.replace(bench.message("hello"), sender=Sender("b1", is_bot=True))
    assert await bench.agent("Hi.").handle(said, _no_draft) == Outcome(None)


def test_a_script_without_a_loop_gets_its_answer() -> None:
    assert Agent(llm=ScriptedLLM("Hello.")).run("hi") == "Hello."


async def _no_draft(_: str) -> None:
    return None


async def test_a_plugin_speaks_first_when_its_timer_is_due_and_can_be_rated(bench: Bench) -> None:
    agent, event = bench.agent("unused"), bench.timer("tea")
    outcome = await agent.handle(event, _no_draft)
    assert outcome.reply is not None
    assert outcome.reply.text == "tea, due at 12."
    assert outcome.interaction is not None
    assert (outcome.interaction.interaction_id, outcome.interaction.user_id) == ("memory:timer-tea", "memory::u1")
    assert outcome.interaction.context["intent"] == "timer"
    assert outcome.interaction.context["buttons"] == [["Done", "diary:done"]]
    assert outcome.interaction.said == ""
    assert bench.llm.requests == []


async def test_a_timer_may_be_passed_over_in_silence(bench: Bench) -> None:
    assert await bench.agent("unused").handle(bench.timer("nothing"), _no_draft) == Outcome(None)


async def test_timers_a_tool_sets_are_this_persons_and_this_plugins(bench: Bench) -> None:
    agent = bench.agent(ToolCall("write", {"what": "tea"}), "Written.")
    await bench.say(agent, "write down tea")
    found: list[Event] = []
    await bench.ledger.move_due_timers(NOON, limit=9, stored=found.append)
    (event,) = found
    assert isinstance(event, Timer)
    assert (event.plugin, event.key, event.sender.user_id, event.conversation.channel) == ("diary", "tea", "u1", "c1")


@pytest.mark.parametrize("plugin", ["diary", "uninstalled"])
async def test_a_timer_whose_plugin_fails_comes_again_and_is_given_up_in_the_end(bench: Bench, plugin: str) -> None:
    """A plugin that is cut off for a minute must not cost somebody their reminder."""
    agent, event = bench.agent("unused"), msgspec.structs.replace(bench.timer("fail"), plugin=plugin)
    moment, tries = NOON, 0
    while True:
        assert await agent.handle(event, _no_draft) == Outcome(None)
        found: list[Event] = []
        moment += timedelta(days=1)
        await bench.ledger.move_due_timers(moment, limit=9, stored=found.append)
        if not found:
            break
        tries += 1
        assert isinstance(found[0], Timer)
        assert (found[0].key, found[0].at) == ("fail", NOON)
        event = found[0]
    assert tries == TIMER_TRIES


async def test_a_question_stays_open_when_a_reminder_comes_in_between(bench: Bench) -> None:
    agent = bench.agent(ToolCall("ask", {}), "Sure?")
    await bench.say(agent, "do it")
    event = bench.timer("tea")
    outcome = await agent.handle(event, _no_draft)
    await bench.ledger.accept(event, max_pending=9)
    await bench.ledger.prepare(event, outcome.reply, outcome.interaction)
    text, _ = await bench.say(bench.agent("unused"), "yes")
    assert text == "You pressed yes."
    text, _ = await bench.say(bench.agent("Hello."), "hello")
    assert "" not in [message["content"] for message in bench.llm.requests[0].messages if message["role"] == "user"]


async def test_yes_to_forget_me_does_not_answer_an_older_question(bench: Bench) -> None:
    """Else "yes" runs what was asked before the command: twelve events are gone, and the profile is still there."""
    agent = bench.agent(ToolCall("ask", {}), "Sure?")

    async def keep(event: Event) -> str:
        outcome = await agent.handle(event, _no_draft)
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
    assert await bench.ledger.history(command("x").conversation.key, "memory::u1", 10) == []


async def test_a_reply_to_a_command_can_be_rated_and_teaches_no_behaviour(bench: Bench) -> None:
    said = bench.message("")
    command = Command(event_id="c", conversation=said.conversation, sender=said.sender, name="profile")
    kept = (await bench.agent("unused").handle(command, _no_draft)).interaction
    assert kept is not None
    assert (kept.action, kept.token_ids, kept.model) == ({}, [], "")
