"""``[tools]`` in ``bot.toml``: how many tools a model is shown, and which in any case."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ToolsConfig(BaseModel):
    """How many tools a model is shown. Where a bot has more, those are shown that fit the message."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shown: int = Field(default=24, ge=1, le=1000)  #: the most tools
    #: the most characters of their names, descriptions and schemas, as JSON; about four are one token
    shown_characters: int = Field(default=32_000, ge=1000, le=4_000_000)
    always: tuple[str, ...] = ()  #: the names of tools that are always shown
