"""How well candidate policies are judged from what another policy did.

    python -m benchmarks.off_policy

Worlds are those of :mod:`benchmarks.simulated_users`, without change of taste, so that what a policy is worth is known:
the mean satisfaction that it would have had in the same turns. The log is of a policy that prefers, per person, some
behaviours by a softmax of noisy tastes. Candidates: each behaviour alone, uniform, better and worse softmaxes.
Reported: the relative error of DR and SNIPW; how often 95 % intervals hold the truth; and of the candidates truly no
better than what was done, how many are promoted, and of those truly better by a margin, how many are.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np
from benchmarks.simulated_users import INTENTS, LABELS, Personas
from numpy.typing import NDArray

from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.evaluation import Logged, evaluate

MARGINS = (0.02, 0.05, 0.1)


def _softmax(scores: NDArray[np.float64], floor: float = 0.05) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    chances = powers / powers.sum(1, keepdims=True)
    return (1 - floor) * chances + floor / scores.shape[1]


def trial(seed: int, regime: str, n: int) -> dict[str, list[float]]:
    """One log of ``n`` decisions, and what was made of it."""
    world = Personas(seed, regime, turns=-(-2 * n // 24))  # the second half is another taste
    rng = np.random.default_rng([seed, 5])
    truth = np.stack([world.satisfaction(turn) for turn in range(n)])
    logits = np.log(truth / (1 - truth))
    noise = rng.normal(0, 1.0, (world.users, 1, len(LABELS)))[world.order[:n], 0]
    logging = _softmax(0.4 * logits + noise, 0.1)
    actions = np.array([rng.choice(len(LABELS), p=row) for row in logging])
    seen = [world.feedback(turn, int(action)) for turn, action in enumerate(actions)]
    space = ActionSpace()
    order = [space.labels.index(label) for label in LABELS]
    contrasts = space.contrasts()[0][order]
    features = np.zeros((n, INTENTS))
    features[np.arange(n), world.intents[:n]] = 1.0
    logged = Logged(
        features=features,
        people=world.order[:n].astype(np.int64),
        actions=actions.astype(np.int64),
        chances=logging,
        opinions=np.array([1 if each.reaction < 0 else 2 if each.reaction > 0 else 0 for each in seen], np.int64),
        nexts=np.array([2 if each.reask else 1 for each in seen], np.int64),
    )
    candidates = {
        "uniform": np.full_like(logging, 1 / len(LABELS)),
        "better": _softmax(1.0 * logits + noise),
        "much better": _softmax(2.0 * logits + 0.5 * noise),
        "worse": _softmax(-0.3 * logits + noise),
        "same": logging,
    } | {label: np.eye(len(LABELS))[np.full(n, at)] for at, label in enumerate(LABELS)}
    own = float((logging * truth).sum(1).mean())
    out: dict[str, list[float]] = defaultdict(list)
    for name, chances in candidates.items():
        worth = float((chances * truth).sum(1).mean())
        found = evaluate(logged, chances, contrasts)
        kind = "single" if name in LABELS else "mixed"
        out[f"DR error, {kind}"].append(abs(found.dr.value - worth) / worth)
        out[f"SNIPW error, {kind}"].append(abs(found.snipw.value - worth) / worth)
        out["DR interval holds"].append(float(found.dr.low <= worth <= found.dr.high))
        if worth <= own:
            out["falsely promoted"].append(float(found.promote))
        for margin in MARGINS:
            if worth >= own + margin:
                out[f"promoted of better by {margin:.2f}"].append(float(found.promote))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regimes", default="A,B,C")
    parser.add_argument("--decisions", default="1000,4000")
    parser.add_argument("--trials", type=int, default=20, help="seeds from 100 on")
    options = parser.parse_args()
    for regime in options.regimes.split(","):
        for n in map(int, options.decisions.split(",")):
            whole: dict[str, list[float]] = defaultdict(list)
            for seed in range(100, 100 + options.trials):
                for name, values in trial(seed, regime, n).items():
                    whole[name] += values
            print(f"{regime}, {n} decisions")
            for name in sorted(whole):
                print(f"  {name:<28} {np.mean(whole[name]):.3f}  (of {len(whole[name])})")


if __name__ == "__main__":
    main()
