"""Finds out, in a running host, which persona each person is of, and keeps it.

Whoever has given new opinions that the policy has learned is looked at: what this costs grows with them alone. What
counts for a persona, :mod:`llmagent_os.policy.persona` says. What a person asks for in words wins here too. Nothing is
kept of people who are not to be learned from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import structlog

from llmagent_os.errors import LLMAgentOSError
from llmagent_os.events import now
from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger, RewardWithReply
from llmagent_os.people.directory import Directory
from llmagent_os.policy.contract import Action, Context
from llmagent_os.policy.persona import moved, persona_of, style_chances, style_of
from llmagent_os.policy_worker import PolicyWorker
from llmagent_os.policy_worker.reward_learning import decision_of
from llmagent_os.training.opinion_tally import OPINIONS

if TYPE_CHECKING:
    from llmagent_os.policy.learned import LearnedPolicy

_log = structlog.stdlib.get_logger(__name__)

#: How often the tracker looks for new opinions, and for changes of other processes.
LOOK_SECONDS = 2.0
#: How many rewards are read at once.
PAGE_ROWS = 64
#: How many of a person's latest rewards are counted where nothing is kept of the person.
RECOUNTED_ROWS = 40


class PersonaTracker:
    """Keeps the persona of each person of a bot, in the ledger and in memory."""

    def __init__(
        self,
        bot: str,
        ledger: Ledger,
        directory: Directory,
        worker: PolicyWorker,
        policy: LearnedPolicy,
        defaults: Action,
    ) -> None:
        """Args:
        bot: the bot's name.
        ledger: with the rewards.
        directory: says who is to be learned from, and what people asked for.
        worker: keeps ``policy`` in step with the ledger.
        policy: the bot's policy.
        defaults: the bot's default of each dimension.
        """
        self._bot = bot
        self._ledger = ledger
        self._kept = ledger.personas
        self._directory = directory
        self._worker = worker
        self._policy = policy
        self._defaults = defaults
        self._of: dict[PersonId, str] = {}
        self._revision: tuple[int, int] = (0, 0)
        self._through: int | None = None  # the last row of rewards that was looked at; None: not known yet

    def group_of(self, person_id: PersonId) -> str:
        """The persona that a person is of, from memory; empty: none."""
        return self._of.get(person_id, "")

    async def refresh(self) -> None:
        """Take up what was kept or deleted meanwhile, in whatever process.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        revision = await self._kept.revision(self._bot)
        if revision != self._revision:
            self._of, self._revision = await self._kept.all(self._bot), revision

    async def follow(self) -> None:
        """Look for new opinions until cancelled."""
        while True:
            try:
                await self.look()
            except LLMAgentOSError as error:  # the next look may find it mended
                _log.error("it cannot be seen which personas people are of; it stays as it was", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Take up the opinions that the policy has learned since the last look.

        Raises:
            LedgerError, ProfileError: something cannot be read or written.
        """
        if not self._worker.leads:  # another host counts
            self._through = None
            await self.refresh()
            return
        for person in await self._kept.to_count_again(self._bot):
            await self._count(person, (), 0)
        last = min(self._worker.through, await self._ledger.last_reward())
        through = await self._kept.through(self._bot) if self._through is None else self._through
        through = min(through, last)  # rows may have been erased, and their numbers are given again
        while rows := [row for row in await self._ledger.rewards_after(through, PAGE_ROWS) if row.seq <= last]:
            for person, contexts in _by_person(rows).items():
                await self._count(person, contexts, rows[-1].seq)
            through = self._through = rows[-1].seq
        self._through = through
        await self.refresh()

    async def _count(self, person: PersonId, contexts: Sequence[Context], through: int) -> None:
        """Count a person's new opinions; where nothing is kept of the person, the latest ones."""
        kept = await self._kept.get(self._bot, person)
        if not await self._directory.consents(person):
            if kept is not None:
                await self._kept.remove(self._bot, person)
            return
        before, shares = ("", None) if kept is None else (kept.persona, kept.shares)
        if shares is None:
            last = through or await self._ledger.last_reward()
            rows = await self._ledger.rewards_of_person(person, last + 1, RECOUNTED_ROWS)
            contexts, through, shares = _by_person(rows).get(person, []), last, {}
        await self._worker.load(person)
        asked = (await self._directory.profile(person)).preferences
        for chances in await asyncio.to_thread(self._chances, person, contexts, asked):
            shares = moved(shares, chances)
        persona = persona_of(shares, before, self._defaults)
        dimension, value = style_of(persona)
        if asked.get(dimension, value) != value:
            persona = ""
        await self._kept.put(self._bot, person, persona, shares, through, now().timestamp())
        if not await self._directory.consents(person):  # the person has opted out meanwhile
            await self._kept.remove(self._bot, person)

    def _chances(
        self, person: PersonId, contexts: Sequence[Context], asked: Mapping[str, str]
    ) -> list[dict[str, float]]:
        """How the policy would answer a person now, in each of some situations."""
        actions, learner = self._policy.actions, self._policy.learner
        allowed = actions.allowed(asked)
        return [style_chances(actions, learner.probabilities(person, context, allowed)) for context in contexts]


def _by_person(rows: Sequence[RewardWithReply]) -> dict[PersonId, list[Context]]:
    """The situations of the replies that people judged, for each sign that was given by the person answered."""
    found: dict[PersonId, list[Context]] = {}
    for row in rows:
        if row.reward is None or row.interaction is None or row.reward.rater_id not in row.identities:
            continue
        decision = decision_of(row.interaction, row.person)
        if decision is not None and row.reward.kind in OPINIONS:
            found.setdefault(row.person, []).append(decision.context)
    return found
