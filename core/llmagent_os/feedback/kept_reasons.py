"""Reasons for a 👎 as the ledger keeps them: what people are offered, what a row says, and which reason still stands.

A reason is a row of rewards of its own, of the kind ``reason``. It changes no opinion. It is joined to the reply and
to the 👎 of the same person, and stands as long as that 👎 does. A row with the operation ``ask`` notes that the person
was asked.

>>> read_reason("too_long"), read_reason("wording:+playful"), read_reason("other")
(StatedReason(about='wording', less='long', more=''), StatedReason(about='wording', less='', more='playful'), None)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal

import msgspec

from llmagent_os.events import Event, event_key
from llmagent_os.feedback.signals import Kind
from llmagent_os.feedback.stated_reasons import SUBJECTS, StatedReason, Subject
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger.values import Interaction, RewardEvent

#: The kind of the ledger's rows.
REASON: Kind = "reason"
#: The version of the codes below. The ledger keeps it with every reason.
CODES_VERSION = "reasons-1"

#: The code of a reason that is none of those that are offered. What it is, the person may say in words.
OTHER = "other"
#: Begins what a row keeps of a reason in words that fit no code.
WORDS = "words:"
#: The most characters that are kept of a reason in words.
MAX_WORDS_CHARACTERS = 300

#: What is offered in one tap, by its code.
OFFERED: Mapping[str, StatedReason | None] = MappingProxyType(
    {
        "wrong": StatedReason(about="content"),
        "too_long": StatedReason(about="wording", less="long"),
        "too_short": StatedReason(about="wording", less="short"),
        "tone": StatedReason(about="wording", less="tone"),
        "unasked": StatedReason(about="initiative"),
        OTHER: None,
    }
)

#: The sum of a person's reactions from which on it is a dislike. Sums of rewards are off zero by rounding.
_LEAST_DISLIKE = 1e-9


class StandingReason(msgspec.Struct, frozen=True):
    """The reason that a person gives now for not liking a reply."""

    reason: StatedReason | None  #: None: it says nothing that can be learned from
    said: str  #: the code or the words, as the ledger keeps them
    said_in: str  #: the key of the event in which it was given


_SUBJECT_OF: dict[str, Subject] = {subject: subject for subject in SUBJECTS}


def written_reason(reason: StatedReason) -> str:
    """Write a reason that was read from words as the ledger keeps it.

    >>> read_reason(written_reason(StatedReason(about="wording", less="formal"))).less
    'formal'
    """
    if reason.more:
        return f"{reason.about}:+{reason.more}"
    return f"{reason.about}:-{reason.less}" if reason.less else reason.about


def read_reason(raw: str) -> StatedReason | None:
    """Read what the ledger keeps of a reason. None: it says nothing that can be learned from."""
    if raw in OFFERED:
        return OFFERED[raw]
    about, _, quality = raw.partition(":")
    subject = _SUBJECT_OF.get(about)
    if subject is None:
        return None
    sign, name = quality[:1], quality[1:]
    return StatedReason(about=subject, less=name if sign == "-" else "", more=name if sign == "+" else "")


def reason_row(
    on: Interaction | RewardEvent,
    event: Event,
    op: Literal["add", "ask"],
    at: datetime,
    raw: str = "",
    mark: str = "reason",
) -> RewardEvent:
    """Return the ledger's row for a reason. The same event gives the same row, so that a crash adds nothing twice.

    Args:
        on: the reply that was not liked, or a reward of it.
        event: the event in which the reason was given or asked for.
        op: ``add`` a reason, or note that the person was asked.
        at: when that was.
        raw: the code or the words.
        mark: tells several rows of one event apart.
    """
    return RewardEvent(
        reward_id=f"{event_key(event)}:{mark}",
        event_id=event.event_id,
        interaction_id=on.interaction_id,
        rater_id=identity_of(event),
        user_id=on.user_id,
        kind=REASON,
        op=op,
        raw_value=raw,
        reward=0.0,
        mapping_version=CODES_VERSION,
        at=at,
    )


def dislikes(rewards: Iterable[RewardEvent], own: Collection[Identity]) -> bool:
    """Return whether the reactions of a person on a reply amount to a dislike now.

    Args:
        rewards: the ledger's rows of one interaction.
        own: the identities of the person.
    """
    return sum(row.reward for row in rewards if row.kind == "reaction" and row.rater_id in own) < -_LEAST_DISLIKE


def standing_reason(rewards: Iterable[RewardEvent], own: Collection[Identity]) -> StandingReason | None:
    """Return the reason that a person gives for their dislike of a reply. None: there is no dislike, or no reason.

    Whoever takes the dislike back takes the reason back. A reason that is given later takes the place of the earlier.

    Args:
        rewards: the ledger's rows of one interaction, in the order in which they came.
        own: the identities of the person who was answered.
    """
    opinion = 0.0
    found: StandingReason | None = None
    for row in rewards:
        if row.rater_id not in own:
            continue
        if row.kind == "reaction":
            opinion += row.reward
            found = found if opinion < -_LEAST_DISLIKE else None
        elif row.kind == REASON and row.op == "add" and opinion < -_LEAST_DISLIKE:
            found = StandingReason(read_reason(row.raw_value), row.raw_value, row.reward_id.rpartition(":")[0])
    return found
