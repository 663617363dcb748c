"""Polling: the bot asks Telegram for updates, again and again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import structlog
from telegram.error import Conflict, InvalidToken, TelegramError

from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.adapters.telegram.api import Api
from llmagent_os.adapters.telegram.errors import BAD_TOKEN, says
from llmagent_os.adapters.telegram.http import FloodError
from llmagent_os.adapters.telegram.receiving import UpdateReceiver
from llmagent_os.adapters.telegram.updates import UPDATE_KINDS, number_of
from llmagent_os.errors import ConfigError

_log = structlog.stdlib.get_logger(__name__)

#: The pauses after polls that have failed.
PAUSES = Backoff(first=0.5, factor=2.0, most=30.0)


async def poll(
    api: Api, receiver: UpdateReceiver, on_connected: Callable[[], None], poll_seconds: int, margin_seconds: float
) -> None:
    """Poll until cancelled. An update that is not stored is asked for again, and so are those behind it.

    Args:
        api: of Telegram.
        receiver: takes the updates.
        on_connected: called after every poll that has worked.
        poll_seconds: how long a poll waits if there are no updates.
        margin_seconds: how late a poll may be before its connection counts as dead.

    Raises:
        ConfigError: Telegram refuses the token.
    """
    offset: int | None = None
    failures = 0
    seconds = 0  # the first poll returns at once, and shows that all is well
    while True:
        try:
            raws = await api.updates(offset, seconds, UPDATE_KINDS, margin_seconds)
        except InvalidToken as error:
            raise ConfigError(BAD_TOKEN) from error
        except FloodError as error:
            await asyncio.sleep(error.seconds)
            continue
        except TelegramError as error:
            failures += 1
            await _pause(api, error, failures)
            continue
        failures, seconds = 0, poll_seconds
        on_connected()
        for raw, stored in zip(raws, await receiver.take(raws), strict=True):
            number = number_of(raw)
            if number is None:
                continue
            offset = number + 1 if stored else number
            if not stored:
                await asyncio.sleep(PAUSES.first)
                break


async def _pause(api: Api, error: TelegramError, failures: int) -> None:
    """Wait after a poll that has failed."""
    seconds = PAUSES.seconds(failures)
    conflict = isinstance(error, Conflict)
    what = "another process polls with this token" if conflict else "a poll has failed"
    _log.warning(f"telegram: {what}", tries=failures, seconds=round(seconds, 1), error=error.message)
    if conflict and says(error, "webhook"):
        with contextlib.suppress(TelegramError):
            await api.bot.delete_webhook()
    await asyncio.sleep(seconds)
