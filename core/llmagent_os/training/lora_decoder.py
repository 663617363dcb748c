"""Computes the decoder of a PeftModel for training: the same numbers as PEFT and transformers give, and sooner.

It knows decoders built as Llama, Mistral, Qwen2, Qwen3 and SmolLM2 are: blocks of RMS norm, rotary positions, attention
over all earlier tokens, and a gated SiLU network. Whether it computes what the model itself does is checked on real
tokens before it is used. Three things are computed less often than by the model itself:

- prompts that several responses share, once;
- of the last block, only what response tokens follow from;
- states below the lowest LoRA, once for all steps if the caller keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from llmagent_os.training.decoder_functions import Projection, attend, project, rms_norm, rotate
from llmagent_os.training.prompt_batch import PromptBatch

#: The names of what a block must have, each as a path.
_PARTS = (
    "input_layernorm", "post_attention_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
    "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
)  # fmt: skip


@dataclass(frozen=True)
class _Angles:
    """Where tokens stand: the cosine and sine of each position's angles, ``[sequences or 1, tokens, size]``."""

    cos: torch.Tensor
    sin: torch.Tensor


class LoraDecoder:
    """A decoder without its output layer.

    Args:
        decoder: of transformers, with PEFT's layers in it.
        first: the number of the lowest block with a trainable weight.
        dtype: of matrix products. Between the blocks, states are fp32.
    """

    shares_prompts = True  #: whether rows with the same prompt may share a sequence

    def __init__(self, decoder: Any, first: int, dtype: torch.dtype) -> None:
        self._decoder = decoder
        self._first = first
        self._dtype = dtype

    @torch.no_grad()
    def below(self, batch: PromptBatch) -> torch.Tensor:
        """Compute the states below the lowest LoRA, ``[sequences, longest, width]``, in the dtype of products."""
        states = self._embedded(batch)
        angles = self._angles(batch.positions)
        for block in self._decoder.layers[: self._first]:
            states = self._block(block, states, angles, batch.visible)
        return states.to(self._dtype)

    def above(self, batch: PromptBatch, states: torch.Tensor | None) -> torch.Tensor:
        """Compute the last states before every response token: ``[response tokens, width]``.

        Args:
            batch: the rows.
            states: what :meth:`below` gave; ``None``: begin with the tokens.
        """
        blocks = self._decoder.layers if states is None else self._decoder.layers[self._first :]
        states = self._embedded(batch) if states is None else states.float()
        angles = self._angles(batch.positions)
        for block in blocks[:-1]:
            states = self._block(block, states, angles, batch.visible)
        states = self._last_block(blocks[-1], states, angles, batch)  # [asked tokens, width]
        return self._normed(self._decoder.norm, states).index_select(0, batch.order)

    def _embedded(self, batch: PromptBatch) -> torch.Tensor:
        return functional.embedding(batch.tokens, self._decoder.embed_tokens.weight).float()

    def _angles(self, positions: torch.Tensor) -> _Angles:
        like = torch.empty(0, dtype=self._dtype, device=positions.device)  # says the dtype and the device
        return _Angles(*self._decoder.rotary_emb(like, positions))

    def _block(self, block: Any, states: torch.Tensor, angles: _Angles, visible: torch.Tensor) -> torch.Tensor:
        """One block: ``[sequences, tokens, width]`` from as much."""
        attention = block.self_attn
        normed = self._normed(block.input_layernorm, states)
        layers = attention.q_proj, attention.k_proj, attention.v_proj
        queries, keys, values = project(normed, [projection(each) for each in layers])
        queries, keys = self._turned(attention, "q", queries, angles), self._turned(attention, "k", keys, angles)
        return self._rest(block, states, attend(queries, keys, _heads(attention, values), visible, attention.scaling))

    def _last_block(self, block: Any, states: torch.Tensor, angles: _Angles, batch: PromptBatch) -> torch.Tensor:
        """The last block, for asked tokens only: ``[asked tokens, width]``."""
        attention = block.self_attn
        normed = self._normed(block.input_layernorm, states)
        keys, values = project(normed, [projection(attention.k_proj), projection(attention.v_proj)])
        (queries,) = project(batch.asked_of(normed), [projection(attention.q_proj)])
        places = _Angles(*(batch.lay(batch.asked_of(_all(each, batch))) for each in (angles.cos, angles.sin)))
        queries, keys = (
            self._turned(attention, "q", batch.lay(queries), places),
            self._turned(attention, "k", keys, angles),
        )
        visible = batch.lay(batch.asked_of(_all(batch.visible, batch)))
        seen = attend(queries, keys, _heads(attention, values), visible, attention.scaling)
        return self._rest(block, batch.asked_of(states), batch.unlay(seen))

    def _rest(self, block: Any, states: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """What a block does with what attention has seen: ``[…, width]`` from as much."""
        (found,) = project(seen, [projection(block.self_attn.o_proj)])
        states = states + found
        normed = self._normed(block.post_attention_layernorm, states)
        gate, up = project(normed, [projection(block.mlp.gate_proj), projection(block.mlp.up_proj)])
        (found,) = project(functional.silu(gate) * up, [projection(block.mlp.down_proj)])
        return states + found

    def _normed(self, norm: Any, states: torch.Tensor) -> torch.Tensor:
        return rms_norm(states, norm.weight, norm.variance_epsilon, self._dtype)

    def _turned(self, attention: Any, name: str, x: torch.Tensor, angles: _Angles) -> torch.Tensor:
        """Split queries or keys into heads, norm them where the model does, and turn them by their positions."""
        heads, norm = _heads(attention, x), getattr(attention, f"{name}_norm", None)
        return rotate(heads if norm is None else self._normed(norm, heads), angles.cos, angles.sin)


def _all(shared: torch.Tensor, batch: PromptBatch) -> torch.Tensor:
    """Give every sequence its own of ``[sequences or 1, …]``."""
    return shared.expand(len(batch.tokens), *shared.shape[1:])


def _heads(attention: Any, x: torch.Tensor) -> torch.Tensor:
    """Split ``[sequences, tokens, heads * size]`` into heads."""
    return x.view(*x.shape[:-1], -1, attention.head_dim)


def projection(layer: Any) -> Projection:
    """Read a linear layer, with PEFT's LoRA or without."""
    if isinstance(layer, torch.nn.Linear):
        return Projection(layer.weight, layer.bias, None, None, 1.0)
    base = layer.get_base_layer()
    (name,) = layer.active_adapters
    if layer.disable_adapters or name not in layer.lora_A:
        return Projection(base.weight, base.bias, None, None, 1.0)
    return Projection(base.weight, base.bias, layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name])


def is_known(decoder: Any) -> bool:
    """Whether a decoder is built as this module expects, and its LoRA is a plain one."""
    config = decoder.config
    if not all(hasattr(decoder, each) for each in ("embed_tokens", "layers", "norm", "rotary_emb")):
        return False
    return (
        getattr(config, "hidden_act", "") in ("silu", "swish")
        and set(getattr(config, "layer_types", None) or ["full_attention"]) == {"full_attention"}
        and not (getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True))
        and all(_is_known_block(block) for block in decoder.layers)
    )


def _is_known_block(block: Any) -> bool:
    for name in _PARTS:
        try:
            part = block.get_submodule(name)
        except AttributeError:
            return False
        if name.endswith("_proj") and not _is_plain(part):
            return False
        if name.endswith("norm") and not hasattr(part, "variance_epsilon"):
            return False
    return hasattr(block.self_attn, "head_dim") and hasattr(block.self_attn, "scaling")


def _is_plain(layer: Any) -> bool:
    """Whether a layer is linear, with at most one LoRA that is a product of two matrices and no more."""
    from peft.tuners.lora import Linear

    if type(layer) is torch.nn.Linear:
        return True
    return (
        type(layer) is Linear
        and type(layer.get_base_layer()) is torch.nn.Linear
        and len(layer.active_adapters) == 1
        and not layer.merged
        and not layer.lora_variant
        and not any(layer.lora_bias.values())
        and not layer.fan_in_fan_out
    )
