"""What breaks without this: a person's own wish is overruled, or a mistyped mode passes silently."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import pytest

from llmagent_os.errors import ConfigError
from llmagent_os.identity import PersonId
from llmagent_os.modules import BehaviorModule
from llmagent_os.modules.behavior import system_text
from llmagent_os.policy import Context, Decision, FixedPolicy, Kind
from llmagent_os.policy.contract import DIMENSIONS, EVERYTHING, NOTHING_ASKED
from llmagent_os.policy.learned import make_policy
from llmagent_os.testing import ScriptedLLM

USER = PersonId("u")


def test_the_persons_wish_beats_the_mode_that_was_set() -> None:
    behavior = BehaviorModule()
    behavior.set_mode("conversational")
    assert behavior.decide(USER, {}, {}, learn=True).action["mode"] == "conversational"
    assert behavior.decide(USER, {}, {"mode": "task_oriented"}, learn=True).action["mode"] == "task_oriented"


def test_a_fixed_decision_is_certain() -> None:
    """Off-policy evaluation divides by the propensity: 0 or a missing one would poison it."""
    decision = BehaviorModule().decide(USER, {}, {"verbosity": "brief"}, learn=True)
    assert decision.pscore == 1.0
    assert list(decision.action_dist.values()) == [1.0]
    assert decision.policy_version


def test_unknown_dimensions_of_a_profile_are_left_out() -> None:
    assert "colour" not in BehaviorModule().decide(USER, {}, {"colour": "red"}, learn=True).action


def test_unknown_values_name_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="task_oriented"):
        BehaviorModule().set_mode("chatty")
    with pytest.raises(ConfigError, match="brief"):
        BehaviorModule().set_style("short")


def test_generate_response_tells_the_model_the_mode_and_the_facts() -> None:
    llm = ScriptedLLM("At 8.")
    behavior = BehaviorModule()
    behavior.set_mode("conversational")
    assert behavior.generate_response("when do you open?", ["We open at 8."], llm) == "At 8."
    system = llm.requests[0].messages[0]["content"]
    assert "conversational" in system
    assert "We open at 8." in system


def test_notes_come_before_the_style() -> None:
    text = system_text({"mode": "task_oriented", "verbosity": "brief"}, notes="You keep a calendar.")
    assert text.splitlines()[0] == "You keep a calendar."


TONE = {"tone": {"plain": "", "playful": "Write playfully."}}


def test_values_of_ones_own_are_told_in_their_words_else_by_name() -> None:
    llm = ScriptedLLM("Fine.", "Fine.")
    for tone, told in (("plain", "Style: plain."), ("playful", "Write playfully.")):
        BehaviorModule(defaults={"tone": tone}, dimensions=TONE).generate_response("hi", ["We open at 8."], llm)
        assert llm.requests[-1].messages[0]["content"] == f"{told}\nFact: We open at 8."


def test_words_for_a_usual_dimension_take_the_place_of_its_name() -> None:
    own = {**DIMENSIONS, "verbosity": {"normal": "", "brief": "Use one sentence."}}
    chosen = {"mode": "conversational", "verbosity": "brief", "initiative": "ask_first"}
    assert system_text(chosen, dimensions=own) == "Style: conversational.\nUse one sentence."


def test_a_wish_that_this_bot_does_not_know_is_passed_over() -> None:
    """A profile may hold one of another bot, or of an older configuration."""
    behavior = BehaviorModule(dimensions=TONE)
    assert behavior.decide(USER, {}, {"tone": "shrill", "mode": "conversational"}, learn=True).action == {
        "tone": "plain"
    }
    with pytest.raises(ConfigError, match="this bot has no mode, only tone"):
        behavior.set_mode("conversational")


def test_a_mode_that_was_set_holds_with_every_policy_and_keeps_its_defaults() -> None:
    """Else ``set_mode`` does nothing, without a word, once a policy that learns is in place."""

    class Learned:
        def decide(
            self,
            person_id: PersonId,
            context: Context,
            explicit: Mapping[str, str] = NOTHING_ASKED,
            *,
            within: Mapping[str, Collection[str]] = EVERYTHING,
            decision_id: str = "",
            episode_id: str = "",
        ) -> Decision:
            action = {"mode": "task_oriented", "verbosity": "brief", **explicit}
            return Decision(action=action, pscore=0.5, policy_version="learned")

        def observe(
            self,
            decision: Decision,
            reward: float | None,
            *,
            kind: Kind = "reaction",
            weight: float = 1.0,
            at: datetime | None = None,
        ) -> None:
            """Nothing is learned here."""

    for policy in (Learned(), FixedPolicy({"verbosity": "brief"})):
        behavior = BehaviorModule(policy)
        behavior.set_mode("conversational")
        action = behavior.decide(PersonId("u1"), {}, {}, learn=True).action
        assert (action["mode"], action["verbosity"]) == ("conversational", "brief")
        assert (
            behavior.decide(PersonId("u1"), {}, {"mode": "task_oriented"}, learn=True).action["mode"] == "task_oriented"
        )


def test_without_consent_the_policy_that_learns_is_not_asked() -> None:
    """A person who opted out would otherwise be answered by what the bot has learned of them before."""
    behavior = BehaviorModule(make_policy("bayes"))
    learned, fixed = behavior.decide(USER, {}, {}, learn=True), behavior.decide(USER, {}, {}, learn=False)
    assert learned.policy_version != fixed.policy_version == FixedPolicy.version
    assert (fixed.pscore, fixed.person_id) == (1.0, USER)
