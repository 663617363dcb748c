"""The test of one canary while a host runs: reads what is new in the ledger, and counts the conversations in it.

A conversation begins with a session's first reply that is part of the test, and is counted when its minutes are over,
in the order of beginning. When it is counted depends on nothing that a version does. So a version whose conversations
are shorter is not counted sooner.

Late rewards: what comes after the conversation's minutes does not count here; the next training reads it. What is taken
off within them counts as taken off, and after them the conversation stays counted. When a person is forgotten, or turns
learning off, their conversations count as silent from then on, also those that were counted already. The evidence has
to be enough without whichever one person. So no single person turns a decision by taking back either.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import takewhile

from msgspec.structs import replace

from llmagent_os.ledger import Ledger
from llmagent_os.ledger.canary_values import CanaryConversation, TrialReply
from llmagent_os.training.canary import CanaryDecision
from llmagent_os.training.canary_conversations import CountedConversations
from llmagent_os.training.canary_record import CanaryRecord, read_record
from llmagent_os.training.conversation_rewards import ConversationRewards
from llmagent_os.training.lora_version import Level, LoraVersion

#: Replies that are looked at, and noted, at once.
PAGE_ROWS = 64


class CanaryRun:
    """Counts the conversations of one canary. What it has counted is in the ledger."""

    def __init__(self, ledger: Ledger, version: LoraVersion, record: CanaryRecord) -> None:
        """Use :meth:`open`."""
        self._ledger = ledger
        self.version = version
        self.failed = False  #: a conversation that the canary was drawn for was answered by another version
        self._next: datetime | None = None  # when the first reply was given that is not looked at; None: not known
        self._take(record)

    @classmethod
    async def open(cls, ledger: Ledger, version: LoraVersion) -> CanaryRun | None:
        """Go on from what the ledger has; None: nobody has begun the test.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        record = await read_record(ledger, version)
        return None if record is None else cls(ledger, version, record)

    def _take(self, record: CanaryRecord) -> None:
        self.test, self.canary = record.test, record.canary
        self._length = timedelta(minutes=record.canary.settings.conversation_minutes)
        self._alone = self.version.level == Level.PERSONAL
        self._counted = CountedConversations(record.canary.settings.conversation_minutes, one_person=self._alone)
        for each in record.conversations:
            self._counted.count(each.person, each.begun_at)

    @property
    def decision(self) -> CanaryDecision:
        """What is to be done with the canary."""
        return self.canary.state.decision

    async def advance(self, rewards: ConversationRewards, now: datetime) -> None:
        """Count the conversations whose minutes are over, until something is decided.

        Raises:
            LedgerError: the ledger cannot be read or written. What was counted is counted.
        """
        until = now - self._length
        if self._next is not None and self._next > until:
            return
        tests = self._ledger.canary_tests
        while self.decision == CanaryDecision.CONTINUE:
            page = await tests.replies_after(self.test.through, PAGE_ROWS)
            over = list(takewhile(lambda reply: reply.created_at <= until, page))
            if over and not await self._count(over, rewards):
                continue
            if len(over) < len(page) or not page:
                self._next = page[len(over)].created_at if page else now
                break

    async def _count(self, replies: list[TrialReply], rewards: ConversationRewards) -> bool:
        """Look at replies. False: the test has changed meanwhile, and was read again."""
        found: list[CanaryConversation] = []
        for reply in replies:
            if (conversation := await self._conversation(reply, rewards)) is not None:
                self._counted.count(conversation.person, conversation.begun_at)
                found.append(conversation)
        through = replies[-1].seq
        if not await self._ledger.canary_tests.count(self.test, through, found):
            if (record := await read_record(self._ledger, self.version)) is not None:
                self._take(record)
            return False
        self.test = replace(self.test, through=through)
        for each in found:
            self.canary.observe(each.by_canary, each.reward, "" if self._alone else each.person)
        return True

    async def _conversation(self, first: TrialReply, rewards: ConversationRewards) -> CanaryConversation | None:
        """The conversation that a reply begins; None: it begins none that counts."""
        trial, settings = first.trial, self.canary.settings
        if trial is None or trial.version != self.version.name:
            return None
        if (trial.share, trial.against) != (settings.share, self.test.against):
            return None  # of the test before it was begun again
        if not await self._ledger.canary_tests.first_of_conversation(first):
            return None
        person = await self._ledger.identities.person(first.user_id)
        if not self._counted.admits(person, first.created_at):
            return None
        until = first.created_at + self._length
        replies = await self._ledger.canary_tests.conversation(first, until)
        if any(self._is_of_other(reply, drawn=trial.drawn) for reply in replies):
            self.failed = True
            return None
        mean = await rewards.mean([reply.seq for reply in replies], until)
        return CanaryConversation(person=person, by_canary=trial.drawn, reward=mean, begun_at=first.created_at)

    def _is_of_other(self, reply: TrialReply, *, drawn: bool) -> bool:
        """Whether another version than the one that was drawn wrote a reply: its LoRA could not be used."""
        by_canary = reply.lora_version.startswith(f"{self.version.name}@")
        return bool(reply.lora_version) and by_canary != drawn
