"""Measure how far many new accounts move what a policy has learned of one person, and what newcomers get.

    python -m benchmarks.poisoning --runs 20

A person reacts 20 times: 👍 where the reply is as she likes it, 👎 where it is not. Then an attacker makes accounts and
reacts with each of them, in direct messages of its own, in the opposite sense. The table shows how often the person's
most probable value has changed after the attack, the lowest and the mean of the change of P(liked value), and how far
the probability has moved that a newcomer gets that value. It is measured right after the attack, and again after one
more message of hers that she did not react to: she is then drawn again, beside the attackers.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from llmagent_os.identity import PersonId
from llmagent_os.policy.contract import Context, Decision, Kind
from llmagent_os.policy.learned import LEARNERS, LearnedPolicy, make_behavior

#: The bot's defaults, as the calendar's ``bot.toml`` has them.
DEFAULTS = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}
#: The moment of the first reaction.
START = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
VICTIM, NEWCOMER = PersonId("victim"), PersonId("newcomer")
#: Policies before ``bayes-4`` are not given the time.
_TAKES_TIME = "at" in inspect.signature(LearnedPolicy.observe).parameters


@dataclass(frozen=True)
class Attack:
    """What the attacker does, and to whom."""

    name: str  #: as the table shows it
    accounts: int = 40  #: the number of accounts
    reactions: int = 6  #: of each account
    own: int = 20  #: the reactions that the person gave before
    likes: tuple[str, str] = ("verbosity", "brief")  #: the dimension and the value that she likes
    hours: float = 1.0  #: how long the attack takes
    days: float = 0.0  #: how long the person's own reactions took
    others: int = 0  #: established people of her taste, who have reacted eight times each, on two days


#: The attacks of the table.
ATTACKS = (
    Attack("40 accounts × 6"),
    Attack("40 × 6, her reactions over 3 days", days=3),
    Attack("10 × 6", accounts=10),
    Attack("40 × 6 over 5 hours", hours=5),
    Attack("40 × 6 over 5 hours, hers over 3 days", hours=5, days=3),
    Attack("40 × 6, she likes the default", likes=("verbosity", "normal")),
    Attack("40 × 6, she likes to be asked", likes=("initiative", "ask_first")),
    Attack("40 × 6, after 5 reactions of her own", own=5),
    Attack("40 × 6, 12 others of her taste", others=12, days=3),
)


@dataclass(frozen=True)
class Outcome:
    """What one run of an attack has changed."""

    flipped: bool  #: whether her most probable value is another one
    moved: float  #: P(liked value) after the attack minus before
    flipped_later: bool  #: the same, after one more message of hers
    moved_later: float
    newcomer: float  #: P(a newcomer gets the value) after the attack minus before


def context(rng: np.random.Generator) -> Context:
    """Return the features of a message, as ``request_features`` makes them."""
    return {
        "intent": str(rng.choice(("ask", "request", "talk"), p=(0.45, 0.45, 0.1))),
        "kind": "direct",
        "length": str(rng.choice(("short", "medium", "long"), p=(0.3, 0.6, 0.1))),
        "day": "morning",
        "platform": "slack",
        "language": "en",
        "turn": float(rng.integers(0, 7)) / 3,
    }


class Talk:
    """People who talk with a bot and react."""

    def __init__(self, policy: LearnedPolicy, seed: int) -> None:
        self.policy = policy
        self._rng = np.random.default_rng([seed, 9])
        self._count = 0

    def turn(self, who: PersonId, at: datetime, likes: tuple[str, str] | None, sense: int = 1) -> None:
        """Answer ``who``, who then reacts. None: there is no reaction, and the person just goes on."""
        self._count += 1
        decision = self.policy.decide(who, context(self._rng), decision_id=f"d{self._count}")
        if likes is not None:
            self._tell(decision, float(sense if decision.action[likes[0]] == likes[1] else -sense), "reaction", at)
        self._tell(decision, 0.0, "went_on", at)

    def _tell(self, decision: Decision, reward: float, kind: Kind, at: datetime) -> None:
        extra: dict[str, Any] = {"at": at} if _TAKES_TIME else {}
        self.policy.observe(decision, reward, kind=kind, **extra)

    def chances(self, who: PersonId, name: str) -> dict[str, float]:
        """Return the mean probability of every value of a dimension, over some contexts."""
        rng = np.random.default_rng(1)
        sums = dict.fromkeys(self.policy.actions.dimensions[name], 0.0)
        for _ in range(20):
            chances = self.policy.learner.probabilities(who, context(rng), np.ones(len(self.policy.actions), np.bool_))
            for chance, action in zip(chances, self.policy.actions.actions, strict=True):
                sums[action[name]] += float(chance) / 20
        return sums


def run(attack: Attack, learner: str, seed: int) -> Outcome:
    """Run an attack against a policy that has just been made."""
    talk = Talk(make_behavior(learner, DEFAULTS, None, 0.03, seed=seed), seed)
    name, liked = attack.likes
    for number in range(8 * attack.others):
        at = START + timedelta(days=attack.days * (number // attack.others) / 8)
        talk.turn(PersonId(f"other{number % attack.others}"), at, attack.likes)
    for number in range(attack.own):
        talk.turn(VICTIM, START + timedelta(days=attack.days * number / attack.own, seconds=40 * number), attack.likes)
    before, newcomer = talk.chances(VICTIM, name), talk.chances(NEWCOMER, name)
    begins = START + timedelta(days=attack.days, hours=1)
    for number, account in enumerate(_order(attack)):
        at = begins + timedelta(hours=attack.hours * number / (attack.accounts * attack.reactions))
        talk.turn(PersonId(f"attacker{account}"), at, attack.likes, -1)
    after, then = talk.chances(VICTIM, name), talk.chances(NEWCOMER, name)
    talk.turn(VICTIM, begins + timedelta(hours=attack.hours), None)
    later = talk.chances(VICTIM, name)

    def best(chances: dict[str, float]) -> str:
        return max(chances, key=lambda value: chances[value])

    return Outcome(
        flipped=best(after) != best(before),
        moved=after[liked] - before[liked],
        flipped_later=best(later) != best(before),
        moved_later=later[liked] - before[liked],
        newcomer=then[liked] - newcomer[liked],
    )


def _order(attack: Attack) -> Iterator[int]:
    """Yield the accounts in the order in which they react: one after the other."""
    for account in range(attack.accounts):
        yield from [account] * attack.reactions


def _run(task: tuple[Attack, str, int]) -> Outcome:
    return run(*task)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--learners", default="bayes", help=f"any of {','.join(LEARNERS)}")
    parser.add_argument("--attacks", default="", help="numbers of attacks, from 0; empty: all")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    attacks = [ATTACKS[int(at)] for at in options.attacks.split(",") if at] or list(ATTACKS)
    print(f"{'attack':<40}{'flips':>10}{'moved, mean':>13}{'most':>8}{'flips later':>13}{'mean':>8}{'newcomer':>10}")
    with ProcessPoolExecutor(options.workers) as pool:
        for learner in options.learners.split(","):
            print(learner)
            for attack in attacks:
                found = list(pool.map(_run, [(attack, learner, seed) for seed in range(options.runs)]))
                moved = [each.moved for each in found]
                later = [each.moved_later for each in found]
                flips, flips_later = sum(each.flipped for each in found), sum(each.flipped_later for each in found)
                newcomer = np.mean([each.newcomer for each in found])
                print(
                    f"{attack.name:<40}{f'{flips} of {len(found)}':>10}{np.mean(moved):>13.3f}{min(moved):>8.3f}"
                    f"{f'{flips_later} of {len(found)}':>13}{np.mean(later):>8.3f}{newcomer:>10.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
