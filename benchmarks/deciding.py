"""Measure the time of a decision with many people, and the space that a person takes.

    python -m benchmarks.deciding --people 100000

One person's state is learned from 250 turns and stored as bytes. All people get a copy of these bytes. Then some people
are read in from the bytes and answered. The table shows, for every learner: the time of a decision with one person and
with all people, the ratio of the two, the time to read a person in, the size of a person's state, and the time of an
observation.

    python -m benchmarks.deciding --scale 10000,100000,1000000

One bot with so many people in its ledger, who are active by Zipf's law: the person of rank r writes 1/r as often as the
first. :mod:`benchmarks.policy_scale` has what is measured.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from benchmarks.policy_scale import print_scale

from llmagent_os.identity import PersonId
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.contract import Context
from llmagent_os.policy.learned import LEARNERS, LearnedPolicy, make_policy
from llmagent_os.policy.learner import SHARED


def _context(rng: np.random.Generator) -> Context:
    names = ("ask", "request", "talk"), ("morning", "evening"), ("short", "medium", "long"), ("web", "slack", "discord")
    intent, day, length, platform = (str(rng.choice(each)) for each in names)
    return {"intent": intent, "day": day, "length": length, "platform": platform, "turn": 0.3}


def _milliseconds(policy: LearnedPolicy, people: list[PersonId], rng: np.random.Generator) -> float:
    """Return the mean time of a decision, in milliseconds."""
    contexts = [_context(rng) for _ in people]
    began = time.perf_counter()
    for person_id, context in zip(people, contexts, strict=True):
        policy.decide(person_id, context)
    return 1000 * (time.perf_counter() - began) / len(people)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--decisions", type=int, default=2_000)
    parser.add_argument("--scale", help="numbers of people, separated by commas")
    parser.add_argument("--learner", default="bayes", help="the learner of --scale")
    parser.add_argument("--rewards", type=int, default=1_024, help="the rewards of --scale")
    options = parser.parse_args()
    if options.scale:
        people = [int(each) for each in options.scale.split(",")]
        print_scale(options.learner, people, options.decisions, options.rewards)
        return
    rng = np.random.default_rng(0)
    print(
        f"{'learner':<14}{'one person, ms':>16}{'all, ms':>10}{'ratio':>8}{'read in, ms':>14}{'KiB a person':>14}"
        f"{'observation, ms':>17}"
    )
    for name in LEARNERS:
        policy = make_policy(name)
        began = time.perf_counter()
        for _ in range(250):
            policy.observe(policy.decide(PersonId("u0"), _context(rng)), float(rng.choice((-1.0, 1.0))))
        observing = 1000 * (time.perf_counter() - began) / 250
        alone = _milliseconds(policy, [PersonId("u0")] * options.decisions, rng)
        parts = policy.learner.changes()
        body = parts["u0"]
        policy = make_policy(name, ActionSpace())
        stored = {PersonId(f"u{number}"): body for number in range(options.people)}
        for person_id in policy.learner.restore(parts[SHARED]):
            policy.learner.take(person_id, stored[person_id])
        drawn = np.asarray(rng.integers(int(options.people), size=int(options.decisions)), np.int64)
        some = [PersonId(f"u{number}") for number in drawn.tolist()]
        began = time.perf_counter()
        for person_id in some:
            policy.learner.take(person_id, stored[person_id])
        bringing = 1000 * (time.perf_counter() - began) / len(some)
        many = _milliseconds(policy, some, rng)
        print(
            f"{name:<14}{alone:>16.3f}{many:>10.3f}{many / alone:>8.2f}{bringing:>14.3f}{len(body) / 1024:>14.1f}"
            f"{observing:>17.2f}"
        )


if __name__ == "__main__":
    main()
