"""Learning from the ledger: every reward in it, once, in order; the same while people react and when replayed.

The learned state is a cache. It is stored in the transaction that notes how far the ledger was read, so that a crash
leaves both or neither, and made again from the first row where it is missing or of an older version.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import msgspec
import structlog

from llmagent_os.errors import ConfigError, LedgerError, PolicyError
from llmagent_os.ledger import Interaction, Ledger, Rated
from llmagent_os.policy import Decision, FixedPolicy
from llmagent_os.policy.learner import SHARED
from llmagent_os.rewards import verdict
from llmagent_os.trust import Trust

if TYPE_CHECKING:
    from llmagent_os.bot import Bot
    from llmagent_os.config import Settings
    from llmagent_os.policy.learned import LearnedPolicy

_log = structlog.stdlib.get_logger(__name__)

PAGE = 64  #: rows learned from and stored at once
NOT_CHOSEN = ("", FixedPolicy.version)  #: the versions of replies that nobody chose how to give, as of commands
TRUST = "\x00trust"  #: the part that holds the raters' tallies; no person is called that


def decision_of(interaction: Interaction, user_id: str) -> Decision | None:
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
                "user_id": user_id,
                "context": features,
                "episode_id": interaction.episode_id,
            },
            Decision,
        )
    except msgspec.ValidationError:
        return None


class Learning:
    """Keeps a bot's policy in step with its ledger."""

    def __init__(self, policy: LearnedPolicy, ledger: Ledger, name: str) -> None:
        """Args: ``name`` is what the policy's state is stored under."""
        self._policy = policy
        self._ledger = ledger
        self._name = name
        self._trust = Trust()
        self._through = 0
        self._unkept: dict[str, bytes] = {}
        self._awake = asyncio.Event()
        self._alone = asyncio.Lock()

    async def open(self) -> None:
        """Take up the state where it was left, and learn what has come since.

        Raises:
            LedgerError: it cannot be read.
        """
        through, parts = await self._ledger.policy_state(self._name, (SHARED, TRUST))
        tallies = parts.get(TRUST)
        try:
            if SHARED in parts:
                needed = self._policy.learner.restore(parts[SHARED])
                await self._meet(needed)
                if not all(map(self._policy.learner.knows, needed)):
                    raise PolicyError("somebody whom it needs is missing")
                self._trust = Trust(json.loads(tallies) if tallies else None)
                self._through = through
        except (PolicyError, ValueError) as error:
            _log.warning("the policy learns everything again from the ledger", why=str(error))
            await self._ledger.drop_policy(self._name)
        await self.catch_up()

    def wake(self) -> None:
        """There is something new in the ledger."""
        self._awake.set()

    async def run(self) -> None:
        """Learn whenever there is something new, until cancelled."""
        self._ledger.watch_rewards(self.wake)
        try:
            while True:
                await self._awake.wait()
                self._awake.clear()
                try:
                    await self.catch_up()
                except LedgerError as error:
                    _log.error("the policy could not learn; it tries again with the next reward", error=str(error))
        finally:
            self._ledger.watch_rewards(None)

    async def meet(self, user_id: str) -> None:
        """Bring what is known of somebody into memory, before the policy decides how to answer them."""
        try:
            await self._meet((user_id,))
        except (PolicyError, LedgerError) as error:  # they are answered as a newcomer is, and that is all
            _log.error("what was learned of a person cannot be read", person=user_id, error=str(error))

    async def _meet(self, who: Iterable[str]) -> None:
        learner = self._policy.learner
        strangers = {each for each in who if not learner.knows(each)}
        if strangers:
            _, parts = await self._ledger.policy_state(self._name, strangers)
            for each, part in parts.items():
                learner.take(each, part)

    async def catch_up(self) -> int:
        """Learn every row that was not learned yet. Returns how many.

        Raises:
            LedgerError: it cannot be read or written.
        """
        learned = 0
        async with self._alone:
            while rows := await self._ledger.rated(self._through, PAGE):
                # Not cut off half-way: what is learned and what is noted as learned would come apart.
                await asyncio.shield(self._page(rows))
                learned += len(rows)
        return learned

    async def _page(self, rows: list[Rated]) -> None:
        try:
            await self._meet({row.person for row in rows})
        except PolicyError as error:
            _log.error(
                "somebody is learned from the start; `llmagent-os policy replay` brings all back", error=str(error)
            )
        await asyncio.to_thread(self._learn, rows)
        self._through = rows[-1].seq
        await self._keep()

    async def _keep(self) -> None:
        learner = self._policy.learner
        self._unkept |= await asyncio.to_thread(learner.changes)
        self._unkept[TRUST] = json.dumps(self._trust.tallies).encode()
        await self._ledger.keep_policy(self._name, self._through, self._unkept)
        self._unkept.clear()  # not before: what could not be written is written with what comes next
        learner.trim()

    def _learn(self, rows: Iterable[Rated]) -> None:
        for row in rows:
            reward = row.reward
            if reward.kind == "reaction":
                mine = [
                    each.reward for each in row.so_far if each.kind == "reaction" and each.rater_id == reward.rater_id
                ]
                self._trust.note(reward.rater_id, math.fsum(mine), reward.at)
            decision = None if row.interaction is None else decision_of(row.interaction, row.person)
            if decision is None:
                continue
            if reward.kind != "reaction":
                self._policy.observe(decision, reward.reward, kind=reward.kind)
                continue
            trust = {each.rater_id: self._trust.score(each.rater_id) for each in row.so_far}
            stands = verdict(row.so_far, row.own, trust)
            self._policy.observe(decision, stands.reward, weight=stands.weight)

    def tastes(self, user_id: str) -> dict[str, tuple[str, float]]:
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

    async def forget(self, user_id: str) -> None:
        """Drop what was learned of one person, in the store too.

        Raises:
            LedgerError: it cannot be written.
        """
        async with self._alone:
            self._policy.learner.forget(user_id)
            self._trust.forget(user_id)
            self._unkept.pop(user_id, None)
            await self._keep()


async def erase(ledger: Ledger, who: Collection[str]) -> None:
    """Take people out of what policies have learned, where no bot runs on ``ledger``.

    Raises:
        LedgerError: it cannot be read or written.
    """
    from llmagent_os.policy.parts import pack, unpack

    for policy in await ledger.policies():
        through, parts = await ledger.policy_state(policy, (SHARED, TRUST))
        kept: dict[str, bytes] = {}
        with contextlib.suppress(PolicyError, ValueError):  # damaged: it is learned again anyway
            if SHARED in parts:
                arrays, facts = unpack(parts[SHARED])
                facts["pool"] = [each for each in facts.get("pool", []) if each not in who]
                kept[SHARED] = pack(arrays, facts)
            if TRUST in parts:
                tallies = json.loads(parts[TRUST])
                kept[TRUST] = json.dumps({rater: tallies[rater] for rater in tallies if rater not in who}).encode()
        await ledger.keep_policy(policy, through, kept)


async def replay(settings: Settings, bot: Bot) -> str:
    """Delete what a bot's policy has learned and learn it again from the ledger; returns what came of it, in words.

    Raises:
        ConfigError: the bot does not learn.
        LedgerError: the ledger cannot be read, or a host runs on it.
    """
    from llmagent_os.policy.learned import make_behavior

    config, learner = bot.config, settings.policy or bot.config.policy.learner
    if learner == "fixed":
        raise ConfigError(f"bot {bot.name!r} does not learn: its policy is fixed")
    ledger = await Ledger.open(settings.ledger_url)
    try:
        await ledger.claim()
        name = f"{config.name}:{learner}"
        await ledger.drop_policy(name)
        policy = make_behavior(
            learner,
            config.behavior.model_dump(),
            config.policy.gamma,
            config.policy.exploration,
            config.behavior.dimensions,
        )
        learning = Learning(policy, ledger, name)
        await learning.open()
        return f"learned again: {learning.version}"
    finally:
        await ledger.close()
