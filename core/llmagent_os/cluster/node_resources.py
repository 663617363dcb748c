"""What the nodes of a cluster have, and what a piece of work asks of one of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from llmagent_os.errors import ConfigError

_GB = 1e9


class NodeResources(msgspec.Struct, frozen=True):
    """What a node has in all, whatever is at work there."""

    address: str
    cpus: float = 0.0
    gpus: float = 0.0
    memory: float = 0.0  #: bytes

    def __str__(self) -> str:
        return f"{self.address}: {self.cpus:g} CPUs, {self.gpus:g} GPUs, {self.memory / _GB:.1f} GB"


class Needs(msgspec.Struct, frozen=True):
    """What a piece of work asks of one node."""

    what: str  #: in words, as ``a replica``
    cpus: float = 0.0
    gpus: float = 0.0
    memory: float = 0.0  #: bytes; 0: whatever there is

    def __str__(self) -> str:
        memory = f", {self.memory / _GB:.1f} GB" if self.memory else ""
        return f"{self.cpus:g} CPUs, {self.gpus:g} GPUs{memory}"

    def fit(self, node: NodeResources) -> bool:
        """Whether a node could ever do this work."""
        return self.cpus <= node.cpus and self.gpus <= node.gpus and self.memory <= node.memory


def check_needs(needs: Needs, nodes: Sequence[NodeResources]) -> None:
    """Check that a node is large enough.

    Raises:
        ConfigError: none is; the message says what is asked for, and what there is.
    """
    if not any(needs.fit(node) for node in nodes):
        there = "; ".join(map(str, nodes)) or "no node is alive"
        raise ConfigError(
            f"{needs.what} asks one node for {needs}, and no node of the cluster has as much ({there}): add such a "
            "node, or ask for less"
        )
