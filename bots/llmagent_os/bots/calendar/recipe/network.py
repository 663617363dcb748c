"""The model and its loss.

The rows of a batch share one long system message with the tools. The model reads it once, as one row. Its keys and
values are expanded (not copied) over the rows, and the gradient of every row flows back through them into that one row.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import DynamicCache, Qwen3Config, Qwen3ForCausalLM

from llmagent_os.bots.calendar.recipe.batches import IGNORED_TARGET, Batch
from llmagent_os.bots.calendar.recipe.hyperparameters import Recipe
from llmagent_os.bots.calendar.recipe.tokenizer import CONTEXT, END_OF_TURN, PADDING, SPECIAL


def new_model(recipe: Recipe, device: str = "cpu") -> Qwen3ForCausalLM:
    """Make the untrained model. The recipe's seed decides its first weights."""
    torch.manual_seed(recipe.seed)  # pyright: ignore[reportUnknownMemberType]
    configure: Any = Qwen3Config
    config = configure(
        vocab_size=recipe.vocab_size,
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.key_value_heads,
        head_dim=recipe.head_dim,
        intermediate_size=recipe.feed_forward,
        tie_word_embeddings=True,
        max_position_embeddings=CONTEXT,
        bos_token_id=None,
        eos_token_id=SPECIAL.index(END_OF_TURN),
        pad_token_id=SPECIAL.index(PADDING),
        attn_implementation="sdpa",
    )
    model = Qwen3ForCausalLM(config)  # drawn on the CPU, so that every device starts with the same weights
    cast("Any", model).to(device)
    return model


def loss_of(model: Qwen3ForCausalLM, batch: Batch, *, bf16: bool) -> Tensor:
    """Compute the mean cross-entropy over the batch's targets, in nats per token.

    Args:
        model: the model that is trained. The batch is moved to its device.
        batch: prefix [P], ids and targets [B, S].
        bf16: compute in bfloat16 where torch's autocast considers that exact enough.

    Returns:
        A float32 scalar with its graph.
    """
    device = model.device
    ids, targets = batch.ids.to(device), batch.targets.to(device)
    decoder: Any = model.model
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        cache = DynamicCache()
        decoder(input_ids=batch.prefix[None].to(device), cache=cache, use_cache=True)
        length, (rows, width) = len(batch.prefix), ids.shape
        layers: Any = cache.layers
        for layer in layers:  # keys and values: [1, key_value_heads, P, head_dim] -> [B, …]
            layer.keys = layer.keys.expand(rows, -1, -1, -1)
            layer.values = layer.values.expand(rows, -1, -1, -1)
        hidden: Tensor = decoder(
            input_ids=ids,
            cache=cache,
            attention_mask=_causal(length, width, device, torch.bfloat16 if bf16 else torch.float32),
            position_ids=torch.arange(length, length + width, device=device)[None],
            use_cache=True,
        ).last_hidden_state  # [B, S, hidden_size]
        wanted = targets != IGNORED_TARGET  # [B, S]
        logits: Tensor = model.lm_head(
            hidden[wanted]
        )  # [targets, vocab_size]: the head runs only where there is a target
    return nn.functional.cross_entropy(logits.float(), targets[wanted])


def _causal(length: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Make an additive mask [1, 1, S, P + S]: a position sees the prefix, itself, and what comes before it.

    Padding on the right needs no mask: no position looks at later positions.
    """
    seen = torch.ones(width, length + width, dtype=torch.bool, device=device).tril(length)
    return torch.zeros(seen.shape, dtype=dtype, device=device).masked_fill(~seen, float("-inf"))[None, None]
