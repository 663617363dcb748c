"""Keeps the keys and values of prompt beginnings that many requests share: the system message and the tools."""

from __future__ import annotations

from collections import OrderedDict

from llmagent_os.serving.slots import Snapshot

#: The LoRA's version and the tokens. Another LoRA computes other keys and values for the same tokens.
PrefixKey = tuple[str, tuple[int, ...]]


class PrefixCache:
    """The prefixes that were used last. For one thread.

    Args:
        capacity: most bytes of keys and values to keep.
    """

    def __init__(self, capacity: int = 256 << 20) -> None:
        self._capacity = capacity
        self._held_bytes = 0
        self._kept: OrderedDict[PrefixKey, Snapshot] = OrderedDict()

    def get(self, key: PrefixKey) -> Snapshot | None:
        """Give the keys and values for ``key``; ``None``: they are not kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: PrefixKey, snapshot: Snapshot) -> None:
        """Keep ``snapshot``. To make room, the prefixes that were not used for longest are dropped."""
        size = _bytes(snapshot)
        if key in self._kept or size > self._capacity:
            return
        self._kept[key] = snapshot
        self._held_bytes += size
        while self._held_bytes > self._capacity:
            self._held_bytes -= _bytes(self._kept.popitem(last=False)[1])

    def __len__(self) -> int:
        return len(self._kept)


def _bytes(snapshot: Snapshot) -> int:
    return sum(tensor.nbytes for pair in snapshot for tensor in pair)
