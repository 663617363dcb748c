"""The head on hidden states. What breaks without this: a worse judge chooses what everybody's model learns."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from llmagent_os.identity import PersonId
from llmagent_os.llm import LLM
from llmagent_os.policy.array_types import Floats
from llmagent_os.training.lesson_judge import lesson_judge
from llmagent_os.training.reward_head import fit_headed, try_head
from llmagent_os.training.reward_model import Opinion, RewardModel, fit_reward_model

TOPICS = ("chess", "music", "bread", "money")


def told(seed: int, people: int, each: int) -> list[Opinion]:
    """Opinions of people who like what is about the first two topics, whatever the wording."""
    order = random.Random(seed)
    found: list[Opinion] = []
    for number in range(people * each):
        topic = order.choice(TOPICS)
        liked = order.random() < (0.9 if topic in TOPICS[:2] else 0.1)
        text = f"It is easy to think about {topic} on day {order.randint(1, 9)}."
        found.append(Opinion(text=text, reward=1.0 if liked else -1.0, person=PersonId(f"p{number % people}")))
    return found


def fit(opinions: Sequence[Opinion]) -> RewardModel:
    return fit_reward_model(opinions, average=True)


def of_topics(texts: Sequence[str]) -> Floats:
    """States of a model that knows what a reply is about."""
    noise = np.random.default_rng(1).normal(size=(len(texts), 6)) / 10
    return np.hstack([[[float(topic in text) for topic in TOPICS] for text in texts], noise])


def of_nothing(texts: Sequence[str]) -> Floats:
    """States that say nothing: by place, and not by text."""
    return np.random.default_rng(len(texts)).normal(size=(len(texts), 8))


def test_a_head_is_used_where_the_states_say_more_than_the_wording() -> None:
    opinions = told(1, 12, 10)
    trial = try_head(opinions, fit, of_topics)
    assert trial.helps and trial.headed < trial.wording - 0.1
    assert "is used beside the wording features" in trial.note
    texts = ["It is easy to think about music on day 3.", "It is easy to think about bread on day 3."]
    music, bread = fit_headed(opinions, fit, of_topics).score(texts).liked
    assert music > 0.7 > 0.3 > bread
    plain = fit(opinions).score(texts)
    assert abs(plain.liked[0] - plain.liked[1]) < 0.2, "the wording cannot tell the two apart"


@pytest.mark.parametrize("seed", range(5))
def test_a_head_is_not_used_where_the_states_say_nothing(seed: int) -> None:
    trial = try_head(told(seed, 12, 10), fit, of_nothing)
    assert not trial.helps
    assert "is not used" in trial.note


def test_one_persons_opinions_are_held_out_one_by_one() -> None:
    """A personal training has nobody else to hold out."""
    assert try_head(told(3, 1, 90), fit, of_topics).helps


def test_no_head_is_tried_on_few_opinions_or_without_a_model_of_ones_own() -> None:
    import asyncio

    for opinions in (told(1, 5, 10), told(1, 12, 10)):
        found, notes = asyncio.run(lesson_judge(opinions, [], None, person=None, prior=None))
        assert (type(found), notes) == (RewardModel, ())


async def test_a_real_models_states_are_tried_and_reported() -> None:
    location = LLM.from_pretrained("calendar").location
    assert location is not None
    _, notes = await lesson_judge(told(1, 6, 10), [], location, person=None, prior=None)
    (note,) = notes
    assert note.startswith("a head on the model's hidden states")


def test_states_are_the_mean_over_a_replys_own_tokens() -> None:
    """Padding of a batch must not change a reply's state."""
    from llmagent_os.training.hidden_states import HiddenStates

    location = LLM.from_pretrained("calendar").location
    assert location is not None
    texts = ["Done.", "It is easy to think about music on every day of the week."]
    together = HiddenStates(location)(texts)
    alone = np.vstack([HiddenStates(location)([text]) for text in texts])
    assert np.allclose(together, alone, atol=1e-4)
