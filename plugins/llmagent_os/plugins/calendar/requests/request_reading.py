"""Reads a message: the tool calls that its requests ask for, in order."""

from __future__ import annotations

from collections.abc import Callable

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.requests.clause import Clause

#: Reads one clause: the call that its words ask for, or None where not every word is understood.
ReadClause = Callable[[Clause], ToolCall | None]

#: The readers, in the order in which they are tried. The most particular words come first.
READERS: tuple[ReadClause, ...] = ()


async def read_requests(call: CalendarCall) -> tuple[ToolCall, ...]:
    """Return the tool calls that a message asks for. Empty: something in it is not understood.

    Args:
        call: with the message, the person's clock and their calendar.
    """
    clause = Clause.of(call.context.text, call.now, month_first=call.month_first)
    for reader in READERS:
        found = reader(clause)
        if found is not None:
            return (found,)
    return ()
