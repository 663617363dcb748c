"""What a decision costs with many people, and what a person takes.

    python -m benchmarks.deciding --people 100000

One person is taught 250 turns and copied to as many people as asked for, who are stored as bytes; then some of them are
answered, who are held in memory. Printed: a decision with one person known and with all, their ratio, what it takes to
bring somebody else in from the bytes, the bytes that a person's state takes, and what an observation takes.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.contract import Context
from llmagent_os.policy.learned import LEARNERS, LearnedPolicy, make_policy
from llmagent_os.policy.learner import SHARED


def _context(rng: np.random.Generator) -> Context:
    names = ("ask", "request", "talk"), ("morning", "evening"), ("short", "medium", "long"), ("web", "slack", "discord")
    intent, day, length, platform = (str(rng.choice(each)) for each in names)
    return {"intent": intent, "day": day, "length": length, "platform": platform, "turn": 0.3}


def _milliseconds(policy: LearnedPolicy, people: list[str], rng: np.random.Generator) -> float:
    contexts = [_context(rng) for _ in people]
    began = time.perf_counter()
    for who, context in zip(people, contexts, strict=True):
        policy.decide(who, context)
    return 1000 * (time.perf_counter() - began) / len(people)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--decisions", type=int, default=2_000)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    print(
        f"{'learner':<14}{'one person, ms':>16}{'all, ms':>10}{'ratio':>8}{'bring in, ms':>14}{'KiB a person':>14}"
        f"{'observation, ms':>17}"
    )
    for name in LEARNERS:
        policy = make_policy(name)
        began = time.perf_counter()
        for _ in range(250):
            policy.observe(policy.decide("u0", _context(rng)), float(rng.choice((-1.0, 1.0))))
        observing = 1000 * (time.perf_counter() - began) / 250
        alone = _milliseconds(policy, ["u0"] * options.decisions, rng)
        parts = policy.learner.changes()
        body = parts["u0"]
        policy = make_policy(name, ActionSpace())
        stored = {f"u{number}": body for number in range(options.people)}
        for who in policy.learner.restore(parts[SHARED]):
            policy.learner.take(who, stored[who])
        some = [f"u{number}" for number in rng.integers(options.people, size=options.decisions)]
        began = time.perf_counter()
        for who in some:
            policy.learner.take(who, stored[who])
        bringing = 1000 * (time.perf_counter() - began) / len(some)
        many = _milliseconds(policy, some, rng)
        print(
            f"{name:<14}{alone:>16.3f}{many:>10.3f}{many / alone:>8.2f}{bringing:>14.3f}{len(body) / 1024:>14.1f}"
            f"{observing:>17.2f}"
        )


if __name__ == "__main__":
    main()
