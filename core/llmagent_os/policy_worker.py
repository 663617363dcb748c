"""Learning from the ledger: every reward in it, once, in order; the same while people react and when replayed.

The learned state is a cache. It is stored in the transaction that notes how far the ledger was read, so that a crash
leaves both or neither, and made again from the first row where it is missing, damaged or of other settings, and where
rows are of somebody else or gone: after a link, the end of one, and an erasure.
"""

from __future__ import annotations

import asyncio
import copy
import json
import math
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import msgspec
import structlog

from llmagent_os.errors import ConfigError, LedgerError, PolicyError
from llmagent_os.feedback.emoji_table import signs, verdict
from llmagent_os.feedback.rater_trust import Trust
from llmagent_os.identity import Identity, PersonId, person_kept_under
from llmagent_os.ledger import Interaction, Ledger, RewardWithReply
from llmagent_os.policy import Decision, FixedPolicy
from llmagent_os.policy.learner import SHARED

if TYPE_CHECKING:
    from llmagent_os.bot import Bot
    from llmagent_os.config import Settings
    from llmagent_os.policy.learned import LearnedPolicy

_log = structlog.stdlib.get_logger(__name__)

PAGE = 64  #: rows learned from and stored at once
NOT_CHOSEN = ("", FixedPolicy.version)  #: the versions of replies that nobody chose how to give, as of commands
TRUST = "\x00trust"  #: the part that holds the raters' tallies; no person is called that
MADE = "\x00made"  #: and the one that names the settings it was learned with


def decision_of(interaction: Interaction, person_id: PersonId) -> Decision | None:
    """The decision that an interaction was made by; None: no policy chose how to reply."""
    features = interaction.context.get("features")
    chosen = interaction.action and interaction.action_dist and interaction.policy_version not in NOT_CHOSEN
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
            },
            Decision,
        )
    except msgspec.ValidationError:
        return None


class PolicyWorker:
    """Keeps a bot's policy in step with its ledger.

    Where what was learned is no longer what the ledger says (people were linked, unlinked or forgotten, the state is
    damaged, or of other settings), all is learned again, and the policy decides by what it had until that is done.
    """

    def __init__(self, policy: LearnedPolicy, ledger: Ledger, name: str) -> None:
        """Args: ``policy`` knows nobody yet; ``name`` is what its state is stored under."""
        self._policy = policy  #: decides
        self._pupil = policy  #: learns: the same, but while all is learned again
        self._new = copy.deepcopy(policy)
        self._ledger = ledger
        self._name = name
        self._trust = Trust()
        self._through = 0
        self._stored: int | None = None  # what the store should say; None: to begin again
        self._unkept: dict[str, bytes] = {}
        self._awake = asyncio.Event()
        self._alone = asyncio.Lock()

    async def open(self) -> None:
        """Take up the state where it was left, and learn what has come since.

        Raises:
            LedgerError: it cannot be read.
        """
        stored, parts = await self._ledger.policy_state(self._name, (SHARED, TRUST, MADE))
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
        if parts.get(MADE) != self._policy.made.encode():
            raise PolicyError("it was learned with other settings")
        learner = self._policy.learner
        needed = learner.restore(parts[SHARED])
        await self._meet(needed)
        if not all(map(learner.knows, needed)):
            raise PolicyError("somebody whom it needs is missing")
        self._trust = Trust(json.loads(parts[TRUST]))

    def wake(self) -> None:
        """There is something new in the ledger."""
        self._awake.set()

    async def run(self) -> None:
        """Learn whenever there is something new, until cancelled."""
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
            async with self._alone:  # what is being learned is kept before the ledger is closed
                pass

    async def meet(self, user_id: PersonId) -> None:
        """Bring what is known of somebody into memory, before the policy decides how to answer them."""
        if self._pupil is not self._policy:  # what is stored is of the one that learns
            return
        try:
            await self._meet((user_id,))
        except Exception as error:  # they are answered as a newcomer is, and that is all
            _log.error("what was learned of a person cannot be read", person=user_id, error=repr(error))

    async def _meet(self, who: Iterable[PersonId]) -> None:
        learner = self._pupil.learner
        strangers = {each for each in who if not learner.knows(each)}
        if strangers:
            _, parts = await self._ledger.policy_state(self._name, strangers)
            for each in sorted(strangers & parts.keys()):
                learner.take(each, parts[each])

    async def catch_up(self) -> None:
        """Learn every row that was not learned yet.

        Raises:
            LedgerError: it cannot be read or written.
        """
        # Not cut off half-way: what is learned and what is noted as learned would come apart.
        while await asyncio.shield(self._page()):
            pass

    async def _page(self) -> bool:
        """Learn the next rows. Returns whether there were any."""
        async with self._alone:
            stored, _ = await self._ledger.policy_state(self._name, ())
            if stored is None or stored != self._stored:
                await self._begin()
            rows = await self._ledger.rewards_after(self._through, PAGE)
            if not rows:
                self._policy.learner, self._pupil = self._pupil.learner, self._policy
                return False
            try:
                await self._meet({row.person for row in rows})
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
        """Begin with nothing learned."""
        await self._ledger.drop_policy(self._name)
        self._pupil, self._trust, self._unkept = copy.deepcopy(self._new), Trust(), {}
        made = {MADE: self._policy.made.encode()}
        await self._ledger.keep_policy(self._name, 0, made, before=None)
        self._stored = self._through = 0

    async def _keep(self) -> None:
        self._unkept |= await asyncio.to_thread(self._changes)
        kept = await self._ledger.keep_policy(self._name, self._through, self._unkept, before=self._stored)
        self._stored = self._through if kept else None
        self._unkept.clear()  # not before: what could not be written is written with what comes next
        self._pupil.learner.trim()

    def _changes(self) -> dict[str, bytes]:
        return {**self._pupil.learner.changes(), TRUST: json.dumps(self._trust.tallies).encode()}

    def _learn(self, rows: Iterable[RewardWithReply]) -> None:
        for row in rows:
            try:
                self._learn_one(row)
            except Exception:
                _log.exception("a reward cannot be learned from; it is passed over", seq=row.seq)

    def _learn_one(self, row: RewardWithReply) -> None:
        reward = row.reward
        if reward is None or (reward.kind == "reaction" and not reward.reward):  # nobody's opinion has changed
            return
        if reward.kind == "reaction" and reward.op == "add":  # taking off is no flood, however many they are
            mine = [each.reward for each in row.so_far if each.kind == "reaction" and each.rater_id == reward.rater_id]
            self._trust.note(reward.rater_id, math.fsum(mine), reward.at)
        decision = None if row.interaction is None else decision_of(row.interaction, row.person)
        if decision is None:
            return
        if reward.kind != "reaction":
            self._pupil.observe(decision, reward.reward, kind=reward.kind)
            return
        trust: dict[str, float] = {each.rater_id: self._trust.score(each.rater_id) for each in row.so_far}
        stands = verdict(row.so_far, row.identities, trust)
        self._pupil.observe(decision, stands.reward, weight=stands.weight)
        if stands.reward is None:  # a bystander's, or one too many, takes nothing else with it
            for sign in signs(row.so_far, row.identities):
                self._pupil.observe(decision, sign.reward, kind=sign.kind)

    async def heard(self, user_id: PersonId) -> tuple[int, int]:
        """On how many replies a person's reactions have taught something, and on how many anything of theirs has.

        Raises:
            LedgerError: it cannot be read.
        """
        opinions = await self._ledger.opinions(user_id, NOT_CHOSEN)
        reacted = [reacted for action, reacted in opinions if self._policy.actions.index(action) is not None]
        return sum(reacted), len(reacted)

    def tastes(self, user_id: PersonId) -> dict[str, tuple[str, float]]:
        """What one person likes best of each dimension, and how sure that is, in [0, 1]."""
        policy = self._policy
        chances = policy.learner.beliefs(user_id)
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
            best = max(sums, key=lambda each: sums[each])
            found[name] = (best, sums[best])
        return found

    @property
    def version(self) -> str:
        """Names the state."""
        return self._policy.version

    async def forget(self, who: Collection[Identity]) -> None:
        """Decide as if these identities of a person, erased from the ledger, had never been; and learn again."""
        async with self._alone:
            for each in who:
                self._policy.learner.forget(person_kept_under(each))  # also as they were before they were linked
        self.wake()


async def replay(settings: Settings, bot: Bot) -> str:
    """Delete what a bot's policy has learned and learn it again from the ledger; returns what came of it, in words.

    Raises:
        ConfigError: the bot does not learn.
        LedgerError: the ledger cannot be read, or a host runs on it.
    """
    config, learner = bot.config, settings.policy or bot.config.policy.learner
    if learner == "fixed":
        raise ConfigError(f"bot {bot.name!r} does not learn: its policy is fixed")
    ledger = await Ledger.open(settings.ledger_url)
    try:
        await ledger.claim()
        name = f"{config.name}:{learner}"
        await ledger.drop_policy(name)
        learning = PolicyWorker(config.learned_policy(learner), ledger, name)
        await learning.open()
        return f"learned again: {learning.version}"
    finally:
        await ledger.close()
