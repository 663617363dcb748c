"""Shows a reply while it is being written, no more often than the platform allows."""

from __future__ import annotations

import asyncio

import structlog

from llmagent_os.adapter import Adapter
from llmagent_os.adapter_kit.containment import contain
from llmagent_os.events import Conversation

_log = structlog.stdlib.get_logger(__name__)

#: How long a draft that is being sent may keep the finished reply waiting.
DRAFT_PATIENCE_SECONDS = 5.0


class Drafts:
    """The drafts of one reply. The latest text is shown; texts that came in between are skipped."""

    def __init__(self, adapter: Adapter, conversation: Conversation, key: str) -> None:
        """Args: ``key`` is the one under which the finished reply will be sent."""
        self._adapter = adapter
        self._conversation = conversation
        self._key = key
        self._pause = 1 / adapter.capabilities.edits_per_second
        self._latest = ""
        self._shown = ""
        self._calling = False
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    async def show(self, text: str) -> None:
        """Show ``text``, all that is written so far, as soon as the platform allows. Returns at once."""
        self._latest = text
        if self._task is None and text != self._shown and not self._closed:
            self._task = asyncio.create_task(self._flush())

    async def close(self) -> None:
        """Show nothing more, and return when no draft can arrive after the finished reply any more."""
        self._closed = True
        task = self._task
        if task is None:
            return
        if self._calling:
            await asyncio.wait({task}, timeout=DRAFT_PATIENCE_SECONDS)
        task.cancel()
        await asyncio.wait({task})

    async def _flush(self) -> None:
        try:
            while self._latest != self._shown and not self._closed:
                text = self._latest
                self._calling = True
                try:
                    await self._adapter.draft(self._conversation, text, key=self._key)
                except BaseException as raised:  # a draft may be dropped: only the reply counts
                    _log.debug("draft not shown", error=repr(contain(raised)))
                finally:
                    self._calling = False
                self._shown = text
                if not self._closed:
                    await asyncio.sleep(self._pause)
        finally:
            self._task = None
