"""What the model computed for the beginnings that many prompts share: the system message and the tools."""

from __future__ import annotations

from collections import OrderedDict

from llmagent_os.serving.slots import Snapshot

#: The LoRA's version and the tokens: another LoRA computes other keys and values for the same words.
PrefixKey = tuple[str, tuple[int, ...]]


class PrefixCache:
    """The prefixes used last. Used by one thread.

    Args:
        capacity: how many bytes of keys and values are kept.
    """

    def __init__(self, capacity: int = 256 << 20) -> None:
        self._capacity = capacity
        self._held = 0
        self._kept: OrderedDict[PrefixKey, Snapshot] = OrderedDict()

    def get(self, key: PrefixKey) -> Snapshot | None:
        """The keys and values for ``key``, where they are kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: PrefixKey, snapshot: Snapshot) -> None:
        """Keep ``snapshot``, and drop the ones not used for longest where there is no room."""
        size = _bytes(snapshot)
        if key in self._kept or size > self._capacity:
            return
        self._kept[key] = snapshot
        self._held += size
        while self._held > self._capacity:
            self._held -= _bytes(self._kept.popitem(last=False)[1])

    def __len__(self) -> int:
        return len(self._kept)


def _bytes(snapshot: Snapshot) -> int:
    return sum(tensor.nbytes for pair in snapshot for tensor in pair)
