"""What the turn before in the session means for the choice of the next one."""

from __future__ import annotations

import math
from typing import cast

from llmagent_os.feedback.implicit_signs import sign
from llmagent_os.feedback.signals import SPOKEN_OPINION_KINDS
from llmagent_os.ledger import Interaction
from llmagent_os.policy.continuity import continued
from llmagent_os.policy.contract import Context
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.services import Services


async def session_features(services: Services, exchange: Exchange) -> Context:
    """Return the features that keep the tone of a session.

    Empty where the session begins, and where the person has said what they think of the reply before: the policy may
    then choose freely.

    Args:
        services: the ledger has the reactions.
        exchange: the message, and what was said before.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    before = next((turn for turn in reversed(exchange.episode.turns) if turn.said and turn.action_dist), None)
    features = None if before is None else before.context.get("features")
    if before is None or not isinstance(features, dict) or not exchange.may_learn:
        return {}
    if await _has_opinion(services, before, exchange.text):
        return {}
    return continued(before.action, before.action_dist, cast("Context", features))


async def _has_opinion(services: Services, before: Interaction, text: str) -> bool:
    """Return whether the person reacted to the reply, or says with ``text`` what they think of it."""
    if before.said and sign(before, services.privacy.keep(text)[0]) in SPOKEN_OPINION_KINDS:
        return True
    rewards = await services.ledger.rewards_of(before.interaction_id) if services.ledger else []
    reactions = math.fsum(row.reward for row in rewards if row.kind == "reaction")
    return abs(reactions) > 1e-9 or any(row.kind in SPOKEN_OPINION_KINDS for row in rewards)
