"""What the ledger keeps, as frozen values."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any, Literal

import msgspec

from llmagent_os.adapter import Reply
from llmagent_os.events import Event, now


class Accepted(Enum):
    """What became of an event offered to the inbox."""

    NEW = "new"  #: stored
    DUPLICATE = "duplicate"  #: stored before: a redelivery
    FULL = "full"  #: not stored: too much is waiting in its conversation


class Interaction(msgspec.Struct, frozen=True, kw_only=True):
    """One reply, and everything needed to learn from it."""

    interaction_id: str  #: unique: :func:`event_key` of the event answered, so that a retry is the same
    event_id: str  #: the platform's id of the event answered
    episode_id: str = ""  #: the stretch of talk it belongs to
    turn_index: int = 0  #: its place in the episode, from 0
    user_id: str  #: the identity that was answered, also where it is linked to others
    conversation_key: str  #: ``Conversation.key`` of where
    context: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])  #: what the policy saw
    action: dict[str, str] = msgspec.field(default_factory=dict[str, str])  #: the behaviour chosen
    action_dist: dict[str, float] = msgspec.field(default_factory=dict[str, float])  #: probability of each choice
    pscore: float = 1.0  #: probability of the choice made, in (0, 1]
    policy_version: str = ""  #: the behaviour policy that chose
    prompt: str = ""  #: all that the model read
    completion: str = ""  #: all that the model wrote
    #: the completion's tokens; none where something in it was masked, or where it was not what was sent
    token_ids: list[int] = msgspec.field(default_factory=list[int])
    behavior_logprobs: list[float] = msgspec.field(default_factory=list[float])  #: nats, one a token
    adapter_version: str = ""  #: the LoRA adapter that wrote it; ``base``: none; empty: no model did
    model: str = ""  #: the model that wrote it; empty: none did
    tool_calls: list[dict[str, Any]] = msgspec.field(default_factory=list[dict[str, Any]])  #: name, arguments, result
    said: str = ""  #: what the person wrote
    created_at: datetime = msgspec.field(default_factory=now)  #: UTC


class RewardEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A sign of how a reply was taken: one row that is never changed.

    A person's reactions on an interaction add up to what they think of it now: taking an emoji off is a row of its own,
    that changes their opinion back. What they said next, and a tool that failed, are rows of other kinds.
    """

    reward_id: str  #: unique: :func:`event_key` of the reaction, so that a redelivery is the same
    event_id: str  #: the platform's id of the reaction, or of whatever else is the sign
    interaction_id: str  #: the reply it is on
    rater_id: str  #: :func:`~llmagent_os.identity.identity_of` of who reacted: the identity
    user_id: str  #: the identity that the reply answered
    kind: str = "reaction"  #: the signal, one of ``feedback.signals``; a kind that is not known there teaches nothing
    op: Literal["add", "remove"]
    raw_value: str  #: the emoji, as the platform wrote it; empty where it is none
    reward: float  #: what this row changes
    mapping_version: str  #: the reward mapping that said so
    at: datetime = msgspec.field(default_factory=now)  #: UTC


class Rated(msgspec.Struct, frozen=True, kw_only=True):
    """A reward, the reply it is of, and what was thought of that reply by then."""

    seq: int  #: rises in the order in which rewards came
    reward: RewardEvent | None  #: None: it cannot be read
    interaction: Interaction | None  #: None: it was erased, or cannot be read
    person: str  #: the person that was answered, whichever identity it was
    own: tuple[str, ...]  #: all identities of theirs
    so_far: list[RewardEvent]  #: all rewards of the reply up to this one


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A reply, and all that was thought of it."""

    seq: int  #: rises in the order in which replies were made
    interaction: Interaction | None  #: None: it cannot be read
    person: str  #: the person that was answered, whichever identity it was
    own: tuple[str, ...]  #: all identities of theirs
    rewards: list[RewardEvent]  #: in the order in which they came


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the inbox that still has to be run, or whose reply still has to be sent."""

    seq: int  #: rises in the order of arrival
    event: Event
    prepared: bool = False  #: the reply is decided: send it, do not ask the agent again
    reply: Reply | None = None  #: the reply decided; None: nothing is to be said
    why: str | None = None  #: what went wrong, where the reply is an apology
