"""How much a host takes on, and how long it tries."""

from __future__ import annotations

import msgspec

from llmagent_os.adapter_kit.backoff import Backoff


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of one host."""

    max_pending_per_conversation: int = 20  #: unfinished events of one conversation; more are refused
    max_pending: int = 10_000  #: unfinished events of all conversations together
    max_running: int = 64  #: conversations run side by side
    reply_seconds: float = 300.0  #: how long the handler may take to answer
    send_seconds: float = 30.0  #: how long the platform may take for one reply
    send_tries: int = 5  #: how often a reply is sent before it is given up, not counting while its adapter is dead
    send_patience: float = 86_400.0  #: seconds that a platform may put one reply off, or be out of reach
    shutdown_seconds: float = 10.0  #: how long running events may take to finish when the host is stopped
    #: between two tries at a reply, or at writing the ledger
    send_backoff: Backoff = Backoff(first=1.0, factor=3.0, most=60.0)
    adapter_backoff: Backoff = Backoff(first=1.0, most=60.0)  #: before an adapter that died is started again
