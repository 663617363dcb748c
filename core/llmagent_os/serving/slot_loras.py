"""The LoRAs of all slots for layers that read the same input: every row of a batch has one of its own.

In bfloat16 on a CPU, a sum of weighted rows (``embedding_bag``) beats ``bmm`` for a product with one row. Where all
rows have the same LoRA, as with one that a whole team shares, it is read once and not for every row
(docs/experiments.md#serving-at-the-limit has the figures).

Many LoRAs over one base in one batch: Sheng et al. 2023, S-LoRA, https://arxiv.org/abs/2311.03285; Chen et al. 2023,
Punica, https://arxiv.org/abs/2310.18547.
"""

from __future__ import annotations

from math import gcd

import torch
from torch.nn import functional

from llmagent_os.serving.lora_weights import LoraLayer
from llmagent_os.serving.slot_rows import Rows

_SMALL = 1 << 16  # numbers in a matrix: up to there a product in bfloat16 is quicker in fp32, conversions included
_LEAST_BLOCK = 32  # outputs: narrower blocks cost more in calls than one product for all layers saves


class SlotLoras:
    """The LoRAs of all slots for one group.

    ``a`` holds the layers side by side. The outputs are cut into blocks of one width, so that one batched product
    computes all layers: ``b`` holds the blocks, and each is multiplied with the part of ``x @ a`` of its layer.

    Args:
        weight: of the group, ``[outputs of all layers, inputs]``.
        outputs: of each layer of the group.
        rows: the slots of the current forward pass.
        slots: how many slots there are.
        targets: the layers of the group that LoRAs change.
        rank: room for this rank.
    """

    def __init__(
        self, weight: torch.Tensor, outputs: list[int], rows: Rows, slots: int, targets: list[int], rank: int
    ) -> None:
        self.targets = targets  #: the layers of the group that LoRAs change
        self.rank = rank
        inputs = weight.shape[1]
        changed = sum(outputs[target] for target in targets)
        # A few zeros are read sooner than the outputs are added in two pieces.
        whole = sum(outputs) - changed <= changed // 2
        covered = list(range(len(outputs))) if whole else targets
        widths = [outputs[layer] for layer in covered]
        width = gcd(*widths)
        if width < _LEAST_BLOCK:
            width = max(widths)  # narrower layers have a block that is not full
        counts = [-(-each // width) for each in widths]
        new = weight.new_zeros
        self._a = new(slots, inputs, len(targets), rank)  # [slots, inputs, layers, rank]
        self._b = new(slots, sum(counts), rank, width)  # [slots, blocks, rank, width]
        begins = [sum(counts[:at]) for at in range(len(covered))]
        #: the blocks of each changed layer
        self._blocks = {
            layer: range(begin, begin + count) for layer, begin, count in zip(covered, begins, counts, strict=True)
        }
        self._widths = outputs
        places = [targets.index(layer) if layer in targets else 0 for layer in covered]
        owners = [place for place, count in zip(places, counts, strict=True) for _ in range(count)]
        self._owners = torch.tensor(owners, device=weight.device)  # [blocks]: the layer of each block
        self._one_each = owners == list(range(len(targets)))
        self._rows = rows
        self._spans = _spans(outputs, covered, begins, width)
        # Whether the blocks' outputs can be added where they belong by the product itself.
        added = self._spans[0][2]
        one = len(owners) == 1 and added == width
        self._fills = len(self._spans) == 1 and (one or added == sum(outputs) == width * len(owners))
        self._views: dict[tuple[int, int], tuple[torch.Tensor, torch.Tensor]] = {}
        self._bags = _Bags(slots, inputs, len(owners), rank) if _weighs_rows(weight) else None

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
        if self._rows.alike and x.shape[0] * x.shape[1] > 1:
            added = self._alike(x, held.start)
        elif x.shape[1] > 1:
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
            into, _, count = self._spans[0]
            y[..., into : into + count].view(-1, 1, b.shape[2]).baddbmm_(inner, b)
            return None
        return torch.bmm(inner, b).view(x.shape[0], 1, -1)

    def _alike(self, x: torch.Tensor, slot: int) -> torch.Tensor:
        """Compute as :meth:`_several` if all rows have the LoRA of ``slot``: it is read once, not once for each row."""
        a, b = self._a[slot].flatten(1), self._b[slot]  # [inputs, layers * rank], [blocks, rank, width]
        inner = _product(x.reshape(-1, x.shape[2]), a)  # [rows * tokens, layers * rank]
        if len(b) == 1:
            return _product(inner, b[0]).view(*x.shape[:2], -1)
        inner = inner.view(len(inner), -1, self.rank)  # [rows * tokens, layers, rank]
        if not self._one_each:
            inner = inner.index_select(1, self._owners)  # [rows * tokens, blocks, rank]
        out = _product(inner.transpose(0, 1), b)  # [blocks, rows * tokens, width]
        return out.transpose(0, 1).reshape(*x.shape[:2], -1)

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


def _product(x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Compute ``x @ matrix`` in the quicker way."""
    if _weighs_rows(matrix) and matrix.numel() < _SMALL:
        return (x.float() @ matrix.float()).to(x.dtype)
    return x @ matrix


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
