"""How sure a gain is for a person of few words. What breaks without this: chance decides what a person is answered."""

from __future__ import annotations

import numpy as np

from llmagent_os.identity import PersonId
from llmagent_os.training.reward_model import Opinion, RewardModel, fit_reward_model
from llmagent_os.training.taste_draws import DRAWS, DrawnGain, drawn_gain, drawn_likings

ANA = PersonId("web::ana")
BRIEF = ("Sure.", "Done.", "All right.", "No idea.", "Yes.")
LONG = tuple(f"{each[:-1]}, and here is a good deal more that you may want to hear about all of it." for each in BRIEF)
SHOUTED = tuple(each.upper().replace(".", "!!!") for each in BRIEF)


def likes_brief(times: int) -> RewardModel:
    opinions = [
        Opinion(text=text, reward=reward, person=ANA)
        for _ in range(times)
        for texts, reward in ((BRIEF, 1.0), (LONG, -1.0))
        for text in texts
    ]
    return fit_reward_model(opinions, ANA)


def gain(model: RewardModel, after: tuple[str, ...], before: tuple[str, ...]) -> DrawnGain:
    none = [()] * len(after)
    return drawn_gain(drawn_likings(model, after, none), drawn_likings(model, before, none))


def test_equal_replies_have_no_gain_however_little_is_known() -> None:
    assert gain(fit_reward_model([], ANA), BRIEF, BRIEF) == DrawnGain(0.0, 0.0)


def test_what_is_liked_is_surely_better_and_what_is_disliked_surely_worse() -> None:
    known = likes_brief(2)
    assert gain(known, BRIEF, LONG).low > 0.3
    assert gain(known, LONG, BRIEF).mean < -0.5


def test_a_reply_unlike_all_that_was_judged_is_not_sure() -> None:
    """What a feature is worth that nobody has judged is not known, whatever the mean says."""
    assert gain(likes_brief(2), SHOUTED, BRIEF).low < gain(likes_brief(2), BRIEF[::-1], BRIEF).low - 0.1


def test_more_opinions_make_it_surer() -> None:
    assert gain(likes_brief(1), BRIEF, LONG).low < gain(likes_brief(4), BRIEF, LONG).low


def test_the_draws_are_those_of_the_model() -> None:
    """Their mean and spread are what the model itself says of a reply."""
    model = likes_brief(1)
    drawn = drawn_likings(model, [BRIEF[0]], [()])[:, 0]
    logits = np.log(drawn / (1 - drawn))
    score = model.score([BRIEF[0]])
    assert abs(logits.mean() - score.logit[0]) < 4 * score.deviation[0] / DRAWS**0.5
    assert abs(logits.std() / score.deviation[0] - 1) < 0.15
