"""``/quiet`` and quiet hours. What breaks without this: a digest at three in the morning, or a reminder too late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.etiquette.hours_config import HoursConfig
from llmagent_os.events import Command, Conversation, Event, Sender, Timer
from llmagent_os.handler import Outcome
from llmagent_os.identity import PersonId, identity_of
from llmagent_os.people.profiles import Profile
from tests.unit.agent_bench import Bench, no_draft

#: In Berlin it is three in the morning.
NIGHT = datetime(2026, 11, 23, 2, tzinfo=UTC)
MORNING = datetime(2026, 11, 23, 6, tzinfo=UTC)
DIRECT = Conversation(platform="memory", channel="c1")


class Clock:
    now = NIGHT


def agent(bench: Bench, clock: Clock, **hours: object) -> Agent:
    settings = AgentSettings(time_zone="Europe/Berlin", hours=HoursConfig.model_validate(hours))
    return bench.agent("Hello.", settings=settings, clock=lambda: clock.now)


async def command(bench: Bench, made: Agent, arguments: str, room: Conversation = DIRECT) -> str:
    bench.number += 1
    event = Command(
        event_id=f"k{bench.number}", conversation=room, sender=Sender("u1"), name="quiet", arguments=arguments
    )
    outcome = await made.handle(event, no_draft)
    assert outcome.reply is not None
    return outcome.reply.text


async def profile(bench: Bench) -> Profile:
    return await bench.profiles.get(await _person(bench))


async def _person(bench: Bench) -> PersonId:
    return await bench.agent("x").services.directory.person_of(identity_of(bench.timer("x")))


async def test_what_a_plugin_begins_itself_waits_for_the_morning_in_order_and_comes_once(bench: Bench) -> None:
    clock = Clock()
    made = agent(bench, clock, quiet="22:00-07:00")
    timers = bench.ledger.timers("diary", bench.timer("x"))
    for minutes, key in enumerate(("zebra", "apple", "milk")):
        await timers.set(key, NIGHT + timedelta(minutes=minutes), deferrable=True)
    clock.now = NIGHT + timedelta(minutes=5)
    due: list[Event] = []
    assert await bench.ledger.move_due_timers(clock.now, limit=9, stored=due.append) is None
    for event in due:
        assert await made.handle(event, no_draft) == Outcome(None)
        assert await made.handle(event, no_draft) == Outcome(None)  # again after a crash
    held: list[Event] = []
    assert await bench.ledger.move_due_timers(clock.now, limit=9, stored=held.append) == MORNING
    assert held == []
    clock.now = MORNING
    assert await bench.ledger.move_due_timers(clock.now, limit=9, stored=held.append) is None
    assert [event.key for event in held if isinstance(event, Timer)] == ["zebra", "apple", "milk"]
    outcome = await made.handle(held[0], no_draft)
    assert outcome.reply is not None
    assert outcome.reply.text == "zebra, due at 2."


async def test_a_reminder_that_the_person_has_set_comes_at_its_time(bench: Bench) -> None:
    made = agent(bench, Clock(), quiet="22:00-07:00")
    assert (await made.handle(bench.timer("tea"), no_draft)).reply is not None


async def test_a_person_has_hours_of_their_own_in_their_own_zone(bench: Bench) -> None:
    clock = Clock()
    made = agent(bench, clock)
    digest = msgspec.structs.replace(bench.timer("tea"), deferrable=True)
    assert (await made.handle(digest, no_draft)).reply is not None
    said = await command(bench, made, "1:00-7:30, 22:00-23:00")
    assert said.startswith("Done: from 01:00 to 07:30 and 22:00 to 23:00 (Europe/Berlin) I begin nothing by myself.")
    assert (await made.handle(digest, no_draft)).reply is None
    await bench.profiles.update(await _person(bench), time_zone="Asia/Tokyo")  # eleven in the morning there
    assert (await made.handle(digest, no_draft)).reply is not None


async def test_who_wants_no_quiet_hours_has_none_whatever_the_bots_are(bench: Bench) -> None:
    made = agent(bench, Clock(), quiet="22:00-07:00")
    assert (await command(bench, made, "")).startswith("I begin nothing by myself from 22:00 to 07:00.")
    assert await command(bench, made, "off") == "Done: you have no quiet hours."
    digest = msgspec.structs.replace(bench.timer("tea"), deferrable=True)
    assert (await made.handle(digest, no_draft)).reply is not None
    assert (await profile(bench)).quiet_hours == "off"


async def test_a_conversation_is_left_alone_for_a_time(bench: Bench) -> None:
    clock = Clock()
    made = agent(bench, clock)
    said = await command(bench, made, "2h")
    assert said == "Done: I begin nothing by myself here until 05:00. Reminders that you have set still come."
    digest = msgspec.structs.replace(bench.timer("tea"), deferrable=True)
    assert (await made.handle(digest, no_draft)).reply is None
    clock.now += timedelta(hours=2)
    assert (await made.handle(digest, no_draft)).reply is not None


async def test_in_a_group_the_bot_stays_silent_until_then_or_until_somebody_ends_it(bench: Bench) -> None:
    made = agent(bench, Clock())
    group = Conversation(platform="memory", channel="g", kind="group")
    assert await command(bench, made, "2h", group) == (
        "Done: I stay silent here until 05:00, or until somebody mentions me."
    )
    silence = bench.ledger.silences.find
    thread = msgspec.structs.replace(group, thread="t")
    assert await silence(thread, "asked", NIGHT) is not None
    assert await command(bench, made, "off", group) == "Done: I am no longer silent here."
    assert await silence(thread, "asked", NIGHT) is None


async def test_a_shorter_silence_names_the_end_of_the_longer_one_of_somebody_else(bench: Bench) -> None:
    """ "Until 03:05" was said, and the bot was silent until five."""
    made, group = agent(bench, Clock()), Conversation(platform="memory", channel="g", kind="group")
    await command(bench, made, "2h", group)
    shorter = Command(event_id="ben", conversation=group, sender=Sender("u2"), name="quiet", arguments="5m")
    outcome = await made.handle(shorter, no_draft)
    assert outcome.reply is not None and "until 05:00" in outcome.reply.text
    assert "until 03:05" in await command(bench, made, "5m", Conversation(platform="memory", channel="h", kind="group"))


@pytest.mark.parametrize("arguments", ["tomorrow", "22-7", "25:00-26:00", "00:00-24:00", "2h please", "🤫"])
async def test_what_cannot_be_read_changes_nothing(bench: Bench, arguments: str) -> None:
    made = agent(bench, Clock())
    said = await command(bench, made, arguments)
    assert said.startswith(("I don't know `/quiet", "These quiet hours never end."))
    assert (await profile(bench)).quiet_hours is None


async def test_the_question_for_consent_waits_too(bench: Bench) -> None:
    clock = Clock()
    settings = AgentSettings(
        time_zone="Europe/Berlin", asks_consent=True, hours=HoursConfig.model_validate({"quiet": "22:00-07:00"})
    )
    made = bench.agent("Hello.", settings=settings, clock=lambda: clock.now)
    await bench.profiles.update(await _person(bench), name="Ana")
    texts: list[str] = []
    for clock.now in (NIGHT, MORNING, MORNING):
        outcome = await made.handle(bench.message("hello"), no_draft)
        assert outcome.reply is not None
        texts.append(outcome.reply.text)
    assert ["Is that all right?" in text for text in texts] == [False, True, False]
