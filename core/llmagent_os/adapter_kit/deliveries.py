"""How far each reply has got on its platform, so that a second try continues where the first one ended.

A reply may become several messages, and the first of them may have begun as a draft. A rate limit or ``kill -9`` can
end the delivery between two of them. The next try must neither post a message again nor leave one out.

>>> import asyncio
>>> from llmagent_os.records import MemoryRecords
>>> async def main() -> Receipt:
...     deliveries, log = Deliveries(MemoryRecords()), []
...     async def post(number: int, text: str) -> str:
...         if number == 1 and len(log) == 1:
...             log.append("the connection broke")
...             raise ConnectionError
...         log.append(text)
...         return f"m{number}"
...     try:
...         await deliveries.deliver("k", ["one", "two"], post)
...     except ConnectionError:
...         return await deliveries.deliver("k", ["one", "two"], post, again=True)
>>> asyncio.run(main())
Receipt(message_ids=('m0', 'm1'))
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec
import structlog

from llmagent_os.adapter import Receipt
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.records import DELIVERY, Record, Records

_log = structlog.stdlib.get_logger(__name__)

T = TypeVar("T")

#: How many receipts are kept in memory: those of the latest replies.
MAX_RECEIPTS = 1000

_PREFIX = DELIVERY


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the platform already has of a reply."""

    draft: str = ""  #: the platform's id of the message that shows the draft; empty: there is no draft
    sent: tuple[str, ...] = ()  #: the platform's ids of the parts that were posted, in order


class Deliveries:
    """The replies that are being delivered: in memory, and in the adapter's store where a crash would matter."""

    def __init__(self, store: Records, *, shared: bool = False) -> None:
        """Args:
        store: holds the adapter's own documents.
        shared: whether other hosts use it too, so that a reply may have been begun by another one at any time.
        """
        self._store = store
        self._shared = shared
        self._progress: dict[str, Progress] = {}
        self._loaded = False  # whether the progress that the last process stored was read
        self._receipts: BoundedDict[str, Receipt] = BoundedDict(MAX_RECEIPTS)

    def receipt(self, key: str) -> Receipt | None:
        """The receipt of the reply ``key``; None unless this process has delivered the reply lately."""
        return self._receipts.get(key)

    async def progress(self, key: str) -> Progress:
        """How far the reply ``key`` has got, also where an earlier process began it."""
        if not self._loaded:
            self._loaded = True
            for name, stored in await self._store.items():
                if name.startswith(_PREFIX):
                    self._progress.setdefault(name.removeprefix(_PREFIX), _read(name, stored))
        elif self._shared and key not in self._progress and (kept := await self._store.get(_PREFIX + key)) is not None:
            self._progress[key] = _read(_PREFIX + key, kept)
        return self._progress.setdefault(key, Progress())

    async def note(self, key: str, progress: Progress) -> None:
        """Keep how far the reply ``key`` has got. Durable on return."""
        self._progress[key] = progress
        await self._store.put(_PREFIX + key, msgspec.to_builtins(progress))

    async def deliver(
        self, key: str, parts: Sequence[T], post: Callable[[int, T], Awaitable[str]], *, again: bool = False
    ) -> Receipt:
        """Post the parts of a reply that were not posted yet.

        Args:
            key: of the reply.
            parts: the whole reply, in order; the same at every try.
            post: posts one part, given its number from 0, and returns the platform's id of the message.
            again: whether the reply was tried before, perhaps by an earlier process.
        """
        if (known := self._receipts.get(key)) is not None:
            return known
        progress = await self.progress(key)
        for number in range(len(progress.sent), len(parts)):
            message_id = await post(number, parts[number])
            progress = msgspec.structs.replace(self._progress[key], sent=(*progress.sent, message_id))
            self._progress[key] = progress
            if number + 1 < len(parts):
                await self.note(key, progress)
        return await self.finish(key, Receipt(progress.sent), again=again)

    async def finish(self, key: str, receipt: Receipt, *, again: bool = False) -> Receipt:
        """Note that the whole reply ``key`` was delivered, and drop its progress."""
        progress = self._progress.pop(key, Progress())
        self._receipts[key] = receipt
        if again or progress.draft or len(progress.sent) > 1:
            await self._store.delete(_PREFIX + key)
        return receipt


def _read(name: str, stored: Record) -> Progress:
    """The progress that was stored. None where it is damaged: this reply may come twice, and it must be sent."""
    try:
        return msgspec.convert(stored, Progress)
    except msgspec.ValidationError as error:
        _log.warning("the progress of a reply cannot be read", key=name, error=str(error))
        return Progress()
