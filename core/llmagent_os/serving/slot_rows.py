"""Which slots a forward pass computes: what all layers of a model, and the cache, have to know."""

from __future__ import annotations

from collections.abc import Sequence

BASE = "base"  #: the version of a slot without a LoRA


class Rows:
    """The slots that the current forward pass computes. All layers of a model share one."""

    def __init__(self) -> None:
        self.begin = 0  #: the first slot
        self.end = 0  #: after the last slot
        #: the slots from the first to the last with a LoRA; empty: none has one
        self.adapted = range(0)
        self.alike = False  #: whether all slots in ``adapted`` have the same LoRA

    def aim(self, begin: int, end: int, versions: Sequence[str]) -> None:
        """Set the slots ``begin`` to ``end - 1`` for the next forward pass; ``versions`` are those of all slots."""
        self.begin, self.end = begin, end
        adapted = [slot for slot in range(begin, end) if versions[slot] != BASE]
        self.adapted = range(adapted[0], adapted[-1] + 1) if adapted else range(0)
        self.alike = len({versions[slot] for slot in self.adapted}) == 1
