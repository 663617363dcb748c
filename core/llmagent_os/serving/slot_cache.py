"""The keys and values of all slots, and which of them a token may look at."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from llmagent_os.serving.slot_rows import Rows

_FIRST_ROOM_TOKENS = 256  # room of a slot at first; doubled when needed

#: Keys and values of some tokens of one slot: a pair for each layer, both ``[heads, tokens, head size]``.
Snapshot = list[tuple[torch.Tensor, torch.Tensor]]


class SlotCache:
    """The keys and values of all slots. A transformers model takes it as its ``cache``.

    Every layer keeps all tokens, also one whose window is narrower: the mask hides what lies before the window.

    Args:
        slots: rows of the cache.
        rows: the slots of the current forward pass.
        like: a tensor with the type and device that the cache should have.
        layers: how many layers have keys and values.
    """

    def __init__(self, slots: int, rows: Rows, like: torch.Tensor, layers: int) -> None:
        self._slots = slots
        self._like = like
        self._room = _FIRST_ROOM_TOKENS
        # One tensor a layer, [slots, heads, room, head size]. Made when a layer is first computed: its shape is known
        # then, whatever the architecture calls it.
        self._keys: list[torch.Tensor | None] = [None] * layers
        self._values: list[torch.Tensor | None] = [None] * layers
        self._rows = rows
        self._numbers = torch.arange(slots, device=like.device)[:, None]  # [slots, 1]
        self._places = torch.zeros(1, 1, dtype=torch.long, device=like.device)  # [rows, new tokens]
        self._visible = 0
        self._single = False
        self._masks: dict[int, torch.Tensor] = {}

    def begin(self, places: torch.Tensor, visible: int) -> None:
        """Begin a forward pass.

        Args:
            places: ``[rows, new tokens]``: where in its sequence each new token stands, ascending by one in a row.
            visible: tokens that the pass may look at, its own included.
        """
        self._reserve(visible)
        self._places, self._visible = places, visible
        self._single = places.shape[0] == 1
        self._masks.clear()

    def mask(self, window: int | None = None) -> torch.Tensor:
        """Give which tokens each new token may look at, ``[rows, 1, new tokens, visible tokens]``, bool.

        Args:
            window: only so many tokens before the next one; ``None``: all.
        """
        key = window or 0
        if key not in self._masks:
            at = torch.arange(self._visible, device=self._places.device)  # [visible]
            places = self._places[:, None, :, None]  # [rows, 1, new, 1]
            seen = at <= places
            self._masks[key] = seen & (at > places - window) if window else seen
        return self._masks[key]

    def _reserve(self, length: int) -> None:
        """Make room for at least ``length`` tokens in every slot."""
        if length <= self._room:
            return
        more = max(self._room * 2, length) - self._room
        for kept in (self._keys, self._values):
            for at, layer in enumerate(kept):
                kept[at] = None if layer is None else nn.functional.pad(layer, (0, 0, 0, more))
        self._room += more

    def _new(self, like: torch.Tensor) -> torch.Tensor:
        # Zeros, not uninitialised memory: a NaN spoils a sum even where it is masked.
        return self._like.new_zeros(self._slots, like.shape[-3], self._room, like.shape[-1])

    def update(
        self, key: torch.Tensor, value: torch.Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store the new keys and values of one attention layer; gives all that the layer may look at.

        Args:
            key: ``[rows, heads, new tokens, head size]``.
            value: the same shape, perhaps with another head size.
            layer_idx: which layer calls.

        Returns:
            Keys and values, both ``[rows, heads, visible tokens, head size]``.
        """
        keys, values = self._layer(layer_idx, key, value)
        begin, end, visible = self._rows.begin, self._rows.end, self._visible
        if self._single:
            first = visible - key.shape[2]
            keys[begin, :, first:visible] = key[0]
            values[begin, :, first:visible] = value[0]
        else:
            rows = self._numbers[begin:end]  # [rows, 1]
            keys[rows, :, self._places] = key.transpose(1, 2)
            values[rows, :, self._places] = value.transpose(1, 2)
        return keys[begin:end, :, :visible], values[begin:end, :, :visible]

    def _layer(self, at: int, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        keys, values = self._keys[at], self._values[at]
        if keys is None or values is None:
            keys, values = self._keys[at], self._values[at] = self._new(key), self._new(value)
        return keys, values

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Give how many tokens the current pass may look at."""
        return self._visible

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first ``length`` tokens of slot ``source`` over slot ``target``."""
        for layer in (*self._keys, *self._values):
            if layer is not None:
                layer[target, :, :length] = layer[source, :, :length]

    def snapshot(self, slot: int, begin: int, end: int) -> Snapshot:
        """Copy the keys and values of the tokens ``begin`` to ``end - 1`` of a slot."""
        return [
            (keys[slot, :, begin:end].clone(), values[slot, :, begin:end].clone())
            for keys, values in zip(self._keys, self._values, strict=True)
            if keys is not None and values is not None
        ]

    def restore(self, slot: int, begin: int, snapshot: Snapshot) -> None:
        """Write what :meth:`snapshot` copied to a slot, from place ``begin`` on."""
        end = begin + snapshot[0][0].shape[1]
        self._reserve(end)
        for at, (key, value) in enumerate(snapshot):
            keys, values = self._layer(at, key, value)
            keys[slot, :, begin:end] = key
            values[slot, :, begin:end] = value

    def wipe(self, used: int) -> None:
        """Overwrite the keys and values of all slots but the first ``used`` with zeros."""
        for layer in (*self._keys, *self._values):
            if layer is not None:
                layer[used:] = 0

    def fits(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot has the layers, the type and the shapes of this cache.

        A layer's shape is known once it was computed.
        """
        news = [tensor for pair in snapshot for tensor in pair]
        if len(snapshot) != len(self._keys) or any(len(new.shape) != 3 for new in news):
            return False
        olds = [tensor for pair in zip(self._keys, self._values, strict=True) for tensor in pair]
        return all(
            new.dtype == self._like.dtype and (old is None or new.shape[::2] == old.shape[1::2])
            for new, old in zip(news, olds, strict=True)
        )

    @property
    def nbytes(self) -> int:
        """Bytes of all keys and values that there is room for."""
        return sum(layer.nbytes for layer in (*self._keys, *self._values) if layer is not None)


def slice_snapshot(snapshot: Snapshot, begin: int, end: int) -> Snapshot:
    """Give the tokens ``begin`` to ``end - 1`` of a snapshot."""
    return [(keys[:, begin:end], values[:, begin:end]) for keys, values in snapshot]


def join_snapshots(pieces: list[Snapshot]) -> Snapshot:
    """Give pieces that follow each other as one; empty: there is none."""
    if not pieces:
        return []
    return [
        (torch.cat([keys for keys, _ in layer], dim=1), torch.cat([values for _, values in layer], dim=1))
        for layer in zip(*pieces, strict=True)
    ]
