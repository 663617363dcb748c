"""A transformers model whose batch rows are slots. Every slot has its own place in its sequence and its own LoRA.

The model's own modules compute everything. Two parts under them are replaced. The key-value cache is written at a
different place in each row. The linear layers add each row's own LoRA.

The slots in use are always the first rows. So every batch is a view of the cache, and decoding copies nothing. When a
row becomes free, the last row in use moves to its place.

Many LoRAs over one base in one batch: Sheng et al. 2023, S-LoRA, https://arxiv.org/abs/2311.03285; Chen et al. 2023,
Punica, https://arxiv.org/abs/2310.18547.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

from llmagent_os.errors import LoraError, ModelError
from llmagent_os.serving.lora_weights import LoraWeights

_SUPPORTED_TYPES = ("llama", "qwen2", "qwen3")
_FIRST_ROOM_TOKENS = 256  # room of a slot at first; doubled when needed

#: Keys and values of some tokens of one slot: a pair for each layer, both ``[heads, tokens, head size]``.
Snapshot = list[tuple[torch.Tensor, torch.Tensor]]


class _Rows:
    """The slots that the current forward pass computes."""

    def __init__(self) -> None:
        self.begin = 0
        self.end = 0
        self.with_lora = False  # whether one of these slots has a LoRA


class SlotLinear(nn.Module):
    """A linear layer with a LoRA for each slot: ``y[s] = linear(x[s]) + x[s] @ a[s] @ b[s]``. Zeros mean no LoRA."""

    def __init__(self, linear: nn.Linear, rows: _Rows, slots: int, rank: int) -> None:
        super().__init__()
        self.linear = linear
        self._rows = rows
        weight = linear.weight
        self.a = weight.new_zeros(slots, linear.in_features, rank)  # [slots, inputs, rank]
        self.b = weight.new_zeros(slots, rank, linear.out_features)  # [slots, rank, outputs]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute ``[rows, tokens, outputs]`` from ``x``, ``[rows, tokens, inputs]``."""
        y = cast("torch.Tensor", self.linear(x))
        if not self._rows.with_lora:
            return y
        rows = slice(self._rows.begin, self._rows.end)
        return torch.baddbmm(y, torch.bmm(x, self.a[rows]), self.b[rows])


class SlotCache:
    """The keys and values of all slots. A transformers model takes it as its ``cache``.

    Args:
        config: the model's configuration.
        slots: rows of the cache.
        rows: the slots of the current forward pass.
        like: a tensor with the type and device that the cache should have.
    """

    def __init__(self, config: Any, slots: int, rows: _Rows, like: torch.Tensor) -> None:
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        shape = (slots, config.num_key_value_heads, _FIRST_ROOM_TOKENS, size)
        layers = range(config.num_hidden_layers)
        # Zeros, not uninitialised memory: a NaN spoils a sum even where it is masked.
        # One tensor a layer, [slots, heads, room, head size].
        self.keys = [like.new_zeros(shape) for _ in layers]
        self.values = [like.new_zeros(shape) for _ in layers]
        self.visible = 0  #: tokens that the current pass may look at, its own included
        #: ``[rows]``: the place of each row's single new token; ``None``: the pass adds several tokens to one row
        self.places: torch.Tensor | None = None
        self._rows = rows
        self._numbers = torch.arange(slots, device=like.device)  # [slots]

    def reserve(self, length: int) -> None:
        """Make room for at least ``length`` tokens in every slot."""
        have = self.keys[0].shape[2]
        if length > have:
            more = max(have * 2, length) - have
            self.keys = [nn.functional.pad(layer, (0, 0, 0, more)) for layer in self.keys]
            self.values = [nn.functional.pad(layer, (0, 0, 0, more)) for layer in self.values]

    def update(
        self, key: torch.Tensor, value: torch.Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store the new keys and values of one attention layer; gives all that the layer may look at.

        Args:
            key: ``[rows, heads, new tokens, head size]``.
            value: the same shape.
            layer_idx: which layer calls.

        Returns:
            Keys and values, both ``[rows, heads, visible tokens, head size]``.
        """
        begin, end = self._rows.begin, self._rows.end
        keys, values = self.keys[layer_idx], self.values[layer_idx]
        if self.places is None:
            first = self.visible - key.shape[2]
            keys[begin, :, first : self.visible] = key[0]
            values[begin, :, first : self.visible] = value[0]
        else:
            rows = self._numbers[begin:end]
            keys[rows, :, self.places] = key[:, :, 0]
            values[rows, :, self.places] = value[:, :, 0]
        return keys[begin:end, :, : self.visible], values[begin:end, :, : self.visible]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Give how many tokens the current pass may look at."""
        return self.visible


class SlotModel:
    """A causal language model that decodes ``slots`` sequences side by side. For one thread.

    Args:
        model: a transformers Llama, Qwen2 or Qwen3 model in evaluation mode. Nothing else may use the model: its linear
            layers are replaced when the first LoRA needs it.
        slots: most sequences at the same time.

    Raises:
        ModelError: the model's architecture is not supported; the message says what to do instead.
    """

    def __init__(self, model: Any, slots: int) -> None:
        config = model.config
        layers = set(getattr(config, "layer_types", None) or ["full_attention"])
        positions: dict[str, Any] = getattr(config, "rope_parameters", None) or {}
        rope = positions.get("rope_type", "default")
        if config.model_type not in _SUPPORTED_TYPES or layers != {"full_attention"} or rope in ("dynamic", "longrope"):
            raise ModelError(
                f"the in-process engine serves {', '.join(_SUPPORTED_TYPES)} models with full attention, not "
                f"{config.model_type} ({', '.join(sorted(layers))}, {rope} positions); serve it with vLLM or llama.cpp "
                "and use 'openai:MODEL' with base_url"
            )
        #: tokens that the model can read
        self.max_length: int = config.max_position_embeddings
        #: size of the output layer
        self.outputs: int = model.get_output_embeddings().weight.shape[0]
        self._model = model
        self._slots = slots
        self._rows = _Rows()
        weight = model.get_input_embeddings().weight
        self._device = weight.device
        self._cache = SlotCache(config, slots, self._rows, weight.detach())
        self._versions = ["base"] * slots
        self._linears: dict[str, SlotLinear] = {}
        self._rank = 0

    def extend(self, slot: int, tokens: list[int], first: int) -> torch.Tensor:
        """Read ``tokens`` into one slot from place ``first`` on; gives the logits after the last one, ``[outputs]``."""
        end = first + len(tokens)
        self._aim(slot, slot + 1, end)
        self._cache.places = None
        positions = torch.arange(first, end, device=self._device)  # [new]
        mask = torch.arange(end, device=self._device) <= positions[:, None]  # [new, visible]
        return self._forward(torch.tensor([tokens], device=self._device), positions[None], mask[None, None])[0]

    def decode(self, tokens: list[int], places: list[int]) -> torch.Tensor:
        """Read one token into each of the first ``len(tokens)`` slots; gives the logits after it, ``[rows, outputs]``.

        Args:
            tokens: one token a row. A row may have any token if :meth:`extend` writes its place again later.
            places: where in its sequence each token stands.
        """
        self._aim(0, len(tokens), max(places) + 1)
        self._cache.places = torch.tensor(places, device=self._device)  # [rows]
        positions = self._cache.places[:, None]  # [rows, 1]
        mask = torch.arange(self._cache.visible, device=self._device) <= positions  # [rows, visible]
        return self._forward(torch.tensor(tokens, device=self._device)[:, None], positions, mask[:, None, None])

    def _aim(self, begin: int, end: int, visible: int) -> None:
        """Set the slots ``begin`` to ``end - 1`` for the next forward pass, and how many tokens it may look at."""
        self._cache.reserve(visible)
        self._cache.visible = visible
        self._rows.begin, self._rows.end = begin, end
        self._rows.with_lora = any(version != "base" for version in self._versions[begin:end])

    def _forward(self, tokens: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Compute the logits after each row's last token, ``[rows, outputs]``.

        ``tokens`` and ``positions`` are ``[rows, new]``, ``mask`` is ``[rows, 1, new, visible]``.
        """
        hidden = self._model.model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            cache=self._cache,
            use_cache=True,
        )[0]  # [rows, new, width]
        return cast("torch.Tensor", self._model.lm_head(hidden[:, -1:])[:, 0].float())

    def occupy(self, slot: int, lora: LoraWeights | None) -> None:
        """Copy a LoRA into a slot; ``None``: the slot answers with the base model.

        Raises:
            LoraError: the LoRA is for another model; the message names the layer that does not fit.
        """
        version = lora.version if lora else "base"
        if version == self._versions[slot]:
            return
        if lora:
            self._make_room(lora)
        for name, linear in self._linears.items():
            layer = lora.layers.get(name) if lora else None
            linear.a[slot].zero_()
            linear.b[slot].zero_()
            if layer:
                rank = layer.a.shape[1]
                linear.a[slot, :, :rank] = layer.a
                linear.b[slot, :rank] = layer.b
        self._versions[slot] = version

    def _make_room(self, lora: LoraWeights) -> None:
        """Replace the linear layers that the LoRA changes, and widen the replaced ones to its rank.

        Raises:
            LoraError: a layer does not fit.
        """
        for name, layer in lora.layers.items():
            module = self._linears[name].linear if name in self._linears else self._module(name, lora)
            fits = isinstance(module, nn.Linear) and (module.in_features, module.out_features) == (
                layer.a.shape[0],
                layer.b.shape[1],
            )
            if not fits:
                raise LoraError(
                    f"LoRA {lora.version} does not fit this model: {name} there takes {layer.a.shape[0]} inputs "
                    f"and gives {layer.b.shape[1]} outputs, here it is {module}; was it trained on another base?"
                )
        if lora.rank > self._rank:
            more = lora.rank - self._rank
            for linear in self._linears.values():
                linear.a = nn.functional.pad(linear.a, (0, more))
                linear.b = nn.functional.pad(linear.b, (0, 0, 0, more))
            self._rank = lora.rank
        for name in lora.layers:
            if name not in self._linears:
                plain = cast("nn.Linear", self._module(name, lora))
                self._linears[name] = SlotLinear(plain, self._rows, self._slots, self._rank)
                self._model.set_submodule(name, self._linears[name])

    def _module(self, name: str, lora: LoraWeights) -> nn.Module:
        try:
            return cast("nn.Module", self._model.get_submodule(name))
        except AttributeError:
            raise LoraError(f"LoRA {lora.version} does not fit this model: it has no layer {name}") from None

    def move(self, source: int, target: int, length: int) -> None:
        """Copy slot ``source``, its LoRA and its first ``length`` tokens, over slot ``target``."""
        for layer in (*self._cache.keys, *self._cache.values):
            layer[target, :, :length] = layer[source, :, :length]
        if self._versions[source] != self._versions[target]:
            for linear in self._linears.values():
                linear.a[target] = linear.a[source]
                linear.b[target] = linear.b[source]
            self._versions[target] = self._versions[source]

    def snapshot(self, slot: int, length: int) -> Snapshot:
        """Copy the keys and values of the first ``length`` tokens of a slot."""
        return [
            (keys[slot, :, :length].clone(), values[slot, :, :length].clone())
            for keys, values in zip(self._cache.keys, self._cache.values, strict=True)
        ]

    def restore(self, slot: int, snapshot: Snapshot) -> None:
        """Write what :meth:`snapshot` copied to the beginning of a slot."""
        length = snapshot[0][0].shape[1]
        self._cache.reserve(length)
        for at, (keys, values) in enumerate(snapshot):
            self._cache.keys[at][slot, :, :length] = keys
            self._cache.values[at][slot, :, :length] = values
