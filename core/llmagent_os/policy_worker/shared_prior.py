"""What all people of a bot share, where several learners each learn from a shard of them.

No shard draws it. Each one stores with its state what its people tell of it. Whoever holds the lease of the prior
calls :func:`merge_prior` now and then, which draws it from the sum, and stores it. The shards and whoever only decides
then go on with it: ``PolicyWorker.reload_prior``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.ledger import Ledger
from llmagent_os.policy.learner import SHARED, SharesPrior
from llmagent_os.policy_worker.shards import Shard, prior_name

if TYPE_CHECKING:
    from llmagent_os.policy.learned import LearnedPolicy

#: The stored part of a shard that says what its people tell of what all people share.
STATISTICS_PART = "\x00statistics"


def share_prior(policy: LearnedPolicy) -> SharesPrior:
    """Have the learner of a policy leave to others what all people share, and return the learner.

    Raises:
        ConfigError: the learner cannot do so.
    """
    learner = policy.learner
    if not isinstance(learner, SharesPrior):
        raise ConfigError(
            f"the learner {learner.name} cannot learn in shards: use bayes, or one learner for all people"
        )
    learner.share_prior()
    return learner


async def stored_prior(ledger: Ledger, policy: str) -> tuple[int, bytes | None]:
    """The revision of what all shards share, and what it is; None: nothing was merged yet.

    Args:
        ledger: the bot's.
        policy: the name of the policy, without a shard.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    progress = await ledger.learned.progress(prior_name(policy))
    if progress is None:
        return 0, None
    return progress.revision, (await ledger.learned.parts(progress.state, (SHARED,))).get(SHARED)


async def merge_prior(new: LearnedPolicy, ledger: Ledger, policy: str, shards: int) -> int:
    """Draw what all people share from what the people of all shards tell, and store it.

    Args:
        new: a policy of the bot that has learned nothing. It learns nothing but what is shared.
        ledger: the bot's.
        policy: the name of the policy, without a shard.
        shards: how many shards there are.

    Returns:
        The revision. It rises with every merge. Nothing is merged while a shard has not stored what its people tell.

    Raises:
        ConfigError: the learner cannot share.
        LedgerError: the ledger cannot be read or written, or another process has merged meanwhile.
        PolicyError: what is stored is damaged, or of other actions.
    """
    learner, told, rows = share_prior(new), list[bytes](), list[int]()
    was = await ledger.learned.progress(prior_name(policy))
    if was is None:
        was = await ledger.learned.begin(prior_name(policy))
    elif before := (await ledger.learned.parts(was.state, (SHARED,))).get(SHARED):
        learner.adopt_prior(before)
    for index in range(shards):
        shard = await ledger.learned.progress(Shard(index, shards).state_name(policy))
        if shard is None:
            continue
        parts = await ledger.learned.parts(shard.state, (STATISTICS_PART,))
        if shard.base and not parts:  # somebody was erased: the shard stores the sums again, without them
            return was.revision
        told += parts.values()
        rows.append(shard.base)
    prior = await asyncio.to_thread(learner.merged, told)
    kept = await ledger.learned.advance(was, max([was.through, *rows]), {SHARED: prior})
    if kept is None:
        raise LedgerError("what all people share was merged by another process: only the holder of its lease merges")
    return kept.revision
