"""Messages that the calendar reads by its rules, and what comes of them.

What breaks without these: the opposite of what was said is done, half of a message is dropped, or a crash doubles an
event.
"""

from __future__ import annotations

import pytest

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from tests.unit.plugins.read_messages import NOW
from tests.unit.plugins.test_calendar import Person, button


@pytest.fixture
async def person() -> Person:
    someone = Person(zone="UTC", now=NOW)
    await someone.say("create", title="dentist", date="friday", time="10am")
    return someone


async def say(person: Person, text: str, message_id: str = "") -> ToolResult | None:
    """Have the calendar answer a message by its rules. None: the model would be asked."""
    context = person.context(text, message_id)
    read = await person.plugins.requests_in(context)
    if isinstance(read, ToolResult):
        return read
    results: dict[str, ToolResult] = {}
    for place, call in enumerate(read):
        call_id = f"{context.call_id}:read.{place}"
        results[call_id] = await person.plugins.call(call.name, call.arguments, person.context(text, call_id))
    if len(results) > 1:
        return await person.plugins.joined({call.name for call in read}, results, context)
    return next(iter(results.values()), None)


async def text_of(person: Person, text: str) -> str:
    result = await say(person, text)
    assert result is not None
    return result.text


async def test_several_events_are_each_confirmed_and_undone_together(person: Person) -> None:
    result = await say(person, "add yoga monday 7am and pilates tuesday 7am")
    assert result is not None
    assert (
        result.text
        == "I've added yoga for Monday 30 November at 7 AM. I've added pilates for Tuesday 1 December at 7 AM."
    )
    assert [each.label for each in result.buttons] == ["Undo"]
    undone = await person.press(button(result, "Undo"))
    assert undone.text == "I've taken yoga and pilates out of your calendar again."
    assert await person.titles() == ["dentist, Friday 27 November at 10 AM"]


async def test_undo_in_words_takes_all_of_them_back(person: Person) -> None:
    await say(person, "add yoga monday 7am and pilates tuesday 7am")
    value = await person.plugins.button_meant(person.context("undo"))
    assert value is not None
    await person.press(value)
    assert await person.titles() == ["dentist, Friday 27 November at 10 AM"]


async def test_what_is_missing_is_asked_last(person: Person) -> None:
    text = await text_of(person, "add an appointment on monday and add yoga on tuesday at 7am")
    assert text == ("I've added yoga for Tuesday 1 December at 7 AM. What should I call the event Monday 30 November?")


async def test_one_yes_is_enough_for_somebody_who_wants_to_be_asked(person: Person) -> None:
    person.initiative = "ask_first"
    asked = await say(person, "add yoga monday 7am and pilates tuesday 7am")
    assert asked is not None
    assert [each.label for each in asked.buttons] == ["Yes", "No"]
    assert len(await person.titles()) == 1
    await person.press(button(asked, "Yes"))
    assert len(await person.titles()) == 3


async def test_a_reminder_beside_an_event_makes_no_reminder_of_the_event(person: Person) -> None:
    text = await text_of(person, "add lunch with Priya tomorrow at noon, also remind me at 5 to call mum")
    assert text == (
        "I've added lunch with Priya for tomorrow, Thursday 26 November, at noon."
        " I'll remind you: call mum, today at 5 PM."
    )


async def test_a_message_that_runs_again_after_a_crash_does_nothing_twice(person: Person) -> None:
    for _ in range(2):
        await say(person, "add yoga monday 7am and pilates tuesday 7am", "message-7")
    assert len(await person.titles()) == 3
    await say(person, "add an appointment on monday")
    for _ in range(2):  # the second run finds no open question, and asks for the same all the same
        await say(person, "vet at 9", "message-8")
    assert [each for each in await person.titles() if "vet" in each] == ["vet, Monday 30 November at 9 AM"]


async def test_an_open_question_is_answered_in_steps_and_keeps_what_was_said(person: Person) -> None:
    await say(person, "I need an appointment on friday")
    assert await text_of(person, "vet") == "What time is vet, Friday 27 November?"
    assert await text_of(person, "let's say 11:30") == "I've added vet for Friday 27 November at 11:30 AM."


@pytest.mark.parametrize(
    ("answer", "added"),
    [
        ("a chat with Mo", "chat with Mo"),
        ("it's the school concert", "school concert"),
        ("call it Budget Review", "Budget Review"),
        ("lunch with Ana at Nobu", "lunch with Ana"),
    ],
)
async def test_the_title_may_come_second(person: Person, answer: str, added: str) -> None:
    assert await text_of(person, "I want to schedule something tomorrow at 5") == (
        "What should I call the event tomorrow, Thursday 26 November, at 5 PM?"
    )
    assert (await text_of(person, answer)).startswith(f"I've added {added}")


@pytest.mark.parametrize("said", ["hmm let me think", "what?", "not sure yet", "thanks", "who are you"])
async def test_hesitation_is_no_title(person: Person, said: str) -> None:
    await say(person, "I want to schedule something tomorrow at 5")
    assert await say(person, said) is None


async def test_a_half_finished_request_ends_where_another_begins(person: Person) -> None:
    await say(person, "add yoga class")
    await say(person, "add gym tomorrow at 7pm")
    assert await say(person, "friday at 6pm") is None
    assert (await text_of(person, "block off friday afternoon")).startswith("What should I call the event Friday")
    await person.say("delete", "delete the gym", title="gym")
    assert await say(person, "chess") is None


@pytest.mark.parametrize(
    "said",
    [
        "don't delete the dentist!",
        "please do not cancel the dentist",
        "never remove the dentist",
        "don't remind me about the dentist",
        "what if I cancelled the dentist?",
        "what would happen if I moved the dentist to monday?",
        "should I cancel the dentist?",
        "I didn't cancel the dentist",
        "I might move the dentist",
        "I wish I had cancelled the dentist",
    ],
)
async def test_what_is_not_wanted_or_only_weighed_changes_nothing(person: Person, said: str) -> None:
    assert await text_of(person, said) == "All right, dentist, Friday 27 November at 10 AM, stays as it is."
    assert await person.titles() == ["dentist, Friday 27 November at 10 AM"]


async def test_what_is_no_longer_needed_is_asked_about(person: Person) -> None:
    result = await say(person, "I don't need the dentist anymore")
    assert result is not None
    assert result.text == "Shall I delete dentist, Friday 27 November at 10 AM?"
    assert await person.titles() == ["dentist, Friday 27 November at 10 AM"]
    await person.press(button(result, "Yes"))
    assert await person.titles() == []


async def test_a_new_event_overwrites_none_that_is_like_it(person: Person) -> None:
    await say(person, "dentist monday 3pm")
    assert await person.titles() == ["dentist, Friday 27 November at 10 AM", "dentist, Monday 30 November at 3 PM"]


async def test_the_half_of_the_day_may_be_said_afterwards(person: Person) -> None:
    await say(person, "add call with Kim tomorrow at 8")
    await say(person, "pm of course")
    assert "call with Kim, tomorrow, Thursday 26 November, at 8 PM" in await person.titles()


@pytest.mark.parametrize(
    "said",
    [
        "what's the weather tomorrow?",
        "weather tomorrow",
        "good morning",
        "have a nice weekend",
        "see you tomorrow at 5",
        "add milk to my shopping list",
        "I had lunch with Priya yesterday, it was great",
        "no meetings on friday please",
        "lights off at 10",
        "play some jazz",
        "not today",
        "thanks, see you friday",
        "is it going to rain on saturday?",
        "tomorrow is fine",
        "book me a flight to Rome",
        "remind me what I have tomorrow",
        "ajoute un dîner avec Paul vendredi à 20h",
        "Trag bitte morgen um 15 Uhr ein Treffen mit Anna ein",
        "cita con el médico el viernes a las 10",
        "встреча с Анной завтра в 15:00",
        "明日の予定は？",
        "asdf qwer friday",
        "add dinner unless friday at 7",
        "",
        "!!!",
        "a" * 5000,
        "add " * 150,
    ],
)
async def test_what_is_not_understood_is_left_to_the_model(person: Person, said: str) -> None:
    assert await say(person, said) is None


async def test_what_is_no_longer_needed_and_is_not_there_is_said_so(person: Person) -> None:
    assert (await text_of(person, "I no longer need the piano lesson")).startswith("I found nothing about piano lesson")


async def test_a_reminder_may_be_about_what_was_said_before(person: Person) -> None:
    text = await text_of(person, "I have to renew my visa by friday, can you remind me on thursday at 9?")
    assert text == "I'll remind you: renew my visa, tomorrow, Thursday 26 November, at 9 AM."


async def test_each_request_of_a_message_is_resolved_by_its_own_words(person: Person) -> None:
    """The exception, the lengthening and the word "reminder" of one request say nothing about another one."""
    await say(person, "add gym monday 6pm, and add choir every friday at 7pm except december 18")
    assert await person.titles() == [
        "dentist, Friday 27 November at 10 AM",
        "choir, Friday 27 November at 7 PM",
        "gym, Monday 30 November at 6 PM",
    ]
    await say(person, "make the gym 30 minutes longer and make the dentist 15 minutes shorter")
    events = {event.title: event for event in await CalendarCall(person.context()).store.events()}
    assert (events["gym"].minutes, events["dentist"].minutes) == (90, 45)
    assert events["gym"].repeat == ""
    assert len(events["choir"].skipped) == 1


async def test_days_and_times_of_several_requests_are_no_pairs(person: Person) -> None:
    text = await text_of(person, "add yoga monday and tuesday at 7am and add tea thursday at 9am")
    assert text.count("I've added") == 2
    assert sorted(await person.titles()) == [
        "dentist, Friday 27 November at 10 AM",
        "tea, tomorrow, Thursday 26 November, at 9 AM",
        "yoga, Monday 30 November at 7 AM",
        "yoga, Tuesday 1 December at 7 AM",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "add lunch tomorrow at noon. actually no",
        "cancel the dentist, just kidding!",
        "delete dentist... never mind",
        "move the dentist to 4pm - wait, no",
    ],
)
async def test_what_is_taken_back_in_the_same_message_is_not_done(person: Person, text: str) -> None:
    assert await text_of(person, text) == "All right, I've changed nothing."
    assert await person.titles() == ["dentist, Friday 27 November at 10 AM"]


@pytest.mark.parametrize("answer", ["saturday at 3pm", "to saturday 3pm", "make it saturday, 3 pm please"])
@pytest.mark.parametrize("asks", ["i want to change the dentist", "move the dentist", "reschedule my dentist please"])
async def test_the_time_behind_the_question_what_to_change_is_the_new_one(
    person: Person, asks: str, answer: str
) -> None:
    assert await text_of(person, asks) == "What should I change about dentist, Friday 27 November at 10 AM?"
    await say(person, answer)
    assert await person.titles() == ["dentist, Saturday 28 November at 3 PM"]


@pytest.mark.parametrize(
    ("again", "day"),
    [
        ("same again the friday after", "Friday 4 December"),
        ("and again the week after", "Friday 4 December"),
        ("the same the following monday", "Monday 30 November"),
    ],
)
async def test_a_copy_counts_from_the_day_of_the_event(person: Person, again: str, day: str) -> None:
    await say(person, "add gym on friday at 6pm")
    assert await text_of(person, again) == f"I've added gym for {day} at 6 PM."


async def test_a_time_much_later_than_the_question_is_none_for_the_event(person: Person) -> None:
    await say(person, "move the dentist")
    await say(person, "what do I have on monday?")
    assert await say(person, "saturday at 3pm") is None
    assert await person.titles() == ["dentist, Friday 27 November at 10 AM"]


@pytest.mark.parametrize(
    ("more", "title"),
    [
        ("with Ana about the website", "meeting with Ana about the website"),
        ("about the new office", "meeting about the new office"),
    ],
)
async def test_what_a_new_event_is_about_joins_its_title(person: Person, more: str, title: str) -> None:
    await say(person, "meeting on monday at 11")
    await say(person, more)
    assert f"{title}, Monday 30 November at 11 AM" in await person.titles()


@pytest.mark.parametrize("text", ["wait, no", "no, never mind", "haha, just kidding", "oh no"])
async def test_what_takes_back_something_else_is_not_read_as_a_whole(person: Person, text: str) -> None:
    assert await say(person, text) is None


@pytest.mark.parametrize(
    "text",
    [
        "if it rains cancel the dentist",
        "the dentist isn't cancelled",
        "thanks for cancelling the dentist",
        "did Bo cancel the dentist",
        "the one with Bo",
        "the dentist",
    ],
)
async def test_a_deletion_that_only_the_model_read_in_doubtful_words_is_asked_about(person: Person, text: str) -> None:
    context = person.context(text, "message:0.0")
    result = await person.plugins.call("delete_event", {"title": "dentist"}, context)
    assert result.text.endswith("?")
    assert await person.titles() == ["dentist, Friday 27 November at 10 AM"]


async def test_a_move_that_only_the_model_read_in_doubtful_words_is_asked_about(person: Person) -> None:
    context = person.context("you should not have moved the dentist to thursday", "message:0.0")
    result = await person.plugins.call("move_event", {"title": "dentist", "new_date": "thursday"}, context)
    assert result.text.endswith("?")
    assert await person.titles() == ["dentist, Friday 27 November at 10 AM"]


async def test_plain_words_that_only_the_model_reads_are_not_asked_about(person: Person) -> None:
    context = person.context("get shot of the dentist, drop it", "message:0.0")
    assert (await person.plugins.call("delete_event", {"title": "dentist"}, context)).data["status"] == "deleted"


async def test_no_event_is_offered_where_a_reminder_is_to_go(person: Person) -> None:
    assert await text_of(person, "remove the reminder for the dentist") == "I found no reminder about dentist."


async def test_who_one_meets_is_told_of_events_with_a_person(person: Person) -> None:
    await person.say("create", title="team meeting", person="Priya", date="thursday", time="3pm")
    await person.say("create", title="lunch with Bob", date="thursday", time="noon")
    await person.say("create", title="standup", date="thursday", time="9am")
    assert await text_of(person, "who am I meeting on thursday?") == (
        "You're meeting Bob (lunch, noon) and Priya (team meeting, 3 PM) tomorrow, Thursday 26 November."
    )


async def test_who_one_meets_is_nobody_where_no_event_has_a_person(person: Person) -> None:
    assert await text_of(person, "who am I meeting on friday?") == (
        "I know of nobody that you are meeting on Friday 27 November. You have dentist, Friday 27 November at 10 AM."
    )


@pytest.mark.parametrize("text", ["when is my next meeting?", "what's my next meeting"])
async def test_the_next_meeting_is_no_reminder(person: Person, text: str) -> None:
    await person.say("create", "remind me to water the plants", title="water the plants", date="tomorrow", time="8am")
    assert "dentist" in await text_of(person, text)  # there is no meeting: the next event
    await person.say("create", title="sync with Lena", date="saturday", time="2pm")
    assert "sync with Lena" in await text_of(person, text)
    assert "dentist" in await text_of(person, "what's my next appointment?")
    assert "water the plants" in await text_of(person, "what's next?")


async def test_a_reminder_is_named_where_there_is_nothing_else() -> None:
    someone = Person(zone="UTC", now=NOW)
    await someone.say("create", "remind me to water the plants", title="water the plants", date="tomorrow", time="8am")
    assert "water the plants" in await text_of(someone, "when is my next meeting?")


async def test_all_of_a_repetition_is_asked_about(person: Person) -> None:
    await person.say("create", title="standup", date="monday", time="9am", repeat="every weekday")
    asked = await say(person, "delete all standups")
    assert asked is not None
    assert asked.text == "That deletes every standup (every weekday). Are you sure?"
    assert any("standup" in title for title in await person.titles())
    done = await person.press(button(asked, "Yes"))
    assert not any("standup" in title for title in await person.titles())
    await person.press(button(done, "Undo"))
    assert any("standup" in title for title in await person.titles())


async def test_the_whole_series_is_a_clear_order(person: Person) -> None:
    await person.say("create", title="standup", date="monday", time="9am", repeat="every weekday")
    done = await say(person, "delete the whole standup series")
    assert done is not None and done.data["status"] == "deleted"


async def test_the_time_of_an_unnamed_place_is_asked_about(person: Person) -> None:
    assert "Which city's time" in await text_of(person, "call with the agency tomorrow 10am their time")
    assert await person.titles() == ["dentist, Friday 27 November at 10 AM"]


async def list_days(person: Person, text: str) -> str:
    """Answer a look-up that the rules read."""
    return await text_of(person, text)


async def test_it_is_none_of_several_that_were_listed(person: Person) -> None:
    await say(person, "add gym on saturday at 6pm")
    await say(person, "add lunch with Eva on friday at noon")
    await say(person, "move the gym to 7pm")
    await list_days(person, "what's on friday?")
    assert await person.plugins.button_meant(person.context("cancel it")) is None
    asked = await text_of(person, "cancel it")
    assert (
        asked
        == "2 events fit: dentist, Friday 27 November at 10 AM; lunch with Eva, Friday 27 November at noon."
        + (" Which one should I delete?")
    )


async def test_both_are_those_that_were_added_just_now(person: Person) -> None:
    await say(person, "add yoga monday 7am and pilates tuesday 7am")
    asked = await text_of(person, "delete both")
    assert asked.startswith("That deletes 2 events: yoga, Monday 30 November at 7 AM; pilates")


async def test_a_yes_may_have_a_request_behind_it(person: Person) -> None:
    await say(person, "add lunch with Eva on friday at noon")
    await say(person, "clear friday")
    done = await text_of(person, "yes please, and also add gym at 6pm on friday")
    assert done == "Deleted 2 events. I've added gym for Friday 27 November at 6 PM."
    assert await person.titles() == ["gym, Friday 27 November at 6 PM"]


async def test_one_time_answers_the_question_which_times(person: Person) -> None:
    await person.say("create", title="choir", date="tuesday", time="7pm", repeat="every tuesday")
    await say(person, "cancel choir")
    done = await text_of(person, "the one on december 8")
    assert done == "I've deleted choir, Tuesday 8 December at 7 PM. The other times stay."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "is the dentist before or after lunch with Eva?",
            "dentist is before lunch with Eva: dentist is Friday 27 November at 10 AM, "
            "and lunch with Eva Friday 27 November at noon.",
        ),
        (
            "how much time is there between the dentist and lunch with Eva?",
            "There is 1 hour between dentist and lunch with Eva: dentist is Friday 27 November at 10 AM, "
            "and lunch with Eva Friday 27 November at noon.",
        ),
        ("what's after the dentist?", "After dentist, Friday 27 November: lunch with Eva at noon."),
        ("what's after lunch on friday?", "You have nothing after lunch with Eva, Friday 27 November."),
        ("how many weeks until christmas?", "Friday 25 December is in 30 days (4 weeks and 2 days)."),
    ],
)
async def test_order_and_distance_are_told(person: Person, text: str, told: str) -> None:
    await say(person, "add lunch with Eva on friday at noon")
    assert await text_of(person, text) == told


async def test_what_repeats_ends_on_the_day_that_is_named(person: Person) -> None:
    await person.say("create", title="choir", date="tuesday", time="7pm", repeat="every tuesday")
    assert "until" in await text_of(person, "choir only until december 15")
