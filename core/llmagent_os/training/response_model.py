"""Asks a model for log-probabilities of responses: as its LoRA is now, the policy; as it began, the reference.

The reference is the model that the training starts from: the base with a new LoRA, which changes nothing yet, or else
the parent version. What it says is computed before the first step, so no second copy is needed, of the model or of a
LoRA. The output layer is computed for response tokens only. What does not change while the LoRA is trained is computed
once, by :meth:`ResponseModel.remember`: the states below the LoRA, and what the reference says.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, cast

import torch
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from llmagent_os.serving.drawn_words import drawn_logprobs
from llmagent_os.training.decoder_choice import choose_decoder
from llmagent_os.training.frozen_layers import SplitDecoder, first_trained_block
from llmagent_os.training.lora_decoder import LoraDecoder
from llmagent_os.training.prompt_batch import ResponseRow, grouped, prompt_batch
from llmagent_os.training.training_device import TrainingDevice

_REMEMBERED_AT_ONCE = 16  #: prompts in a batch without gradients


class ResponseModel:
    """A PeftModel, or a model without a LoRA, asked for log-probabilities of responses.

    Args:
        model: it is moved to the device, and its frozen weights get the device's precision.
        device: where it computes.
        max_cache_bytes: most memory for remembered states below the LoRA.
    """

    def __init__(self, model: Any, device: TrainingDevice, max_cache_bytes: int) -> None:
        device.prepare(model)
        self._model = model
        base = model.get_base_model() if hasattr(model, "peft_config") else model
        self._transformer = base.get_decoder()
        self._head = base.get_output_embeddings()
        self._device = device
        self._max_cache_bytes = max_cache_bytes
        self._decoder: LoraDecoder | SplitDecoder | None = None  #: chosen when the first rows are there
        self._can_be_cut = False
        self._nothing = torch.zeros(0, 0, device=device.device)

    @property
    def shares_prompts(self) -> bool:
        """Whether several responses to one prompt cost little more than one. Known once rows were asked for."""
        return self._decoder is not None and self._decoder.shares_prompts

    @torch.no_grad()
    def remember(
        self, rows: Sequence[ResponseRow], *, reference: bool = False, states: Sequence[ResponseRow] = ()
    ) -> list[str]:
        """Compute once what does not change. Call it before the first step: the reference is the model as it is then.

        Args:
            rows: all rows that will be asked for.
            reference: whether the reference's log-probabilities will be asked for.
            states: rows of which all that the reference says will be asked for.

        Returns:
            Sentences on what could not be remembered.
        """
        if not rows:
            return []
        decoder = self._chosen(rows)
        first = first_trained_block(self._model)
        warning = self._why_not_cut(rows, first)
        wanted = set(map(id, states))
        for chunk in _chunks(rows):
            if first and not warning:
                batch = prompt_batch(chunk, self._device.device, share=decoder.shares_prompts)
                batch.keep_frozen(decoder.below(batch))
            if asked := [row for row in chunk if reference or id(row) in wanted]:
                self._remember_reference(asked, wanted)
        return [warning] if warning else []

    def _why_not_cut(self, rows: Sequence[ResponseRow], first: int) -> str:
        """Why the states below the LoRA are not remembered; empty: they are, or there are none."""
        again = "they are computed anew at every step"
        width: int = self._transformer.config.hidden_size
        needed = sum(row.length for row in rows) * width * self._head.weight.element_size()
        if first and needed > self._max_cache_bytes:
            size = f"{needed / 2**20:.0f} MiB"
            return f"the states of the {first} frozen layers need {size}, more than max_cache_bytes: {again}"
        if first and not self._can_be_cut:
            return f"this model cannot be cut under its LoRA: its {first} frozen layers are computed anew at every step"
        return ""

    def _remember_reference(self, rows: Sequence[ResponseRow], wanted: set[int]) -> None:
        states = self._response_states(rows)  # [response tokens, width]
        logprobs = self._token_logprobs(self._logits(states), rows)  # [response tokens]
        sizes = [len(row.response) for row in rows]
        for row, found, before in zip(rows, _parts(logprobs, sizes), _parts(states, sizes), strict=True):
            row.reference = found.clone()
            if id(row) in wanted:
                row.reference_states = before.clone()

    def logprobs(
        self, rows: Sequence[ResponseRow], anchors: Sequence[ResponseRow] = ()
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Compute what the policy says, in one pass.

        Returns:
            ``ln p`` of each response token of ``rows``: ``[rows, longest response]``, 0 at padding. And that of every
            token at each place of the anchors' responses: ``[response tokens of all anchors, vocabulary]``. And, laid
            out as the first, ``ln`` of the probability that the token is drawn, in rows that have a rule for it.
        """
        if not rows:
            return self._nothing, self._nothing, self._nothing
        learned = sum(len(row.response) for row in rows)
        states = self._response_states([*rows, *anchors])
        logits = self._logits(states[:learned])  # [response tokens, vocabulary]
        logprobs = self._token_logprobs(logits, rows)
        distributions = torch.log_softmax(self._logits(states[learned:]), -1) if anchors else self._nothing
        return _stacked(logprobs, rows), distributions, _stacked(_drawn(logits, logprobs, rows), rows)

    @torch.no_grad()
    def logits(self, rows: Sequence[ResponseRow]) -> torch.Tensor:
        """Compute what the model says now before each response token: ``[response tokens, vocabulary]``."""
        return self._logits(self._response_states(rows))

    @torch.no_grad()
    def reference_distributions(self, anchors: Sequence[ResponseRow]) -> torch.Tensor:
        """Give the remembered part of what the reference says: ``[response tokens of all anchors, vocabulary]``."""
        if not anchors:
            return self._nothing
        return torch.log_softmax(self._logits(torch.cat([row.reference_states for row in anchors])), -1)

    def reference_logprobs(self, rows: Sequence[ResponseRow]) -> torch.Tensor:
        """Give the remembered ``ln p`` of each response token: ``[rows, longest response]``, 0 at padding."""
        if not rows:
            return self._nothing
        return pad_sequence([row.reference for row in rows], batch_first=True)

    def _chosen(self, rows: Sequence[ResponseRow]) -> LoraDecoder | SplitDecoder:
        if self._decoder is None:
            first = first_trained_block(self._model)
            self._decoder, self._can_be_cut = choose_decoder(self._transformer, first, self._device, rows)
        return self._decoder

    def _response_states(self, rows: Sequence[ResponseRow]) -> torch.Tensor:
        """The last states before every response token, row after row: ``[response tokens, width]``."""
        decoder = self._chosen(rows)
        batch = prompt_batch(rows, self._device.device, share=decoder.shares_prompts)
        return decoder.above(batch, batch.frozen())

    def _logits(self, states: torch.Tensor) -> torch.Tensor:
        """The output layer in its own precision, then fp32: ``[…, vocabulary]``."""
        logits: torch.Tensor = self._head(states.to(self._head.weight.dtype))
        return logits.float()

    def _token_logprobs(self, logits: torch.Tensor, rows: Sequence[ResponseRow]) -> torch.Tensor:
        """``ln p`` of every response token, row after row: ``[response tokens]``."""
        tokens = torch.tensor([token for row in rows for token in row.response], device=self._device.device)
        return -functional.cross_entropy(logits, tokens, reduction="none")


def _drawn(logits: torch.Tensor, logprobs: torch.Tensor, rows: Sequence[ResponseRow]) -> torch.Tensor:
    """``logprobs``, ``[response tokens]``, but in rows with a rule those of drawing the tokens by it."""
    if not any(row.drawn for row in rows):
        return logprobs
    sizes = [len(row.response) for row in rows]
    return torch.cat(
        [
            plain if row.drawn is None else drawn_logprobs(said, row.response, row.drawn)
            for row, said, plain in zip(rows, _parts(logits, sizes), _parts(logprobs, sizes), strict=True)
        ]
    )


def _chunks(rows: Sequence[ResponseRow]) -> Generator[list[ResponseRow]]:
    """Put rows of similar length together, and those with the same prompt always."""
    groups = sorted(grouped(rows), key=lambda group: sum(row.length for row in group))
    for at in range(0, len(groups), _REMEMBERED_AT_ONCE):
        yield [row for group in groups[at : at + _REMEMBERED_AT_ONCE] for row in group]


def _stacked(flat: torch.Tensor, rows: Sequence[ResponseRow]) -> torch.Tensor:
    """Lay out values of all response tokens, row after row, as ``[rows, longest response]``, 0 at padding."""
    return pad_sequence(_parts(flat, [len(row.response) for row in rows]), batch_first=True)


def _parts(flat: torch.Tensor, sizes: list[int]) -> list[torch.Tensor]:
    """Cut a tensor along its first axis."""
    return [*cast("Any", flat).split(sizes)]
