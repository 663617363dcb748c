"""Attention among slots, as one of transformers' attention functions: it serves every model that asks their interface.

A model hands its queries to the function that its configuration names, with the window and the cap of scores that the
layer has. Which tokens a row may look at, the slots' cache knows. So no model's own masks are needed.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from transformers import AttentionInterface
from transformers.integrations import sdpa_attention

from llmagent_os.serving.slot_cache import SlotCache

SLOT_ATTENTION = "llmagent_os_slots"  #: the name of the function among transformers' attention functions


def slot_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    slot_cache: SlotCache,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Compute ``[rows, new tokens, heads, head size]``.

    Args:
        module: the attention layer.
        query: ``[rows, heads, new tokens, head size]``.
        key: ``[rows, key heads, visible tokens, head size]``.
        value: as ``key``.
        attention_mask: what the model made; not used.
        slot_cache: knows the tokens that may be looked at.
        scaling: what the scores are multiplied by.
        sliding_window: tokens that the layer may look at; ``None``: all.
        softcap: greatest score; ``None``: any.
    """
    mask = slot_cache.mask(sliding_window)
    if softcap is None:
        found = cast("Any", sdpa_attention).sdpa_attention_forward(module, query, key, value, mask, scaling=scaling)
        return cast("tuple[torch.Tensor, None]", found)
    groups = query.shape[1] // key.shape[1]
    keys, values = (each.repeat_interleave(groups, dim=1) for each in (key, value))  # [rows, heads, visible, head size]
    scores = query @ keys.transpose(2, 3) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    scores = torch.tanh(scores / softcap) * softcap  # [rows, heads, new, visible]
    weights = torch.softmax(scores.masked_fill(~mask, float("-inf")), dim=-1, dtype=torch.float32).to(query.dtype)
    return (weights @ values).transpose(1, 2).contiguous(), None


def register() -> None:
    """Make the function known to transformers."""
    AttentionInterface.register(SLOT_ATTENTION, slot_attention)
