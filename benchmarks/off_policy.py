"""How well candidate policies are judged from what another policy did.

    python -m benchmarks.off_policy

Worlds are those of :mod:`benchmarks.simulated_users`, without change of taste, so that what a policy is worth is known:
the mean satisfaction that it would have had in the same turns. The log is of a policy that prefers, per person, some
behaviours by a softmax of noisy tastes. Kinds of candidate: ``softmax``, two better, one worse; ``same``, the log's own
policy; ``uniform``; ``single``, each behaviour alone; ``boundary``, mixtures made to be worth .001 less than what was
done, of which any that is promoted is promoted falsely.

Reported for each kind: the relative error of DR and SNIPW; how often 95 % intervals of DR and of the gain hold the
truth; of the candidates truly no better than what was done, how many are promoted, and of those truly better by a
margin, how many are. ``--told`` shows everybody's satisfaction with every reply: what is left is no matter of signs.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from benchmarks.simulated_users import INTENTS, LABELS, Nonlinear, Personas
from numpy.typing import NDArray

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.off_policy.bandit_feedback import Logged
from llmagent_os.policy.off_policy.judge import Judge

Floats = NDArray[np.float64]

MARGINS = (0.02, 0.05, 0.1)
KINDS = ("softmax", "same", "uniform", "single", "boundary")


@dataclass(frozen=True)
class Case:
    """One log and its candidates."""

    logged: Logged
    truth: Floats  #: satisfaction with every behaviour at every decision
    candidates: list[tuple[str, Floats]]  #: kinds and chances

    def worth(self, chances: Floats) -> float:
        """The mean satisfaction with a policy of such chances."""
        return float((chances * self.truth).sum(1).mean())


def _softmax(scores: Floats, floor: float = 0.05) -> Floats:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    chances = powers / powers.sum(1, keepdims=True)
    return np.asarray((1 - floor) * chances + floor / scores.shape[1], np.float64)


def case(seed: int, regime: str, n: int, *, told: bool = False) -> Case:
    """A log of ``n`` decisions."""
    kind = Nonlinear if regime == "nonlinear" else Personas
    world = kind(seed, regime, turns=-(-2 * n // 24))  # the second half is another taste
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
    logged = Logged(
        features=features,
        people=world.order[:n].astype(np.int64),
        actions=actions.astype(np.int64),
        chances=logging,
        opinions=opinions.astype(np.int64),
        nexts=np.array([0 if told else 2 if each.reask else 1 for each in seen], np.int64),
    )
    better, best, worse = (
        _softmax(taste * logits + share * noise) for taste, share in ((1.0, 1.0), (2.0, 0.5), (-0.3, 1.0))
    )
    uniform = np.full_like(logging, 1 / len(LABELS))
    found = Case(logged, truth, [("softmax", each) for each in (better, best, worse)])
    found.candidates.extend([("same", logging), ("uniform", uniform)])
    found.candidates.extend(("single", np.eye(len(LABELS))[np.full(n, at)]) for at in range(len(LABELS)))
    wanted = found.worth(logging) - 0.001
    for high, low in ((better, worse), (best, uniform), (best, worse)):
        share = (wanted - found.worth(low)) / (found.worth(high) - found.worth(low))
        if 0 < share < 1:
            found.candidates.append(("boundary", share * high + (1 - share) * low))
    return found


def trial(seed: int, regime: str, n: int, *, told: bool = False) -> Iterator[tuple[str, str, float]]:
    """What was made of one log: kinds, what is measured, and values."""
    given = case(seed, regime, n, told=told)
    space = ActionSpace()
    contrasts, orders = space.contrasts()
    judge = Judge(given.logged, contrasts[[space.labels.index(label) for label in LABELS]], orders)
    own = given.worth(given.logged.chances)
    for kind, chances in given.candidates:
        worth = given.worth(chances)
        found = judge.evaluate(chances)
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
    parser.add_argument("--regimes", default="A,B,C", help="of A, B, C and nonlinear")
    parser.add_argument("--decisions", default="1000,4000")
    parser.add_argument("--first", type=int, default=100, help="seed")
    parser.add_argument("--trials", type=int, default=8, help="seeds from the first on")
    parser.add_argument("--told", action="store_true")
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
