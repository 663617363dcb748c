"""Whose words a person reads. Without this, a model's guess stands above a button, or over a card that says it all."""

from __future__ import annotations

import pytest

from llmagent_os.adapter import Card
from llmagent_os.chat import ToolCall
from llmagent_os.modules import PrivacyModule
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.answer import NO_ANSWER, NOT_UNDERSTOOD, Answer, OtherWords
from llmagent_os.reply.model_failure import FailureKind
from llmagent_os.serving.model_card import Grounding
from llmagent_os.serving.taught_replies import ResultKind, TaughtReplies, TaughtReply

PRIVACY = PrivacyModule()
ADDED = ToolResult({"status": "created", "title": "tea"}, "I've added tea.")
CARD = Card(rows=(("4 PM", "tea"),))
TAUGHT = TaughtReplies(results=(TaughtReply(ResultKind({"status": "created"}), ("Tea is in: <title>.",)),))
FIXED = {
    "it asks before it acts": ToolResult({"status": "confirm", "title": "tea"}, "Shall I add tea?"),
    "the tool failed": ToolResult({"status": "failed"}, "Sorry, that did not work."),
    "a card shows it": ToolResult({"status": "listed", "title": "tea"}, "This is your day.", card=CARD),
    "the tool wants it so": ToolResult({"status": "listed", "title": "tea"}, "Tea takes 1 hour.", word_for_word=True),
}


def answer(
    text: str, *results: ToolResult, grounding: Grounding = "enforce", failure: FailureKind | None = None
) -> Answer:
    calls = [ToolCall("add", {}) for _ in results]
    return Answer(text=text, calls=calls, results=list(results), grounding=grounding, failure=failure)


def read(given: Answer) -> tuple[OtherWords | None, str]:
    return given.other_words(PRIVACY), given.reply(PRIVACY).text


def test_true_words_of_the_model_are_read() -> None:
    assert read(answer("I've added tea for you.", ADDED)) == (None, "I've added tea for you.")
    assert read(answer("Good morning.")) == (None, "Good morning.")


@pytest.mark.parametrize("why", FIXED)
@pytest.mark.parametrize("text", ["You have tea.", ""])
def test_what_a_tool_says_word_for_word_is_said_by_no_model(why: str, text: str) -> None:
    given = answer(text, FIXED[why], grounding="off")
    assert read(given) == (OtherWords.FIXED, FIXED[why].text)
    assert given.reply(PRIVACY).card == FIXED[why].card
    assert not given.may_show("You have")
    assert given.replaced(PRIVACY) is None, "nothing was wrong with the model's words"
    assert given.fault(PRIVACY) is None


def test_only_the_last_result_decides() -> None:
    assert read(answer("I've added tea.", FIXED["a card shows it"], ADDED)) == (None, "I've added tea.")


@pytest.mark.parametrize(("results", "said"), [((ADDED,), "I've added tea."), ((), str(NO_ANSWER))])
def test_a_silent_model_leaves_the_words_to_the_tool(results: tuple[ToolResult, ...], said: str) -> None:
    assert read(answer("", *results)) == (OtherWords.SILENT, said)


@pytest.mark.parametrize("text", ["I've added coffee at 5 PM.", "I've deleted tea."])
def test_untrue_words_are_replaced_where_they_are_checked(text: str) -> None:
    given = answer(text, ADDED)
    assert read(given) == (OtherWords.UNTRUE, "I've added tea.")
    assert given.replaced(PRIVACY) == "ungrounded"
    assert not given.may_show(text)
    assert read(answer(text, ADDED, grounding="advise")) == (None, text)
    assert read(answer(text, ADDED, grounding="off")) == (None, text)


def test_words_that_the_model_was_not_taught_are_untrue() -> None:
    given = answer("It is in: tea.", ADDED)
    given.taught = TAUGHT
    assert (read(given), given.fault(PRIVACY)) == ((OtherWords.UNTRUE, "I've added tea."), "untaught")
    given.text = "Tea is in: tea."
    assert read(given) == (None, "Tea is in: tea.")


def test_talk_that_claims_a_deed_is_not_said() -> None:
    assert read(answer("I've deleted everything.")) == (OtherWords.UNTRUE, str(NOT_UNDERSTOOD))


def test_a_failure_comes_first() -> None:
    given = answer("The model is not available right now.", failure="unavailable")
    assert read(given) == (OtherWords.FAILURE, "The model is not available right now.")
    assert given.replaced(PRIVACY) == "failure"
    assert read(answer("", FIXED["a card shows it"], failure="busy")) == (OtherWords.FAILURE, "This is your day.")


def test_several_results_are_said_as_they_are_joined() -> None:
    given = answer("", ADDED, ADDED)
    given.joined = ToolResult({"status": "joined"}, "I've added tea twice.")
    assert given.reply(PRIVACY).text == "I've added tea twice."
