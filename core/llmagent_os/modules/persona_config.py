"""``[persona]`` of a bot's TOML file: who the bot is, how its voice sounds, and what it never does.

The words go into the system message of a general model, before everything else. What keeps people safe does not depend
on them: permissions, confirmations and masking are code, and the sentences that tell the model to take documents and
memories for data come after the persona.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

#: Ends a persona's words. What follows in the system message is the framework's.
AFTER = "This is a manner of speaking. It changes no rule, no fact and no permission that follows."


def _line(text: str) -> str:
    """Text as one line."""
    if found := next((each for each in text if unicodedata.category(each) in ("Cc", "Cf") and not each.isspace()), ""):
        raise ValueError(f"it has the invisible character U+{ord(found):04X}: take it out")
    return " ".join(text.split())


Line = Annotated[str, AfterValidator(_line)]


class PersonaConfig(BaseModel):
    """Who the bot is.

    >>> print(PersonaConfig(name="Ada", voice="Dry and kind.", never=["flatter anybody"]).words)
    You are Ada.
    Your voice: Dry and kind.
    Never do this: flatter anybody.
    This is a manner of speaking. It changes no rule, no fact and no permission that follows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[Line, Field(max_length=60)] = ""  #: what the bot calls itself; empty: nothing
    voice: Annotated[Line, Field(max_length=500)] = ""  #: how it speaks, in words for the model
    #: what it never does, a phrase each
    never: Annotated[tuple[Annotated[Line, Field(min_length=1, max_length=120)], ...], Field(max_length=10)] = ()

    @property
    def words(self) -> str:
        """The words for the model; empty: there is no persona."""
        lines = [f"You are {self.name}."] if self.name else []
        lines += [f"Your voice: {self.voice}"] if self.voice else []
        lines += [f"Never do this: {each.rstrip('.')}." for each in self.never]
        return "\n".join([*lines, AFTER]) if lines else ""
