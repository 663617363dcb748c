"""Polls: a vote that is lost, counted twice or cast by the wrong person decides wrongly for a whole group."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmagent_os.events import Conversation, Message, Sender
from llmagent_os.identity import PersonId
from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.poll import PollPlugin
from llmagent_os.records import MemoryRecords, MemorySharedRecords
from tests.unit.plugins.everyday_person import EverydayPerson


class Group:
    """Ana makes polls, and others vote."""

    def __init__(self) -> None:
        self.ana = EverydayPerson(PollPlugin())
        self.people = {PersonId("ana"): self.ana.records}
        self.ana.shared = MemorySharedRecords(self.people)
        self.shown: ToolResult | None = None
        self.presses = 0

    async def poll(self, words: str) -> ToolResult:
        self.shown = await self.ana.command(f"/poll {words}")
        return self.shown

    async def vote(self, who: str, option: str, call_id: str = "", room: str = "room") -> ToolResult:
        """Press the button of an option. The poll's message shows the result."""
        buttons = self.shown.buttons if self.shown is not None else ()
        value = next(each.value for each in buttons if each.label == option)
        assert value.startswith("*poll:")
        return await self.press(who, value, call_id, room)

    async def press(self, who: str, value: str, call_id: str = "", room: str = "room") -> ToolResult:
        self.presses += 1
        records = self.people.setdefault(PersonId(who), MemoryRecords())
        there = Conversation(platform="web", channel="c", kind="group")
        sender = Sender(who, who.title())
        event = Message(event_id="1", conversation=there, sender=sender, text="", message_id="1")
        context = replace(
            self.ana.context(event=event),
            user_id=PersonId(who),
            records=records,
            call_id=call_id or f"press {self.presses}",
            conversation_key=room,
        )
        return await self.ana.plugins.press(value, context)


@pytest.fixture
def group() -> Group:
    return Group()


def counts(result: ToolResult) -> str:
    return str(result.data["result"])


async def test_votes_are_cast_changed_and_withdrawn(group: Group) -> None:
    asked = await group.poll("Lunch where? | Soup | Salad")
    assert [each.open_to_all for each in asked.buttons] == [True, True, False]
    await group.vote("ana", "Soup")
    await group.vote("bo", "Soup")
    changed = await group.vote("bo", "Salad")
    assert changed.replaces and counts(changed) == "Soup: 1; Salad: 1"
    assert counts(await group.vote("bo", "Salad")) == "Soup: 1; Salad: 0"
    assert "Bo" not in str(changed)


async def test_one_press_counts_once_after_a_crash(group: Group) -> None:
    """The same event is answered again: that must not withdraw the vote."""
    await group.poll("Lunch where? | Soup | Salad")
    for _ in range(2):
        assert counts(await group.vote("bo", "Soup", call_id="press")) == "Soup: 1; Salad: 0"


async def test_several_choices_and_names(group: Group) -> None:
    asked = await group.poll("(named, several) Which days? | Monday | Tuesday | Friday")
    assert "with names" in asked.text and "several" in asked.text
    await group.vote("bo", "Monday")
    await group.vote("cy", "Monday")
    shown = await group.vote("bo", "Friday")
    assert counts(shown) == "Monday: 2; Tuesday: 0; Friday: 1"
    assert shown.card is not None and shown.card.rows[0] == ("Monday", "▇▇▇▇▇▇▇ 2 (67 %) Bo, Cy")


async def test_only_its_maker_closes_it(group: Group) -> None:
    asked = await group.poll("Lunch where? | Soup | Salad")
    await group.vote("bo", "Soup")
    close = asked.buttons[-1].value
    assert (await group.press("bo", close)).data["status"] == "stale"
    assert (await group.press("bo", f"*{close}")).data["status"] == "stale"  # made up: as if it were open to all
    closed = await group.press("ana", close)
    assert (closed.data["status"], closed.buttons) == ("closed", ())
    assert counts(await group.vote("cy", "Salad")) == "Soup: 1; Salad: 0"


async def test_it_closes_at_its_time_with_a_table_and_a_chart(group: Group) -> None:
    asked = await group.poll("(until 10am) Lunch where? | Soup | Salad")
    assert "It closes Tue, 1 Dec 2026, 10:00." in asked.text
    await group.vote("bo", "Soup")
    assert await group.ana.wait(minutes=119) == []
    (result,) = await group.ana.wait(minutes=1)
    assert result.table is not None and result.table.rows == (("Soup", "1"), ("Salad", "0"))
    assert "The poll is closed." in result.text and result.pictures
    assert result.replaces_answer_to == "1", "the call that made it: its message and its buttons go"
    assert counts(await group.vote("cy", "Salad")) == "Soup: 1; Salad: 0"


async def test_who_is_erased_takes_their_votes_and_polls_with_them(group: Group) -> None:
    await group.poll("Lunch where? | Soup | Salad")
    await group.vote("bo", "Soup")
    await group.vote("cy", "Soup")
    del group.people[PersonId("bo")]
    assert counts(await group.ana.command("/poll results")) == "Soup: 1; Salad: 0"
    del group.people[PersonId("ana")]
    assert (await group.vote("cy", "Salad")).data["status"] == "stale"


async def test_nobody_votes_from_elsewhere_or_for_what_is_not_there(group: Group) -> None:
    asked = await group.poll("Lunch where? | Soup | Salad")
    assert (await group.vote("bo", "Soup", room="other")).data["status"] == "stale"
    made_up = asked.buttons[0].value[:-1]
    for value in (f"{made_up}7", f"{made_up}-1", f"{made_up}x", "*poll:v", "*poll:v:0000000000000000:0", "*poll:x"):
        assert (await group.press("bo", value)).data["status"] == "stale"
    assert counts(await group.ana.command("/poll results")) == "Soup: 0; Salad: 0"


async def test_what_is_missing_is_asked_for(group: Group) -> None:
    assert (await group.poll("")).text == "What is the question of the poll?"
    asked = await group.ana.say("(named) Lunch where?")
    assert asked is not None and asked.data["need"] == "options"
    made = await group.ana.say("Soup | Salad")
    assert made is not None and (made.data["question"], len(made.buttons)) == ("Lunch where?", 3)
    assert "with names" in made.text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("(loud) Lunch? | Soup | Salad", "“loud”"),
        ("(until yesterday at 3pm) Lunch? | Soup | Salad", "“until”"),
        (f"Lunch? | {' | '.join(str(number) for number in range(11))}", "at most 10 options"),
        (f"Lunch? | {'x' * 61} | Salad", "an option 60"),
    ],
)
async def test_what_cannot_be_is_said(group: Group, words: str, told: str) -> None:
    assert told in (await group.poll(words)).text


async def test_old_polls_make_room(group: Group) -> None:
    for number in range(55):
        await group.poll(f"Question {number}? | yes | no")
    assert len(await group.ana.records.items()) == 50
    assert (await group.ana.command("/poll close")).data["question"].startswith("Question ")


async def test_a_model_and_clear_words_make_polls(group: Group) -> None:
    plugins = await group.ana.loaded()
    result = await plugins.call(
        "make_poll", {"question": "Lunch?", "options": "Soup | Salad", "named": True}, group.ana.context()
    )
    assert len(result.buttons) == 3
    read = await plugins.requests_in(group.ana.context("make a poll: Lunch? | Soup | Salad"))
    assert isinstance(read, tuple) and read[0].arguments == {"question": "Lunch?", "options": "Soup | Salad"}
    assert (await group.ana.call("poll_results")).data["question"] == "Lunch?"
