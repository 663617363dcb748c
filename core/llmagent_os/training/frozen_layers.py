"""Cuts a decoder where its LoRA begins: what lies below the cut never changes, and needs computing only once.

With the LoRA on the top ten of thirty blocks, every step saves two thirds of its forward pass. The cut works on any
transformers decoder that runs ``layers`` one after another and then ``norm``, and is checked on real tokens before it
is used.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch

#: The most that states may differ from those of the whole decoder, as a share of their root mean square. bf16 keeps
#: eight binary digits.
_TOLERANCE = 0.02

_BLOCK = re.compile(r"\.layers\.(\d+)\.")


def first_trained_block(adapted: Any) -> int:
    """Give the number of the lowest block that has a trainable weight; 0 if a weight is outside of the blocks."""
    found = [_BLOCK.search(name) for name, weight in adapted.named_parameters() if weight.requires_grad]
    return min((int(match[1]) if match else 0 for match in found), default=0)


class SplitDecoder:
    """A decoder in two parts, the frozen one and the trained one.

    Args:
        decoder: the model without its output layer.
        first: the number of the lowest trained block.
    """

    def __init__(self, decoder: Any, first: int) -> None:
        self._decoder = decoder
        self.first = first

    def frozen(self, tokens: torch.Tensor) -> torch.Tensor:
        """Compute the states below the cut, ``[rows, longest, width]``, of ``tokens`` ``[rows, longest]``."""
        with self._only(self._decoder.layers[: self.first], torch.nn.Identity()), torch.no_grad():
            states: torch.Tensor = self._decoder(input_ids=tokens, use_cache=False)[0]
        return states

    def trained(self, states: torch.Tensor) -> torch.Tensor:
        """Compute the last states, ``[rows, longest, width]``, from those below the cut."""
        with self._only(self._decoder.layers[self.first :], self._decoder.norm):
            last: torch.Tensor = self._decoder(inputs_embeds=states, use_cache=False)[0]
        return last

    def whole(self, tokens: torch.Tensor) -> torch.Tensor:
        """Compute the last states, ``[rows, longest, width]``, of ``tokens`` ``[rows, longest]``."""
        last: torch.Tensor = self._decoder(input_ids=tokens, use_cache=False)[0]
        return last

    @contextmanager
    def _only(self, layers: Any, norm: Any) -> Generator[None]:
        decoder = self._decoder
        kept = decoder.layers, decoder.norm
        decoder.layers, decoder.norm = layers, norm
        try:
            yield
        finally:
            decoder.layers, decoder.norm = kept


def split_decoder(decoder: Any, first: int, probe: torch.Tensor) -> SplitDecoder | None:
    """Cut a decoder, if both parts together compute what the whole does.

    Args:
        decoder: the model without its output layer.
        first: the number of the lowest trained block.
        probe: some tokens, ``[rows, longest]``.

    Returns:
        ``None`` if there is nothing frozen, or if this decoder cannot be cut: its blocks differ, or it does something
        else before or between them.
    """
    kinds = getattr(decoder.config, "layer_types", None)
    if not first or not hasattr(decoder, "layers") or not hasattr(decoder, "norm") or len(set(kinds or ())) > 1:
        return None
    parts = SplitDecoder(decoder, first)
    with torch.no_grad():
        whole = parts.whole(probe).float()
        joined = parts.trained(parts.frozen(probe)).float()
    error = (whole - joined).square().mean().sqrt() / whole.square().mean().sqrt()
    return parts if error.item() < _TOLERANCE else None
