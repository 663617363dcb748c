"""Chooses the LoRA that answers a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from llmagent_os.identity import PersonId
from llmagent_os.training.lora_choice import ANY_STYLE, LoraChoice


class LoraResolver(Protocol):
    """Says which LoRA answers. Every exchange asks once, and its reply ends with the version that it began with."""

    async def choose(self, person_id: PersonId, session: str = "", style: Mapping[str, str] = ANY_STYLE) -> LoraChoice:
        """The LoRA that answers a person.

        Args:
            person_id: the person.
            session: the session that the reply is a turn of: new versions are tried in a share of sessions. Empty: the
                person takes part in no test.
            style: how the reply is to be, by dimension: a person's own LoRA answers in the style that it was judged in.
        """
        ...


class NoLora:
    """Nobody has a LoRA: everyone is answered by the model as it was loaded.

    >>> import asyncio
    >>> asyncio.run(NoLora().choose(PersonId("slack:T1:U1"))).lora
    """

    async def choose(self, person_id: PersonId, session: str = "", style: Mapping[str, str] = ANY_STYLE) -> LoraChoice:
        return LoraChoice()
