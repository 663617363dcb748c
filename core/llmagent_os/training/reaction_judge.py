"""Judges replies for people by what they liked before: a reward model for each person."""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.chat import ToolCall
from llmagent_os.identity import PersonId
from llmagent_os.training.reward_model import Opinion, RewardModel, RewardModels


class ReactionJudge:
    """A :class:`~llmagent_os.training.evaluator.ReplyJudge` that has read people's opinions.

    Args:
        opinions: everybody's, without those of the replies that are judged.
        prior: of a group: what everybody outside of it likes.
    """

    def __init__(self, opinions: Sequence[Opinion], prior: RewardModel | None = None) -> None:
        self._fitted = RewardModels(opinions, prior=prior)
        self._models: dict[PersonId, RewardModel] = {}

    def __call__(
        self, persons: Sequence[PersonId], texts: Sequence[str], calls: Sequence[Sequence[ToolCall]]
    ) -> list[float]:
        """Return, for each reply, the probability that its person likes it."""
        return [
            float(self._model(person).score([text], [called]).liked[0])
            for person, text, called in zip(persons, texts, calls, strict=True)
        ]

    def _model(self, person: PersonId) -> RewardModel:
        if person not in self._models:
            self._models[person] = self._fitted.of(person)
        return self._models[person]
