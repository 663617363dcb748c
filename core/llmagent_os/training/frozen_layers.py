"""Computes a decoder as transformers and PEFT do, and cuts it where its LoRA begins.

What lies below the cut never changes, and needs computing only once: with the LoRA on the top ten of thirty blocks,
every step saves two thirds of its forward pass. The cut works on any transformers decoder that runs ``layers`` one
after another and then ``norm``, and is checked on real tokens before it is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from llmagent_os.training.prompt_batch import PromptBatch

#: On a CPU, attention over so few tokens is faster as plain matrix products than in blocks.
_PLAIN_ATTENTION_TOKENS = 256

_BLOCK = re.compile(r"\.layers\.(\d+)\.")


def first_trained_block(adapted: Any) -> int:
    """Give the number of the lowest block that has a trainable weight; 0 if a weight is outside of the blocks."""
    found = [_BLOCK.search(name) for name, weight in adapted.named_parameters() if weight.requires_grad]
    return min((int(match[1]) if match else 0 for match in found), default=0)


class SplitDecoder:
    """A decoder without its output layer, in two parts, the frozen one and the trained one.

    Args:
        decoder: of transformers, perhaps with PEFT's layers in it.
        first: the number of the lowest trained block.
        precision: makes a context of the precision to compute with.
    """

    shares_prompts = False  #: every row is a sequence of its own

    def __init__(self, decoder: Any, first: int, precision: Callable[[], Any] = nullcontext) -> None:
        self._decoder = decoder
        self._first = first
        self._precision = precision

    @torch.no_grad()
    def below(self, batch: PromptBatch) -> torch.Tensor:
        """Compute the states below the cut, ``[rows, longest, width]``."""
        with self._only(self._decoder.layers[: self._first], torch.nn.Identity()), self._precision():
            states: torch.Tensor = self._decoder(input_ids=batch.tokens, use_cache=False)[0]
        return states

    def above(self, batch: PromptBatch, states: torch.Tensor | None) -> torch.Tensor:
        """Compute the last states before every response token: ``[response tokens, width]``.

        Args:
            batch: the rows.
            states: what :meth:`below` gave; ``None``: begin with the tokens.
        """
        short = batch.tokens.shape[1] <= _PLAIN_ATTENTION_TOKENS
        plain = batch.tokens.device.type == "cpu" and short
        with sdpa_kernel([SDPBackend.MATH]) if plain else nullcontext(), self._precision():
            if states is None:
                last: torch.Tensor = self._decoder(input_ids=batch.tokens, use_cache=False)[0]
            else:
                with self._only(self._decoder.layers[self._first :], self._decoder.norm):
                    last = self._decoder(inputs_embeds=states, use_cache=False)[0]
        return batch.asked_of(last).index_select(0, batch.order)

    def can_be_cut(self, probe: PromptBatch, tolerance: float) -> bool:
        """Whether both parts together compute what the whole does, on some tokens.

        A decoder cannot be cut if its blocks differ, or if it does something else before or between them.
        """
        decoder = self._decoder
        kinds = getattr(decoder.config, "layer_types", None)
        if not hasattr(decoder, "layers") or not hasattr(decoder, "norm") or len(set(kinds or ())) > 1:
            return False
        with torch.no_grad():
            return close(self.above(probe, self.below(probe)), self.above(probe, None), tolerance)

    @contextmanager
    def _only(self, layers: Any, norm: Any) -> Generator[None]:
        decoder = self._decoder
        kept = decoder.layers, decoder.norm
        decoder.layers, decoder.norm = layers, norm
        try:
            yield
        finally:
            decoder.layers, decoder.norm = kept


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> bool:
    """Whether states differ by at most ``tolerance``, as a share of their root mean square."""
    error = (found.float() - expected.float()).square().mean().sqrt() / expected.float().square().mean().sqrt()
    return error.item() <= tolerance
