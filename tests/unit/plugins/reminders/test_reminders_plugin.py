"""Reminders of their own: one that is late, lost, rings twice or at the wrong hour is worse than none."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from llmagent_os.identity import PersonId
from llmagent_os.people.profiles import Profile
from llmagent_os.plugins.reminders import RemindersPlugin
from tests.unit.plugins.everyday_person import EverydayPerson


@pytest.fixture
def person() -> EverydayPerson:
    return EverydayPerson(RemindersPlugin())


async def texts(person: EverydayPerson, **how_long: float) -> list[str]:
    return [each.text for each in await person.wait(**how_long)]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("call Ana tomorrow at 6pm", "“call Ana”: Wed, 2 Dec 2026, 18:00."),
        ("remind me to call Ana in 20 minutes", "“call Ana”: Tue, 1 Dec 2026, 08:20."),
        ("2027-01-15 14:00 the plumber", "“the plumber”: Fri, 15 Jan 2027, 14:00."),
        ("pay the rent monthly on the last day", "the next time is Thu, 31 Dec 2026, 09:00."),
        ("stand up every weekday at 9:15", "every weekday: the next time is Tue, 1 Dec 2026, 09:15."),
        ("yoga every 2 weeks on friday at 6pm", "every 2 weeks on friday: the next time is Fri, 4 Dec 2026, 18:00."),
        (
            "fly on 28 march 2027 at 2:30am",
            "The clocks are set forward over that time, so it is Sun, 28 Mar 2027, 03:30",
        ),
        ("fly on 31 october 2027 at 2:30am", "The clocks show that time twice on that day. I take the first."),
    ],
)
async def test_times_are_read_from_words(person: EverydayPerson, said: str, told: str) -> None:
    assert told in (await person.command(f"/remind {said}")).text


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Müll morgen um 9 Uhr", "“Müll”: Wed, 2 Dec 2026, 09:00."),
        ("Ana anrufen heute um 18 Uhr 30", "“Ana anrufen”: Tue, 1 Dec 2026, 18:30."),
        ("Müll am Freitag um 9", "“Müll”: Fri, 4 Dec 2026, 09:00."),
        ("Müll übermorgen halb 9", "“Müll”: Thu, 3 Dec 2026, 08:30."),
        ("Miete am 5. Januar", "“Miete”: Tue, 5 Jan 2027, 09:00."),
        ("llamar a Ana mañana a las 9", "“llamar a Ana”: Wed, 2 Dec 2026, 09:00."),
        ("pan el viernes a las 3 y media de la tarde", "“pan”: Fri, 4 Dec 2026, 15:30."),
        ("pan hoy a las 5pm", "“pan”: Tue, 1 Dec 2026, 17:00."),
        ("pan en 20 minutos", "“pan”: Tue, 1 Dec 2026, 08:20."),
        ("明天9点交房租", "“交房租”: Wed, 2 Dec 2026, 09:00."),
        ("后天下午三点半 交房租", "“交房租”: Thu, 3 Dec 2026, 15:30."),
        ("每周一上午9点开会", "“开会” every monday: the next time is Mon, 7 Dec 2026, 09:00."),
        ("call Ms Morgen tomorrow at 6pm", "“call Ms Morgen”: Wed, 2 Dec 2026, 18:00."),
        # what is not read is asked for, and no part of it is taken for the whole
        ("Müll morgen um zwölf Uhr", "I read times such as “tomorrow at 9”"),
        ("pan mañana a las nueve", "I read times such as “tomorrow at 9”"),
    ],
)
async def test_times_in_other_languages_are_read_or_asked_for(person: EverydayPerson, said: str, told: str) -> None:
    assert told in (await person.command(f"/remind {said}")).text


async def test_what_is_missing_is_asked_for(person: EverydayPerson) -> None:
    await person.command("/remind")
    asked = await person.say("call Ana")
    assert asked is not None and asked.text == "When should I remind you of “call Ana”?"
    await person.say("yesterday at 3pm")
    assert person.shown is not None and "That time is over already." in person.shown.text
    done = await person.say("tomorrow at 9")
    assert done is not None and done.data["what"] == "call Ana"
    assert await person.say("tomorrow at 9") is None  # nothing is asked any more


async def test_other_words_are_no_answer_to_when(person: EverydayPerson) -> None:
    """Whoever turns to something else is heard."""
    await person.command("/remind call Ana")
    assert await person.say("who won the match?") is None
    await person.command("/remind")
    assert await person.say("never mind") is None


async def test_it_rings_on_time_snoozes_and_ends(person: EverydayPerson) -> None:
    await person.command("/remind the oven in 20 minutes")
    assert await texts(person, minutes=19) == []
    assert await texts(person, minutes=1) == ["Reminder: the oven"]
    await person.press("In 10 minutes")
    assert await texts(person, minutes=10) == ["Reminder: the oven"]
    await person.press("In an hour")
    assert await texts(person, minutes=59) == []
    assert await texts(person, minutes=1) == ["Reminder: the oven"]
    assert (await person.press("Tomorrow at 9:00")).text == "I'll remind you again: Wed, 2 Dec 2026, 09:00."
    assert await texts(person, hours=23.5) == ["Reminder: the oven"]
    assert (await person.press("Done")).text == "Done: the oven."
    assert (await person.command("/reminders")).data["status"] == "empty"


async def test_after_a_pause_of_the_host_it_says_when_it_was_due(person: EverydayPerson) -> None:
    """What was missed is told once, and a repetition goes on."""
    await person.command("/remind pills daily at 9am")
    assert await texts(person, days=3) == ["Reminder, due Tue, 1 Dec 2026, 09:00: pills"]
    assert await texts(person, hours=1) == ["Reminder: pills"]
    assert "Sat, 5 Dec 2026, 09:00" in (await person.press("Done")).text


async def test_a_crash_between_ringing_and_saying_loses_nothing(person: EverydayPerson) -> None:
    await person.command("/remind pills daily at 9am")
    (key, at), *_ = person.timers.ring(datetime.fromisoformat("2026-12-01T08:00:00+00:00"))
    person.now = datetime(2026, 12, 1, 9, 0)
    for _ in range(2):
        said = await person.plugins.due("reminders", key, at, person.context())
        assert said is not None and said.text == "Reminder: pills"
    assert len(person.timers.pending) == 1


@pytest.mark.parametrize(
    ("day", "rings"),
    [
        (datetime(2027, 3, 27, 12, 0), ["2027-03-28T01:30", "2027-03-29T00:30"]),  # 2:30 does not exist: 3:30 in summer
        (datetime(2027, 10, 30, 12, 0), ["2027-10-31T00:30", "2027-11-01T01:30"]),  # 2:30 comes twice: once it rings
    ],
)
async def test_a_repetition_keeps_its_time_of_day_when_the_clocks_change(
    person: EverydayPerson, day: datetime, rings: list[str]
) -> None:
    person.now = day
    await person.command("/remind medicine daily at 2:30am")
    found: list[str] = []
    for _ in rings:
        ((_, at),) = person.timers.pending.items()
        found.append(f"{at:%Y-%m-%dT%H:%M}")
        now = person.context().now
        await person.wait(seconds=(at - now).total_seconds())
    assert found == rings


async def test_change_and_delete_can_be_taken_back(person: EverydayPerson) -> None:
    await person.command("/remind dentist friday 10am")
    changed = await person.command("/reminders change 1 saturday 11am")
    assert changed.text == "Changed: dentist, Sat, 5 Dec 2026, 11:00."
    assert (await person.press("Undo")).text == "It is as it was: dentist, Fri, 4 Dec 2026, 10:00."
    deleted = await person.command("/reminders delete dentist")
    assert (deleted.text, person.timers.pending) == ("Deleted: dentist.", {})
    await person.press("Undo")
    assert [f"{at:%d %H:%M}" for at in person.timers.pending.values()] == ["04 09:00"]


async def test_an_old_button_never_means_a_newer_reminder(person: EverydayPerson) -> None:
    """Both have the number 1, one after the other."""
    await person.command("/remind dentist friday 10am")
    listed = await person.command("/reminders")
    await person.press("Delete 1")
    await person.command("/remind gym friday 6pm")
    assert (await person.press_value(listed.buttons[0].value)).data["status"] == "stale"
    for made_up in ("reminders:delete:999999999999.x", "reminders:snooze:1", "reminders:answer", "reminders:page:x"):
        assert (await person.press_value(made_up)).data["status"] == "stale"
    assert (await person.command("/reminders")).data["count"] == "1"


async def test_many_are_shown_in_pages_and_bounded(person: EverydayPerson) -> None:
    for number in range(100):
        await person.command(f"/remind thing {chr(97 + number // 26)}{chr(97 + number % 26)} friday 10am")
    assert (await person.command("/remind one more friday 10am")).data["status"] == "full"
    await person.command("/reminders")
    second = await person.press("Next")
    assert len(second.buttons) == 10 and "thing ai" in second.data["reminders"]
    assert (await person.command(f"/remind {'x' * 600} friday 10am")).data["status"] == "too_long"


async def test_a_model_finds_reminders_by_words(person: EverydayPerson) -> None:
    await person.call("set_reminder", what="call Ana", when="tomorrow at 6pm")
    await person.call("set_reminder", what="call Bo", when="friday at 6pm")
    several = await person.call("delete_reminder", which="call")
    assert several.data["status"] == "several"
    assert (await person.call("change_reminder", which="Ana", to="saturday 1pm")).data["what"] == "call Ana"
    assert (await person.call("delete_reminder", which="nobody")).data["status"] == "not_found"


@pytest.mark.parametrize(
    ("said", "tools"),
    [
        ("Remind me to call Ana tomorrow at 6pm.", ["set_reminder"]),
        ("show me my reminders", ["list_reminders"]),
        ("remind me to call Ana", ["set_reminder"]),  # the time is asked for
        ("set a reminder for 5pm to call Ana", ["set_reminder"]),
        ("don't let me forget to call Ana", ["set_reminder"]),
        ("remind me what we said", []),
        ("remind me to leave an hour before the meeting", []),
        ("cancel my reminder to call Ana", []),  # there is none: a calendar may have one
    ],
)
async def test_clear_words_need_no_model(person: EverydayPerson, said: str, tools: list[str]) -> None:
    read = await (await person.loaded()).requests_in(person.context(said))
    assert isinstance(read, tuple) and [each.name for each in read] == tools


async def test_a_move_to_another_zone(person: EverydayPerson) -> None:
    """A repetition follows the person's clock, a single reminder and a delay stay at their moments."""
    await person.command("/remind pills daily at 9am")
    await person.command("/remind the call friday at 3pm")
    before, person.zone = dict(person.timers.pending), "America/New_York"
    profile = Profile(user_id=PersonId("ana"), time_zone="Europe/Berlin")
    context = replace(person.context(), now=person.context().now.replace(hour=2))
    assert await person.plugins.profile_changed(context, profile, "UTC") == [
        "Your reminders now follow the clock there."
    ]
    after = person.timers.pending
    assert [key for key in before if before[key] != after[key]] == [next(iter(before))]
    assert sorted(f"{at:%H:%M}" for at in after.values()) == ["14:00", "14:00"]
