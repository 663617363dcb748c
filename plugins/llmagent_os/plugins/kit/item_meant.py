"""The one item that a person means by a number or by words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from llmagent_os.languages import gettext
from llmagent_os.plugin import Card, ToolResult
from llmagent_os.plugins.kit.numbered_items import Item

MAX_SHOWN = 20  #: items that are listed where several are meant

_Item = TypeVar("_Item", bound=Item)


async def with_item_meant(
    found: Sequence[_Item],
    act: Callable[[_Item], Awaitable[ToolResult]],
    *,
    missing: str,
    line: Callable[[_Item], str],
) -> ToolResult:
    """Do something with the one item that a person means.

    Args:
        found: the items that a number or words of the person fit.
        act: does it.
        missing: what is said where no item fits.
        line: shows an item in a list, where several fit.
    """
    if len(found) == 1:
        return await act(found[0])
    if not found:
        return ToolResult({"status": "not_found"}, missing)
    rows = tuple((str(each.number), line(each)) for each in found[:MAX_SHOWN])
    numbers = ", ".join(number for number, _ in rows)
    text = gettext("Several fit. Which number do you mean?")
    return ToolResult({"status": "several", "numbers": numbers}, text, card=Card(rows=rows))
