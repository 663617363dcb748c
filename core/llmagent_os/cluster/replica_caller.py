"""The contract of whatever carries a request to a replica: the bridge to Ray, or a twin in memory in tests."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from llmagent_os.errors import ModelUnavailableError


class ReplicaLostError(ModelUnavailableError):
    """The replica, its node, or the way to it was lost before the reply was whole. Another replica may answer."""


class ReplicaAsker(Protocol):
    """Asks the replicas of one model."""

    def ask(self, lora_id: str, raw: bytes) -> AsyncGenerator[bytes]:
        """Ask a replica; closed early, it cancels the request there.

        Args:
            lora_id: the request goes to a replica that holds this LoRA, if there is one; empty: to any.
            raw: a :class:`~llmagent_os.cluster.reply_frames.ReplyAsked`.

        Yields:
            The replica's frames; the last one is ``Done``, ``Failed`` or ``LoraWanted``.

        Raises:
            ReplicaLostError: the replica was lost. The request may be asked again.
            ModelError: the replica cannot be asked.
        """
        ...


class ReplicaCaller(ReplicaAsker, Protocol):
    """Reaches a cluster, and asks the replicas of one model there."""

    async def connect(self) -> None:
        """Get ready to ask.

        Raises:
            ModelSetupError: the cluster does not serve the model, or cannot be used as it is set up.
            ModelUnavailableError: the cluster cannot be reached.
        """
        ...

    def close(self) -> None:
        """Let go of the cluster."""
        ...
