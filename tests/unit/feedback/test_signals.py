"""What breaks without this: a signal that some learner does not know is kept, or a stored state changes its meaning."""

from __future__ import annotations

from typing import get_args

from llmagent_os.feedback.signals import (
    NEXT_CATEGORIES,
    NEXT_KINDS,
    SIGNALS,
    SPOKEN_OPINION_KINDS,
    Kind,
    next_code,
    worth_of,
)
from llmagent_os.policy.bayes.learner_feedback_model import NEXT_PRIOR
from llmagent_os.policy.bayes.person_state import NEXT_SIGNS
from llmagent_os.policy.off_policy.judge_feedback_model import FeedbackModel


def test_every_kind_is_declared_once_and_has_a_meaning() -> None:
    assert tuple(SIGNALS) == get_args(Kind)
    assert all(signal.kind == kind and -1 <= signal.reward <= 1 for kind, signal in SIGNALS.items())
    assert [kind for kind, signal in SIGNALS.items() if signal.next is None] == [
        "reaction",
        "confirmed",
        "declined",
        "reason",
    ]


def test_the_codes_in_stored_states_stay_what_they_are() -> None:
    """A person's stored turns hold these numbers: another order would read thanks as a complaint."""
    assert NEXT_SIGNS == ("", "went_on", "reask", "correction", "edited", "thanks", "tool_failed")
    assert NEXT_PRIOR.shape == (2, len(NEXT_SIGNS)) and len(NEXT_SIGNS) == 1 + len(NEXT_KINDS)
    assert FeedbackModel.start(1).follow_up.shape == (2, len(NEXT_CATEGORIES))


def test_what_a_person_says_is_an_opinion_and_what_merely_happens_is_none() -> None:
    assert set(SPOKEN_OPINION_KINDS) == {"thanks", "correction", "reask", "edited"}


def test_going_on_is_worth_a_little_and_every_other_sign_what_the_ledger_keeps() -> None:
    assert worth_of("went_on", 0.0) == 0.25
    assert worth_of("reask", -0.4) == -0.4, "also where the ledger keeps what an older version gave"
    assert worth_of("of_a_later_version", 0.5) == 0.5


def test_thanks_win_over_what_speaks_against_a_reply_and_that_over_going_on() -> None:
    assert [NEXT_CATEGORIES[next_code(kinds)] for kinds in ([], ["reaction"], ["of_a_later_version"])] == [
        "unknown"
    ] * 3
    assert NEXT_CATEGORIES[next_code(["went_on"])] == "went_on"
    assert NEXT_CATEGORIES[next_code(["tool_failed", "went_on"])] == "against"
    assert NEXT_CATEGORIES[next_code(["thanks", "correction"])] == "thanks"
