"""Albums: photos and files that a person sends together. Telegram delivers each of them as an update of its own.

The pieces are collected until no more of them come. No piece may be lost if the process dies meanwhile:

- A bot that polls tells Telegram that the pieces arrived only after the message with all of them is stored. Until then
  it asks for the pieces again and again, and more of them may come with the answers. Nothing else is stored.
- To a webhook, Telegram delivers the next update of a chat only after it was told that the last one arrived. So the
  pieces are stored in the adapter's own documents, for the second or so that the album takes.

The message has the id of its first piece, so that it is the same message if it is delivered again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from telegram import Message as TelegramMessage
from telegram import Update

from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.adapters.telegram.updates import decode_update
from llmagent_os.records import Records

#: How long no new piece of an album may come before the album is complete, in seconds.
QUIET_SECONDS = 1.0

#: Pieces of one message. Telegram sends no more together; further pieces become another message.
MAX_PIECES = 10

#: Albums that are collected at once.
MAX_ALBUMS = 500

_PREFIX = "album:"  # of the documents

_Key = tuple[int, str]


class _Album:
    """The pieces of an album that have arrived."""

    def __init__(self) -> None:
        self.pieces: dict[int, Update] = {}  # by the update's number
        self.newest = 0.0  # when the last new piece came, on the loop's clock


class Albums:
    """The albums that are being collected."""

    def __init__(self, quiet_seconds: float = QUIET_SECONDS) -> None:
        """Args: ``quiet_seconds`` is how long no new piece may come before an album is complete."""
        self._quiet_seconds = quiet_seconds
        self._albums: BoundedDict[_Key, _Album] = BoundedDict(MAX_ALBUMS)

    def add(self, update: Update) -> None:
        """Note a piece. A piece that is known already changes nothing, and neither does another update."""
        key = _key(update)
        if key is None:
            return
        album = self._albums.get(key)
        if album is None:
            album = self._albums[key] = _Album()
        if update.update_id not in album.pieces and len(album.pieces) < MAX_PIECES:
            album.pieces[update.update_id] = update
            album.newest = asyncio.get_running_loop().time()

    def waits(self, update: Update) -> float:
        """For how long more pieces of the album of ``update`` are waited for, in seconds; 0: it is complete."""
        album = self._of(update)
        if album is None or len(album.pieces) >= MAX_PIECES:
            return 0.0
        return max(0.0, album.newest + self._quiet_seconds - asyncio.get_running_loop().time())

    async def wait(self, update: Update) -> None:
        """Wait until the album of ``update`` is complete, while other pieces are added."""
        seconds = self.waits(update)
        while seconds > 0:
            await asyncio.sleep(seconds)
            seconds = self.waits(update)

    def pieces(self, update: Update) -> list[Update]:
        """The pieces that have arrived of the album of ``update``, in the order of their messages.

        ``update`` is not among them if the album had as many pieces as a message may have.
        """
        self.add(update)
        album = self._of(update)
        found = [update] if album is None else list(album.pieces.values())
        return sorted(found, key=lambda piece: _message_id(piece.message))

    def others(self, update: Update) -> list[Update]:
        """One piece of every other album in the chat of ``update``."""
        own, chat = _key(update), update.effective_chat
        keys = [key for key in self._albums if chat is not None and key[0] == chat.id and key != own]
        return [next(iter(self._albums[key].pieces.values())) for key in keys]

    def holds(self, update: Update) -> bool:
        """Whether the album of ``update`` has this piece."""
        album = self._of(update)
        return album is not None and update.update_id in album.pieces

    def close(self, update: Update) -> None:
        """Forget the album of ``update``: its message is stored. A piece that comes later is a message of its own."""
        key = _key(update)
        if key is not None:
            self._albums.pop(key, None)

    def _of(self, update: Update) -> _Album | None:
        key = _key(update)
        return None if key is None else self._albums.get(key)


class AlbumStore:
    """The pieces that a webhook has taken, until their message is stored."""

    def __init__(self, records: Records) -> None:
        """Args: ``records`` are the adapter's own documents."""
        self._records = records

    async def load(self) -> list[Update]:
        """The pieces that the last process has left. What cannot be read of them is logged, and deleted."""
        found: list[Update] = []
        for key, record in await self._records.items():
            if not key.startswith(_PREFIX):
                continue
            raws: Any = record.get("pieces")
            known = [decode_update(raw) for raw in (raws if isinstance(raws, list) else ())]  # pyright: ignore
            pieces = [update for each in known if each is not None and is_piece(update := each[1])]
            if not pieces:
                await self._records.delete(key)
            found += pieces
        return found

    async def put(self, pieces: Sequence[Update]) -> None:
        """Store the pieces of one album, in place of those that were stored before."""
        await self._records.put(_name(pieces[0]), {"pieces": [piece.to_dict() for piece in pieces]})

    async def delete(self, update: Update) -> None:
        """Erase the pieces of the album of ``update``."""
        await self._records.delete(_name(update))


def is_piece(update: Update) -> bool:
    """Whether ``update`` is a piece of an album."""
    return _key(update) is not None


def _key(update: Update) -> _Key | None:
    message = update.message
    return None if message is None or not message.media_group_id else (message.chat.id, str(message.media_group_id))


def _name(update: Update) -> str:
    key = _key(update)
    return f"{_PREFIX}{key[0]}:{key[1]}" if key is not None else _PREFIX


def _message_id(message: TelegramMessage | None) -> int:
    return 0 if message is None else int(message.message_id)
