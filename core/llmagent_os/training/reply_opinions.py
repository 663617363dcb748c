"""Reads what people think of replies now, from the ledger's rewards."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from llmagent_os.feedback.kept_reasons import REASON, StandingReason, standing_reason
from llmagent_os.feedback.observations import count_opinion
from llmagent_os.feedback.rater_trust import Trust
from llmagent_os.feedback.signals import SIGNALS
from llmagent_os.feedback.verdict import Verdict, signs, verdict
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger, RewardEvent, RewardWithReply

#: Rows of rewards that are read at once.
PAGE_ROWS = 256


class ReplyOpinions(msgspec.Struct, frozen=True, kw_only=True):
    """What people think of one reply, and how far each of them is trusted."""

    reply: RewardWithReply  #: the last row about the reply; ``so_far`` has all of them
    trust: dict[Identity, float]  #: by rater, in [0, 1]

    @property
    def written_at(self) -> tuple[float, int]:
        """When the reply was written, and its place in its episode: replies can be put in order by it."""
        interaction = self.reply.interaction
        return (0.0, 0) if interaction is None else (interaction.created_at.timestamp(), interaction.turn_index)

    def reaction(self, besides: frozenset[Identity] = frozenset()) -> Verdict:
        """The opinion that all reactions amount to, without those of some raters."""
        rows = [row for row in self.reply.so_far if row.rater_id not in besides]
        return verdict(rows, self.reply.identities, self.trust)

    def reacted(self, besides: frozenset[Identity] = frozenset()) -> tuple[Identity, ...]:
        """Whose opinions :meth:`reaction` is made of, sorted."""
        rows = [row for row in self.reply.so_far if row.rater_id not in besides]
        alone = {
            rater: verdict([row for row in rows if row.rater_id == rater], self.reply.identities, self.trust)
            for rater in self.trust
        }
        found = {rater for rater, opinion in alone.items() if opinion.reward is not None}
        return tuple(sorted(found.intersection(self.reply.identities) or found))

    def signs(self) -> list[RewardEvent]:
        """What the person did next, and what failed: the rows that still stand."""
        standing = signs(self.reply.so_far, self.reply.identities)
        return [row for row in standing if row.kind in SIGNALS and row.kind != REASON]

    def reason(self) -> StandingReason | None:
        """Why the person did not like the reply, by a tap or as the answer to a question. None: they did not say."""
        return standing_reason(self.reply.so_far, self.reply.identities)


class OpinionReader:
    """Reads all rewards after a row, and keeps the replies that they are about.

    A rater is trusted as far as they were when they gave the opinion, or as far as they are at the end, whichever is
    less: a flood counts nothing also once it is over, and votes of somebody who turned out to be always against count
    less from the first one on.
    """

    def __init__(self, after: int = 0, trust: Trust | None = None, *, most: int) -> None:
        """Args:
        after: the row to begin after.
        trust: the trust in raters after that row; None: nothing was read yet.
        most: how many replies are kept; of more, those with the latest rewards.
        """
        self.through = after  #: the row of the last reward that was read
        self.trust = trust or Trust()
        self._most = most
        self._replies: OrderedDict[str, RewardWithReply] = OrderedDict()
        self._trusted_then: dict[tuple[str, Identity], float] = {}

    async def read(self, ledger: Ledger) -> list[ReplyOpinions]:
        """Read to the last row. Replies that were erased or cannot be read are left out.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        while rows := await ledger.rewards_after(self.through, PAGE_ROWS):
            for row in rows:
                self._take(row)
            self.through = rows[-1].seq
        return [self._opinions(key, row) for key, row in self._replies.items()]

    def _take(self, row: RewardWithReply) -> None:
        count_opinion(row, self.trust)
        if row.reward is None or row.interaction is None:
            return
        key, rater = row.interaction.interaction_id, row.reward.rater_id
        self._trusted_then[key, rater] = self.trust.score(rater)
        self._replies[key] = row
        self._replies.move_to_end(key)
        if len(self._replies) > self._most:
            dropped, old = self._replies.popitem(last=False)
            for each in old.so_far:
                self._trusted_then.pop((dropped, each.rater_id), None)

    def _opinions(self, key: str, row: RewardWithReply) -> ReplyOpinions:
        raters = {each.rater_id for each in row.so_far}
        trust = {rater: min(self.trust.score(rater), self._trusted_then.get((key, rater), 1.0)) for rater in raters}
        return ReplyOpinions(reply=row, trust=trust)
