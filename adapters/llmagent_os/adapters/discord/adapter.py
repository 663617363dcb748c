"""Discord as a platform.

Discord drops a second message with the same nonce for some minutes. A reply that was on its way when the process died,
or whose confirmation was lost, is sent again under the same nonce, and appears once. After a crash and a longer pause,
that one message appears twice.

What people write while the connection is broken is replayed by Discord (RESUME). What they write while the process is
down is read from the message history of the channels that the bot is part of. Reactions left in the meantime are lost:
Discord does not report them later.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import discord
import structlog

from llmagent_os.adapter import Accept, Capabilities, Receipt, Reply, Thumbs
from llmagent_os.adapter_kit.background_tasks import run_together
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapter_kit.deliveries import Deliveries
from llmagent_os.adapter_kit.files import FOLDER, Files
from llmagent_os.adapter_kit.forms import FormFor, no_form
from llmagent_os.adapter_kit.localized_commands import Commands
from llmagent_os.adapter_kit.periodic import DAY_SECONDS, repeat_every
from llmagent_os.adapters.discord.api import OWN_REACTION, TYPING, Api
from llmagent_os.adapters.discord.catch_up import CatchUp
from llmagent_os.adapters.discord.command_menu import CommandMenu
from llmagent_os.adapters.discord.downloads import Downloads
from llmagent_os.adapters.discord.drafts import Drafts
from llmagent_os.adapters.discord.errors import (
    BAD_TOKEN,
    NO_INTENTS,
    NO_MESSAGE_CONTENT,
    REQUEST_ERRORS,
    closed,
    translated,
)
from llmagent_os.adapters.discord.gateway import EventHandler, GatewayClient
from llmagent_os.adapters.discord.interactions import PendingInteractions
from llmagent_os.adapters.discord.parsing import DiscordParser
from llmagent_os.adapters.discord.receiving import EventReceiver
from llmagent_os.adapters.discord.rendering import CUSTOM_ID_BYTES, MESSAGE_CHARACTERS
from llmagent_os.adapters.discord.sending import ReplySender
from llmagent_os.adapters.discord.server_admins import ServerAdmins
from llmagent_os.errors import (
    AdapterError,
    ConfigError,
    NotConfiguredError,
    TryLaterError,
)
from llmagent_os.events import Conversation
from llmagent_os.languages import ENGLISH
from llmagent_os.records import MemoryRecords, Records

if TYPE_CHECKING:
    from llmagent_os.adapter_kit.read_positions import Position
from llmagent_os.adapter_kit.setup import AdapterSetup

_log = structlog.stdlib.get_logger(__name__)

#: How long a shard may be without a connection before all is connected anew, in seconds. discord.py's own pauses grow
#: to many minutes.
LOST_SECONDS = 120.0


class DiscordAdapter:
    """Chat on Discord.

    Args:
        token: of the bot.
        api_url: address of the HTTP API.
        gateway_url: address of the gateway; empty: the API is asked for it.
        data: folder for files that people send.
        store: durable documents of the adapter.
        shared: whether other hosts have the same bot and the same ``store``.
        commands: slash commands and what they do; Discord's menu follows them.
        languages: of the menu's descriptions; the first is for people whose language is none of them.
        file_commands: the names of those with which a file may be given.
        form_for: says which form is opened for a command or a pressed button.
        max_file_bytes: larger files are not fetched.
        deaf_seconds: after this time without a word from the gateway, the connection is made anew.
        watch_seconds: between two checks of the connection and of the menu, and between two writes of how far channels
            were read.

    Raises:
        NotConfiguredError: there is no token.
    """

    name = "discord"
    keeps: tuple[str, ...] = ()  #: no files: how far direct conversations were read is in the adapter's store
    capabilities = Capabilities(
        reactions=True,
        forms="window",
        threads=True,
        buttons=True,
        files=True,
        voice=True,
        drafts=True,
        edits_per_second=0.9,
        max_characters=MESSAGE_CHARACTERS,
        idempotent_send=True,
    )

    def __init__(
        self,
        *,
        token: str,
        api_url: str = "https://discord.com/api/v10",
        gateway_url: str = "",
        data: Path,
        store: Records | None = None,
        shared: bool = False,
        commands: Commands = dict[str, str],
        languages: Sequence[str] = (ENGLISH,),
        file_commands: Callable[[], frozenset[str]] = frozenset[str],
        form_for: FormFor = no_form,
        max_file_bytes: int = 20_000_000,
        deaf_seconds: float = 60.0,
        watch_seconds: float = 15.0,
    ) -> None:
        if not token:
            raise NotConfiguredError(
                "discord: DISCORD_TOKEN is not set; `llmagent-os setup discord` says how to get it"
            )
        self._token, self._api_url, self._gateway_url = token, api_url, gateway_url
        self._deaf_seconds, self._watch_seconds = deaf_seconds, watch_seconds
        store = MemoryRecords() if store is None else store
        self._files = Files(Path(data) / FOLDER, max_file_bytes)
        self._api = Api(self._on_revoked)
        self._buttons = ButtonValues(store, CUSTOM_ID_BYTES)
        self._interactions = PendingInteractions(self._api, store, shared=shared)
        self._catch_up = CatchUp(self._api, store)
        self._menu = CommandMenu(commands, languages, file_commands)
        self._downloads = Downloads(self._files)
        self._admins = ServerAdmins()
        self._form_for = form_for
        deliveries = Deliveries(store, shared=shared)
        self._drafts = Drafts(self._api, deliveries, self._interactions)
        self._sender = ReplySender(self._api, deliveries, self._drafts, self._interactions, self._buttons)
        self._message_content = True  # ask for what people write in servers without mentioning the bot
        self._revoked: asyncio.Future[None] | None = None
        self._ready = asyncio.Event()
        self._title = ""

    async def started(self) -> str:
        """Wait until the bot is connected; returns its name there."""
        await self._ready.wait()
        return self._title

    # ── receiving ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, accept: Accept) -> None:
        """Receive until cancelled.

        Raises:
            ConfigError: the token is wrong, or lacks rights.
            TryLaterError: Discord cannot be reached.
        """
        await self._catch_up.positions.load(again=True)
        while True:
            try:
                await self._connect(accept)
            except discord.PrivilegedIntentsRequired as error:
                if not self._message_content:
                    raise ConfigError(NO_INTENTS.format(code=4014)) from error
                _log.error(f"{NO_MESSAGE_CONTENT}. Until then it reads only direct messages and mentions")
                self._message_content = False
            except discord.ConnectionClosed as error:
                raise closed(error) from error
            except discord.LoginFailure as error:
                raise ConfigError(BAD_TOKEN) from error
            except REQUEST_ERRORS as error:
                raise translated(error, "connecting") from error

    async def _connect(self, accept: Accept) -> None:
        """Log in, and receive until the connection ends."""
        receiver = EventReceiver(
            accept,
            buttons=self._buttons,
            interactions=self._interactions,
            catch_up=self._catch_up,
            downloads=self._downloads,
            admins=self._admins,
            form_for=self._form_for,
            on_ready=self._ready.set,
        )
        client = self._client(receiver.handlers)
        revoked = self._revoked = asyncio.get_running_loop().create_future()
        try:
            await client.login(self._token)
            bot = client.user
            if bot is None:  # discord.py knows the bot after a login
                raise TryLaterError("discord: Discord does not say who the bot is")
            self._title = str(bot)
            receiver.open(DiscordParser(str(bot.id), client))
            self._downloads.open()
            self._api.open(client.rest)
            self._menu.forget()
            await run_together(
                client.connect(),
                self._watch(client, bot.id),
                self._catch_up.positions.keep_saving(self._watch_seconds),
                repeat_every(DAY_SECONDS, self._buttons.prune),
                _result_of(revoked),
            )
            raise TryLaterError("discord: the connection has ended")
        finally:
            self._ready.clear()
            await self._drafts.close()
            await receiver.close()
            await self._interactions.close()
            self._api.close()
            with contextlib.suppress(Exception):  # the connection is given up, whatever is wrong with it
                await client.close()
            await self._downloads.close()
            await self._catch_up.positions.save()
            self._revoked = None

    @property
    def has_one_connection(self) -> bool:
        """Always: Discord sends everything to every connection of a bot."""
        return True

    async def stand_by(self) -> None:
        """Be able to send, until cancelled: another host has the connection to the gateway.

        Raises:
            ConfigError: the token is wrong.
            TryLaterError: Discord cannot be reached.
        """
        client, revoked = self._client({}), asyncio.get_running_loop().create_future()
        self._revoked = revoked
        try:
            await client.login(self._token)
            self._api.open(client.rest)
            await _result_of(revoked)
        except discord.LoginFailure as error:
            raise ConfigError(BAD_TOKEN) from error
        except REQUEST_ERRORS as error:
            raise translated(error, "logging in") from error
        finally:
            await self._drafts.close()
            self._api.close()
            with contextlib.suppress(Exception):
                await client.close()
            self._revoked = None

    def _client(self, handlers: Mapping[str, EventHandler]) -> GatewayClient:
        return GatewayClient(
            handlers,
            api_url=self._api_url,
            gateway_url=self._gateway_url,
            message_content=self._message_content,
            silence_seconds=self._deaf_seconds,
            lost_seconds=LOST_SECONDS,
        )

    def _on_revoked(self, error: ConfigError) -> None:
        if self._revoked is not None and not self._revoked.done():
            self._revoked.set_exception(error)

    async def _watch(self, client: GatewayClient, application_id: int) -> None:
        """Keep the menu of commands up to date, and give up a connection that does not come back."""
        while True:
            try:
                await self._menu.update(self._api, str(client.application_id or application_id))
            except AdapterError as error:
                _log.warning("discord: the slash commands were not registered", error=str(error))
            await asyncio.sleep(self._watch_seconds)
            if client.lost.expired:
                raise TryLaterError("discord: the gateway was away for too long; connecting anew")

    # ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        """Send ``reply``; every message of it has a nonce of its own.

        Raises:
            TryLaterError: a rate limit, or Discord cannot be reached.
            ConfigError: Discord refuses the token.
            AdapterError: Discord refuses the reply.
        """
        return await self._sender.send(conversation, reply, key=key, reply_to=reply_to, again=again)

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None:
        """Show ``text`` in the place of the coming reply."""
        await self._drafts.show(conversation, text, key)

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Replace a message that was sent earlier.

        Raises:
            AdapterError: there is no such message, or Discord refuses the change.
        """
        await self._sender.edit(conversation, message_id, reply)

    async def show_thumbs(self, conversation: Conversation, message_id: str, thumbs: Thumbs) -> None:
        """Show under a reply how its thumbs are pressed.

        Raises:
            AdapterError: Discord refuses the change.
        """
        await self._interactions.show_thumbs(conversation.channel, message_id, thumbs)

    async def typing(self, conversation: Conversation) -> None:
        """Show for ten seconds that an answer is coming."""
        with contextlib.suppress(AdapterError, ConfigError):
            await self._api.call("typing", "POST", TYPING, channel_id=conversation.channel)

    async def add_reaction(self, conversation: Conversation, message_id: str, emoji: str) -> None:
        """Put ``emoji`` on a message.

        Raises:
            AdapterError: Discord refuses it.
        """
        where = {"channel_id": conversation.channel, "message_id": message_id, "emoji": emoji}
        await self._api.call("reacting", "PUT", OWN_REACTION, at=where)

    async def administers(self, conversation: Conversation, user_id: str) -> bool:
        """Whether a person has the permission Administrator or Manage Server, as their last interaction said.

        Raises:
            AdapterError: there was none lately.
        """
        return self._admins.administers(conversation, user_id)

    # ── what is kept of people ────────────────────────────────────────────────────────────────────────────────────

    async def export(self, user_id: str) -> list[dict[str, Any]]:
        """The person's direct conversations with the bot, and how far they were read."""
        return [dict(kept) for kept in await self._catch_up.positions.export_person(user_id)]

    async def forget(self, user_id: str) -> int:
        """Forget the person's direct conversations with the bot; returns how many there were."""
        return await self._catch_up.positions.forget_person(user_id, or_if=_is_direct)


def from_setup(setup: AdapterSetup) -> DiscordAdapter:
    """Discord, as an installation's settings describe it.

    Raises:
        NotConfiguredError: there is no token.
    """
    settings = setup.settings
    return DiscordAdapter(
        token=settings.discord_token.get_secret_value(),
        api_url=settings.discord_api_url,
        gateway_url=settings.discord_gateway_url,
        data=setup.data,
        store=setup.store,
        shared=setup.several_hosts,
        commands=setup.commands,
        languages=setup.languages,
        file_commands=setup.file_commands,
        form_for=setup.form_for,
        max_file_bytes=int(settings.max_file_megabytes * 1_000_000),
    )


def _is_direct(place: str, position: Position) -> bool:
    """Whether a position of an earlier version, which kept no person, is one of a direct conversation."""
    return position.guild is None and position.user is None


async def _result_of(future: asyncio.Future[None]) -> None:
    await future
