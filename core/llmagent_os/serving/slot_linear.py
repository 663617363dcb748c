"""The linear layers of a model whose batch rows are slots: each row has a LoRA of its own.

Layers that read the same input, such as those of queries, keys and values, are computed as one: a ``LinearGroup``. Its
rows cost one product with the joined weights, one with the joined ``a`` of their LoRAs, and one with all their ``b``.

Which product is quickest depends on the processor's library, not on the numbers. On a CPU, ``weight @ x.T`` beats
``x @ weight.T`` for a few rows (docs/experiments.md#serving-at-the-limit has the figures).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional

from llmagent_os.serving.lora_weights import LoraLayer
from llmagent_os.serving.slot_loras import SlotLoras
from llmagent_os.serving.slot_rows import Rows

_TURNED_FROM_ROWS, _TURNED_FROM_WEIGHTS = 8, 1 << 19  # from which fp32 is quicker as ``weight @ x.T``
_WIDE = 16384  # outputs: those of a vocabulary. They are copied into another type next, and need not be in order before


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
            most = max(rank, old.rank if old else 0)
            self._loras = SlotLoras(self.weight, self.outputs, self._rows, self._slots, targets, most)
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
