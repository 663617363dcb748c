"""How far each reply has got on its platform, so that a second try goes on where the first one ended.

For adapters: a reply may become several messages, and the first of them may have begun as a draft. Whoever is cut off
between two of them, by a rate limit or by ``kill -9``, must neither say the first again nor leave the last out.

>>> import asyncio
>>> from llmagent_os.records import MemoryRecords
>>> async def main() -> Receipt:
...     deliveries, said = Deliveries(MemoryRecords()), []
...     async def post(number: int, text: str) -> str:
...         if number == 1 and len(said) == 1:
...             said.append("the line is cut")
...             raise ConnectionError
...         said.append(text)
...         return f"m{number}"
...     try:
...         await deliveries.deliver("k", ["one", "two"], post)
...     except ConnectionError:
...         return await deliveries.deliver("k", ["one", "two"], post, again=True)
>>> asyncio.run(main())
Receipt(message_ids=('m0', 'm1'))
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from llmagent_os.adapter import Receipt
from llmagent_os.records import Records

T = TypeVar("T")

#: So many replies are remembered without asking the store, by key.
REMEMBERED = 1000

_PREFIX = "delivery:"


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the platform has of a reply."""

    draft: str = ""  #: its id of the message in which the reply is being written; empty: there is none
    sent: tuple[str, ...] = ()  #: its ids of the parts that are out, in order


class Deliveries:
    """The replies under way, in memory and, where a crash would be seen, in the adapter's store."""

    def __init__(self, store: Records) -> None:
        """Args: ``store`` is the adapter's own."""
        self._store = store
        self._progress: dict[str, Progress] = {}
        self._loaded = False  # what the last process has left
        self._receipts: OrderedDict[str, Receipt] = OrderedDict()

    def receipt(self, key: str) -> Receipt | None:
        """What became of the reply of this key, where this process delivered it lately."""
        return self._receipts.get(key)

    async def progress(self, key: str) -> Progress:
        """How far the reply of this key is, also where a process that died has begun it."""
        if not self._loaded:
            self._loaded = True
            for name, kept in await self._store.items():
                if name.startswith(_PREFIX):
                    self._progress.setdefault(name.removeprefix(_PREFIX), msgspec.convert(kept, Progress))
        return self._progress.setdefault(key, Progress())

    async def note(self, key: str, progress: Progress) -> None:
        """Keep how far the reply of this key is; durable on return."""
        self._progress[key] = progress
        await self._store.put(_PREFIX + key, msgspec.to_builtins(progress))

    async def deliver(
        self, key: str, parts: Sequence[T], post: Callable[[int, T], Awaitable[str]], *, again: bool = False
    ) -> Receipt:
        """Post the parts that are not out yet.

        Args:
            key: of the reply.
            parts: all of it, in order; the same at every try.
            post: posts one, given its number from 0, and returns the platform's id of it.
            again: the reply was tried before, perhaps by a process that died.
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
        """The reply of this key is out whole."""
        progress = self._progress.pop(key, Progress())
        self._receipts[key] = receipt
        while len(self._receipts) > REMEMBERED:
            self._receipts.popitem(last=False)
        if again or progress.draft or len(progress.sent) > 1:
            await self._store.delete(_PREFIX + key)
        return receipt
