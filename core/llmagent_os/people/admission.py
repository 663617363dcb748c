"""Checks who may talk to the bot before the agent sees a message.

It is composed in plain sight: ``Host(Admission(agent, access), …)``. The agent gets the events of people whom
:class:`~llmagent_os.people.access.Access` admits. A stranger is told here how to be let in, and nothing that a stranger
says is kept. Their reactions are no rewards either: the host asks the same question (``may_rate``).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from llmagent_os.adapter import Reply
from llmagent_os.events import ButtonPress, Command, Event, Message, event_key
from llmagent_os.handler import Draft, Handler, Outcome
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext
from llmagent_os.languages.written_phrases import join_sentences

if TYPE_CHECKING:
    from llmagent_os.people.access import Access

#: How many strangers are remembered who were told in a group to write directly.
REMEMBERED_STRANGERS = 10_000


class Admission:
    """A handler that passes on the events of people who are admitted."""

    def __init__(self, handler: Handler, access: Access) -> None:
        """Args: ``handler`` answers the people whom ``access`` admits."""
        self._handler = handler
        self._access = access
        # In memory only: nothing is kept about strangers. After a restart they are told once more.
        self._hinted: OrderedDict[str, str] = OrderedDict()

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        if event.sender.is_bot:
            return Outcome(None)
        if await self._access.admits(event) or self._is_link(event):
            return await self._handler.handle(event, draft)
        match event:
            case Message(addressed=True) | Command() | ButtonPress() if self._access.mode == "pairing":
                return Outcome(await self._answer_stranger(event))
            case _:  # also the reminders of people who are let in no longer, and what strangers say to others
                return Outcome(None)

    def _is_link(self, event: Event) -> bool:
        """Whether a person who is known elsewhere may be proving it. The code decides, and wrong codes are counted."""
        return (
            self._access.mode == "pairing"
            and isinstance(event, Command)
            and event.name == "link"
            and bool(event.arguments.strip())
            and event.conversation.kind == "direct"
        )

    async def _answer_stranger(self, event: Event) -> Reply | None:
        """How to be let in. None: the stranger was told a moment ago, or too many ask."""
        if event.conversation.kind == "group":
            return self._hint(event)
        request = await self._access.ask(event)
        if request is None or not request.tell:
            return None
        hello = gettext(
            "Hello! I answer only people whom those who run me have let in. Please give them this code, which is valid "
            "for an hour: `{code}`",
            code=request.code,
        )
        if self._access.has_admins:
            how = gettext(
                "They let you in with `/approve {code}` or `llmagent-os people approve {code}`.", code=request.code
            )
        else:
            how = gettext("They let you in with `llmagent-os people approve {code}`.", code=request.code)
        link = gettext("If you talk to me elsewhere already, send `/link` there: its code is good here too.")
        return Reply(f"{hello}\n\n{join_sentences([how, link])}")

    def _hint(self, event: Event) -> Reply | None:
        """In a group: the hint to write directly, once, and visible to the stranger alone."""
        who, key = identity_of(event), event_key(event)
        if self._hinted.setdefault(who, key) != key:
            return None
        while len(self._hinted) > REMEMBERED_STRANGERS:
            self._hinted.popitem(last=False)
        return Reply(
            gettext("I don't know you yet. Please write to me directly, and I will tell you how to be let in."),
            only_for=event.sender.user_id,
        )
