"""The interface of whatever computes replies: the engine in this process, or the client of a server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from llmagent_os.chat import ChatRequest, Completion

#: Receives the whole text written so far. If the receiver is slow, texts in between are skipped, but never the latest.
OnText = Callable[[str], Awaitable[None]]


class Backend(Protocol):
    """One model that answers requests."""

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        """Write one reply.

        Args:
            request: what to answer, and how.
            on_text: receives the text while it grows; ``None``: only the finished reply is wanted.

        Raises:
            InvalidCallError: the reply is not a valid tool call; no part of it was run. The error has the completion
                as ``rejected``.
            ModelError: there is no reply.
        """
        ...

    async def aclose(self) -> None:
        """Release what belongs to the running event loop."""
        ...

    def close(self) -> None:
        """Stop for good."""
        ...


@runtime_checkable
class WarmsUp(Protocol):
    """A backend that can get ready before it is asked for the first time."""

    async def warm_up(self) -> None:
        """Get ready, without blocking the event loop."""
        ...


@runtime_checkable
class KeepsLoras(Protocol):
    """A backend whose LoRAs are elsewhere, so that it has to be told which are served."""

    async def keep_loras(self, pinned: Sequence[Path], served: Sequence[Path]) -> None:
        """Note which LoRAs are served now, and have the others dropped.

        Args:
            pinned: folders of those that many people are answered with: they are loaded at once, and stay.
            served: folders of all others that may answer: they are loaded when somebody needs them.

        Raises:
            ModelError: a server cannot be reached. What is left, :meth:`watch` does later.
        """
        ...

    async def watch(self) -> None:
        """Keep what servers have in step with what is served, until cancelled. May end at once."""
        ...
