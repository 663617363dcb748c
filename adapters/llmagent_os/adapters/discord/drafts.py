"""Drafts: replies that are shown while they are being written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import structlog

from llmagent_os.adapter_kit.deliveries import Deliveries, Progress
from llmagent_os.adapters.discord.api import MESSAGE, MESSAGES, ORIGINAL_ANSWER, REQUEST_SECONDS, Api
from llmagent_os.adapters.discord.errors import RefusedError
from llmagent_os.adapters.discord.interactions import PendingInteractions
from llmagent_os.adapters.discord.parsing import PLATFORM
from llmagent_os.adapters.discord.rendering import draft_text, nonce_of, reference_to, with_nonce
from llmagent_os.errors import AdapterError, TryLaterError
from llmagent_os.events import Conversation

_log = structlog.stdlib.get_logger(__name__)


class Drafts:
    """Shows the text of replies that are not sent yet, by the reply's key."""

    def __init__(self, api: Api, deliveries: Deliveries, interactions: PendingInteractions) -> None:
        self._api = api
        self._deliveries = deliveries
        self._interactions = interactions
        self._tasks: dict[str, asyncio.Task[None]] = {}  # key -> the request that shows a draft
        self._sending: set[str] = set()  # keys of replies that are being sent

    async def show(self, conversation: Conversation, text: str, key: str) -> None:
        """Show ``text``, unless an earlier draft is still on its way or the reply itself is."""
        if key in self._tasks or key in self._sending or self._deliveries.receipt(key) is not None:
            return
        content = draft_text(text)
        if not content:
            return
        # A cancelled request would arrive all the same, and perhaps after the reply: so it is never cancelled.
        task = self._tasks[key] = asyncio.create_task(self._show(conversation, content, key))
        task.add_done_callback(lambda done: self._ended(key, done))
        await asyncio.shield(task)

    @contextlib.asynccontextmanager
    async def suspended(self, key: str) -> AsyncGenerator[None]:
        """Show no drafts of the reply ``key`` inside the ``async with`` block, which begins after the last draft.

        Raises:
            TryLaterError: the last draft is on its way for too long.
        """
        self._sending.add(key)
        try:
            task = self._tasks.get(key)
            if task is not None:
                _, waiting = await asyncio.wait({task}, timeout=REQUEST_SECONDS)
                if waiting:
                    raise TryLaterError("discord: a draft of this reply is still on its way")
            yield
        finally:
            self._sending.discard(key)

    async def delete(self, conversation: Conversation, message_id: str, key: str) -> None:
        """Delete the message with the draft of the reply ``key``."""
        with contextlib.suppress(RefusedError):
            await self._api.call(
                "deleting a draft", "DELETE", MESSAGE, channel_id=conversation.channel, message_id=message_id
            )
        await self._deliveries.note(key, Progress())

    async def close(self) -> None:
        """Stop showing drafts."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _show(self, conversation: Conversation, content: str, key: str) -> None:
        try:
            interaction = await self._interactions.answered_by(key)
            progress = await self._deliveries.progress(key)
            body: dict[str, Any] = {"content": content, "allowed_mentions": {"parse": []}}
            if progress.sent:
                return
            action, channel = "showing a draft", conversation.channel
            if interaction is not None and interaction.is_command:
                await self._api.call(action, "PATCH", ORIGINAL_ANSWER, body=body, at=interaction.webhook)
            elif progress.draft:
                await self._api.call(action, "PATCH", MESSAGE, body=body, channel_id=channel, message_id=progress.draft)
            else:
                asked = key.removeprefix(f"{PLATFORM}:")
                answered = asked if asked.isdecimal() and interaction is None else None
                body |= with_nonce(nonce_of(key, channel, 0)) | reference_to(conversation, answered)
                message = await self._api.call(action, "POST", MESSAGES, body=body, channel_id=channel)
                await self._deliveries.note(key, Progress(draft=message["id"]))
        except AdapterError as error:  # the finished reply follows anyway
            _log.debug("discord: a draft is not shown", error=str(error))

    def _ended(self, key: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(key, None)
        if not task.cancelled():
            task.exception()  # raised where the draft was awaited, if anybody still awaits it
