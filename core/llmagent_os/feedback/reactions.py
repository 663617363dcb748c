"""From an emoji on a message to a reward of the reply that the message is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from llmagent_os.events import Conversation, Reaction, event_key
from llmagent_os.feedback.emoji_table import RewardMapping, emojis, opinion
from llmagent_os.identity import identity_of
from llmagent_os.ledger import Interaction, Ledger, RewardEvent

_log = structlog.stdlib.get_logger(__name__)


class Reactions:
    """Joins reactions to replies, also to one whose sending has not come back yet."""

    def __init__(
        self,
        ledger: Ledger,
        mapping: RewardMapping,
        patience: float,
        may_rate: Callable[[Reaction], Awaitable[bool]] | None = None,
    ) -> None:
        """Nothing is read before somebody reacts.

        Args:
            ledger: knows the replies, and keeps the rewards.
            mapping: what an emoji is worth.
            patience: how long to wait for replies under way, in seconds.
            may_rate: whose reactions count; None: everybody's.
        """
        self._ledger = ledger
        self._mapping = mapping
        self._patience = patience
        self._may_rate = may_rate
        self._sending: dict[str, tuple[str, str]] = {}  # key -> platform and channel
        self._waiting: dict[str, asyncio.Future[None]] = {}  # key -> who waits for that reply to be out

    def sending(self, key: str, to: Conversation) -> None:
        """A reply is on its way to its platform."""
        self._sending[key] = (to.platform, to.channel)

    def sent(self, key: str) -> None:
        """It has arrived and the ledger has been asked to note it, or it has not arrived."""
        self._sending.pop(key, None)
        waiting = self._waiting.pop(key, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def may_join(self, event: Reaction) -> bool:
        """Whether it is on a reply, as far as can be told by now.

        Raises:
            LedgerError: it cannot be read.
        """
        here = (event.conversation.platform, event.conversation.channel)
        return here in self._sending.values() or await self._ledger.is_reply(*here, event.message_id)

    async def join(self, event: Reaction) -> tuple[Interaction, RewardEvent] | None:
        """Find the reply and store the reward. None: the message is none of ours, or a bot reacted, or somebody who is
        not answered.

        The same event gives the same reward again, so that a crash in between loses or doubles nothing.

        Raises:
            LedgerError: it cannot be read or written.
        """
        interaction = None if event.sender.is_bot else await self._reacted_to(event)
        if interaction is None or not (self._may_rate is None or await self._may_rate(event)):
            return None
        rows = await self._ledger.rewards_of(interaction.interaction_id)
        reward_id, rater_id = event_key(event), identity_of(event)
        for row in rows:
            if row.reward_id == reward_id:
                return interaction, row
        platform = event.conversation.platform
        if not self._mapping.knows(event.emoji, platform):
            _log.info("an emoji that no reward is set for counts as neutral", emoji=event.emoji, platform=platform)
        there = [each for each in emojis(rows, rater_id) if each != event.emoji]
        if event.action == "added":
            there.append(event.emoji)
        before = sum(row.reward for row in rows if row.kind == "reaction" and row.rater_id == rater_id)
        reward = RewardEvent(
            reward_id=reward_id,
            event_id=event.event_id,
            interaction_id=interaction.interaction_id,
            rater_id=rater_id,
            user_id=interaction.user_id,
            op="add" if event.action == "added" else "remove",
            raw_value=event.emoji,
            # What changes: taking off what was never counted changes nothing, nor does putting the same on twice, and
            # a second emoji is a changed mind, not a second voice.
            reward=opinion(there, self._mapping, platform) - before,
            mapping_version=self._mapping.version,
            at=event.at,
        )
        await self._ledger.add_reward(reward)
        return interaction, reward

    async def _reacted_to(self, event: Reaction) -> Interaction | None:
        where = (event.conversation.platform, event.conversation.channel, event.message_id)
        interaction = await self._ledger.interaction_of(*where)
        # Somebody can react before the platform has told us what the message is called.
        here = [key for key, to in self._sending.items() if to == where[:2]]
        if interaction is None and here:
            loop = asyncio.get_running_loop()
            out = [self._waiting.setdefault(key, loop.create_future()) for key in here]
            await asyncio.wait(out, timeout=self._patience)
            interaction = await self._ledger.interaction_of(*where)
        return interaction
