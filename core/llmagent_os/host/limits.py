"""How much a host takes on, and how long it tries."""

from __future__ import annotations

import msgspec

from llmagent_os.adapter_kit.backoff import Backoff


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of one host."""

    max_pending_per_conversation: int = 20  #: unfinished events of one conversation; more are refused
    max_pending_per_sender: int = 100  #: unfinished events of one sender in all conversations; more are refused
    max_pending: int = 10_000  #: unfinished events of all conversations together
    #: messages answered side by side. Most of them wait for a language model, which has a bound of its own.
    max_running: int = 256
    max_running_per_sender: int = 16  #: of those, messages of one sender; at most a quarter of ``max_running``
    max_running_quick: int = 64  #: commands, buttons, reactions and timers run side by side, besides the messages
    max_tries: int = 3  #: how often the handler is begun with an event that is never answered; then it is a dead letter
    revive_seconds: float = 5.0  #: how often the inbox is asked for dead letters that are to be run again
    blocked_seconds: float = 0.5  #: the watchdog names what keeps the event loop for longer
    reply_seconds: float = 300.0  #: how long the handler may take to answer
    send_seconds: float = 30.0  #: how long the platform may take for one reply
    send_tries: int = 5  #: how often a reply is sent before it is given up, not counting while its adapter is dead
    send_patience: float = 86_400.0  #: seconds that a platform may put one reply off, or be out of reach
    shutdown_seconds: float = 10.0  #: how long running events may take to finish when the host is stopped
    #: between two tries at a reply, or at writing the ledger
    send_backoff: Backoff = Backoff(first=1.0, factor=3.0, most=60.0)
    adapter_backoff: Backoff = Backoff(first=1.0, most=60.0)  #: before an adapter that died is started again
