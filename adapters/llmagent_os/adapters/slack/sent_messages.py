"""The bot's own messages in the history, found by the key in their metadata.

Slack drops no second message. Before a reply is sent again, its parts are searched for in the history.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec
import structlog

from llmagent_os.adapters.slack.api import Api
from llmagent_os.errors import AdapterError
from llmagent_os.events import Conversation

_log = structlog.stdlib.get_logger(__name__)

SEARCHED_MESSAGES = 200  #: of one conversation

_EVENT_TYPE = "llmagent_os_reply"


class _Payload(msgspec.Struct):
    key: str
    part: int


class _Metadata(msgspec.Struct):
    event_payload: _Payload


class _SentMessage(msgspec.Struct):
    """A message of the bot, as the history shows it."""

    ts: str
    metadata: _Metadata


def metadata_of(key: str, number: int) -> dict[str, Any]:
    """The metadata of one message of a reply.

    Args:
        key: of the reply.
        number: of the message in the reply, from 0.
    """
    return {"event_type": _EVENT_TYPE, "event_payload": {"key": key, "part": number}}


async def find_sent(api: Api, conversation: Conversation, key: str, after: str | None) -> dict[int, str]:
    """The messages of the reply ``key`` that are in the history: number to ``ts``.

    Args:
        api: of Slack.
        conversation: where the reply was to be sent.
        key: of the reply.
        after: ``ts`` of the message that the reply answers.
    """
    arguments: dict[str, Any] = {
        "channel": conversation.channel,
        "limit": SEARCHED_MESSAGES,
        "include_all_metadata": True,
        "oldest": after,
    }
    try:
        if conversation.thread:
            answer = await api.call("conversations.replies", ts=conversation.thread, **arguments)
        else:
            answer = await api.call("conversations.history", **arguments)
    except AdapterError as error:  # a reply that appears twice is better than one that never appears
        _log.info("slack: the history cannot be searched for a reply", error=str(error))
        return {}
    found: dict[int, str] = {}
    for raw in cast("list[object]", answer.get("messages") or []):
        try:
            sent = msgspec.convert(raw, _SentMessage)
        except msgspec.ValidationError:  # not a message of the bot
            continue
        if sent.metadata.event_payload.key == key:
            found[sent.metadata.event_payload.part] = sent.ts
    return found
