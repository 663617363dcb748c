"""Calls of plugins. What breaks without this: a plugin acts for the wrong person, twice, or at the wrong hour."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path

import msgspec
import pytest

from llmagent_os.adapter_kit.outgoing_files import OUTGOING_FOLDER
from llmagent_os.agent import Agent
from llmagent_os.chat import ChatRequest, Completion, ToolCall
from llmagent_os.events import ButtonPress, Sender
from llmagent_os.identity import Identity, PersonId
from llmagent_os.modules import BehaviorModule
from llmagent_os.people.linking import Links
from llmagent_os.policy import Context, Decision, FixedPolicy
from llmagent_os.policy.contract import EVERYTHING, NOTHING_ASKED
from llmagent_os.privacy.outgoing_store import OutgoingStore
from llmagent_os.privacy.stores import DataSubject
from llmagent_os.serving.backend import OnText
from llmagent_os.testing import ScriptedLLM
from tests.unit.agent_bench import Bench, no_draft


async def test_what_a_tool_learned_about_the_person_is_used_from_then_on(bench: Bench) -> None:
    agent = bench.agent(ToolCall("rename", {"name": "Sam"}), "Hello Sam.", "Hi!")
    await bench.say(agent, "call me Sam")
    profile = await bench.profiles.get(PersonId("memory::u1"))
    assert profile.name == "Sam"
    assert profile.preferences == {"verbosity": "brief"}
    _, kept = await bench.say(agent, "hi")
    assert kept.action["verbosity"] == "brief"
    assert "Name: Sam" in bench.llm.requests[-1].messages[0]["content"]


async def test_tools_get_the_same_call_id_when_a_crashed_turn_runs_again(bench: Bench) -> None:
    """Otherwise an event would be stored twice after a crash between the tool and the reply."""
    message = bench.message("write down rain")
    for _ in range(2):
        await bench.agent(ToolCall("write", {"what": "rain"}), "Done.").respond(message)
    first, second = bench.diary.contexts
    assert first.call_id == second.call_id


async def test_tools_know_the_persons_own_clock(bench: Bench) -> None:
    await bench.profiles.update(PersonId("memory::u1"), time_zone="Asia/Tokyo")
    await bench.say(bench.agent(ToolCall("write", {"what": "rain"}), "Done."), "write down rain")
    assert bench.diary.contexts[0].now.hour == 21


async def test_tools_behave_as_the_one_choice_that_is_kept_says(bench: Bench) -> None:
    """A policy that explores would choose anew for the tool, and learn from a choice that nobody saw."""

    class Turns(FixedPolicy):
        """Never the same twice."""

        def __init__(self) -> None:
            super().__init__()
            self.ways: list[str] = []

        def decide(
            self,
            person_id: PersonId,
            context: Context,
            explicit: Mapping[str, str] = NOTHING_ASKED,
            *,
            within: Mapping[str, Collection[str]] = EVERYTHING,
            decision_id: str = "",
            episode_id: str = "",
        ) -> Decision:
            self.ways.append("act" if self.ways[-1:] == ["ask_first"] else "ask_first")
            action = super().decide(person_id, context, explicit).action | {"initiative": self.ways[-1]}
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
    pressed = await agent.handle(press, no_draft)
    assert pressed.interaction is not None
    assert pressed.interaction.action["initiative"] == bench.diary.contexts[-1].initiative
    assert turns.ways == ["ask_first", "act"]


async def test_a_tool_is_told_what_can_be_asked_for_of_the_bot(bench: Bench) -> None:
    tone = {"tone": {"formal": "Write formally.", "playful": "Write playfully."}}
    agent = bench.agent(ToolCall("write", {"what": "rain"}), "Written.", behavior=BehaviorModule(dimensions=tone))
    await bench.say(agent, "write rain")
    assert [context.dimensions for context in bench.diary.contexts] == [tone]


class MeanwhileLLM(ScriptedLLM):
    """A model that takes its time: something happens before its first answer."""

    def __init__(self, happens: Callable[[], Awaitable[object]], *script: str | ToolCall) -> None:
        super().__init__(*script)
        self._happens: Callable[[], Awaitable[object]] | None = happens

    async def complete(self, request: ChatRequest, on_text: OnText | None = None) -> Completion:
        if self._happens is not None:
            happens, self._happens = self._happens, None
            await happens()
        return await super().complete(request, on_text)


@pytest.mark.parametrize("linked_before", [True, False])
async def test_a_tool_acts_for_the_person_that_the_account_belongs_to_now(bench: Bench, linked_before: bool) -> None:
    """A person links or unlinks the account while the model writes: the other person's profile would be changed."""
    account, ben = Identity("memory::u1"), Identity("slack:T1:ben")
    await bench.profiles.update(PersonId(ben), name="Ben")
    links = Links(bench.ledger, bench.profiles)

    async def link() -> None:
        await links.join(account, await links.issue(ben))

    async def unlink() -> None:
        await links.leave(account)

    if linked_before:
        await link()
    llm = MeanwhileLLM(unlink if linked_before else link, ToolCall("rename", {"name": "Sam"}), "Hello Sam.")
    await bench.say(bench.agent(llm=llm), "call me Sam")
    person = PersonId(account if linked_before else ben)
    assert await bench.ledger.identities.person(account) == person
    assert (await bench.profiles.get(person)).name == "Sam"
    assert (await bench.profiles.get(PersonId(ben))).name == ("Ben" if linked_before else "Sam")


async def test_a_file_is_made_for_the_account_and_not_for_the_person(bench: Bench, tmp_path: Path) -> None:
    """After an /unlink, /forget erases what was made for the account, and its links lead to no file of the other."""
    account, ben = Identity("memory::u1"), Identity("slack:T1:ben")
    links = Links(bench.ledger, bench.profiles)
    await links.join(account, await links.issue(ben))
    services = msgspec.structs.replace(bench.agent().services, outgoing=tmp_path / OUTGOING_FOLDER)
    agent = Agent(llm=ScriptedLLM(ToolCall("write", {"what": "rain"}), "Done."), services=services)
    await bench.say(agent, "write down rain")
    made = Path(await bench.diary.contexts[0].files.write("diary.txt", b"rain"))
    await links.leave(account)
    assert await OutgoingStore(tmp_path).erase(DataSubject.of([ben])) == 0
    assert await OutgoingStore(tmp_path).erase(DataSubject.of([account])) == 1
    assert not await asyncio.to_thread(made.exists)
