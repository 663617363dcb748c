"""Sending replies to Discord, every message exactly once."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import discord
import structlog

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapter_kit.deliveries import Deliveries
from llmagent_os.adapters.discord.api import (
    DIRECT_CHANNELS,
    FOLLOW_UPS,
    MESSAGE,
    MESSAGES,
    ORIGINAL_ANSWER,
    REQUEST_SECONDS,
    Api,
)
from llmagent_os.adapters.discord.drafts import Drafts
from llmagent_os.adapters.discord.errors import ExpiredError, RefusedError
from llmagent_os.adapters.discord.interactions import Answerable, PendingInteraction, PendingInteractions
from llmagent_os.adapters.discord.payloads import EPHEMERAL
from llmagent_os.adapters.discord.rendering import (
    OutgoingMessage,
    nonce_of,
    outgoing_messages,
    reference_to,
    with_nonce,
)
from llmagent_os.errors import AdapterError
from llmagent_os.events import Conversation
from llmagent_os.languages import lazy_gettext
from llmagent_os.sealing.sealed_files import read_file

_log = structlog.stdlib.get_logger(__name__)

#: How many channels of direct messages are remembered.
MAX_DIRECT_CHANNELS = 10_000

#: What a person is told in the channel when an answer is private and direct messages are closed.
DIRECT_MESSAGES_CLOSED = lazy_gettext(
    "I have an answer that only you should see, but Discord does not let me write to you directly. "
    "Allow direct messages in this server's privacy settings, and ask me again."
)

#: What a person reads whose command was answered with a message of its own in the channel.
ANSWERED_OPENLY = lazy_gettext("The answer is here for everybody.")

# Discord's codes: a message may not answer another one here; a person takes no direct messages.
_NO_ANSWERS_HERE, _NO_DIRECT_MESSAGES = 160002, 50007


class ReplySender:
    """Sends replies, and continues where an earlier try ended."""

    def __init__(
        self,
        api: Api,
        deliveries: Deliveries,
        drafts: Drafts,
        interactions: PendingInteractions,
        buttons: ButtonValues,
    ) -> None:
        self._api = api
        self._deliveries = deliveries
        self._drafts = drafts
        self._interactions = interactions
        self._buttons = buttons
        self._direct_channels: BoundedDict[str, str] = BoundedDict(MAX_DIRECT_CHANNELS)  # user id -> channel id
        self._warned: set[str] = set()  # warnings that were logged

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None, again: bool
    ) -> Receipt:
        """See :meth:`llmagent_os.adapter.Adapter.send`."""
        known = self._deliveries.receipt(key)
        if known is not None:
            return known
        async with self._drafts.suspended(key):
            interaction = await self._interactions.answered_by(key)
            messages = await outgoing_messages(reply, self._buttons)
            delivery = _Delivery(conversation, reply, key, reply_to, interaction)
            delivery.draft = (await self._deliveries.progress(key)).draft
            if delivery.private and delivery.draft and not delivery.goes_to_interaction:
                await self._drafts.delete(conversation, delivery.draft, key)  # everybody can read the draft
                delivery.draft = ""
            return await self._deliveries.deliver(
                key, messages, lambda number, message: self._post(delivery, number, message), again=again
            )

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Replace a message that was sent earlier."""
        if not message_id.isdecimal():
            raise AdapterError(f"discord: {message_id!r} is not a message id")
        message = (await outgoing_messages(reply, self._buttons))[0]
        await self._change(conversation.channel, message_id, message)

    # ── one message ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _post(self, delivery: _Delivery, number: int, message: OutgoingMessage) -> str:
        if delivery.goes_to_interaction:
            try:
                return await self._answer(delivery, number, message)
            except ExpiredError:
                await self._interactions.drop(delivery.expire())
        if delivery.private and delivery.reply.only_for:
            return await self._post_privately(delivery, number, message, delivery.reply.only_for)
        if not delivery.is_open_answer:
            return await self._post_openly(delivery, number, message)
        try:
            posted = await self._post_openly(delivery, number, message)
        except RefusedError as error:
            if error.status != 403:
                raise
            delivery.only_here = True  # the bot may not write in the channel: at least the person has the answer
            return await self._post(delivery, number, message)
        with contextlib.suppress(AdapterError):  # else the person reads for a while that the bot is thinking
            await self._answer(delivery, 0, OutgoingMessage(str(ANSWERED_OPENLY)))
        return posted

    async def _post_openly(self, delivery: _Delivery, number: int, message: OutgoingMessage) -> str:
        """Send ``message`` into the channel."""
        channel = delivery.conversation.channel
        if number == 0 and delivery.draft:
            try:
                await self._change(channel, delivery.draft, message)
            except RefusedError as error:
                if error.status != 404:
                    raise
                # The draft was deleted. Under the same nonce, Discord would say that the message is there.
                delivery.attempt = 1
            else:
                return delivery.draft
        reference = reference_to(delivery.conversation, delivery.reply_to) if number == 0 else {}
        nonce = nonce_of(delivery.key, channel, number, delivery.attempt)
        return str((await self._create(channel, message, nonce, reference))["id"])

    async def _post_privately(self, delivery: _Delivery, number: int, message: OutgoingMessage, user_id: str) -> str:
        """Send ``message`` to one person; where that person takes no direct messages, say so in the channel."""
        try:
            channel = await self._direct_channel(user_id)
            posted = await self._create(channel, message, nonce_of(delivery.key, channel, number), {})
        except RefusedError as error:
            if error.code != _NO_DIRECT_MESSAGES:
                raise
            channel = delivery.conversation.channel
            nonce = nonce_of(delivery.key, channel, 0)  # said once, however many messages the answer has
            posted = await self._create(channel, OutgoingMessage(str(DIRECT_MESSAGES_CLOSED)), nonce, {})
        return str(posted["id"])

    async def _create(
        self, channel: str, message: OutgoingMessage, nonce: str, reference: dict[str, Any]
    ) -> dict[str, Any]:
        body = message.body() | with_nonce(nonce) | reference
        try:
            posted = await self._request("sending", "POST", MESSAGES, body, message, channel_id=channel)
        except RefusedError as error:
            if error.status not in (403, 413) and error.code != _NO_ANSWERS_HERE:
                raise
            if error.code == _NO_DIRECT_MESSAGES or not (reference or message.embeds or message.files):
                raise
            self._warn_once("discord: sent without what is not allowed there: a reference, a card or files", error)
            message = message.without_extras() if error.code != _NO_ANSWERS_HERE else message
            body = message.body() | with_nonce(nonce)
            posted = await self._request("sending", "POST", MESSAGES, body, message, channel_id=channel)
        if not message.is_shown_in(posted):
            # Discord had a message with this nonce: a draft whose answer was lost, or of an earlier process.
            await self._change(channel, posted["id"], message)
        return dict(posted)

    async def _change(self, channel: str, message_id: str, message: OutgoingMessage) -> None:
        await self._request(
            "changing a message", "PATCH", MESSAGE, message.body(), message, channel_id=channel, message_id=message_id
        )

    async def _answer(self, delivery: _Delivery, number: int, message: OutgoingMessage) -> str:
        """Send ``message`` as an answer to a command or a pressed button."""
        interaction = delivery.the_interaction
        action, webhook, body = "answering", interaction.webhook, message.body()
        if interaction.is_command and number == 0:
            posted = await self._request(action, "PATCH", ORIGINAL_ANSWER, body, message, at=webhook)
        else:
            private = interaction.private or delivery.is_for_interacting_person
            body |= {"flags": EPHEMERAL} if private else {}
            posted = await self._request(action, "POST", FOLLOW_UPS, body, message, query={"wait": "true"}, at=webhook)
        return str(posted["id"])

    async def _request(
        self,
        action: str,
        method: str,
        path: str,
        body: dict[str, Any],
        message: OutgoingMessage,
        query: dict[str, Any] | None = None,
        at: Mapping[str, str] | None = None,
        **parameters: str,
    ) -> Any:
        async with _opened(message.files) as files:
            if files:
                described = zip(files, message.descriptions, strict=True)
                body["attachments"] = [
                    {"id": str(n), "filename": file.filename} | ({"description": words} if words else {})
                    for n, (file, words) in enumerate(described)
                ]
            seconds = REQUEST_SECONDS * 2 if files else REQUEST_SECONDS
            return await self._api.call(
                action, method, path, body=body, files=files, query=query, seconds=seconds, at=at, **parameters
            )

    async def _direct_channel(self, user_id: str) -> str:
        known = self._direct_channels.get(user_id)
        if known is None:
            body = {"recipient_id": user_id}
            channel = await self._api.call("opening a direct conversation", "POST", DIRECT_CHANNELS, body=body)
            known = self._direct_channels[user_id] = str(channel["id"])
        return known

    def _warn_once(self, warning: str, error: Exception) -> None:
        if warning not in self._warned:
            self._warned.add(warning)
            _log.warning(warning, error=str(error))


class _Delivery:
    """One reply that is being sent."""

    def __init__(
        self,
        conversation: Conversation,
        reply: Reply,
        key: str,
        reply_to: str | None,
        interaction: PendingInteraction | Answerable | None,
    ) -> None:
        self.conversation = conversation
        self.reply = reply
        self.key = key
        self.reply_to = reply_to or (interaction.message_id if interaction else None)
        self.interaction = interaction
        self.draft = ""  #: id of the message with the draft; empty: there is none
        self.attempt = 0  #: see :func:`nonce_of`
        self.only_here = False  #: an answer for everyone is given to the person of the interaction only

    @property
    def private(self) -> bool:
        """Whether there are people in the conversation who must not see the reply."""
        return self.reply.only_for is not None and self.conversation.kind == "group"

    @property
    def is_for_interacting_person(self) -> bool:
        """Whether the reply is private, and for the person of the interaction."""
        return self.private and self.interaction is not None and self.interaction.user_id == self.reply.only_for

    @property
    def goes_to_interaction(self) -> bool:
        """Whether the reply answers the interaction itself. People can react only to messages that do not."""
        it = self.interaction
        if it is None or not it.answerable or self.is_open_answer:
            return False
        return it.is_command or it.private or self.is_for_interacting_person

    @property
    def is_open_answer(self) -> bool:
        """Whether the reply answers a command for everyone. Discord takes such an answer for one person only."""
        it = self.interaction
        return it is not None and it.is_command and it.private and self.reply.for_everyone and not self.only_here

    @property
    def the_interaction(self) -> PendingInteraction | Answerable:
        """The interaction of a reply that answers one."""
        if self.interaction is None:
            raise AdapterError("discord: this reply answers no interaction")
        return self.interaction

    def expire(self) -> PendingInteraction | Answerable:
        """Answer in the channel from now on. Returns the interaction, which takes no answers any more."""
        expired, self.interaction = self.the_interaction, None
        return expired


@contextlib.asynccontextmanager
async def _opened(paths: tuple[str, ...]) -> AsyncGenerator[list[discord.File]]:
    """The files, opened. They are closed at the end of the ``async with`` block."""
    if not paths:
        yield []
        return
    files: list[discord.File] = []
    try:
        try:
            for path in map(Path, paths):
                content = await asyncio.to_thread(read_file, path)
                files.append(discord.File(io.BytesIO(content), filename=path.name))
        except OSError as error:
            raise AdapterError(f"discord: a file of a reply cannot be read: {error}") from error
        yield files
    finally:
        for file in files:
            file.close()
