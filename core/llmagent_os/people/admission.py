"""Stands before the agent and asks who is there.

It is composed in plain sight, ``Host(Admission(agent, access), …)``. Whoever
:class:`~llmagent_os.people.access.Access` admits goes on to the agent; a stranger gets no further than here. Nothing
that a stranger says is kept. Their reactions are no rewards: the host asks the same question (``may_rate``).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from llmagent_os.adapter import Reply
from llmagent_os.events import ButtonPress, Command, Event, Message, event_key
from llmagent_os.handler import Draft, Handler, Outcome
from llmagent_os.identity import identity_of

if TYPE_CHECKING:
    from llmagent_os.people.access import Access

#: So many strangers in groups are remembered as told to write directly.
REMEMBERED = 10_000


class Admission:
    """A handler before the handler."""

    def __init__(self, handler: Handler, access: Access) -> None:
        """Args: ``handler`` answers whoever ``access`` admits."""
        self._handler = handler
        self._access = access
        # Not in the ledger: nothing is kept about passers-by. After a restart they are told once more.
        self._told: OrderedDict[str, str] = OrderedDict()

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        if event.sender.is_bot:
            return Outcome(None)
        if await self._access.admits(event) or self._is_link(event):
            return await self._handler.handle(event, draft)
        match event:
            case Message(addressed=True) | Command() | ButtonPress() if self._access.mode == "pairing":
                return Outcome(await self._door(event))
            case _:  # their reminders, from when they were let in, and what they say to others, too
                return Outcome(None)

    def _is_link(self, event: Event) -> bool:
        """Whether somebody known elsewhere may be proving it: the code decides, and wrong ones are counted."""
        return (
            self._access.mode == "pairing"
            and isinstance(event, Command)
            and event.name == "link"
            and bool(event.arguments.strip())
            and event.conversation.kind == "direct"
        )

    async def _door(self, event: Event) -> Reply | None:
        if event.conversation.kind == "group":
            return self._hint(event)
        request = await self._access.ask(event)
        if request is None or not request.tell:
            return None
        command = f"`llmagent-os people approve {request.code}`"
        ways = f"`/approve {request.code}` or {command}" if self._access.admins else command
        return Reply(
            "Hello! I answer only people whom those who run me have let in. Please give them this code, which is valid "
            f"for an hour: `{request.code}`\n\nThey let you in with {ways}. If you talk to me elsewhere already, send "
            "`/link` there: its code is good here too."
        )

    def _hint(self, event: Event) -> Reply | None:
        """Once, and for the one who asked only."""
        who, key = identity_of(event), event_key(event)
        if self._told.setdefault(who, key) != key:
            return None
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return Reply(
            "I don't know you yet. Please write to me directly, and I will tell you how to be let in.",
            only_for=event.sender.user_id,
        )
