"""The assistant with all its plugins and no model: words go to the plugin that they are for, and to no other."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from msgspec import structs

from llmagent_os.adapter import Reply
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.events import Command, Message
from llmagent_os.plugins.profile.places import find_place
from llmagent_os.runtime import Runtime
from llmagent_os.testing import MemoryAdapter

#: What is said, and by which tool it is answered; or the beginning of an answer that no tool was called for.
SAID = {
    # reminders
    "remind me to call mom tomorrow at 6pm": "set_reminder",
    "Remind me to stand up every weekday at 9:15": "set_reminder",
    "remind me in 20 minutes to check the oven": "set_reminder",
    "remind me to buy milk": "set_reminder",
    "can you remind me about the dentist tomorrow at 8": "set_reminder",
    "set a reminder to call Eva tomorrow at 10": "set_reminder",
    "set a reminder for 5pm to take out the trash": "set_reminder",
    "don't let me forget to water the plants tomorrow at 8": "set_reminder",
    "remind me to take ibuprofen tomorrow at 8pm": "set_reminder",
    "remind me to add milk to my list tomorrow": "set_reminder",
    "what are my reminders?": "list_reminders",
    # the calendar
    "remind me 30 minutes before my meeting": "remind_before",
    "put dentist on my calendar tomorrow at 3": "create_event",
    "schedule a meeting with John at 3pm tomorrow": "create_event",
    "lunch with Eva on friday at noon": "create_event",
    "add a meeting with the bank to my calendar on monday at 10": "create_event",
    "I have a meeting tomorrow at 3": "create_event",
    "what do I have tomorrow?": "list_events",
    "am I free friday afternoon?": "list_events",
    "cancel my dentist appointment": "delete_event",
    "move my dentist appointment to 4pm": "move_event",
    # tasks
    "add milk to my todo list": "add_task",
    "put buy stamps on my to-do list": "add_task",
    "add call the bank tomorrow at 5 to my tasks": "add_task",
    "put eggs and bread on my grocery list": "add_task",
    "todo: call the plumber on friday at 3": "add_task",
    "what's on my to-do list?": "list_tasks",
    "what do I have to do?": "list_tasks",
    # notes
    "note: the wifi code is 4711": "add_note",
    "note that Eva likes tulips": "add_note",
    "take a note: the meeting moved to Thursday at 3pm": "add_note",
    "note to self: ask Ben about the contract tomorrow": "add_note",
    "note this down: pick up the car at 5": "add_note",
    "remember that my car is parked on level 3": "add_note",
    "show my notes": "find_notes",
    "find my note about the meeting on friday": "find_notes",
    # polls and feeds
    "make a poll: Lunch on friday where? | Soup | Salad": "make_poll",
    "follow the feed ftp://example.org/news.xml": "I have no language model",
    # finance
    "how much did I spend on groceries last month?": "show_spending",
    "how much did I spend on food": "I have no category “food”.",
    "what is my net worth?": "show_net_worth",
    "what are my subscriptions": "show_recurring",
    "set a budget of 300 EUR for groceries": "set_budget",
    "show my budgets": "read_budgets",
    "should I buy Tesla stock tomorrow?": "I give no advice",
    # health
    "I have chest pain": "**Call emergency services now",
    "remind me tomorrow at 9 that I can't breathe": "**Call emergency services now",
    "I have a headache and a fever": "You have: a fever and a headache.",
    "my blood pressure is 150/95": "blood pressure: 150/95",
    # the person
    "call me Sam": "set_preference",
    "I'm in Berlin": "set_preference",
    "keep your answers short": "set_preference",
    "what's the date?": "Today is",
    # documents, and what needs a model
    "how do I import a bank statement?": "From What the assistant can do",
    "how can I make a poll?": "From What the assistant can do",
    "what is the weather tomorrow?": "I have no language model",
    "tell me a joke": "I have no language model",
    "should I call Eva tomorrow?": "I have no language model",
    "write an email saying that I cannot come to the meeting tomorrow at 3pm": "I have no language model",
    "translate good morning into French": "I have no language model",
    "summarise the plot of Hamlet": "I have no language model",
    "hello": "I have no language model",
    # all that is kept about the person, and what is no event
    "delete all my data": "`/forget` erases",
    "erase my account": "`/forget` erases",
    "forget me": "`/forget` erases",
    "please delete everything you know about me": "`/forget` erases",
    "how do I delete the data of a spreadsheet?": "I have no language model",
    "delete my diary": "Delete everything in your health diary?",
    "clear my calendar": "delete_event",
    "never remind me again": "You have set no reminders with /remind.",
    "lösche alle meine Daten": "`/forget` löscht",
    "ich möchte, dass du mein Konto löschst": "`/forget` löscht",
    "borra todos mis datos": "`/forget` borra",
    "elimina mi cuenta, por favor": "`/forget` borra",
    "vergiss mich": "`/forget` löscht",
    "olvídame": "`/forget` borra",
    "忘记我": "`/forget` 会删除",
    "删除我的所有数据": "`/forget` 会删除",
    "把我的账号注销": "`/forget` 会删除",
    "thanks!": "You're welcome.",
    "what can you do?": "I keep your calendar",
    "help": "I keep your calendar",
    "was kannst du?": "I keep your calendar",
    "qué puedes hacer": "I keep your calendar",
    "你能做什么": "I keep your calendar",
}


class Assistant:
    """The assistant, as it runs without a model."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.number = 0

    async def say(self, text: str, *, user: str = "u1") -> tuple[Reply, str]:
        """Say something, or type a command. Returns the answer, and the tool that was called for it."""
        self.number += 1
        said: Message | Command = MemoryAdapter().message(text, channel=user, user=user, event_id=str(self.number))
        if text.startswith("/"):
            name, _, arguments = text[1:].partition(" ")
            said = Command(
                event_id=said.event_id,
                conversation=said.conversation,
                sender=said.sender,
                name=name,
                arguments=arguments,
            )
        outcome = await self.runtime.agent.handle(said, _unseen)
        assert outcome.reply is not None
        calls = outcome.interaction.tool_calls if outcome.interaction is not None else ()
        if outcome.interaction is not None:
            await self.runtime.ledger.accept(said, max_pending=100)
            await self.runtime.ledger.prepare(said, outcome.reply, outcome.interaction)
            await self.runtime.ledger.finish(said, None)
        return outcome.reply, str(calls[0]["name"]) if calls else ""


async def _unseen(_: str) -> None:
    """Nobody watches."""


@pytest.fixture
async def assistant(tmp_path: Path) -> AsyncGenerator[Assistant]:
    settings = Settings.load(None, data=tmp_path, time_zone="Europe/Berlin")
    async with Runtime.open(settings, Bot.load("assistant"), adapters=[MemoryAdapter()]) as runtime:
        yield Assistant(runtime)


async def test_words_go_to_the_plugin_that_they_are_for(assistant: Assistant) -> None:
    find_place("Berlin")  # reads all cities, which takes a busy machine longer than a plugin has
    wrong: list[str] = []
    for number, (text, expected) in enumerate(SAID.items()):
        reply, tool = await assistant.say(text, user=f"u{number}")
        if tool != expected and (tool or not reply.text.startswith(expected)):
            wrong.append(f"{text}: {tool or reply.text[:80]}, not {expected}")
        assert "(nothing is said)" not in reply.text
    assert not wrong, "\n".join(wrong)


async def test_it_says_once_that_free_talk_needs_a_model_and_how_to_set_one(assistant: Assistant) -> None:
    first, _ = await assistant.say("who was Napoleon?")
    assert "`llmagent-os init`" in first.text
    assert "- Remind me to call Ana tomorrow at 6pm" in first.text
    again, _ = await assistant.say("and who was Josephine?")
    assert again.text.startswith("I have no language model for that. `/help`")


async def test_words_about_what_was_done_last_are_about_that(assistant: Assistant) -> None:
    """Whatever plugin did it: the reminder is moved, the event is taken out, and the reminder stays."""
    await assistant.say("remind me to call mom tomorrow at 6pm")
    assert (await assistant.say("make it 7pm instead"))[1] == "change_reminder"
    await assistant.say("lunch with Eva on friday at noon")
    assert (await assistant.say("cancel that"))[0].text.startswith("I've taken lunch with Eva out")
    reply, _ = await assistant.say("my reminders")
    assert reply.card is not None
    assert "19:00" in reply.card.rows[0][1]
    reply, _ = await assistant.say("never remind me again")  # nothing is deleted before the person says which
    assert reply.text.startswith("I have deleted nothing yet.")
    assert [button.label for button in reply.buttons] == ["Delete 1"]
    await assistant.say("delete my reminder to call mom")
    await assistant.say("remind me to call dad tomorrow at 6pm")
    assert (await assistant.say("cancel that"))[0].text.startswith("Deleted: call dad.")


async def test_the_clock_of_the_browser_counts_from_the_first_message_on(assistant: Assistant) -> None:
    said = MemoryAdapter().message("what is my time zone?", channel="t", user="t", event_id="zone")
    said = structs.replace(said, sender=structs.replace(said.sender, time_zone="Asia/Tokyo"))
    outcome = await assistant.runtime.agent.handle(said, _unseen)
    assert outcome.reply is not None and "Asia/Tokyo" in outcome.reply.text


async def test_undo_and_cancel_mean_what_was_spoken_of_last(assistant: Assistant) -> None:
    await assistant.say("remind me to call mom tomorrow at 6pm")
    await assistant.say("/reminders")
    assert (await assistant.say("undo"))[0].text == "Deleted: call mom."
    await assistant.say("lunch with Eva on friday at noon")
    await assistant.say("move it to 2pm")
    assert "as before" not in (await assistant.say("cancel it"))[0].text
    assert not (await assistant.say("what do I have on friday?"))[0].card


@pytest.mark.parametrize("command", ["/finance import", "/todo new", "/remind"])
@pytest.mark.parametrize("words", ["cancel", "never mind"])
async def test_a_question_is_left_in_words(assistant: Assistant, command: str, words: str) -> None:
    await assistant.say(command)
    assert (await assistant.say(words))[0].text == "All right."
    assert (await assistant.say("tell me a joke"))[0].text.startswith("I have no language model")


async def test_a_bare_hour_moves_the_reminder_that_was_just_set(assistant: Assistant) -> None:
    await assistant.say("remind me to call mom tomorrow at 6pm")
    reply, tool = await assistant.say("make it 7 instead")
    assert tool == "change_reminder" and "19:00" in reply.text


async def test_all_reminders_are_deleted_after_a_question(assistant: Assistant) -> None:
    """The calendar knows nothing of them, and does not say that there are none."""
    await assistant.say("remind me to call mom tomorrow at 6pm")
    await assistant.say("remind me to call dad tomorrow at 7pm")
    asked, _ = await assistant.say("delete all my reminders")
    assert asked.text.startswith("Should I delete all your 2 reminders?") and asked.card is not None
    assert (await assistant.say("no"))[0].text != "Deleted 2 reminders."
    assert len((await assistant.say("my reminders"))[0].buttons) >= 2
    await assistant.say("delete my reminders")
    assert (await assistant.say("yes"))[0].text == "Deleted 2 reminders."


async def test_a_question_of_a_plugin_is_answered_by_the_next_words(assistant: Assistant) -> None:
    """They are no request then, whatever they look like to other plugins."""
    await assistant.say("/note")
    assert (await assistant.say("lunch with Eva on friday at noon"))[0].text.startswith("Noted as number 1.")
    await assistant.say("/todo add")
    assert (await assistant.say("note: call Ben"))[0].text.startswith("Added as number 1")
