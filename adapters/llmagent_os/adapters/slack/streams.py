"""A reply while it is being written: Slack's native streams in threads, paced edits of a message elsewhere.

A stream needs a thread, and in a direct conversation a thread would be forced upon people.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import msgspec
import structlog

from llmagent_os.adapter_kit.deliveries import Deliveries
from llmagent_os.adapters.slack.api import SlackApi
from llmagent_os.adapters.slack.blocks import SECTION
from llmagent_os.errors import AdapterError, TryLaterError
from llmagent_os.events import Conversation
from llmagent_os.markup import SLACK, pieces

_log = structlog.stdlib.get_logger(__name__)

APPEND = 11_000  #: characters of one call; Slack takes 12,000
#: What says that there are no native streams, and not that this one is none.
_NONE = frozenset({"unknown_method", "not_allowed_token_type", "missing_scope", "method_deprecated"})


class Streams:
    """The drafts of replies that are not sent yet, by key."""

    def __init__(self, api: SlackApi, deliveries: Deliveries) -> None:
        self._api = api
        self._deliveries = deliveries
        self._written: dict[str, str] = {}  # native streams: what was appended
        self._askers: OrderedDict[str, str] = OrderedDict()  # conversation -> whom the coming reply answers
        self._native = True

    def asked(self, where: Conversation, user: str) -> None:
        """Somebody will be answered there: a stream must name them."""
        self._askers.pop(where.key, None)
        self._askers[where.key] = user
        while len(self._askers) > 1000:
            self._askers.popitem(last=False)

    async def show(self, where: Conversation, text: str, key: str) -> None:
        """Show what is written so far. Under a limit it is left out."""
        progress = await self._deliveries.progress(key)
        try:
            if progress.draft and key not in self._written:
                (shown, *_) = pieces(text, SLACK, SECTION)
                await self._api.call("chat.update", optional=True, channel=where.channel, ts=progress.draft, text=shown)
            elif progress.draft:
                await self._append(where, progress.draft, text, key)
            else:
                await self._begin(where, text, key)
        except TryLaterError:
            pass

    async def _begin(self, where: Conversation, text: str, key: str) -> None:
        ts = await self._start(where, text, key) if self._native and where.thread else None
        if ts is None:
            (shown, *_) = pieces(text, SLACK, SECTION)
            answer = await self._api.call(
                "chat.postMessage", optional=True, channel=where.channel, thread_ts=where.thread, text=shown
            )
            ts = str(answer["ts"])
        progress = await self._deliveries.progress(key)
        await self._deliveries.note(key, msgspec.structs.replace(progress, draft=ts))

    async def _start(self, where: Conversation, text: str, key: str) -> str | None:
        given: dict[str, Any] = {"channel": where.channel, "thread_ts": where.thread, "markdown_text": _safe(text)}
        if where.kind == "group":
            if where.key not in self._askers:  # asked before a restart
                return None
            given |= {"recipient_user_id": self._askers.get(where.key), "recipient_team_id": where.workspace}
        try:
            answer = await self._api.call("chat.startStream", optional=True, **given)
        except TryLaterError:
            raise
        except AdapterError as error:
            self._native = str(error).partition(":")[0] not in _NONE
            _log.info("no native stream; the message is edited instead", why=str(error), ever=self._native)
            return None
        self._written[key] = text
        return str(answer["ts"])

    async def _append(self, where: Conversation, ts: str, text: str, key: str) -> None:
        written = self._written[key]
        if not text.startswith(written):
            return  # put otherwise: the finished reply will replace it
        rest = text[len(written) : len(written) + APPEND]
        if rest:
            await self._api.call(
                "chat.appendStream", optional=True, channel=where.channel, ts=ts, markdown_text=_safe(rest)
            )
            self._written[key] = written + rest

    async def stop(self, where: Conversation, ts: str, key: str) -> None:
        """No more is appended: the finished reply takes the message's place."""
        self._written.pop(key, None)
        try:
            await self._api.call("chat.stopStream", channel=where.channel, ts=ts)
        except TryLaterError:
            raise
        except AdapterError as error:  # it was no stream, or has ended by itself
            _log.debug("a stream was not stopped", error=str(error))


def _safe(markdown: str) -> str:
    """What calls a whole channel, or somebody, must not come from a model."""
    return markdown.replace("<", "&lt;")  # each: the rest of it may come with the next chunk
