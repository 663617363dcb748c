"""What a person thought of the replies of a conversation, as one number.

It is made of what the person did: their reactions, thanks, corrections, asking again. What bystanders thought does not
count: whoever reads along in a busy channel could judge everybody's conversations. Raters are trusted as everywhere
else (:mod:`llmagent_os.feedback.rater_trust`): less in a flood, and less if they are always against.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from llmagent_os.feedback.observations import count_opinion
from llmagent_os.feedback.rater_trust import Trust
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger, ReplyWithRewards, RewardEvent, RewardWithReply
from llmagent_os.training.consented_opinions import ConsentedOpinions
from llmagent_os.training.credit_assignment import Opinion
from llmagent_os.training.reply_opinions import PAGE_ROWS, ReplyOpinions

#: Rows of rewards before a test that are read to know whom to trust.
TRUST_ROWS = 4096
#: Rewards whose raters' trust at that moment is remembered.
MOST_REMEMBERED = 10_000


class ConversationRewards:
    """Reads new rewards, and gives the mean reward of conversations."""

    def __init__(self, ledger: Ledger, consents: Callable[[PersonId], Awaitable[bool]], since: int) -> None:
        """Args:
        ledger: of the bot.
        consents: whether a person may be learned from. What others think counts as silence.
        since: the last row of rewards before the tests.
        """
        self._ledger = ledger
        self._consents = consents
        self._through = max(0, since - TRUST_ROWS)
        self._trust = Trust()
        self._then: OrderedDict[str, float] = OrderedDict()  # the trust when a reward came, by its id

    async def follow(self) -> None:
        """Read what is new.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        self._through = min(self._through, await self._ledger.last_reward())  # rows at the end may have been erased
        while rows := await self._ledger.rewards_after(self._through, PAGE_ROWS):
            for row in rows:
                count_opinion(row, self._trust)
                if row.reward is not None:
                    self._then[row.reward.reward_id] = self._trust.score(row.reward.rater_id)
            self._through = rows[-1].seq
            while len(self._then) > MOST_REMEMBERED:
                self._then.popitem(last=False)

    async def mean(self, replies: Sequence[int], until: datetime) -> float:
        """The mean reward of the judged replies of a conversation, in [-1, 1]; 0 if none was judged.

        Args:
            replies: their rows in the ledger. A reply that was erased is left out.
            until: rewards after this moment do not count.
        """
        consented = ConsentedOpinions(self._ledger, self._consents)
        judged: list[float] = []
        for seq in replies:
            found = await self._ledger.replies_after(seq - 1, 1)
            if found and found[0].seq == seq:
                given = self._own(found[0], until)
                reward = mean_opinion(await consented.opinions(given, await consented.signs(given)))
                judged += [] if reward is None else [reward]
        return math.fsum(judged) / len(judged) if judged else 0.0

    def _own(self, reply: ReplyWithRewards, until: datetime) -> ReplyOpinions:
        """What the person who was answered has thought of a reply by a moment."""
        rows = [row for row in reply.rewards if row.rater_id in reply.identities and row.at <= until]
        last = RewardWithReply(
            seq=reply.seq,
            reward=rows[-1] if rows else None,
            interaction=reply.interaction,
            person=reply.person,
            identities=reply.identities,
            so_far=rows,
        )
        return ReplyOpinions(reply=last, trust=self._trusted(rows))

    def _trusted(self, rows: Sequence[RewardEvent]) -> dict[Identity, float]:
        """How far raters are trusted: as they were when they gave their opinion, or as they are, whichever is less."""
        trust: dict[Identity, float] = {}
        for row in rows:
            then = self._then.get(row.reward_id, 1.0)
            trust[row.rater_id] = min(then, self._trust.score(row.rater_id))  # the latest opinion decides
        return trust


def mean_opinion(opinions: Sequence[Opinion]) -> float | None:
    """The mean of opinions on one reply, by their weights, and less where nobody is fully trusted; None: there is none.

    >>> mean_opinion([Opinion(kind="reaction", reward=-1.0, weight=0.25, raters=())])
    -0.25
    """
    whole = math.fsum(opinion.weight for opinion in opinions)
    if not whole:
        return None
    mean = math.fsum(opinion.weight * opinion.reward for opinion in opinions) / whole
    return max(-1.0, min(1.0, mean * max(opinion.weight for opinion in opinions)))
