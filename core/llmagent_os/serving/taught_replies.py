"""What a model was taught to say: its texts for each kind of tool result, and for talk without one.

A model that copies values into texts that it knows by heart says nothing else when it is right. So the texts and the
result together give every true reply, see :mod:`llmagent_os.reply.taught_check`. In a text ``<key>`` stands for the
value of a result's key, ``<user>`` for the person's name and ``<fact>`` for what the knowledge base found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

ANY = "*"  #: any value


class ResultKind(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which results of tools a text is about.

    >>> ResultKind(given={"status": "created", "when": ANY}).fits("add", {"status": "created", "when": "today"})
    True
    >>> ResultKind(given={"status": "created"}, absent=("kind",)).fits("add", {"status": "created", "kind": "reminder"})
    False
    """

    given: dict[str, str]  #: keys that the result has, and their values, or :data:`ANY`
    absent: tuple[str, ...] = ()  #: keys that the result does not have
    tool: str = ""  #: that gave the result; empty: any

    def fits(self, tool: str, data: Mapping[str, Any]) -> bool:
        """Return whether a result of ``tool`` with ``data`` is of this kind."""
        return (
            self.tool in ("", tool)
            and all(key in data and value in (ANY, data[key]) for key, value in self.given.items())
            and not any(key in data for key in self.absent)
        )


class TaughtReply(msgspec.Struct, frozen=True):
    """The texts for one kind of result, in all styles."""

    kind: ResultKind
    texts: tuple[str, ...]


class TaughtReplies(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a model was taught to say. Empty: unknown."""

    results: tuple[TaughtReply, ...] = ()
    remarks: tuple[str, ...] = ()  #: sentences that may go before or after a reply to a result
    talk: tuple[str, ...] = ()  #: replies where no tool was called

    def of(self, tool: str, data: Mapping[str, Any]) -> list[TaughtReply]:
        """Return the replies for a result: one, or one for each thing that was done. Empty: there are no words."""
        return [reply for reply in self.results if reply.kind.fits(tool, data)]


#: What a model was taught of which nothing is known.
NOTHING_TAUGHT = TaughtReplies()
