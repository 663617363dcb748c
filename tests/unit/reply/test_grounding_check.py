"""What breaks without this: a small model's slip of a name or a time reaches the person as a fact."""

from __future__ import annotations

import pytest

from llmagent_os.reply.grounding_check import fault_in

RESULT = ["lunch with Ana", "tomorrow, Monday 23 November, at 3:30 PM", "Name: Sam"]


@pytest.mark.parametrize(
    "reply",
    [
        "Added: lunch with Ana, tomorrow, Monday 23 November, at 3:30 PM.",
        "Sure thing, Sam! I've put lunch with Ana in your calendar.",
        "Done. Anything else?",
        "Done. Is there anything else that you would like?",
        "Added: lunch with Ana. Launch it whenever you like.",
        "I've added it. Undo brings it back.",
        "",
    ],
)
def test_true_replies_pass(reply: str) -> None:
    assert fault_in(reply, RESULT) is None


@pytest.mark.parametrize(
    "reply",
    [
        "Added: lunch with Anna.",
        "Added: lunch with Bob.",
        "Added: lunch with Ana at 3:45 PM.",
        "Added: lunch with Ana, Monday 24 November.",
        "That is 4 events.",
    ],
)
def test_wrong_copies_do_not(reply: str) -> None:
    assert fault_in(reply, RESULT) is not None


OWN = {"i've", "added", "for", "at", "it", "overlaps", "with", "nothing", "about"}


@pytest.mark.parametrize(
    ("reply", "true"),
    [
        ("I've added lunch with Ana for tomorrow, Monday 23 November, at 3:30 PM.", True),
        ("I've added lunch for tomorrow.", True),
        ("Nothing about lun.", False),
        ("I've added Ana lunch.", False),
        ("I've added lunch for Monday November.", False),
        ('Nothing about "lunch with Ana".', True),
        ('Nothing about "Ana with lunch".', False),
    ],
)
def test_a_model_whose_own_words_are_known_may_only_copy_the_rest(reply: str, true: bool) -> None:
    assert (fault_in(reply, RESULT, OWN) is None) is true


def test_a_model_that_has_lost_its_way_is_noticed() -> None:
    assert fault_in("lunch with Ana lunch with Ana lunch with Ana", RESULT) is not None
    assert fault_in("Ana for Ana for Ana for Ana for", RESULT, OWN) is not None


def test_whole_words_are_compared() -> None:
    """*Anything* is no wrong copy of *nothing*, and a part of a title is not the title."""
    assert fault_in("Is there anything else?", ["There is nothing on Friday."]) is None
    assert fault_in("Is there anything else?", ["There is nothing."], {"is", "there", "anything", "else"}) is None
    assert fault_in('Nothing about "lun".', RESULT) == "quotation"
    assert fault_in("Nothing about lun.", RESULT, OWN) == "words"


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ("Added: lunch with Bob.", "name"),
        ("That is 4 events.", "number"),
        ('Added: "dinner".', "quotation"),
        ("with Ana with Ana with Ana", "repetition"),
        ("Added: lunch with Ana.", None),
    ],
)
def test_what_is_wrong_has_a_name(reply: str, fault: str | None) -> None:
    """The log and the ledger say why a reply was replaced."""
    assert fault_in(reply, RESULT) == fault
