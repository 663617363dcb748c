"""The facade of the ledger: one object with the methods that other rooms call. The parts behind it do the work."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.chat import ToolSpec
from llmagent_os.contacts import Contacts
from llmagent_os.events import Conversation, Event, Sender, Timer, now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger.asked_reasons import AskedReasons
from llmagent_os.ledger.audit_log import AuditLog
from llmagent_os.ledger.canary_tests import CanaryTests
from llmagent_os.ledger.connection import host_lock, open_database, open_reading
from llmagent_os.ledger.contact_rows import read_private_place
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.due_timers import DueTimers
from llmagent_os.ledger.erasure import Erasure, Export
from llmagent_os.ledger.group_commit import ThreadWriter
from llmagent_os.ledger.held_messages import HeldMessages
from llmagent_os.ledger.host_lock import HostLock
from llmagent_os.ledger.identities import Identities
from llmagent_os.ledger.inbox import Inbox
from llmagent_os.ledger.listeners import Listeners
from llmagent_os.ledger.location import file_url, locate
from llmagent_os.ledger.lora_versions import LoraVersions
from llmagent_os.ledger.members import Members
from llmagent_os.ledger.membership import Alone, HostCard, Membership
from llmagent_os.ledger.memories import Memories
from llmagent_os.ledger.old_words import delete_old_words
from llmagent_os.ledger.open_questions import OpenQuestions
from llmagent_os.ledger.personas import Personas
from llmagent_os.ledger.platform_admins import PlatformAdmins
from llmagent_os.ledger.plugin_contacts import ContactNotes, LedgerContacts
from llmagent_os.ledger.plugin_records import (
    LedgerRecords,
    LedgerSharedRecords,
    PruneCursor,
    prune_records,
    read_every,
    read_holder,
)
from llmagent_os.ledger.plugin_timers import LedgerTimers
from llmagent_os.ledger.policy_state import PolicyState
from llmagent_os.ledger.queries import Queries
from llmagent_os.ledger.rewards import Rewards
from llmagent_os.ledger.sealed_columns import seal_existing
from llmagent_os.ledger.secret_keys import secret_key
from llmagent_os.ledger.shared_inbox import SharedInbox
from llmagent_os.ledger.shared_membership import SharedMembership, shared_membership
from llmagent_os.ledger.silences import Silences
from llmagent_os.ledger.training_jobs import TrainingJobs
from llmagent_os.ledger.usage_sums import Usage
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
from llmagent_os.ledger.writer import InlineWriter, Writer
from llmagent_os.records import Record, Records, SharedRecords
from llmagent_os.timers import Timers

#: What hosts that share a ledger tell each other: rewards have changed, and a timer was set.
REWARDS, TIMER = "rewards", "timer"


#: For how long a host that starts waits for another one that encrypts their ledger.
SEAL_PATIENCE_SECONDS = 30.0


class Ledger:
    """Keeps what came in, what was answered and what people thought of it, on disk or in memory.

    Other rooms call the methods of this class and of its parts :attr:`identities`, :attr:`members`, :attr:`memories`,
    :attr:`learned`, :attr:`lora_versions`, :attr:`canary_tests`, :attr:`training_jobs`, :attr:`personas`,
    :attr:`usage`, :attr:`audit`, :attr:`held`, :attr:`silences`, :attr:`platform_admins` and :attr:`open_questions`.
    Any number of tasks may call at the same time. A method that writes has committed when it returns, except
    ``finish(soon=True)``. All work is done in the order in which it is asked for.
    """

    def __init__(
        self,
        writer: Writer,
        lock: HostLock | None,
        url: str = "sqlite://",
        membership: SharedMembership | None = None,
    ) -> None:
        """Use :meth:`open`."""
        self.url = url  #: by which another process opens it, if one can
        self.file = locate(url).file  #: the ledger's file; None: it is in memory, or on a server
        self._writer = writer
        self._reward_listeners = Listeners[[]]()
        self._timer_listeners = Listeners[[datetime]]()
        self.membership: Membership = membership or Alone()  #: this host's part among those that share the ledger
        rewards_changed, timer_set = self._rewards_changed, self._timer_set
        self.membership.watch(REWARDS, lambda _: self._reward_listeners.notify())
        self.membership.watch(TIMER, lambda _: self._timer_listeners.notify(now()))
        self.identities = Identities(writer, rewards_changed)  #: which identities are one person
        self.members = Members(writer)  #: who was let in, and who asks to be
        self.memories = Memories(writer)  #: what people stated about themselves
        if membership is None:
            self._inbox = Inbox(writer, lock, rewards_changed)
        else:
            self._inbox = SharedInbox(writer, membership, rewards_changed)
        self._rewards = Rewards(writer, rewards_changed)
        self.learned = PolicyState(writer)  #: what policies have learned
        self.lora_versions = LoraVersions(writer)  #: the versions of LoRAs, and who contributed to them
        self.canary_tests = CanaryTests(writer)  #: the versions that are tested on a share of the conversations
        self.training_jobs = TrainingJobs(writer)  #: the trainings that were asked for
        self.reasons = AskedReasons(writer)  #: when a person was asked why they did not like a reply
        self.personas = Personas(writer)  #: what kind of person a policy has found each person to be
        self.usage = Usage(writer)  #: what was used, by person, channel and period
        self.audit = AuditLog(writer)  #: what admins and approvals did
        self.held = HeldMessages(writer, timer_set)  #: messages that are answered when the bot works again
        self.silences = Silences(writer)  #: until when the bot is silent where
        self.platform_admins = PlatformAdmins(writer)  #: who administers what on its platform
        self.open_questions = OpenQuestions(writer)  #: where questions for a reason stand
        self._contact_notes = ContactNotes(writer)
        self._due_timers = DueTimers(writer, self._inbox, timer_set)
        self._erasure = Erasure(writer, self._inbox, rewards_changed)
        self._queries = Queries(writer)

    @classmethod
    async def open(cls, url: str, *, synchronous: str = "FULL", host: HostCard | None = None) -> Ledger:
        """Open the ledger at ``url`` and bring its tables up to date.

        Args:
            url: ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``sqlite://`` for a ledger in memory, or
                ``postgresql://user:password@host/database``.
            synchronous: ``FULL`` keeps every accepted message through a power cut, ``NORMAL`` through a crash of this
                process only.
            host: how this host wants to be known by others that share the ledger.

        Raises:
            ConfigError: ``url`` names no ledger.
            LedgerError: the ledger cannot be opened; the error says why.
        """
        if locate(url).in_memory:
            return cls(InlineWriter(open_database(url)), None, url)

        def opened() -> Database:
            database = open_database(url, synchronous)
            try:
                seal_existing(database, host_lock(url), SEAL_PATIENCE_SECONDS if locate(url).on_server else 0.0)
            except BaseException:
                database.close()
                raise
            return database

        writer = ThreadWriter(opened)
        await writer.start()
        membership = await shared_membership(url, writer, host or HostCard()) if locate(url).on_server else None
        ledger = cls(writer, host_lock(url), url, membership)
        await ledger.prune()
        return ledger

    @classmethod
    def open_to_read(cls, url: str) -> Ledger:
        """Open the ledger at ``url`` in another process than the host's, only to read it.

        Reading waits for no writer and holds none up. Every call runs on the event loop.

        Raises:
            LedgerError: the ledger cannot be opened, or is not of this version.
        """
        return cls(InlineWriter(open_reading(url)), None, url)

    @property
    def shared_url(self) -> str | None:
        """The URL by which another process opens this ledger, wherever that runs. None: it is in memory."""
        if self.file is None:
            return None if locate(self.url).in_memory else self.url
        return file_url(self.file.resolve())

    def _rewards_changed(self) -> None:
        self._reward_listeners.notify()
        self.membership.tell(REWARDS)

    def _timer_set(self, at: datetime) -> None:
        self._timer_listeners.notify(at)
        self.membership.tell(TIMER)

    async def tag(self) -> str:
        """A name of this ledger that no other has. Folders beside it say by this name which ledger they belong to."""
        return await self._writer.run(lambda database: database.pseudonym("ledger"), reads=True)

    async def secret_key(self, name: str) -> bytes:
        """A random key of this ledger, 32 bytes, which is made when it is asked for first. Other names, other keys."""
        return await secret_key(self._writer, name)

    async def close(self) -> None:
        """Finish the work that was asked for and close the file."""
        await self._erasure.close()
        await self._writer.close()
        await self._inbox.leave()

    # ── inbox and outbox: ``inbox`` ───────────────────────────────────────────────────────────────────────────────

    async def claim(self, platforms: Collection[str] = (), local: Collection[str] = ()) -> list[UnfinishedEvent]:
        """Become the host of this ledger, or one of its hosts, and get what is unfinished; see :meth:`Inbox.claim`."""
        found = await self._inbox.claim(platforms, local)
        await self.wipe()  # a crash may have come between an erasure and its end
        return found

    def release(self) -> None:
        """Let another host claim this ledger."""
        self._inbox.release()

    async def leave(self) -> None:
        """Be the host of this ledger no more; see :meth:`Inbox.leave`."""
        await self._inbox.leave()

    async def keep_looking(self, resume: Callable[[UnfinishedEvent], None]) -> None:
        """Take up what other hosts leave to this one, until cancelled; see :meth:`Inbox.keep_looking`."""
        await self._inbox.keep_looking(resume)

    async def hand_over(self, besides: Collection[str] = ()) -> None:
        """Give other hosts what this one has not finished; see :meth:`Inbox.hand_over`."""
        await self._inbox.hand_over(besides)

    # ``accept``, ``prepare`` and ``finish`` run for every message: they return the coroutine, which saves another one.

    def accept(
        self,
        event: Event,
        *,
        max_pending: int,
        max_pending_of_sender: int | None = None,
        stored: Callable[[Event], None] | None = None,
        unstored: Callable[[Event], None] | None = None,
    ) -> Coroutine[Any, Any, Accepted]:
        """Store ``event``, unless it is known, or its conversation or sender is full; see :meth:`Inbox.accept`."""
        return self._inbox.accept(
            event,
            max_pending=max_pending,
            max_pending_of_sender=max_pending_of_sender,
            stored=stored,
            unstored=unstored,
        )

    def let_go(self, event: Event) -> None:
        """Count an event no longer that was begun and could not be stored; see :meth:`Inbox.accept`."""
        self._inbox.let_go(event)

    async def begin(self, event: Event) -> bool:
        """Note that the handler is begun with ``event``; see :meth:`Inbox.begin`."""
        return await self._inbox.begin(event)

    async def put_instead(self, event: Event) -> None:
        """Change what an unfinished event says; see :meth:`Inbox.put_instead`."""
        await self._inbox.put_instead(event)

    def take_back_try(self, event: Event) -> None:
        """Note that a stop of the host interrupted the handler; see :meth:`Inbox.take_back_try`."""
        self._inbox.take_back_try(event)

    def prepare(
        self,
        event: Event,
        reply: Reply | None,
        interaction: Interaction | None = None,
        *,
        rewards: Iterable[RewardEvent] = (),
        why: str | None = None,
    ) -> Coroutine[Any, Any, bool]:
        """Keep what the agent decided for ``event`` before it is sent; see :meth:`Inbox.prepare`."""
        return self._inbox.prepare(event, reply, interaction, rewards=rewards, why=why)

    def finish(self, event: Event, receipt: Receipt | None, *, soon: bool = False) -> Coroutine[Any, Any, None]:
        """Note that the reply to ``event`` is sent; see :meth:`Inbox.finish`."""
        return self._inbox.finish(event, receipt, soon=soon)

    async def fail(self, event: Event, why: str) -> None:
        """Give ``event`` up; see :meth:`Inbox.fail`."""
        await self._inbox.fail(event, why)

    async def bury(self, event: Event, why: str) -> None:
        """Keep ``event`` as a dead letter; see :meth:`Inbox.bury`."""
        await self._inbox.bury(event, why)

    async def dead_letters(self) -> list[DeadLetter]:
        """The events that were tried as often as anything is, in the order of arrival."""
        return await self._inbox.dead_letters()

    async def revive(self, seqs: Collection[int] | None = None) -> int:
        """Have dead letters run again, and return how many; see :meth:`Inbox.revive`."""
        return await self._inbox.revive(seqs)

    async def take_revived(self, resume: Callable[[UnfinishedEvent], None]) -> None:
        """Give ``resume`` the dead letters to be run again; see :meth:`Inbox.take_revived`."""
        await self._inbox.take_revived(resume)

    async def unfinished(self) -> list[UnfinishedEvent]:
        """The events still to be run or answered, in the order of arrival."""
        return await self._inbox.unfinished()

    async def prune(self) -> int:
        """Delete what is old: answered events, wrong codes, memories and silences that ended, sums of old periods, and
        questions that are over.

        Returns:
            How many rows.
        """
        parts = (self._inbox, self.identities, self.memories, self.usage, self.silences, self.open_questions)
        counts = [await part.prune() for part in parts]
        after: PruneCursor | None = ("", "", "")
        while after is not None:
            count, after = await self._writer.run(partial(prune_records, after=after))
            counts.append(count)
        return sum(counts)

    async def delete_old_words(self, before: datetime) -> int:
        """Delete what was said and answered before a moment. Choices and rewards stay; see ``old_words``.

        Returns:
            How many interactions were emptied.
        """
        moment, count = before.timestamp(), 0

        def page(database: Database) -> tuple[int, bool]:
            return delete_old_words(database, moment)

        while True:
            emptied, is_last = await self._writer.run(page)
            count += emptied
            if is_last:
                return count

    async def failed(self, limit: int = 100) -> list[tuple[str, str]]:
        """The keys of the latest events given up, and why they were; newest first."""
        return await self._inbox.failed(limit)

    async def was_accepted(self, platform: str, event_id: str) -> bool:
        """Whether this event was accepted, as far back as finished rows are kept."""
        return await self._inbox.was_accepted(platform, event_id)

    # ── replies: ``queries`` ──────────────────────────────────────────────────────────────────────────────────────

    async def who_wrote(self, most: int, among: Collection[Identity] | None = None) -> list[tuple[Identity, float]]:
        """The accounts that the bot has answered; see :meth:`Queries.who_wrote`."""
        return await self._queries.who_wrote(most, among)

    async def interaction_of(self, platform: str, channel: str, message_id: str) -> Interaction | None:
        """The reply that one of the platform's messages is part of. None: the message is no reply of the bot."""
        return await self._queries.interaction_of(platform, channel, message_id)

    async def message_of(self, interaction_id: str, conversation_key: str, identity: Identity) -> str | None:
        """The platform's id of the first message of a reply to ``identity``. None: there is none that is known."""
        return await self._queries.message_of(interaction_id, conversation_key, identity)

    async def is_reply(self, platform: str, channel: str, message_id: str) -> bool:
        """Whether one of the platform's messages is a reply of the bot."""
        return await self._queries.is_reply(platform, channel, message_id)

    async def took_part(self, conversation_key: str) -> bool:
        """Whether the bot has ever answered in this conversation, whomever."""
        return await self._queries.took_part(conversation_key)

    async def history(self, conversation_key: str, identity: Identity, limit: int) -> list[Interaction]:
        """The latest ``limit`` replies to ``identity`` in this conversation, oldest first."""
        return await self._queries.history(conversation_key, identity, limit)

    async def latest(self, conversation_key: str, identity: Identity, limit: int) -> Latest:
        """What happened last in a group: the last decision towards whomever, and the history of one account."""
        return await self._queries.latest(conversation_key, identity, limit)

    async def next_turns(self, after: Interaction, limit: int) -> list[Interaction]:
        """The next ``limit`` replies to the same person in the same episode, oldest first."""
        return await self._queries.next_turns(after, limit)

    async def completions_of(self, interaction_id: str) -> tuple[CompletionRecord, ...]:
        """All that models wrote for one reply, in order; see :meth:`Queries.completions_of`."""
        return await self._queries.completions_of(interaction_id)

    async def tool_set(self, sha256: str) -> tuple[ToolSpec, ...] | None:
        """The tools that a completion's ``tools`` names; see :meth:`Queries.tool_set`."""
        return await self._queries.tool_set(sha256)

    async def replies_after(self, seq: int, limit: int, *, completions: bool = False) -> list[ReplyWithRewards]:
        """At most ``limit`` replies after row ``seq``, oldest first, with their rewards; see
        :meth:`Queries.replies_after`.
        """
        return await self._queries.replies_after(seq, limit, completions=completions)

    async def latest_replies(self, limit: int) -> list[ReplyWithRewards]:
        """The last ``limit`` replies, newest first, with their rewards; see :meth:`Queries.latest_replies`."""
        return await self._queries.latest_replies(limit)

    async def opinions(
        self, person_id: PersonId, kinds: Collection[str], besides: Collection[str] = ()
    ) -> list[tuple[dict[str, str], bool]]:
        """The replies to a person about which the ledger has their opinion; see :meth:`Queries.opinions`."""
        return await self._queries.opinions(person_id, kinds, besides)

    # ── rewards: ``rewards`` ──────────────────────────────────────────────────────────────────────────────────────

    async def add_reward(self, reward: RewardEvent) -> bool:
        """Append ``reward``. Returns whether it is new; False: it was counted before."""
        return await self._rewards.append(reward)

    async def rewards_of(self, interaction_id: str) -> list[RewardEvent]:
        """All rewards of one reply, in the order in which they came."""
        return await self._rewards.of_reply(interaction_id)

    async def rewards_after(self, seq: int, limit: int) -> list[RewardWithReply]:
        """At most ``limit`` rewards after row ``seq``, in the order in which they came, with their replies."""
        return await self._rewards.after(seq, limit)

    async def last_reward(self) -> int:
        """The row of the last reward; 0: there is none."""
        return await self._rewards.last()

    async def rewards_of_person(
        self, person_id: PersonId, before: int, limit: int, after: int = 0
    ) -> list[RewardWithReply]:
        """The latest rewards before row ``before`` of replies to a person; see :meth:`Rewards.of_person`."""
        return await self._rewards.of_person(person_id, before, limit, after)

    async def raters(self, among: Collection[str]) -> set[str]:
        """Those identities of ``among`` that have given a reward."""
        return await self._rewards.raters(among)

    def watch_rewards(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` whenever there is something to learn from now on. Returns the function that ends this.

        There is something to learn when rewards were added or erased, or belong to another person after a link.
        """
        return self._reward_listeners.add(listener)

    # ── what policies have learned: ``policy_state`` ──────────────────────────────────────────────────────────────

    async def policy_state(
        self, policy: str, parts: Collection[str] | None = None
    ) -> tuple[int | None, dict[str, bytes]]:
        """What ``policy`` has learned, and up to which reward; see :meth:`PolicyState.read`."""
        return await self.learned.read(policy, parts)

    async def drop_policy(self, policy: str) -> None:
        """Delete what ``policy`` has learned. The rewards stay, so that it can be learned again."""
        await self.learned.drop(policy)

    # ── plugins: ``plugin_records``, ``plugin_timers``, ``due_timers`` ────────────────────────────────────────────

    def records(self, plugin: str, identity: Identity) -> Records:
        """The records of ``plugin`` about one person; new ones are kept under ``identity``."""
        return LedgerRecords(self._writer, plugin, identity)

    def shared_records(self, plugin: str) -> SharedRecords:
        """What all people keep with ``plugin``."""
        return LedgerSharedRecords(self._writer, plugin)

    async def every_record(self, plugin: str) -> list[tuple[Identity, str, Record]]:
        """All records of ``plugin``, with the account that each is kept under, and its key."""
        return await self._writer.run(lambda database: read_every(database, plugin))

    async def record_holder(self, plugin: str, key: str) -> Identity | None:
        """Whose record of ``plugin`` is under ``key``, which only one account has. None: nobody's."""
        return await self._writer.run(lambda database: read_holder(database, plugin, key), reads=True)

    def timers(self, plugin: str, event: Event) -> Timers:
        """The timers of ``plugin`` for the person that ``event`` is from, answered in its conversation."""
        return LedgerTimers(self._writer, plugin, event, self._timer_set)

    def contacts(self, plugin: str, event: Event, version: int = 1) -> Contacts:
        """The way of ``plugin``, with records of ``version``, from the person that ``event`` is from to others."""
        return LedgerContacts(self._writer, plugin, event, self._timer_listeners.notify, version)

    async def note_contact(self, event: Event, name: str, given_name: str, now: datetime) -> None:
        """Note who did ``event`` and where, so that others can find and reach them; see :class:`ContactNotes`.

        Args:
            event: a message, a command or a press.
            name: that the platform shows.
            given_name: that the person gave; empty: none.
            now: the present.
        """
        await self._contact_notes.note(event, name, given_name, now)

    async def private_place(self, identity: Identity) -> tuple[Conversation, Sender] | None:
        """Where a person last wrote to the bot in private, and as whom, from any account. None: nobody has noted it."""
        return await self._writer.run(lambda database: read_private_place(database, identity), reads=True)

    def watch_timers(self, listener: Callable[[datetime], None]) -> Callable[[], None]:
        """Call ``listener`` with the moment of every timer that is set from now on.

        Returns the function that ends this.
        """
        return self._timer_listeners.add(listener)

    async def move_due_timers(
        self, now: datetime, *, limit: int, stored: Callable[[Event], None] | None = None
    ) -> datetime | None:
        """Move due timers into the inbox. Returns when the next one is due; see :meth:`DueTimers.move`."""
        return await self._due_timers.move(now, limit=limit, stored=stored)

    async def postpone(self, event: Timer, until: datetime) -> None:
        """Set a timer that its plugin could not answer again, for ``until`` and with one try more."""
        await self._due_timers.postpone(event, until)

    async def hold_back(self, event: Timer, until: datetime) -> None:
        """Set a timer again for the end of quiet hours; see :meth:`DueTimers.hold_back`."""
        await self._due_timers.hold_back(event, until)

    # ── a person's data: ``erasure`` ──────────────────────────────────────────────────────────────────────────────

    async def export(self, identity: Identity) -> Export:
        """Everything kept about a person, as JSON values; see :meth:`Erasure.export`."""
        return await self._erasure.export(identity)

    async def drop_unfinished(
        self,
        identities: Collection[Identity],
        *,
        besides: Collection[Event] = (),
        then: Callable[[], None] | None = None,
    ) -> int:
        """Finish what waits of a person who is erased, without an answer; see :meth:`Inbox.drop`."""
        return await self._inbox.drop(identities, besides=besides, then=then)

    async def wipe(self) -> None:
        """Leave nothing of what was deleted or changed in the ledger's files; see :meth:`Erasure.wipe`."""
        await self._erasure.wipe()

    async def owner_of(self, platform: str, channel: str, message_id: str) -> Identity | None:
        """The account that a message of the bot answers. None: the message is no reply that the ledger knows."""
        return await self._queries.owner_of(platform, channel, message_id)

    async def forget(self, identity: Identity) -> int:
        """Erase a person, and return how many rows were erased; see :meth:`Erasure.erase`."""
        self._contact_notes.forget()
        return await self._erasure.erase(identity)
