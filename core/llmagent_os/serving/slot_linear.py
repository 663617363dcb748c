"""The linear layers of a model whose batch rows are slots: each row has a LoRA of its own.

Layers that read the same input, such as those of queries, keys and values, are computed as one: a ``LinearGroup``. Its
rows cost one product with the joined weights, one with the joined ``a`` of their LoRAs, and one with all their ``b``.

Which product is quickest depends on the processor's library, not on the numbers. On a CPU, ``weight @ x.T`` beats
``x @ weight.T`` for a few rows, and in bfloat16 a sum of weighted rows (``embedding_bag``) beats ``bmm`` for a product
with one row (docs/experiments.md#serving has the figures).

Many LoRAs over one base in one batch: Sheng et al. 2023, S-LoRA, https://arxiv.org/abs/2311.03285; Chen et al. 2023,
Punica, https://arxiv.org/abs/2310.18547.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional

from llmagent_os.serving.lora_weights import LoraLayer

_TURNED_FROM_ROWS, _TURNED_FROM_WEIGHTS = 8, 1 << 19  # from which fp32 is quicker as ``weight @ x.T``
_WIDE = 16384  # outputs: those of a vocabulary. They are copied into another type next, and need not be in order before
_LEAST_BLOCK = 32  # outputs: narrower blocks cost more in calls than one product for all layers saves


class Rows:
    """The slots that the current forward pass computes. All layers of a model share one."""

    def __init__(self) -> None:
        self.begin = 0  #: the first slot
        self.end = 0  #: after the last slot
        #: the slots from the first to the last with a LoRA; empty: none has one
        self.adapted = range(0)


class LinearGroup:
    """Linear layers with the same input, and a LoRA of each slot: ``y[s] = x[s] @ weight.T + x[s] @ a[s] @ b[s]``.

    The layers' own weights become views of the joined ones, so nothing is held twice.

    Args:
        linears: the layers, in the order in which their outputs stand side by side.
        rows: the slots of the current forward pass.
        slots: how many slots there are.
    """

    def __init__(self, linears: Sequence[nn.Linear], rows: Rows, slots: int) -> None:
        self.inputs = linears[0].in_features
        self.outputs = [linear.out_features for linear in linears]
        self.weight = linears[0].weight.detach()  #: ``[outputs of all layers, inputs]``
        bias = cast("torch.Tensor | None", linears[0].bias)
        self.bias = None if bias is None else bias.detach()  #: ``[outputs of all layers]``
        if len(linears) > 1:
            self.weight = torch.cat([linear.weight.detach() for linear in linears])
            parts: list[torch.Tensor] = list(cast("Any", self.weight).split(self.outputs))
            for linear, part in zip(linears, parts, strict=True):
                linear.weight.data = part
            if self.bias is not None:
                self.bias = torch.cat([linear.bias.detach() for linear in linears])
        self._end = sum(self.outputs)
        self._rows = rows
        self._slots = slots
        self._loras: SlotLoras | None = None
        self._input: torch.Tensor | None = None  # what the layers of the group read last
        self._output: torch.Tensor | None = None  # what came of it, [..., outputs of all layers]

    def compute(self, x: torch.Tensor) -> torch.Tensor:
        """Compute ``[rows, tokens, outputs of all layers]`` from ``x``, ``[rows, tokens, inputs]``."""
        y = product(x, self.weight, self.bias)
        if self._loras is not None and self._rows.adapted:
            self._loras.add_to(y, x)
        return y

    def part(self, x: torch.Tensor, begin: int, end: int) -> torch.Tensor:
        """Give the outputs ``begin`` to ``end - 1``. A group's layers ask one after another with the same input."""
        if x is not self._input or self._output is None:
            self._input, self._output = x, self.compute(x)
        y = self._output[..., begin:end]
        if end == self._end:
            self._input = self._output = None
        return y

    def write(self, slot: int, layers: dict[int, LoraLayer], rank: int) -> None:
        """Make ``layers`` the LoRA of a slot.

        Args:
            slot: where.
            layers: by the place of the layer in this group; empty: no LoRA.
            rank: room for at least this rank.
        """
        if layers and (self._loras is None or rank > self._loras.rank or not self._loras.covers(layers)):
            old = self._loras
            targets = sorted({*layers, *(old.targets if old else ())})
            self._loras = SlotLoras(self, self._rows, self._slots, targets, max(rank, old.rank if old else 0))
            if old:
                self._loras.take_over(old)
        if self._loras:
            self._loras.write(slot, layers)

    def move(self, source: int, target: int) -> None:
        """Copy the LoRA of slot ``source`` over that of ``target``."""
        if self._loras:
            self._loras.move(source, target)

    @property
    def nbytes(self) -> int:
        """Bytes of the slots' LoRAs."""
        return self._loras.nbytes if self._loras else 0


class GroupPart(nn.Module):
    """One layer of a :class:`LinearGroup`, in the place of the linear layer that it was."""

    def __init__(self, group: LinearGroup, index: int) -> None:
        super().__init__()
        self.group = group  #: computes this layer
        self.index = index
        self.in_features = group.inputs
        self.out_features = group.outputs[index]
        self._begin = sum(group.outputs[:index])
        self._end = self._begin + self.out_features
        self._alone = len(group.outputs) == 1

    @property
    def weight(self) -> torch.Tensor:
        """``[outputs, inputs]``: as of the linear layer."""
        return self.group.weight[self._begin : self._end]

    @property
    def bias(self) -> torch.Tensor | None:
        """``[outputs]``: as of the linear layer."""
        return None if self.group.bias is None else self.group.bias[self._begin : self._end]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute ``[rows, tokens, outputs]`` from ``x``, ``[rows, tokens, inputs]``."""
        if self._alone:
            return self.group.compute(x)
        return self.group.part(x, self._begin, self._end)


def product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Compute ``x @ weight.T + bias`` in the quickest way: ``[..., outputs]`` from ``[..., inputs]``."""
    if x.device.type != "cpu":
        return functional.linear(x, weight, bias)
    rows = x.numel() // x.shape[-1]
    if rows == 1:
        y = torch.mv(weight, x.reshape(-1))  # [outputs]
    elif x.dtype == torch.bfloat16 or (rows >= _TURNED_FROM_ROWS and weight.numel() >= _TURNED_FROM_WEIGHTS):
        y = torch.mm(weight, x.reshape(rows, -1).t()).t()  # [rows, outputs]
        y = y if len(weight) > _WIDE else y.contiguous()
    else:
        return functional.linear(x, weight, bias)
    if bias is not None:
        y += bias
    return y.view(*x.shape[:-1], -1)


class SlotLoras:
    """The LoRAs of all slots for one group.

    ``a`` holds the layers side by side. The outputs are cut into blocks of one width, so that one batched product
    computes all layers: ``b`` holds the blocks, and each is multiplied with the part of ``x @ a`` of its layer.
    """

    def __init__(self, group: LinearGroup, rows: Rows, slots: int, targets: list[int], rank: int) -> None:
        self.targets = targets  #: the layers of the group that LoRAs change
        self.rank = rank
        changed = sum(group.outputs[target] for target in targets)
        # A few zeros are read sooner than the outputs are added in two pieces.
        whole = sum(group.outputs) - changed <= changed // 2
        covered = list(range(len(group.outputs))) if whole else targets
        widths = [group.outputs[layer] for layer in covered]
        width = gcd(*widths)
        if width < _LEAST_BLOCK:
            width = max(widths)  # narrower layers have a block that is not full
        counts = [-(-each // width) for each in widths]
        new = group.weight.new_zeros
        self._a = new(slots, group.inputs, len(targets), rank)  # [slots, inputs, layers, rank]
        self._b = new(slots, sum(counts), rank, width)  # [slots, blocks, rank, width]
        begins = [sum(counts[:at]) for at in range(len(covered))]
        #: the blocks of each changed layer
        self._blocks = {
            layer: range(begin, begin + count) for layer, begin, count in zip(covered, begins, counts, strict=True)
        }
        self._widths = group.outputs
        places = [targets.index(layer) if layer in targets else 0 for layer in covered]
        owners = [place for place, count in zip(places, counts, strict=True) for _ in range(count)]
        self._owners = torch.tensor(owners, device=group.weight.device)  # [blocks]: the layer of each block
        self._one_each = owners == list(range(len(targets)))
        self._rows = rows
        self._spans = _spans(group.outputs, covered, begins, width)
        self._fills = len(self._spans) == 1 and self._spans[0][2] == sum(group.outputs) == width * len(owners)
        self._views: dict[tuple[int, int], tuple[torch.Tensor, torch.Tensor]] = {}
        self._bags = _Bags(slots, group.inputs, len(owners), rank) if _weighs_rows(group.weight) else None

    def covers(self, layers: dict[int, LoraLayer]) -> bool:
        """Whether there is room for these layers of the group."""
        return set(layers) <= set(self.targets)

    @property
    def nbytes(self) -> int:
        """Bytes of the slots."""
        return self._a.nbytes + self._b.nbytes

    def write(self, slot: int, layers: dict[int, LoraLayer]) -> None:
        """Make ``layers`` the LoRA of a slot."""
        self._a[slot].zero_()
        self._b[slot].zero_()
        width = self._b.shape[-1]
        for at, target in enumerate(self.targets):
            if layer := layers.get(target):
                rank = layer.a.shape[1]
                self._a[slot, :, at, :rank] = layer.a
                for block, begin in zip(self._blocks[target], range(0, self._widths[target], width), strict=True):
                    part = layer.b[:, begin : begin + width]
                    self._b[slot, block, :rank, : part.shape[1]] = part

    def take_over(self, old: SlotLoras) -> None:
        """Copy the LoRAs of all slots from ``old``, which has fewer layers or a smaller rank."""
        for slot in range(len(self._a)):
            self.write(slot, old.read(slot))

    def read(self, slot: int) -> dict[int, LoraLayer]:
        """Give the LoRA of a slot, by the place of the layer in the group."""
        found: dict[int, LoraLayer] = {}
        for at, target in enumerate(self.targets):
            blocks = self._b[slot, self._blocks[target].start : self._blocks[target].stop]  # [blocks, rank, width]
            b = blocks.transpose(0, 1).reshape(self.rank, -1)[:, : self._widths[target]]
            found[target] = LoraLayer(self._a[slot, :, at], b)
        return found

    def move(self, source: int, target: int) -> None:
        """Copy the LoRA of slot ``source`` over that of ``target``."""
        self._a[target] = self._a[source]
        self._b[target] = self._b[source]

    def add_to(self, y: torch.Tensor, x: torch.Tensor) -> None:
        """Add what the LoRAs compute from ``x``, ``[rows, tokens, inputs]``, to ``y``, ``[rows, tokens, outputs]``."""
        held = self._rows.adapted
        if len(held) < x.shape[0]:
            begin = self._rows.begin
            rows = slice(held.start - begin, held.stop - begin)
            x, y = x[rows], y[rows]
        if x.shape[1] > 1:
            added = self._several(x, held)
        elif self._bags:
            added = self._bags.compute(x, self._a, self._b, held, None if self._one_each else self._owners)
        elif (found := self._single(x, y, held)) is not None:
            added = found
        else:
            return
        for into, out, count in self._spans:
            y[..., into : into + count].add_(added[..., out : out + count])

    def _held(self, slots: range) -> tuple[torch.Tensor, torch.Tensor]:
        """``a`` as ``[rows, inputs, layers * rank]`` and ``b`` as ``[rows * blocks, rank, width]`` of some slots."""
        key = slots.start, slots.stop
        if key not in self._views:
            held = slice(*key)
            self._views[key] = self._a[held].flatten(2), self._b[held].flatten(0, 1)
        return self._views[key]

    def _single(self, x: torch.Tensor, y: torch.Tensor, slots: range) -> torch.Tensor | None:
        """Compute for one token a row, as :meth:`_several`; ``None``: what was computed is in ``y`` already."""
        a, b = self._held(slots)
        inner = torch.bmm(x, a)  # [rows, 1, layers * rank]
        if not self._one_each:
            inner = inner.view(x.shape[0], -1, self.rank).index_select(1, self._owners)  # [rows, blocks, rank]
        inner = inner.view(-1, 1, self.rank)  # [rows * blocks, 1, rank]
        if self._fills:
            y.view(-1, 1, b.shape[2]).baddbmm_(inner, b)
            return None
        return torch.bmm(inner, b).view(x.shape[0], 1, -1)

    def _several(self, x: torch.Tensor, slots: range) -> torch.Tensor:
        """Compute ``[rows, tokens, blocks * width]`` by batched products."""
        count, tokens, _ = x.shape
        a, b = self._held(slots)
        inner = torch.bmm(x, a)  # [rows, tokens, layers * rank]
        inner = inner.view(count, tokens, len(self.targets), self.rank).transpose(1, 2)  # [rows, layers, tokens, rank]
        if not self._one_each:
            inner = inner.index_select(1, self._owners)  # [rows, blocks, tokens, rank]
        out = torch.bmm(inner.reshape(-1, tokens, self.rank), b)  # [rows * blocks, tokens, width]
        return out.view(count, -1, tokens, b.shape[2]).transpose(1, 2).reshape(count, tokens, -1)


def _spans(outputs: list[int], covered: list[int], begins: list[int], width: int) -> list[tuple[int, int, int]]:
    """Where the outputs of the blocks belong: first output of the group, first output of the blocks, how many."""
    spans: list[tuple[int, int, int]] = []
    for layer, begin in zip(covered, begins, strict=True):
        into, out, count = sum(outputs[:layer]), begin * width, outputs[layer]
        if spans and spans[-1][0] + spans[-1][2] == into and spans[-1][1] + spans[-1][2] == out:
            spans[-1] = (*spans[-1][:2], spans[-1][2] + count)
        else:
            spans.append((into, out, count))
    return spans


def _weighs_rows(weight: torch.Tensor) -> bool:
    """Whether a sum of weighted rows is quicker than a batched product with one row."""
    return weight.device.type == "cpu" and weight.dtype == torch.bfloat16


class _Bags:
    """Products with one row for each slot, as sums of weighted rows of all slots' matrices.

    Args:
        slots: how many slots there are.
        inputs: rows of ``a`` in a slot.
        blocks: blocks of ``b`` in a slot.
        rank: rows of a block.
    """

    def __init__(self, slots: int, inputs: int, blocks: int, rank: int) -> None:
        self._a = torch.arange(slots * inputs, dtype=torch.int32)  # [slots * inputs]: the rows of a
        self._a_begins = torch.arange(0, slots * inputs, inputs, dtype=torch.int32)  # [slots]
        self._b = torch.arange(slots * blocks * rank, dtype=torch.int32)  # [slots * blocks * rank]: the rows of b
        self._b_begins = torch.arange(0, slots * blocks * rank, rank, dtype=torch.int32)  # [slots * blocks]

    def compute(
        self, x: torch.Tensor, a: torch.Tensor, b: torch.Tensor, held: range, owners: torch.Tensor | None
    ) -> torch.Tensor:
        """Compute ``[rows, 1, blocks * width]`` from ``x``, ``[rows, 1, inputs]``, for the slots ``held``."""
        count, _, inputs = x.shape
        _, blocks, rank, width = b.shape
        inner = functional.embedding_bag(  # [rows, layers * rank]
            self._a[held.start * inputs : held.stop * inputs],
            a.view(-1, a.shape[2] * rank),
            self._a_begins[:count],
            mode="sum",
            per_sample_weights=x.reshape(-1),
        )
        if owners is not None:
            inner = inner.view(count, -1, rank).index_select(1, owners)  # [rows, blocks, rank]
        size = blocks * rank
        return functional.embedding_bag(  # [rows * blocks, width]
            self._b[held.start * size : held.stop * size],
            b.view(-1, width),
            self._b_begins[: count * blocks],
            mode="sum",
            per_sample_weights=inner.reshape(-1),
        ).view(count, 1, -1)
