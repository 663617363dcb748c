"""``[roles]`` in a bot's TOML file: who has a role besides those that the settings name."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class RolesConfig(BaseModel):
    """Where roles come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: whoever administers a Slack workspace, a Discord server or a Telegram group is an admin there, and only there
    platform_admins: bool = False
