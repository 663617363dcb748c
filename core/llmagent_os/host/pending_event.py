"""One event on its way through the host."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.events import Event, event_key
from llmagent_os.ledger import Interaction, RewardEvent

#: The event that the present task runs, also in tasks and threads that it has started.
RUNNING: ContextVar[PendingEvent | None] = ContextVar("RUNNING", default=None)


class PendingEvent:
    """An accepted event and how far it has come. No stage is run twice while the process lives."""

    __slots__ = (
        "changed_work",
        "dead",
        "decided",
        "dropped",
        "erases",
        "event",
        "failures",
        "interaction",
        "key",
        "limit",
        "may_be_sent",
        "noted",
        "prepared",
        "put_off_since",
        "reacted_to",
        "receipt",
        "reply",
        "rewards",
        "running",
        "since",
        "suspect",
        "times_begun",
        "tries",
        "unstored",
        "where",
        "why",
        "work",
    )

    def __init__(self, event: Event, since: float) -> None:
        """Args: ``since`` is when the event arrived, in seconds on the loop's clock."""
        self.event = event
        self.where = event.conversation  #: where the reply goes
        self.since = since
        self.key = event_key(event)
        self.decided = False  #: the handler has answered
        self.prepared = False  #: the ledger holds the answer
        self.reply: Reply | None = None  #: what to send; None: nothing
        self.interaction: Interaction | None = None  #: what the ledger keeps of the reply
        self.rewards: tuple[RewardEvent, ...] = ()  #: what the event says of earlier replies
        self.reacted_to: Interaction | None = None  #: the reply that a reaction is on
        self.why: str | None = None  #: what went wrong; None: nothing did
        self.receipt: Receipt | None = None  #: what the platform calls the reply; None: the reply is not sent
        self.tries = 0  #: failed tries at the present stage
        self.may_be_sent = False  #: a try at sending began, so the platform may have the reply already
        self.times_begun = 0  #: how often the handler was begun with the event, by earlier processes too
        self.noted = False  #: the ledger has counted that the handler is begun, so it need not be noted
        self.suspect = False  #: the event may be what has ended earlier processes
        self.failures = 0  #: how often this process could not run the event at all
        self.dead = False  #: the event was given up, and is kept as a dead letter; ``reply`` says so
        self.dropped = False  #: the person was erased: no answer is decided, kept or sent
        self.unstored = False  #: it was begun, and could not be stored: the ledger has no row of it
        self.erases = False  #: it erases its person: nothing of it may be left once it is answered
        self.work = ""  #: what the handler says that it is doing; empty: it has not said
        self.changed_work: asyncio.Event | None = None  #: set where the platform shows it: it is over, or other work
        self.limit: asyncio.Timeout | None = None  #: of the handler, while it decides
        self.running: asyncio.Future[None] | None = None  #: done once the stages that run now have come back
        self.put_off_since: float | None = None  #: when the platform first said "not now", on the loop's clock

    def note_work(self, words: str) -> None:
        """Note what the handler is doing."""
        self.work = words
        self.wake_indicator()

    def wake_indicator(self) -> None:
        """Tell whoever shows the work to look again: it is other work, or ``decided`` is true."""
        if self.changed_work is not None:
            self.changed_work.set()

    @property
    def reply_key(self) -> str:
        """The key under which ``reply`` is sent. That of the event stays free for its answer, if it is run again."""
        return f"{self.key}:kept" if self.dead else self.key
