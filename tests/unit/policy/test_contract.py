"""What breaks without this: a person's feedback teaches the policy about another person."""

from __future__ import annotations

import msgspec
import pytest

from llmagent_os.policy import Decision


def test_a_logged_decision_under_an_old_name_of_the_person_is_refused() -> None:
    """Ignored without a word, it would be learned as a decision for nobody, and so would everybody else's."""
    logged = {"action": {"mode": "task_oriented"}, "pscore": 0.5, "policy_version": "bayes-3+1"}
    assert msgspec.convert({**logged, "person_id": "web::ana"}, Decision).person_id == "web::ana"
    with pytest.raises(msgspec.ValidationError, match="user_id"):
        msgspec.convert({**logged, "user_id": "web::ana"}, Decision)
