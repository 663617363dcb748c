"""Reads a part of a message as one request: the first reader that understands all of its words is asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.change_request import read_change
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.creation_request import read_creation
from llmagent_os.plugins.calendar.requests.deletion_request import read_deletion
from llmagent_os.plugins.calendar.requests.lead_request import read_lead
from llmagent_os.plugins.calendar.requests.length_request import read_length
from llmagent_os.plugins.calendar.requests.lookup_request import read_lookup
from llmagent_os.plugins.calendar.requests.name_request import read_name
from llmagent_os.plugins.calendar.requests.openings import Asks, opening_of, opens_other, opens_request
from llmagent_os.plugins.calendar.requests.place_request import read_place
from llmagent_os.plugins.calendar.requests.politeness import before_request, plain
from llmagent_os.plugins.calendar.requests.reference_request import read_reference
from llmagent_os.plugins.calendar.requests.shift_request import read_shift

#: Reads one clause: the calls that its words ask for; None, or no call: not every word is understood.
ReadClause = Callable[[Clause], ToolCall | tuple[ToolCall, ...] | None]

#: The readers, in the order in which they are tried. The most particular words come first.
READERS: tuple[ReadClause, ...] = (
    read_lead,
    read_lookup,
    read_deletion,
    read_place,
    read_name,
    read_length,
    read_shift,
    read_change,
    read_reference,
    read_creation,
)

#: Things to do that are also words of requests.
_TASK = re.compile(
    r"(?:to )?(?:leave|see|check(?: on| in)?|make|bring|take|get|give|tell|read|find|turn|stop|keep|feed|put|book"
    r"|have|do|set|pick)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ReadRequest:
    """One request of a message."""

    call: ToolCall
    words: str  #: what the person said for it, with the verb that it shares with the request before
    unsure: bool = False  #: the person is asked before it is done


def read_one(clause: Clause, verb: str, date: str) -> list[ReadRequest]:
    """Read a part as one request."""
    bare = clause.part(before_request(clause.text))
    for each in (clause, bare):
        shares = verb and (not opens_request(bare.text) or is_next_task(verb, bare))
        for words in (each.after(verb), each) if shares else (each,):
            for reader in READERS:
                read = reader(words)
                calls = read if isinstance(read, tuple) else (read,) if read is not None else ()
                if calls:
                    return [ReadRequest(on_day(call, date), words.text) for call in calls]
    return []


def is_next_task(verb: str, clause: Clause) -> bool:
    """Whether words are one more thing to be reminded of: "remind me to call Tom at noon and leave at 4"."""
    opening = opening_of(f"{verb} ")
    reminds = opening is not None and opening[0] is Asks.REMINDER
    return reminds and bool(clause.mentions) and _TASK.match(plain(clause.text)) is not None


def on_day(call: ToolCall, date: str) -> ToolCall:
    """An event on the day of the event before it, where it has a time of day and no day of its own."""
    given = call.arguments
    if call.name != "create_event" or not date or "time" not in given or {"date", "repeat"} & given.keys():
        return call
    return msgspec.structs.replace(call, arguments={**given, "date": date})


def verb_of(text: str) -> str:
    """The first words of a request, which a part behind it shares."""
    opening = opening_of(text)
    if opening is not None:
        return text[: opening[1]].strip(" ,:")
    match = re.match(r"\w+", text)
    return match[0] if match and opens_other(text) else ""
