"""Telegram's Bot API: the library's methods, with rate limits, groups that have moved, and downloads."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

import structlog
from telegram import Bot
from telegram.error import ChatMigrated, NetworkError, TelegramError

from llmagent_os.adapters.telegram.errors import translated
from llmagent_os.adapters.telegram.http import FloodError, Http
from llmagent_os.adapters.telegram.rate_limiter import MAX_PAUSE_SECONDS, RateLimiter
from llmagent_os.errors import TryLaterError
from llmagent_os.records import Records

_log = structlog.stdlib.get_logger(__name__)

T = TypeVar("T")

#: How late the answer to a poll may be before the connection counts as dead, in seconds.
POLL_MARGIN_SECONDS = 10.0

MAX_TRIES = 10  #: for one message, with pauses and moves in between

_MOVED = "moved:"  # begins the keys of moved groups in the store


class Api:
    """Calls to Telegram, for one bot."""

    def __init__(self, token: str, url: str, store: Records, limiter: RateLimiter) -> None:
        """Args:
        token: of the bot.
        url: the API's address, without ``/bot``.
        store: the adapter's own documents; it keeps where groups have moved to.
        limiter: says when messages may go out.
        """
        self._http = Http(url)
        self._polls = Http(url)
        root = url.rstrip("/")
        self.bot = Bot(
            token,
            base_url=f"{root}/bot",
            base_file_url=f"{root}/file/bot",
            request=self._http,
            get_updates_request=self._polls,
        )
        self.limiter = limiter
        self._store = store
        self._moved: dict[int, int] | None = None  # groups that became supergroups, and their new ids

    async def close(self) -> None:
        """Close the connections. The next call connects again."""
        await self._http.shutdown()
        await self._polls.shutdown()

    async def updates(
        self, offset: int | None, seconds: int, kinds: tuple[str, ...], margin_seconds: float = POLL_MARGIN_SECONDS
    ) -> list[object]:
        """Poll for updates, and return them as JSON. The library's method fails for all if one is malformed.

        Args:
            offset: number of the first update that is wanted; earlier ones are confirmed. None: all unconfirmed ones.
            seconds: how long Telegram waits if there are no updates.
            kinds: of updates.
            margin_seconds: how much longer the answer may take.

        Raises:
            TelegramError: there is no answer, or Telegram refuses.
        """
        query = {"timeout": seconds, "allowed_updates": json.dumps(kinds)}
        if offset is not None:
            query["offset"] = offset
        url = f"{self.bot.base_url}/getUpdates?{urlencode(query)}"
        answer = self._polls.parse_json_payload(await self._polls.retrieve(url, read_timeout=seconds + margin_seconds))
        updates: object = answer.get("result")
        if not isinstance(updates, list):
            raise NetworkError("the answer to getUpdates is not a list")
        return list(cast("list[object]", updates))

    async def send(self, chat: int, call: Callable[[int], Awaitable[T]]) -> T:
        """Send something to ``chat`` when the rate limit allows, and to its new id if the group has moved.

        Short pauses that Telegram asks for are waited out.

        Args:
            chat: id of the chat.
            call: sends it, given the chat's present id; may be called several times.

        Raises:
            TelegramError: Telegram refuses.
            TryLaterError: Telegram asks for a longer pause.
        """
        chat = await self.present_id(chat)
        waited = 0.0
        for _ in range(MAX_TRIES):
            waited += await self.limiter.acquire(chat, max(MAX_PAUSE_SECONDS - waited, 0.0))
            try:
                return await call(chat)
            except FloodError as error:
                self.limiter.pause(chat, error.seconds)
                if waited + error.seconds > MAX_PAUSE_SECONDS:
                    raise TryLaterError(f"telegram: {error.message}", seconds=error.seconds) from error
            except ChatMigrated as moved:
                await self.note_move(chat, moved.new_chat_id)
                chat = await self.present_id(chat)
        raise TryLaterError("telegram: Telegram asks for one pause after another")

    async def present_id(self, chat: int) -> int:
        """The id that ``chat`` has now."""
        moved = await self._load_moved()
        for _ in range(len(moved)):
            if chat not in moved:
                break
            chat = moved[chat]
        return chat

    async def note_move(self, old: int, new: int) -> None:
        """Note that the group ``old`` became the supergroup ``new``. Durable on return."""
        moved = await self._load_moved()
        if moved.get(old) != new and old != new:
            moved[old] = new
            await self._store.put(f"{_MOVED}{old}", {"to": new})

    async def download(self, file_id: str) -> AsyncGenerator[bytes, None]:
        """The bytes of a file.

        Raises:
            AdapterError, ConfigError: the file cannot be downloaded.
        """
        try:
            address = (await self.bot.get_file(file_id)).file_path
            if address is None or not address.startswith(("http://", "https://")):
                raise NetworkError("Telegram does not say where the file is")
            async for chunk in self._http.stream(address):
                yield chunk
        except TelegramError as error:
            raise translated(error) from error

    async def _load_moved(self) -> dict[int, int]:
        if self._moved is None:
            items: list[tuple[str, dict[str, Any]]] = await self._store.items()
            moved: dict[int, int] = {}
            for key, record in items:
                if key.startswith(_MOVED):
                    try:
                        moved[int(key.removeprefix(_MOVED))] = int(record["to"])
                    except (LookupError, TypeError, ValueError) as error:  # Telegram says again where the group went
                        _log.warning("telegram: a group's new id cannot be read", key=key, error=repr(error))
            self._moved = moved
        return self._moved
