"""A person's items in the records of a plugin: each has a small number, by which people name it.

A number stays with its item, so that "delete 2" never means another item than the list showed. The number of a deleted
item is given again only to a new item.

>>> import asyncio
>>> from llmagent_os.records import MemoryRecords
>>> class Stone(Item, frozen=True):
...     colour: str = ""
>>> async def main() -> list[int]:
...     stones = NumberedItems(MemoryRecords(), Stone)
...     for colour in ("red", "green", "blue"):
...         await stones.add(Stone(colour=colour))
...     await stones.delete(2)
...     return [stone.number for stone in await stones.all()]
>>> asyncio.run(main())
[1, 3]
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar
from zlib import crc32

import msgspec
from msgspec.structs import replace

from llmagent_os.records import Records

_ITEM = "item:"
_BEFORE = "before"  #: the item that was changed or deleted last, as it was
MAX_DIGITS = 7  #: of a number that can be somebody's item
MAX_SAID_DIGITS = 5  #: of a number that people say; a longer one is words


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person keeps."""

    number: int = 0  #: by which the person names it; 0: it is not kept yet
    made_by: str = ""  #: the ``call_id`` that made it: after a crash the same call makes no second one

    @property
    def ref(self) -> str:
        """Stands for the item in buttons and timers: no later item with the same number has it."""
        return f"{self.number}.{crc32(self.made_by.encode()):08x}"


_T = TypeVar("_T", bound=Item)


class NumberedItems(Generic[_T]):
    """All items of a person.

    Args:
        records: the plugin's documents about the person.
        kind: the class of the items.
    """

    def __init__(self, records: Records, kind: type[_T]) -> None:
        self._records = records
        self._kind = kind

    async def all(self) -> list[_T]:
        """Every item, by its number."""
        found = [self._read(record) for key, record in await self._records.items() if key.startswith(_ITEM)]
        return sorted(found, key=lambda item: item.number)

    async def get(self, number: int) -> _T | None:
        """The item with a number. None: there is none."""
        record = await self._records.get(f"{_ITEM}{number}")
        return None if record is None else self._read(record)

    async def add(self, item: _T) -> _T:
        """Keep a new item under the smallest free number. A call that made one already gets that one."""
        known = await self.all()
        if item.made_by and (made := next((each for each in known if each.made_by == item.made_by), None)):
            return made
        item = replace(item, number=_free({each.number for each in known}))
        await self.put(item)
        return item

    async def put(self, item: _T) -> None:
        """Keep a changed item."""
        await self._records.put(f"{_ITEM}{item.number}", msgspec.to_builtins(item))

    async def by_ref(self, ref: str) -> _T | None:
        """The item that a button means. None: it is gone, even where a new item has its number."""
        number = ref.partition(".")[0]
        item = await self.get(int(number)) if number.isdecimal() and len(number) < MAX_DIGITS else None
        return item if item is not None and item.ref == ref else None

    async def change(self, item: _T) -> None:
        """Keep a changed item, so that :meth:`restore` can take the change back."""
        before = await self.get(item.number)
        if before is not None and before != item:  # the same: a call runs again after a crash
            await self._records.put(_BEFORE, msgspec.to_builtins(before))
        await self.put(item)

    async def delete(self, number: int) -> _T | None:
        """Delete an item, so that :meth:`restore` can bring it back. None: there is none with this number."""
        item = await self.get(number)
        if item is None:
            return None
        await self._records.put(_BEFORE, msgspec.to_builtins(item))
        await self.drop(number)
        return item

    async def drop(self, number: int) -> None:
        """Delete an item for good."""
        await self._records.delete(f"{_ITEM}{number}")

    async def undoable(self) -> _T | None:
        """The item that was changed or deleted last, as it was before. None: nothing can be taken back."""
        record = await self._records.get(_BEFORE)
        return None if record is None else self._read(record)

    async def end_undo(self) -> None:
        """Make the last change or deletion final."""
        await self._records.delete(_BEFORE)

    async def restore(self, ref: str) -> _T | None:
        """Take the last change or deletion back. None: it was of another item.

        A deleted item gets a new number where its own is taken.
        """
        item = await self.undoable()
        if item is None or item.ref != ref:
            return None
        await self._records.delete(_BEFORE)
        now = await self.get(item.number)
        if now is not None and now.ref != ref:
            taken = {each.number for each in await self.all()}
            item = replace(item, number=_free(taken))
        await self.put(item)
        return item

    def _read(self, record: dict[str, Any]) -> _T:
        return msgspec.convert(record, self._kind)


def said_number(text: str) -> int | None:
    """The number by which a person names an item. None: the text is no such number, so it may be words.

    >>> said_number("12"), said_number("milk"), said_number("123456")
    (12, None, None)
    """
    return int(text) if text.isdecimal() and len(text) <= MAX_SAID_DIGITS else None


def _free(taken: set[int]) -> int:
    return next(number for number in range(1, len(taken) + 2) if number not in taken)
