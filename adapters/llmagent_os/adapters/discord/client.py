"""The gateway: discord.py's client, with our own reading of what it brings.

discord.py keeps the connection, the shards and what it knows of servers and channels. The events that people make are
taken as they come: a bot needs no objects with caches of them, they are read in one strict place (:mod:`.wire`), and a
payload that fits nothing is skipped, where discord.py's own reading of it would end the bot.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import discord
import structlog
from discord.errors import ConnectionClosed
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

from llmagent_os.adapters.discord.rest import Rest

_log = structlog.stdlib.get_logger(__name__)

#: Takes a payload, and its session and number there: replayed after a lost connection, an event has the same.
Take = Callable[[dict[str, Any], str], None]

# They are about sound, which this adapter does not play.
discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False


class Client(discord.AutoShardedClient):
    """One connection of one run; discord.py's cannot be used again once closed."""

    rest: Rest

    def __init__(
        self,
        takes: Mapping[str, Take],
        *,
        api_url: str,
        gateway_url: str,
        content: bool,
        deaf_seconds: float,
    ) -> None:
        """Args:
        takes: what to do with the gateway's events, by name; discord.py itself reads only READY.
        api_url: of the HTTP API.
        gateway_url: empty: the API is asked.
        content: ask to be told what people say in servers where they do not mean the bot.
        deaf_seconds: so long without a word from the gateway, and the connection is made anew.
        """
        super().__init__(
            intents=discord.Intents(
                guilds=True,
                guild_messages=True,
                dm_messages=True,
                guild_reactions=True,
                dm_reactions=True,
                message_content=content,
            ),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=0.0,  # nobody waits for on_ready
            heartbeat_timeout=deaf_seconds,
        )
        #: shards without a connection, and since when by the monotonic clock
        self.lost: dict[int, float] = {}
        self._reading: DiscordWebSocket | None = None  # the connection whose frame is being read
        # What follows is discord.py's inside; it offers no other way in. `http` is what every request goes through.
        # `parsers` is one function for each gateway event, and `_update_references` is told of every new connection
        # before a word is read from it.
        state = self._connection
        self.rest = self.http = state.http = Rest(self.loop, api_url, gateway_url)
        state.parsers.update({name: self._taken(name, take) for name, take in takes.items()})
        state._update_references = self._guard  # type: ignore[method-assign]  # pyright: ignore[reportPrivateUsage]

    def _taken(self, name: str, take: Take) -> Callable[[Any], None]:
        theirs = self._connection.parsers[name] if name == "READY" else None

        def parse(payload: dict[str, Any]) -> None:
            if theirs is not None:
                theirs(payload)
            ws = self._reading
            take(payload, f"{ws.session_id}:{ws.sequence}" if ws else "")

        return parse

    def _guard(self, ws: DiscordWebSocket) -> None:
        """Let nothing that comes over ``ws`` end the bot."""
        read = ws.received_message

        async def received(frame: Any, /) -> None:
            try:
                # Events are read without a pause, so that nobody else's comes in between.
                self._reading = ws
                await read(frame)
            except (ReconnectWebSocket, ConnectionClosed):  # how discord.py says what to do next
                raise
            except OSError:  # the line, not what came over it
                raise
            except Exception as error:
                # Never with the frame itself: it is what somebody said.
                _log.warning("discord: an event is skipped", size=len(frame), error=f"{type(error).__name__}")
                _log.debug("discord: why", exc_info=error)

        ws.received_message = received  # type: ignore[method-assign]

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """discord.py's news of itself; we hear which shards are connected."""
        if event == "shard_disconnect":
            self.lost.setdefault(args[0], time.monotonic())
        elif event in ("shard_connect", "shard_resumed"):
            self.lost.pop(args[0], None)
        super().dispatch(event, *args, **kwargs)

    # ── what servers and channels are called ──────────────────────────────────────────────────────────────────────

    def is_thread(self, guild_id: str | None, channel_id: str) -> bool | None:
        """Whether a channel is a thread or a forum's post; None: it is not known."""
        guild = self.get_guild(int(guild_id)) if guild_id else None
        channel = guild.get_channel_or_thread(int(channel_id)) if guild else None
        return None if channel is None else isinstance(channel, discord.Thread)

    def own_role(self, guild_id: str | None) -> str | None:
        """The role that only this bot has, by which it can be mentioned too."""
        guild = self.get_guild(int(guild_id)) if guild_id else None
        role = guild.self_role if guild else None
        return None if role is None else str(role.id)

    def role_name(self, guild_id: str | None, role_id: str) -> str | None:
        """What a role is called."""
        guild = self.get_guild(int(guild_id)) if guild_id else None
        role = guild.get_role(int(role_id)) if guild else None
        return None if role is None else role.name

    def channel_name(self, guild_id: str | None, channel_id: str) -> str | None:
        """What a channel is called."""
        guild = self.get_guild(int(guild_id)) if guild_id else None
        channel = guild.get_channel_or_thread(int(channel_id)) if guild else None
        return None if channel is None else channel.name
