"""Makes the reward model that chooses what is learned: of the wording, and where that helps of hidden states too.

Its prior is what the behaviour policy believes, and of a group what everybody else likes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from llmagent_os.identity import PersonId
from llmagent_os.serving.model_location import Location
from llmagent_os.training.reward_head import LEAST_OPINIONS, fit_headed, try_head
from llmagent_os.training.reward_model import Opinion, RewardModel, fit_reward_model


async def lesson_judge(
    opinions: Sequence[Opinion],
    expected: Sequence[Opinion],
    location: Location | None,
    *,
    person: PersonId | None,
    prior: RewardModel | None,
) -> tuple[RewardModel, tuple[str, ...]]:
    """Fit the reward model.

    Args:
        opinions: those that people gave.
        expected: what the policy expects, as opinions.
        location: the base model, whose hidden states are tried; None: it is a server's.
        person: whose taste is wanted; None: that of all who gave opinions.
        prior: of a group, what everybody else likes.

    Returns:
        The model, and sentences for the report.

    Raises:
        ModelError: the base model cannot be loaded.
    """
    fit = partial(fit_reward_model, person=person, prior=prior, average=True)
    wording = fit([*opinions, *expected])
    words = [each for each in opinions if each.text.strip() and not each.calls and each.weight > 0]
    if location is None or len(words) < LEAST_OPINIONS:
        return wording, ()
    return await asyncio.to_thread(_with_head, wording, words, expected, fit, location)


def _with_head(
    wording: RewardModel,
    words: Sequence[Opinion],
    expected: Sequence[Opinion],
    fit: partial[RewardModel],
    location: Location,
) -> tuple[RewardModel, tuple[str, ...]]:
    """Put a head beside the model of the wording, if held-out opinions are foretold better with it. Blocks."""
    from llmagent_os.training.hidden_states import HiddenStates

    read = HiddenStates(location)
    trial = try_head(words, fit, read)  # without what the policy expects: it has seen the opinions that are held out
    if not trial.helps:
        return wording, (trial.note,)
    return fit_headed(words, lambda given: fit([*given, *expected]), read), (trial.note,)
