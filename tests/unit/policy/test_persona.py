"""Personas: what kind of person somebody is. What breaks without this: people change groups with every reaction."""

from __future__ import annotations

import random

import numpy as np
import pytest

from llmagent_os.identity import PersonId
from llmagent_os.modules.taste_words import persona_in_words
from llmagent_os.policy.learned import LEARNERS, make_behavior
from llmagent_os.policy.persona import JOIN, LEAVE, moved, persona_of, style_chances

DEFAULTS = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}


def test_a_person_joins_when_sure_and_leaves_when_unsure() -> None:
    """Between the two bounds a person stays what they are."""
    between = (JOIN + LEAVE) / 2
    brief, detailed = "verbosity=brief", "verbosity=detailed"
    assert persona_of({brief: between}, "", DEFAULTS) == ""
    assert persona_of({brief: JOIN}, "", DEFAULTS) == brief
    assert persona_of({brief: between, detailed: 0.0}, brief, DEFAULTS) == brief
    assert persona_of({brief: LEAVE - 0.01, detailed: JOIN}, brief, DEFAULTS) == detailed
    assert persona_of({"mode=conversational": JOIN, brief: JOIN + 0.1}, "", DEFAULTS) == brief


def test_what_everybody_gets_is_no_persona() -> None:
    assert persona_of({"verbosity=normal": 1.0}, "", DEFAULTS) == ""
    assert persona_of({"verbosity=brief": 1.0}, "verbosity=brief", DEFAULTS | {"verbosity": "brief"}) == ""


def test_a_style_that_the_bot_has_no_more_is_no_persona() -> None:
    shares = moved({"tone=rude": 0.9}, {"tone=plain": 0.5, "tone=playful": 0.5})
    assert persona_of(shares, "tone=rude", {"tone": "plain"}) == ""


def test_six_signs_are_the_least() -> None:
    """Whoever has reacted a few times must not be told what they are."""
    shares: dict[str, float] = {}
    for _ in range(5):
        shares = moved(shares, {"verbosity=brief": 1.0})
    assert persona_of(shares, "", DEFAULTS) == ""
    assert persona_of(moved(shares, {"verbosity=brief": 1.0}), "", DEFAULTS) == "verbosity=brief"
    assert persona_in_words("verbosity=brief") == "people who like short answers"


@pytest.mark.parametrize("learner", LEARNERS)
def test_every_learner_finds_who_likes_short_answers(learner: str) -> None:
    """Four people like short answers, four like what everybody gets; one reaction of twenty is wrong."""
    policy, order = make_behavior(learner, DEFAULTS, None, 0.03, seed=3), random.Random(5)
    everything = np.ones(len(policy.actions), np.bool_)
    people = {PersonId(f"p{at}"): {"verbosity": "brief" if at % 2 else "normal"} for at in range(8)}
    personas, shares, changes = dict.fromkeys(people, ""), {person: dict[str, float]() for person in people}, 0
    for _ in range(25 if learner == "bayes" else 50):  # the others learn more slowly, and ten times as cheaply
        for person, taste in people.items():
            decision = policy.decide(person, {})
            liked = (DEFAULTS | taste).items() <= decision.action.items()
            policy.observe(decision, 1.0 if liked == (order.random() > 0.05) else -1.0)
            chances = style_chances(policy.actions, policy.learner.probabilities(person, {}, everything))
            shares[person] = moved(shares[person], chances)
            after = persona_of(shares[person], personas[person], DEFAULTS)
            changes += after != personas[person]
            personas[person] = after
    wanted = {person: "verbosity=brief" if taste["verbosity"] == "brief" else "" for person, taste in people.items()}
    assert sum(personas[person] == wanted[person] for person in people) >= 7
    assert changes <= 8, "personas must not change with every reaction"
