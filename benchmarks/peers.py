"""Run other libraries in the simulated worlds: Vowpal Wabbit, MABWiser and Stable-Baselines3.

All of them get the person and the intent as features. Their settings are the best of a few, on seeds 100 to 104. The
bandits skip turns without a reaction; ``vw_squarecb_reask`` also counts a re-ask as -1. Stable-Baselines3 cannot skip a
turn: silence is a reward of 0, and every turn is an episode of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from benchmarks.simulated_users import ACTIONS, INTENTS, World
from numpy.typing import NDArray

#: Chooses for a user and an intent: the action and its probability.
Act = Callable[[int, int], tuple[int, float]]
#: Learns from a user, an intent, an action, its reward and its probability.
Learn = Callable[[int, int, int, float, float], None]


def run(name: str, world: World, seed: int) -> NDArray[np.float64]:
    """Return the regret of every turn, ``(world.length,)``.

    Raises:
        ImportError: the package is not installed.
    """
    if name in ("a2c", "ppo", "dqn"):
        return _baselines(name, world, seed)
    if name.startswith("vw_"):
        act, learn = _vowpal_wabbit(name.split("_")[1], seed)
    elif name in ("linucb", "lints"):
        act, learn = _mabwiser(name, world.users, seed)
    else:
        raise SystemExit(f"there is no learner {name!r}")
    regret = np.zeros(world.length)
    for turn in range(world.length):
        user, intent, _ = world.context(turn)
        worth = world.satisfaction(turn)
        action, chance = act(user, intent)
        seen = world.feedback(turn, action)
        reward = seen.reaction or (-1 if seen.reask and name.endswith("_reask") else 0)
        if reward:
            learn(user, intent, action, float(reward), chance)
        regret[turn] = worth.max() - worth[action]
    return regret


def _vowpal_wabbit(exploration: str, seed: int) -> tuple[Act, Learn]:
    library: Any = import_module("vowpalwabbit")

    way = {"bag": "--bag 5", "squarecb": "--squarecb --gamma_scale 50"}[exploration]
    options = f"--cb_explore_adf {way} --random_seed {seed} --quiet -q UA -q IA --interactions UIA --cb_type mtr -l 0.5"
    vw = library.Workspace(options)
    rng = np.random.default_rng(seed)
    actions = [
        f"|A {mode} {verbosity} {initiative} {mode}_{verbosity}_{initiative}" for mode, verbosity, initiative in ACTIONS
    ]

    def lines(user: int, intent: int, cost: str = "", at: int = -1) -> list[str]:
        return [f"shared |U u{user} |I i{intent}", *(cost * (n == at) + text for n, text in enumerate(actions))]

    def act(user: int, intent: int) -> tuple[int, float]:
        chances = np.array(vw.predict(lines(user, intent)))
        at = int(rng.choice(len(chances), p=chances / chances.sum()))
        return at, float(chances[at])

    def learn(user: int, intent: int, action: int, reward: float, chance: float) -> None:
        vw.learn(lines(user, intent, f"0:{-reward}:{chance:.6f} ", action))

    return act, learn


def _mabwiser(name: str, users: int, seed: int) -> tuple[Act, Learn]:
    library: Any = import_module("mabwiser.mab")
    policies = library.LearningPolicy

    way: Any = policies.LinUCB(alpha=0.3, l2_lambda=1.0) if name == "linucb" else policies.LinTS(alpha=0.2)
    size = 1 + users + INTENTS
    mab = library.MAB(arms=list(range(len(ACTIONS))), learning_policy=way, seed=seed)
    mab.fit(decisions=list(range(len(ACTIONS))), rewards=[0.0] * len(ACTIONS), contexts=np.zeros((len(ACTIONS), size)))

    def features(user: int, intent: int) -> NDArray[np.float64]:
        row = np.zeros((1, size))
        row[0, [0, 1 + user, 1 + users + intent]] = 1.0
        return row

    def act(user: int, intent: int) -> tuple[int, float]:
        return int(mab.predict(features(user, intent))), 1.0

    def learn(user: int, intent: int, action: int, reward: float, chance: float) -> None:
        mab.partial_fit(decisions=[action], rewards=[reward], contexts=features(user, intent))

    return act, learn


def _baselines(name: str, world: World, seed: int) -> NDArray[np.float64]:
    gymnasium: Any = import_module("gymnasium")
    sb3: Any = import_module("stable_baselines3")

    regret = np.zeros(world.length)

    class Turns(gymnasium.Env):  # type: ignore[misc]
        """Plays the next turn of the world at every step."""

        observation_space = gymnasium.spaces.Box(0.0, 1.0, (world.users + INTENTS,), np.float32)
        action_space = gymnasium.spaces.Discrete(len(ACTIONS))
        turn = 0

        def _seen(self) -> NDArray[np.float32]:
            row = np.zeros(world.users + INTENTS, np.float32)
            user, intent, _ = world.context(min(self.turn, world.length - 1))
            row[[user, world.users + intent]] = 1.0
            return row

        def reset(self, **_: Any) -> tuple[NDArray[np.float32], dict[str, Any]]:
            return self._seen(), {}

        def step(self, action: int) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
            reward = 0.0
            if self.turn < world.length:
                worth = world.satisfaction(self.turn)
                regret[self.turn] = worth.max() - worth[int(action)]
                reward = float(world.feedback(self.turn, int(action)).reaction)
            self.turn += 1
            return self._seen(), reward, True, False, {}

    make: dict[str, Callable[[Any], Any]] = {
        "a2c": lambda env: sb3.A2C("MlpPolicy", env, seed=seed, n_steps=16, learning_rate=3e-3),
        "ppo": lambda env: sb3.PPO("MlpPolicy", env, seed=seed, n_steps=128, batch_size=32, learning_rate=2e-3),
        "dqn": lambda env: sb3.DQN(
            "MlpPolicy", env, seed=seed, learning_starts=100, train_freq=1, learning_rate=1e-3, exploration_fraction=0.2
        ),
    }
    make[name](Turns()).learn(total_timesteps=world.length)
    return regret
