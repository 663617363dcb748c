"""Errors of Discord and of the way to Discord, translated into those that the host understands."""

from __future__ import annotations

import asyncio

import aiohttp
import discord

from llmagent_os.errors import AdapterError, ConfigError, LLMAgentOSError, TryLaterError

#: What to do when Discord refuses the token.
BAD_TOKEN = (
    "Discord refuses DISCORD_TOKEN: it is wrong, or was reset. Copy the present token from "
    "https://discord.com/developers/applications → your application → Bot → Reset Token, or run "
    "`llmagent-os setup discord`"
)

#: What to do when the bot may not read messages.
NO_MESSAGE_CONTENT = (
    "Discord does not let this bot read messages: turn on “Message Content Intent” at "
    "https://discord.com/developers/applications → your application → Bot → Privileged Gateway Intents"
)

#: What to do when Discord refuses all intents.
NO_INTENTS = (
    "Discord refuses the intents of this bot (close code {code}): check Privileged Gateway Intents at "
    "https://discord.com/developers/applications → your application → Bot"
)

#: The exceptions with which a request to Discord can fail.
REQUEST_ERRORS = (discord.DiscordException, aiohttp.ClientError, OSError, asyncio.TimeoutError, RuntimeError)

#: Close codes of the gateway (https://docs.discord.com/developers/topics/opcodes-and-status-codes).
_AUTHENTICATION_FAILED, _WRONG_SHARDS, _WRONG_INTENTS = 4004, (4010, 4011), (4013, 4014)


class RefusedError(AdapterError):
    """Discord refused a request. ``status`` is the HTTP status, ``code`` Discord's own number for the reason."""

    def __init__(self, message: str, *, status: int, code: int) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class ExpiredError(AdapterError):
    """An interaction cannot be answered any more: its 15 minutes are over, or it was never acknowledged."""


def translated(error: BaseException, action: str) -> LLMAgentOSError:
    """``error`` for the host: try later, never again, or not with this token.

    Args:
        error: one of :data:`REQUEST_ERRORS`.
        action: what the request was for, such as "sending".
    """
    match error:
        case discord.RateLimited():
            return TryLaterError(f"discord: {action}: too fast for Discord", seconds=error.retry_after)
        case discord.HTTPException(status=429):  # without Discord's own headers: from the network in front of Discord
            return TryLaterError(f"discord: {action}: Discord blocks this address for now", seconds=_retry_after(error))
        case discord.HTTPException(status=401):
            return ConfigError(BAD_TOKEN)
        case discord.HTTPException(status=status) if status < 500:
            reason = f"refused with {status}, code {error.code}: {error.text[:300]}"
            return RefusedError(f"discord: {action}: {reason}", status=status, code=error.code)
        case discord.HTTPException():
            return TryLaterError(f"discord: {action}: Discord has a problem of its own ({error.status})")
        case _:
            return TryLaterError(f"discord: {action}: Discord cannot be reached: {error!r}")


def closed(error: discord.ConnectionClosed) -> ConfigError | TryLaterError:
    """What the close code of a gateway connection means to the host."""
    if error.code == _AUTHENTICATION_FAILED:
        return ConfigError(BAD_TOKEN)
    if error.code in _WRONG_INTENTS:
        return ConfigError(NO_INTENTS.format(code=error.code))
    if error.code in _WRONG_SHARDS:
        return TryLaterError(f"discord: the gateway wants other shards (close code {error.code}); asking how many")
    return TryLaterError(f"discord: the gateway has closed the connection ({error.code})")


def _retry_after(error: discord.HTTPException) -> float | None:
    try:
        return float(error.response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
