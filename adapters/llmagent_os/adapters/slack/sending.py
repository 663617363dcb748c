"""Sending replies to Slack. A message that is there already is not posted again."""

from __future__ import annotations

import asyncio
import html
from pathlib import Path
from typing import Any, cast

import aiohttp
import msgspec
import structlog

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapter_kit.deliveries import Deliveries
from llmagent_os.adapter_kit.file_notices import not_attached
from llmagent_os.adapter_kit.shared_values import SharedValues
from llmagent_os.adapters.slack.api import Api
from llmagent_os.adapters.slack.drafts import Drafts
from llmagent_os.adapters.slack.errors import BAD_BLOCKS, MESSAGE_GONE, NOT_A_MEMBER, RefusedError
from llmagent_os.adapters.slack.parsing import PLATFORM
from llmagent_os.adapters.slack.rendering import OutgoingMessage, outgoing_messages
from llmagent_os.adapters.slack.sent_messages import find_sent, metadata_of
from llmagent_os.adapters.slack.uploads import upload
from llmagent_os.errors import AdapterError, TryLaterError
from llmagent_os.events import Conversation

_log = structlog.stdlib.get_logger(__name__)

#: A part of a reply: a message, or the path of a file.
Part = OutgoingMessage | str


class ReplySender:
    """Sends replies, and continues where an earlier try ended."""

    def __init__(
        self,
        api: Api,
        deliveries: Deliveries,
        drafts: Drafts,
        response_urls: SharedValues,
        values: ButtonValues,
        pause_seconds: float,
    ) -> None:
        """Args:
        api: of Slack.
        deliveries: how far replies have got.
        drafts: shows replies while they are written.
        response_urls: by the key of a command: the address to which its answer may be posted.
        values: the long values of buttons.
        pause_seconds: between two messages of one reply.
        """
        self._api = api
        self._deliveries = deliveries
        self._drafts = drafts
        self._response_urls = response_urls
        self._values = values
        self._pause_seconds = pause_seconds
        self._has_feedback = True  # whether Slack takes the block with the feedback buttons, as far as it is known

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None, again: bool
    ) -> Receipt:
        """See :meth:`llmagent_os.adapter.Adapter.send`."""
        reply = await self._carried(reply)
        url = str((await self._response_urls.get(key) or {}).get("url", ""))
        if conversation.kind == "group" and reply.only_for and reply.is_lasting:
            conversation, reply_to = await self._direct_conversation(reply.only_for), None
        elif conversation.kind == "group" and (reply.only_for or url) and not reply.for_everyone:
            return await self._send_privately(conversation, reply, key, url, again)
        if again:
            await self._note_sent(conversation, key, reply_to)

        words = reply.alternatives

        async def post(number: int, part: Part) -> str:
            if number and isinstance(part, OutgoingMessage):
                await asyncio.sleep(self._pause_seconds)
            if isinstance(part, str):
                return await self._upload(conversation, part, words.get(part, ""))
            return await self._post(conversation, part, key, number)

        try:
            receipt = await self._deliveries.deliver(key, _parts(reply), post, again=again)
        except RefusedError as error:
            if url and error.code in NOT_A_MEMBER:  # a command in a conversation that the bot is not part of
                return await self._send_privately(conversation, reply, key, url, again)
            raise
        if url:
            await self._response_urls.drop(key)
        return receipt

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Replace a message that was sent earlier."""
        (message, *_) = outgoing_messages(await self._carried(reply))
        await self._change(conversation, message_id, message)

    async def _carried(self, reply: Reply) -> Reply:
        """``reply`` with buttons whose values Slack carries in a menu, too."""
        if not reply.buttons:
            return reply
        buttons = [
            msgspec.structs.replace(button, value=await self._values.carried(button.value)) for button in reply.buttons
        ]
        return msgspec.structs.replace(reply, buttons=tuple(buttons))

    async def _note_sent(self, conversation: Conversation, key: str, reply_to: str | None) -> None:
        """Note which parts an earlier try, or an earlier process, has posted."""
        progress = await self._deliveries.progress(key)
        found = await find_sent(self._api, conversation, key, reply_to)
        sent = list(progress.sent)
        while len(sent) in found:
            sent.append(found[len(sent)])
        if len(sent) > len(progress.sent):
            await self._deliveries.note(key, msgspec.structs.replace(progress, sent=tuple(sent)))

    async def _post(self, conversation: Conversation, message: OutgoingMessage, key: str, number: int) -> str:
        metadata = metadata_of(key, number)
        draft = (await self._deliveries.progress(key)).draft if number == 0 else ""
        if draft:
            if conversation.thread:
                await self._drafts.stop(conversation, draft, key)
            try:
                await self._change(conversation, draft, message, metadata=metadata)
                return draft
            except RefusedError as error:
                if error.code not in MESSAGE_GONE:
                    raise
        arguments: dict[str, Any] = {
            "channel": conversation.channel,
            "thread_ts": conversation.thread,
            "metadata": metadata,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        answer = await self._put("chat.postMessage", message, **arguments)
        return str(answer.get("ts", ""))

    async def _change(self, conversation: Conversation, ts: str, message: OutgoingMessage, **arguments: Any) -> None:
        await self._put("chat.update", message, channel=conversation.channel, ts=ts, **arguments)

    async def _put(self, method: str, message: OutgoingMessage, **arguments: Any) -> dict[str, Any]:
        """Post or change a message; where Slack refuses its blocks, with fewer of them."""
        if not self._has_feedback:
            message = message.without_feedback
        simpler = list(message.simpler)
        shown = message
        while True:
            # A change always gives blocks: without them, those of the old message would stay.
            blocks = list(shown.blocks) if shown.blocks or method == "chat.update" else None
            try:
                answer = await self._api.call(method, **arguments, text=shown.text, blocks=blocks)
            except RefusedError as error:
                if not simpler or error.code not in BAD_BLOCKS:
                    raise
                _log.warning("slack: the blocks of a message are refused; sending fewer of them", error=str(error))
                shown = simpler.pop(0)
            else:
                if message.asks_feedback and shown == message.without_feedback:
                    self._has_feedback = False
                    _log.warning(
                        "slack: this workspace refuses feedback buttons; replies have none from now on. Without "
                        '"slack" in `buttons` of [feedback] in bot.toml they are not tried after the next start'
                    )
                return answer

    async def _upload(self, conversation: Conversation, path: str, alt: str) -> str:
        try:
            return await upload(self._api, conversation, path, alt)
        except TryLaterError:
            raise
        except AdapterError as error:  # the text was posted already, and must not be lost because of the file
            _log.warning("slack: a file was not sent", error=str(error))
            answer = await self._api.call(
                "chat.postMessage",
                channel=conversation.channel,
                thread_ts=conversation.thread,
                text=html.escape(f"{not_attached(Path(path).name)} {alt}".rstrip(), quote=False),
                mrkdwn=False,
            )
            return str(answer.get("ts", ""))

    # ── for one person only ───────────────────────────────────────────────────────────────────────────────────────

    async def _send_privately(
        self, conversation: Conversation, reply: Reply, key: str, url: str, again: bool
    ) -> Receipt:
        """Send ``reply`` so that only one person sees it."""
        user_id = reply.only_for or ""
        words = reply.alternatives

        async def post(number: int, part: Part) -> str:
            if isinstance(part, str):  # an ephemeral message has no files: they go to the person directly
                if not user_id:
                    return ""
                return await self._upload(await self._direct_conversation(user_id), part, words.get(part, ""))
            if url and self._api.is_own_address(url):
                await self._respond(url, part)
                return ""
            if not user_id:
                raise AdapterError("slack: there is no way left to answer this command")
            answer = await self._api.call(
                "chat.postEphemeral",
                channel=conversation.channel,
                thread_ts=conversation.thread,
                user=user_id,
                **part.arguments(),
            )
            return str(answer.get("message_ts", ""))

        seen_by_one = msgspec.structs.replace(reply, asks_feedback=False)
        receipt = await self._deliveries.deliver(key, _parts(seen_by_one), post, again=again)
        if url:
            await self._response_urls.drop(key)
        return receipt

    async def _direct_conversation(self, user_id: str) -> Conversation:
        opened = await self._api.call("conversations.open", users=user_id)
        channel = str(cast("dict[str, Any]", opened.get("channel") or {}).get("id", ""))
        return Conversation(platform=PLATFORM, channel=channel)

    async def _respond(self, url: str, message: OutgoingMessage) -> None:
        """Post ``message`` to the response address of a command."""
        body: dict[str, Any] = {"response_type": "ephemeral", "replace_original": False, "text": message.text}
        if message.blocks:
            body["blocks"] = list(message.blocks)
        try:
            async with self._api.session.post(url, json=body) as answer:
                if answer.status == 429 or answer.status >= 500:
                    raise TryLaterError(f"slack: the answer to a command was answered with {answer.status}")
                if answer.status != 200:
                    raise AdapterError(f"slack: the answer to a command was answered with {answer.status}")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TryLaterError(f"slack: the answer to a command did not get through: {error!r}") from error


def _parts(reply: Reply) -> tuple[Part, ...]:
    return (*outgoing_messages(reply), *reply.all_files)
