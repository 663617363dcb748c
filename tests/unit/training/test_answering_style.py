"""In which style a person is answered now. What breaks without this: a LoRA is trained for what nobody is answered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.array_types import Bools, Floats
from llmagent_os.policy.contract import Context
from llmagent_os.policy.learned import LearnedPolicy, make_policy
from llmagent_os.training.answering_style import answering_style, surest_style
from tests.unit.training.conftest import JobBench
from tests.unit.training.test_persona_tracker import DEFAULTS, Town, person

BOT = {"name": "calendar", "policy": {"learner": "q_learning", "exploration": 0.03}, "behavior": DEFAULTS}


@pytest.fixture
def town(jobs: JobBench) -> Town:
    return Town(jobs)


async def styles(town: Town, *names: str, **bot: Any) -> list[dict[str, str]]:
    return [
        await answering_style(town.ledger, town.tracker._directory, BOT | bot, person(name))  # pyright: ignore[reportPrivateUsage]
        for name in names
    ]


async def test_it_is_what_the_policy_has_found_and_else_the_bots_own(town: Town) -> None:
    await town.react(["ana", "uma"])
    ana, uma = await styles(town, "ana", "uma")
    assert ana["verbosity"] == "brief" and uma["verbosity"] == "normal"
    assert "initiative" not in ana, "weights cannot learn it"
    (fixed,) = await styles(town, "ana", policy={"learner": "fixed"})
    assert fixed == {"mode": "task_oriented", "verbosity": "normal"}


async def test_what_a_person_asked_for_wins(town: Town) -> None:
    await town.react(["ana"])
    await town.profiles.update(person("ana"), verbosity="detailed")
    (ana,) = await styles(town, "ana")
    assert ana["verbosity"] == "detailed"
    (ana,) = await styles(town, "ana", policy={"learner": "fixed"})
    assert ana["verbosity"] == "detailed"


def test_values_are_chosen_together() -> None:
    """Brief and chatty are each chosen most often, and never at the same time: then neither of the two styles is."""
    space = ActionSpace({"mode": ("dry", "chatty"), "verbosity": ("brief", "long")})

    class Learner:
        def probabilities(self, person_id: str, context: Context, allowed: Bools) -> Floats:
            chances = {"a": (0.2, 0.0, 0.0, 0.8), "b": (0.9, 0.0, 0.1, 0.0), "c": (0.0, 0.0, 0.9, 0.1)}
            return np.where(allowed, chances[str(context["at"])], 0.0)

    policy = make_policy("q_learning", space)
    given = LearnedPolicy(Learner(), space)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    situations: list[Context] = [{"at": at} for at in "aab"]
    assert surest_style(given, person("ana"), situations, {}) == {"mode": "chatty", "verbosity": "long"}
    assert surest_style(given, person("ana"), [{"at": "c"}], {}) == {"mode": "chatty", "verbosity": "brief"}
    assert surest_style(policy, person("nobody"), [], {"mode": "chatty"})["mode"] == "chatty", "somebody new"
