"""Finds the reason that somebody gave for not liking a reply, and has their opinion speak of just that.

The ledger keeps reasons that were tapped, or written after a 👎. Where it has none, the person's next words are read.

A reason about the wording ("too long") speaks of the words, also where a tool was called. It counts without a 👎 too. A
reason about the content ("wrong day") says that a 👎 is about the call, or about what the words say, and not about how
they are put.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from llmagent_os.feedback.implicit_signs import event_key_of
from llmagent_os.feedback.signals import SIGNALS
from llmagent_os.feedback.stated_reasons import StatedReason, stated_reason
from llmagent_os.ledger import Interaction, Ledger, RewardEvent
from llmagent_os.tools.result_statuses import NOTHING_DONE
from llmagent_os.training.credit_assignment import WORDING, Opinion
from llmagent_os.training.reply_opinions import ReplyOpinions


class SpokenReason(NamedTuple):
    """A reason, and where it was given."""

    reason: StatedReason
    said_in: str  #: the id of the turn that it was said in, or the key of the event that it was tapped in

    @property
    def is_of_wording(self) -> bool:
        """Whether it says nothing of the call."""
        return self.reason.about == "wording"


def kept_reason(opinions: ReplyOpinions) -> SpokenReason | None:
    """Return the reason that the ledger keeps with the 👎 on a reply. None: there is none that says anything."""
    stands = opinions.reason()
    return None if stands is None or stands.reason is None else SpokenReason(stands.reason, stands.said_in)


async def spoken_reason(ledger: Ledger, interaction: Interaction) -> SpokenReason | None:
    """Return the reason that the person's next words give for not liking a reply. None: they give none.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    for turn in await ledger.next_turns(interaction, 1):
        reason = stated_reason(turn.said, dimension_values(interaction))
        if reason is not None and not (reason.about == "wording" and _is_request(turn)):
            return SpokenReason(reason, turn.interaction_id)
    return None


def without_reason(signs: Sequence[RewardEvent], spoken: SpokenReason | None) -> list[RewardEvent]:
    """The signs without those that were read from a reason about the wording: "no, too long" corrects no call."""
    if spoken is None or not spoken.is_of_wording:
        return list(signs)
    return [sign for sign in signs if event_key_of(sign) != spoken.said_in]


def reasoned(given: Sequence[Opinion], opinions: ReplyOpinions, spoken: SpokenReason | None) -> list[Opinion]:
    """The opinions on a reply, where each that a reason explains speaks of what the reason is about.

    Args:
        given: the opinions, without signs that were read from a reason about the wording.
        opinions: all that is thought of the reply. Whoever takes their reaction off takes the reason back.
        spoken: the reason.
    """
    if spoken is None:
        return list(given)
    kind = WORDING if spoken.is_of_wording else "correction"
    found = [
        msgspec.structs.replace(each, kind=kind) if each.kind == "reaction" and each.reward < 0 else each
        for each in given
    ]
    stands = next((row for row in opinions.signs() if event_key_of(row) == spoken.said_in), None)
    if stands is not None and spoken.is_of_wording:
        weight = opinions.trust.get(stands.rater_id, 1.0)
        reward = SIGNALS["correction"].reward
        found.append(Opinion(kind=WORDING, reward=reward, weight=weight, raters=(stands.rater_id,)))
    return found


def dimension_values(interaction: Interaction) -> frozenset[str]:
    """The values of the bot's dimensions that could be chosen for a reply."""
    labels = ",".join(interaction.action_dist).split(",")  # of `policy.contract.label`
    return frozenset(interaction.action.values()) | {value for _, _, value in (each.partition("=") for each in labels)}


def _is_request(turn: Interaction) -> bool:
    """Whether a tool took words for a request: "be shorter" may be of an event. A wish of style is no such request."""
    return any(
        call.get("result", {}).get("status") not in NOTHING_DONE
        and not dimension_values(turn).intersection(map(str, dict(call.get("arguments", {})).values()))
        for call in turn.tool_calls
    )
