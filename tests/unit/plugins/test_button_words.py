"""Short words that mean a button: rules over what waits or was done last, and never a model's guess.

What breaks without these: "undo" deletes something else, and "never mind" leaves a request half open.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.event_store import EventStore
from tests.unit.plugins.test_calendar import Person


@pytest.fixture
def person() -> Person:
    return Person()


async def say(person: Person, text: str) -> ToolResult | None:
    """What the calendar makes of a message by its own rules."""
    value = await person.plugins.button_meant(person.context(text))
    return None if value is None else await person.press(value)


async def undo(person: Person, text: str = "undo") -> str:
    result = await say(person, text)
    assert result is not None
    return result.text


async def test_undo_takes_back_what_was_added_moved_and_deleted_one_after_the_other(person: Person) -> None:
    await person.say("create", title="gym", date="tomorrow", time="6pm")
    await person.say("move", title="gym", new_time="7pm")
    await person.say("delete", title="gym")
    assert await undo(person) == "I've put gym back as before."
    assert await person.titles() == ["gym, tomorrow, Monday 23 November, at 7 PM"]
    assert await undo(person, "Undo that, please!") == "I've put gym back as before."
    assert await person.titles() == ["gym, tomorrow, Monday 23 November, at 6 PM"]
    assert await undo(person, "oops, take it back") == "I've taken gym out of your calendar again."
    assert await person.titles() == []
    assert await undo(person) == "There is nothing of this conversation that I could undo."


async def test_undo_leaves_alone_what_was_changed_since(person: Person) -> None:
    made = await person.say("create", title="gym", date="tomorrow", time="6pm")
    assert made.data["status"] == "created"
    change = await person.plugins.button_meant(person.context("undo"))
    await person.say("move", title="gym", new_time="7pm")
    assert change is not None
    assert (await person.press(change)).data["status"] == "stale"
    assert await person.titles() == ["gym, tomorrow, Monday 23 November, at 7 PM"]


async def test_never_mind_ends_a_half_finished_request(person: Person) -> None:
    await person.say("create", title="yoga class")
    assert await undo(person, "never mind") == "All right, I won't add yoga class."
    asked = await person.say("create", date="tomorrow", time="6pm")
    assert asked.data == {"status": "missing", "need": "title", "when": "tomorrow, Monday 23 November, at 6 PM"}


async def test_never_mind_ends_a_question_and_changes_nothing_else(person: Person) -> None:
    person.initiative = "ask_first"
    await person.say("create", title="gym", date="tomorrow", time="6pm")
    assert await undo(person, "forget it") == "All right, nothing has changed."
    assert await undo(person, "never mind") == "All right."
    assert await person.titles() == []


@pytest.mark.parametrize(
    "words", ["never mind", "no wait, never mind", "ah never mind, forget it", "actually forget about it"]
)
async def test_never_mind_takes_back_what_is_new(person: Person, words: str) -> None:
    await person.say("create", title="gym", date="tomorrow", time="6pm")
    assert await undo(person, words) == "I've taken gym out of your calendar again."
    assert await person.titles() == []


async def test_never_mind_takes_back_a_change_of_an_event(person: Person) -> None:
    await person.say("create", title="gym", date="tomorrow", time="6pm")
    await person.say("move", title="gym", new_time="7pm")
    await undo(person, "never mind")
    assert await person.titles() == ["gym, tomorrow, Monday 23 November, at 6 PM"]


async def test_never_mind_behind_another_event_that_was_looked_up_changes_nothing(person: Person) -> None:
    await person.say("create", title="yoga", date="friday", time="6pm")
    await person.say("create", title="gym", date="tomorrow", time="6pm")
    await person.say("list", title="yoga")
    assert await undo(person, "never mind") == "All right."
    assert len(await person.titles()) == 2


async def test_cancel_that_takes_back_what_was_done_just_now(person: Person) -> None:
    await person.say("create", title="gym", date="tomorrow", time="6pm")
    assert await undo(person, "cancel that") == "I've taken gym out of your calendar again."
    assert await person.titles() == []


@pytest.mark.parametrize("words", ["nope undo", "no wait, dont add that", "nah, don't save it please"])
async def test_what_is_unwanted_is_taken_back(person: Person, words: str) -> None:
    await person.say("create", title="gym", date="tomorrow", time="6pm")
    assert await undo(person, words) == "I've taken gym out of your calendar again."
    assert await person.titles() == []


async def test_an_addition_that_is_unwanted_is_no_change_of_another_kind(person: Person) -> None:
    await person.say("create", title="gym", date="tomorrow", time="6pm")
    await person.say("move", title="gym", new_time="7pm")
    assert await say(person, "no wait, don't add that") is None
    assert await person.titles() == ["gym, tomorrow, Monday 23 November, at 7 PM"]


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("the one with Bob", ["lunch with Eva"]),
        ("Bob", ["lunch with Eva"]),
        ("the second one", ["lunch with Eva"]),
        ("the first", ["lunch with Bob"]),
        ("the last one please", ["lunch with Eva"]),
        ("both", []),
        ("all of them", []),
        ("neither", ["lunch with Eva", "lunch with Bob"]),
        ("none of them", ["lunch with Eva", "lunch with Bob"]),
    ],
)
async def test_words_choose_among_the_options_of_a_question(person: Person, words: str, left: list[str]) -> None:
    await person.say("create", title="lunch with Eva", date="friday", time="noon")
    await person.say("create", title="lunch with Bob", date="saturday", time="noon")
    asked = await person.say("delete", title="lunch")
    assert asked.data["status"] == "ambiguous"
    assert await say(person, words) is not None
    assert [title.split(",")[0] for title in await person.titles()] == left


async def test_both_is_undone_at_once(person: Person) -> None:
    await person.say("create", title="lunch with Eva", date="friday", time="noon")
    await person.say("create", title="lunch with Bob", date="saturday", time="noon")
    await person.say("delete", title="lunch")
    await say(person, "both")
    assert await undo(person) == "I've put lunch with Eva and lunch with Bob back as before."
    assert len(await person.titles()) == 2


@pytest.mark.parametrize(
    "words", ["", "lunch", "undo the top button of my shirt", "I never mind the rain", "cancel gym", "both days", "yes"]
)
async def test_other_words_are_left_to_the_model(person: Person, words: str) -> None:
    await person.say("create", title="gym", date="tomorrow", time="6pm")
    assert await person.plugins.button_meant(person.context(words)) is None


async def test_words_of_another_conversation_undo_nothing(person: Person) -> None:
    await person.say("create", title="gym", date="tomorrow", time="6pm")
    elsewhere = replace(person.context("undo"), conversation_key="another room")
    value = await person.plugins.button_meant(elsewhere)
    assert value == "calendar:undo-nothing"


@pytest.mark.parametrize("words", ["what do I have tomorrow?", "add lunch with Eva on friday", "hello how are you"])
async def test_a_request_is_seen_by_its_words_and_nothing_is_read(
    person: Person, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every message would wait for the calendar's records, though few mean a button."""
    await person.say("create", title="gym", date="tomorrow", time="6pm")

    read: list[str] = []

    async def noted(_: EventStore) -> str | None:
        read.append(words)
        return None

    monkeypatch.setattr(EventStore, "open_question", noted)
    assert await person.plugins.button_meant(person.context(words)) is None
    assert read == []
    assert await person.plugins.button_meant(person.context("the gym")) is None
    assert read == [words], "words that may name an option are looked up"
