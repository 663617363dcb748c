"""Reads one part of a message as one request: by the first reader that understands all of its words."""

from __future__ import annotations

from collections.abc import Callable

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.change_request import read_change
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.creation_request import read_creation
from llmagent_os.plugins.calendar.requests.deletion_request import read_deletion
from llmagent_os.plugins.calendar.requests.lead_request import read_lead
from llmagent_os.plugins.calendar.requests.length_request import read_length
from llmagent_os.plugins.calendar.requests.lookup_request import read_lookup
from llmagent_os.plugins.calendar.requests.name_request import read_name
from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.requests.place_request import read_place
from llmagent_os.plugins.calendar.requests.politeness import before_request
from llmagent_os.plugins.calendar.requests.reference_request import read_reference
from llmagent_os.plugins.calendar.requests.request_sequence import ReadRequest, is_next_task, on_day
from llmagent_os.plugins.calendar.requests.request_verbs import says_delete
from llmagent_os.plugins.calendar.requests.series_end import read_series_end
from llmagent_os.plugins.calendar.requests.shift_request import read_shift

#: Reads one clause: the calls that its words ask for; None, or no call: not every word is understood.
ReadClause = Callable[[Clause], ToolCall | tuple[ToolCall, ...] | None]

#: The readers, in the order in which they are tried. The most particular words come first.
READERS: tuple[ReadClause, ...] = (
    read_lead,
    read_lookup,
    read_series_end,
    read_deletion,
    read_place,
    read_name,
    read_length,
    read_shift,
    read_change,
    read_reference,
    read_creation,
)


def read_clause(clause: Clause, verb: str = "", date: str = "") -> list[ReadRequest]:
    """Return what a part of a message asks for. Empty: not every word is understood.

    Args:
        clause: the part.
        verb: that of the request before, for a part without one.
        date: that of the request before, for an event with a time of day only.
    """
    bare = clause.part(before_request(clause.text))
    for each in (clause, bare):
        shares = verb and (not opens_request(bare.text) or is_next_task(verb, bare))
        for words in (each.after(verb), each) if shares else (each,):
            for reader in READERS:
                read = reader(words)
                calls = read if isinstance(read, tuple) else (read,) if read is not None else ()
                if calls:
                    return [_request(on_day(call, date), words) for call in calls]
    return []


def _request(call: ToolCall, clause: Clause) -> ReadRequest:
    """A request. A deletion that no verb of deletion asks for is asked about: "Bob can't make lunch"."""
    unsure = call.name == "delete_event" and not says_delete(clause.text)
    return ReadRequest(call, clause.text, unsure)
