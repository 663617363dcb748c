"""Counts new opinions by the account that gave them. Reads each row of the ledger once."""

from __future__ import annotations

from collections import OrderedDict, deque

from llmagent_os.feedback.signals import SIGNALS
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger

#: The signals that are opinions.
OPINIONS = frozenset(kind for kind, signal in SIGNALS.items() if signal.is_opinion)

#: How many rows are read at once.
PAGE_ROWS = 2048


class OpinionTally:
    """For each account, the rows of its latest opinions. Several opinions of one reply are one."""

    def __init__(self, ledger: Ledger, most: int) -> None:
        """Args:
        ledger: with the rewards.
        most: how many opinions of an account are counted at most.
        """
        self._ledger = ledger
        self._most = most
        self._rows: OrderedDict[Identity, deque[int]] = OrderedDict()  #: the account with the newest opinion is last
        self.through = 0  #: the last row that was read

    async def read(self) -> None:
        """Read what is new.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        if await self._ledger.last_reward() < self.through:  # rows were erased, and their numbers are given again
            self._rows.clear()
            self.through = 0
        while True:
            page = await self._ledger.training_jobs.opinions_after(self.through, OPINIONS, PAGE_ROWS)
            for seq, rater in page:
                self._rows.setdefault(rater, deque(maxlen=self._most)).append(seq)
                self._rows.move_to_end(rater)
                self.through = seq
            if len(page) < PAGE_ROWS:
                return

    def count(self, identity: Identity, since: int) -> int:
        """How many replies an account has given opinions of after row ``since``, as far as they are counted."""
        return sum(seq > since for seq in self._rows.get(identity, ()))

    def accounts(self, since: int) -> list[Identity]:
        """The accounts that have given an opinion after row ``since``."""
        found: list[Identity] = []
        for identity, rows in reversed(self._rows.items()):
            if rows[-1] <= since:
                break
            found.append(identity)
        return found
