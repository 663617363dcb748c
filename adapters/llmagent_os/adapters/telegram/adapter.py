"""Telegram as a platform.

Telegram neither drops a second message nor says what was sent before. So a crash can repeat one message: the one that
Telegram had taken when the process died, before the ledger noted it, or the store noted a part of a longer reply. The
same happens if Telegram's confirmation is lost on the way. Parts that were noted are never sent again, and neither is
a message of a group that began as a draft.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from telegram import User
from telegram.constants import ChatAction
from telegram.error import InvalidToken, TelegramError

from llmagent_os.adapter import Accept, Capabilities, Receipt, Reply, Thumbs
from llmagent_os.adapter_kit.background_tasks import run_together
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapter_kit.connection_slot import ConnectionSlot
from llmagent_os.adapter_kit.deliveries import Deliveries
from llmagent_os.adapter_kit.files import FOLDER, Files
from llmagent_os.adapter_kit.localized_commands import Commands
from llmagent_os.adapter_kit.periodic import DAY_SECONDS, repeat_every
from llmagent_os.adapters.telegram.albums import AlbumStore
from llmagent_os.adapters.telegram.api import POLL_MARGIN_SECONDS, Api
from llmagent_os.adapters.telegram.chat_admins import ChatAdmins
from llmagent_os.adapters.telegram.command_menu import CommandMenu
from llmagent_os.adapters.telegram.downloads import Downloads
from llmagent_os.adapters.telegram.drafts import Drafts
from llmagent_os.adapters.telegram.errors import BAD_TOKEN, translated
from llmagent_os.adapters.telegram.parsing import TelegramParser, topic_of
from llmagent_os.adapters.telegram.polling import poll
from llmagent_os.adapters.telegram.rate_limiter import RateLimiter, Rates
from llmagent_os.adapters.telegram.reaction_counts import ReactionCounts
from llmagent_os.adapters.telegram.receiving import UpdateReceiver
from llmagent_os.adapters.telegram.rendering import CALLBACK_BYTES, MESSAGE_CHARACTERS
from llmagent_os.adapters.telegram.sending import ReplySender
from llmagent_os.adapters.telegram.thumb_keyboards import ThumbKeyboards
from llmagent_os.adapters.telegram.webhook import Webhook, WebhookServer
from llmagent_os.errors import ConfigError, NotConfiguredError
from llmagent_os.events import Conversation
from llmagent_os.languages import ENGLISH
from llmagent_os.records import MemoryRecords, Records

if TYPE_CHECKING:
    from llmagent_os.adapter_kit.setup import AdapterSetup

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class _Connection:
    """What exists only while the adapter runs."""

    api: Api
    bot: User
    sender: ReplySender
    drafts: Drafts
    thumbs: ThumbKeyboards


class TelegramAdapter:
    """Chat on Telegram.

    Args:
        token: from @BotFather.
        api_url: address of the Bot API.
        data: folder for files that people send.
        store: durable documents of the adapter.
        shared: whether other hosts have the same bot and the same ``store``.
        commands: slash commands and what they do; Telegram's menu follows them.
        languages: of the menu's descriptions; the first is for people whose language is none of them.
        max_file_bytes: larger files are not fetched.
        webhook: where updates are sent to; None: they are polled.
        rates: how fast messages may be sent.
        poll_seconds: how long a poll waits if there are no updates.
        margin_seconds: how late a poll may be before its connection counts as dead.
        watch_seconds: between two checks of the webhook and of the menu.

    Raises:
        NotConfiguredError: there is no token.
    """

    name = "telegram"
    capabilities = Capabilities(
        reactions=True,
        threads=True,
        buttons=True,
        files=True,
        voice=True,
        drafts=True,
        edits_per_second=1.0,
        max_characters=MESSAGE_CHARACTERS,
    )

    def __init__(
        self,
        *,
        token: str,
        api_url: str = "https://api.telegram.org",
        data: Path,
        store: Records | None = None,
        shared: bool = False,
        commands: Commands = dict[str, str],
        languages: Sequence[str] = (ENGLISH,),
        max_file_bytes: int = 20_000_000,
        webhook: Webhook | None = None,
        rates: Rates | None = None,
        poll_seconds: int = 25,
        margin_seconds: float = POLL_MARGIN_SECONDS,
        watch_seconds: float = 60.0,
    ) -> None:
        if not token:
            raise NotConfiguredError(
                "telegram: TELEGRAM_TOKEN is not set; `llmagent-os setup telegram` says how to get it"
            )
        self._token, self._api_url = token, api_url
        self._files = Files(Path(data) / FOLDER, max_file_bytes)
        self._store = MemoryRecords() if store is None else store
        self._commands, self._languages = commands, languages
        self._webhook = webhook
        self._rates = rates or Rates()
        self._poll_seconds, self._margin_seconds, self._watch_seconds = poll_seconds, margin_seconds, watch_seconds
        self._deliveries = Deliveries(self._store, shared=shared)
        self._values = ButtonValues(self._store, CALLBACK_BYTES)
        self._counts = ReactionCounts(self._store)
        self._limiter = RateLimiter(self._rates)
        self._connection: ConnectionSlot[_Connection] = ConnectionSlot(self.name)
        self._receiving = asyncio.Event()
        self._admins = ChatAdmins()

    async def started(self) -> str:
        """Wait until the bot receives updates; returns its name there."""
        await self._receiving.wait()
        connection = self._connection.current
        return "" if connection is None else f"@{connection.bot.username}"

    # ── receiving ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, accept: Accept) -> None:
        """Receive until cancelled.

        Raises:
            ConfigError: the token or the webhook is wrong.
            TryLaterError: Telegram cannot be reached.
        """
        api = Api(self._token, self._api_url, self._store, self._limiter)
        try:
            bot = await self._identify(api, polls=self._webhook is None)
            connection = self._sending(api, bot)
            self._connection.fill(connection)
            receiver = UpdateReceiver(
                accept,
                api=api,
                parser=TelegramParser(bot, self._commands),
                counts=self._counts,
                values=self._values,
                thumbs=connection.thumbs,
                downloads=Downloads(api, self._files),
                kept_albums=None if self._webhook is None else AlbumStore(self._store),
            )
            await receiver.resume(AlbumStore(self._store))
            menu = CommandMenu(self._commands, self._languages)
            try:
                await run_together(
                    self._receive(api, receiver),
                    repeat_every(self._watch_seconds, lambda: menu.update(api)),
                    repeat_every(DAY_SECONDS, self._values.prune),
                )
            finally:
                await receiver.close()
        finally:
            self._connection.clear()
            self._receiving.clear()
            await api.close()

    @property
    def has_one_connection(self) -> bool:
        """Whether updates are polled. A webhook's may come to any host."""
        return self._webhook is None

    async def stand_by(self) -> None:
        """Be able to send, until cancelled: another host receives.

        Raises:
            ConfigError: the token is wrong.
            TryLaterError: Telegram cannot be reached.
        """
        api = Api(self._token, self._api_url, self._store, self._limiter)
        try:
            self._connection.fill(self._sending(api, await self._identify(api, polls=False)))
            await asyncio.get_running_loop().create_future()
        finally:
            self._connection.clear()
            await api.close()

    def _sending(self, api: Api, bot: User) -> _Connection:
        drafts, thumbs = Drafts(api, self._deliveries, self._rates.draft_seconds), ThumbKeyboards(api)
        sender = ReplySender(api, self._deliveries, drafts, self._values, thumbs, bot.username)
        return _Connection(api, bot, sender, drafts, thumbs)

    async def _identify(self, api: Api, *, polls: bool) -> User:
        """Ask Telegram who the bot is."""
        try:
            bot = await api.bot.get_me()
            if polls:
                await api.bot.delete_webhook()  # nothing can be polled while there is a webhook
        except InvalidToken as error:
            raise ConfigError(BAD_TOKEN) from error
        except TelegramError as error:
            raise translated(error) from error
        if not bot.can_read_all_group_messages:
            _log.info("telegram: in groups, privacy mode hides all but commands, mentions and answers to the bot")
        return bot

    async def _receive(self, api: Api, receiver: UpdateReceiver) -> None:
        if self._webhook is None:
            await poll(api, receiver, self._receiving.set, self._poll_seconds, self._margin_seconds)
            return

        async def take(raw: object) -> bool:
            return (await receiver.take([raw]))[0]

        await WebhookServer(self._webhook, api, take).run(self._receiving.set, self._watch_seconds)

    # ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        """Send ``reply``; a part that is known to be there already is not sent again.

        Raises:
            TryLaterError: a rate limit, or Telegram cannot be reached.
            ConfigError: Telegram refuses the token.
            AdapterError: Telegram refuses the reply.
        """
        connection = await self._connection.wait()
        if (known := self._deliveries.receipt(key)) is not None:
            return known
        return await connection.sender.send(conversation, reply, key=key, reply_to=reply_to, again=again)

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None:
        """Show ``text`` in the place of the coming reply."""
        connection = self._connection.current
        if connection is not None and self._deliveries.receipt(key) is None:
            await connection.drafts.show(conversation, text, key)

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Replace a message that was sent earlier.

        Raises:
            AdapterError: there is no such message, or Telegram refuses the change.
        """
        connection = await self._connection.wait()
        await connection.sender.edit(conversation, message_id, reply)

    async def show_thumbs(self, conversation: Conversation, message_id: str, thumbs: Thumbs) -> None:
        """Show in the keyboard of a reply how its thumbs are pressed.

        Raises:
            AdapterError: Telegram refuses the change.
        """
        connection = await self._connection.wait()
        await connection.sender.show_thumbs(conversation, message_id, thumbs)

    async def add_reaction(self, conversation: Conversation, message_id: str, emoji: str) -> None:
        """Put ``emoji`` on a message.

        Raises:
            AdapterError: Telegram refuses it.
        """
        connection = await self._connection.wait()
        await connection.sender.add_reaction(conversation, message_id, emoji)

    async def delete_message(self, conversation: Conversation, message_id: str) -> None:
        """Delete a message of a person: in private always, in a group where the bot has the right.

        Raises:
            AdapterError: Telegram does not do it.
        """
        connection = await self._connection.wait()
        try:
            chat = await connection.api.present_id(int(conversation.channel))
            await connection.api.bot.delete_message(chat, int(message_id.rpartition(":")[2]))
        except TelegramError as error:
            raise translated(error) from error

    async def administers(self, conversation: Conversation, user_id: str) -> bool:
        """Whether a person is an administrator of the group.

        Raises:
            AdapterError: Telegram does not say.
            TryLaterError: Telegram cannot be reached.
        """
        return await self._admins.administers((await self._connection.wait()).api, conversation, user_id)

    async def typing(self, conversation: Conversation) -> None:
        """Show for five seconds that an answer is coming."""
        if (connection := self._connection.current) is not None:
            with contextlib.suppress(TelegramError):
                await connection.api.bot.send_chat_action(
                    await connection.api.present_id(int(conversation.channel)),
                    ChatAction.TYPING,
                    message_thread_id=topic_of(conversation),
                )


def from_setup(setup: AdapterSetup) -> TelegramAdapter:
    """Telegram, as an installation's settings describe it.

    Raises:
        NotConfiguredError: there is no token.
        ConfigError: the webhook's secret has characters that Telegram does not carry.
    """
    settings = setup.settings
    webhook = None
    if settings.telegram_webhook_url:
        webhook = Webhook(
            url=settings.telegram_webhook_url,
            secret=settings.telegram_webhook_secret.get_secret_value(),
            host=settings.telegram_http_host,
            port=settings.telegram_http_port,
        )
    return TelegramAdapter(
        token=settings.telegram_token.get_secret_value(),
        api_url=settings.telegram_api_url,
        data=setup.data,
        store=setup.store,
        shared=setup.several_hosts,
        commands=setup.commands,
        languages=setup.languages,
        max_file_bytes=int(settings.max_file_megabytes * 1_000_000),
        webhook=webhook,
    )
