"""A transformers model whose batch rows are slots. Every slot has its own place in its sequence and its own LoRA.

The model's own modules compute everything but three parts. The keys and values are kept at a different place in each
row (:mod:`.slot_cache`), attention looks at them by the slot's own place (:mod:`.slot_attention`), and the linear
layers add each row's own LoRA (:mod:`.slot_linear`).

The slots in use are always the first rows. So every batch is a view of the cache, and decoding copies nothing. When a
row becomes free, the last row in use moves to its place.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

from llmagent_os.errors import LoraError
from llmagent_os.serving.architectures import check_architecture, check_computation
from llmagent_os.serving.lora_weights import LoraLayer, LoraWeights
from llmagent_os.serving.slot_attention import SLOT_ATTENTION, register
from llmagent_os.serving.slot_cache import SlotCache, Snapshot
from llmagent_os.serving.slot_linear import GroupPart, LinearGroup
from llmagent_os.serving.slot_rows import BASE, Rows

#: Linear layers of one module that read the same input, by their names in transformers, in the order of their calls.
_JOINED = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
_BEING_WRITTEN = ""  # the version of a slot whose LoRA is being copied


class SlotModel:
    """A causal language model that decodes ``slots`` sequences side by side. For one thread.

    Args:
        model: a transformers model in evaluation mode, of an architecture that
            :func:`~llmagent_os.serving.architectures.check_architecture` lets through. Nothing else may use the model:
            its linear layers and its attention are replaced.
        slots: most sequences at the same time.

    Raises:
        ModelError: the model's architecture is not supported; the message says what to do instead.
    """

    def __init__(self, model: Any, slots: int) -> None:
        proven = check_architecture(model)
        config = model.config
        #: tokens that the model can read
        self.max_length: int = config.max_position_embeddings
        #: size of the output layer
        self.outputs: int = model.get_output_embeddings().weight.shape[0]
        self._model = model
        self._rows = Rows()
        weight = model.get_input_embeddings().weight
        self._device = weight.device
        self._cache = SlotCache(slots, self._rows, weight.detach(), config.num_hidden_layers)
        self._versions = [BASE] * slots
        self._rank = 0
        expected = None if proven else check_computation(model)
        register()
        model.set_attn_implementation(SLOT_ATTENTION)
        self._groups = join_linears(model, self._rows, slots)
        if expected:
            expected.compare(self.extend)

    def extend(self, slot: int, tokens: list[int], first: int) -> torch.Tensor:
        """Read ``tokens`` into one slot from place ``first`` on; gives the logits after the last one, ``[outputs]``."""
        self._rows.aim(slot, slot + 1, self._versions)
        places = torch.arange(first, first + len(tokens), device=self._device)[None]  # [1, new]
        self._cache.begin(places, first + len(tokens))
        return self._forward(torch.tensor([tokens], device=self._device), places, 1)[0, 0]

    def decode(self, tokens: list[list[int]], places: list[int]) -> torch.Tensor:
        """Read the same number of tokens into each of the first ``len(tokens)`` slots.

        Args:
            tokens: of each row. A row may have any tokens if their places are written again before they are read.
            places: where in its sequence the first token of each row stands.

        Returns:
            The logits after each token, ``[rows, new tokens, outputs]``.
        """
        new = len(tokens[0])
        self._rows.aim(0, len(tokens), self._versions)
        begins = torch.tensor(places, device=self._device)[:, None]  # [rows, 1]
        positions = begins if new == 1 else begins + torch.arange(new, device=self._device)  # [rows, new]
        self._cache.begin(positions, max(places) + new)
        return self._forward(torch.tensor(tokens, device=self._device), positions, new)

    def _forward(self, tokens: torch.Tensor, places: torch.Tensor, kept: int) -> torch.Tensor:
        """Compute the logits after the last ``kept`` tokens of each row, ``[rows, kept, outputs]``.

        ``tokens`` and ``places`` are ``[rows, new]``.
        """
        logits = self._model(
            input_ids=tokens,
            position_ids=places,
            cache=self._cache,
            use_cache=True,
            logits_to_keep=kept,
            slot_cache=self._cache,
        ).logits
        return cast("torch.Tensor", logits).to(torch.float32, memory_format=torch.contiguous_format)

    def occupy(self, slot: int, lora: LoraWeights | None) -> None:
        """Copy a LoRA into a slot; ``None``: the slot answers with the base model.

        Raises:
            LoraError: the LoRA is for another model; the message names the layer that does not fit.
        """
        version = lora.version if lora else BASE
        if version == self._versions[slot]:
            return
        layers: dict[LinearGroup, dict[int, LoraLayer]] = {}
        for name, layer in lora.layers.items() if lora else ():
            part = self._fitting(name, layer, version)
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
            here = (
                f"takes {part.in_features} and gives {part.out_features}"
                if isinstance(part, GroupPart)
                else f"is {part}"
            )
            raise LoraError(
                f"LoRA {version} does not fit this model: {name} there takes {inputs} inputs and gives {outputs} "
                f"outputs, here it {here}; was it trained on another base?"
            )
        return part

    def move(self, source: int, target: int, length: int) -> None:
        """Copy slot ``source``, its LoRA and its first ``length`` tokens, over slot ``target``."""
        self._cache.move(source, target, length)
        if self._versions[source] != self._versions[target]:
            for group in self._groups:
                group.move(source, target)
            self._versions[target] = self._versions[source]

    def snapshot(self, slot: int, begin: int, end: int) -> Snapshot:
        """Copy the keys and values of the tokens ``begin`` to ``end - 1`` of a slot."""
        return self._cache.snapshot(slot, begin, end)

    def restore(self, slot: int, begin: int, snapshot: Snapshot) -> None:
        """Write what :meth:`snapshot` copied to a slot, from place ``begin`` on."""
        self._cache.restore(slot, begin, snapshot)

    def wipe(self, used: int) -> None:
        """Overwrite the keys and values of all slots but the first ``used``."""
        self._cache.wipe(used)

    def fits(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot has the form of this model's keys and values."""
        return self._cache.fits(snapshot)

    @property
    def nbytes(self) -> tuple[int, int]:
        """Bytes of the slots' keys and values, and of their LoRAs."""
        return self._cache.nbytes, sum(group.nbytes for group in self._groups)


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
    return (
        len({layer.in_features for layer in layers}) == 1
        and len({cast("Any", layer.bias) is None for layer in layers}) == 1
    )
