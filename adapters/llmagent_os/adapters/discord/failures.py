"""What went wrong between us and Discord, in the host's terms."""

from __future__ import annotations

import asyncio

import aiohttp
import discord

from llmagent_os.errors import AdapterError, ConfigError, LLMAgentOSError, TryLaterError

#: What to do about a token that Discord does not take.
BAD_TOKEN = (
    "Discord does not take DISCORD_TOKEN: it is wrong, or was reset. Copy the present one from "
    "https://discord.com/developers/applications → your application → Bot → Reset Token, or run "
    "`llmagent-os setup discord`"
)

#: What to do about the messages that it may not read.
NO_CONTENT = (
    "Discord does not let this bot read messages: turn on “Message Content Intent” at "
    "https://discord.com/developers/applications → your application → Bot → Privileged Gateway Intents"
)

NO_INTENTS = (
    "Discord refuses the intents of this bot (close code {code}): check Privileged Gateway Intents at "
    "https://discord.com/developers/applications → your application → Bot"
)

#: Everything that a request can end with.
FAILURES = (discord.DiscordException, aiohttp.ClientError, OSError, asyncio.TimeoutError, RuntimeError)


class RefusedError(AdapterError):
    """Discord did not take a request; ``status`` and ``code`` are its own."""

    def __init__(self, message: str, *, status: int, code: int) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def failure(error: BaseException, what: str) -> LLMAgentOSError:
    """``error``, which came while doing ``what``, for the host: later, never, or not at all with this token."""
    match error:
        case discord.RateLimited():
            return TryLaterError(f"discord: {what}: too fast for Discord", seconds=error.retry_after)
        case discord.HTTPException(status=429):  # without Discord's own headers: from the network in front of it
            return TryLaterError(f"discord: {what}: Discord blocks this address for now", seconds=_pause(error))
        case discord.HTTPException(status=401):
            return ConfigError(BAD_TOKEN)
        case discord.HTTPException(status=status) if status < 500:
            return RefusedError(f"discord: {what}: {_said(error)}", status=status, code=error.code)
        case discord.HTTPException():
            return TryLaterError(f"discord: {what}: Discord has a problem of its own ({error.status})")
        case _:
            return TryLaterError(f"discord: {what}: Discord cannot be reached: {error!r}")


def _pause(error: discord.HTTPException) -> float | None:
    try:
        return float(error.response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None


def _said(error: discord.HTTPException) -> str:
    return f"refused with {error.status}, code {error.code}: {error.text[:300]}"
