"""The frozen values of canaries: new versions that are tested on a share of the conversations.

The rules for them are in :mod:`llmagent_os.training.canary_watch`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from llmagent_os.identity import Identity, PersonId

#: The key of a reply's :class:`CanaryTrial` in ``Interaction.context``.
TRIAL = "canary"


class CanaryTrial(msgspec.Struct, frozen=True, kw_only=True):
    """That a reply is part of the test of a canary, and what was drawn for its conversation."""

    version: str  #: the canary's name
    against: str  #: the version that answers the other conversations; empty: the base model
    share: float  #: the probability with which the canary was drawn
    drawn: bool  #: whether the canary answers this conversation


class TrialReply(msgspec.Struct, frozen=True, kw_only=True):
    """A reply, as far as the test of a canary needs it."""

    seq: int  #: the reply's row
    user_id: Identity
    conversation_key: str
    episode_id: str
    turn_index: int  #: its place in its episode, from 0
    lora_version: str  #: which LoRA wrote it; empty: no model did
    created_at: datetime
    trial: CanaryTrial | None  #: None: it is part of no test


class CanaryConversation(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation that was counted in the test of a canary."""

    person: PersonId  #: who was answered; empty: a person who was erased
    by_canary: bool  #: whether the canary answered
    reward: float  #: the mean reward, in [-1, 1]; 0: nobody said anything, or what was said was taken back
    begun_at: datetime  #: when the first reply was given


class CanaryTest(msgspec.Struct, frozen=True, kw_only=True):
    """The test of one canary."""

    version: str  #: the canary's name
    bot: str
    through: int  #: the row of the last reply that was looked at
    rewards_from: int  #: the last row of rewards when the test began
    settings: str = ""  #: how it is tested, as JSON; empty: nobody has begun to count
    against: str = ""  #: the version that answers the other conversations; empty: the base model
    epoch: int = 0  #: rises when counted conversations change: somebody has taken back what they gave
    ended: bool = False  #: it was decided, and the report is written
