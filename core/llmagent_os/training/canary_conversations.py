"""Says which conversations count in the test of a canary. Knows no ledger.

A conversation is the first minutes of a session: its replies, and what the person has thought of them by then. Of one
person, conversations count one after the other: one that begins while another is still counted does not. So whoever
opens a hundred threads at once is heard once. Nor does one person give much more of the evidence than others: at most
:data:`FREE` conversations, and twice as many as people give on average.

Both rules look only at what came before the conversation, and never at who answers it or at what was thought of it. So
they bias nothing.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from llmagent_os.identity import PersonId

#: Conversations that count of every person, however few those of others are.
FREE = 5
#: Beyond these, how many times as many conversations as people have on average count of one person.
MOST_TIMES_MEAN = 2.0


class CountedConversations:
    """What was counted of each person."""

    def __init__(self, minutes: float, *, one_person: bool) -> None:
        """Args:
        minutes: how long a conversation is counted, from its first reply.
        one_person: there is only one person: the canary is personal. Then nobody can give too much.
        """
        self._length = timedelta(minutes=minutes)
        self._one_person = one_person
        self._counts = Counter[PersonId]()
        self._last: dict[PersonId, datetime] = {}

    def admits(self, person: PersonId, begun_at: datetime) -> bool:
        """Whether a conversation counts that begins now. Conversations are asked about in their order."""
        last = self._last.get(person)
        if last is not None and begun_at < last + self._length:
            return False
        own, people = self._counts[person], max(len(self._counts), 1)
        return self._one_person or own < FREE + MOST_TIMES_MEAN * self._counts.total() / people

    def count(self, person: PersonId, begun_at: datetime) -> None:
        """Note a conversation that counts."""
        self._counts[person] += 1
        self._last[person] = max(begun_at, self._last.get(person, begun_at))
