"""An objective's loss of a model on samples: joins what the model says with what the objective asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from llmagent_os.training.length_batches import sample_batch
from llmagent_os.training.objectives.objective import Logprobs, Metrics, Objective, PreparedSample
from llmagent_os.training.prompt_batch import ResponseRow
from llmagent_os.training.response_model import ResponseModel
from llmagent_os.training.token_sample import TokenSample


@dataclass(eq=False)
class TrainedSample:
    """A prepared sample, and its rows in the model."""

    prepared: PreparedSample
    row: ResponseRow
    comparison: ResponseRow | None  #: None: the objective compares nothing

    @property
    def length(self) -> int:
        """The number of tokens of the prompt and of all responses to it."""
        return self.row.length + len(self.prepared.comparison)


class ObjectiveModel:
    """A model and what it is to be trained for.

    Args:
        model: answers with log-probabilities.
        objective: makes a loss of them.
        device: where the tensors of batches lie.
    """

    def __init__(self, model: ResponseModel, objective: Objective, device: torch.device) -> None:
        self._model = model
        self._objective = objective
        self._device = device
        self._rows: list[ResponseRow] = []
        self._anchors: list[ResponseRow] = []

    def sample(self, prepared: PreparedSample) -> TrainedSample:
        """Make the rows of a sample."""
        prompt = prepared.sample.prompt
        row = ResponseRow(prompt, prepared.sample.response, prepared.drawn)
        comparison = ResponseRow(prompt, prepared.comparison) if prepared.comparison else None
        self._rows += [row, *([comparison] if comparison else [])]
        return TrainedSample(prepared, row, comparison)

    def anchor(self, sample: TokenSample) -> ResponseRow:
        """Make the row of an anchor."""
        row = ResponseRow(sample.prompt, sample.response)
        self._anchors.append(row)
        return row

    def remember(self) -> list[str]:
        """Compute once what does not change, of all rows made; gives sentences on what could not be remembered."""
        needed = self._objective.needs_reference
        return self._model.remember([*self._rows, *self._anchors], reference=needed, states=self._anchors)

    def loss(
        self, samples: Sequence[TrainedSample], anchors: Sequence[ResponseRow] = ()
    ) -> tuple[torch.Tensor, Metrics]:
        """Compute the loss of a batch: a scalar with a gradient, and the objective's figures."""
        batch = sample_batch([each.prepared for each in samples], self._device)
        policy = self._policy(samples, anchors)
        reference = Logprobs(
            self._model.reference_logprobs([each.row for each in samples]),
            self._model.reference_logprobs([each.comparison for each in samples if each.comparison]),
            self._model.reference_distributions(anchors),
            torch.zeros(0, 0, device=self._device),
        )
        return self._objective.loss(policy, reference, batch)

    def _policy(self, samples: Sequence[TrainedSample], anchors: Sequence[ResponseRow]) -> Logprobs:
        rows = [each.row for each in samples]
        comparisons = [each.comparison for each in samples if each.comparison]
        learned = self._objective.learns_comparisons
        if comparisons and (learned or self._model.shares_prompts):
            both, distributions, drawn = self._model.logprobs([*rows, *comparisons], anchors)
            width = max(len(row.response) for row in rows)
            compared = max(len(row.response) for row in comparisons)
            own, other = both[: len(rows), :width], both[len(rows) :, :compared]
            return Logprobs(own, other if learned else other.detach(), distributions, drawn[: len(rows), :width])
        responses, distributions, drawn = self._model.logprobs(rows, anchors)
        with torch.no_grad():
            other, _, _ = self._model.logprobs(comparisons)
        return Logprobs(responses, other, distributions, drawn)
