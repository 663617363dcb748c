"""Models of the sizes that benchmarks need, with random weights: speed does not depend on what a model has learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from tests.tiny_model import make_tokenizer
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

#: Each shape: its configuration's class, vocabulary, width, width of the network, blocks, heads, key heads.
SHAPES: dict[str, tuple[Any, int, int, int, int, int, int]] = {
    "5.8M": (Qwen3Config, 4096, 256, 768, 6, 4, 2),  # as the shipped model
    "12.7M": (LlamaConfig, 4096, 384, 1152, 6, 6, 6),
    "135M": (LlamaConfig, 49152, 576, 1536, 30, 9, 3),  # as SmolLM2-135M
    "0.5B": (Qwen2Config, 151936, 896, 4864, 24, 14, 2),  # as Qwen2.5-0.5B
    "1.5B": (Qwen2Config, 151936, 1536, 8960, 28, 24, 4),  # nearly as Qwen2.5-1.5B, whose heads are wider
    "7B": (Qwen2Config, 152064, 3584, 18944, 28, 56, 8),  # nearly as Qwen2.5-7B, whose heads are wider
}


def random_config(shape: str = "5.8M", **more: Any) -> Any:
    """Make the configuration of a shape in :data:`SHAPES`."""
    kind, vocabulary, width, network, blocks, heads, key_heads = SHAPES[shape]
    return kind(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=network,
        num_hidden_layers=blocks,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        head_dim=64,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        **more,
    )


def random_model(folder: Path, shape: str = "5.8M") -> Path:
    """Write a random model of a shape in :data:`SHAPES`, with its tokenizer."""
    tokenizer = make_tokenizer()
    config = random_config(
        shape, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None
    )
    cast("Any", torch).manual_seed(0)
    cast("Any", AutoModelForCausalLM).from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
