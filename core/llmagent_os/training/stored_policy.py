"""Reads what a bot's behaviour policy has learned, as it is stored in the ledger: for trainings, which have no host."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import structlog

from llmagent_os.errors import LedgerError
from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.policy.contract import DIMENSIONS
from llmagent_os.policy.learned import LEARNERS, LearnedPolicy, make_behavior
from llmagent_os.policy_worker.learned_state import DamagedPartError, LearnedState

#: How many rows are learned at once that the host has learned, and not stored yet.
TAIL_ROWS = 16

_log = structlog.stdlib.get_logger(__name__)


async def stored_policy(ledger: Ledger, bot: Mapping[str, Any], people: Collection[PersonId]) -> LearnedPolicy | None:
    """Make the bot's policy as it is stored, with what it has learned of some people.

    Args:
        ledger: the bot's.
        bot: the bot's configuration, as JSON values.
        people: who is concerned.

    Returns:
        None where the bot does not learn, has learned nothing, or where its state cannot be used: a training does
        without, and the host learns it again.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    config, behavior = bot.get("policy", {}), dict(bot.get("behavior", {}))
    learner = str(config.get("learner", ""))
    if learner not in LEARNERS:
        return None
    dimensions = behavior.pop("dimensions", None) or DIMENSIONS
    policy = make_behavior(learner, behavior, config.get("gamma"), float(config.get("exploration", 0.0)), dimensions)
    state = LearnedState(policy, ledger)
    progress = await ledger.learned.progress(f"{bot['name']}:{learner}")
    if progress is None:
        return None
    try:
        await state.restore(progress)
        while rows := await ledger.rewards_after(state.through, TAIL_ROWS):  # learned, and not stored yet
            if state.through >= progress.through:
                break
            await state.load({row.person for row in rows})
            await state.learn(rows)
        for person in sorted(people):
            try:
                await state.load((person,))
            except DamagedPartError as error:
                _log.warning("what the policy has learned of a person is left out", why=str(error))
    except LedgerError:
        raise
    except Exception as error:  # damaged, in whatever way, or of other settings
        _log.warning("the training does without what the policy has learned", why=repr(error))
        return None
    return policy
