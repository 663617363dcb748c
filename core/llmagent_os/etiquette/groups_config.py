"""``[groups]`` in a bot's TOML file: how the bot behaves among several people."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

#: The emojis that a bot may answer thanks with. All platforms have them.
ThanksEmoji = Literal["", "👍", "❤", "🙏", "👌"]


class GroupsConfig(BaseModel):
    """How the bot behaves in groups."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: what it puts on thanks and good-byes that need no answer; empty: nothing
    thanks_emoji: ThanksEmoji = ""
