"""Drafts: replies that are shown while they are being written.

In threads they are Slack's native streams. A stream needs a thread, and in a direct conversation a thread would be
forced upon people, so there a message is edited again and again.
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.adapter_kit.deliveries import Deliveries
from llmagent_os.adapters.slack.api import Api
from llmagent_os.adapters.slack.errors import NO_STREAMS, RefusedError
from llmagent_os.adapters.slack.rendering import draft_text
from llmagent_os.errors import TryLaterError
from llmagent_os.events import Conversation

_log = structlog.stdlib.get_logger(__name__)

APPEND_CHARACTERS = 11_000  #: of one call; Slack takes 12,000
MAX_ASKERS = 1000  #: conversations of which it is remembered who asked last


class Drafts:
    """The drafts of replies that are not sent yet, by the reply's key."""

    def __init__(self, api: Api, deliveries: Deliveries) -> None:
        self._api = api
        self._deliveries = deliveries
        self._streamed: dict[str, str] = {}  # key -> the text that was appended to a native stream
        self._askers: BoundedDict[str, str] = BoundedDict(MAX_ASKERS)  # conversation -> who gets the coming reply
        self._has_streams = True

    def note_asker(self, conversation: Conversation, user_id: str) -> None:
        """Note who will be answered in ``conversation``: a stream must name that person."""
        self._askers[conversation.key] = user_id

    async def show(self, conversation: Conversation, text: str, key: str) -> None:
        """Show ``text``, all that is written so far. Where Slack wants a pause, nothing is shown."""
        progress = await self._deliveries.progress(key)
        try:
            if progress.draft and key not in self._streamed:
                await self._api.call(
                    "chat.update",
                    optional=True,
                    channel=conversation.channel,
                    ts=progress.draft,
                    text=draft_text(text),
                )
            elif progress.draft:
                await self._append(conversation, progress.draft, text, key)
            else:
                await self._begin(conversation, text, key)
        except TryLaterError:
            pass

    async def stop(self, conversation: Conversation, ts: str, key: str) -> None:
        """End the stream in the message ``ts``, whose place the finished reply will take."""
        self._streamed.pop(key, None)
        try:
            await self._api.call("chat.stopStream", channel=conversation.channel, ts=ts)
        except RefusedError as error:  # the message was no stream, or the stream has ended by itself
            _log.debug("slack: a stream was not stopped", error=str(error))

    async def _begin(self, conversation: Conversation, text: str, key: str) -> None:
        ts = await self._start_stream(conversation, text, key) if self._has_streams and conversation.thread else None
        if ts is None:
            answer = await self._api.call(
                "chat.postMessage",
                optional=True,
                channel=conversation.channel,
                thread_ts=conversation.thread,
                text=draft_text(text),
            )
            ts = str(answer["ts"])
        progress = await self._deliveries.progress(key)
        await self._deliveries.note(key, msgspec.structs.replace(progress, draft=ts))

    async def _start_stream(self, conversation: Conversation, text: str, key: str) -> str | None:
        arguments: dict[str, Any] = {
            "channel": conversation.channel,
            "thread_ts": conversation.thread,
            "markdown_text": _without_mentions(text),
        }
        if conversation.kind == "group":
            if conversation.key not in self._askers:  # the question came before a restart
                return None
            arguments |= {
                "recipient_user_id": self._askers.get(conversation.key),
                "recipient_team_id": conversation.workspace,
            }
        try:
            answer = await self._api.call("chat.startStream", optional=True, **arguments)
        except RefusedError as error:
            self._has_streams = error.code not in NO_STREAMS
            _log.info("slack: a message is edited in place of a stream", error=str(error), ever=self._has_streams)
            return None
        self._streamed[key] = text
        return str(answer["ts"])

    async def _append(self, conversation: Conversation, ts: str, text: str, key: str) -> None:
        streamed = self._streamed[key]
        if not text.startswith(streamed):
            return  # the beginning was changed: the finished reply will replace the message
        rest = text[len(streamed) : len(streamed) + APPEND_CHARACTERS]
        if rest:
            await self._api.call(
                "chat.appendStream",
                optional=True,
                channel=conversation.channel,
                ts=ts,
                markdown_text=_without_mentions(rest),
            )
            self._streamed[key] = streamed + rest


def _without_mentions(markdown: str) -> str:
    """``markdown`` that notifies nobody: a model must not mention a person or a whole channel."""
    return markdown.replace("<", "&lt;")  # every one: the rest of a mention may come with the next part
