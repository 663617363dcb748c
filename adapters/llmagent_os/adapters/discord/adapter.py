"""Discord as a platform.

Discord drops a second send of the same message by its nonce, for some minutes: a reply that was on its way when the
process died, or whose confirmation got lost, is sent again under the same nonce, and seen once. Beyond that, after a
crash and a longer pause, that one message is seen twice.

What people say while the line is broken is replayed by Discord (RESUME); what they say while the process is down is
read from the history of the channels that the bot is part of. Reactions left in the meantime are told by nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import discord
import msgspec
import structlog

from llmagent_os.adapter import Accept, Capabilities, Receipt, Reply
from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapter_kit.files import FOLDER, Files, missing
from llmagent_os.adapters.discord import wire
from llmagent_os.adapters.discord.api import Api
from llmagent_os.adapters.discord.catching_up import CatchUp
from llmagent_os.adapters.discord.client import Client, Take
from llmagent_os.adapters.discord.commands import ARGUMENTS, Commands
from llmagent_os.adapters.discord.downloads import Downloads
from llmagent_os.adapters.discord.failures import BAD_TOKEN, FAILURES, NO_CONTENT, NO_INTENTS, failure
from llmagent_os.adapters.discord.heard import Heard
from llmagent_os.adapters.discord.interactions import Interaction, Interactions
from llmagent_os.adapters.discord.lanes import Lanes
from llmagent_os.adapters.discord.posting import CHARACTERS, VALUE
from llmagent_os.adapters.discord.reading import Reader, moment
from llmagent_os.adapters.discord.sending import Sender
from llmagent_os.errors import (
    AdapterError,
    BadEventError,
    ConfigError,
    HostBusyError,
    LedgerError,
    NotConfiguredError,
    TryLaterError,
)
from llmagent_os.events import Attachment, ButtonPress, Command, Conversation, Event
from llmagent_os.events import Sender as Person
from llmagent_os.records import MemoryRecords, Records

if TYPE_CHECKING:
    from llmagent_os.adapter_kit.setup import AdapterSetup

_log = structlog.stdlib.get_logger(__name__)

#: So long an event is offered to a host that is too busy for it, in seconds: Discord would not bring it again.
PATIENCE = 120.0

#: A shard without a connection for so long is not left to discord.py's pauses, which grow to many minutes, in seconds.
LOST = 120.0

_AUTHENTICATION, _SHARDING, _INTENTS = 4004, (4010, 4011), (4013, 4014)  # close codes


@dataclass(frozen=True)
class _Live:
    """What there is while it is connected."""

    client: Client
    reader: Reader
    lanes: Lanes
    accept: Accept


class DiscordAdapter:
    """Chat on Discord.

    Args:
        token: the bot's.
        api_url: the HTTP API's address.
        gateway_url: the gateway's; empty: the API is asked for it.
        data: folder for files that people send.
        store: durable documents of its own.
        commands: slash commands and what they do; Discord is told when they change.
        max_file_bytes: larger files are not fetched.
        deaf_seconds: so long without a word from the gateway, and the connection is made anew.
        watch_seconds: between two looks at the connection, the commands, and how far channels were heard.

    Raises:
        NotConfiguredError: there is no token.
    """

    name = "discord"
    capabilities = Capabilities(
        reactions=True,
        threads=True,
        buttons=True,
        files=True,
        voice=True,
        drafts=True,
        edits_per_second=0.9,
        max_characters=CHARACTERS,
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
        commands: Callable[[], Mapping[str, str]] = dict[str, str],
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
        self._api = Api(self._revoke)
        self._buttons = ButtonValues(store, VALUE)
        self._interactions = Interactions(self._api)
        self._heard = Heard(store)
        self._catch_up = CatchUp(self._api, self._heard)
        self._commands = Commands(commands)
        self._downloads = Downloads(self._files)
        self._sender = Sender(self._api, store, self._interactions, self._buttons)
        self._content = True  # ask to be told what people say in servers where they do not mention the bot
        self._revoked: asyncio.Future[None] | None = None
        self._here = asyncio.Event()
        self._title = ""

    async def started(self) -> str:
        """Wait until it is there; returns who it is there."""
        await self._here.wait()
        return self._title

    # ── life ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, accept: Accept) -> None:
        """Receive until cancelled.

        Raises:
            ConfigError: the token or its rights are no good.
            TryLaterError: Discord cannot be reached.
        """
        await self._heard.load()
        while True:
            try:
                await self._connect(accept)
            except discord.PrivilegedIntentsRequired as error:
                if not self._content:
                    raise ConfigError(NO_INTENTS.format(code=4014)) from error
                _log.error(f"{NO_CONTENT}. Until then it reads direct messages and mentions alone")
                self._content = False
            except discord.ConnectionClosed as error:
                raise _closed(error) from error
            except discord.LoginFailure as error:
                raise ConfigError(BAD_TOKEN) from error
            except FAILURES as error:
                raise failure(error, "connecting") from error

    async def _connect(self, accept: Accept) -> None:
        """One client's life."""
        lanes = Lanes()
        takes: dict[str, Take] = {
            "READY": lambda payload, at: self._ready(live, payload),
            "MESSAGE_CREATE": lambda payload, at: self._message(live, payload),
            "MESSAGE_UPDATE": lambda payload, at: self._edit(live, payload),
            "MESSAGE_REACTION_ADD": lambda payload, at: self._reaction(live, payload, "added", at),
            "MESSAGE_REACTION_REMOVE": lambda payload, at: self._reaction(live, payload, "removed", at),
            "INTERACTION_CREATE": lambda payload, at: self._interaction(live, payload),
        }
        client = Client(
            takes,
            api_url=self._api_url,
            gateway_url=self._gateway_url,
            content=self._content,
            deaf_seconds=self._deaf_seconds,
        )
        self._revoked = asyncio.get_running_loop().create_future()
        tasks: list[asyncio.Task[None]] = []
        try:
            await client.login(self._token)
            me = client.user
            if me is None:  # discord.py knows after a login
                raise TryLaterError("discord: it does not say who the bot is")
            live = _Live(client, Reader(str(me.id), client), lanes, accept)
            self._title = str(me)
            self._downloads.open()
            self._api.open(client.rest)
            self._commands.forget()
            work: tuple[Coroutine[Any, Any, None], ...] = (client.connect(), self._watch(client, me.id), self._prune())
            tasks += [asyncio.create_task(each) for each in work]
            done, _ = await asyncio.wait([*tasks, self._revoked], return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
            raise TryLaterError("discord: the connection has ended")
        finally:
            self._here.clear()
            await self._sender.close()
            await lanes.close()
            await self._interactions.close()
            self._api.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(Exception):  # whatever is wrong with the line: it is given up
                await client.close()
            await self._downloads.close()
            await self._heard.keep()
            self._revoked = None

    def _revoke(self, error: ConfigError) -> None:
        if self._revoked is not None and not self._revoked.done():
            self._revoked.set_exception(error)

    async def _watch(self, client: Client, application_id: int) -> None:
        """What is looked after every so often."""
        while True:
            try:
                await self._commands.register(self._api, str(client.application_id or application_id))
            except AdapterError as error:
                _log.warning("discord: the slash commands were not registered", error=str(error))
            await self._heard.keep()
            await asyncio.sleep(self._watch_seconds)
            now = time.monotonic()
            if any(now - since > LOST for since in client.lost.values()):
                raise TryLaterError("discord: the gateway was away for too long; beginning anew")

    async def _prune(self) -> None:
        while True:
            await self._files.prune()
            await self._buttons.prune()
            await asyncio.sleep(86_400)

    # ── in: called between two frames, in their order ─────────────────────────────────────────────────────────────

    def _ready(self, live: _Live, payload: dict[str, Any]) -> None:
        """A new session: Discord replays nothing of what came before it."""
        for channel in self._heard.channels():
            live.lanes.put(channel, partial(self._missed, live, channel))
        self._here.set()

    def _message(self, live: _Live, payload: dict[str, Any]) -> None:
        said = wire.read(payload, wire.Said)
        if said.human and said.author.id != live.reader.me:
            live.lanes.put(said.channel_id, lambda: self._hear(live, said))

    def _edit(self, live: _Live, payload: dict[str, Any]) -> None:
        event = live.reader.edit(wire.read(payload, wire.Said))
        if event is not None:
            live.lanes.put(event.conversation.channel, lambda: self._give(live, event))

    def _reaction(self, live: _Live, payload: dict[str, Any], action: Literal["added", "removed"], at: str) -> None:
        event = live.reader.reaction(wire.read(payload, wire.Reacted), action, at)
        if event is not None:
            live.lanes.put(event.conversation.channel, lambda: self._give(live, event))

    def _interaction(self, live: _Live, payload: dict[str, Any]) -> None:
        seen = wire.read(payload, wire.Interacted)
        pressed = seen.type == wire.COMPONENT and seen.data.component_type == wire.BUTTON and seen.message is not None
        if not pressed and seen.type != wire.COMMAND:
            return
        event = _acted(live.reader, seen)
        waiting = self._interactions.add(seen)  # Discord wants to hear of it soon, whatever else waits here
        live.lanes.put(event.conversation.channel, lambda: self._act(live, event, waiting))

    # ── in: one after the other in a channel ──────────────────────────────────────────────────────────────────────

    async def _missed(self, live: _Live, channel: str) -> None:
        async for payload in self._catch_up.missed(channel):
            try:
                await self._hear(live, wire.read(payload, wire.Said))
            except BadEventError as error:
                _log.warning("discord: a message is skipped", error=str(error))

    async def _hear(self, live: _Live, said: wire.Said) -> None:
        event = live.reader.message(said)
        if event is not None:
            if event.addressed:
                await self._heard.begin(said.channel_id, said.guild_id, said.id)
            if said.attachments:
                heard = (event.addressed or event.conversation.thread is not None) and await live.accept.wants(event)
                files = await self._downloads.fetch(said) if heard else tuple(map(_unheard, said.attachments))
                event = msgspec.structs.replace(event, attachments=files)
            await self._give(live, event)
        self._heard.took(said.channel_id, said.guild_id, said.id)

    async def _act(self, live: _Live, event: Command | ButtonPress, waiting: Interaction) -> None:
        taken = False
        try:
            if isinstance(event, ButtonPress):
                value = await self._buttons.value(event.value)
                if value is None:
                    _log.warning("discord: a button was pressed whose value is not kept any more")
                    return
                event = msgspec.structs.replace(event, value=value)
            await live.accept(event)
            taken = True
        except HostBusyError as error:  # whoever did it is told, and can do it again
            _log.info("discord: an interaction was not taken", error=str(error))
        finally:
            waiting.settle(taken)

    async def _give(self, live: _Live, event: Event) -> bool:
        """Hand ``event`` to the host, which may be busy for a while. Returns whether it was new."""
        backoff, since, tries = Backoff(first=0.2, factor=2.0, most=5.0), time.monotonic(), 0
        while True:
            try:
                return await live.accept(event)
            except (HostBusyError, LedgerError) as error:
                if isinstance(error, HostBusyError) and time.monotonic() - since > PATIENCE:
                    _log.error("discord: an event is given up", event_id=event.event_id, error=str(error))
                    return False
                tries += 1
                _log.info("discord: an event is offered again later", event_id=event.event_id, error=str(error))
                await asyncio.sleep(backoff.seconds(tries))

    # ── out ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        """Send ``reply``, every message of it under a nonce of its own.

        Raises:
            TryLaterError: a limit, or no way to Discord.
            ConfigError: the token is no good any more.
            AdapterError: Discord refused.
        """
        return await self._sender.send(conversation, reply, key=key, reply_to=reply_to, again=again)

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None:
        """Show ``text`` in the place where the reply will be."""
        await self._sender.draft(conversation, text, key=key)

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Replace a message sent earlier.

        Raises:
            AdapterError: there is no such message, or Discord did not take it.
        """
        await self._sender.edit(conversation, message_id, reply)

    async def typing(self, conversation: Conversation) -> None:
        """Show that an answer is coming, for ten seconds."""
        with contextlib.suppress(AdapterError, ConfigError):
            await self._api.call("typing", "POST", "/channels/{channel_id}/typing", channel_id=conversation.channel)


def from_setup(setup: AdapterSetup) -> DiscordAdapter:
    """Discord, as an installation's settings have it.

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
        commands=setup.commands,
        max_file_bytes=int(settings.max_file_megabytes * 1_000_000),
    )


def _acted(reader: Reader, seen: wire.Interacted) -> Command | ButtonPress:
    """The event that an interaction is.

    Raises:
        BadEventError: nobody did it, or nowhere.
    """
    user = seen.user or (seen.member.user if seen.member else None)
    if user is None or seen.channel_id is None:
        raise BadEventError("an interaction of nobody, or nowhere")
    here = reader.place(seen.channel_id, seen.guild_id, channel=seen.channel)
    who = Person(user.id, (seen.member and seen.member.nick) or user.called(), user.bot)
    at = moment(seen.id)
    if seen.message is not None:
        message_id, value = seen.message.id, seen.data.custom_id
        return ButtonPress(event_id=seen.id, conversation=here, sender=who, at=at, message_id=message_id, value=value)
    arguments = next((str(each.value) for each in seen.data.options if each.name == ARGUMENTS), "")
    return Command(
        event_id=seen.id, conversation=here, sender=who, at=at, name=seen.data.name.lower(), arguments=arguments
    )


def _unheard(file: wire.File) -> Attachment:
    problem = "it was not meant for the bot"
    return missing(file.filename, file.content_type or "application/octet-stream", problem, size=file.size)


def _closed(error: discord.ConnectionClosed) -> Exception:
    """What the gateway means by a close code (https://docs.discord.com/developers/topics/opcodes-and-status-codes)."""
    if error.code == _AUTHENTICATION:
        return ConfigError(BAD_TOKEN)
    if error.code in _INTENTS:
        return ConfigError(NO_INTENTS.format(code=error.code))
    if error.code in _SHARDING:
        return TryLaterError(f"discord: the gateway wants other shards (close code {error.code}); asking how many")
    return TryLaterError(f"discord: the gateway has closed the connection ({error.code})")
