"""Replies on their way to Discord, each message of them once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import discord
import structlog

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapter_kit.deliveries import Deliveries, Progress
from llmagent_os.adapters.discord import wire
from llmagent_os.adapters.discord.api import PATIENCE, Api, ExpiredError
from llmagent_os.adapters.discord.failures import RefusedError
from llmagent_os.adapters.discord.interactions import Interaction, Interactions
from llmagent_os.adapters.discord.posting import Part, draft_of, nonce_of, parts_of
from llmagent_os.adapters.discord.reading import PLATFORM
from llmagent_os.errors import AdapterError, TryLaterError
from llmagent_os.events import Conversation
from llmagent_os.records import Records

_log = structlog.stdlib.get_logger(__name__)

MESSAGES = "/channels/{channel_id}/messages"
MESSAGE = "/channels/{channel_id}/messages/{message_id}"
_ANSWERS = "/webhooks/{webhook_id}/{webhook_token}"
_ORIGINAL = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"

#: What Discord says where a message may not answer another, or have embeds or files.
_NO_REPLY, _NO_DIRECT = 160002, 50007

_CLOSED_DOOR = (
    "I have an answer that only you should see, but Discord does not let me write to you directly. "
    "Allow direct messages in this server's privacy settings, and ask me again."
)


class Sender:
    """Sends, and remembers how far it got."""

    def __init__(self, api: Api, store: Records, interactions: Interactions, buttons: ButtonValues) -> None:
        self._api = api
        self._deliveries = Deliveries(store)
        self._interactions = interactions
        self._buttons = buttons
        self._sending: set[str] = set()  # keys
        self._drafting: dict[str, asyncio.Task[None]] = {}  # by key: it must be over before the reply takes its place
        self._direct: dict[str, str] = {}  # person -> the channel of direct messages with them
        self._told: set[str] = set()  # what was logged once

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None, again: bool
    ) -> Receipt:
        """See :meth:`llmagent_os.adapter.Adapter.send`."""
        known = self._deliveries.receipt(key)
        if known is not None:
            return known
        self._sending.add(key)
        try:
            await self._drafted(key)
            interaction = await self._interactions.of(key)
            parts = await parts_of(reply, self._buttons)
            delivery = _Delivery(conversation, reply, key, reply_to, interaction)
            progress = await self._deliveries.progress(key)
            delivery.draft = progress.draft
            if delivery.secret and progress.draft and not self._answers(delivery):
                await self._take_back(delivery)  # everybody reads what was written of it so far
            return await self._deliveries.deliver(
                key, parts, lambda number, part: self._post(delivery, number, part), again=again
            )
        finally:
            self._sending.discard(key)

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None:
        """Show ``text``, unless the one before is still on its way or the reply is."""
        if key in self._drafting or key in self._sending or self._deliveries.receipt(key) is not None:
            return
        content = draft_of(text)
        if not content:
            return
        # Cancelled by whoever is tired of waiting, the request would still arrive: after the reply, perhaps.
        task = self._drafting[key] = asyncio.create_task(self._draft(conversation, content, key))
        task.add_done_callback(lambda done: self._draft_ended(key, done))
        await asyncio.shield(task)

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Replace a message sent earlier."""
        if not message_id.isdecimal():
            raise AdapterError(f"discord: {message_id!r} is no message id")
        part = (await parts_of(reply, self._buttons))[0]
        await self._patch(conversation.channel, message_id, part)

    async def close(self) -> None:
        """Wait for no draft any more."""
        tasks = list(self._drafting.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ── drafts ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _draft(self, conversation: Conversation, content: str, key: str) -> None:
        try:
            interaction = await self._interactions.of(key)
            progress = await self._deliveries.progress(key)
            body: dict[str, Any] = {"content": content, "allowed_mentions": {"parse": []}}
            if progress.sent:
                return
            if interaction is not None and interaction.is_command:
                await self._api.call("drafting", "PATCH", _ORIGINAL, body=body, at=interaction.webhook)
            elif progress.draft:
                await self._api.call(
                    "drafting", "PATCH", MESSAGE, body=body, channel_id=conversation.channel, message_id=progress.draft
                )
            else:
                asked = key.removeprefix(f"{PLATFORM}:")
                answered = asked if asked.isdecimal() and interaction is None else None
                body |= _once(nonce_of(key, conversation.channel, 0)) | _reference(conversation, answered)
                message = await self._api.call("drafting", "POST", MESSAGES, body=body, channel_id=conversation.channel)
                await self._deliveries.note(key, Progress(draft=message["id"]))
        except AdapterError as error:  # nobody misses it
            _log.debug("discord: a draft is not shown", error=str(error))

    def _draft_ended(self, key: str, task: asyncio.Task[None]) -> None:
        self._drafting.pop(key, None)
        if not task.cancelled():
            task.exception()  # told to whoever waits for it, where somebody still does

    async def _drafted(self, key: str) -> None:
        """Return when no draft is on its way."""
        task = self._drafting.get(key)
        if task is not None:
            _, waiting = await asyncio.wait({task}, timeout=PATIENCE)
            if waiting:
                raise TryLaterError("discord: a draft of this reply is still on its way")

    async def _take_back(self, delivery: _Delivery) -> None:
        with contextlib.suppress(RefusedError):
            channel, draft = delivery.conversation.channel, delivery.draft
            await self._api.call("taking a draft back", "DELETE", MESSAGE, channel_id=channel, message_id=draft)
        await self._deliveries.note(delivery.key, Progress())
        delivery.draft = ""

    # ── one message ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _post(self, delivery: _Delivery, number: int, part: Part) -> str:
        if self._answers(delivery):
            try:
                return await self._answer(delivery, number, part)
            except ExpiredError:
                self._interactions.drop(delivery.expire())
        channel = delivery.conversation.channel
        if delivery.secret and delivery.reply.only_for:
            try:
                channel = await self._direct_channel(delivery.reply.only_for)
                message = await self._create(channel, part, nonce_of(delivery.key, channel, number), {}, delivery)
            except RefusedError as error:
                if error.code != _NO_DIRECT:
                    raise
                channel = delivery.conversation.channel
                nonce = nonce_of(delivery.key, channel, 0)  # said once, however long the secret is
                message = await self._create(channel, Part(_CLOSED_DOOR), nonce, {}, delivery)
            return str(message["id"])
        if number == 0 and delivery.draft:
            try:
                await self._patch(channel, delivery.draft, part)
            except RefusedError as error:
                if error.status != 404:
                    raise
                delivery.attempt = 1  # somebody deleted it; Discord would say that it is there under that nonce
            else:
                return delivery.draft
        reference = _reference(delivery.conversation, delivery.reply_to) if number == 0 else {}
        nonce = nonce_of(delivery.key, channel, number, delivery.attempt)
        message = await self._create(channel, part, nonce, reference, delivery)
        return str(message["id"])

    async def _create(
        self, channel: str, part: Part, nonce: str, reference: dict[str, Any], delivery: _Delivery
    ) -> dict[str, Any]:
        body = part.body() | _once(nonce) | reference
        try:
            message = await self._request("sending", "POST", MESSAGES, body, part, channel_id=channel)
        except RefusedError as error:
            if error.status not in (403, 413) and error.code != _NO_REPLY:
                raise
            if error.code == _NO_DIRECT or not (reference or part.embeds or part.files):
                raise
            self._say_once("discord: sent without what is not allowed there: a reference, a card or files", error)
            part = part.plain() if error.code != _NO_REPLY else part
            body = part.body() | _once(nonce)
            message = await self._request("sending", "POST", MESSAGES, body, part, channel_id=channel)
        if not part.is_shown_in(message):
            # Discord had one under this nonce: a draft of it, whose answer was lost or that a process before this made.
            await self._patch(channel, message["id"], part)
        return dict(message)

    async def _patch(self, channel: str, message_id: str, part: Part) -> None:
        what = "changing a message"
        await self._request(what, "PATCH", MESSAGE, part.body(), part, channel_id=channel, message_id=message_id)

    # ── answers to commands and pressed buttons ───────────────────────────────────────────────────────────────────

    def _answers(self, delivery: _Delivery) -> bool:
        """Whether it goes to the interaction itself: reactions are possible on the other messages alone."""
        it = delivery.interaction
        return it is not None and it.answerable and (it.is_command or it.private or delivery.for_who_pressed)

    async def _answer(self, delivery: _Delivery, number: int, part: Part) -> str:
        it = delivery.the_interaction
        if it.is_command and number == 0:
            message = await self._request("answering", "PATCH", _ORIGINAL, part.body(), part, at=it.webhook)
        else:
            private = it.private or delivery.for_who_pressed
            body = part.body() | ({"flags": wire.EPHEMERAL} if private else {})
            message = await self._request(
                "answering", "POST", _ANSWERS, body, part, query={"wait": "true"}, at=it.webhook
            )
        return str(message["id"])

    async def _request(
        self,
        what: str,
        method: str,
        path: str,
        body: dict[str, Any],
        part: Part,
        query: dict[str, Any] | None = None,
        at: Mapping[str, str] | None = None,
        **parameters: str,
    ) -> Any:
        async with _opened(part.files) as files:
            if files:
                body |= {"attachments": [{"id": str(n), "filename": file.filename} for n, file in enumerate(files)]}
            seconds = PATIENCE * 2 if files else PATIENCE
            return await self._api.call(
                what, method, path, body=body, files=files, query=query, seconds=seconds, at=at, **parameters
            )

    async def _direct_channel(self, person: str) -> str:
        known = self._direct.get(person)
        if known is None:
            body = {"recipient_id": person}
            channel = await self._api.call("writing to somebody", "POST", "/users/@me/channels", body=body)
            known = self._direct[person] = str(channel["id"])
            while len(self._direct) > 10_000:
                self._direct.pop(next(iter(self._direct)))
        return known

    def _say_once(self, what: str, error: Exception) -> None:
        if what not in self._told:
            self._told.add(what)
            _log.warning(what, error=str(error))


class _Delivery:
    """One reply on its way."""

    def __init__(
        self,
        conversation: Conversation,
        reply: Reply,
        key: str,
        reply_to: str | None,
        interaction: Interaction | None,
    ) -> None:
        self.conversation = conversation
        self.reply = reply
        self.key = key
        self.reply_to = reply_to or (interaction.message_id if interaction else None)
        self.interaction = interaction
        self.draft = ""  #: the message in which it was written so far
        self.attempt = 0

    @property
    def secret(self) -> bool:
        """Whether others are there who must not see it."""
        return self.reply.only_for is not None and self.conversation.kind == "group"

    @property
    def for_who_pressed(self) -> bool:
        """Whether it is secret, and for whoever the interaction is with."""
        return self.secret and self.interaction is not None and self.interaction.person == self.reply.only_for

    @property
    def the_interaction(self) -> Interaction:
        """The interaction, where there is one."""
        if self.interaction is None:
            raise AdapterError("discord: this reply answers no interaction")
        return self.interaction

    def expire(self) -> Interaction:
        """The interaction takes no answers any more."""
        gone, self.interaction = self.the_interaction, None
        return gone


def _once(nonce: str) -> dict[str, Any]:
    return {"nonce": nonce, "enforce_nonce": True}


def _reference(conversation: Conversation, message_id: str | None) -> dict[str, Any]:
    if conversation.kind == "direct" or not message_id or not message_id.isdecimal():
        return {}
    return {"message_reference": {"message_id": message_id, "fail_if_not_exists": False}}


@contextlib.asynccontextmanager
async def _opened(paths: tuple[str, ...]) -> AsyncGenerator[list[discord.File]]:
    """The files, open. They are closed by discord.py's reading them to the end, or here."""
    if not paths:
        yield []
        return
    files: list[discord.File] = []
    try:
        try:
            files += [await asyncio.to_thread(discord.File, path) for path in paths]
        except OSError as error:
            raise AdapterError(f"discord: a file of a reply cannot be read: {error}") from error
        yield files
    finally:
        for file in files:
            file.close()
