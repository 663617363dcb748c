"""Consent. What breaks without this: a person who opted out is learned from all the same."""

from __future__ import annotations

import pytest

from llmagent_os.people.profiles import PREFERENCES
from llmagent_os.privacy.consent import LEARNING, may_learn


@pytest.mark.parametrize(
    ("preferences", "allowed"),
    [({}, True), ({LEARNING: "on"}, True), ({LEARNING: "off"}, False), ({"mode": "off"}, True)],
)
def test_only_who_opted_out_is_not_learned_from(preferences: dict[str, str], allowed: bool) -> None:
    assert may_learn(preferences) is allowed


def test_the_answer_is_a_preference_that_people_can_set() -> None:
    assert set(PREFERENCES[LEARNING]) == {"on", "off"}
