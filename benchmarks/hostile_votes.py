"""Measure how far a few hostile accounts move the replies to honest people, who make mistakes themselves.

    python -m benchmarks.hostile_votes --seeds 200-209

Some people react to 20 replies each, one an hour; a share of their votes is wrong by accident. Then five new accounts
give 50 votes, each the opposite of what the people like, at once or over ten hours. The table shows the probability of
a liked reply, as exact means over the policy's choices: to the people before the attack, how far it moved, in the mean
and in the worst seed, and the same of somebody who is not known yet.

The second table is about people whose taste is not that of the others. They have to learn it themselves, also where
they come after everybody else, and also after an attack: the probability that their last replies are as they like them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product

import numpy as np

from llmagent_os.identity import PersonId
from llmagent_os.policy.contract import Context, Dimensions
from llmagent_os.policy.learned import LearnedPolicy, make_behavior

#: The moment of the first reaction.
START = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
HERE: Context = {"intent": "talk"}
#: The first value is the bot's default.
TWO_TONES: Dimensions = {"tone": {"plain": "", "playful": ""}}
THREE_TONES: Dimensions = {"tone": {"plain": "", "playful": "", "formal": ""}}
#: The hostile accounts, and how often each votes.
ACCOUNTS, ROUNDS = 5, 10
#: How often an honest person reacts.
REACTIONS = 20


@dataclass(frozen=True)
class Attack:
    """One cell of the first table."""

    people: int  #: honest people
    wrong: float  #: the share of their votes that is the opposite of what they mean
    hours: float  #: how long the attack takes


@dataclass(frozen=True)
class Moved:
    """The probability of a liked reply, before and after the attack."""

    before: float
    after: float
    newcomer_before: float
    newcomer_after: float


class Talk:
    """People who are answered by a policy and vote."""

    def __init__(self, dimensions: Dimensions, seed: int) -> None:
        self.policy: LearnedPolicy = make_behavior("bayes", {"tone": "plain"}, None, 0.03, dimensions, seed=seed)
        self._lots = np.random.default_rng([seed, 5])
        self._count = 0

    def vote(self, who: str, likes: str, at: datetime, *, wrong: float = 0.0, sense: float = 1.0) -> None:
        """Answer somebody, who votes for what is liked, or by ``sense`` -1 against it."""
        self._count += 1
        decision = self.policy.decide(PersonId(who), HERE, decision_id=f"d{self._count}")
        meant = sense if decision.action["tone"] == likes else -sense
        self.policy.observe(decision, -meant if self._lots.random() < wrong else meant, at=at)

    def chance(self, who: str, likes: str) -> float:
        """How likely the next reply to somebody is as ``likes``."""
        actions = self.policy.actions.actions
        chances = self.policy.learner.probabilities(PersonId(who), HERE, np.ones(len(actions), np.bool_))
        return float(chances[[action["tone"] == likes for action in actions]].sum())

    def live(self, names: Sequence[str], likes: str, begins: datetime, wrong: float) -> datetime:
        """Let people react :data:`REACTIONS` times each, once an hour. Returns when they are done."""
        for hour, (number, who) in product(range(REACTIONS), enumerate(names)):
            self.vote(who, likes, begins + timedelta(hours=hour, minutes=number), wrong=wrong)
        return begins + timedelta(hours=REACTIONS)

    def attack(self, likes: str, begins: datetime, hours: float) -> datetime:
        """Let the hostile accounts vote against what is liked. Returns when they are done."""
        for turn, account in product(range(ROUNDS), range(ACCOUNTS)):
            self.vote(f"hostile{account}", likes, begins + timedelta(hours=hours * turn / ROUNDS), sense=-1.0)
        return begins + timedelta(hours=hours)


def run(attack: Attack, seed: int) -> Moved:
    """Run one attack against a policy that has just been made."""
    talk = Talk(TWO_TONES, seed)
    names = [f"p{number}" for number in range(attack.people)]
    ends = talk.live(names, "playful", START, attack.wrong)

    def liked() -> float:
        return float(np.mean([talk.chance(who, "playful") for who in names]))

    before, newcomer = liked(), talk.chance("newcomer", "playful")
    talk.attack("playful", ends, attack.hours)
    return Moved(before, liked(), newcomer, talk.chance("newcomer", "playful"))


def minority(case: str, seed: int) -> float:
    """Return how likely the replies to three people of a rare taste are as they like them, after 20 reactions each.

    Args:
        case: ``alone``, with nobody else; ``after twelve``, who like another tone; ``attacked`` likewise, and then by
            the hostile accounts.
        seed: of the policy and of the mistakes; a tenth of all votes is wrong.
    """
    talk, begins = Talk(THREE_TONES, seed), START
    few = [f"few{number}" for number in range(3)]
    if case != "alone":
        begins = talk.live([f"p{number}" for number in range(12)], "playful", begins, 0.1) + timedelta(hours=6)
    ends = talk.live(few, "formal", begins, 0.1)
    if case == "attacked":
        talk.attack("formal", ends, 10)
    return float(np.mean([talk.chance(who, "formal") for who in few]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="200-209", help="the first and the last seed")
    parser.add_argument("--people", default="3,6,12")
    parser.add_argument("--wrong", default="0,0.1,0.2", help="the shares of wrong votes")
    parser.add_argument("--hours", default="0,10", help="how long the attacks take")
    parser.add_argument("--attacks-only", action="store_true", help="leave out the people of a rare taste")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    first, _, last = options.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    people = [int(count) for count in options.people.split(",")]
    shares, lengths = ([float(each) for each in given.split(",")] for given in (options.wrong, options.hours))
    print(f"seeds {options.seeds}; P(liked reply)")
    print(
        f"{'people':>6}{'wrong':>7}{'hours':>7}{'before':>9}{'moved':>9}{'worst':>9}{'newcomer':>10}{'moved':>9}{'worst':>9}"
    )
    with ProcessPoolExecutor(options.workers) as pool:
        for count, wrong, hours in product(people, shares, lengths):
            found = list(pool.map(partial(run, Attack(count, wrong, hours)), seeds))
            moved = np.array([each.after - each.before for each in found])
            new = np.array([each.newcomer_after - each.newcomer_before for each in found])
            before = np.mean([(each.before, each.newcomer_before) for each in found], axis=0)
            print(
                f"{count:>6}{wrong:>7.1f}{hours:>7.0f}{before[0]:>9.3f}{moved.mean():>+9.3f}{moved.min():>+9.3f}"
                f"{before[1]:>10.3f}{new.mean():>+9.3f}{new.min():>+9.3f}",
                flush=True,
            )
        if options.attacks_only:
            return
        print("\nthree people of a rare taste, after 20 reactions each: mean, worst seed")
        for case in ("alone", "after twelve", "attacked"):
            liked = list(pool.map(partial(minority, case), seeds))
            print(f"{case:<14}{np.mean(liked):>8.3f}{min(liked):>8.3f}", flush=True)


if __name__ == "__main__":
    main()
