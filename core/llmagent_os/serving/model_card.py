"""What a model's makers say of it to this project, in its ``config.json`` under ``"llmagent_os"``."""

from __future__ import annotations

from pathlib import Path

import msgspec

from llmagent_os.errors import ModelError
from llmagent_os.serving.model_location import Location


class ModelCard(msgspec.Struct, frozen=True):
    """A model's peculiarities; the defaults are those of a model that nobody described."""

    native: bool = False  #: trained on this project's own short prompts, so it needs no explanation of them
    own_words: frozenset[str] = (
        frozenset()
    )  #: lower case; any other word of a reply to a result is a copy; empty: unknown
    call_above: float = 0.0  #: a call is opened only where its probability is so high; below, the reply is words


class _Config(msgspec.Struct):
    llmagent_os: ModelCard = ModelCard()


def read_model_card(location: Location | None) -> ModelCard:
    """The card of a model in a folder; elsewhere there is none.

    Raises:
        ModelError: the card is damaged; names the file and what is wrong.
    """
    if location is None or not location.local:
        return ModelCard()
    path = Path(location.base) / "config.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Config).llmagent_os
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
