"""Which conversations count in the test of a canary, and that counting them so keeps its risks.

What breaks without this: a version is rolled back, or promoted, by chance more often than the settings say.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from llmagent_os.identity import PersonId
from llmagent_os.training.canary import Canary, CanaryDecision
from llmagent_os.training.canary_conversations import FREE, CountedConversations
from llmagent_os.training.canary_draw import draws_canary
from llmagent_os.training.canary_settings import CanarySettings

START = datetime(2026, 1, 1, tzinfo=UTC)
ANA, BEN = PersonId("web::ana"), PersonId("web::ben")


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def test_conversations_of_one_person_count_one_after_the_other() -> None:
    counted = CountedConversations(60, one_person=False)
    assert counted.admits(ANA, at(0))
    counted.count(ANA, at(0))
    assert [counted.admits(ANA, at(minutes)) for minutes in (0, 59, 60)] == [False, False, True]
    assert counted.admits(BEN, at(1))


def test_one_person_does_not_give_much_more_than_others_unless_there_is_only_one() -> None:
    several, alone = (CountedConversations(60, one_person=one) for one in (False, True))
    for person in range(20):
        several.count(PersonId(f"web::p{person}"), at(0))
    taken = 0
    for hour in range(100):
        if several.admits(ANA, at(60 * hour)):
            several.count(ANA, at(60 * hour))
            taken += 1
        assert alone.admits(ANA, at(60 * hour))
        alone.count(ANA, at(60 * hour))
    assert FREE < taken <= FREE + 3


#: The mean reward of a person in a session, given whether the canary answers.
Taste = Callable[[int, bool], float]


def simulated(seed: int, settings: CanarySettings, taste: Taste, sessions: int = 260) -> Canary:
    """Fourteen people, of whom a few talk most of the time, in sessions that overlap and go on for hours.

    Some are never content and some always are, whichever version answers. Some say what they think, others seldom do.
    """
    rng = np.random.default_rng(seed)
    mood: list[float] = rng.uniform(-0.8, 0.8, 14).tolist()
    talks = rng.dirichlet(np.full(14, 0.5))  # (people,)
    speaks: list[float] = rng.uniform(0.1, 1.0, 14).tolist()
    canary, counted = Canary(f"v{seed}", settings), CountedConversations(60, one_person=False)
    moment = 0.0
    for session in range(sessions):
        moment += float(rng.exponential(15))
        person = int(rng.choice(14, p=talks))
        name = PersonId(f"web::p{person}")
        if not counted.admits(name, at(moment)):
            continue
        counted.count(name, at(moment))
        by_canary = draws_canary(canary.name, f"session {session}", settings.share)
        mean = min(1.0, max(-1.0, mood[person] + taste(person, by_canary)))
        judged = int((rng.random(3) < speaks[person]).sum())
        liked = int((rng.random(judged) < (1 + mean) / 2).sum())
        canary.observe(by_canary, (2 * liked - judged) / judged if judged else 0.0, name)
        if canary.state.decision != CanaryDecision.CONTINUE:
            break
    return canary


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_false_alarms_stay_below_the_risk_with_the_conversations_that_a_host_counts(share: float) -> None:
    """Equal versions. One looks after every conversation, and people differ as much as people can."""
    runs, risk = 50, 0.1
    settings = CanarySettings(share=share, risk_of_alarm=risk, risk_of_harm=1e-6)
    ends = [simulated(seed, settings, lambda _, by_canary: 0.0).state.decision for seed in range(runs)]
    assert ends.count(CanaryDecision.ROLL_BACK) <= runs * risk + 3 * (runs * risk * (1 - risk)) ** 0.5


def test_one_draw_for_every_session_of_a_person_would_not_keep_the_risk() -> None:
    """Why it is drawn anew for each session: the moods of a few people would pass for what a version does."""
    runs, risk, alarms = 60, 0.1, 0
    settings = CanarySettings(share=0.2, risk_of_alarm=risk, risk_of_harm=1e-6)
    for seed in range(runs):
        rng, canary = np.random.default_rng(seed), Canary("v", settings)
        mood, sides = rng.choice([-0.8, 0.8], 14), rng.random(14) < settings.share  # (people,)
        for person in rng.integers(14, size=260).tolist():
            said = 1.0 if rng.random() < (1 + mood[person]) / 2 else -1.0
            if canary.observe(bool(sides[person]), said) != CanaryDecision.CONTINUE:
                break
        alarms += canary.state.decision == CanaryDecision.ROLL_BACK
    assert alarms > 2 * runs * risk


def test_one_hostile_person_raises_no_alarm_and_hinders_no_promotion() -> None:
    """They like the active version and dislike the canary, and talk as much as they can. All others like the canary."""
    settings = CanarySettings(share=0.5)

    def taste(person: int, by_canary: bool) -> float:
        return (-2.0 if by_canary else 2.0) if person == 0 else (0.8 if by_canary else -0.4)

    def nothing(person: int, by_canary: bool) -> float:
        return (-2.0 if by_canary else 2.0) if person == 0 else 0.0

    runs = 20
    helped = [simulated(seed, settings, taste, 1200).state.decision for seed in range(runs)]
    assert helped.count(CanaryDecision.PROMOTE) >= 0.9 * runs
    alone = [simulated(seed, settings, nothing).state.decision for seed in range(runs)]
    assert alone.count(CanaryDecision.ROLL_BACK) <= 2


def test_harm_to_all_is_seen() -> None:
    """A test that never decides would also never be wrong."""
    ends = [simulated(seed, CanarySettings(share=0.5), lambda _, by: -0.8 if by else 0.2, 1200) for seed in range(10)]
    assert [each.state.decision for each in ends].count(CanaryDecision.ROLL_BACK) >= 9
