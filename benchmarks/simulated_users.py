"""Simulate people with hidden tastes, and measure how fast a behaviour policy learns how they like to be answered.

    python -m benchmarks.simulated_users --regimes A,B --seeds 100-104 --learners uniform,bayes,vw_squarecb
    python -m benchmarks.simulated_users --plot docs/images/policy-regret.svg --json data/regret.json

24 people take 200 turns each. Every person belongs to one of five personas, and a quarter of the people draw their
persona again half-way. At a turn the policy knows who asks, and with what intent (and four numbers that do not matter),
and chooses one of twelve behaviours. Most people say nothing. The dissatisfied react more often, and tend to ask again.
Some people always vote the opposite of what they feel.

The regimes differ in how often people react, and in how many people vote the opposite: A, 5 to 50 % and one person; B,
2 to 20 % and one; C, 5 to 50 % and five. In ``nonlinear``, every persona has a taste for every behaviour in every
intent that no sum of parts explains. In ``delayed``, people talk in sessions of four turns. What is done early in a
session shapes how the later turns are taken, and people react only to the last turn.

The first figure is a policy's summed regret, divided by that of the uniform policy in the same world, averaged over
seeds. The second is the 90th percentile of the people's regrets, divided by their median. ``--regimes module:Class``
runs a world of your own. ``module:Class:regime`` runs one that takes a regime as its second argument.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Protocol, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from llmagent_os.identity import PersonId
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.contract import EVERYTHING, NOTHING_ASKED, BehaviorPolicy, Context, Decision, Kind, label
from llmagent_os.policy.learned import LEARNERS, make_policy

#: The behaviours in the order of the worlds' draws: mode, verbosity, initiative.
ACTIONS: list[tuple[str, str, str]] = [
    *product(("task_oriented", "conversational"), ("brief", "normal", "detailed"), ("act", "ask_first"))
]
LABELS = [label(dict(zip(("mode", "verbosity", "initiative"), action, strict=True))) for action in ACTIONS]
#: The number of intents.
INTENTS = 4
#: By regime, the range of a satisfied person's probability to react.
REACTING = {"A": (0.05, 0.5), "B": (0.02, 0.2), "C": (0.05, 0.5), "nonlinear": (0.05, 0.5), "delayed": (0.2, 0.8)}
#: By regime, how many people vote the opposite of what they feel.
CONTRARY = {"A": 1, "B": 1, "C": 5, "nonlinear": 1, "delayed": 1}
#: The names of the regimes.
REGIMES = tuple(REACTING)


@dataclass(frozen=True)
class Feedback:
    """What is seen of a person after a turn."""

    reaction: int  #: 1, -1, or 0 for no reaction
    reask: bool  #: whether the person asks again


class World(Protocol):
    """A stream of turns."""

    users: int  #: the number of people
    length: int  #: the number of turns

    def context(self, turn: int) -> tuple[int, int, NDArray[np.float64]]:
        """Return who asks, the intent, and numbers that do not matter."""
        ...

    def satisfaction(self, turn: int) -> NDArray[np.float64]:
        """Return how good every behaviour would be, ``(12,)``. It is hidden; regret is measured against its best."""
        ...

    def feedback(self, turn: int, action: int) -> Feedback:
        """Return what the person does after being answered by ``action``."""
        ...


def _logistic(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-value))


class Personas:
    """Tastes that are a sum over the parts of a behaviour, within each intent: regimes A, B and C."""

    def __init__(self, seed: int, regime: str = "A", *, users: int = 24, turns: int = 200) -> None:
        rng = np.random.default_rng(seed)
        self.users, self.length = users, users * turns
        general, special = rng.normal(0, 1.6, (5, 4)), rng.normal(0, 1.0, (5, 4, INTENTS))
        centres = np.concatenate([general[:, :, None], special], axis=2).reshape(5, -1)
        first = rng.integers(0, 5, users)
        own = rng.normal(0, 0.4, (users, centres.shape[1]))
        moves = rng.random(users) < 0.25
        later = first.copy()
        later[moves] = rng.integers(0, 5, int(moves.sum()))
        self.persona = first, later
        self._tastes = centres[first] + own, centres[later] + own
        self._mood = rng.normal(0.0, 0.3, users)
        self.rate = rng.uniform(*REACTING[regime], users)
        self.contrary = np.zeros(users, np.bool_)
        self.contrary[rng.choice(users, CONTRARY[regime], replace=False)] = True
        self.order = np.concatenate([rng.permutation(users) for _ in range(turns)])
        self.intents = rng.integers(0, INTENTS, self.length)
        self._beside = rng.normal(0, 1, (self.length, 4))
        self._lots = rng.random((3, self.length))
        self._features = [_parts(intent) for intent in range(INTENTS)]

    def context(self, turn: int) -> tuple[int, int, NDArray[np.float64]]:
        return int(self.order[turn]), int(self.intents[turn]), self._beside[turn]

    def satisfaction(self, turn: int) -> NDArray[np.float64]:
        user = self.order[turn]
        taste = self._tastes[int(turn >= self.length // 2)][user]
        return _logistic(self._mood[user] + self._features[self.intents[turn]] @ taste)

    def feedback(self, turn: int, action: int) -> Feedback:
        user, (content, shown, again) = self.order[turn], self._lots[:, turn]
        satisfied = content < self.satisfaction(turn)[action]
        shows = shown < min(self.rate[user] * (1.0 if satisfied else 1.5), 1.0)
        vote = (1 if satisfied else -1) * (-1 if self.contrary[user] else 1)
        return Feedback(vote if shows else 0, bool(again < (0.05 if satisfied else 0.35)))


def _parts(intent: int) -> NDArray[np.float64]:
    """Return the parts of every behaviour, for all intents and for this one, ``(12, 20)``."""
    rows = [
        [(m == "conversational") - 0.5, (v == "normal") - 1 / 3, (v == "detailed") - 1 / 3, (i == "ask_first") - 0.5]
        for m, v, i in ACTIONS
    ]
    here = np.zeros(1 + INTENTS)
    here[[0, 1 + intent]] = 1.0
    return np.kron(np.array(rows), here)


class Nonlinear(Personas):
    """Tastes that no sum of parts explains: a table of every behaviour in every intent."""

    def __init__(self, seed: int, regime: str = "nonlinear", **sizes: int) -> None:
        super().__init__(seed, regime, **sizes)
        rng = np.random.default_rng([seed, 1])
        table = rng.normal(0, 1.1, (5, 1, 12)) + rng.normal(0, 1.1, (5, INTENTS, 12))
        own = rng.normal(0, 0.4, (self.users, INTENTS, 12))
        self._tables = tuple(table[persona] + own for persona in self.persona)

    def satisfaction(self, turn: int) -> NDArray[np.float64]:
        user = self.order[turn]
        return _logistic(self._mood[user] + self._tables[int(turn >= self.length // 2)][user, self.intents[turn]])


class Delayed(Personas):
    """Sessions of four turns. The earlier turns decide most of how a turn is taken, and only the last gets reactions.

    For regret, a behaviour is worth what it adds to the satisfaction with all turns of its session.
    """

    SESSION = 4  #: the turns of a session
    CARRIED = 0.7  #: the share of a turn's satisfaction that the earlier turns decide

    def __init__(self, seed: int, regime: str = "delayed", **sizes: int) -> None:
        super().__init__(seed, regime, **sizes)
        rng = np.random.default_rng([seed, 2])
        carry = rng.normal(0, 2.0, (5, 4))
        parts = _parts(0).reshape(12, 4, 1 + INTENTS)[:, :, 0]
        self._carry = tuple(_logistic(carry[persona] @ parts.T) for persona in self.persona)
        self._turns: dict[int, int] = {}
        seen = defaultdict[int, int](int)
        self.place = np.zeros(self.length, np.int64)
        for turn, user in enumerate(self.order):
            self.place[turn] = seen[int(user)]
            seen[int(user)] += 1
        self._carried: dict[str, list[float]] = {}

    def episode(self, turn: int) -> str:
        """Return the session of a turn."""
        return f"{self.order[turn]}.{self.place[turn] // self.SESSION}"

    def _carries(self, turn: int) -> NDArray[np.float64]:
        carries: NDArray[np.float64] = self._carry[int(turn >= self.length // 2)][self.order[turn]]
        return carries

    def satisfaction(self, turn: int) -> NDArray[np.float64]:
        at = int(self.place[turn] % self.SESSION)
        now = (1.0 if at == 0 else 1 - self.CARRIED) * super().satisfaction(turn)
        later = sum(self.CARRIED / place for place in range(at + 1, self.SESSION))
        return now + later * self._carries(turn)

    def feedback(self, turn: int, action: int) -> Feedback:
        at, user = int(self.place[turn] % self.SESSION), self.order[turn]
        earlier = self._carried.setdefault(self.episode(turn), [])
        now = float(super().satisfaction(turn)[action])
        chance = now if at == 0 else (1 - self.CARRIED) * now + self.CARRIED * float(np.mean(earlier))
        earlier.append(float(self._carries(turn)[action]))
        content, shown, again = self._lots[:, turn]
        satisfied = content < chance
        shows = at == self.SESSION - 1 and shown < min(self.rate[user] * (1.0 if satisfied else 1.5), 1.0)
        vote = (1 if satisfied else -1) * (-1 if self.contrary[user] else 1)
        return Feedback(vote if shows else 0, bool(again < (0.05 if satisfied else 0.35)))


def make_world(regime: str, seed: int) -> World:
    """Make the world of a regime, or of ``module:Class`` or ``module:Class:regime``."""
    if ":" in regime:
        module, name, *own = regime.split(":", 2)
        return cast(World, getattr(importlib.import_module(module), name)(seed, *own))
    return {"nonlinear": Nonlinear, "delayed": Delayed}.get(regime, Personas)(seed, regime)


class Uniform:
    """Chooses any behaviour with the same probability. Regret is divided by its regret."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def decide(
        self,
        person_id: PersonId,
        context: Context,
        explicit: Mapping[str, str] = NOTHING_ASKED,
        *,
        within: Mapping[str, Collection[str]] = EVERYTHING,
        decision_id: str = "",
        episode_id: str = "",
    ) -> Decision:
        at = int(self._rng.integers(len(ACTIONS)))
        action = dict(zip(("mode", "verbosity", "initiative"), ACTIONS[at], strict=True))
        return Decision(action=action, pscore=1 / len(ACTIONS), policy_version="uniform", person_id=person_id)

    def observe(
        self,
        decision: Decision,
        reward: float | None,
        *,
        kind: Kind = "reaction",
        weight: float = 1.0,
        at: datetime | None = None,
    ) -> None:
        """Nothing is learned."""


def run(world: World, policy: BehaviorPolicy) -> NDArray[np.float64]:
    """Return the regret of every turn, ``(world.length,)``.

    After a turn the policy observes the reaction, if there was one, and whether the person asked again or went on.
    """
    numbers = {name: number for number, name in enumerate(LABELS)}
    session: Callable[[int], str] = getattr(world, "episode", lambda turn: "")
    regret = np.zeros(world.length)
    for turn in range(world.length):
        user, intent, beside = world.context(turn)
        context: Context = {"intent": str(intent)}
        context |= {f"other_{number}": float(value) for number, value in enumerate(beside)}
        worth = world.satisfaction(turn)
        decision = policy.decide(PersonId(str(user)), context, episode_id=session(turn))
        action = numbers[label(decision.action)]
        seen = world.feedback(turn, action)
        if seen.reaction:
            policy.observe(decision, float(seen.reaction), kind="reaction")
        policy.observe(decision, -1.0 if seen.reask else 0.0, kind="reask" if seen.reask else "went_on")
        regret[turn] = worth.max() - worth[action]
    return regret


@dataclass(frozen=True)
class Task:
    """One learner in one world."""

    learner: str  #: the name of the learner
    regime: str  #: the regime, or a world of your own
    seed: int  #: the seed of the world and the learner


@dataclass(frozen=True)
class Outcome:
    """The result of a task."""

    task: Task  #: the task
    ratio: float  #: the summed regret, divided by that of the uniform policy
    people: list[float]  #: the summed regret of every person
    curve: list[float]  #: cumulative regret, divided by the final one of the uniform policy, at a hundred places
    seconds: float  #: the time of the run


def measure(task: Task) -> Outcome | str:
    """Run a task. Returns the reason instead if the learner's package is missing."""
    world = make_world(task.regime, task.seed)
    uniform = run(make_world(task.regime, task.seed), Uniform(task.seed))
    began = time.perf_counter()
    if task.learner == "uniform":
        regret = run(world, Uniform(task.seed + 1))
    elif task.learner in LEARNERS:
        options = {"gamma": 0.9} if task.regime.rpartition(":")[2] == "delayed" else {"gamma": 0.0}
        regret = run(world, make_policy(task.learner, ActionSpace(), seed=task.seed, **options))
    else:
        from benchmarks import peers

        try:
            regret = peers.run(task.learner, world, task.seed)
        except ImportError as error:
            return f"{task.learner} is left out: {error}; pip install 'llmagent-os[peers]'"
    seconds = time.perf_counter() - began
    order = np.array([world.context(turn)[0] for turn in range(world.length)])
    people = [float(regret[order == user].sum()) for user in range(world.users)]
    at = np.linspace(0, world.length - 1, 100).astype(int)
    curve = (regret.cumsum()[at] / uniform.sum()).tolist()
    return Outcome(task, float(regret.sum() / uniform.sum()), people, curve, seconds)


def _numbers(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def plot(found: dict[tuple[str, str], list[Outcome]], regimes: list[str], path: Path) -> None:
    """Draw the cumulative regret, with a panel for every regime."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "regret"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(regimes), figsize=(4.2 * len(regimes), 3.6), sharey=True, squeeze=False)
    for axis, regime in zip(axes[0], regimes, strict=True):
        for learner in dict.fromkeys(name for name, where in found if where == regime):
            curve = np.mean([outcome.curve for outcome in found[learner, regime]], axis=0)
            axis.plot(np.linspace(0, 200, 100), curve, label=learner, linewidth=2.2 if learner == "bayes" else 1.0)
        axis.set_title(regime)
        axis.set_xlabel("turns of each person")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("cumulative regret, uniform = 1 at the end")
    axes[0][0].legend(fontsize=7)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regimes", default="A,B,C", help=f"any of {','.join(REGIMES)}, or module:Class[:regime]")
    parser.add_argument("--seeds", default="100-104")
    parser.add_argument("--learners", default="uniform,bayes,reinforce,actor_critic,q_learning")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", type=Path, help="the file of results; tasks in it are not run again")
    options = parser.parse_args()
    if options.plot:  # before the runs, not after them
        try:
            import matplotlib  # noqa: F401
        except ImportError as error:
            parser.error(f"--plot cannot draw: {error}; pip install 'llmagent-os[peers]'")
    regimes, learners = options.regimes.split(","), options.learners.split(",")
    tasks = [Task(name, regime, seed) for name in learners for regime in regimes for seed in _numbers(options.seeds)]
    before: list[Outcome] = []
    if options.json and options.json.exists():
        before = msgspec.json.decode(options.json.read_bytes(), type=list[Outcome])
    done = {outcome.task: outcome for outcome in before}
    left_out: set[str] = set()
    with ProcessPoolExecutor(options.workers) as pool:
        for outcome in pool.map(measure, [task for task in tasks if task not in done]):
            if isinstance(outcome, str):
                left_out.add(outcome)
                continue
            done[outcome.task] = outcome
            if options.json:
                options.json.write_bytes(msgspec.json.format(msgspec.json.encode(list(done.values())), indent=1))
    found: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for task in tasks:
        if task in done:
            found[task.learner, task.regime].append(done[task])
    for line in sorted(left_out):
        print(line, file=sys.stderr)
    print(f"seeds {options.seeds}; regret / uniform's, and the 90th percentile person's / the median's")
    print(f"{'learner':<14}" + "".join(f"{regime:>18}" for regime in regimes) + f"{'ms a turn':>12}")
    for name in learners:
        cells, spent = "", []
        for regime in regimes:
            outcomes = found.get((name, regime), [])
            if not outcomes:
                cells += f"{'-':>18}"
                continue
            people = np.array([outcome.people for outcome in outcomes])
            tail = np.mean(np.quantile(people, 0.9, axis=1) / np.median(people, axis=1))
            cells += f"{np.mean([outcome.ratio for outcome in outcomes]):>10.3f}{tail:>8.2f}"
            spent += [outcome.seconds / 4.8 for outcome in outcomes]
        print(f"{name:<14}{cells}{np.mean(spent) if spent else 0:>12.2f}")
    if options.plot:
        plot(found, regimes, options.plot)


if __name__ == "__main__":
    main()
