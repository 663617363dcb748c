"""Draws the next token of every reply in a batch: words at the reply's temperature, tool calls without chance.

For one reply at one step: ``z`` are the model's logits, ``A`` is the set of allowed tokens, ``T`` the temperature and
``m`` the floor ``min_p``.

    K    = the tokens t of A with exp(z[t]) >= m * (the greatest exp(z[s]) of A)
    p(t) = exp(z[t] / T) / sum over s in K of exp(z[s] / T)      for t in K, otherwise 0

A token of plain text is drawn from ``p``, and ``ln p(token)`` is recorded with it. The floor does not depend on the
temperature: at any temperature, only words remain that the model finds nearly as likely as the likeliest one.

Three things are never drawn. At temperature 0, the likeliest token of ``A`` is taken. So it is at every temperature
inside a call, where ``A`` is what the call grammar allows. And a reply with tools opens a call where the marker that
opens one is likelier than every text token; elsewhere the marker is taken out of ``A`` before a word is drawn. If the
model has a threshold, the marker has to be as likely as that, too. With all three, ``ln p(token)`` at ``T = 1``, and
without a floor, is recorded.

Reference:
    Nguyen et al. 2024, Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs,
    https://arxiv.org/abs/2407.01082. There the floor is applied after the temperature, here before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch

from llmagent_os.serving.generation import Generation
from llmagent_os.serving.vocabulary import Vocabulary

FORBIDDEN = float("-inf")


def word_logprobs(masked: torch.Tensor, temperatures: torch.Tensor, floors: torch.Tensor) -> torch.Tensor:
    """Compute ``ln p`` of every token: ``[rows, outputs]``.

    Args:
        masked: ``[rows, outputs]``: logits, minus infinity outside of ``A``.
        temperatures: ``[rows, 1]``: ``T`` of each row.
        floors: ``[rows, 1]``: ``m`` of each row; 0: none.
    """
    least = masked.amax(-1, keepdim=True) + floors.log()  # [rows, 1]: the logit of the floor
    return torch.log_softmax(masked.masked_fill(masked < least, FORBIDDEN) / temperatures, dim=-1)


class TokenSampler:
    """Draws tokens.

    Args:
        vocabulary: the model's tokens.
        outputs: size of the model's output layer.
    """

    def __init__(self, vocabulary: Vocabulary, outputs: int) -> None:
        self._text_mask = torch.full((outputs,), FORBIDDEN)  # [outputs]; 0 at the tokens of plain text
        self._text_mask[torch.tensor(vocabulary.text_ids)] = 0.0

    def sample(self, logits: torch.Tensor, replies: Sequence[Generation]) -> tuple[list[int], list[float]]:
        """Draw one token for each reply; gives the tokens, and the natural logarithm of each token's probability.

        Args:
            logits: ``[replies, outputs]``, float32, on the CPU.
            replies: what is being written.
        """
        masked = self._masked(logits, replies)  # [replies, outputs]
        likeliest = masked.argmax(dim=-1)  # [replies]
        drawn = [self._draws(row, reply, int(likeliest[row]), masked) for row, reply in enumerate(replies)]
        chance = torch.tensor(drawn)  # [replies], bool
        heats = torch.tensor([[r.temperature if one else 1.0] for r, one in zip(replies, drawn, strict=True)])
        floors = torch.tensor([[r.min_p if one else 0.0] for r, one in zip(replies, drawn, strict=True)])
        logprobs = word_logprobs(masked, heats, floors)  # [replies, outputs]
        tokens = likeliest
        if any(drawn):
            # Inverse transform sampling, with the random numbers of each request.
            sums = logprobs.double().exp().cumsum(dim=-1)  # [replies, outputs]: the distribution function
            uniform = [[reply.draw() if one else 0.0] for reply, one in zip(replies, drawn, strict=True)]
            draws = torch.tensor(uniform, dtype=torch.double)  # [replies, 1], in [0, 1)
            found = torch.searchsorted(sums, draws * sums[:, -1:], right=True)[:, 0].clamp(max=sums.shape[1] - 1)
            tokens = torch.where(chance, found, likeliest)
        chosen = logprobs.gather(1, tokens[:, None])[:, 0]  # [replies]
        return cast("Any", tokens).tolist(), cast("Any", chosen).tolist()

    @staticmethod
    def _draws(row: int, reply: Generation, likeliest: int, masked: torch.Tensor) -> bool:
        """Whether the next token is drawn. If it is a word, where a call may open, the marker leaves ``A``."""
        if reply.temperature == 0 or reply.constraint.in_call:
            return False
        opening = reply.constraint.opening
        if opening is None:
            return True
        if likeliest == opening:
            return False
        masked[row, opening] = FORBIDDEN
        return True

    def _masked(self, logits: torch.Tensor, replies: Sequence[Generation]) -> torch.Tensor:
        """``[replies, outputs]``: the logits, with minus infinity at every token that the reply may not have next."""
        masked = logits + self._text_mask
        for row, reply in enumerate(replies):
            if (opens := reply.constraint.may_open) is not None:
                masked[row, opens] = logits[row, opens]
                if reply.call_above and torch.softmax(masked[row], dim=-1)[opens] < reply.call_above:
                    masked[row, opens] = FORBIDDEN
            if (banned := reply.constraint.banned) is not None:
                masked[row, banned] = FORBIDDEN
            if (allowed := reply.constraint.allowed()) is not None:
                masked[row] = FORBIDDEN
                index = torch.tensor(allowed)  # [allowed tokens]
                masked[row, index] = logits[row, index]
        return masked
