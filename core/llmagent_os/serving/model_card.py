"""What the makers of a model declare about it to this project, in its ``config.json`` under ``"llmagent_os"``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from llmagent_os.errors import ModelError
from llmagent_os.serving.model_location import Location
from llmagent_os.serving.taught_replies import TaughtReplies

#: What becomes of a reply that says what its sources do not hold: ``enforce`` replaces it by the tool's own words,
#: ``advise`` sends it and marks it in the log and the ledger, ``off`` does not look.
Grounding = Literal["enforce", "advise", "off"]


class ModelCard(msgspec.Struct, frozen=True):
    """How a model differs from others. The defaults describe a model without a card."""

    #: the model was trained on this project's own short prompts, so it needs no explanation of them
    native: bool = False
    #: the languages that the model understands, by ISO 639-1; empty: whatever people write
    languages: tuple[str, ...] = ()
    #: words, in lower case, that the model uses by itself; any other word in a reply to a tool's result is a copy.
    #: Empty: unknown
    own_words: frozenset[str] = frozenset()
    #: the texts that the model was taught. Where they are known, a reply is made of them, filled with what a tool's
    #: result holds; any other reply counts as untrue
    taught: TaughtReplies = TaughtReplies()
    #: whether replies are checked against the tools' results. None: ``enforce`` if :attr:`own_words` are known, because
    #: such a model copies, else ``off``
    grounding: Grounding | None = None
    #: least probability, at temperature 1, for a tool call to be opened; below it the reply is plain text
    call_above: float = 0.0

    @property
    def checked(self) -> Grounding:
        """Whether replies are checked.

        >>> ModelCard().checked, ModelCard(own_words=frozenset(["added"])).checked
        ('off', 'enforce')
        """
        return self.grounding or ("enforce" if self.own_words else "off")


class _Config(msgspec.Struct):
    llmagent_os: ModelCard = ModelCard()


def read_model_card(location: Location | None) -> ModelCard:
    """Read the card of a model in a folder. Models of a hub or a server have none.

    Raises:
        ModelError: the card is damaged; the message names the file and what is wrong.
    """
    if location is None or not location.local:
        return ModelCard()
    path = Path(location.base) / "config.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Config).llmagent_os
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
