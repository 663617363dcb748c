"""What stands behind an LLM: the engine in this process, or a server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from llmagent_os.chat import ChatRequest, Completion

#: Given the text so far. A slow one is not called for every token, but always with the latest text.
OnText = Callable[[str], Awaitable[None]]


class Backend(Protocol):
    """One model, answering."""

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        """One reply.

        Raises:
            InvalidCallError: the reply is no valid tool call; nothing of it was run.
            ModelError: no reply could be had.
        """
        ...

    async def aclose(self) -> None:
        """Let go of what belongs to the running event loop."""
        ...

    def close(self) -> None:
        """Stop for good."""
        ...
