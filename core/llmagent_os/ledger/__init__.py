"""The ledger: what came in, what was answered, and what that was worth. SQLAlchemy 2 over SQLite (WAL).

:class:`Ledger` is the store, :class:`Interaction` one reply with everything needed to learn from it, and
:class:`RewardEvent` one reaction on it.
"""

from __future__ import annotations

from llmagent_os.ledger.ledger import Ledger
from llmagent_os.ledger.values import Accepted, Interaction, Rated, RewardEvent, Taken, Unfinished

__all__ = ["Accepted", "Interaction", "Ledger", "Rated", "RewardEvent", "Taken", "Unfinished"]
