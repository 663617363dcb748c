"""What breaks without this: a benchmark whose figures flatter a policy, or measures something else than it says."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from benchmarks import simulated_users as bench
from numpy.typing import NDArray

from llmagent_os.identity import PersonId
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.contract import EVERYTHING, NOTHING_ASKED, BehaviorPolicy, Context, Decision, Kind, label


class Known(NamedTuple):
    """What an environment written by somebody else gives for the same draws."""

    regime: str
    uniform: float  #: the uniform policy's expected regret, seed 100
    reactions: int  #: to the first action, always
    reasks: int


KNOWN = (
    Known("A", 2194.014659, 1906, 1097),
    Known("B", 2194.014659, 785, 1097),
    Known("C", 2194.955806, 1907, 1099),
)


class Told(NamedTuple):
    """What a policy was told."""

    decision: Decision
    reward: float | None
    kind: Kind


class Scripted:
    """Chooses what it is given, by turn, and notes what it is asked and told."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = iter(numbers)
        self.decisions: list[Decision] = []
        self.told: list[Told] = []

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
        mode, verbosity, initiative = bench.ACTIONS[next(self._numbers)]
        decision = Decision(
            action={"mode": mode, "verbosity": verbosity, "initiative": initiative},
            pscore=1.0,
            policy_version="scripted",
            person_id=person_id,
            context=context,
            episode_id=episode_id,
        )
        self.decisions.append(decision)
        return decision

    def observe(
        self,
        decision: Decision,
        reward: float | None,
        *,
        kind: Kind = "reaction",
        weight: float = 1.0,
        at: datetime | None = None,
    ) -> None:
        assert weight == 1.0
        self.told.append(Told(decision, reward, kind))


class Tiny:
    """One's own world, as ``--regimes module:Class`` takes it: the second action is right, and is liked aloud."""

    users, length = 2, 8

    def __init__(self, seed: int, regime: str = "second") -> None:
        self.seed, self.right = seed, ["first", "second"].index(regime)

    def context(self, turn: int) -> tuple[int, int, NDArray[np.float64]]:
        return turn % 2, turn % 3, np.array([0.5, -0.5])

    def satisfaction(self, turn: int) -> NDArray[np.float64]:
        return np.where(np.arange(12) == self.right, 0.9, 0.4)

    def feedback(self, turn: int, action: int) -> bench.Feedback:
        return bench.Feedback(reaction=int(action == self.right) - int(action == 2), reask=action == 2)


def best(world: bench.World) -> list[int]:
    """What somebody who knows everything does; worth does not depend on what was done before."""
    return [int(world.satisfaction(turn).argmax()) for turn in range(world.length)]


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.regime)
def test_draws_are_those_of_the_reference(known: Known) -> None:
    """Figures are compared with others' for these seeds: one draw in another order, and they differ."""
    world = bench.make_world(known.regime, 100)
    rows = [world.satisfaction(turn) for turn in range(world.length)]
    assert sum(row.max() - row.mean() for row in rows) == pytest.approx(known.uniform, abs=1e-6)
    seen = [world.feedback(turn, 0) for turn in range(world.length)]
    assert sum(abs(each.reaction) for each in seen) == known.reactions
    assert sum(each.reask for each in seen) == known.reasks


@pytest.mark.parametrize("regime", bench.REGIMES)
def test_a_world_is_its_seed(regime: str) -> None:
    def life(seed: int) -> list[object]:
        world = bench.make_world(regime, seed)
        return [
            (world.context(turn)[:2], world.satisfaction(turn).tolist(), world.feedback(turn, turn % 12))
            for turn in range(400)
        ]

    assert life(3) == life(3)
    assert life(3) != life(4)


@pytest.mark.parametrize("regime", ["A", "nonlinear", "delayed"])
def test_the_uniform_policy_has_the_regret_of_an_average_action(regime: str) -> None:
    world = bench.make_world(regime, 100)
    rows = np.array([world.satisfaction(turn) for turn in range(world.length)])
    expected, deviation = (rows.max(axis=1) - rows.mean(axis=1)).sum(), np.sqrt(rows.var(axis=1).sum())
    got = bench.run(bench.make_world(regime, 100), bench.Uniform(100)).sum()
    assert abs(got - expected) < 4 * deviation


@pytest.mark.parametrize("regime", ["C", "nonlinear", "delayed"])
def test_who_knows_everything_has_no_regret(regime: str) -> None:
    chosen = best(bench.make_world(regime, 100))
    regret = bench.run(bench.make_world(regime, 100), Scripted(chosen))
    assert regret.sum() == 0
    assert len(set(chosen)) > 6, "one answer for all would do: there is nothing to learn of each"


def test_people_take_turns() -> None:
    world = bench.make_world("A", 0)
    rounds = np.array([world.context(turn)[0] for turn in range(world.length)]).reshape(200, 24)
    assert (np.sort(rounds, axis=1) == np.arange(24)).all(), "in every round everybody once"
    assert (rounds[0] != rounds[1]).any()


@pytest.mark.parametrize("regime", ["A", "B", "C"])
def test_the_dissatisfied_are_louder_and_some_say_the_opposite(regime: str) -> None:
    """If silence were chance, nothing would have to correct for it; if nobody voted falsely, any average would do."""
    world = bench.Personas(1, regime)
    low, high = bench.REACTING[regime]
    assert ((world.rate >= low) & (world.rate <= high)).all()
    assert world.contrary.sum() == {"A": 1, "B": 1, "C": 5}[regime]
    seen, expected, variance = np.zeros((3, 4))  # of votes for, against, false ones of either, and of asking again
    for turn, action in product(range(world.length), (0, 7)):
        user = world.context(turn)[0]
        likes, rate, flips = world.satisfaction(turn)[action], world.rate[user], world.contrary[user]
        for_, against = rate * likes, 1.5 * rate * (1 - likes)
        chances = np.array([*((0, 0) if flips else (for_, against)), 0, 0.05 * likes + 0.35 * (1 - likes)])
        chances[2] = for_ + against if flips else 0
        got = world.feedback(turn, action)
        seen += [not flips and got.reaction > 0, not flips and got.reaction < 0, flips and got.reaction != 0, got.reask]
        expected += chances
        variance += chances * (1 - chances)
    assert (abs(seen - expected) < 4.5 * np.sqrt(2 * variance)).all(), "twice: both actions are played with one draw"
    votes = {likely: [0, 0] for likely in (True, False)}
    for turn in range(world.length):
        user = world.context(turn)[0]
        if world.contrary[user]:
            worth = world.satisfaction(turn)
            for likely, action in ((True, int(worth.argmax())), (False, int(worth.argmin()))):
                votes[likely][world.feedback(turn, action).reaction > 0] += world.feedback(turn, action).reaction != 0
    assert votes[True][0] > 2 * votes[True][1] and votes[False][1] > 2 * votes[False][0], (
        "the opposite of what they feel"
    )


@pytest.mark.parametrize("family", [bench.Personas, bench.Nonlinear])
def test_some_people_change_half_way_and_only_then(family: type[bench.Personas]) -> None:
    """A policy that never unlearns must lose by it."""
    changed = 0
    for seed in range(4):
        world = family(seed)
        tastes: dict[tuple[int, int, bool], list[float]] = {}
        for turn in range(world.length):
            user, intent, _ = world.context(turn)
            key = user, intent, turn >= world.length // 2
            row = world.satisfaction(turn).tolist()
            assert tastes.setdefault(key, row) == row
        changed += len(
            {user for user, intent, _ in tastes if tastes[user, intent, False] != tastes[user, intent, True]}
        )
    assert 4 * 24 * 0.08 < changed < 4 * 24 * 0.35, "a quarter draws anew, one in five of them what it had"


def test_no_sum_of_parts_explains_nonlinear_tastes() -> None:
    """Else it would be regime A once more."""

    rows = [[1, m == "conversational", v == "normal", v == "detailed", i == "act"] for m, v, i in bench.ACTIONS]
    parts = np.array(rows, dtype=float)
    hat = parts @ np.linalg.pinv(parts)  # projects on what a constant and the parts of an action can say

    def unexplained(world: bench.Personas) -> float:
        chances = np.array([world.satisfaction(turn) for turn in range(200)])
        logits = np.log(chances) - np.log1p(-chances)
        return float((logits - logits @ hat).var() / (logits - logits.mean(axis=1, keepdims=True)).var())

    assert unexplained(bench.Personas(5)) < 1e-9
    assert unexplained(bench.Nonlinear(5)) > 0.4


def test_delayed_worth_adds_up_to_what_a_session_gives() -> None:
    """Regret would not be the loss it is called: every way through a session, by hand, against the sum of worths."""
    rng = np.random.default_rng(0)
    for session in range(3):
        world = bench.Delayed(2, users=1, turns=4 * 3)
        turns = range(4 * session, 4 * session + 4)
        worths = [world.satisfaction(turn) for turn in turns]
        ways = list(product(range(12), repeat=4))
        chosen: list[tuple[int, ...]] = [ways[number] for number in rng.integers(0, len(ways), 200).tolist()]
        chosen.append(tuple(int(worth.argmax()) for worth in worths))
        given = [satisfied_by_hand(world, turns, way) for way in chosen]
        assert given == pytest.approx([sum(w[a] for w, a in zip(worths, way, strict=True)) for way in chosen])
        assert max(given) == given[-1]


def satisfied_by_hand(world: bench.Delayed, turns: range, way: tuple[int, ...]) -> float:
    """A session's chances to satisfy, summed: what is carried over is the mean of what came before."""
    now = [float(bench.Personas.satisfaction(world, turn)[action]) for turn, action in zip(turns, way, strict=True)]
    # What an action carries on does not depend on the turn: it is what its worth at the first has above its chance.
    first = world.satisfaction(turns[0]) - bench.Personas.satisfaction(world, turns[0])
    carries = [float(first[action] / (0.7 * (1 + 1 / 2 + 1 / 3))) for action in way]
    return now[0] + sum(0.3 * now[at] + 0.7 * sum(carries[:at]) / at for at in (1, 2, 3))


def test_who_only_looks_at_the_turn_loses_by_it_where_rewards_are_delayed() -> None:
    """Else a discount would change nothing."""
    world = bench.Delayed(100)
    myopic = [int(bench.Personas.satisfaction(world, turn).argmax()) for turn in range(world.length)]
    uniform = bench.run(bench.Delayed(100), bench.Uniform(100)).sum()
    assert bench.run(bench.Delayed(100), Scripted(myopic)).sum() > 0.2 * uniform


def test_delayed_sessions_are_told_and_reacted_to_at_their_end() -> None:
    world = bench.Delayed(1)
    policy = Scripted([0] * world.length)
    bench.run(world, policy)
    sessions = Counter(decision.episode_id for decision in policy.decisions)
    assert set(sessions.values()) == {4} and len(sessions) == world.length // 4
    last = {decision.episode_id: decision for decision in policy.decisions}
    reactions = [told for told in policy.told if told.kind == "reaction"]
    assert reactions and all(told.decision is last[told.decision.episode_id] for told in reactions)
    assert all(
        len({each.person_id for each in policy.decisions if each.episode_id == name}) == 1 for name in list(last)[:9]
    )


def test_a_policy_is_told_of_reactions_and_of_asking_again_and_never_of_silence() -> None:
    """A policy that took silence for a neutral opinion would be measured by what no bot sees."""
    world = Tiny(0)
    policy = Scripted([0, 1, 2, 0, 1, 2, 0, 0])
    regret = bench.run(world, policy)
    assert regret.tolist() == pytest.approx([0.5, 0, 0.5, 0.5, 0, 0.5, 0.5, 0.5])
    told = [(policy.decisions.index(each.decision), each.kind, each.reward) for each in policy.told]
    assert told == [
        (0, "went_on", 0.0),
        (1, "reaction", 1.0),
        (1, "went_on", 0.0),
        (2, "reaction", -1.0),
        (2, "reask", -1.0),
        (3, "went_on", 0.0),
        (4, "reaction", 1.0),
        (4, "went_on", 0.0),
        (5, "reaction", -1.0),
        (5, "reask", -1.0),
        (6, "went_on", 0.0),
        (7, "went_on", 0.0),
    ]
    third = policy.decisions[2]
    assert third.context == {"intent": "2", "other_0": 0.5, "other_1": -0.5}
    assert third.person_id == policy.decisions[0].person_id != policy.decisions[1].person_id
    assert third.episode_id == "", "each turn stands alone"


def test_a_behaviour_is_the_same_to_the_policy_and_to_the_world() -> None:
    """The bot's values come in another order than the worlds': mixed up, 'brief' would be played as 'normal'."""
    space = ActionSpace()
    assert sorted(bench.LABELS) == sorted(space.labels)
    for number, (mode, verbosity, initiative) in enumerate(bench.ACTIONS):
        assert bench.LABELS[number] == label({"initiative": initiative, "verbosity": verbosity, "mode": mode})
    order: BehaviorPolicy = Scripted(range(12))
    assert [label(order.decide(PersonId("x"), {}).action) for _ in range(12)] == bench.LABELS


def test_ones_own_world_is_run_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tiny_world", sys.modules[__name__])
    out, drawn = tmp_path / "regret.json", tmp_path / "regret.svg"
    arguments = ["simulated_users", "--regimes", "tiny_world:Tiny", "--seeds", "7-8", "--learners", "uniform"]
    arguments += ["--workers", "1", "--json", str(out), "--plot", str(drawn)]
    monkeypatch.setattr(sys, "argv", arguments)
    bench.main()
    rows = json.loads(out.read_text())
    seeds = [row["task"]["seed"] for row in rows]
    assert seeds == [7, 8]
    for seed, row in zip(seeds, rows, strict=True):
        assert sum(row["people"]) == pytest.approx(expected := bench.run(Tiny(0), bench.Uniform(seed + 1)).sum())
        assert row["ratio"] == pytest.approx(expected / bench.run(Tiny(0), bench.Uniform(seed)).sum())
    table = capsys.readouterr().out
    tail = np.mean([np.quantile(row["people"], 0.9) / np.median(row["people"]) for row in rows])
    assert f"{np.mean([row['ratio'] for row in rows]):.3f}" in table and f"{tail:.2f}" in table
    assert "<svg" in drawn.read_text()
    monkeypatch.setattr(sys, "argv", [*arguments, "--seeds", "6-8"])
    bench.main()
    assert json.loads(out.read_text())[:2] == rows, "what was run before is not run again"
    assert len(json.loads(out.read_text())) == 3


def test_ones_own_world_may_take_a_regime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiny_world", sys.modules[__name__])
    for regime, right in (("tiny_world:Tiny", 1), ("tiny_world:Tiny:second", 1), ("tiny_world:Tiny:first", 0)):
        assert best(bench.make_world(regime, 7)) == [right] * 8


def test_a_drawing_that_cannot_be_made_is_said_before_the_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not after minutes of them, with all that was found lost."""

    def begun(*_: object) -> None:
        raise AssertionError("the runs have begun")

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(bench, "ProcessPoolExecutor", begun)
    monkeypatch.setattr(sys, "argv", ["simulated_users", "--seeds", "7", "--plot", "regret.svg"])
    with pytest.raises(SystemExit) as caught:
        bench.main()
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert "matplotlib" in said and "llmagent-os[peers]" in said and "Traceback" not in said


def test_a_package_that_is_missing_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others still run."""
    monkeypatch.setitem(sys.modules, "tiny_world", sys.modules[__name__])
    for package in ("vowpalwabbit", "mabwiser", "mabwiser.mab", "gymnasium", "stable_baselines3"):
        monkeypatch.setitem(sys.modules, package, None)
    for name in ("vw_bag", "vw_squarecb", "vw_squarecb_reask", "linucb", "lints", "a2c", "ppo", "dqn"):
        why = bench.measure(bench.Task(name, "tiny_world:Tiny", 0))
        assert isinstance(why, str) and name in why and "llmagent-os[peers]" in why
