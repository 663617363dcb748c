"""The statuses of tool results that mean something beyond their plugin."""

from __future__ import annotations

#: The status of a result that stands for a failed tool. Its text is sent as it is.
FAILED = "failed"

#: The status of a result that asks before it acts. "Yes" does what its text says, so no model may rephrase the text.
CONFIRM = "confirm"

#: The status of the result of a call that was not made: the person is asked first. No model has anything to say to it.
HELD_BACK = "held_back"

#: The status of the result of a call that lacks a credential. Its text is sent as it is.
NO_CREDENTIAL = "no_credential"

#: The statuses of results that ask for what the call did not have, or what the tool could not read in it.
INCOMPLETE = frozenset(("missing", "unclear"))

#: The statuses of results that ask something before anything is done, and not for a yes.
ASKING = INCOMPLETE | {"ambiguous", "conflict"}

#: The statuses of results of tools that did nothing.
NOTHING_DONE = ASKING | {
    FAILED,
    CONFIRM,
    HELD_BACK,
    NO_CREDENTIAL,
    "empty",
    "kept",
    "not_found",
    "past",
    "stale",
    "unchanged",
}
