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
from llmagent_os.serving.lora_weights import LoraLayer, LoraWeights
from llmagent_os.serving.slot_linear import GroupPart, LinearGroup, Rows

_SUPPORTED_TYPES = ("llama", "qwen2", "qwen3")
#: Linear layers of one module that read the same input, by their names in transformers, in the order of their calls.
_JOINED = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
_BEING_WRITTEN = ""  # the version of a slot whose LoRA is being copied
_FIRST_ROOM_TOKENS = 256  # room of a slot at first; doubled when needed

#: Keys and values of some tokens of one slot: a pair for each layer, both ``[heads, tokens, head size]``.
Snapshot = list[tuple[torch.Tensor, torch.Tensor]]


class SlotCache:
    """The keys and values of all slots. A transformers model takes it as its ``cache``.

    Args:
        config: the model's configuration.
        slots: rows of the cache.
        rows: the slots of the current forward pass.
        like: a tensor with the type and device that the cache should have.
    """

    def __init__(self, config: Any, slots: int, rows: Rows, like: torch.Tensor) -> None:
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


def join_linears(model: nn.Module, rows: Rows, slots: int) -> list[LinearGroup]:
    """Replace the linear layers of a model by parts of groups; gives the groups."""
    groups: list[LinearGroup] = []
    for module in list(model.modules()):
        linears = {name: child for name, child in module.named_children() if type(child) is nn.Linear}
        joined = [names for names in _JOINED if _can_join(linears, names)]
        taken = {name for names in joined for name in names}
        for names in (*joined, *((name,) for name in linears if name not in taken)):
            group = LinearGroup([linears[name] for name in names], rows, slots)
            groups.append(group)
            for index, name in enumerate(names):
                setattr(module, name, GroupPart(group, index))
    return groups


def _can_join(linears: dict[str, nn.Linear], names: tuple[str, ...]) -> bool:
    """Whether these layers of a module can be computed as one."""
    if not all(name in linears for name in names):
        return False
    layers = [linears[name] for name in names]
    return len({layer.in_features for layer in layers}) == 1 and len({layer.bias is None for layer in layers}) == 1


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
        self._rows = Rows()
        weight = model.get_input_embeddings().weight
        self._device = weight.device
        self._cache = SlotCache(config, slots, self._rows, weight.detach())
        self._versions = ["base"] * slots
        self._groups = join_linears(model, self._rows, slots)
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
        adapted = [slot for slot in range(begin, end) if self._versions[slot] != "base"]
        self._rows.adapted = range(adapted[0], adapted[-1] + 1) if adapted else range(0)

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
        return cast("torch.Tensor", self._model.lm_head(hidden[:, -1:])[:, 0].to(torch.float32, memory_format=torch.contiguous_format))

    def occupy(self, slot: int, lora: LoraWeights | None) -> None:
        """Copy a LoRA into a slot; ``None``: the slot answers with the base model.

        Raises:
            LoraError: the LoRA is for another model; the message names the layer that does not fit.
        """
        version = lora.version if lora else "base"
        if version == self._versions[slot]:
            return
        layers: dict[LinearGroup, dict[int, LoraLayer]] = {}
        for name, layer in lora.layers.items() if lora else ():
            part = self._fitting(name, layer, lora.version if lora else "")
            layers.setdefault(part.group, {})[part.index] = layer
        self._rank = max(self._rank, lora.rank if lora else 0)
        self._versions[slot] = _BEING_WRITTEN
        for group in self._groups:
            group.write(slot, layers.get(group, {}), self._rank)
        self._versions[slot] = version

    def _fitting(self, name: str, layer: LoraLayer, version: str) -> GroupPart:
        """The layer that a LoRA changes.

        Raises:
            LoraError: the layer does not fit.
        """
        try:
            part = cast("nn.Module", self._model.get_submodule(name))
        except AttributeError:
            raise LoraError(f"LoRA {version} does not fit this model: it has no layer {name}") from None
        inputs, outputs = layer.a.shape[0], layer.b.shape[1]
        if not isinstance(part, GroupPart) or (part.in_features, part.out_features) != (inputs, outputs):
            size = f"takes {part.in_features} and gives {part.out_features}" if isinstance(part, GroupPart) else part
            raise LoraError(
                f"LoRA {version} does not fit this model: {name} there takes {inputs} inputs and gives {outputs} "
                f"outputs, here it {size}; was it trained on another base?"
            )
        return part

    def move(self, source: int, target: int, length: int) -> None:
        """Copy slot ``source``, its LoRA and its first ``length`` tokens, over slot ``target``."""
        for layer in (*self._cache.keys, *self._cache.values):
            layer[target, :, :length] = layer[source, :, :length]
        if self._versions[source] != self._versions[target]:
            for group in self._groups:
                group.move(source, target)
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
