"""Dead letters: events that were tried as often as anything is.

They are kept, and ``llmagent-os dead-letters`` runs them again.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from pathlib import Path

import structlog

from llmagent_os.adapter import Reply
from llmagent_os.errors import ContainedError, LedgerError
from llmagent_os.events import ButtonPress, Command, Event, Message, Timer
from llmagent_os.host.pending_event import PendingEvent
from llmagent_os.languages import lazy_gettext
from llmagent_os.ledger import Ledger, UnfinishedEvent

_log = structlog.stdlib.get_logger(__name__)

#: What a person reads who asked for something that is a dead letter now.
KEPT = lazy_gettext(
    "Sorry, I tried three times, and I could not do this. I have kept it: the people who run me can see that it "
    "failed, and can have me try again."
)

#: What a person reads whose timer is a dead letter now.
KEPT_TIMER = lazy_gettext(
    "Sorry, something was due now. I tried three times, and I could not do it. I have kept it: the people who run me "
    "can see that it failed, and can have me try again."
)


def bury(pending: PendingEvent, why: str) -> None:
    """Decide that ``pending`` is a dead letter, and that its person is told.

    Args:
        pending: the event.
        why: what went wrong, without anything that the person wrote.
    """
    _log.error("an event is given up; it is kept as a dead letter", kind=type(pending.event).__name__, why=why)
    pending.decided = pending.dead = True
    pending.prepared = False
    pending.why = why
    pending.reply = _word(pending.event)
    pending.interaction = None
    pending.rewards = ()
    pending.tries = 0


def says_kept(reply: Reply | None) -> bool:
    """Whether ``reply``, which was decided before a crash, tells the person that the event is a dead letter."""
    return reply is not None and any(text.is_said_by(reply.text) for text in (KEPT, KEPT_TIMER))


def cause_of(error: Exception) -> str:
    """What ``error`` is and where it was raised, without its text: that may quote what the person wrote.

    >>> cause_of(ValueError("not a date: 'my birthday'"))
    'ValueError'
    """
    raised = error.__cause__ if isinstance(error, ContainedError) and error.__cause__ is not None else error
    frames = traceback.extract_tb(raised.__traceback__)
    place = f" in {frames[-1].name} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(raised).__name__}{place}"


def _word(event: Event) -> Reply | None:
    """What the person is told. None: nobody waits for the event."""
    if isinstance(event, Timer):
        return Reply(str(KEPT_TIMER))
    return Reply(str(KEPT)) if isinstance(event, Message | Command | ButtonPress) else None


class RevivedLetters:
    """Takes up the dead letters that the command line puts back while the host runs."""

    def __init__(self, ledger: Ledger, resume: Callable[[UnfinishedEvent], None], seconds: float) -> None:
        """Args: ``resume`` runs an event of the inbox; ``seconds`` is the pause between two looks at the inbox."""
        self._ledger = ledger
        self._resume = resume
        self._seconds = seconds

    async def run(self) -> None:
        """Look into the inbox until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self._ledger.take_revived(self._resume)
            except LedgerError as error:
                _log.error("the inbox cannot be read; trying again", error=str(error))
            except Exception:
                _log.exception("dead letters cannot be taken up again; trying again")
