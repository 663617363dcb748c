"""Joins a reaction on a message to the reply in that message, and stores the reward."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from llmagent_os.adapter import Receipt, Thumbs
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.events import PRESSED_DOWN, PRESSED_UP, ButtonPress, Conversation, Event, Reaction, event_key
from llmagent_os.feedback.emoji_table import RewardMapping
from llmagent_os.feedback.kept_reasons import dislikes
from llmagent_os.feedback.verdict import emojis, opinion
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger import Interaction, Ledger, RewardEvent

_log = structlog.stdlib.get_logger(__name__)

#: How many replies that the ledger does not keep are remembered, so that their buttons are for one person only.
REMEMBERED_REPLIES = 10_000


class Reactions:
    """Joins reactions to replies, also to a reply whose platform has not confirmed it yet."""

    def __init__(
        self,
        ledger: Ledger,
        mapping: RewardMapping,
        patience_seconds: float,
        may_rate: Callable[[Reaction], Awaitable[bool]] | None = None,
    ) -> None:
        """Keep the parts. The ledger is not read before the first reaction.

        Args:
            ledger: knows the replies, and keeps the rewards.
            mapping: what an emoji is worth.
            patience_seconds: how long a reaction waits for replies that are being sent.
            may_rate: says whether a reaction counts; None: every reaction counts.
        """
        self._ledger = ledger
        self._mapping = mapping
        self._patience_seconds = patience_seconds
        self._may_rate = may_rate
        self._sending: dict[str, tuple[str, str]] = {}  # key -> platform and channel
        self._waiting: dict[str, asyncio.Future[None]] = {}  # key -> done once the reply is out
        # Platform, channel and id of a message that the ledger does not know as a reply -> the account that it answers.
        self._unkept: BoundedDict[tuple[str, str, str], Identity] = BoundedDict(REMEMBERED_REPLIES)

    def sending(self, key: str, to: Conversation) -> None:
        """Note that the reply ``key`` is being sent to its platform."""
        self._sending[key] = (to.platform, to.channel)

    def sent(self, key: str) -> None:
        """Note that the reply ``key`` was sent and the ledger was asked to note it, or that sending has failed."""
        self._sending.pop(key, None)
        waiting = self._waiting.pop(key, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def note_unkept(self, event: Event, receipt: Receipt) -> None:
        """Note whom a reply with buttons answers that the ledger does not keep. A restart forgets it."""
        for message_id in receipt.message_ids:
            where = (event.conversation.platform, event.conversation.channel, message_id)
            self._unkept[where] = identity_of(event)

    async def may_join(self, event: Reaction) -> bool:
        """Return whether the reaction may be on a reply: one in the ledger, or one that is being sent there.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        here = (event.conversation.platform, event.conversation.channel)
        return here in self._sending.values() or await self._ledger.is_reply(*here, event.message_id)

    async def owner_of(self, press: ButtonPress) -> Identity | None:
        """The account that the reply under a pressed button answers. None: the message is no reply that is known.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        where = (press.conversation.platform, press.conversation.channel)
        was_sending = where in self._sending.values()  # it may be out before the ledger has answered
        owner = await self._ledger.owner_of(*where, press.message_id)
        if owner is None and (await self._out(where) or was_sending):
            owner = await self._ledger.owner_of(*where, press.message_id)
        return owner or self._unkept.get((*where, press.message_id))

    async def join(self, event: Reaction) -> tuple[Interaction, RewardEvent] | None:
        """Find the reply and store the reward.

        The same event gives the same reward again, so that a crash in between neither loses nor doubles a reward.

        Returns:
            The reply and the reward; None: the message is not a reply, a bot reacted, or the reaction does not count.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        interaction = None if event.sender.is_bot else await self._reacted_to(event)
        if interaction is None:
            return None
        rows = await self._ledger.rewards_of(interaction.interaction_id)
        reward_id, rater_id = event_key(event), identity_of(event)
        for row in rows:
            if row.reward_id == reward_id:
                return interaction, row
        if event.action == "pressed":
            event = msgspec.structs.replace(
                event, action="removed" if event.emoji in emojis(rows, rater_id) else "added"
            )
        if not (self._may_rate is None or await self._may_rate(event)):
            return None
        platform = event.conversation.platform
        if not self._mapping.knows(event.emoji, platform):
            _log.info("an emoji without a reward in the table counts as neutral", emoji=event.emoji, platform=platform)
        before = sum(row.reward for row in rows if row.kind == "reaction" and row.rater_id == rater_id)
        reward = RewardEvent(
            reward_id=reward_id,
            event_id=event.event_id,
            interaction_id=interaction.interaction_id,
            rater_id=rater_id,
            user_id=interaction.user_id,
            op="add" if event.action == "added" else "remove",
            raw_value=event.emoji,
            reward=0.0,
            mapping_version=self._mapping.version,
            at=event.at,
        )
        # The change of the rater's opinion. Removing an emoji that was never counted changes nothing, and neither does
        # adding an emoji twice. A second emoji is a changed mind and not a second voice.
        after = opinion(emojis([*rows, reward], rater_id), self._mapping, platform)
        reward = msgspec.structs.replace(reward, reward=after - before)
        await self._ledger.add_reward(reward)
        return interaction, reward

    async def thumbs(self, on: Interaction) -> Thumbs:
        """How the feedback buttons under a reply are pressed now.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        rows = await self._ledger.rewards_of(on.interaction_id)
        pressed = [emoji for rater in {row.rater_id for row in rows} for emoji in emojis(rows, rater)]
        return Thumbs(up=pressed.count(PRESSED_UP), down=pressed.count(PRESSED_DOWN))

    async def is_disliked(self, on: Interaction, rater_id: Identity) -> bool:
        """Whether an account dislikes a reply now.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        return dislikes(await self._ledger.rewards_of(on.interaction_id), (rater_id,))

    async def _reacted_to(self, event: Reaction) -> Interaction | None:
        where = (event.conversation.platform, event.conversation.channel, event.message_id)
        was_sending = where[:2] in self._sending.values()
        interaction = await self._ledger.interaction_of(*where)
        # A person can react before the platform has told us the message's id.
        if interaction is None and (await self._out(where[:2]) or was_sending):
            interaction = await self._ledger.interaction_of(*where)
        return interaction

    async def _out(self, here: tuple[str, str]) -> bool:
        """Wait for the replies that are being sent to a platform's channel. Returns whether there were any."""
        sending_here = [key for key, to in self._sending.items() if to == here]
        if sending_here:
            loop = asyncio.get_running_loop()
            out = [self._waiting.setdefault(key, loop.create_future()) for key in sending_here]
            await asyncio.wait(out, timeout=self._patience_seconds)
        return bool(sending_here)
