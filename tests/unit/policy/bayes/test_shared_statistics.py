"""What breaks without this: several learners of one bot believe something else of newcomers than one learner would."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from llmagent_os.errors import PolicyError
from llmagent_os.identity import PersonId
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.bayes.bayes_learner import Bayes
from llmagent_os.policy.bayes.learner_feedback_model import draw_voiced
from llmagent_os.policy.bayes.shared_sampler import draw_by, draw_shared
from llmagent_os.policy.bayes.shared_statistics import SharedStatistics, gather, nothing
from llmagent_os.policy.contract import Context
from llmagent_os.policy.learned import LearnedPolicy, make_policy

#: A context column that the second half of the people alone have.
HERE: tuple[Context, Context] = ({"intent": "ask", "direct": True}, {"intent": "talk", "load": 0.4})


def observe(policy: LearnedPolicy, people: range, turns: range = range(8)) -> None:
    """Have people react who like what is brief."""
    for turn in turns:
        for number in people:
            made = policy.decide(PersonId(f"web::p{number}"), HERE[number % 2], decision_id=f"{number}.{turn}")
            policy.observe(made, 1.0 if made.action["verbosity"] == "brief" else -1.0)


def bayes(policy: LearnedPolicy) -> Bayes:
    assert isinstance(policy.learner, Bayes)
    return policy.learner


def test_the_sum_over_shards_draws_what_one_learner_draws() -> None:
    """The sums have another order, and are sent in single precision: the draws agree to some 1e-5."""
    policy = make_policy("bayes", seed=1)
    observe(policy, range(24))
    learner = bayes(policy)
    shared, lean = learner._shared, learner._leans  # pyright: ignore[reportPrivateUsage]
    people = [learner._people[name] for name in learner._pool]  # pyright: ignore[reportPrivateUsage]
    whole = draw_shared(people, shared, lean, np.random.default_rng(5))
    shards = [people[0::3], people[1::3], people[2::3]]
    sent = [SharedStatistics.of_arrays(gather(shard, shared, lean).arrays()) for shard in shards]
    told = sum(sent, nothing(shared))
    exact = sum((gather(shard, shared, lean) for shard in shards), nothing(shared))
    for added, tolerance in ((told, 2e-4), (exact, 1e-9)):
        rng = np.random.default_rng(5)
        merged = draw_by(added, shared, partial(draw_voiced, people, shared.outspoken, rng), rng)
        for name in ("mu", "odds", "nexts", "raters", "outspoken", "between", "within"):
            assert getattr(merged, name) == pytest.approx(getattr(whole, name), rel=tolerance, abs=tolerance), name


def test_the_urges_of_shards_add_up_on_average() -> None:
    """They are drawn by every shard, so only their distribution is that of one learner."""
    policy = make_policy("bayes", seed=2)
    observe(policy, range(12))
    learner = bayes(policy)
    shared = learner._shared  # pyright: ignore[reportPrivateUsage]
    people = [learner._people[name] for name in learner._pool]  # pyright: ignore[reportPrivateUsage]
    rng = np.random.default_rng(0)
    whole = np.mean([draw_voiced(people, shared.outspoken, rng) for _ in range(300)], 0)
    halves = [[draw_voiced(half, shared.outspoken, rng) for half in (people[:5], people[5:])] for _ in range(300)]
    parts = np.mean([one + other for one, other in halves], 0)
    assert parts == pytest.approx(whole, rel=0.1, abs=0.5)


def test_a_newcomer_of_one_shard_gets_what_people_of_the_other_like() -> None:
    """Else every shard would begin anew with what most people like."""
    shards = [make_policy("bayes", seed=seed) for seed in (1, 2)]
    for policy in shards:
        bayes(policy).share_prior()
    merger = bayes(make_policy("bayes", seed=9))
    merger.share_prior()
    for turn in range(20):
        observe(shards[1], range(8), range(turn, turn + 1))
        prior = merger.merged([bayes(policy).statistics() for policy in shards])
        for policy in shards:
            bayes(policy).adopt_prior(prior)
    first = shards[0]
    brief = np.array([action["verbosity"] == "brief" for action in first.actions.actions])
    for context in HERE:
        assert float(first.learner.beliefs(PersonId("web::new"))[brief].sum()) > 0.5, context
    columns = bayes(first)._shared.design.features.columns  # pyright: ignore[reportPrivateUsage]
    assert {"intent=ask", "direct=True", "intent=talk", "load"} <= set(columns), "both shards know all columns"


def test_statistics_of_other_actions_are_refused() -> None:
    other = Bayes(ActionSpace({"tone": {"plain": "", "formal": ""}}))
    with pytest.raises(PolicyError, match="learn it again"):
        Bayes(ActionSpace()).merged([other.statistics()])
