"""What breaks without this: a worse policy is taken for a better one, or a conclusion is drawn from nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, PolicyError
from llmagent_os.events import Conversation, Message, Sender
from llmagent_os.learning import replay
from llmagent_os.ledger import Interaction, Ledger, RewardEvent
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.evaluation import Logged, evaluate
from llmagent_os.policy.observed import Observed
from llmagent_os.policy.report import report

SPACE = ActionSpace()
CONTRASTS = SPACE.contrasts()[0]
BRIEF = np.array([action["verbosity"] == "brief" for action in SPACE.actions])


def log(n: int, *, people: int = 20, seed: int = 0, shown: tuple[float, float] = (0.5, 0.3)) -> Logged:
    """Everybody likes brief answers in 8 of 10 cases, others in 4 of 10; the dissatisfied react more often."""
    rng = np.random.default_rng(seed)
    chances = np.full((n, 12), 1 / 12)
    actions = rng.integers(0, 12, n)
    satisfied = rng.random(n) < np.where(BRIEF[actions], 0.8, 0.4)
    reacts = rng.random(n) < np.where(satisfied, shown[1], shown[0])
    again = rng.random(n) < np.where(satisfied, 0.05, 0.35)
    return Logged(
        features=np.zeros((n, 1)),
        people=np.arange(n) % people,
        actions=actions,
        chances=chances,
        opinions=np.where(reacts, np.where(satisfied, 2, 1), 0),
        nexts=np.where(again, 2, 1),
    )


def only(which: NDArray[np.bool_], n: int) -> NDArray[np.float64]:
    return np.tile(which / which.sum(), (n, 1))


def test_the_value_of_what_was_not_done_is_found_and_the_better_is_promoted() -> None:
    values: list[float] = []
    for seed in range(6):
        logged = log(3000, seed=seed)
        better, worse = (evaluate(logged, only(which, 3000), CONTRASTS) for which in (BRIEF, ~BRIEF))
        same = evaluate(logged, logged.chances, CONTRASTS)
        assert better.promote and better.verdict == "better"
        assert not worse.promote and worse.verdict == "worse"
        assert not same.promote
        assert abs(same.gain.value) < 0.05
        values.append(better.dr.value)
    assert abs(np.mean(values) - 0.8) < 0.08


def test_who_reacts_more_does_not_make_it_look_worse() -> None:
    """A mean of the reactions alone would say .37 where .53 are satisfied."""
    logged = log(20_000, shown=(0.6, 0.3))
    plain = (logged.opinions == 2).sum() / (logged.opinions > 0).sum()
    found = evaluate(logged, logged.chances, CONTRASTS)
    assert plain < 0.42
    assert abs(found.dr.value - 0.533) < 0.06
    assert abs(found.snipw.value - 0.533) < 0.06


def test_what_each_class_shows_is_found() -> None:
    logged = log(40_000, shown=(0.6, 0.3))
    observed = Observed.fit(logged.opinions, logged.nexts)
    assert abs(1 - observed.opinions[0, 0] - 0.6) < 0.08
    assert abs(1 - observed.opinions[1, 0] - 0.3) < 0.06
    assert observed.nexts[0, 2] > 0.25 > 0.1 > observed.nexts[1, 2]
    outcomes = observed.outcomes(logged.opinions, logged.nexts)
    assert abs(outcomes[BRIEF[logged.actions]].mean() - 0.8) < 0.08
    nothing = Observed.fit(np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert nothing.p_observed(np.array([1, 2])) == pytest.approx(0.2), "without data, everybody reacts alike"


def test_too_little_is_no_ground_for_a_conclusion() -> None:
    few = evaluate(log(40), only(BRIEF, 40), CONTRASTS)
    assert not few.conclusive and not few.promote and "too little data" in few.verdict
    silent = log(3000)
    silent = Logged(silent.features, silent.people, silent.actions, silent.chances, silent.opinions * 0, silent.nexts)
    assert "too little data" in evaluate(silent, only(BRIEF, 3000), CONTRASTS).verdict
    with pytest.raises(PolicyError, match="nothing to evaluate"):
        evaluate(log(0), only(BRIEF, 0), CONTRASTS)


def test_what_was_never_possible_cannot_be_told() -> None:
    logged = log(3000)
    chances = np.where(BRIEF, 0.0, 1 / 8) * np.ones((3000, 1))
    actions = np.flatnonzero(~BRIEF)[np.arange(3000) % 8]
    blind = Logged(logged.features, logged.people, actions, chances, logged.opinions, logged.nexts)
    half = only(np.ones(12, np.bool_), 3000)
    found = evaluate(blind, half, CONTRASTS)
    assert not found.promote
    assert "never possible" in found.verdict


OWN = """
name = "parrot"
model = "calendar"
[behavior.dimensions]
tone = { formal = "Write formally.", playful = "Write playfully." }
verbosity = true
"""


async def test_decisions_of_other_dimensions_are_left_out_of_the_report(tmp_path: Path) -> None:
    settings = Settings.load(env_file=None, data=tmp_path, policy="bayes")
    (tmp_path / "bot.toml").write_text(OWN)
    bot = Bot.load(tmp_path)
    own = ActionSpace(bot.config.behavior.dimensions)
    ledger = await Ledger.open(settings.ledger_url, synchronous="NORMAL")
    for number in range(40):
        space = own if number % 4 else SPACE
        who = f"u{number % 3}"
        room = Conversation(platform="web", channel=who)
        event = Message(event_id=str(number), conversation=room, sender=Sender(who), text="hi", message_id=str(number))
        interaction = Interaction(
            interaction_id=f"web:{number}",
            event_id=str(number),
            user_id=f"web::{who}",
            conversation_key=room.key,
            context={"features": {"intent": "ask"}},
            action=space.actions[number % len(space)],
            action_dist=dict.fromkeys(space.labels, 1 / len(space)),
            pscore=1 / len(space),
            policy_version="x",
        )
        await ledger.accept(event, max_pending=1000)
        await ledger.prepare(event, None, interaction)
    await ledger.close()
    found = await report(settings, bot, [])
    assert "10 other replies are left out" in found
    assert all(label in found for label in own.labels) and "mode=" not in found
    with pytest.raises(ConfigError, match="no candidate 'initiative=act,mode="):
        await report(settings, bot, [SPACE.labels[0]])
    assert "learned again" in await replay(settings, bot)


async def test_the_report_reads_a_ledger_and_passes_over_garbage(tmp_path: Path) -> None:
    settings = Settings.load(env_file=None, data=tmp_path, policy="bayes")
    bot = Bot.load("calendar")
    with pytest.raises(PolicyError, match="there is no ledger"):
        await report(settings, bot, [])
    with pytest.raises(ConfigError, match="no candidate 'magic'"):
        await report(settings, bot, ["magic"])
    rng = np.random.default_rng(0)
    ledger = await Ledger.open(settings.ledger_url, synchronous="NORMAL")
    dist = dict.fromkeys(SPACE.labels, 1 / 12)
    for number in range(400):
        who = f"u{number % 8}"
        room = Conversation(platform="web", channel=who)
        event = Message(event_id=str(number), conversation=room, sender=Sender(who), text="hi", message_id=str(number))
        at = int(rng.integers(12))
        good = rng.random() < (0.9 if BRIEF[at] else 0.3)
        interaction = Interaction(
            interaction_id=f"web:{number}",
            event_id=str(number),
            user_id=f"web::{who}",
            conversation_key=room.key,
            context={"features": {"intent": "ask"}} if number % 50 else {"features": {"intent": ["bad"]}},
            action=SPACE.actions[at],
            action_dist=dist,
            pscore=1 / 12,
            policy_version="x",
        )
        reward = RewardEvent(
            reward_id=f"r{number}",
            event_id=f"r{number}",
            interaction_id=f"web:{number}",
            rater_id=f"web::{who}",
            user_id=f"web::{who}",
            op="add",
            raw_value="👍",
            reward=1.0 if good else -1.0,
            mapping_version="1",
        )
        await ledger.accept(event, max_pending=1000)
        await ledger.prepare(event, None, interaction, rewards=(reward,))
    await ledger.close()
    brief = SPACE.labels[int(np.flatnonzero(BRIEF)[0])]
    text = await report(settings, bot, ["uniform", "reinforce", brief])
    assert "8 other replies are left out" in text
    assert "reinforce" in text and brief in text
    assert '"verdict"' in await report(settings, bot, ["uniform"], as_json=True)
