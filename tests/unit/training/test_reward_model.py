"""The reward model: what it makes of few opinions, of many people's, and of nobody's."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from llmagent_os.chat import ToolCall
from llmagent_os.identity import PersonId
from llmagent_os.training import reward_model
from llmagent_os.training.policy_beliefs import policy_opinions
from llmagent_os.training.reaction_judge import ReactionJudge
from llmagent_os.training.reward_model import Opinion, fit_reward_model
from llmagent_os.training.wording_edits import EDITS
from llmagent_os.training.wording_features import FEATURES, wording_features

TOPICS = ("sleeping", "chess", "bread", "money", "running", "gardens", "music", "letters", "trains", "birds")
ANA, BEN = PersonId("ana"), PersonId("ben")


def replies(seed: int, count: int) -> list[str]:
    """Plain replies of some sentences."""
    order = random.Random(seed)
    return [
        " ".join(
            f"{order.choice(('It is', 'That is', 'You will see that it is', 'Most people find it is'))} "
            f"{order.choice(('a good idea', 'easy', 'worth the time', 'fun'))} to think about {order.choice(TOPICS)} "
            f"{order.choice(('every day', 'in the morning', 'with friends', 'before you begin'))}."
            for _ in range(order.randint(2, 5))
        )
        for _ in range(count)
    ]


def thumbs(person: PersonId, style: str, count: int, seed: int, *, flips: int = 0) -> list[Opinion]:
    """Half of the replies have the style that the person likes."""
    texts = replies(seed, count)
    others = [name for name in EDITS if name != style]
    found: list[Opinion] = []
    for at, text in enumerate(texts):
        liked = at % 2 == 0
        edit = EDITS[style] if liked else EDITS[others[at % len(others)]]
        found.append(Opinion(text=edit(text), reward=1.0 if liked != (at < flips) else -1.0, person=person))
    return found


@pytest.mark.parametrize("style", ["terse", "lower_case", "bullets", "formal", "cheerful"])
@pytest.mark.parametrize("flips", [0, 2])
def test_twenty_thumbs_tell_the_liked_style(style: str, flips: int) -> None:
    """Of ten fresh replies in every style, the liked style comes first, also if two thumbs of twenty are wrong."""
    model = fit_reward_model(thumbs(ANA, style, 20, 1, flips=flips), ANA)
    for text in replies(2, 10):
        written = {name: edit(text) for name, edit in EDITS.items()}
        scores = dict(zip(written, model.score(list(written.values())).liked, strict=True))
        assert max(scores, key=lambda name: scores[name]) == style
        assert scores[style] > 0.55


def test_the_weights_are_the_most_probable_ones() -> None:
    """Checked against a general optimiser. The person's opinions count once: they are not in their own prior."""
    opinions = thumbs(ANA, "bullets", 12, 3, flips=1)
    model = fit_reward_model(opinions, ANA)
    design = np.array([[1.0, *wording_features(each.text)] for each in opinions])
    liked = np.array([each.reward > 0 for each in opinions])
    variance = np.array([2.0, *[0.7**2 + 1.5**2] * len(FEATURES)])

    def loss(weights: np.ndarray) -> float:
        logits = design @ weights
        return float(np.logaddexp(0, np.where(liked, -logits, logits)).sum() + (weights**2 / variance).sum() / 2)

    found = minimize(loss, np.zeros(len(variance)), method="BFGS", options={"gtol": 1e-9})
    assert np.allclose(model.mean, found.x, atol=1e-3)


def test_without_an_opinion_everything_is_as_likely_as_not() -> None:
    """A model that knows nothing must not choose."""
    scores = fit_reward_model([], ANA).score(["Hello.", "hello"])
    assert np.allclose(scores.liked, 0.5)
    assert (scores.lower() < 0.3).all(), "and it is most unsure"


def test_a_newcomer_gets_what_everybody_likes() -> None:
    """Ten people who like lists say something about the eleventh, and more than one of them alone."""
    people = [PersonId(f"p{at}") for at in range(10)]
    everybody = [each for at, person in enumerate(people) for each in thumbs(person, "bullets", 16, at)]
    texts = [EDITS["bullets"](replies(99, 1)[0]), replies(99, 1)[0]]
    listed, plain = fit_reward_model(everybody, ANA).score(texts).liked
    few, _ = fit_reward_model(everybody[:16], ANA).score(texts).liked
    assert listed > few > 0.5
    assert listed > plain + 0.15


def test_a_person_overrules_everybody() -> None:
    """Whoever likes lower case among people who like formal replies must get lower case."""
    people = [PersonId(f"p{at}") for at in range(10)]
    everybody = [each for at, person in enumerate(people) for each in thumbs(person, "formal", 16, at)]
    model = fit_reward_model([*everybody, *thumbs(ANA, "lower_case", 20, 50)], ANA)
    text = replies(98, 1)[0]
    lower, formal = model.score([EDITS["lower_case"](text), EDITS["formal"](text)]).liked
    assert lower > formal + 0.2


def test_fifty_votes_of_one_person_move_the_others_no_more_than_one_person_may() -> None:
    """A rater who votes without end must not decide for all."""
    people = [PersonId(f"p{at}") for at in range(10)]
    everybody = [each for at, person in enumerate(people) for each in thumbs(person, "bullets", 16, at)]
    text = EDITS["bullets"](replies(97, 1)[0])
    before = fit_reward_model(everybody, ANA).score([text]).liked[0]
    moved: list[float] = []
    for votes in (50, 500):
        hostile = [Opinion(text=text, reward=-1.0, person=BEN) for _ in range(votes)]
        moved.append(float(before - fit_reward_model([*everybody, *hostile], ANA).score([text]).liked[0]))
    assert 0 < moved[0] < 0.08
    assert moved[1] < 1.5 * moved[0], "ten times the votes must not weigh ten times as much"


def test_trust_weighs_and_zero_is_nothing() -> None:
    """A rater who is not trusted must leave no trace."""
    opinions = thumbs(ANA, "bullets", 12, 7)
    distrusted = [Opinion(text=each.text, reward=-each.reward, weight=0.0, person=each.person) for each in opinions]
    one, other = fit_reward_model(opinions, ANA), fit_reward_model([*opinions, *distrusted], ANA)
    assert np.array_equal(one.mean, other.mean)
    halves = [Opinion(text=each.text, reward=each.reward, weight=0.5, person=ANA) for each in opinions for _ in "ab"]
    assert np.allclose(fit_reward_model(halves, ANA).mean, one.mean, atol=1e-6)


def test_a_policy_is_a_prior_that_opinions_outweigh() -> None:
    """What the behaviour policy has learned names the style before there is a thumb, and gives way to thumbs."""
    text = replies(95, 1)[0]
    in_style = {name: [EDITS[name](each) for each in replies(8, 8)] for name in ("terse", "formal")}
    prior = policy_opinions({"terse": 0.9, "formal": 0.2}, in_style, ANA)
    assert math.fsum(each.weight for each in prior) == pytest.approx(8.0)
    both = [EDITS["terse"](text), EDITS["formal"](text)]
    terse, formal = fit_reward_model(prior, ANA).score(both).liked
    assert terse > formal + 0.2
    terse, formal = fit_reward_model([*prior, *thumbs(ANA, "formal", 20, 9)], ANA).score(both).liked
    assert formal > terse + 0.2


def test_a_group_begins_where_everybody_stands() -> None:
    """A group without opinions of its own is like everybody; with them it is itself."""
    people = [PersonId(f"p{at}") for at in range(8)]
    everybody = fit_reward_model([each for at, one in enumerate(people) for each in thumbs(one, "bullets", 12, at)])
    text = replies(94, 1)[0]
    both = [EDITS["bullets"](text), EDITS["terse"](text)]
    same = fit_reward_model([], prior=everybody).score(both).logit
    assert np.allclose(same, everybody.score(both).logit)
    group = [each for at in range(6) for each in thumbs(PersonId(f"g{at}"), "terse", 12, 40 + at)]
    listed, terse = fit_reward_model(group, prior=everybody).score(both).liked
    assert terse > listed


def test_a_tool_call_is_part_of_what_is_judged() -> None:
    """Who dislikes to be asked back likes replies that act."""
    call = (ToolCall("create_event", {"title": "lunch", "date": "friday"}),)
    opinions = [
        each
        for at in range(6)
        for each in (
            Opinion(text="", calls=call, reward=1.0, person=ANA),
            Opinion(text=f"Shall I add {TOPICS[at]} to it?", reward=-1.0, person=ANA),
        )
    ]
    model = fit_reward_model(opinions, ANA)
    acts, asks = model.score(["", "Shall I do this?"], [call, ()]).liked
    assert acts > 0.8 > 0.2 > asks
    assert model.tastes()["question"] < 0 < model.tastes()["calls"]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(max_size=40), st.floats(-1, 1), st.floats(0, 1), st.sampled_from(["a", "b"])), max_size=8
    ),
    st.text(max_size=60),
)
def test_any_text_has_a_score(rows: list[tuple[str, float, float, str]], text: str) -> None:
    """Emoji, other alphabets, empty replies: nothing may be infinite, not a number, or beyond certainty."""
    opinions = [
        Opinion(text=said, reward=reward, weight=trust, person=PersonId(who)) for said, reward, trust, who in rows
    ]
    scores = fit_reward_model(opinions, PersonId("a")).score([text])
    assert np.isfinite(scores.logit).all()
    assert 0 < scores.liked[0] < 1
    assert scores.deviation[0] > 0
    assert scores.lower()[0] <= scores.lower(0.0)[0]


def test_features_name_what_they_describe() -> None:
    """A feature that reacts to something else would teach the wrong thing."""
    plain = "It is a good idea to go to bed early. Most people sleep better then. You will see it soon."
    base = dict(zip(FEATURES, wording_features(plain), strict=True))
    for style, feature in (
        ("lower_case", "lower_case"),
        ("bullets", "list"),
        ("formal", "formal"),
        ("formal", "opening"),
        ("cheerful", "exclamation"),
    ):
        changed = dict(zip(FEATURES, wording_features(EDITS[style](plain)), strict=True))
        assert changed[feature] > base[feature] + 0.5, feature
    terse = dict(zip(FEATURES, wording_features(EDITS["terse"](plain)), strict=True))
    assert terse["length"] < base["length"] - 0.5
    assert dict(zip(FEATURES, wording_features("Great! 🎉🎉 Isn't it?"), strict=True))["symbols"] > 1


@pytest.mark.parametrize(("people", "sure"), [(1, False), (8, True)])
def test_what_all_share_is_sure_once_several_agree(people: int, sure: bool) -> None:
    """A reply for everybody is chosen by it. How one person may differ from all others must not hide it."""
    given = [each for at in range(people) for each in thumbs(PersonId(f"p{at}"), "lower_case", 12, seed=at)]
    text = replies(99, 1)[0]
    both = [EDITS["lower_case"](text), text]
    careful = fit_reward_model(given, average=True).score(both).lower()
    assert (careful[0] > careful[1] + 0.1) == sure
    drawn = fit_reward_model(given).score(both)
    assert (drawn.deviation > fit_reward_model(given, average=True).score(both).deviation).all()


def test_people_are_fitted_once_for_a_judge_of_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each of them is quadratic: two hundred people took a minute, and a thousand half an hour."""
    people = [PersonId(f"p{number}") for number in range(6)]
    opinions = [each for at, person in enumerate(people) for each in thumbs(person, "terse", 4, at)]
    text = "Go to bed early. Then read a book."
    alone = [float(fit_reward_model(opinions, person).score([text]).liked[0]) for person in people]
    fits: list[int] = []
    fit = reward_model._fit_everybody  # pyright: ignore[reportPrivateUsage]

    def counted(*arguments: Any) -> Any:
        fits.append(1)
        return fit(*arguments)

    monkeypatch.setattr(reward_model, "_fit_everybody", counted)
    assert ReactionJudge(opinions)(people, [text] * 6, [()] * 6) == alone
    assert len(fits) == 1
