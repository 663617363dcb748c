"""Measure how well the offline judge judges candidate policies, where their true value is known.

    python -m benchmarks.off_policy

The worlds are those of :mod:`benchmarks.simulated_users`, without changes of taste. The true value of a policy is the
mean satisfaction that it would have had in the same turns. The logging policy prefers some behaviours for every person:
a softmax of noisy tastes.

The kinds of candidates are ``softmax``, two better policies and a worse one; ``same``, the logging policy itself;
``uniform``; ``single``, one behaviour always; and ``boundary``, mixtures that are worth .001 less than the logging
policy. A ``boundary`` candidate that is promoted is promoted falsely.

For every kind the report shows the relative error of DR and of SNIPW; how often the 95 % intervals of DR and of the
gain hold the truth; how many of the candidates are promoted that are truly no better than the logging policy; and how
many of those that are truly better by a margin. With ``--told`` everybody shows their satisfaction with every reply, so
that the error that is left does not come from the feedback model.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from benchmarks.simulated_users import INTENTS, LABELS, Nonlinear, Personas

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.array_types import Floats
from llmagent_os.policy.off_policy.bandit_feedback import LoggedBanditFeedback
from llmagent_os.policy.off_policy.judge import Judge

#: How much better a candidate truly is, where the share of promoted candidates is reported.
MARGINS = (0.02, 0.05, 0.1)
#: The kinds of candidates.
KINDS = ("softmax", "same", "uniform", "single", "boundary")


@dataclass(frozen=True)
class Case:
    """One log and its candidates."""

    feedback: LoggedBanditFeedback  #: the log
    truth: Floats  #: the probability of satisfaction with every behaviour at every decision, ``(n, actions)``
    candidates: list[tuple[str, Floats]]  #: kinds, and the probabilities of actions, ``(n, actions)``

    def value(self, action_dist: Floats) -> float:
        """Return the true value of a policy: its mean satisfaction."""
        return float((action_dist * self.truth).sum(1).mean())


def _softmax(scores: Floats, floor: float = 0.05) -> Floats:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    chances = powers / powers.sum(1, keepdims=True)
    return np.asarray((1 - floor) * chances + floor / scores.shape[1], np.float64)


def case(seed: int, regime: str, n: int, *, told: bool = False) -> Case:
    """Make a log of ``n`` decisions, and its candidates."""
    kind = Nonlinear if regime == "nonlinear" else Personas
    world = kind(seed, regime, turns=-(-2 * n // 24))  # in the second half tastes change
    rng = np.random.default_rng([seed, 5])
    truth = np.stack([world.satisfaction(turn) for turn in range(n)])
    logits = np.log(truth / (1 - truth))
    noise = rng.normal(0, 1.0, (world.users, 1, len(LABELS)))[world.order[:n], 0]
    logging = _softmax(0.4 * logits + noise, 0.1)
    actions = np.array([rng.choice(len(LABELS), p=row) for row in logging])
    seen = [world.feedback(turn, int(action)) for turn, action in enumerate(actions)]
    opinions = np.array([1 if each.reaction < 0 else 2 if each.reaction > 0 else 0 for each in seen])
    if told:
        opinions = np.where(rng.random(n) < truth[np.arange(n), actions], 2, 1)
    features = np.zeros((n, INTENTS))
    features[np.arange(n), world.intents[:n]] = 1.0
    feedback = LoggedBanditFeedback(
        context=features,
        person=world.order[:n].astype(np.int64),
        action=actions.astype(np.int64),
        action_dist=logging,
        opinion=opinions.astype(np.int64),
        follow_up=np.array([0 if told else 2 if each.reask else 1 for each in seen], np.int64),
    )
    better, best, worse = (
        _softmax(taste * logits + share * noise) for taste, share in ((1.0, 1.0), (2.0, 0.5), (-0.3, 1.0))
    )
    uniform = np.full_like(logging, 1 / len(LABELS))
    found = Case(feedback, truth, [("softmax", each) for each in (better, best, worse)])
    found.candidates.extend([("same", logging), ("uniform", uniform)])
    found.candidates.extend(("single", np.eye(len(LABELS))[np.full(n, at)]) for at in range(len(LABELS)))
    wanted = found.value(logging) - 0.001
    for high, low in ((better, worse), (best, uniform), (best, worse)):
        share = (wanted - found.value(low)) / (found.value(high) - found.value(low))
        if 0 < share < 1:
            found.candidates.append(("boundary", share * high + (1 - share) * low))
    return found


def trial(seed: int, regime: str, n: int, *, told: bool = False) -> Iterator[tuple[str, str, float]]:
    """Yield what was measured with one log: the kind of candidate, the name of the figure, and its value."""
    given = case(seed, regime, n, told=told)
    space = ActionSpace()
    contrasts, orders = space.contrasts()
    judge = Judge(given.feedback, contrasts[[space.labels.index(label) for label in LABELS]], orders)
    own = given.value(given.feedback.action_dist)
    for kind, action_dist in given.candidates:
        worth = given.value(action_dist)
        found = judge.evaluate(action_dist)
        if found.dr.value is not None:
            yield kind, "DR error", abs(min(max(found.dr.value, 0.0), 1.0) - worth) / worth
        if found.snipw.value is not None:
            yield kind, "SNIPW error", abs(found.snipw.value - worth) / worth
        yield kind, "DR holds", float(found.dr.low <= worth <= found.dr.high)
        if kind == "same":
            continue
        yield kind, "gain holds", float(found.gain.low <= worth - own <= found.gain.high)
        if worth <= own:
            yield kind, "falsely promoted", float(found.promote)
        for margin in MARGINS:
            if worth >= own + margin:
                yield kind, f"promoted, {margin:.2f} better", float(found.promote)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regimes", default="A,B,C", help="any of A, B, C and nonlinear")
    parser.add_argument("--decisions", default="1000,4000")
    parser.add_argument("--first", type=int, default=100, help="the first seed")
    parser.add_argument("--trials", type=int, default=8, help="the number of seeds")
    parser.add_argument("--told", action="store_true", help="everybody shows their satisfaction")
    options = parser.parse_args()
    for regime in options.regimes.split(","):
        for n in map(int, options.decisions.split(",")):
            whole: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
            for seed in range(options.first, options.first + options.trials):
                for kind, name, value in trial(seed, regime, n, told=options.told):
                    whole[name][kind].append(value)
            print(f"{regime}, {n} decisions")
            print(f"  {'':<22}" + "".join(f"{kind:>15}" for kind in KINDS))
            for name, kinds in whole.items():
                cells = (f"{np.mean(kinds[kind]):.3f} ({len(kinds[kind])})" if kinds[kind] else "-" for kind in KINDS)
                print(f"  {name:<22}" + "".join(f"{cell:>15}" for cell in cells))


if __name__ == "__main__":
    main()
