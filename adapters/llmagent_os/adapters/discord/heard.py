"""How far each channel was heard, so that what people say while the bot is away is fetched when it is back.

Discord replays what a short break of the line has swallowed; of a longer one, and of a restart, it says nothing.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec
import structlog

from llmagent_os.errors import LedgerError
from llmagent_os.records import Records

_log = structlog.stdlib.get_logger(__name__)

#: So many channels are remembered, those where something happened last.
CHANNELS = 200

_KEY = "heard"


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """One channel."""

    newest: str  #: id of the newest message that was taken
    guild: str | None = None  #: the server's id; None: direct messages


class _Kept(msgspec.Struct, frozen=True):
    channels: dict[str, Mark]  #: by id, the one where nothing has happened for longest first


class Heard:
    """The channels that the bot is part of. In memory, and in the store whenever :meth:`keep` is called: what was read
    since is read again after a crash, and recognised.
    """

    def __init__(self, store: Records) -> None:
        """Args: ``store`` is the adapter's own."""
        self._store = store
        self._marks: OrderedDict[str, Mark] = OrderedDict()
        self._changed = False
        self._loaded = False

    async def load(self) -> None:
        """Read what was kept, once."""
        if self._loaded:
            return
        kept = await self._store.get(_KEY)
        if kept is not None:
            try:
                known = msgspec.convert(kept, _Kept).channels
            except msgspec.ValidationError as error:  # of another version: what is missed once is not worth a crash
                _log.warning("discord: it is not known how far channels were heard", error=str(error))
                known = {}
            self._marks = OrderedDict({**known, **self._marks})
        self._loaded = True

    def channels(self) -> list[str]:
        """All of them."""
        return list(self._marks)

    def mark(self, channel: str) -> Mark | None:
        """How far this one was heard."""
        return self._marks.get(channel)

    async def begin(self, channel: str, guild: str | None, message_id: str) -> None:
        """With this message the bot becomes part of a channel; stored at once, so that a crash changes nothing."""
        if channel not in self._marks:
            self._put(channel, Mark(str(int(message_id) - 1), guild))
            await self.keep()

    def took(self, channel: str, guild: str | None, message_id: str) -> None:
        """A message was taken; where the bot is no part of the channel, nothing is noted."""
        known = self._marks.get(channel)
        if known is not None and int(message_id) > int(known.newest):
            self._put(channel, Mark(message_id, guild or known.guild))

    def forget(self, channel: str) -> None:
        """There is no such channel any more."""
        self._changed = self._marks.pop(channel, None) is not None or self._changed

    async def keep(self) -> None:
        """Store what has changed; on an error, next time."""
        if not self._changed:
            return
        self._changed = False
        try:
            await self._store.put(_KEY, msgspec.to_builtins(_Kept(dict(self._marks))))
        except LedgerError as error:
            self._changed = True
            _log.warning("discord: cannot store how far channels were heard", error=str(error))

    def _put(self, channel: str, mark: Mark) -> None:
        self._marks[channel] = mark
        self._marks.move_to_end(channel)
        self._changed = True
        while len(self._marks) > CHANNELS:
            self._marks.popitem(last=False)
