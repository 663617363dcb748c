"""Keeps a bot's policy in step with its ledger: a cursor that learns every reward once, in order.

What is learned while people react and what is learned from a replay of the ledger are the same. The learned state is a
cache. It is stored in the transaction that notes how far the ledger was read, so that a crash leaves both or neither.
The state is made again from the first row if it is missing, damaged or was learned with other settings. It is also made
again if rows belong to another person now or are gone: after a link, after the end of a link, and after an erasure.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import msgspec
import structlog

from llmagent_os.errors import LedgerError, PolicyError
from llmagent_os.feedback.observations import observations
from llmagent_os.feedback.rater_trust import Trust
from llmagent_os.feedback.signals import SPOKEN_OPINION_KINDS
from llmagent_os.identity import Identity, PersonId, person_kept_under
from llmagent_os.ledger import Interaction, Ledger, RewardWithReply
from llmagent_os.policy import Decision, FixedPolicy
from llmagent_os.policy.learner import SHARED

if TYPE_CHECKING:
    from llmagent_os.policy.learned import LearnedPolicy

_log = structlog.stdlib.get_logger(__name__)

#: The number of rows that are learned from and stored at once.
PAGE_ROWS = 64
#: The policy versions of replies whose behaviour was not chosen by a policy that learns, as answers to commands.
UNCHOSEN_VERSIONS = ("", FixedPolicy.version)
#: The stored part that holds the raters' tallies. No person has this name.
TRUST_PART = "\x00trust"
#: The stored part that names the settings that the state was learned with.
SETTINGS_PART = "\x00made"


def decision_of(interaction: Interaction, person_id: PersonId) -> Decision | None:
    """Return the decision that a reply was made by; None: no policy chose how to reply, or the row is damaged.

    Args:
        interaction: the reply, as the ledger keeps it.
        person_id: the person who was answered.
    """
    features = interaction.context.get("features")
    chosen = interaction.action and interaction.action_dist and interaction.policy_version not in UNCHOSEN_VERSIONS
    if not chosen or not isinstance(features, dict):
        return None
    try:
        return msgspec.convert(
            {
                "action": interaction.action,
                "pscore": interaction.pscore,
                "policy_version": interaction.policy_version,
                "action_dist": interaction.action_dist,
                "decision_id": interaction.interaction_id,
                "person_id": person_id,
                "context": features,
                "episode_id": interaction.episode_id,
                "shown": interaction.context.get("shown"),
            },
            Decision,
        )
    except msgspec.ValidationError:
        return None


def learn(policy: LearnedPolicy, rows: Iterable[RewardWithReply], trust: Trust) -> None:
    """Let ``policy`` observe rows of the ledger. A row that it cannot learn from is logged and passed over.

    Args:
        policy: learns.
        rows: the next rows, in order.
        trust: the trust in raters after all rows before these. It is brought up to date.
    """
    for row in rows:
        try:
            for seen in observations(row, trust):
                decision = decision_of(seen.interaction, seen.person)
                if decision is not None:
                    policy.observe(decision, seen.reward, kind=seen.kind, weight=seen.weight, at=seen.at)
        except Exception:
            _log.exception("a reward cannot be learned from; it is passed over", seq=row.seq)


class PolicyWorker:
    """Keeps a bot's policy in step with its ledger.

    The state no longer fits the ledger after people were linked, unlinked or forgotten, if it is damaged, or if it was
    learned with other settings. Then everything is learned again, and meanwhile the policy decides by its old state.
    """

    def __init__(self, policy: LearnedPolicy, ledger: Ledger, name: str) -> None:
        """Keep the parts; nothing is read yet.

        Args:
            policy: the bot's policy, which has learned nothing yet.
            ledger: the bot's ledger.
            name: the name that the state is stored under.
        """
        self._policy = policy  #: decides
        self._pupil = policy  #: learns; another policy than the one that decides only while everything is learned again
        self._new = copy.deepcopy(policy)
        self._ledger = ledger
        self._name = name
        self._trust = Trust()
        self._through = 0  # the row up to which the pupil has learned
        self._stored: int | None = None  # the row that the store should name; None: everything is learned again
        self._unkept: dict[str, bytes] = {}
        self._awake = asyncio.Event()
        self._alone = asyncio.Lock()

    async def open(self) -> None:
        """Restore the stored state, and learn the rewards that have come since.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        stored, parts = await self._ledger.policy_state(self._name, (SHARED, TRUST_PART, SETTINGS_PART))
        if stored:
            try:
                await self._restore(parts)
                self._stored = self._through = stored
            except LedgerError:
                raise
            except Exception as error:  # damaged, in whatever way
                _log.warning("the policy learns everything again from the ledger", why=repr(error))
        await self.catch_up()

    async def _restore(self, parts: dict[str, bytes]) -> None:
        if parts.get(SETTINGS_PART) != self._policy.made.encode():
            raise PolicyError("the stored state was learned with other settings")
        learner = self._policy.learner
        needed = learner.restore(parts[SHARED])
        await self._load(needed)
        if not all(map(learner.knows, needed)):
            raise PolicyError("the stored state needs a person who is missing")
        self._trust = Trust(json.loads(parts[TRUST_PART]))

    def wake(self) -> None:
        """Note that the ledger may hold something new."""
        self._awake.set()

    async def run(self) -> None:
        """Learn whenever the ledger holds something new, until cancelled."""
        stop_watching = self._ledger.watch_rewards(self.wake)
        try:
            while True:
                await self._awake.wait()
                self._awake.clear()
                try:
                    await self.catch_up()
                except Exception as error:
                    _log.error("the policy could not learn; it tries again with the next reward", error=repr(error))
        finally:
            stop_watching()
            async with self._alone:  # the rows being learned now are stored before the ledger is closed
                pass

    async def load(self, person_id: PersonId) -> None:
        """Load what was learned of a person, before the policy decides how to answer them."""
        if self._pupil is not self._policy:  # the store holds the pupil's state
            return
        try:
            await self._load((person_id,))
        except Exception as error:  # the person is answered like a newcomer
            _log.error("what was learned of a person cannot be read", person=person_id, error=repr(error))

    async def _load(self, person_ids: Iterable[PersonId]) -> None:
        learner = self._pupil.learner
        strangers = {person_id for person_id in person_ids if not learner.knows(person_id)}
        if strangers:
            _, parts = await self._ledger.policy_state(self._name, strangers)
            for person_id in sorted(strangers & parts.keys()):
                learner.take(person_id, parts[person_id])

    async def catch_up(self) -> None:
        """Learn every row that was not learned yet.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        # A page is not interrupted: what is learned and what is noted as learned would no longer agree.
        while await asyncio.shield(self._page()):
            pass

    async def _page(self) -> bool:
        """Learn the next rows, and return whether there were any."""
        async with self._alone:
            stored, _ = await self._ledger.policy_state(self._name, ())
            if stored is None or stored != self._stored:
                await self._begin()
            rows = await self._ledger.rewards_after(self._through, PAGE_ROWS)
            if not rows:
                self._policy.learner, self._pupil = self._pupil.learner, self._policy
                return False
            try:
                await self._load({row.person for row in rows})
            except LedgerError:
                raise
            except Exception as error:
                _log.warning("the policy learns everything again from the ledger", why=repr(error))
                self._stored = None
                return True
            await asyncio.to_thread(self._learn, rows)
            self._through = rows[-1].seq
            await self._keep()
            return True

    async def _begin(self) -> None:
        """Start again with a policy that has learned nothing."""
        await self._ledger.drop_policy(self._name)
        self._pupil, self._trust, self._unkept = copy.deepcopy(self._new), Trust(), {}
        settings = {SETTINGS_PART: self._policy.made.encode()}
        await self._ledger.keep_policy(self._name, 0, settings, before=None)
        self._stored = self._through = 0

    async def _keep(self) -> None:
        self._unkept |= await asyncio.to_thread(self._changes)
        kept = await self._ledger.keep_policy(self._name, self._through, self._unkept, before=self._stored)
        self._stored = self._through if kept else None
        self._unkept.clear()  # not earlier: changes that could not be written are written with the next ones
        self._pupil.learner.trim()

    def _changes(self) -> dict[str, bytes]:
        return {**self._pupil.learner.changes(), TRUST_PART: json.dumps(self._trust.tallies).encode()}

    def _learn(self, rows: Iterable[RewardWithReply]) -> None:
        learn(self._pupil, rows, self._trust)

    async def reply_counts(self, person_id: PersonId) -> tuple[int, int]:
        """Return the number of replies whose reactions by the person count, and the number that taught anything.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        opinions = await self._ledger.opinions(person_id, SPOKEN_OPINION_KINDS, UNCHOSEN_VERSIONS)
        reacted = [reacted for action, reacted in opinions if self._policy.actions.index(action) is not None]
        return sum(reacted), len(reacted)

    def tastes(self, person_id: PersonId) -> dict[str, tuple[str, float]]:
        """Return by dimension the value that the person likes best, and the probability that they do."""
        policy = self._policy
        chances = policy.learner.beliefs(person_id)
        found: dict[str, tuple[str, float]] = {}
        for name, values in policy.actions.dimensions.items():
            sums = {
                value: sum(
                    float(chance)
                    for chance, action in zip(chances, policy.actions.actions, strict=True)
                    if action[name] == value
                )
                for value in values
            }
            best = max(sums, key=lambda value: sums[value])
            found[name] = (best, sums[best])
        return found

    @property
    def version(self) -> str:
        """The name of the state: another name after every observation."""
        return self._policy.version

    async def forget(self, identities: Collection[Identity]) -> None:
        """Decide as if a person had never been there, and learn again.

        Args:
            identities: all identities of the person. The ledger has erased them already.
        """
        async with self._alone:
            for identity in identities:
                self._policy.learner.forget(person_kept_under(identity))  # also as they were before they were linked
        self.wake()
