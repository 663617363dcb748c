"""Consent. What breaks without this: a person who opted out is learned from all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

import llmagent_os.privacy
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


def test_it_is_asked_at_two_places() -> None:
    """A third place would sooner or later give another answer, and a person who opted out would be learned from."""
    core = Path(llmagent_os.privacy.__file__).parents[1]
    asking = {
        path.relative_to(core).as_posix()
        for path in core.rglob("*.py")
        if "may_learn(" in path.read_text().replace("def may_learn(", "") and path.name != "consent.py"
    }
    assert asking == {"reply/exchange.py", "people/directory.py"}
