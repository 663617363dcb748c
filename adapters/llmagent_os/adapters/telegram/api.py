"""The bot's line to Telegram: the library's methods, with waits, moved groups and refusals taken care of."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from telegram import Bot
from telegram.error import ChatMigrated, NetworkError, TelegramError

from llmagent_os.adapters.telegram.http import FloodError, Http
from llmagent_os.adapters.telegram.pace import PATIENCE, Pace
from llmagent_os.adapters.telegram.refusals import explained
from llmagent_os.errors import TryLaterError
from llmagent_os.records import Records

T = TypeVar("T")

#: How long after its time a poll may be silent before its line counts as dead, in seconds.
SLACK = 10.0

_MOVED = "moved:"


class Api:
    """Calls, by chat."""

    def __init__(self, token: str, url: str, store: Records, pace: Pace) -> None:
        """Args: ``url`` is the API's address, without ``/bot``."""
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
        self.pace = pace
        self._store = store
        self._moved: dict[int, int] | None = None  # groups that have become supergroups, and their new ids

    async def close(self) -> None:
        """Hang up. The next call connects again."""
        await self._http.shutdown()
        await self._polls.shutdown()

    async def updates(
        self, offset: int | None, seconds: int, kinds: tuple[str, ...], slack: float = SLACK
    ) -> list[object]:
        """What has come in, as it is: the library's method fails for all of it where one update is malformed.

        Args:
            offset: the first one wanted: those before it are done with. None: all that are not.
            seconds: how long to wait where there is nothing.
            kinds: of updates.
            slack: how long the line may be silent beyond that, in seconds.

        Raises:
            TelegramError: there is no answer, or it is a refusal.
        """
        query = {"timeout": seconds, "allowed_updates": json.dumps(kinds)}
        if offset is not None:
            query["offset"] = offset
        url = f"{self.bot.base_url}/getUpdates?{urlencode(query)}"
        found = self._polls.parse_json_payload(await self._polls.retrieve(url, read_timeout=seconds + slack))
        updates: object = found.get("result")
        if not isinstance(updates, list):
            raise NetworkError("getUpdates was answered with something else than a list")
        return list(cast("list[object]", updates))

    async def say(self, chat: int, call: Callable[[int], Awaitable[T]]) -> T:
        """Send something to ``chat``: in its turn, with short pauses waited for, and after it where it has moved to.

        Args:
            chat: where.
            call: does it, given the chat's present id; perhaps several times.

        Raises:
            TelegramError: Telegram refuses.
            TryLaterError: Telegram asks for a longer pause.
        """
        chat = await self.present(chat)
        waited = 0.0
        for _ in range(10):
            waited += await self.pace.turn(chat, max(PATIENCE - waited, 0.0))
            try:
                return await call(chat)
            except FloodError as error:
                self.pace.pause(chat, error.seconds)
                if waited + error.seconds > PATIENCE:
                    raise TryLaterError(f"telegram: {error.message}", seconds=error.seconds) from error
            except ChatMigrated as moved:
                await self.moved(chat, moved.new_chat_id)
                chat = await self.present(chat)
        raise TryLaterError("telegram: it asks for one pause after the other")

    async def present(self, chat: int) -> int:
        """The id that ``chat`` has now."""
        moved = await self._load()
        for _ in range(len(moved)):
            if chat not in moved:
                break
            chat = moved[chat]
        return chat

    async def moved(self, old: int, new: int) -> None:
        """A group has become a supergroup, with another id; durable on return."""
        moved = await self._load()
        if moved.get(old) != new and old != new:
            moved[old] = new
            await self._store.put(f"{_MOVED}{old}", {"to": new})

    async def download(self, file_id: str) -> AsyncGenerator[bytes, None]:
        """The bytes of a file.

        Raises:
            AdapterError, ConfigError: it cannot be had.
        """
        try:
            address = (await self.bot.get_file(file_id)).file_path
            if address is None or not address.startswith(("http://", "https://")):
                raise NetworkError("Telegram did not say where the file is")
            async for chunk in self._http.stream(address):
                yield chunk
        except TelegramError as error:
            raise explained(error) from error

    async def _load(self) -> dict[int, int]:
        if self._moved is None:
            items: list[tuple[str, dict[str, Any]]] = await self._store.items()
            self._moved = {
                int(key.removeprefix(_MOVED)): int(record["to"]) for key, record in items if key.startswith(_MOVED)
            }
        return self._moved
