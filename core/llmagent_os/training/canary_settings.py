"""``[training.canary]`` of a bot's TOML file: how a new version is tried on some conversations.

.. code-block:: toml

    [training.canary]
    share = 0.2                   # of the conversations that a new version answers; 0: it answers all at once
    margin = 0.1                  # how much worse, in mean reward from -1 to 1, still counts as no worse
    risk_of_harm = 0.05           # the probability of promoting a version that is worse by the margin or more
    risk_of_alarm = 0.05          # the probability of rolling a version back that is not worse
    min_conversations = 20        # answered by the new version, before it is promoted
    max_conversations = 5000      # of both versions, after which the new one is given up
    conversation_minutes = 60.0   # after its first reply, a conversation is counted with the rewards that have come
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

#: The smallest share of conversations that is tried. The bets are bounded by one over the share.
LEAST_SHARE = 0.01


class CanarySettings(BaseModel):
    """How a canary is tested."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(default=0.2, ge=0.0, le=0.5)  #: of the conversations that the canary answers; 0: no canary
    margin: float = Field(default=0.1, ge=0.001, le=1.0)  #: a difference in mean reward that still counts as no worse
    risk_of_harm: float = Field(default=0.05, ge=1e-6, le=0.5)  #: of promoting a version worse by the margin or more
    risk_of_alarm: float = Field(default=0.05, ge=1e-6, le=0.5)  #: of rolling a version back that is not worse
    min_conversations: int = Field(default=20, ge=1)  #: answered by the canary, before it is promoted
    max_conversations: int = Field(default=5000, ge=1)  #: of both versions, after which the canary is given up
    conversation_minutes: float = Field(default=60.0, gt=0.0)  #: from its first reply until a conversation is counted

    @field_validator("share")
    @classmethod
    def _tried(cls, share: float) -> float:
        if 0 < share < LEAST_SHARE:
            raise ValueError(f"write 0 for no canary, or at least {LEAST_SHARE}")
        return share
