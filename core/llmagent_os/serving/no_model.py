"""No language model: what answers is the rules, commands and buttons of the bot's plugins, and its documents."""

from __future__ import annotations

from typing import NoReturn

from llmagent_os.chat import ChatRequest
from llmagent_os.errors import NoModelError
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.model_card import ModelCard

#: The name of this in place of a model's.
NO_MODEL = "none"

#: Rules read every message, what is remembered is told by rules, and documents are quoted.
NO_MODEL_CARD = ModelCard(native=True)


class NoModel:
    """Writes nothing. Whoever asks it is told so by the error."""

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> NoReturn:
        """Raise NoModelError."""
        raise NoModelError("this bot has no language model: LLMAGENT_OS_MODEL, or `model` in its bot.toml, names one")

    async def aclose(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""
