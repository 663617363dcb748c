"""Asks a PeftModel for log-probabilities of responses: as its LoRA is now, the policy; as it began, the reference.

The reference is the model that the training starts from: the base with a new LoRA, which changes nothing yet, or else
the parent version. What it says is computed before the first step, so no second copy is needed, of the model or of a
LoRA. The output layer is computed for response tokens only. Rows are filled up at
their ends, where causal attention never looks, so no attention mask is needed either. What does not change while the
LoRA is trained is computed once, by :meth:`ResponseModel.remember`: the states below the LoRA, and what the reference
says.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.rnn import pad_sequence

from llmagent_os.serving.drawn_words import DrawnWords, drawn_logprobs
from llmagent_os.training.frozen_layers import SplitDecoder, first_trained_block, split_decoder
from llmagent_os.training.training_device import TrainingDevice

#: On a CPU, attention over so few tokens is faster as plain matrix products than in blocks.
_PLAIN_ATTENTION_TOKENS = 256
_REMEMBERED_AT_ONCE = 16  #: rows in a batch without gradients


@dataclass(eq=False)
class ResponseRow:
    """A prompt with a response, and what is remembered of them."""

    prompt: tuple[int, ...]
    response: tuple[int, ...]
    drawn: DrawnWords | None = None  #: the rule that the response was drawn by, if that is asked for
    frozen: torch.Tensor | None = None  #: [tokens, width]: the states below the LoRA
    #: [response tokens]: the reference's log-probabilities
    reference: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    #: [response tokens, width]: the reference's last states before each response token
    reference_states: torch.Tensor = field(default_factory=lambda: torch.zeros(0, 0))

    @property
    def length(self) -> int:
        """The number of tokens of prompt and response."""
        return len(self.prompt) + len(self.response)


class ResponseModel:
    """A PeftModel, asked for log-probabilities of responses.

    Args:
        adapted: the PeftModel; it is moved to the device, and its frozen weights get the device's precision.
        device: where it computes.
        max_cache_bytes: most memory for remembered states below the LoRA.
    """

    def __init__(self, adapted: Any, device: TrainingDevice, max_cache_bytes: int) -> None:
        device.prepare(adapted)
        self._adapted = adapted
        self._precision = device.precision
        model = adapted.get_base_model()
        self._decoder = model.get_decoder()
        self._head = model.get_output_embeddings()
        self._device = device.device
        self._max_cache_bytes = max_cache_bytes
        self._split: SplitDecoder | None = None
        self._nothing = torch.zeros(0, 0, device=self._device)

    @torch.no_grad()
    def remember(
        self, rows: Sequence[ResponseRow], *, reference: bool = False, states: Sequence[ResponseRow] = ()
    ) -> list[str]:
        """Compute once what does not change. The policy as it is now becomes the reference.

        Args:
            rows: all rows that will be asked for.
            reference: whether the reference's log-probabilities will be asked for.
            states: rows of which all that the reference says will be asked for.

        Returns:
            Sentences on what could not be remembered.
        """
        with self._precision():
            first = first_trained_block(self._adapted)
            warnings = self._cut(rows, first) if first and rows else []
            if self._split or reference or states:
                self._remember(rows, reference, set(map(id, states)))
        return warnings

    def _remember(self, rows: Sequence[ResponseRow], reference: bool, wanted: set[int]) -> None:
        by_length = sorted(rows, key=lambda row: row.length)
        for at in range(0, len(by_length), _REMEMBERED_AT_ONCE):
            chunk = by_length[at : at + _REMEMBERED_AT_ONCE]
            if self._split:
                states_below = self._split.frozen(self._tokens(chunk))  # [rows, longest, width]
                for row, found in zip(chunk, states_below, strict=True):
                    row.frozen = found[: row.length].clone()
            asked = [row for row in chunk if reference or id(row) in wanted]
            if asked:
                self._remember_reference(asked, wanted)

    def _cut(self, rows: Sequence[ResponseRow], first: int) -> list[str]:
        """Cut the decoder under its LoRA, if the states there fit into the memory."""
        needed = sum(row.length for row in rows) * self._decoder.config.hidden_size * self._head.weight.element_size()
        if needed > self._max_cache_bytes:
            return [
                f"the states of the {first} frozen layers need {needed / 2**20:.0f} MiB, more than max_cache_bytes: "
                "they are computed anew at every step"
            ]
        probe = self._tokens(sorted(rows, key=lambda row: row.length)[:2])
        self._split = split_decoder(self._decoder, first, probe)
        if self._split:
            return []
        return [f"this model cannot be cut under its LoRA: its {first} frozen layers are computed anew at every step"]

    def _remember_reference(self, rows: Sequence[ResponseRow], wanted: set[int]) -> None:
        states = self._response_states(rows)  # [response tokens, width]
        logprobs = self._token_logprobs(states, rows)  # [response tokens]
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
        with self._precision():
            states = self._response_states([*rows, *anchors])
            logits = self._head(states[:learned]).float()  # [response tokens, vocabulary]
            logprobs = -functional.cross_entropy(logits, self._targets(rows), reduction="none")
            drawn = _drawn(logits, logprobs, rows)
            distributions = torch.log_softmax(self._head(states[learned:]).float(), -1) if anchors else self._nothing
        return _stacked(logprobs, rows), distributions, _stacked(drawn, rows)

    @torch.no_grad()
    def reference_distributions(self, anchors: Sequence[ResponseRow]) -> torch.Tensor:
        """Compute what the reference says of the anchors: ``[response tokens of all anchors, vocabulary]``."""
        if not anchors:
            return self._nothing
        with self._precision():
            return torch.log_softmax(self._head(torch.cat([row.reference_states for row in anchors])).float(), -1)

    def reference_logprobs(self, rows: Sequence[ResponseRow]) -> torch.Tensor:
        """Give the remembered ``ln p`` of each response token: ``[rows, longest response]``, 0 at padding."""
        if not rows:
            return self._nothing
        return pad_sequence([row.reference for row in rows], batch_first=True)

    def _tokens(self, rows: Sequence[ResponseRow]) -> torch.Tensor:
        """The rows' tokens, ``[rows, longest]``, filled up with token 0, at which nothing looks."""
        tokens = [torch.tensor([*row.prompt, *row.response], device=self._device) for row in rows]
        return pad_sequence(tokens, batch_first=True)

    def _response_states(self, rows: Sequence[ResponseRow]) -> torch.Tensor:
        """The last states before every response token, row after row: ``[response tokens, width]``."""
        short = max(row.length for row in rows) <= _PLAIN_ATTENTION_TOKENS
        plain = self._device.type == "cpu" and short
        with sdpa_kernel([SDPBackend.MATH]) if plain else nullcontext():
            states = self._last_states(rows)  # [rows, longest, width]
        row_numbers = [number for number, row in enumerate(rows) for _ in row.response]
        places = [len(row.prompt) - 1 + at for row in rows for at in range(len(row.response))]
        return states[row_numbers, places]

    def _last_states(self, rows: Sequence[ResponseRow]) -> torch.Tensor:
        """The last states of all tokens, ``[rows, longest, width]``; from the remembered ones if there are any."""
        below = [row.frozen for row in rows if row.frozen is not None]
        if self._split and len(below) == len(rows):
            return self._split.trained(pad_sequence(below, batch_first=True))
        states: torch.Tensor = self._decoder(input_ids=self._tokens(rows), use_cache=False)[0]
        return states

    def _token_logprobs(self, states: torch.Tensor, rows: Sequence[ResponseRow]) -> torch.Tensor:
        """``ln p`` of every response token, row after row: ``[response tokens]``."""
        return -functional.cross_entropy(self._head(states).float(), self._targets(rows), reduction="none")

    def _targets(self, rows: Sequence[ResponseRow]) -> torch.Tensor:
        """The response tokens, row after row: ``[response tokens]``."""
        return torch.tensor([token for row in rows for token in row.response], device=self._device)


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


def _stacked(flat: torch.Tensor, rows: Sequence[ResponseRow]) -> torch.Tensor:
    """Lay out values of all response tokens, row after row, as ``[rows, longest response]``, 0 at padding."""
    return pad_sequence(_parts(flat, [len(row.response) for row in rows]), batch_first=True)


def _parts(flat: torch.Tensor, sizes: list[int]) -> list[torch.Tensor]:
    """Cut a tensor along its first axis."""
    return [*cast("Any", flat).split(sizes)]
