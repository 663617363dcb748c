"""Chooses the LoRA that answers a person."""

from __future__ import annotations

from typing import Protocol

from llmagent_os.identity import PersonId


class LoraResolver(Protocol):
    """Says which LoRA answers. The prompt asks once for each reply."""

    def resolve(self, person_id: PersonId, conversation: str = "") -> str | None:
        """The LoRA that answers a person, as :class:`~llmagent_os.chat.ChatRequest` names it.

        Args:
            person_id: the person.
            conversation: the key of the conversation: new versions are tried in a share of conversations.

        Returns:
            A PEFT folder, or the name under which a model server serves the LoRA. None: what the model was loaded with.
        """
        ...


class NoLora:
    """Nobody has a LoRA: everyone is answered by the model as it was loaded.

    >>> NoLora().resolve(PersonId("slack:T1:U1"))
    """

    def resolve(self, person_id: PersonId, conversation: str = "") -> str | None:
        return None
