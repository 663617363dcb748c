"""How much the behaviour policy's beliefs help the reward model of a training: ``python -m benchmarks.policy_prior``.

People with hidden tastes react to replies whose style a policy has chosen. After 5, 8, 10 and 20 opinions of a person,
the reward model chooses what to learn, from the person's opinions alone and with the policy's beliefs as prior. The
policy has learned from twenty other people before. A taste is one value of one dimension; every fifth person likes the
defaults. A reply that has the liked value is liked with .9, another one with .2.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from llmagent_os.identity import PersonId
from llmagent_os.policy.learned import LearnedPolicy, make_behavior
from llmagent_os.policy.persona import style_chances
from llmagent_os.training.distillation import choose
from llmagent_os.training.policy_beliefs import liked_shares, prior_opinions
from llmagent_os.training.reward_model import Opinion, fit_reward_model
from llmagent_os.training.style_candidates import OWN, Candidate, Question
from llmagent_os.training.wording_edits import EDITS

DIMENSIONS = {
    "tone": {"plain": "", "formal": "f", "cheerful": "c"},
    "length": {"normal": "", "terse": "t", "bullets": "b"},
}
DEFAULTS = {"tone": "plain", "length": "normal"}
TASTES = ("tone=formal", "tone=cheerful", "length=terse", "length=bullets", "")
COUNTS = (5, 8, 10, 20)
TOPICS = ("sleeping", "chess", "bread", "money", "running", "gardens", "music", "letters", "trains", "birds")
QUESTIONS = 10


class Found(NamedTuple):
    """What came of one person's opinions with one prior."""

    right: float  #: the share of questions for which the liked style was chosen
    loss: float  #: mean negative log-likelihood of what the person thinks of fresh replies of random styles


def plain_reply(order: random.Random) -> str:
    """Some plain sentences."""
    return " ".join(
        f"{order.choice(('It is', 'That is', 'You will see that it is', 'Most people find it is'))} "
        f"{order.choice(('a good idea', 'easy', 'worth the time', 'fun'))} to think about {order.choice(TOPICS)} "
        f"{order.choice(('every day', 'in the morning', 'with friends', 'before you begin'))}."
        for _ in range(order.randint(2, 5))
    )


def styled(text: str, action: Mapping[str, str]) -> str:
    """A reply in the style of an action."""
    for value in action.values():
        text = EDITS[value](text) if value in EDITS else text
    return text


def liking(taste: str, action: Mapping[str, str]) -> float:
    """The probability that somebody likes a reply."""
    wanted = dict([taste.split("=")]) if taste else DEFAULTS
    return 0.9 if wanted.items() <= action.items() else 0.2


class Person:
    """Somebody with a hidden taste."""

    def __init__(self, name: str, taste: str, seed: int) -> None:
        self.person, self.taste, self.order = PersonId(name), taste, random.Random(seed)
        self.opinions: list[Opinion] = []

    def react(self, policy: LearnedPolicy) -> None:
        """Get a reply and say what it is worth."""
        decision = policy.decide(self.person, {})
        reward = 1.0 if self.order.random() < liking(self.taste, decision.action) else -1.0
        text = styled(plain_reply(self.order), decision.action)
        self.opinions.append(Opinion(text=text, reward=reward, person=self.person))
        policy.observe(decision, reward)

    def judge(self, expected: Mapping[str, float], worth: float) -> Found:
        """Choose what to learn, and look whether it is what the person likes."""
        order = random.Random(self.person)
        texts = [plain_reply(order) for _ in range(QUESTIONS)]
        questions = [Question(messages=({"role": "user", "content": str(at)},)) for at in range(QUESTIONS)]
        styles = {f"{name}={value}": value for name, values in DIMENSIONS.items() for value in values}
        replies = [
            [Candidate(style=OWN, text=text)]
            + [Candidate(style=name, text=EDITS[value](text)) for name, value in styles.items() if value in EDITS]
            for text in texts
        ]
        usual = [f"{name}={value}" for name, value in DEFAULTS.items()]
        prior = prior_opinions({self.person: expected}, replies, self.opinions, usual=usual, worth=worth)
        model = fit_reward_model([*self.opinions, *(prior if worth else [])], self.person, average=True)
        chosen = choose(questions, replies, model)
        right = chosen.styles.get(self.taste or OWN, 0) / QUESTIONS
        actions = [{name: order.choice(list(values)) for name, values in DIMENSIONS.items()} for _ in range(60)]
        liked = model.score([styled(plain_reply(order), action) for action in actions]).liked
        truth = np.array([liking(self.taste, action) for action in actions])
        return Found(right, float(-(truth * np.log(liked) + (1 - truth) * np.log(1 - liked)).mean()))


def measure(learner: str, seed: int, worths: tuple[float, ...], people: int) -> dict[tuple[int, float], list[Found]]:
    """Run one population; gives by number of opinions and worth of the prior what came of each person."""
    policy = make_behavior(learner, DEFAULTS, None, 0.03, DIMENSIONS, seed)
    for at in range(20):
        other = Person(f"other{at}", TASTES[at % 5], seed * 1000 + at)
        for _ in range(25):
            other.react(policy)
    found: dict[tuple[int, float], list[Found]] = {(count, worth): [] for count in COUNTS for worth in worths}
    everybody = [Person(f"p{seed}-{at}", TASTES[at % 5], seed * 1000 + 500 + at) for at in range(people)]
    for turn in range(1, max(COUNTS) + 1):
        for each in everybody:
            each.react(policy)
            if turn in COUNTS:
                chances = style_chances(policy.actions, policy.learner.beliefs(each.person))
                expected = liked_shares(chances)
                for worth in worths:
                    found[turn, worth].append(each.judge(expected, worth))
    return found


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learner", default="bayes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--worths", type=float, nargs="+", default=[0.0, 1.0])
    given = parser.parse_args()
    runs = [measure(given.learner, seed, tuple(given.worths), given.people) for seed in given.seeds]
    print("opinions  worth  liked style chosen  loss on fresh replies")
    for key in runs[0]:
        all_ = [each for run in runs for each in run[key]]
        right, loss = np.mean([each.right for each in all_]), np.mean([each.loss for each in all_])
        print(f"{key[0]:>8}  {key[1]:>5}  {right:>18.2f}  {loss:>21.3f}")


if __name__ == "__main__":
    main()
