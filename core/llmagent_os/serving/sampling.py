"""Draws the next token of every reply in a batch, under each reply's constraint and temperature.

For one reply at one step: ``z`` are the model's logits, ``A`` is the set of allowed tokens, ``T`` the temperature.

    p(t) = exp(z[t] / T) / sum over s in A of exp(z[s] / T)      for t in A, otherwise 0

A token is drawn from ``p``, and ``ln p(token)`` is recorded with it. At temperature 0 the likeliest token of ``A`` is
taken, and ``ln p(token)`` at ``T = 1`` is recorded.

``A`` is, inside a call, what the call grammar allows. In plain text it is every text token. As the first token of a
reply with tools, ``A`` also holds the marker ``o`` that opens a call. If the model has a threshold, the marker is taken
out of ``A`` where its probability at temperature 1, ``exp(z[o]) / sum over s in A of exp(z[s])``, is below the
threshold. The temperature of the reply does not move this decision, and ``p`` is made after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch

from llmagent_os.serving.generation import Generation
from llmagent_os.serving.vocabulary import Vocabulary

_FORBIDDEN = float("-inf")


class TokenSampler:
    """Draws tokens.

    Args:
        vocabulary: the model's tokens.
        outputs: size of the model's output layer.
    """

    def __init__(self, vocabulary: Vocabulary, outputs: int) -> None:
        self._text_mask = torch.full((outputs,), _FORBIDDEN)  # [outputs]; 0 at the tokens of plain text
        self._text_mask[torch.tensor(vocabulary.text_ids)] = 0.0

    def sample(self, logits: torch.Tensor, replies: Sequence[Generation]) -> tuple[list[int], list[float]]:
        """Draw one token for each reply; gives the tokens, and the natural logarithm of each token's probability.

        Args:
            logits: ``[replies, outputs]``, float32, on the CPU.
            replies: what is being written.
        """
        masked = self._masked(logits, replies)  # [replies, outputs]
        temperatures = torch.tensor([[reply.temperature or 1.0] for reply in replies])  # [replies, 1]
        logprobs = torch.log_softmax(masked / temperatures, dim=-1)  # [replies, outputs]
        tokens = logprobs.argmax(dim=-1)  # [replies]
        if any(reply.temperature for reply in replies):
            # Inverse transform sampling, with the random numbers of each request.
            sums = logprobs.double().exp().cumsum(dim=-1)  # [replies, outputs]: the distribution function
            uniform = [[reply.draw() if reply.temperature else 0.0] for reply in replies]
            draws = torch.tensor(uniform, dtype=torch.double)  # [replies, 1], in [0, 1)
            drawn = torch.searchsorted(sums, draws * sums[:, -1:], right=True)[:, 0].clamp(max=sums.shape[1] - 1)
            tokens = torch.where(torch.tensor([reply.temperature > 0 for reply in replies]), drawn, tokens)
        chosen = logprobs.gather(1, tokens[:, None])[:, 0]  # [replies]
        return cast("Any", tokens).tolist(), cast("Any", chosen).tolist()

    def _masked(self, logits: torch.Tensor, replies: Sequence[Generation]) -> torch.Tensor:
        """``[replies, outputs]``: the logits, with minus infinity at every token that the reply may not have next."""
        masked = logits + self._text_mask
        for row, reply in enumerate(replies):
            if (opens := reply.constraint.may_open) is not None:
                masked[row, opens] = logits[row, opens]
                if reply.call_above and torch.softmax(masked[row], dim=-1)[opens] < reply.call_above:
                    masked[row, opens] = _FORBIDDEN
            if (banned := reply.constraint.banned) is not None:
                masked[row, banned] = _FORBIDDEN
            if (allowed := reply.constraint.allowed()) is not None:
                masked[row] = _FORBIDDEN
                index = torch.tensor(allowed)  # [allowed tokens]
                masked[row, index] = logits[row, index]
        return masked
