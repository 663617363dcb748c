"""Showing a reply while it is being written, no more often than the platform allows."""

from __future__ import annotations

import asyncio

import structlog

from llmagent_os.adapter import Adapter
from llmagent_os.events import Conversation

_log = structlog.stdlib.get_logger(__name__)

#: How long a draft under way may keep the finished reply waiting, in seconds.
PATIENCE = 5.0


class Drafts:
    """The drafts of one reply. The latest text wins; what came in between is never shown."""

    def __init__(self, adapter: Adapter, conversation: Conversation, key: str) -> None:
        """Args: ``key`` is the one the finished reply will be sent under."""
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
        """Show ``text``, all that is written so far, now or as soon as the platform allows. Never waits for it."""
        self._latest = text
        if self._task is None and text != self._shown and not self._closed:
            self._task = asyncio.create_task(self._flush())

    async def close(self) -> None:
        """Show nothing more, and return when nothing is on its way that could arrive after the finished reply."""
        self._closed = True
        task = self._task
        if task is None:
            return
        if self._calling:
            await asyncio.wait({task}, timeout=PATIENCE)
        task.cancel()
        await asyncio.wait({task})

    async def _flush(self) -> None:
        try:
            while self._latest != self._shown and not self._closed:
                text = self._latest
                self._calling = True
                try:
                    await self._adapter.draft(self._conversation, text, key=self._key)
                except Exception as error:  # a draft may be dropped; the reply itself is what counts
                    _log.debug("draft not shown", error=repr(error))
                finally:
                    self._calling = False
                self._shown = text
                if not self._closed:
                    await asyncio.sleep(self._pause)
        finally:
            self._task = None
