"""Threads of Slack's assistant pane: what the bot is doing, what a person could say, and what a thread is about.

https://docs.slack.dev/ai/developing-ai-apps. Whatever fails here costs no reply. A workspace or an app without the
feature is noticed at its first refusal, which is logged once with its remedy.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import structlog

from llmagent_os.adapter import Reply
from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.adapter_kit.keyed_order import KeyedLocks
from llmagent_os.adapters.slack.api import Api
from llmagent_os.adapters.slack.errors import NO_FEATURE, RefusedError
from llmagent_os.adapters.slack.suggested_prompts import suggested_prompts
from llmagent_os.errors import AdapterError, ConfigError
from llmagent_os.events import Conversation

_log = structlog.stdlib.get_logger(__name__)

SET_STATUS = "assistant.threads.setStatus"
SET_PROMPTS = "assistant.threads.setSuggestedPrompts"
SET_TITLE = "assistant.threads.setTitle"

#: After how many seconds a status is set again. Slack itself takes it away after two minutes.
STATUS_SECONDS = 90.0
MAX_THREADS = 1000  #: of which it is remembered what their status is

_REMEDY = (
    "give the app the scope assistant:write and Slack's feature for assistants, then install it again; "
    "`llmagent-os setup slack` prints the whole manifest"
)


class _Status(msgspec.Struct, frozen=True):
    words: str
    until: float  #: on the loop's clock


class AssistantThreads:
    """What is shown around the messages of threads that people have with the bot alone."""

    def __init__(self, api: Api) -> None:
        """Args: ``api`` of Slack."""
        self._api = api
        self._order = KeyedLocks()
        self._shown: BoundedDict[str, _Status] = BoundedDict(MAX_THREADS)
        self._refused: BoundedDict[str, bool] = BoundedDict(MAX_THREADS)  # threads that are none of the pane
        self._missing: set[str] = set()  # methods that the workspace or the app does not have
        self._tasks = BackgroundTasks()

    async def show_status(self, conversation: Conversation, words: str) -> None:
        """Show what the bot is doing; empty: nothing any more."""
        if not _is_thread(conversation):
            return
        if not words:
            await self._clear(conversation, always=False)
            return
        async with self._order.of(conversation.key):
            now = asyncio.get_running_loop().time()
            shown = self._shown.get(conversation.key)
            if shown is not None and shown.words == words and now < shown.until:
                return
            if await self._set(SET_STATUS, conversation, status=words):
                self._shown[conversation.key] = _Status(words, now + STATUS_SECONDS)

    def clear_status(self, conversation: Conversation, *, always: bool) -> None:
        """Take away what is shown. Returns at once; nobody waits for this.

        Args:
            conversation: where.
            always: also where this process has shown nothing: one that died may have.
        """
        if _is_thread(conversation):
            self._tasks.spawn(self._clear(conversation, always=always))

    async def _clear(self, conversation: Conversation, *, always: bool) -> None:
        async with self._order.of(conversation.key):
            if self._shown.pop(conversation.key, None) is not None or always:
                await self._set(SET_STATUS, conversation, status="")

    def decorate(self, conversation: Conversation, reply: Reply) -> None:
        """Offer what ``reply`` suggests, and name the thread. Returns at once; nobody waits for this."""
        if not _is_thread(conversation):
            return
        if prompts := suggested_prompts(reply.suggestions):
            self._tasks.spawn(self._set(SET_PROMPTS, conversation, prompts=prompts))
        if reply.topic:
            self._tasks.spawn(self._set(SET_TITLE, conversation, title=reply.topic))

    async def close(self) -> None:
        """Stop what is under way."""
        await self._tasks.close()

    async def _set(self, method: str, conversation: Conversation, **arguments: Any) -> bool:
        """Call ``method`` for a thread. Returns whether Slack took it."""
        if method in self._missing or conversation.key in self._refused:
            return False
        where = {"channel_id": conversation.channel, "thread_ts": conversation.thread}
        try:
            await self._api.call(method, optional=True, **where, **arguments)
        except RefusedError as error:
            if error.code in NO_FEATURE:
                self._missing.add(method)
                _log.warning("slack: the assistant pane lacks something", error=str(error), remedy=_REMEDY)
            else:
                self._refused[conversation.key] = True
                _log.info("slack: a thread is none of the assistant pane", error=str(error))
            return False
        except (AdapterError, ConfigError) as error:
            _log.debug("slack: the assistant pane does not show something", method=method, error=str(error))
            return False
        return True


def _is_thread(conversation: Conversation) -> bool:
    return conversation.kind == "direct" and conversation.thread is not None
