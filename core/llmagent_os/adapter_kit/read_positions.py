"""Read positions: how far a bot has read each place, so that it can catch up after an outage.

A place is a channel, or a thread inside a channel. Platforms deliver events again only for a few minutes, or not at
all; what people write during a longer outage is fetched from the message history, beginning at the read position.

>>> import asyncio
>>> from llmagent_os.records import MemoryRecords
>>> async def main() -> list[str]:
...     store = MemoryRecords()
...     positions = ReadPositions(store, "positions", order=int)
...     await positions.follow({"channel": Position("99")})
...     positions.advance("channel", "100")
...     await positions.save()
...     after_a_restart = ReadPositions(store, "positions", order=int)
...     await after_a_restart.load()
...     return [position.newest for position in after_a_restart.values()]
>>> asyncio.run(main())
['100']
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import structlog

from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.errors import LedgerError
from llmagent_os.records import Records

_log = structlog.stdlib.get_logger(__name__)

#: How many places are followed at most: those with the latest activity.
MAX_PLACES = 200

#: How far catching up goes back, in seconds. After a day nobody waits for an answer any more.
CATCH_UP_SECONDS = 24 * 60 * 60.0


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far one place has been read."""

    newest: str  #: id of the newest message that was read
    guild: str | None = None  #: id of the Discord server that the place is in; None for direct messages
    user: str | None = None  #: the platform's id of the person, where the place is a direct conversation


class _Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    """All positions, as they lie in the store."""

    channels: dict[str, Position] = {}  #: by place, the one with the oldest activity first
    seen: float | None = None  #: see :attr:`ReadPositions.caught_up_at`
    newest: list[tuple[str, str]] = []  #: place and position, as an earlier version wrote them; read, never written


class ReadPositions(Mapping[str, Position]):
    """The positions by place, in memory and in the adapter's store.

    The store lags behind by up to the seconds given to :meth:`keep_saving`. Messages read in that time are read again
    after a crash, and the host recognises them by their ids.
    """

    def __init__(self, store: Records, key: str, *, order: Callable[[str], Any]) -> None:
        """Args:
        store: the adapter's own documents.
        key: of the document with the positions.
        order: turns a message id into something that sorts by time.
        """
        self._store = store
        self._key = key
        self._order = order
        self._positions: BoundedDict[str, Position] = BoundedDict(MAX_PLACES)
        self._caught_up_at: float | None = None
        self._changed = asyncio.Event()
        self._loaded = False

    def __getitem__(self, place: str) -> Position:
        return self._positions[place]

    def __iter__(self) -> Iterator[str]:
        """The places, the one with the oldest activity first."""
        return iter(self._positions)

    def __len__(self) -> int:
        return len(self._positions)

    @property
    def caught_up_at(self) -> float | None:
        """Until when nothing was missed, in seconds of Unix time; None before the adapter has caught up once."""
        return self._caught_up_at

    def mark_caught_up(self, moment: float) -> None:
        """Nothing was missed until ``moment``, in seconds of Unix time."""
        self._caught_up_at = moment
        self._changed.set()

    async def load(self, *, again: bool = False) -> None:
        """Read what the last process has stored; a second call does nothing.

        Args:
            again: read it also where it was read before: another host may have had the connection meanwhile.
        """
        if self._loaded and not again:
            return
        raw = await self._store.get(self._key)
        stored = _Stored()
        if raw is not None:
            try:
                stored = msgspec.convert(raw, _Stored)
            except msgspec.ValidationError as error:  # a gap in what was read is better than a bot that cannot start
                _log.warning("the stored read positions cannot be used", key=self._key, error=str(error))
        known = {} if again and not self._changed.is_set() else dict(self._positions)
        kept = {place: Position(newest) for place, newest in stored.newest} | stored.channels
        self._positions.clear()
        self._positions.update({place: position for place, position in kept.items() if self._has_order(position)})
        self._positions.update(known)
        if self._caught_up_at is None or again:
            self._caught_up_at = stored.seen or self._caught_up_at
        self._loaded = True

    def _has_order(self, position: Position) -> bool:
        """Whether a position that was stored can be compared with later ones."""
        try:
            self._order(position.newest)
        except ValueError as error:
            _log.warning("a stored read position cannot be used", key=self._key, error=str(error))
            return False
        return True

    async def follow(self, places: Mapping[str, Position]) -> None:
        """Begin to follow ``places``. New places are stored before this returns, or with the next save if
        storing fails.
        """
        new = {place: position for place, position in places.items() if place not in self._positions}
        if new:
            self._positions.update(new)
            self._changed.set()
            await self.save()

    def advance(self, place: str, newest: str, guild: str | None = None, user: str | None = None) -> None:
        """Note that the message ``newest`` was read. Nothing happens for a place that is not followed."""
        known = self._positions.get(place)
        if known is not None and self._order(newest) > self._order(known.newest):
            self._positions[place] = Position(newest, guild or known.guild, user or known.user)
            self._changed.set()

    def of_person(self, user_id: str) -> dict[str, Position]:
        """The places where a person talks with the bot alone, by the platform's id of the person."""
        return {place: position for place, position in self._positions.items() if position.user == user_id}

    async def forget_person(self, user_id: str, *, or_if: Callable[[str, Position], bool]) -> int:
        """Stop following a person's direct conversations, and store that. Returns how many there were.

        They are followed again from the person's next message on.

        Args:
            user_id: the platform's id of the person.
            or_if: whether a position may be of that person though it says no person.
        """
        await self.load()
        places = [place for place, kept in self._positions.items() if kept.user == user_id or or_if(place, kept)]
        for place in places:
            self.forget(place)
        await self.save()
        return len(places)

    async def export_person(self, user_id: str) -> list[dict[str, str]]:
        """Where a person talks with the bot alone, and how far that was read."""
        await self.load()
        return [
            {"channel": place, "read_up_to": position.newest} for place, position in self.of_person(user_id).items()
        ]

    def forget(self, place: str) -> None:
        """Stop following ``place``: it was deleted, or the bot was removed from it."""
        if self._positions.pop(place, None) is not None:
            self._changed.set()

    async def save(self) -> None:
        """Store the positions if they have changed. Where the store fails, the next call tries again."""
        if not self._changed.is_set():
            return
        self._changed.clear()
        try:
            stored = _Stored(dict(self._positions), self._caught_up_at)
            await self._store.put(self._key, msgspec.to_builtins(stored))
        except LedgerError as error:
            self._changed.set()
            _log.warning("the read positions cannot be stored", key=self._key, error=str(error))

    async def keep_saving(self, seconds: float) -> None:
        """Store changes until cancelled, each at most ``seconds`` after it happened."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(seconds)
            await self.save()
