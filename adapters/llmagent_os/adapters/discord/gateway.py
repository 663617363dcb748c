"""The gateway connection: discord.py's client, with the adapter's own parsing of events.

discord.py keeps the connection, the shards, and what it knows of servers and channels. Events that people cause are
taken as they come. A bot needs no cached objects of them, and discord.py's own parsing would end the bot at a malformed
payload; :mod:`.payloads` parses strictly, and the payload is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import discord
import structlog
from discord.errors import ConnectionClosed
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

from llmagent_os.adapter_kit.watchdog import Watchdog
from llmagent_os.adapters.discord.http import DiscordHttp

_log = structlog.stdlib.get_logger(__name__)

#: Takes a payload and its sequence id: session and number. An event that is replayed after a lost connection has the
#: same sequence id again.
EventHandler = Callable[[dict[str, Any], str], None]

# Warnings about sound, which this adapter does not play.
discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False


class GatewayClient(discord.AutoShardedClient):
    """One connection of one run. discord.py's client cannot be used again after it was closed."""

    rest: DiscordHttp

    def __init__(
        self,
        handlers: Mapping[str, EventHandler],
        *,
        api_url: str,
        gateway_url: str,
        message_content: bool,
        silence_seconds: float,
        lost_seconds: float,
    ) -> None:
        """Args:
        handlers: of the gateway's events, by name. discord.py itself parses only READY.
        api_url: of the HTTP API.
        gateway_url: of the gateway; empty: the API is asked.
        message_content: ask for what people write in servers without mentioning the bot.
        silence_seconds: after this time without a word from the gateway, the connection is made anew.
        lost_seconds: after this time without a connection of one shard, :attr:`lost` expires.
        """
        super().__init__(
            intents=discord.Intents(
                guilds=True,
                guild_messages=True,
                dm_messages=True,
                guild_reactions=True,
                dm_reactions=True,
                message_content=message_content,
            ),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=0.0,  # nothing here waits for on_ready
            heartbeat_timeout=silence_seconds,
        )
        #: runs for every shard that has no connection
        self.lost = Watchdog(lost_seconds)
        self._current_socket: DiscordWebSocket | None = None  # the connection whose frame is being parsed
        # The rest uses internals of discord.py, which offers no other way. All requests go through `http`. `parsers`
        # has one function for every gateway event. `_update_references` is called with every new connection, before
        # anything is read from it.
        state = self._connection
        self.rest = self.http = state.http = DiscordHttp(self.loop, api_url, gateway_url)
        state.parsers.update({name: self._parser(name, handler) for name, handler in handlers.items()})
        state._update_references = self._guard  # type: ignore[method-assign]  # pyright: ignore[reportPrivateUsage]

    def _parser(self, name: str, handler: EventHandler) -> Callable[[Any], None]:
        library_parser = self._connection.parsers[name] if name == "READY" else None

        def parse(payload: dict[str, Any]) -> None:
            if library_parser is not None:
                library_parser(payload)
            socket = self._current_socket
            handler(payload, f"{socket.session_id}:{socket.sequence}" if socket else "")

        return parse

    def _guard(self, ws: DiscordWebSocket) -> None:
        """Skip frames of ``ws`` that cannot be parsed: none may end the bot."""
        read = ws.received_message

        async def received(frame: Any, /) -> None:
            try:
                # Frames are parsed without a pause, so that no other connection's frame comes in between.
                self._current_socket = ws
                await read(frame)
            except (ReconnectWebSocket, ConnectionClosed):  # how discord.py says what to do next
                raise
            except OSError:  # the connection is broken, not the frame
                raise
            except Exception as error:
                # The frame itself is never logged: it holds what a person wrote.
                _log.warning("discord: an event is skipped", size=len(frame), error=f"{type(error).__name__}")
                _log.debug("discord: why an event is skipped", exc_info=error)

        ws.received_message = received  # type: ignore[method-assign]

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Learn from discord.py's own events which shards are connected."""
        if event == "shard_disconnect":
            self.lost.start(args[0])
        elif event in ("shard_connect", "shard_resumed"):
            self.lost.stop(args[0])
        super().dispatch(event, *args, **kwargs)

    # ── names in servers ──────────────────────────────────────────────────────────────────────────────────────────

    def is_thread(self, guild_id: str | None, channel_id: str) -> bool | None:
        """Whether a channel is a thread or a forum's post; None if the channel is not known."""
        channel = self._channel(guild_id, channel_id)
        return None if channel is None else isinstance(channel, discord.Thread)

    def own_role(self, guild_id: str | None) -> str | None:
        """The id of the role that only this bot has, by which it can be mentioned too."""
        guild = self._guild(guild_id)
        role = guild.self_role if guild else None
        return None if role is None else str(role.id)

    def role_name(self, guild_id: str | None, role_id: str) -> str | None:
        """The name of a role."""
        guild = self._guild(guild_id)
        role = guild.get_role(int(role_id)) if guild else None
        return None if role is None else role.name

    def channel_name(self, guild_id: str | None, channel_id: str) -> str | None:
        """The name of a channel."""
        channel = self._channel(guild_id, channel_id)
        return None if channel is None else channel.name

    def _guild(self, guild_id: str | None) -> discord.Guild | None:
        return self.get_guild(int(guild_id)) if guild_id else None

    def _channel(self, guild_id: str | None, channel_id: str) -> discord.abc.GuildChannel | discord.Thread | None:
        guild = self._guild(guild_id)
        return guild.get_channel_or_thread(int(channel_id)) if guild else None
