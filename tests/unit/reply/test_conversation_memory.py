"""What breaks without this: the model is shown another person's words, or "yes" answers the wrong question."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from llmagent_os.events import Conversation, Message, Sender, event_key, now
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger import Interaction, Ledger
from llmagent_os.reply.conversation_memory import EPISODE_PAUSE, Episode, recall

ACCOUNT = Identity("memory::u1")

ROOM = Conversation(platform="memory", channel="c1", kind="group")


def said(text: str, number: int, user: str = "u1") -> Message:
    return Message(event_id=str(number), conversation=ROOM, sender=Sender(user), text=text, message_id=str(number))


def kept(message: Message, **more: object) -> Interaction:
    values: dict[str, object] = {
        "interaction_id": event_key(message),
        "event_id": message.event_id,
        "episode_id": "e1",
        "user_id": identity_of(message),
        "conversation_key": ROOM.key,
        "said": message.text,
        "completion": "ok",
    }
    return Interaction(**(values | more))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    await opened.close()


async def keep(ledger: Ledger, message: Message, **more: object) -> None:
    await ledger.accept(message, max_pending=100)
    await ledger.prepare(message, None, kept(message, **more))
    await ledger.finish(message, None)


async def test_in_a_shared_channel_only_the_persons_own_words_are_recalled(ledger: Ledger) -> None:
    await keep(ledger, said("my salary is 100", 1, "u1"))
    await keep(ledger, said("hello", 2, "u2"))
    mine = await recall(ledger, said("again", 3, "u2"), identity_of(said("", 0, "u2")), 10)
    assert [turn.said for turn in mine.turns] == ["hello"]


async def test_after_a_pause_a_new_episode_begins(ledger: Ledger) -> None:
    await keep(ledger, said("hello", 1), created_at=now() - EPISODE_PAUSE - timedelta(minutes=1))
    episode = await recall(ledger, said("hi", 2), ACCOUNT, 10)
    assert episode == Episode("")
    assert episode.turn_index == 0


async def test_an_episode_goes_on_and_counts_its_turns(ledger: Ledger) -> None:
    await keep(ledger, said("hello", 1), turn_index=0)
    await keep(ledger, said("more", 2), turn_index=1)
    episode = await recall(ledger, said("again", 3), ACCOUNT, 10)
    assert (episode.episode_id, episode.turn_index) == ("e1", 2)


def test_tool_calls_and_the_words_really_sent_are_shown_to_the_model() -> None:
    """The model's own wording may have been replaced; going on from words never sent would confuse both."""
    call = {"name": "list_events", "arguments": {"date": "today"}, "result": {"status": "empty"}}
    turn = kept(said("what today?", 1), tool_calls=[call], completion="Nothin", context={"reply": "Nothing today."})
    roles = [(message["role"], message["content"]) for message in Episode("e1", (turn,)).messages()]
    assert roles == [
        ("user", "what today?"),
        ("assistant", ""),
        ("tool", '{"status": "empty"}'),
        ("assistant", "Nothing today."),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "cal:yes"),
        ("Yes please!", "cal:yes"),
        ("ok do it", "cal:yes"),
        ("no", "cal:no"),
        ("no, stop", "cal:no"),
        ("Lunch with Ana", "cal:1"),
        ("yes and add a dinner at 8", None),
        ("what do I have tomorrow?", None),
        ("", None),
    ],
)
def test_words_press_a_button_only_where_they_plainly_mean_it(text: str, value: str | None) -> None:
    buttons = [["Yes, delete", "cal:yes"], ["No", "cal:no"], ["lunch with Ana", "cal:1"]]
    turn = kept(said("delete all", 1), context={"buttons": buttons})
    assert Episode("e1", (turn,)).button_meant(text) == value


@pytest.mark.parametrize("text", ["undo", "Undo that, please", "take it back"])
def test_what_was_just_done_is_undone_in_words(text: str) -> None:
    """A model that has no tool for it would take it for something else, and delete an event."""
    turn = kept(said("cancel lunch", 1), context={"buttons": [["Undo", "cal:undo"]]})
    assert Episode("e1", (turn,)).button_meant(text) == "cal:undo"
    assert Episode("e1", (turn,)).button_meant("take Ana to lunch") is None


def test_without_an_open_question_yes_is_just_a_word() -> None:
    assert Episode("e1", (kept(said("hi", 1)),)).button_meant("yes") is None


async def test_reminders_and_commands_do_not_push_out_what_was_said(ledger: Ledger) -> None:
    """After three reminders, "make it 4 instead" must still mean the event that was talked about."""
    await keep(ledger, said("first", 1))
    await keep(ledger, said("second", 2))
    for number in (3, 4, 5):
        await keep(ledger, said("", number), completion="")
    episode = await recall(ledger, said("make it 4", 6), ACCOUNT, 1)
    assert [turn.said for turn in episode.turns] == ["second", "", "", ""]


DANGER = {"buttons": [["Yes", "cal:all", "danger"], ["No", "cal:no"]]}


@pytest.mark.parametrize(
    ("text", "value"), [("yes", "cal:all"), ("Yes!", "cal:all"), ("ok", None), ("yes please", None), ("no", "cal:no")]
)
def test_what_cannot_be_taken_back_is_meant_by_its_label_only(text: str, value: str | None) -> None:
    episode = Episode("e1", (kept(said("delete everything", 1), context=DANGER),))
    assert episode.button_meant(text) == value
    assert bool(episode.unclear_consent(text)) == (text in ("ok", "yes please", "yes", "Yes!"))


def test_a_reminder_does_not_come_between_a_question_and_its_answer_and_a_command_does() -> None:
    """People start commands, reminders come by themselves."""
    asked = kept(said("delete everything", 1), context=DANGER)
    reminder = kept(said("", 2), completion="", context={"intent": "timer"})
    command = kept(said("", 3), completion="", context={"intent": "command"})
    assert Episode("e1", (asked, reminder)).button_meant("yes") == "cal:all"
    assert Episode("e1", (asked, command)).button_meant("yes") is None


def test_yes_to_a_dangerous_question_behind_other_turns_is_asked_for_once_more() -> None:
    """A list in between says that the question still waits. Then "yes" must not be answered with small talk."""
    asked = kept(said("delete everything", 1), context=DANGER)
    listed = kept(said("what's tomorrow", 2))
    assert Episode("e1", (asked, listed)).button_meant("yes") is None
    assert [button.label for button in Episode("e1", (asked, listed)).unclear_consent("yes")] == ["Yes", "No"]
    assert Episode("e1", (asked, listed)).unclear_consent("yes, add lunch") == ()
    answered = kept(said("no", 3), context={"intent": "button"})
    assert Episode("e1", (asked, answered, listed)).unclear_consent("yes") == ()
    assert Episode("e1", (asked, listed, listed, listed)).unclear_consent("yes") == ()


def test_a_dangerous_question_closes_the_questions_before_it() -> None:
    older = kept(said("book lunch", 1), context={"buttons": [["Yes", "cal:yes"], ["No", "cal:no"]]})
    forget = kept(said("", 2), completion="", context={"intent": "command"} | DANGER)
    between = kept(said("", 3), completion="", context={"intent": "command"})
    assert Episode("e1", (older, forget, between)).button_meant("ok") is None
