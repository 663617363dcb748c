"""The ledger: what came in, what was answered, and what people thought of the answers. SQLAlchemy 2 over SQLite (WAL).

:class:`Ledger` is the store, :class:`Interaction` one reply with everything needed to learn from it,
:class:`CompletionRecord` one completion that a model wrote for a reply, and :class:`RewardEvent` one sign of what a
person thinks of a reply.
"""

from __future__ import annotations

from llmagent_os.ledger.ledger import Ledger
from llmagent_os.ledger.membership import HostCard, HostRow, Membership
from llmagent_os.ledger.values import (
    Accepted,
    CompletionRecord,
    DeadLetter,
    Interaction,
    Latest,
    ReplyWithRewards,
    RewardEvent,
    RewardWithReply,
    UnfinishedEvent,
)

__all__ = [
    "Accepted",
    "CompletionRecord",
    "DeadLetter",
    "HostCard",
    "HostRow",
    "Interaction",
    "Latest",
    "Ledger",
    "Membership",
    "ReplyWithRewards",
    "RewardEvent",
    "RewardWithReply",
    "UnfinishedEvent",
]
